"""Mask the top filters of every ranking by the baseline's and measure what the target forgets."""

import pandas as pd
from faig.attribution.pair import Pair
from faig.base.progress import progress
from faig.base.tables import read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.ablation import choices, mask, measure_masking
from faig.evaluation.bench import Crops
from faig.evaluation.faithfulness import AS_TARGET, REFITTED
from faig.evaluation.refitting import Refit
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    rankings = {path.stem: read_table(path) for path in args.rankings}
    plain = [(choice, mask(pair, choice)) for choice in choices(rankings, cfg["proportions"])]
    masked, rows = {AS_TARGET: plain}, []
    if cfg["refit"]:
        refit = Refit(
            pair, Crops.few(ImageStore(args.attribution), pair=pair, **cfg["refit"]).inputs
        )
        masked[REFITTED] = [(choice, refit(state)) for choice, state in plain]
    for path in args.data:
        store = ImageStore(path)
        for image in progress(store.names, f"masking, {path.stem}", len(store.names), "image"):
            for biases, states in masked.items():
                measured = measure_masking(
                    pair, states, store, image, cfg["input_degradations"], cfg["channel"]
                )
                rows += [{**row, "dataset": path.stem, "biases": biases} for row in measured]
        print(f"{path.stem}: {len(plain)} masked networks measured")
    write_table(args.output, pd.DataFrame(rows), {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--rankings", "one ranking per method (Parquet, named by it)", nargs="+")
    parser.add_argument("--attribution", type=cli.Path, help="attribution images (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
