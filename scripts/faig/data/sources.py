"""Where photographs come from: packages that ship them, and folders."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

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

# of the TIFF tag SampleFormat: unsigned whole numbers, whose range the number of bits tells
UNSIGNED = 1

DIGEST_BYTES = 32  # of `content_digest`


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
    """Images in a folder by name (without suffix), sorted; hidden files are none.

    Raises:
        InputError: no such folder, no image in it, two images of one name, or what has the name of
            an image is no file that can be read.
    """
    named: dict[str, Path] = {}
    for file in _listed(folder):
        if not _is_image(file):
            continue
        _require_file(file)
        name = utf8(file.stem)
        if name in named:
            raise InputError(
                f"{folder}: '{named[name].name}' and '{file.name}' have the same name "
                "but for the suffix; rename one"
            )
        named[name] = file
    if not named:
        raise InputError(f"{folder}: holds no image ({', '.join(SUFFIXES)})")
    return named


def unused_files(folder: str | Path) -> list[str]:
    """Names of what lies beside the images of a folder; subfolders end with a slash."""
    others = (file for file in _listed(folder) if not _is_image(file))
    # hidden files are seldom meant, but for those that look like images
    return [
        ascii(file.name)[1:-1] + "/" * file.is_dir()
        for file in others
        if not file.name.startswith(".") or file.suffix.lower() in SUFFIXES
    ]


def unused_note(names: Sequence[str]) -> str:
    """What to say of files that lie beside images."""
    shown = [*names[:20], *([f"and {len(names) - 20} more"] if len(names) > 20 else [])]
    return f"not used, for images are {', '.join(SUFFIXES)}: {', '.join(shown)}"


def _listed(folder: str | Path) -> list[Path]:
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from None


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def utf8(name: str) -> str:
    """A file's name as UTF-8 reads it, whatever the locale says.

    Raises:
        InputError: it is not UTF-8.
    """
    try:
        return os.fsencode(name).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"the file name {os.fsencode(name)} is not UTF-8; rename it") from None


def _require_file(file: Path) -> None:
    """Complain about what would hang or fail when it is read: pipes, folders, dangling links."""
    if not file.is_file():
        what = "a folder" if file.is_dir() else "no regular file"
        what = "a link that leads nowhere" if file.is_symlink() and not file.exists() else what
        raise InputError(f"{file}: {what}, expected an image; rename or remove it")
    if not os.access(file, os.R_OK):
        raise InputError(f"{file}: not readable by this user; change its permissions")


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """Open an image file; all that can be wrong with it becomes an error that names it."""
    try:
        with Image.open(path) as image:
            _require_known_range(image, path)
            yield image
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too large ({error})") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: unreadable or cut short ({error})") from None


def _require_known_range(image: Image.Image, path: str | Path) -> None:
    """Complain about pixels of which nobody says what is black and what is white."""
    tags = getattr(image, "tag_v2", {})
    bits = set(tags.get(ExifTags.Base.BitsPerSample, (8,)))
    formats = set(tags.get(ExifTags.Base.SampleFormat, (UNSIGNED,)))
    if image.mode in ("I", "F") or bits - {1, 2, 4, 8, 16} or formats - {UNSIGNED}:
        raise InputError(
            f"{path}: has floating-point, signed, 12-bit or 32-bit pixels (mode {image.mode}), "
            "expected 8 or 16 unsigned bits per channel; convert it"
        )
    # Pillow inverts those of fewer bits
    if bits == {16} and tags.get(ExifTags.Base.PhotometricInterpretation) == 0:
        raise InputError(
            f"{path}: has 16-bit pixels whose 0 is white (PhotometricInterpretation 0), expected "
            "0 to be black; convert it"
        )


def _is_deep(image: Image.Image) -> bool:
    """Whether a file that was opened, not loaded, has 16 bits per channel; not all modes tell."""
    if image.format == "PNG":
        return image.tile[0].args.endswith(";16B")
    return 16 in getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, ())


def _orientation(image: Image.Image) -> int:
    """How a file that was opened, not loaded, says that its pixels are to be turned; 1 if not."""
    # Pillow would decode a whole PNG in search of it
    if image.format == "PNG" and not image.info.keys() & {"exif", "Raw profile type exif"}:
        return 1
    return _exif_orientation(image)


def _exif_orientation(image: Image.Image) -> int:
    """What EXIF says of an image, from 1 to 8; other numbers mean nothing, and turn no pixels."""
    value = image.getexif().get(ExifTags.Base.Orientation)
    return value if value in range(1, 9) else 1


def spread(items: Sequence, count: int) -> list:
    """At most `count` items, evenly spread over all."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[i] for i in chosen]


