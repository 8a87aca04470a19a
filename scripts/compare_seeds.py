"""Tell how far rankings of targets from the same baseline agree, seed by seed."""

from faig.base.tables import read_table, write_table
from faig.evaluation.trials import JUDGED, seed_trials
from faig.run import cli


def main(args) -> None:
    rankings = {method: [] for method in JUDGED}
    for path in args.rankings:
        if path.stem in rankings:
            rankings[path.stem].append(read_table(path))
    write_table(args.output, seed_trials(rankings), {})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--rankings", "rankings of all seeds (Parquet, named by method)", nargs="+")
    cli.path(parser, "--output", "table of agreements to write (Parquet)")
    cli.run(main, parser)
