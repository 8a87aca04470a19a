"""Take a network's weights from a checkpoint of the user's own, so that it need not be trained."""

from pathlib import Path

from faig.base.provenance import checksum
from faig.networks.alignment import match
from faig.networks.building import build, load_state, require_scale, translated
from faig.networks.checkpoints import load_checkpoint
from faig.networks.weights import save_weights
from faig.run import cli


def loaded(spec, path: Path, names):
    """The network with the weights of a file."""
    given = translated(spec["architecture"], load_checkpoint(path, **names), str(path))
    network = build(**spec)
    require_scale(network, spec["scale"], spec["architecture"])
    return load_state(network, given, str(path))


def main(args) -> None:
    network = loaded(args.config["network"], args.checkpoint, args.config.get("names", {}))
    if args.towards:
        names = args.config.get("names_towards", {})
        target = loaded(args.config["network"], args.towards, names)
        state, moved = match(network, network.state_dict(), target.state_dict())
        network.load_state_dict(state)
        print(f"{moved} hidden channels were put where the target has them")
    source = {"file": args.checkpoint.name, "sha256": checksum(args.checkpoint)}
    save_weights(args.output, network.state_dict(), {"config": args.config, "source": source})
    print(f"{args.checkpoint}: {len(network.state_dict())} tensors")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--checkpoint", "weights: BasicSR-style .pth, .safetensors, or .param of ncnn")
    parser.add_argument(
        "--towards", type=Path, help="weights of the target, whose order of channels is taken"
    )
    cli.path(parser, "--output", "weights to write (safetensors)")
    cli.run(main, parser)
