"""Benchmark of the training: how fast it is, how near the machine's peak, what its batches cost.

Two loops run side by side on the same network, images and degradations: `ours`
(`training.Run` on the batches of `batches.PatchSampler`) and `reference`, a plain loop.
Both minimise the L1 distance of the output, whatever objective of its own the network has.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product, repeat
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torch.utils.flop_counter import FlopCounterMode

from ..base.device import Compute
from ..base.progress import progress
from ..data.batch import Batch
from ..data.batches import AHEAD, PatchSampler, SubImages
from ..data.degradations import Degradation, build_degradations
from ..data.pixels import to_float
from ..data.store import ImageStore
from ..networks.building import build
from ..networks.cost import peak_gflops, timed
from ..networks.objectives import Objective
from ..training.loop import Run
from ..training.schedule import Schedule
from .attribution import device_name, fast_precisions

SUB_IMAGES = {"size": 480, "stride": 240}  # HR pixels, as in the released training
LEARNING_RATE = 2e-4  # of no consequence for the time
EMA_DECAY = 0.999
STEPS = 5  # in one timing
ROUNDS = 3  # of timings in one repetition: many short ones, since the machine's speed may vary


@dataclass(frozen=True)
class Setup:
    """What is trained, on which batches.

    Attributes:
        network: arguments of `networks.build`.
        data: training images (HDF5).
        degradations: lists of operators by name, of which each patch takes one.
        patch: side of an HR patch in pixels.
        batch: number of patches.
        device: see `device.choose_device`.
    """

    network: Mapping
    data: Path
    degradations: Mapping[str, Sequence[dict]]
    patch: int
    batch: int
    device: str = "auto"

    def operators(self) -> dict[str, Degradation]:
        """The degradations, ready for use."""
        return build_degradations(self.degradations, self.network["scale"])

    def sub_images(self) -> dict[str, int]:
        """Size and stride of `SubImages`; a patch that is larger than they are has larger ones."""
        return {**SUB_IMAGES, "size": max(SUB_IMAGES["size"], self.patch)}


Batches = Iterator[Batch]
Work = Callable[[Batch], object]  # what is done with a batch


# ---- the loops


class Ours:
    """Our training.

    Args:
        setup: what is trained.
        precision: see `device.PRECISIONS`.
        steps: in one timing.

    Attributes:
        ahead: batches that may be made before they are asked for.
    """

    name, ahead = "ours", AHEAD

    def __init__(self, setup: Setup, precision: str, steps: int):
        self.precision, self.count = precision, steps + 2 * self.ahead
        self.compute = Compute.choose(setup.device, precision)
        network = build(**setup.network)
        network.objective = Objective  # in place of its own, as the reference has no other
        self.sampler = PatchSampler(
            ImageStore(setup.data),
            setup.operators(),
            patch=setup.patch,
            batch=setup.batch,
            seed=0,
            compute=self.compute,
            sub_images=setup.sub_images(),
        )
        schedule = Schedule(iterations=1_000_000, learning_rate=LEARNING_RATE)
        self.step = Run(network, schedule, self.compute).step
        self._made = 0

    def batches(self) -> Batches:
        """The next batches, enough for one timing, as the training takes them."""
        first, self._made = self._made, self._made + self.count
        return self.sampler.batches(first, self._made)


class PatchDataset(Dataset):
    """Sub-images, each a random patch of which is an item, degraded when it is asked for.

    The whole sub-image is degraded, as in the released training, where it is made before the patch
    is chosen. Its pixels come uncompressed from the mapped HDF5 file.
    """

    def __init__(self, setup: Setup):
        store, parts = ImageStore(setup.data), SubImages(**setup.sub_images())
        self.path, self.patch, self.scale = store.path, setup.patch, store.scale
        self.size = parts.size
        self.degradations = list(setup.operators().values())
        extents = store.extents()
        self.parts = [
            (extent, top, left)
            for extent in (extents[store.hr_key(image)] for image in store.names)
            for top, left in product(parts.starts(extent.height), parts.starts(extent.width))
        ]

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """LR (3, patch / r, patch / r) and HR (3, patch, patch), float32 in [0, 1]."""
        hr = self._sub_image(number)
        kind = int(torch.randint(len(self.degradations), ()))
        lr = self.degradations[kind](hr[None], torch.default_generator)[0]
        side = self.patch // self.scale
        y, x = (int(torch.randint(length - side + 1, ())) for length in lr.shape[1:])
        lr = lr[:, y : y + side, x : x + side]
        y, x = y * self.scale, x * self.scale
        hr = hr[:, y : y + self.patch, x : x + self.patch]
        turn, flip = int(torch.randint(4, ())), bool(torch.randint(2, ()))
        return tuple(_turned(pixels, turn, flip) for pixels in (lr, hr))

    def _sub_image(self, number: int) -> Tensor:
        extent, top, left = self.parts[number]
        shape = (extent.height, extent.width, 3)
        image = np.memmap(self.path, np.uint8, "r", extent.offset, shape)
        pixels = np.array(image[top : top + self.size, left : left + self.size])
        return to_float(torch.from_numpy(pixels).permute(2, 0, 1).contiguous())


def _turned(pixels: Tensor, turn: int, flip: bool) -> Tensor:
    """One of a square's eight orientations."""
    turned = torch.rot90(pixels, turn, (1, 2))
    return (turned.flip(2) if flip else turned).contiguous()


