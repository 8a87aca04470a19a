"""Write the target, a degradation's top filters at some strength, as a checkpoint for others."""

from faig.attribution.pair import Pair
from faig.base.device import Compute
from faig.base.tables import read_table
from faig.evaluation.modulation import modulated
from faig.networks.checkpoints import save_checkpoint
from faig.run import cli


def main(args) -> None:
    cfg = args.config
    compute = Compute.choose("cpu", "float32")
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    ranking = read_table(args.ranking)
    state = modulated(pair, ranking, cfg["degradation"], cfg["strength"], cfg["proportion"])
    save_checkpoint(args.output, pair.network, state, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.pair(parser)
    cli.path(parser, "--ranking", "whose top filters are modulated (Parquet)")
    cli.path(parser, "--output", "checkpoint to write (.pth or .safetensors)")
    cli.run(main, parser)
