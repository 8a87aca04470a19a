"""Training batches: random patches of a dataset's images, degraded as they are drawn.

A dataset's HDF5 file is looked at as one flat row of bytes, in which every image has its place. A
batch is gathered from it by one index operation, wherever the bytes lie: on the device, in host
memory, or in the file itself.
"""

import mmap
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
import torch
from torch import Tensor

from ..base.device import Compute
from ..base.errors import InputError
from .batch import Batch
from .degradations import Degradation, build_degradations
from .pixels import to_float
from .store import Extent, ImageStore

AHEAD = 2  # batches that are gathered before they are asked for


def place_bytes(store: ImageStore, compute: Compute) -> tuple[Tensor, mmap.mmap | None]:
    """The bytes of a dataset's file, uint8 (bytes,), as near to the device as they fit.

    That is on the device if they take at most half of its free memory, else in pinned host memory
    if they take at most half of that, else mapped from the file. On a CPU they are always mapped:
    the system keeps the file in memory, once for all jobs that read it.

    Returns:
        The bytes; and the mapped file if it is too large to be kept in memory, else None.
    """
    with store.path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    mapped = torch.frombuffer(pages, dtype=torch.uint8)
    on_cuda = compute.device.type == "cuda"
    if on_cuda and 2 * len(pages) <= torch.cuda.mem_get_info(compute.device)[0]:
        return mapped.to(compute.device), None
    if 2 * len(pages) > psutil.virtual_memory().available:
        return mapped, pages
    return mapped.pin_memory() if on_cuda else mapped, None


@dataclass(frozen=True)
class SubImages:
    """Square parts of the images that patches are taken from, as in the released training.

    A patch's sub-image is drawn uniformly, so that a large image, of which there are many, is seen
    more often than a small one.

    Attributes:
        size: side in HR pixels.
        stride: from one to the next, in HR pixels; the last one ends at the image's border.
    """

    size: int
    stride: int

    def starts(self, length: int) -> list[int]:
        """First pixels along a side of `length` pixels; one that is too short is taken whole."""
        starts = list(range(0, max(length - self.size, 0) + 1, self.stride))
        if starts[-1] + self.size < length:
            starts.append(length - self.size)
        return starts


# the 8-bit part of a batch, before what is drawn afresh: HR patches, uint8 (N, 3, patch, patch); by
# number of the degradation which of the N patches take it, and what its deterministic operators
# made of these, uint8 (n, 3, h, w)
Patches = tuple[Tensor, dict[int, tuple[Tensor, Tensor]]]


