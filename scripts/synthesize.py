"""Degrade a dataset's photographs and store HR and LR images in one HDF5 file."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from faig.base import seeds
from faig.base.errors import InputError
from faig.base.progress import progress
from faig.base.provenance import canonical_json, checksum
from faig.base.seeds import derive
from faig.data import degradations, sources
from faig.data.degradations import Degradation, build_degradations, to_float, to_uint8
from faig.data.sources import folder_files, measure_cropped, packaged_files, read_cropped
from faig.data.store import ImageWriter
from faig.run import cli

# an unfinished file is not gone on with after a change of these
CODE = [Path(file) for file in (__file__, degradations.__file__, seeds.__file__, sources.__file__)]


def find_files(source: dict, folder) -> dict:
    """The dataset's image files by name."""
    if source["source"] != "packaged" and not folder:
        raise InputError(f"a {source['source']} source needs --folder")
    return (
        packaged_files(source["images"]) if source["source"] == "packaged" else folder_files(folder)
    )


class Recipe:
    """What is stored of a photograph: its HR image, and what each degradation makes of it.

    Args:
        cfg: keys `scale`, `stems`, `seed`, `degradations`, and `dataset` for its `crop`.
    """

    def __init__(self, cfg: Mapping):
        self.scale, self.stems, self.seed = cfg["scale"], cfg["stems"], cfg["seed"]
        self.crop = cfg["dataset"].get("crop")
        every = build_degradations(cfg["degradations"], self.scale)
        # degradations that differ only in what follows the stem share their stem
        first: dict[str, str] = {}
        self.shared = {
            name: first.setdefault(degradation.stem_key, name) if self.stems else name
            for name, degradation in every.items()
        }
        # a stem without operators is the HR image itself
        self.plain = {name for name in every if self.stems and not every[name].stem}
        stored = dict.fromkeys(self.shared.values())
        self.made = {name: every[name] for name in stored if name not in self.plain}
        self.sizes = {name: self._relative_size(each) for name, each in self.made.items()}

    def _relative_size(self, degradation: Degradation) -> Fraction:
        """Side of an LR image by that of its HR image; 1 for a stem before the downsampling."""
        side = 16 * self.scale
        small = self._degrade(np.zeros((side, side, 3), np.uint8), "", degradation)
        return Fraction(len(small), side)

    def _degrade(self, pixels: np.ndarray, name: str, degradation: Degradation) -> np.ndarray:
        """HR pixels uint8 (H, W, 3) to LR pixels, or to the stem only."""
        image = to_float(torch.from_numpy(pixels).permute(2, 0, 1)[None])
        generator = torch.Generator().manual_seed(derive(self.seed, "degrade", name))
        result = degradation.apply_stem(image) if self.stems else degradation(image, generator)
        return to_uint8(result)[0].permute(1, 2, 0).numpy()

    def shapes(self, image: str, path: Path) -> dict[str, tuple[int, int]]:
        """Heights and widths of what `make` will make, by HDF5 key."""
        height, width = measure_cropped(path, self.scale, self.crop)
        lr = {
            f"lr/{name}/{image}": (int(height * size), int(width * size))
            for name, size in self.sizes.items()
        }
        return {f"hr/{image}": (height, width), **lr}

    def links(self, image: str) -> dict[str, str]:
        """Keys that are other names of what `make` makes, and its keys."""
        originals = {
            name: "hr" if name in self.plain else f"lr/{original}"
            for name, original in self.shared.items()
            if name != original or name in self.plain
        }
        return {f"lr/{name}/{image}": f"{folder}/{image}" for name, folder in originals.items()}

    def make(self, image: str, path: Path) -> dict[str, np.ndarray]:
        """All that is stored of a photograph, uint8 (H, W, 3), by HDF5 key."""
        pixels = read_cropped(path, self.scale, self.crop)
        lr = {
            f"lr/{name}/{image}": self._degrade(pixels, f"{name}/{image}", degradation)
            for name, degradation in self.made.items()
        }
        return {f"hr/{image}": pixels, **lr}


def main(args) -> None:
    cfg = args.config
    torch.set_num_threads(1)  # images side by side use the cores better than one after another
    recipe, files = Recipe(cfg), find_files(cfg["dataset"], args.folder)
    attributes = {
        "config": canonical_json(cfg),
        "scale": cfg["scale"],
        "stems": cfg["stems"],
        "seed": cfg["seed"],
        "versions": canonical_json({p: version(p) for p in ("torch", "pillow", "h5py")}),
        "checksum": checksum(*files.values()),
    }
    shapes = {image: recipe.shapes(image, path) for image, path in files.items()}
    links = {key: original for image in files for key, original in recipe.links(image).items()}
    with (
        ImageWriter.open(args.output, attributes, shapes, links, checksum(*CODE)) as writer,
        ThreadPoolExecutor(args.threads) as pool,
    ):

        def synthesize(image: str) -> None:
            writer.write(image, recipe.make(image, files[image]))

        missing, done = writer.missing, len(files) - len(writer.missing)
        if done:
            print(f"going on from an unfinished file with {done} images", flush=True)
        for _ in progress(pool.map(synthesize, missing), "degrading", len(files), "image", done):
            pass


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    parser.add_argument("--folder", help="where the images lie, for the source `folder`")
    cli.path(parser, "--output", "HDF5 file to write")
    cli.run(main, parser)
