"""Show one test image restored with each degradation's top filters at several strengths."""

from faig.attribution.pair import Pair
from faig.attribution.ranking import CHOOSING
from faig.base.tables import read_table, write_table
from faig.data.store import ImageStore
from faig.report.grid import grid, image_table, strengths
from faig.report.looks import write
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    ranking, store = read_table(args.ranking, CHOOSING), ImageStore(args.data)
    how = args.ranking.stem, ranking, cfg["strengths"], cfg["proportion"]
    shown, rows = strengths(pair, store, *how)
    title, health = f"{args.network}: {shown}", read_table(args.health)
    write_table(args.images, image_table(shown, rows), {"config": cfg})
    write(lambda: grid(rows, title, health), args.output, **cfg["style"])


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.restored_image(parser)
    cli.path(parser, "--images", "table of the single images to write (Parquet)")
    cli.run(main, parser)
