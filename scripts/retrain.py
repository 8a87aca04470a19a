"""Train only the top filters of one ranking, from the baseline, and measure what they learn.

If asked for, all filters but these, too.
"""

from faig.base.provenance import canonical_json
from faig.base.seeds import derive
from faig.base.tables import read_table, write_table
from faig.data.batches import PatchSampler
from faig.data.store import ImageStore
from faig.evaluation.ablation import choices
from faig.evaluation.retraining import retrain
from faig.networks.building import load_network
from faig.run import cli
from faig.training.checkpoint import Checkpoint
from faig.training.schedule import Schedule


def main(args) -> None:
    cfg, method = args.config, args.ranking.stem
    # names of method and datasets stand in the table
    named = [method, *(name for path in args.test for name in (path.stem, path))]
    parts = [canonical_json(cfg), args.data, args.baseline, args.ranking, *named]
    reusable = cli.reusable(args, parts, [args.output])
    chosen = choices({method: read_table(args.ranking)}, cfg["proportions"])
    chosen += [choice.rest for choice in chosen] if cfg["rest"] else []
    paths = [args.output.with_name(f"{choice.label}.checkpoint") for choice in chosen]
    saved = [(c, Checkpoint(path, reusable.key)) for c, path in zip(chosen, paths, strict=True)]

    def make() -> None:
        compute, seed = cli.compute(args), derive(cfg["seed"], "patches", "retraining")
        network = load_network(cfg["network"], args.baseline)
        options = {**cfg["batches"], "seed": seed, "compute": compute}
        sampler = PatchSampler.open(args.data, cfg["degradations"], **options)
        schedule, inputs = Schedule(**cfg["schedule"]), cfg["input_degradations"]
        tests = {path.stem: ImageStore(path) for path in args.test}
        table = retrain(network, saved, sampler, schedule, tests, inputs, compute, **cfg["units"])
        write_table(args.output, table, {"config": cfg})

    reusable.ensure(make)
    for _, checkpoint in saved:
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
