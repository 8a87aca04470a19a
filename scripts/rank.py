"""Turn a method's scores into a discriminative ranking of the filters per degradation."""

import pandas as pd
from faig.attribution.ranking import discriminative_scores, ranks
from faig.base.tables import read_metadata, read_table, write_table
from faig.run import cli


def main(args) -> None:
    table = read_table(args.scores)
    contrast = read_metadata(args.scores)["contrast"]
    degradations = list(table["degradation"].unique())
    wide = table.pivot_table(index="filter", columns="degradation", values="score", sort=True)
    scores = wide[degradations].to_numpy().T
    if contrast:
        scores = discriminative_scores(scores)
    address = table[table["degradation"] == degradations[0]].sort_values("filter")
    address = address[["filter", "layer", "out_channel", "in_channel"]]
    parts = [
        address.assign(degradation=name, score=row, rank=ranks(row))
        for name, row in zip(degradations, scores, strict=True)
    ]
    write_table(args.output, pd.concat(parts, ignore_index=True), {"contrast": contrast})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--scores", "score table (Parquet)")
    cli.path(parser, "--output", "ranking to write (Parquet)")
    cli.run(main, parser)
