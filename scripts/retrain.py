"""Train only the top filters of one ranking, from the baseline, and measure what they learn.

If asked for, all filters but these, too.
"""

from faig.base.provenance import canonical_json, checksum
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.data.batches import PatchSampler
from faig.data.store import ImageStore
from faig.evaluation.ablation import choices
from faig.evaluation.retraining import retrain
from faig.networks.building import build, load_state
from faig.networks.weights import load_weights
from faig.run import cli
from faig.training.checkpoint import Checkpoint
from faig.training.schedule import Schedule


def learn(args, chosen):
    """PSNR of every test image after the training of each choice."""
    cfg, compute = args.config, cli.compute(args)
    network = load_state(build(**cfg["network"]), load_weights(args.baseline), str(args.baseline))
    seed = derive(cfg["seed"], "patches", "retraining")
    sampler = PatchSampler.open(
        args.data, cfg["degradations"], **cfg["batches"], seed=seed, compute=compute
    )
    tests = {path.stem: ImageStore(path) for path in args.test}
    schedule, inputs = Schedule(**cfg["schedule"]), cfg["input_degradations"]
    return retrain(network, chosen, sampler, schedule, tests, inputs, compute, **cfg["units"])


def main(args) -> None:
    cfg, method = args.config, args.ranking.stem
    stamp = checksum(canonical_json(cfg), args.data, args.baseline, args.ranking)
    chosen = choices({method: read_table(args.ranking)}, cfg["proportions"])
    chosen += [choice.rest for choice in chosen] if cfg["rest"] else []
    checkpoints = [
        Checkpoint(args.output.with_name(f"{choice.label}.checkpoint"), stamp) for choice in chosen
    ]
    # names of method and datasets stand in the table
    named = [method, *(name for path in args.test for name in (path.stem, path))]
    made = cli.reusable(args, [stamp, *named], [args.output])
    if not made.fetch():
        write_table(
            args.output, learn(args, zip(chosen, checkpoints, strict=True)), {"config": cfg}
        )
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
