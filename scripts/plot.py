"""Draw one figure from its tables."""

from faig.report.figures import FIGURES, draw
from faig.report.looks import write
from faig.report.rankings import read_shown
from faig.report.summaries import combine
from faig.run import cli


def main(args) -> None:
    listed = [(name, network, seed, read_shown(path)) for name, network, seed, path in args.table]
    tables = combine(listed)
    write(lambda: draw(args.figure, tables), args.output, **args.config["style"])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("figure", choices=FIGURES, help="which one")
    cli.tables(parser)
    cli.path(parser, "--output", "image files to write (PNG, PDF)", nargs="+")
    cli.run(main, parser)
