"""Measure baseline and target on the test images: the levels that ablations are compared with."""

import pandas as pd
from faig.attribution.pair import Pair
from faig.base.tables import write_table
from faig.data.store import ImageStore
from faig.run import cli
from faig.training.validation import evaluate


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute)
    rows = []
    for path in args.data:
        store = ImageStore(path)
        for model, state in (("baseline", pair.baseline), ("target", pair.target)):
            measured = evaluate(pair.network, store, cfg["input_degradations"], compute, state)
            rows += [{"model": model, **row, "dataset": path.stem} for row in measured]
    table = pd.DataFrame(rows)
    keys = ["dataset", "input_degradation"]
    print(table.pivot_table(values="psnr", index=keys, columns="model"))
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
