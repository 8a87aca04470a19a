"""Take the scores of `signed` out of FAIG's table, which were found in the same pass."""

from faig.attribution.methods import METHODS
from faig.base.tables import read_metadata, read_table, write_table
from faig.run import cli


def main(args) -> None:
    table, facts = read_table(args.scores), read_metadata(args.scores)
    facts["config"]["method"], facts["contrast"] = "signed", METHODS["signed"].contrast
    signed = table.drop(columns="score").rename(columns={"signed": "score"})
    write_table(args.output, signed, facts)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--scores", "FAIG's score table (Parquet)")
    cli.path(parser, "--output", "score table to write (Parquet)")
    cli.run(main, parser)
