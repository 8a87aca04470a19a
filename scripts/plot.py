"""Draw one figure from its tables."""

from faig import benchmark_figures, cli, figures, two_branch_figures
from faig.figures import write
from faig.store import read_table
from faig.tables import combine

FIGURES = figures.FIGURES | benchmark_figures.FIGURES | two_branch_figures.FIGURES


def main(args) -> None:
    parts = [(name, network, seed, read_table(path)) for name, network, seed, path in args.table]
    tables = combine(parts)
    write(lambda: FIGURES[args.figure](**tables), args.output, **args.config["style"])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("figure", choices=FIGURES, help="which one")
    cli.tables(parser)
    cli.path(parser, "--output", "image files to write (PNG, PDF)", nargs="+")
    cli.run(main, parser)
