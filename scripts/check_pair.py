"""Look at a pair of networks before anything else: weights, sizes, gains, relationship."""

from faig.attribution.pair import Pair
from faig.base.files import atomic_path
from faig.data.store import ImageStore
from faig.evaluation.checking import report
from faig.evaluation.health import read_crops
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    store = ImageStore(args.data)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    side = cfg["crop"] // store.scale
    crops = read_crops(store, cfg["degradations"], cfg["clean"], side, cfg["crops"])
    text = report(pair, crops, args.network, cfg["clean"])
    print(text)
    with atomic_path(args.output) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.network(parser)
    cli.pair(parser)
    cli.path(parser, "--data", "attribution images (HDF5)")
    cli.path(parser, "--output", "text to write")
    cli.run(main, parser)
