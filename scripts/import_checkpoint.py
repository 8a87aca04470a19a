"""Take a network's weights from a checkpoint of the user's own, so that it need not be trained."""

from faig.base.provenance import checksum
from faig.networks.building import build, load_state
from faig.networks.checkpoints import load_checkpoint
from faig.networks.weights import save_weights
from faig.run import cli


def main(args) -> None:
    network = build(**args.config["network"])
    load_state(network, load_checkpoint(args.checkpoint), str(args.checkpoint))
    source = {"file": args.checkpoint.name, "sha256": checksum(args.checkpoint)}
    save_weights(args.output, network.state_dict(), {"config": args.config, "source": source})
    print(f"{args.checkpoint}: {len(network.state_dict())} tensors")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--checkpoint", "weights: BasicSR-style .pth, or .safetensors")
    cli.path(parser, "--output", "weights to write (safetensors)")
    cli.run(main, parser)
