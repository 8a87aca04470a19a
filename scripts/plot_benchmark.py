"""Draw one figure of the benchmark from its tables."""

from faig import cli
from faig.benchmark_figures import FIGURES
from faig.figures import write
from faig.store import read_table


def main(args) -> None:
    tables = [read_table(path) for path in (args.attribution, args.quadrature)]
    own = [table[table["network"] == args.network] for table in tables]
    write(lambda: FIGURES[args.figure](*own), args.output, **args.config["style"])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("figure", choices=FIGURES, help="which one, see faig.benchmark_figures")
    parser.add_argument("network", help="the rows of the tables that are drawn")
    cli.path(parser, "--attribution", "cost table (Parquet)")
    cli.path(parser, "--quadrature", "exactness table (Parquet)")
    cli.path(parser, "--output", "image files to write (PNG, PDF)", nargs="+")
    cli.run(main, parser)