class Reference:
    """A plain loop that does what the public training code does, without its logging.

    Float32 in the contiguous memory format, Adam as torch makes it by default, the L1 loss, and the
    moving average of the weights by a loop over them. A `DataLoader` with a worker process of one
    thread for each thread of the main process makes the patches, see `PatchDataset`. Its workers
    live on, and no epoch ends within a timing. It is on the fast side: pixels need no decoding, and
    the blur is separable.

    The arguments and attributes are those of `Ours`.
    """

    name, precision = "reference", "float32"

    def __init__(self, setup: Setup, steps: int):
        self.compute = Compute.choose(setup.device, self.precision)
        self.network = build(**setup.network).to(self.compute.device).train()
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        parameters = self.network.parameters()
        self.optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=(0.9, 0.99))
        dataset, workers = PatchDataset(setup), torch.get_num_threads()
        self.ahead = 2 * workers
        count = steps + 2 * self.ahead
        self.loader = DataLoader(
            dataset,
            setup.batch,
            sampler=RandomSampler(dataset, num_samples=count * setup.batch),
            num_workers=workers,
            prefetch_factor=2,
            persistent_workers=True,
            pin_memory=self.compute.device.type == "cuda",
        )

    def batches(self) -> Batches:
        """Enough for one timing, which is one epoch to the loader."""
        for batch in self.loader:
            lr, hr = (part.to(self.compute.device, non_blocking=True) for part in batch)
            yield Batch(lr, hr, hr.new_zeros(len(hr)))

    def step(self, batch: Batch) -> None:
        """One update of the weights and of their average."""
        self.optimizer.zero_grad()
        F.l1_loss(self.network(batch.lr), batch.hr).backward()
        self.optimizer.step()
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
            for average, weight in pairs:
                average.mul_(EMA_DECAY).add_(weight, alpha=1 - EMA_DECAY)


Loop = Ours | Reference


def make_loops(setup: Setup, steps: int) -> list[Loop]:
    """The reference, and our training in all precisions that this machine is fast in."""
    ours = [Ours(setup, precision, steps) for precision in fast_precisions(setup.device)]
    return [Reference(setup, steps), *ours]


# ---- cost


def flop_per_step(loop: Loop) -> float:
    """Floating-point operations of one step, forward and backward, as torch counts them."""
    batch = _fixed(loop)
    with FlopCounterMode(display=False) as counter:
        loop.step(batch)
    return counter.get_total_flops()