def read_image(path: str | Path) -> tuple[np.ndarray, list[str]]:
    """Read an image file.

    Returns:
        Pixels uint8 (H, W, 3), turned as its EXIF orientation tells, and all that was done to the
        file's own pixels, in words.

    Raises:
        InputError: no readable image, damaged, cut short, or of an unknown range of values.
    """
    with _opened(path) as image:
        image.verify()  # checksums, which decoding does not look at; the image is of no use then
    with _opened(path) as image:
        orientation, frames, mode = _orientation(image), getattr(image, "n_frames", 1), image.mode
        deep, transparent = _is_deep(image), "transparency" in image.info
        image.load()
        if image.format == "PNG" and _exif_orientation(image) != orientation:
            raise InputError(f"{path}: says after its pixels how to turn them; save it again")
        ImageOps.exif_transpose(image, in_place=True)
        if mode.startswith("I;16"):  # Pillow clips 16 bits to 8 instead of scaling them
            image = Image.fromarray((np.array(image) >> 8).astype(np.uint8))
        pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"))
    done = {
        f"converted from mode {mode} to RGB": mode != "RGB",
        "of 16 bits per channel the upper 8 are used": deep,
        "its transparency is left out": transparent,
        f"turned as its EXIF orientation {orientation} tells": orientation != 1,
        f"only the first of {frames} pages or frames is used": frames > 1,
    }
    return pixels, [words for words, applies in done.items() if applies]


def content_digest(pixels: np.ndarray) -> bytes:
    """SHA-256 of pixels (H, W, C), their height and width included: the same for no other photo."""
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels))
    return digest.digest()


def cropped_size(size: Sequence[int], multiple: int, limit: int | None) -> tuple[int, int]:
    """Height and width that `central_crop` leaves of an image's."""
    height, width = (min(n, limit or n) // multiple * multiple for n in size)
    return height, width


def central_crop(pixels: np.ndarray, multiple: int, limit: int | None) -> np.ndarray:
    """Cut the centre of an image, so that its sides are multiples and at most `limit` pixels.

    Args:
        pixels: (H, W, C).
        multiple: of both sides of the result.
        limit: longest side allowed; None for no limit.
    """
    sides = cropped_size(pixels.shape[:2], multiple, limit)
    y, x = ((n - side) // 2 for n, side in zip(pixels.shape[:2], sides, strict=True))
    return pixels[y : y + sides[0], x : x + sides[1]]


def measure_cropped(path: str | Path, multiple: int, limit: int | None) -> tuple[int, int]:
    """Height and width of what `read_cropped` will read; looks at the file's beginning only.

    Raises:
        InputError: no readable image, or nothing is left of it.
    """
    with _opened(path) as image:
        whole = (image.height, image.width)
        # sides change places; those of a TIFF have done so already
        if _orientation(image) >= 5 and image.format != "TIFF":
            whole = whole[::-1]
    size = cropped_size(whole, multiple, limit)
    if not all(size):
        raise InputError(f"{path}: smaller than {multiple} pixels")
    return size


def read_cropped(path: str | Path, multiple: int, limit: int | None) -> tuple[np.ndarray, bytes]:
    """Read an image, cropped by `central_crop`; says what else was done to it.

    Returns:
        Pixels uint8 (H, W, 3), and the `content_digest` of the whole image.
    """
    pixels, done = read_image(path)
    for words in done:
        print(f"{path}: {words}", flush=True)
    return central_crop(pixels, multiple, limit), content_digest(pixels)
