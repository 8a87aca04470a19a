"""Mask the top filters of every ranking by the baseline's and measure what the target forgets."""

import pandas as pd
from faig.attribution.pair import Pair
from faig.base.progress import progress
from faig.base.tables import read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.ablation import choices, mask, measure_masking
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    rankings = {path.stem: read_table(path) for path in args.rankings}
    masked = [(choice, mask(pair, choice)) for choice in choices(rankings, cfg["proportions"])]
    rows = []
    for path in args.data:
        store = ImageStore(path)
        for image in progress(store.names, f"masking, {path.stem}", len(store.names), "image"):
            measured = measure_masking(
                pair, masked, store, image, cfg["input_degradations"], cfg["channel"]
            )
            rows += [{**row, "dataset": path.stem} for row in measured]
        print(f"{path.stem}: {len(masked)} masked networks measured")
    write_table(args.output, pd.DataFrame(rows), {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--rankings", "one ranking per method (Parquet, named by it)", nargs="+")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
