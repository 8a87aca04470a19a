"""Degrade a dataset's photographs and store HR and LR images in one HDF5 file."""

from importlib.metadata import version

import torch
from faig import cli
from faig.degradations import Degradation, build_degradations, to_float, to_uint8
from faig.errors import InputError
from faig.progress import progress
from faig.provenance import canonical_json, checksum
from faig.seeds import derive
from faig.sources import folder_files, packaged_files, read_images
from faig.store import ImageWriter, atomic_path


def find_files(source: dict, folder) -> dict:
    """The dataset's image files by name."""
    if source["source"] != "packaged" and not folder:
        raise InputError(f"a {source['source']} source needs --folder")
    return (
        packaged_files(source["images"]) if source["source"] == "packaged" else folder_files(folder)
    )


def degrade(pixels, name: str, degradation: Degradation, seed: int, stems: bool):
    """HR pixels uint8 (H, W, 3) to LR pixels, or to the stem only."""
    image = to_float(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    generator = torch.Generator().manual_seed(derive(seed, "degrade", name))
    result = degradation.apply_stem(image) if stems else degradation(image, generator)
    return to_uint8(result)[0].permute(1, 2, 0).numpy()


def main(args) -> None:
    cfg = args.config
    scale, stems = cfg["scale"], cfg["stems"]
    files = find_files(cfg["dataset"], args.folder)
    degradations = build_degradations(cfg["degradations"], scale)
    attributes = {
        "config": canonical_json(cfg),
        "scale": scale,
        "stems": stems,
        "seed": cfg["seed"],
        "versions": canonical_json({p: version(p) for p in ("torch", "pillow", "h5py")}),
        "checksum": checksum(*files.values()),
    }
    with atomic_path(args.output) as temporary, ImageWriter(temporary, attributes) as writer:
        images = read_images(files, scale, cfg["dataset"].get("crop"))
        for image, pixels in progress(images, "degrading", len(files), "image"):
            writer.write(f"hr/{image}", pixels)
            first = {}  # degradations that differ only in what follows the stem share their stem
            for name, degradation in degradations.items():
                key = f"lr/{name}/{image}"
                same = first.setdefault(degradation.stem_key, key) if stems else key
                if same != key:
                    writer.link(key, same)
                else:
                    lr = degrade(pixels, f"{name}/{image}", degradation, cfg["seed"], stems)
                    writer.write(key, lr)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", help="where the images lie, for the source `folder`")
    cli.path(parser, "--output", "HDF5 file to write")
    cli.run(main, parser)
