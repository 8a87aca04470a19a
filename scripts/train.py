"""Train a network: the baseline from fresh weights, or the target from the baseline's."""

from faig.base.provenance import canonical_json, checksum
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.networks.building import read_spec
from faig.networks.weights import save_weights
from faig.run import cli
from faig.training.checkpoint import Checkpoint
from faig.training.stage import first_network, train_stage


def main(args) -> None:
    cfg = args.config
    if args.network:
        cfg["network"] = read_spec(args.network)["network"]
    source = checksum(*(path for path in (args.data, args.start, args.kernel_code) if path))
    parts, files = [canonical_json(cfg), source, args.validation], [args.output, args.history]
    reusable = cli.reusable(args, parts, files)

    def make() -> None:
        compute, seed = cli.compute(args), derive(cfg["seed"], "weights")
        network = first_network(cfg["network"], seed, args.kernel_code, args.start)
        options = {key: cfg[key] for key in cfg.keys() - {"network", "device", "precision"}}
        weights, history = train_stage(
            network, args.data, args.validation, compute, checkpoint, **options
        )
        write_table(args.history, history, {"config": cfg})
        save_weights(args.output, weights, {"config": cfg, "data": source})

    with Checkpoint(args.output.with_suffix(".checkpoint"), reusable.key) as checkpoint:
        reusable.ensure(make)
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
