"""Answer in one page of text: which filters remove which degradation, and how do we know?"""

import pandas as pd
from faig.base.files import atomic_path
from faig.report.summary import summarize
from faig.run import cli


def main(args) -> None:
    tables = {path.stem: pd.read_csv(path) for path in args.tables}
    text = summarize(tables, args.left_out, **args.config["units"])
    with atomic_path(args.output) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--tables", "what make_table.py wrote (CSV, named by the table)", nargs="+")
    parser.add_argument(
        "--left-out", nargs="+", default=[], help="stages that the run was not asked for, in words"
    )
    cli.path(parser, "--output", "text file to write")
    cli.run(main, parser)
