"""Write weights as a BasicSR-style checkpoint, for use in other software."""

from faig.base.files import atomic_path
from faig.base.pickles import save_pickle
from faig.networks.building import build, load_state
from faig.networks.weights import load_metadata, load_weights
from faig.run import cli


def main(args) -> None:
    network = build(**load_metadata(args.weights)["config"]["network"])
    load_state(network, load_weights(args.weights), str(args.weights))
    # in the module's own order: there is software that goes by it
    with atomic_path(args.output) as temporary:
        save_pickle(temporary, {"params_ema": dict(network.state_dict())})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--weights", "weights (safetensors)")
    cli.path(parser, "--output", "checkpoint to write (.pth)")
    cli.run(main, parser)
