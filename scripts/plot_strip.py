"""Show one test image restored with each degradation's top filters at several strengths."""

from faig.attribution.pair import Pair
from faig.attribution.ranking import CHOOSING
from faig.base.tables import read_table
from faig.data.store import ImageStore
from faig.networks.building import build
from faig.report.grid import grid, strengths
from faig.report.looks import write
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    weights = args.baseline, args.target
    pair = Pair.load(build(**cfg["network"]), *weights, compute, **cfg["units"])
    ranking, store = read_table(args.ranking, CHOOSING), ImageStore(args.data)
    how = args.ranking.stem, ranking, cfg["strengths"], cfg["proportion"]
    shown, rows = strengths(pair, store, *how)
    title, health = f"{args.network}: {shown}", read_table(args.health)
    write(lambda: grid(rows, title, health), args.output, **cfg["style"])


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.network(parser)
    cli.pair(parser)
    cli.path(parser, "--ranking", "a ranking (Parquet, named by its method)")
    cli.path(parser, "--health", "the pair's health (Parquet)")
    cli.path(parser, "--data", "test images (HDF5); the first one is shown")
    cli.path(parser, "--output", "image files to write (PNG, PDF)", nargs="+")
    cli.run(main, parser)
