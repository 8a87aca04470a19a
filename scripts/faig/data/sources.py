"""Where photographs come from: packages that ship them, and folders."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..base.errors import InputError

# photographs inside the wheels of the libraries: (package, path)
PACKAGED = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "hubble_deep_field": ("skimage", "data/hubble_deep_field.jpg"),
    "ihc": ("skimage", "data/ihc.png"),
    "motorcycle_left": ("skimage", "data/motorcycle_left.png"),
    "motorcycle_right": ("skimage", "data/motorcycle_right.png"),
    "retina": ("skimage", "data/retina.jpg"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grace_hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def packaged_files(names: Sequence[str]) -> dict[str, Path]:
    """Paths of photographs in `PACKAGED`, found without importing their packages."""
    return {name: _package_folder(PACKAGED[name][0]) / PACKAGED[name][1] for name in names}


def _package_folder(package: str) -> Path:
    try:
        return Path(str(resources.files(package)))
    except ModuleNotFoundError:
        raise InputError(
            f"the package '{package}', which ships a photograph, is not installed: "
            "pip install -r envs/run.txt"
        ) from None


def folder_files(folder: str | Path) -> dict[str, Path]:
    """Images in a folder by name (without suffix), sorted.

    Raises:
        InputError: no such folder, no image in it, or two images of one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"{folder}: holds no image ({', '.join(SUFFIXES)})")
    named: dict[str, Path] = {}
    for file in files:
        if file.stem in named:
            raise InputError(
                f"{folder}: '{named[file.stem].name}' and '{file.name}' have the same name "
                "but for the suffix; rename one"
            )
        named[file.stem] = file
    return named


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """Open an image file; all that can be wrong with it becomes an error that names it."""
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too large ({error})") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: unreadable or cut short ({error})") from None


def spread(items: Sequence, count: int) -> list:
    """At most `count` items, evenly spread over all."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[i] for i in chosen]


def read_image(path: str | Path) -> tuple[np.ndarray, str | None]:
    """Read an image file.

    Returns:
        Pixels uint8 (H, W, 3), and the mode that it was converted from if it was not RGB.

    Raises:
        InputError: no readable image, or cut short.
    """
    with _opened(path) as image:
        image.load()
        mode = image.mode
        if mode.startswith("I;16"):  # Pillow clips 16 bits to 8 instead of scaling them
            image = Image.fromarray((np.array(image) >> 8).astype(np.uint8))
        pixels = np.array(image.convert("RGB"))
    return pixels, None if mode == "RGB" else mode


def cropped_size(size: Sequence[int], multiple: int, limit: int | None = None) -> tuple[int, int]:
    """Height and width that `central_crop` leaves of an image's."""
    height, width = (min(n, limit or n) // multiple * multiple for n in size)
    return height, width


def central_crop(pixels: np.ndarray, multiple: int, limit: int | None = None) -> np.ndarray:
    """Cut the centre of an image, so that its sides are multiples and at most `limit` pixels.

    Args:
        pixels: (H, W, C).
        multiple: of both sides of the result.
        limit: longest side allowed; None for no limit.
    """
    sides = cropped_size(pixels.shape[:2], multiple, limit)
    y, x = ((n - side) // 2 for n, side in zip(pixels.shape[:2], sides, strict=True))
    return pixels[y : y + sides[0], x : x + sides[1]]


def measure_cropped(path: str | Path, multiple: int, limit: int | None = None) -> tuple[int, int]:
    """Height and width of what `read_cropped` will read; looks at the file's beginning only.

    Raises:
        InputError: no readable image, or nothing is left of it.
    """
    with _opened(path) as image:
        size = cropped_size((image.height, image.width), multiple, limit)
    if not all(size):
        raise InputError(f"{path}: smaller than {multiple} pixels")
    return size


def read_cropped(path: str | Path, multiple: int, limit: int | None = None) -> np.ndarray:
    """Read an image, cropped by `central_crop`; says if it was converted to RGB."""
    pixels, converted_from = read_image(path)
    if converted_from:
        print(f"{path}: converted from mode {converted_from} to RGB", flush=True)
    return central_crop(pixels, multiple, limit)
