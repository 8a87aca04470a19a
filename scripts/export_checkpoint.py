"""Write weights as a BasicSR-style checkpoint, for use in other software."""

from faig.networks.building import load_network
from faig.networks.checkpoints import save_checkpoint
from faig.networks.weights import load_metadata
from faig.run import cli


def main(args) -> None:
    metadata = load_metadata(args.weights)
    network = load_network(metadata["config"]["network"], args.weights)
    save_checkpoint(args.output, network, network.state_dict(), metadata)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--weights", "weights (safetensors)")
    cli.path(parser, "--output", "checkpoint to write (.pth)")
    cli.run(main, parser)
