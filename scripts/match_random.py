"""Draw the fair control for a ranking: random filters, as many in each layer."""

import numpy as np
import pandas as pd
from faig.attribution.ranking import shuffle_within_layers
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.run import cli


def main(args) -> None:
    table = read_table(args.ranking)
    parts = []
    for degradation, rows in table.groupby("degradation", sort=False):
        rows = rows.sort_values("filter")
        seed = derive(args.config["seed"], "matched random", degradation)
        order = shuffle_within_layers(rows["layer"].to_numpy(), np.random.default_rng(seed))
        values = {name: rows[name].to_numpy()[order] for name in ("score", "rank")}
        parts.append(rows.assign(**values))
    write_table(args.output, pd.concat(parts, ignore_index=True), {"config": args.config})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--ranking", "the ranking to match (Parquet)")
    cli.path(parser, "--output", "ranking to write (Parquet)")
    cli.run(main, parser)
