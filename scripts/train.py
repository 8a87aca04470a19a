"""Train a network: the baseline from fresh weights, or the target from the baseline's."""

import pandas as pd
import torch
from faig.base.provenance import canonical_json, checksum
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.data.batches import PatchSampler
from faig.data.degradations import build_degradations
from faig.data.kernels import KernelPCA, set_kernel_code
from faig.data.sources import spread
from faig.data.store import ImageStore
from faig.networks.building import build, load_state, read_spec
from faig.networks.objectives import objective_class
from faig.networks.weights import load_weights, save_weights
from faig.run import cli
from faig.training.checkpoint import Checkpoint
from faig.training.loop import train
from faig.training.schedule import Schedule
from faig.training.validation import evaluate


def make_network(args):
    """The network with its first weights: those to start from, or fresh ones."""
    cfg = args.config
    torch.manual_seed(derive(cfg["seed"], "weights"))
    network = build(**cfg["network"])
    if args.kernel_code:
        stored = load_weights(args.kernel_code)
        set_kernel_code(network, KernelPCA(stored["mean"], stored["components"]))
    return load_state(network, load_weights(args.start), args.start) if args.start else network


def fit(args, checkpoint: Checkpoint):
    """Weights and history of the training."""
    cfg, compute = args.config, cli.compute(args)
    data, validation = ImageStore(args.data), ImageStore(args.validation)
    degradations = build_degradations(cfg["degradations"], cfg["network"]["scale"])
    network = make_network(args)
    sampler = PatchSampler(
        data,
        degradations,
        **cfg["batches"],
        seed=derive(cfg["seed"], "patches", cfg["stage"]),
        compute=compute,
        views=objective_class(network).views,
    )
    shadow = compute.place(make_network(args)).eval()

    images = spread(validation.names, cfg["validation_images"])

    def validate(state) -> list[dict]:
        names = cfg["validation_degradations"]
        rows = evaluate(shadow, validation, names, compute, state, images)
        means = pd.DataFrame(rows).groupby("input_degradation", sort=False)["psnr"].mean()
        return [{"degradation": name, "psnr": value} for name, value in means.items()]

    return train(
        network,
        sampler,
        Schedule(**cfg["schedule"]),
        compute,
        validate=validate,
        validations=cfg["validations"],
        checkpoint=checkpoint,
        label=cfg["stage"],
    )


def main(args) -> None:
    cfg = args.config
    if args.network:
        cfg["network"] = read_spec(args.network)["network"]
    given = [path for path in (args.start, args.kernel_code) if path]
    source = checksum(args.data, *given)
    stamp = checksum(canonical_json(cfg), source)
    made = cli.reusable(args, [stamp, args.validation], [args.output, args.history])
    with Checkpoint(args.output.with_suffix(".checkpoint"), stamp) as checkpoint:
        if not made.fetch():
            state, history = fit(args, checkpoint)
            write_table(args.history, pd.DataFrame(history), {"config": cfg})
            save_weights(args.output, state, {"config": cfg, "data": source})
            made.keep()
        checkpoint.remove()
    last = read_table(args.history).tail(len(cfg["validation_degradations"]))
    print(last.to_string(index=False))


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--data", "training images (HDF5)")
    cli.path(parser, "--validation", "validation images (HDF5)")
    parser.add_argument("--start", type=cli.Path, help="weights to start from (safetensors)")
    parser.add_argument("--network", type=cli.Path, help="the network's spec, if not in --config")
    parser.add_argument("--kernel-code", type=cli.Path, help="components of it (safetensors)")
    cli.path(parser, "--output", "weights to write (safetensors)")
    cli.path(parser, "--history", "history table to write (Parquet)")
    cli.reuse(parser)
    cli.run(main, parser)
