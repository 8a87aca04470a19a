"""Files between the steps: HDF5 images, Parquet tables, weights; written whole or not at all."""

import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from ..base.errors import DiskFull, InputError
from ..base.files import is_full, readable
from ..base.provenance import canonical_json, checksum


@dataclass(frozen=True)
class Extent:
    """Where an image lies in a file: 8-bit RGB, pixel after pixel, row after row.

    Attributes:
        offset: of the first byte.
        height: in pixels.
        width: in pixels.
    """

    offset: int
    height: int
    width: int


def _offset(file: h5py.File, key: str) -> int:
    offset = file[key].id.get_offset()
    if offset is None:
        raise InputError(
            f"{file.filename}: {key} does not lie in one piece, so the file is an older version's "
            "or another program's; delete it, and the next run makes it again"
        )
    return offset


def _extent(file: h5py.File, key: str) -> Extent:
    return Extent(_offset(file, key), *file[key].shape[:2])


def digest_key(image: str) -> str:
    """Where a file holds the digest of the photograph that an image was cropped from."""
    return f"photograph/{image}"


def _array_shape(announced: tuple[int, ...]) -> tuple[int, ...]:
    """Of what is stored: an image's height and width get their channels, bytes are as they are."""
    return (*announced, 3) if len(announced) == 2 else announced


