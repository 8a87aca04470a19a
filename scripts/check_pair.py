"""Look at a pair of networks before anything else: weights, sizes, gains, relationship."""

from faig.attribution.pair import Pair
from faig.base.tables import write_table
from faig.data.store import ImageStore
from faig.evaluation.checking import gains, related, warnings
from faig.evaluation.health import read_crops
from faig.networks.building import build
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    store = ImageStore(args.data)
    pair = Pair.load(build(**cfg["network"]), args.baseline, args.target, compute)
    side = cfg["crop"] // store.scale
    crops = read_crops(store, cfg["degradations"], cfg["clean"], side, cfg["crops"])
    gained, layers = gains(pair, crops), related(pair)
    for table in (gained, layers):
        print(table.to_string(index=False, float_format="{:.3f}".format), end="\n\n")
    for warning in warnings(gained, layers, cfg["clean"]):
        print(f"warning: {warning}")
    write_table(args.output, layers, {"config": cfg, "gains": gained.to_dict("records")})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--data", "attribution images (HDF5)")
    cli.path(parser, "--output", "table of the layers to write (Parquet)")
    cli.run(main, parser)
