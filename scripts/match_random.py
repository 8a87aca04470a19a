"""Draw the fair control for a ranking: random filters, as many in each layer."""

from faig.attribution.ranking import match_random
from faig.base.tables import read_table, write_table
from faig.run import cli


def main(args) -> None:
    control = match_random(read_table(args.ranking), args.config["seed"])
    write_table(args.output, control, {"config": args.config})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--ranking", "the ranking to match (Parquet)")
    cli.path(parser, "--output", "ranking to write (Parquet)")
    cli.run(main, parser)
