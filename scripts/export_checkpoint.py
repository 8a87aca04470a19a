"""Write weights as a BasicSR-style checkpoint, for use in other software."""

from faig.base.files import atomic_path
from faig.base.pickles import save_pickle
from faig.networks.weights import load_weights
from faig.run import cli


def main(args) -> None:
    with atomic_path(args.output) as temporary:
        save_pickle(temporary, {"params_ema": load_weights(args.weights)})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--weights", "weights (safetensors)")
    cli.path(parser, "--output", "checkpoint to write (.pth)")
    cli.run(main, parser)
