"""Find the one-branch networks that cost as much as a two-branch network."""

import json

from faig.base.files import atomic_path
from faig.comparison.controls import matched_blocks
from faig.networks.building import build
from faig.networks.cost import multiply_adds, parameters
from faig.run import cli


def main(args) -> None:
    cfg = args.config
    (height, width), scale = cfg["size"], cfg["network"]["scale"]
    control = {"features": cfg["features"]}
    matched = matched_blocks(build(**cfg["network"]), height, width, **control)
    for path in args.output:
        # a file is named by its variant: `two_branch`, or `equal_` and what is equal
        blocks, network = getattr(matched, path.stem.removeprefix("equal_"), None), cfg["network"]
        if blocks:
            options = {**control, "blocks": blocks}
            network = {"architecture": "srresnet", "parameters": options, "scale": scale}
        built = build(**network)
        spec = {
            "network": network,
            "blocks": blocks,
            "parameters": parameters(built),
            "multiply_adds": multiply_adds(built, height, width) / (height * width),
        }
        print(f"{path.stem}: {spec}")
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(spec, indent=1), encoding="utf-8")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--output", "what each variant is (JSON, named by it)", nargs="+")
    cli.run(main, parser)
