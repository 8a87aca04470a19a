"""Measure what the strength of each degradation's top filters does to every input."""

from faig.attribution.pair import Pair
from faig.base.tables import read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.bench import Crops
from faig.evaluation.modulation import modulate
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    crops = Crops.spread(
        [ImageStore(path) for path in args.data], cfg["input_degradations"], pair, **cfg["crops"]
    )
    rankings = {path.stem: read_table(path) for path in args.rankings}
    table = modulate(pair, rankings, crops, cfg["strengths"], cfg["proportion"])
    keys = ["method", "degradation", "input_degradation", "strength"]
    print(table.groupby(keys, sort=False)["psnr"].mean().unstack().round(2).to_string())
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--rankings", "one ranking per method (Parquet, named by it)", nargs="+")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
