"""Stop if datasets that must be disjoint share a photograph, under whatever name."""

import json

from faig.base.files import atomic_path
from faig.data.store import ImageStore, require_disjoint
from faig.run import cli


def main(args) -> None:
    stores = {path.stem: ImageStore(path) for path in args.data}
    require_disjoint(stores, args.config["disjoint"])
    with atomic_path(args.output) as temporary:
        temporary.write_text(json.dumps(args.config, indent=1), encoding="utf-8")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--data", "all images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "file to write (JSON): the pairs that are disjoint")
    cli.run(main, parser)
