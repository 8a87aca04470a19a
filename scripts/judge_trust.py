"""Put together what speaks for and against believing a pair's rankings: the trust card."""

import pandas as pd
from faig.base.tables import read_table, write_table
from faig.evaluation.trust import TrustLimits, card
from faig.evaluation.verdicts import Limits
from faig.run import cli

TABLES = ("health", "sanity", "league")


def main(args) -> None:
    cfg = args.config
    health, sanity, league = (read_table(getattr(args, name)) for name in TABLES)
    stability = pd.concat(map(read_table, args.stability), ignore_index=True)
    lights = card(
        health, stability, sanity, league, Limits(**cfg["path"]), TrustLimits(**cfg["limits"])
    )
    for row in lights.to_dict("records"):
        print(f"{row['level']}: {row['light']} {row['method']}: {row['reason']}")
    write_table(args.output, lights, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    for name in TABLES:
        cli.path(parser, f"--{name}", "table of that name of one network and seed (Parquet)")
    cli.path(parser, "--stability", "the same, and that of all seeds (Parquet)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
