"""Degrading a dataset's photographs into one HDF5 file: in parallel, and resumable."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ..base import seeds
from ..base.errors import InputError
from ..base.progress import progress
from ..base.provenance import canonical_json, checksum
from ..base.seeds import derive
from . import degradations, operators, pixels, sources
from .degradations import Degradation
from .pixels import to_float, to_uint8
from .sources import DIGEST_BYTES, measure_cropped, read_cropped
from .store import ImageWriter, digest_key

# an unfinished file is not gone on with after a change of these
MODULES = [
    Path(__file__),
    *(Path(module.__file__) for module in (degradations, operators, pixels, seeds, sources)),
]

# LR pixels on each side; borders are left out of PSNR, and of what is left it is a mean
SMALLEST = 8


class Recipe:
    """What is stored of a photograph: its HR image, and what each degradation makes of it.

    Args:
        degradations: by name.
        scale: super-resolution factor.
        seed: of the degradations' randomness.
        deterministic: store what the operators before the first random one make, for training
            to go on from; else the LR images.
        crop: longest side of the HR images in pixels, cut from the centre; None for no limit.
    """

    def __init__(
        self,
        degradations: Mapping[str, Degradation],
        scale: int,
        seed: int,
        deterministic: bool,
        crop: int | None,
    ):
        self.scale, self.seed, self.crop = scale, seed, crop
        self.deterministic = deterministic
        # degradations that differ only from the first random operator on share one image; without
        # an operator before it, that is the HR image itself
        first = {"[]": "hr"}
        self.folders = {
            name: first.setdefault(each.deterministic_key, f"lr/{name}")
            if deterministic
            else f"lr/{name}"
            for name, each in degradations.items()
        }
        self.made = {n: each for n, each in degradations.items() if self.folders[n] == f"lr/{n}"}
        self.sizes = {name: self._relative_size(each) for name, each in self.made.items()}

    def _relative_size(self, degradation: Degradation) -> Fraction:
        """Side of an LR image by that of its HR image; 1 where no downsampling is stored."""
        side = 16 * self.scale
        small = self._degrade(np.zeros((side, side, 3), np.uint8), "", degradation)
        return Fraction(len(small), side)

    def _degrade(self, pixels: np.ndarray, name: str, degradation: Degradation) -> np.ndarray:
        """HR pixels uint8 (H, W, 3) to LR pixels, or to the deterministic operators' result."""
        image = to_float(torch.from_numpy(pixels).permute(2, 0, 1)[None])
        if self.deterministic:
            result = degradation.apply_deterministic(image)
        else:
            generator = torch.Generator().manual_seed(derive(self.seed, "degrade", name))
            result = degradation(image, generator)
        return to_uint8(result)[0].permute(1, 2, 0).numpy()

    def shapes(self, image: str, path: Path) -> dict[str, tuple[int, ...]]:
        """Shapes of what `make` will make, by HDF5 key, as `ImageWriter` takes them.

        Raises:
            InputError: the photograph is unreadable, or too small.
        """
        height, width = measure_cropped(path, self.scale, self.crop)
        smallest = SMALLEST * self.scale
        if not self.deterministic and min(height, width) < smallest:
            raise InputError(
                f"{path}: {width} x {height} pixels are left of it, expected at least "
                f"{smallest} x {smallest} in an image to measure on (scale {self.scale})"
            )
        lr = {
            f"lr/{name}/{image}": (int(height * size), int(width * size))
            for name, size in self.sizes.items()
        }
        return {f"hr/{image}": (height, width), **lr, digest_key(image): (DIGEST_BYTES,)}

    def links(self, image: str) -> dict[str, str]:
        """Keys that are other names of what `make` makes, and its keys."""
        return {
            f"lr/{name}/{image}": f"{folder}/{image}"
            for name, folder in self.folders.items()
            if name not in self.made
        }

    def make(self, image: str, path: Path) -> dict[str, np.ndarray]:
        """All that is stored of a photograph, by HDF5 key: images uint8 (H, W, 3), and the digest.

        Raises:
            InputError: the photograph is damaged, or shows nothing that could be measured.
        """
        pixels, digest = read_cropped(path, self.scale, self.crop)
        if not self.deterministic:
            self._require_content(pixels, path)
        lr = {
            f"lr/{name}/{image}": self._degrade(pixels, f"{name}/{image}", degradation)
            for name, degradation in self.made.items()
        }
        return {f"hr/{image}": pixels, **lr, digest_key(image): np.frombuffer(digest, np.uint8)}

    def _require_content(self, pixels: np.ndarray, path: Path) -> None:
        """Complain about an image that any network restores perfectly: its PSNR would be infinite.

        Args:
            pixels: (H, W, 3); its borders, which PSNR leaves out, do not count.
        """
        inside = pixels[self.scale : -self.scale, self.scale : -self.scale]
        if all((row == inside[0, 0]).all() for row in inside):  # mostly decided by the first row
            colour = ", ".join(map(str, inside[0, 0]))
            raise InputError(
                f"{path}: all pixels are of one colour ({colour}), expected a photograph; "
                "an image to measure on must show something"
            )


def synthesize(
    output: Path, files: Mapping[str, Path], recipe: Recipe, threads: int, description: str
) -> None:
    """Make one HDF5 file of photographs; go on with an unfinished one that was made alike.

    Args:
        output: HDF5 file to write.
        files: the photographs by name.
        threads: photographs that are degraded side by side.
        description: of the dataset and the recipe, kept as the file's attribute `config`.

    Raises:
        InputError: an unreadable photograph, or too little space.
    """
    attributes = {
        "config": description,
        "scale": recipe.scale,
        "deterministic": recipe.deterministic,
        "seed": recipe.seed,
        "versions": canonical_json({p: version(p) for p in ("torch", "pillow", "h5py")}),
        "checksum": checksum(*files.values()),
    }
    shapes = {image: recipe.shapes(image, path) for image, path in files.items()}
    links = {key: original for image in files for key, original in recipe.links(image).items()}
    with (
        ImageWriter.open(output, attributes, shapes, links, checksum(*MODULES)) as writer,
        ThreadPoolExecutor(threads) as pool,
    ):

        def make(image: str) -> None:
            writer.write(image, recipe.make(image, files[image]))

        missing, done = writer.missing, len(files) - len(writer.missing)
        if done:
            print(f"going on from an unfinished file with {done} images", flush=True)
        for _ in progress(pool.map(make, missing), "degrading", len(files), "image", done):
            pass
