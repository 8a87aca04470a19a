"""Degrade a dataset's photographs and store HR and LR images in one HDF5 file."""

import torch
from faig.base.errors import InputError
from faig.base.provenance import canonical_json
from faig.data.degradations import build_degradations
from faig.data.sources import folder_files, packaged_files, unused_files, unused_note
from faig.data.synthesis import Recipe, synthesize
from faig.run import cli


def find_files(source: dict, folder) -> dict:
    """The dataset's image files by name."""
    if source["source"] == "packaged":
        return packaged_files(source["images"])
    if not folder:
        raise InputError(f"a {source['source']} source needs --folder")
    if unused := unused_files(folder):
        print(f"{folder}: {unused_note(unused)}", flush=True)
    return folder_files(folder)


def main(args) -> None:
    cfg = args.config
    torch.set_num_threads(1)  # images side by side use the cores better than one after another
    recipe = Recipe(
        build_degradations(cfg["degradations"], cfg["scale"]),
        cfg["scale"],
        cfg["seed"],
        cfg["deterministic"],
        cfg["dataset"].get("crop"),
    )
    files = find_files(cfg["dataset"], args.folder)
    synthesize(args.output, files, recipe, args.threads, canonical_json(cfg))


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    parser.add_argument("--folder", help="where the images lie, for the source `folder`")
    cli.path(parser, "--output", "HDF5 file to write")
    cli.run(main, parser)
