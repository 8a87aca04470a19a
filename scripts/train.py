"""Train a network: the baseline from fresh weights, or the target from the baseline's."""

import pandas as pd
from faig.base.provenance import canonical_json, checksum
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.data.batches import PatchSampler
from faig.data.store import ImageStore
from faig.networks.building import read_spec
from faig.networks.objectives import objective_class
from faig.networks.weights import save_weights
from faig.run import cli
from faig.training.checkpoint import Checkpoint
from faig.training.loop import train
from faig.training.schedule import Schedule
from faig.training.start import first_network
from faig.training.validation import validator


def fit(args, checkpoint: Checkpoint):
    """Weights and history of the training."""
    cfg, compute = args.config, cli.compute(args)
    seed, stage = cfg["seed"], cfg["stage"]
    network = first_network(cfg["network"], derive(seed, "weights"), args.kernel_code, args.start)
    sampler = PatchSampler.open(
        args.data,
        cfg["degradations"],
        **cfg["batches"],
        seed=derive(seed, "patches", stage),
        views=objective_class(network).views,
        compute=compute,
    )
    count, names = cfg["validation_images"], cfg["validation_degradations"]
    return train(
        network,
        sampler,
        Schedule(**cfg["schedule"]),
        compute,
        validate=validator(network, ImageStore(args.validation), count, names, compute),
        validations=cfg["validations"],
        checkpoint=checkpoint,
        label=stage,
        seed=derive(seed, "objective", stage),
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