class ImageStore:
    """Reader of one dataset's HDF5 file.

    Layout: `hr/<image>` uint8 (H, W, 3); `lr/<degradation>/<image>` uint8 (H / r, W / r, 3), each
    contiguous and uncompressed, so that a crop is read without the rest of the image;
    `photograph/<image>` uint8 (32,), see `sources.content_digest`. The file's attribute
    `deterministic` is true where `lr` holds what the deterministic operators of each degradation
    make (training data: noise is drawn afresh in training).

    Raises:
        InputError: the file is missing, damaged or cut short, or lacks a degradation.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with self._open() as file:
            self.attributes = dict(file.attrs)
            self.names = sorted(file["hr"])
            self.degradations = sorted(file["lr"])

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        with readable(self.path), h5py.File(self.path, "r") as file:
            yield file

    @property
    def scale(self) -> int:
        """Super-resolution factor between the LR and HR images."""
        return int(self.attributes["scale"])

    def hr(self, name: str) -> Tensor:
        """HR image, uint8 (3, H, W)."""
        return self._read(self.hr_key(name))

    def lr(self, degradation: str, name: str) -> Tensor:
        """LR image, uint8 (3, H / r, W / r)."""
        return self._read(self.lr_key(degradation, name))

    def hr_key(self, name: str) -> str:
        """Where the file holds an HR image."""
        return f"hr/{name}"

    def lr_key(self, degradation: str, name: str) -> str:
        """Where the file holds an LR image."""
        if degradation not in self.degradations:
            raise InputError(
                f"{self.path}: holds no degradation '{degradation}', "
                f"only {', '.join(self.degradations)}"
            )
        return f"lr/{degradation}/{name}"

    def photographs(self) -> dict[bytes, str]:
        """Names of the images by the digest of their photograph.

        Raises:
            InputError: the file holds no digests.
        """
        with self._open() as file:
            return {file[digest_key(name)][:].tobytes(): name for name in self.names}

    def extents(self) -> dict[str, Extent]:
        """Where every image lies in the file, by HDF5 key; linked images lie in the same place.

        Raises:
            InputError: an image does not lie in one piece.
        """
        keys = [self.hr_key(image) for image in self.names]
        keys += [self.lr_key(kind, image) for kind in self.degradations for image in self.names]
        with self._open() as file:
            return {key: _extent(file, key) for key in keys}

    def _read(self, key: str) -> Tensor:
        with self._open() as file:
            return torch.from_numpy(file[key][:]).permute(2, 0, 1).contiguous()


def require_disjoint(stores: Mapping[str, ImageStore], pairs: Iterable[Sequence[str]]) -> None:
    """Complain about photographs that lie in two datasets, under the same name or another.

    Only equal pixels are found: a photograph that was resized or compressed again is another one.

    Args:
        stores: by dataset.
        pairs: names of two datasets each.

    Raises:
        InputError: with all such photographs.
    """
    digests = {name: store.photographs() for name, store in stores.items()}
    shared = [
        f"'{digests[one][digest]}' in '{one}' is '{digests[other][digest]}' in '{other}'"
        for one, other in pairs
        for digest in digests[one]
        if digest in digests[other]
    ]
    if shared:
        raise InputError(
            "the same photograph in datasets that must be disjoint:\n  "
            + "\n  ".join(shared)
            + "\ntake it out of one of them"
        )


class ImageWriter:
    """Writer of one dataset's HDF5 file, by several threads, that goes on after a kill.

    The file is laid out before its first pixel is known, so that threads write into it without
    waiting for each other, and it is the same in whatever order they do. Until all images are
    there it lies hidden beside its place, and has a stamp and one mark per image behind its end.
    """

    @classmethod
    @contextmanager
    def open(
        cls,
        path: str | Path,
        attributes: Mapping,
        shapes: Mapping[str, Mapping[str, tuple[int, ...]]],
        links: Mapping[str, str],
        stamp: str,
    ) -> Iterator["ImageWriter"]:
        """Yield a writer; move the file in place when the block ends well.

        Holds a lock: a job left behind by a killed Snakemake may still be writing.

        Args:
            path: HDF5 file to write.
            attributes: of the file.
            shapes: by image what is stored of it, by key: an image's height and width, or the
                number of bytes alone.
            links: keys that are other names of stored images, and these images' keys.
            stamp: of all else that the pixels depend on. An unfinished file is gone on with only
                if everything given here is the same.

        Raises:
            InputError: too little space, a damaged unfinished file, or a folder in its place.
        """
        path = Path(path)
        if path.is_dir():
            raise InputError(f"{path}: is a folder, expected a file; move it away")
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            writer = cls(path, attributes, shapes, links, stamp)
            yield writer
            writer._finish()

    def __init__(self, path: Path, attributes, shapes, links, stamp: str):
        self.path, self._shapes = path, shapes
        self._partial = path.with_name(f".{path.name}.partial")
        plan = canonical_json([attributes, list(shapes.items()), links])
        self._stamp = checksum(plan, stamp).encode()
        marks = self._read_marks()
        self._done = dict(zip(shapes, marks or bytes(len(shapes)), strict=True))
        if marks is None:
            self._partial.unlink(missing_ok=True)
        if shutil.disk_usage(path.parent).free < self._needed_bytes():
            raise self._disk_full()
        if marks is None:
            with self._writing():
                self._lay_out(attributes, links)
        with readable(self._partial), h5py.File(self._partial, "r") as file:
            self._offsets = {key: _offset(file, key) for keys in shapes.values() for key in keys}
        self._end = self._partial.stat().st_size - len(shapes)  # where the marks begin
        self._places = {image: self._end + i for i, image in enumerate(shapes)}

    @property
    def missing(self) -> list[str]:
        """Images that are not there yet."""
        return [image for image, done in self._done.items() if not done]

    def _needed_bytes(self) -> int:
        """What the missing images need, less what the disk holds of them already."""
        shapes = (shape for image in self.missing for shape in self._shapes[image].values())
        missing = sum(math.prod(_array_shape(shape)) for shape in shapes)
        if not self._partial.exists():
            return missing
        status = self._partial.stat()
        return min(missing, max(0, status.st_size - 512 * status.st_blocks))

    def _read_marks(self) -> bytes | None:
        """The unfinished file's marks; None if there is no such file, or it has another stamp."""
        if not self._partial.exists():
            return None
        length = len(self._stamp) + len(self._shapes)
        with self._partial.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - length))
            stamp, marks = file.read(len(self._stamp)), file.read()
        return marks if stamp == self._stamp else None

    def _lay_out(self, attributes: Mapping, links: Mapping[str, str]) -> None:
        """Write everything but the pixels; the stamp last, for it says that all else is there."""
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        with h5py.File(self._partial, "w") as file:
            file.attrs.update(attributes)
            for shapes in self._shapes.values():
                for key, shape in shapes.items():
                    file.create_dataset(key, _array_shape(shape), np.uint8, dcpl=layout)
            for key, existing in links.items():
                file[key] = file[existing]
        with self._partial.open("r+b") as file:
            os.fsync(file.fileno())
            file.seek(0, os.SEEK_END)
            file.write(self._stamp + bytes(len(self._shapes)))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn the error of a full disk into one that says how much room is needed."""
        try:
            yield
        except OSError as error:
            if is_full(error):
                raise self._disk_full() from None
            raise

    def _disk_full(self) -> DiskFull:
        free = shutil.disk_usage(self.path.parent).free
        return DiskFull(
            f"{self.path}: no space left on the disk; make room, and the next run goes on with the "
            f"images that are finished: {free / 1e6:,.1f} MB are free, "
            f"{self._needed_bytes() / 1e6:,.1f} MB are needed"
        )

    def write(self, image: str, pixels: Mapping[str, np.ndarray]) -> None:
        """Store all of one image, uint8 (H, W, 3) or (bytes,) by key; in several threads if wanted.

        Raises:
            InputError: other shapes than those announced, or the disk is full.
        """
        self._check_shapes(image, pixels)
        with self._writing(), self._partial.open("r+b") as file:
            for key, array in pixels.items():
                file.seek(self._offsets[key])
                file.write(np.ascontiguousarray(array))
            file.flush()
            os.fsync(file.fileno())  # no mark on the disk before the pixels
            file.seek(self._places[image])
            file.write(b"\1")
        self._done[image] = True

    def _check_shapes(self, image: str, pixels: Mapping[str, np.ndarray]) -> None:
        found = {key: array.shape[:2] for key, array in pixels.items()}
        if found != self._shapes[image]:
            raise InputError(
                f"{image}: came out with other heights and widths, {found}, than an image of its "
                f"size should, {dict(self._shapes[image])}"
            )

    def _finish(self) -> None:
        assert not self.missing, self.missing
        os.truncate(self._partial, self._end - len(self._stamp))
        os.replace(self._partial, self.path)
