"""Train only the top filters of one ranking, from the baseline, and measure what they learn."""

import pandas as pd
from faig.attribution.filters import FilterIndex
from faig.base.provenance import canonical_json, checksum
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.data.batches import PatchSampler
from faig.data.degradations import build_degradations
from faig.data.store import ImageStore
from faig.evaluation.ablation import Choice, choices
from faig.networks.building import build, load_state
from faig.networks.weights import load_weights
from faig.run import cli
from faig.training.checkpoint import Checkpoint
from faig.training.loop import train
from faig.training.schedule import Schedule
from faig.training.validation import evaluate


def learn(args, chosen: list[Choice], checkpoints: list[Checkpoint]) -> pd.DataFrame:
    """PSNR of every test image after the training of each choice."""
    cfg, compute = args.config, cli.compute(args)
    data, tests = ImageStore(args.data), {p.stem: ImageStore(p) for p in args.test}
    degradations = build_degradations(cfg["degradations"], cfg["network"]["scale"])
    # the same batches for every choice, so that only the choice makes a difference
    seed = derive(cfg["seed"], "patches", "retraining")
    baseline = load_weights(args.baseline)

    rows = []
    # one after another: several networks in one step, stacked by `torch.func.vmap` on shared
    # batches, took 1.1 to 1.4 times as long per network on CPUs
    for choice, checkpoint in zip(chosen, checkpoints, strict=True):
        network = load_state(build(**cfg["network"]), baseline, str(args.baseline))
        sampler = PatchSampler(data, degradations, **cfg["batches"], seed=seed, compute=compute)
        with checkpoint:
            state, _ = train(
                network,
                sampler,
                Schedule(**cfg["schedule"]),
                compute,
                trainable=FilterIndex.of(network).masks(choice.selected),
                checkpoint=checkpoint,
                label=choice.label,
            )
        for dataset, store in tests.items():
            measured = evaluate(network.eval(), store, cfg["input_degradations"], compute, state)
            rows += [{**choice.columns, **row, "dataset": dataset} for row in measured]
    return pd.DataFrame(rows)


def main(args) -> None:
    cfg, method = args.config, args.ranking.stem
    stamp = checksum(canonical_json(cfg), args.data, args.baseline, args.ranking)
    chosen = choices({method: read_table(args.ranking)}, cfg["proportions"])
    checkpoints = [
        Checkpoint(args.output.with_name(f"{choice.label}.checkpoint"), stamp) for choice in chosen
    ]
    # names of method and datasets stand in the table
    named = [method, *(part for path in args.test for part in (path.stem, path))]
    made = cli.reusable(args, [stamp, *named], [args.output])
    if not made.fetch():
        write_table(args.output, learn(args, chosen, checkpoints), {"config": cfg})
        made.keep()
    for checkpoint in checkpoints:
        checkpoint.remove()


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--baseline", "the baseline's weights (safetensors)")
    cli.path(parser, "--ranking", "a ranking (Parquet, named by its method)")
    cli.path(parser, "--data", "training images (HDF5)")
    cli.path(parser, "--test", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.reuse(parser)
    cli.run(main, parser)
