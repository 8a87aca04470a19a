"""Draw the fair control for a ranking: random filters, as many in each layer."""

from faig.attribution.ranking import match_random
from faig.base.tables import read_metadata, read_table, write_table
from faig.run import cli


def main(args) -> None:
    control = match_random(read_table(args.ranking), args.config["seed"])
    chosen = read_metadata(args.ranking).get("chosen", {})  # compared at the same numbers
    write_table(args.output, control, {"config": args.config, "chosen": chosen, "passes": 0})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--ranking", "the ranking to match (Parquet)")
    cli.path(parser, "--output", "ranking to write (Parquet)")
    cli.run(main, parser)
