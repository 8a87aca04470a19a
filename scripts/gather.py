"""Put tables of the same columns below each other."""

import pandas as pd
from faig.base.tables import read_table, write_table
from faig.run import cli


def main(args) -> None:
    write_table(args.output, pd.concat([read_table(p) for p in args.tables], ignore_index=True))


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--tables", "tables to put together (Parquet)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