def _fixed(loop: Loop) -> Batch:
    """One batch of a loop."""
    *_, batch = loop.batches()  # all are taken, so that nothing is left to be made
    return batch


def seconds_per_batch(
    batches: Batches, work: Work, device: torch.device, *, before: int, steps: int
) -> float:
    """Time that each batch takes once the making of batches has found its pace.

    Where `before` is the number of batches that may be made ahead, and as many are left after the
    timing, those that were there at its start, which nobody waited for, are as many as those that
    are there at its end. They are taken, too, so that nothing is made while something else is
    timed.

    Args:
        work: what is done with each.
        before: batches to work on before the timing.
        steps: batches to time.
    """

    def some(count: int) -> None:
        for _ in range(count):
            work(next(batches))

    some(before)
    seconds = timed(partial(some, steps), device)
    for _ in batches:
        pass
    return seconds / steps


def seconds_by_kind(loop: Loop, fixed: Batch, steps: int) -> dict[str, float]:
    """Time of a step on real batches, of one on a fixed batch, and of making a batch."""
    kinds = {
        "real": (loop.batches, loop.step, loop.ahead),
        "fixed": (partial(repeat, fixed, steps + 1), loop.step, 1),
        "batches": (loop.batches, lambda batch: None, loop.ahead),
    }
    return {
        kind: seconds_per_batch(batches(), work, loop.compute.device, before=before, steps=steps)
        for kind, (batches, work, before) in kinds.items()
    }


def training_table(setup: Setup, *, repetitions: int, matrices: Sequence[int]) -> pd.DataFrame:
    """How fast the loops train.

    They take turns, so that what else the machine does disturbs all alike. Times that are divided
    by one another are of the same round.

    Args:
        repetitions: of `ROUNDS` of all timings, of which the median is taken.
        matrices: sides of the matrices that the machine's peak is measured with.

    Returns:
        Rows with loop, precision, device, threads, batch, patch (HR pixels),
        iterations_per_second, gflops (on real batches), peak_gflops, images_per_second (patches
        that the batches alone would come at), ratio (iterations per second of this / of the
        reference), real_to_fixed (time of a step on real batches / on a fixed one); the reference
        first.
    """
    loops = make_loops(setup, STEPS)
    fixed, flop = [_fixed(loop) for loop in loops], flop_per_step(loops[0])
    rounds, peaks = [[] for _ in loops], {}
    count = repetitions * ROUNDS
    for _ in progress(range(count), "timing", count, "round"):
        for loop, batch, found in zip(loops, fixed, rounds, strict=True):
            found.append(seconds_by_kind(loop, batch, STEPS))
        for loop in loops[1:]:
            now = peak_gflops(loop.compute, matrices)
            peaks[loop.precision] = max(now, peaks.get(loop.precision, 0))
    times = [pd.DataFrame(found) for found in rounds]
    rows = []
    for loop, seconds in zip(loops, times, strict=True):
        rate = 1 / seconds["real"].median()
        costs = {
            "iterations_per_second": rate,
            "gflops": rate * flop / 1e9,
            "peak_gflops": peaks[loop.precision],
            "images_per_second": setup.batch / seconds["batches"].median(),
            "ratio": (times[0]["real"] / seconds["real"]).median(),
            "real_to_fixed": (seconds["real"] / seconds["fixed"]).median(),
        }
        rows.append({**describe(loop, setup), **costs})
    return pd.DataFrame(rows)


def describe(loop: Loop, setup: Setup) -> dict:
    """Columns that tell a loop, what it trains on, and where it ran."""
    return {
        "loop": loop.name,
        "precision": loop.precision,
        "device": device_name(loop.compute.device),
        "threads": torch.get_num_threads(),
        "batch": setup.batch,
        "patch": setup.patch,
    }
