"""Write the explorer: one page on which every filter of a run can be looked up."""

from faig.base.files import atomic_path
from faig.report.explored import explored
from faig.report.explorer import ROOM, explorer
from faig.run import cli


def main(args) -> None:
    page = explorer(*explored(args.table, ROOM))
    with atomic_path(args.output) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.tables(parser)
    cli.path(parser, "--output", "page to write (HTML)")
    cli.run(main, parser)
