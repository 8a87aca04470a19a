"""Measure what a network gains and loses by another target's filters of the same baseline."""

import numpy as np
import pandas as pd
from faig.attribution.pair import Pair
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.bench import Crops
from faig.evaluation.transplant import require_one_baseline, transplant
from faig.networks.weights import load_weights
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    crops = Crops.spread(
        [ImageStore(path) for path in args.data], cfg["input_degradations"], pair, **cfg["crops"]
    )
    rankings, tables = {path.stem: read_table(path) for path in args.rankings}, []
    files = zip(cfg["receivers"], args.receivers, args.receiver_baselines, strict=True)
    for name, weights, baseline in files:
        require_one_baseline(pair.baseline, load_weights(baseline), (cfg["donor"], name))
        rng = np.random.default_rng(derive(cfg["seed"], "transplant", name))
        table = transplant(
            pair, load_weights(weights), rankings, crops, cfg["proportions"], cfg["draws"], rng
        )
        tables.append(table.assign(receiver=name))
        print(f"filters put into {name}")
    write_table(args.output, pd.concat(tables, ignore_index=True), {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--receivers", "weights that take the target's filters", nargs="+")
    cli.path(parser, "--receiver-baselines", "what each was fine-tuned from", nargs="+")
    cli.path(parser, "--rankings", "one ranking per method (Parquet, named by it)", nargs="+")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
