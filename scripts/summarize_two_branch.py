"""Answer in one page of text: two branches or one, and who knows the degradation?"""

import pandas as pd
from faig.base.files import atomic_path
from faig.report.two_branch_summary import summarize
from faig.run import cli


def main(args) -> None:
    paths = zip(args.compared, args.knowledge, strict=True)
    text = summarize([tuple(map(pd.read_csv, pair)) for pair in paths])
    with atomic_path(args.output) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--compared", "tables two_branch (CSV), one per setting", nargs="+")
    cli.path(
        parser, "--knowledge", "tables two_branch_knowledge (CSV), of the same settings", nargs="+"
    )
    cli.path(parser, "--output", "text file to write")
    cli.run(main, parser)
