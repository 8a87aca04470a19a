"""Score every filter for every degradation by one attribution method, mean over images."""

from faig.attribution.pair import Pair
from faig.attribution.scoring import score
from faig.base.seeds import derive
from faig.base.tables import write_table
from faig.data.store import ImageStore
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    table, facts = score(
        pair,
        ImageStore(args.data),
        cfg["method"],
        cfg["parameters"],
        cfg["degradations"],
        cfg["clean"],
        derive(cfg["seed"], "attribution", cfg["method"]),
        cfg["agreement"],
        cfg["contrast"],
    )
    write_table(args.output, table, {"config": cfg, **facts})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--data", "attribution images (HDF5)")
    cli.path(parser, "--output", "score table to write (Parquet)")
    cli.run(main, parser)
