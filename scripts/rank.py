"""Turn a method's scores into a discriminative ranking of the filters per degradation."""

from faig.attribution.ranking import rank_filters
from faig.base.tables import read_metadata, read_table, write_table
from faig.run import cli


def main(args) -> None:
    facts = read_metadata(args.scores)
    how = {"contrast": facts["contrast"], "gains": facts.get("gains")}
    write_table(args.output, rank_filters(read_table(args.scores), **how), how)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--scores", "score table (Parquet)")
    cli.path(parser, "--output", "ranking to write (Parquet)")
    cli.run(main, parser)
