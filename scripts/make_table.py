"""Write one table of numbers (CSV) over all networks and seeds."""

from faig.base.files import atomic_path
from faig.report.tables import TABLES, make, read
from faig.run import cli


def main(args) -> None:
    result = make(args.name, read(args.table))
    with atomic_path(args.output) as temporary:
        result.to_csv(temporary, index=False, float_format="%.6g")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("name", choices=TABLES, help="which one")
    cli.tables(parser)
    cli.path(parser, "--output", "table to write (CSV)")
    cli.run(main, parser)
