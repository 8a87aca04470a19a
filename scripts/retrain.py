"""Train only the top filters of one ranking, from the baseline, and measure what they learn."""

import pandas as pd
from faig import cli
from faig.ablation import choices
from faig.batches import PatchSampler
from faig.degradations import build_degradations
from faig.filters import FilterIndex
from faig.networks import build, load_state
from faig.provenance import canonical_json, checksum
from faig.seeds import derive
from faig.store import (
    ImageStore,
    load_weights,
    read_table,
    write_table,
)
from faig.training import Checkpoint, Schedule, evaluate, train


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    data, tests = ImageStore(args.data), {p.stem: ImageStore(p) for p in args.test}
    degradations = build_degradations(cfg["degradations"], cfg["network"]["scale"])
    # the same batches for every choice, so that only the choice makes a difference
    seed = derive(cfg["seed"], "patches", "retraining")
    baseline = load_weights(args.baseline)
    stamp = checksum(canonical_json(cfg), args.data, args.baseline, args.ranking)
    rankings = {args.ranking.stem: read_table(args.ranking)}

    rows, checkpoints = [], []
    for choice in choices(rankings, cfg["proportions"]):
        network = load_state(build(**cfg["network"]), baseline, str(args.baseline))
        sampler = PatchSampler(data, degradations, **cfg["batches"], seed=seed, compute=compute)
        label = f"{choice.method}.{choice.degradation}.{choice.proportion}"
        with Checkpoint(args.output.with_name(f"{label}.checkpoint"), stamp) as checkpoint:
            state, _ = train(
                network,
                sampler,
                Schedule(**cfg["schedule"]),
                compute,
                trainable=FilterIndex.of(network).masks(choice.selected),
                checkpoint=checkpoint,
                label=label,
            )
        checkpoints.append(checkpoint)
        for dataset, store in tests.items():
            measured = evaluate(network.eval(), store, cfg["input_degradations"], compute, state)
            rows += [{**choice.columns, **row, "dataset": dataset} for row in measured]
    write_table(args.output, pd.DataFrame(rows), {"config": cfg})
    for checkpoint in checkpoints:
        checkpoint.remove()


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--baseline", "the baseline's weights (safetensors)")
    cli.path(parser, "--ranking", "a ranking (Parquet, named by its method)")
    cli.path(parser, "--data", "training images (HDF5)")
    cli.path(parser, "--test", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