class PatchSampler:
    """Random training batches: image, degradation, position and orientation uniformly at random.

    A batch follows from the seed and its number alone, so that a training goes on after an
    interruption as if there had been none, and batches can be made ahead.

    Args:
        store: training images; in `lr` what the deterministic operators of each degradation make.
        degradations: by name; each patch takes one with equal probability.
        patch: side of a square HR patch in pixels.
        batch: number of patches, or of scenes where there are several views of each.
        seed: of every draw.
        views: number of patches that are taken of one image and degraded alike; a batch has first
            one view of every scene, then the next.
        sub_images: size and stride of `SubImages`; None to take patches from whole images.

    Raises:
        InputError: an image, or a sub-image, is smaller than the patch.
    """

    def __init__(
        self,
        store: ImageStore,
        degradations: Mapping[str, Degradation],
        *,
        patch: int,
        batch: int,
        seed: int,
        compute: Compute,
        views: int = 1,
        sub_images: Mapping[str, int] | None = None,
    ):
        self.compute, self.batch, self.seed, self.views = compute, batch, seed, views
        self.degradations = list(degradations.values())
        self.scale = store.scale
        self.size = patch // self.scale  # in LR pixels
        self.bytes, self._pages = place_bytes(store, compute)
        extents = store.extents()
        self.hr = [extents[store.hr_key(image)] for image in store.names]
        self.prepared = [
            [extents[store.lr_key(name, image)] for image in store.names] for name in degradations
        ]
        for name, image in zip(store.names, self.hr, strict=True):
            if min(image.height, image.width) < patch:
                raise InputError(
                    f"training image '{name}' is {image.width} x {image.height} pixels, "
                    f"smaller than the patch of {patch}: leave it out or set patch lower"
                )
        parts = SubImages(**sub_images) if sub_images else None
        if parts and parts.size < patch:
            raise InputError(
                f"sub-images of {parts.size} pixels are smaller than the patch of {patch}: "
                "set sub_images.size higher or patch lower"
            )
        self.windows = self._list_windows(parts)
        self._noise = torch.Generator(compute.device)
        self._grids: dict[int, Tensor] = {}

    @classmethod
    def open(cls, path: Path, operators: Mapping[str, Sequence[Mapping]], **options) -> Self:
        """Batches of a dataset's file.

        Args:
            operators: by degradation, see `Degradation`.
            options: as those of the class.
        """
        store = ImageStore(path)
        return cls(store, build_degradations(operators, store.scale), **options)

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """The batches with numbers from `first` to `last - 1`.

        Those whose images are not on the device are gathered ahead by a thread.
        """
        numbers = range(first, last)
        if self.bytes.device == self.compute.device:
            patches = map(self._gather, numbers)
        else:
            patches = made_ahead(self._gather, numbers)
        return map(self._degrade, numbers, patches)

    def _random(self, number: int, what: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, number, what))

    def _list_windows(self, parts: SubImages | None) -> np.ndarray:
        """Where patches may lie: rows of image, top, left, height, width, in LR pixels."""
        rows = []
        for i, image in enumerate(self.hr):
            tops, lefts = [0], [0]
            height, width = image.height, image.width
            if parts:
                tops, lefts = parts.starts(height), parts.starts(width)
                height, width = min(height, parts.size), min(width, parts.size)
            rows += [(i, top, left, height, width) for top in tops for left in lefts]
        table = np.array(rows)
        table[:, 1:] //= self.scale
        return table

    def _gather(self, number: int) -> Patches:
        """Everything of a batch but what its degradations draw afresh."""
        random = self._random(number, 0)
        kinds = random.integers(len(self.degradations), size=self.batch)
        turns = random.integers(8, size=self.batch * self.views)
        windows = random.choice(self.windows, self.batch)
        kinds = np.tile(kinds, self.views)
        images, top, left, height, width = np.tile(windows, (self.views, 1)).T
        free = np.stack([height, width]) - self.size + 1
        y, x = np.stack([top, left]) + (random.random(free.shape) * free).astype(int)
        hr = self._crop([self.hr[i] for i in images], self.scale, y, x, turns)
        by_kind = {}
        for kind in np.unique(kinds).tolist():
            degraded = np.flatnonzero(kinds == kind)
            places = y[degraded], x[degraded], turns[degraded]
            extents = [self.prepared[kind][i] for i in images[degraded]]
            # not yet downsampled, they are still as fine as the HR image
            fineness = extents[0].height * self.scale // self.hr[images[degraded[0]]].height
            prepared = self._crop(extents, fineness, *places)
            by_kind[kind] = torch.from_numpy(degraded), prepared
        return hr, by_kind

    def _crop(self, extents: Sequence[Extent], factor: int, y, x, turns) -> Tensor:
        """Squares of images that are `factor` times as fine as LR; uint8 (n, 3, side, side)."""
        width = np.array([extent.width for extent in extents])
        start = np.array([extent.offset for extent in extents]) + 3 * factor * (y * width + x)
        if self._pages:
            self._ask_for(start, 3 * width * factor * self.size)
        # one small copy to the device; all that is large is made there
        facts = torch.from_numpy(np.stack([start, width, turns])).to(self.bytes.device)
        start, width, turns = facts[..., None, None]
        rows, columns = self._grid(factor * self.size)[:, turns[:, 0, 0]]
        index = start + 3 * (rows * width + columns)
        channels = torch.arange(3, device=index.device)
        return self.bytes[index[..., None] + channels].permute(0, 3, 1, 2)

    def _ask_for(self, starts: np.ndarray, lengths: np.ndarray) -> None:
        """Have parts of the file read from disk all at once, not page by page as they are used."""
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            before = start % mmap.PAGESIZE
            self._pages.madvise(mmap.MADV_WILLNEED, start - before, length + before)

    def _grid(self, side: int) -> Tensor:
        """Row and column that each pixel of a square shows, in its eight orientations.

        Shape (2, 8, side, side).
        """
        if side not in self._grids:
            ends = torch.arange(side, device=self.bytes.device)
            plain = torch.stack(torch.meshgrid(ends, ends, indexing="ij"))
            turned = [torch.rot90(plain, turn, (1, 2)) for turn in range(4)]
            flipped = [grid.flip(2) for grid in turned]
            self._grids[side] = torch.stack([*turned, *flipped], dim=1)
        return self._grids[side]

    def _degrade(self, number: int, patches: Patches) -> Batch:
        """What is drawn afresh; all on the device."""
        self._noise.manual_seed(int(self._random(number, 1).integers(2**63)))
        hr, by_kind = patches
        hr = to_float(self._moved(hr))
        lr = hr.new_empty(len(hr), 3, self.size, self.size)
        blur = hr.new_empty(len(hr))
        for kind, parts in by_kind.items():
            rows, prepared = map(self._moved, parts)
            lr[rows], blur[rows] = self.degradations[kind].apply_stochastic(
                to_float(prepared), self._noise, self.views
            )
        return Batch(lr.contiguous(memory_format=torch.channels_last), hr, blur)

    def _moved(self, tensor: Tensor) -> Tensor:
        """On the device, without waiting for it."""
        return tensor.to(self.compute.device, non_blocking=True)


def made_ahead(make: Callable[[int], Any], numbers: Iterable[int]) -> Iterator:
    """`map(make, numbers)`, made up to `AHEAD` items early by a thread."""
    with ThreadPoolExecutor(1) as pool:
        pending = deque()
        for number in numbers:
            pending.append(pool.submit(make, number))
            if len(pending) > AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
