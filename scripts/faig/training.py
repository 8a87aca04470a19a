"""Training: patches, schedule, loop, exponential moving average, resumable checkpoints."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from filelock import FileLock
from torch import Tensor, nn

from . import networks
from .degradations import Degradation, to_float
from .device import Compute
from .errors import InputError
from .metrics import psnr
from .progress import progress
from .store import ImageStore, atomic_path


class TrainingDiverged(InputError):
    """The loss is no finite number any more."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        iterations: number of steps.
        learning_rate: Adam's learning rate at the start of each period.
        period: iterations of one cosine period (the paper: 250,000); None for one period in all.
        minimum_learning_rate: learning rate at the end of a period.
    """

    iterations: int
    learning_rate: float
    period: int | None = None
    minimum_learning_rate: float = 1e-7

    def rate(self, iteration: int) -> float:
        """Learning rate of a step, counted from 0: cosine annealing with warm restarts."""
        period = self.period or self.iterations
        cosine = (1 + math.cos(math.pi * (iteration % period) / period)) / 2
        lowest = self.minimum_learning_rate
        return lowest + (self.learning_rate - lowest) * cosine


class PatchSampler:
    """Random training batches: image, degradation, position and orientation uniformly at random.

    The images lie in memory as 8-bit stems (see `Degradation`); noise is drawn for each batch.

    Args:
        store: training images, with stems in `lr`.
        degradations: by name; each patch takes one with equal probability.
        patch: side of a square HR patch in pixels.
        batch: number of patches.
        seed: of every draw.

    Raises:
        InputError: an image is smaller than the patch.
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
    ):
        self.compute, self.batch = compute, batch
        self.degradations = list(degradations.values())
        self.scale = self.degradations[0].scale
        self.size = patch // self.scale  # in LR pixels
        self.hr = [store.hr(name) for name in store.names]
        self.lr = [[store.lr(name, image) for image in store.names] for name in degradations]
        for name, image in zip(store.names, self.hr, strict=True):
            if min(image.shape[1:]) < patch:
                raise InputError(
                    f"training image '{name}' is {image.shape[2]} x {image.shape[1]} pixels, "
                    f"smaller than the patch of {patch}: leave it out or set training.patch lower"
                )
        self.choices = torch.Generator().manual_seed(seed)
        self.noise = torch.Generator(compute.device).manual_seed(seed)

    def next(self) -> tuple[Tensor, Tensor]:
        """LR (N, 3, patch / r, patch / r) and HR (N, 3, patch, patch), float32 in [0, 1]."""
        kinds = self._draw(len(self.degradations), self.batch).tolist()
        images = self._draw(len(self.hr), self.batch).tolist()
        turns = self._draw(8, self.batch).tolist()
        pairs = [self._patch(*choice) for choice in zip(kinds, images, turns, strict=True)]
        stems, hr = zip(*pairs, strict=True)
        hr = to_float(torch.stack(hr).to(self.compute.device))
        lr = hr.new_empty(self.batch, 3, self.size, self.size)
        for kind in sorted(set(kinds)):
            rows = [i for i, k in enumerate(kinds) if k == kind]
            own = to_float(torch.stack([stems[i] for i in rows]).to(self.compute.device))
            lr[rows] = self.degradations[kind].apply_rest(own, self.noise)
        return lr, hr

    def _draw(self, high: int, count: int) -> Tensor:
        return torch.randint(high, (count,), generator=self.choices)

    def _patch(self, kind: int, image: int, turn: int) -> tuple[Tensor, Tensor]:
        stem, hr = self.lr[kind][image], self.hr[image]
        corner = [int(self._draw(n // self.scale - self.size + 1, 1)) for n in hr.shape[1:]]
        # a stem that ends before the downsampling is still as fine as the HR image
        fineness = stem.shape[1] * self.scale // hr.shape[1]
        cut = (_cut(stem, corner, self.size, fineness), _cut(hr, corner, self.size, self.scale))
        return tuple(_orient(patch, turn) for patch in cut)

    def state(self) -> dict[str, Tensor]:
        """Random state, for a checkpoint."""
        return {"choices": self.choices.get_state(), "noise": self.noise.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state()`."""
        self.choices.set_state(state["choices"])
        self.noise.set_state(state["noise"])


def _cut(image: Tensor, corner: Sequence[int], side: int, factor: int) -> Tensor:
    """A square of `side` LR pixels from an image (3, H, W) that is `factor` times as fine."""
    y, x = (factor * n for n in corner)
    return image[:, y : y + factor * side, x : x + factor * side]


def _orient(patch: Tensor, turn: int) -> Tensor:
    """One of the eight symmetries of the square."""
    patch = torch.rot90(patch, turn % 4, (1, 2))
    return patch.flip(2) if turn >= 4 else patch


class Checkpoint:
    """A training's sidecar file, from which it goes on after an interruption.

    Args:
        path: where it lies; the file before it is kept under `<path>.previous`.
        stamp: identifies the training's configuration; a file with another stamp is ignored.

    As a context it holds a lock: a job left behind by a killed Snakemake may still be training,
    and two must never write one checkpoint.
    """

    def __init__(self, path: str | Path, stamp: str):
        self.path, self.stamp = Path(path), stamp
        self.previous = self.path.with_name(self.path.name + ".previous")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))

    def __enter__(self) -> "Checkpoint":
        self._lock.acquire()
        return self

    def __exit__(self, *exception) -> None:
        self._lock.release()

    def save(self, content: dict) -> None:
        """Write atomically; the last file becomes the previous one."""
        with atomic_path(self.path) as temporary:
            torch.save({"stamp": self.stamp, **content}, temporary)
            if self.path.exists():
                os.replace(self.path, self.previous)

    def load(self) -> dict | None:
        """The newest readable content with this stamp, on the CPU; None if there is none."""
        for path in (self.path, self.previous):
            try:
                content = torch.load(path, map_location="cpu", weights_only=True)
            except FileNotFoundError:
                continue
            except Exception as error:  # a damaged file fails in many ways, all alike to us
                print(f"warning: {path} is damaged ({type(error).__name__}), trying an older one")
                continue
            if content.get("stamp") == self.stamp:
                return content
        return None

    def remove(self) -> None:
        """Delete the files, when the training is done."""
        self.path.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)


class Run:
    """One training in progress: all that a step changes, and how to save and restore it.

    Attributes:
        iteration: steps done.
        ema: exponential moving average of the weights.
        history: rows of the history table so far.
        seconds: time spent before the last interruption.
    """

    def __init__(
        self,
        network: nn.Module,
        sampler: PatchSampler,
        schedule: Schedule,
        compute: Compute,
        trainable: Mapping[str, Tensor] | None = None,
    ):
        self.network, self.sampler = compute.place(network).train(), sampler
        self.schedule, self.compute = schedule, compute
        self.parameters = _select_trainable(network, trainable, compute.device)
        self.optimizer = torch.optim.Adam(
            [p for p, _ in self.parameters],
            lr=schedule.learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.ema = {name: value.clone() for name, value in network.state_dict().items()}
        self.iteration = 0
        self.history: list[dict] = []
        self.seconds = 0.0
        self.loss_sum = torch.zeros((), device=compute.device)
        self.loss_since = 0
        self._started = time.monotonic()

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return self.schedule.rate(self.iteration)

    @property
    def elapsed(self) -> float:
        """Seconds spent in training, over all interruptions."""
        return self.seconds + time.monotonic() - self._started

    def step(self) -> None:
        """One batch, one update of the weights and of their average."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        lr, hr = self.sampler.next()
        with self.compute.autocast():
            output = self.network(lr)
        loss = F.l1_loss(output.float(), hr)
        self.optimizer.zero_grad()
        loss.backward()
        for parameter, mask in self.parameters:
            if mask is not None and parameter.grad is not None:
                parameter.grad.mul_(mask)
        self.optimizer.step()
        self._average()
        self.loss_sum += loss.detach()
        self.iteration += 1

    def _average(self) -> None:
        """Moving average with decay 0.999, less in the first steps so that it can follow."""
        decay = min(0.999, (1 + self.iteration) / (10 + self.iteration))
        averages, live = [], []
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                averages.append(self.ema[name])
                live.append(value)
            else:  # counters of batch normalisation
                self.ema[name].copy_(value)
        torch._foreach_lerp_(averages, live, 1 - decay)

    def mean_loss(self) -> float:
        """Mean loss since the last row of the history.

        Raises:
            TrainingDiverged: it is NaN or infinite.
        """
        mean = float(self.loss_sum) / max(1, self.iteration - self.loss_since)
        if not math.isfinite(mean):
            raise TrainingDiverged(
                f"the loss became {mean} by iteration {self.iteration} at learning rate "
                f"{self.schedule.rate(self.iteration - 1):.3g}: set a lower learning_rate"
            )
        return mean

    def record(self, rows: list[dict]) -> None:
        """Add validation results to the history and start a new mean of the loss."""
        common = {
            "iteration": self.iteration,
            "loss": self.mean_loss(),
            "lr": self.schedule.rate(self.iteration - 1),
            "seconds": self.elapsed,
        }
        self.history += [{**common, **row} for row in rows]
        self.loss_sum.zero_()
        self.loss_since = self.iteration

    _PLAIN = ("ema", "iteration", "history", "loss_sum", "loss_since")

    def snapshot(self) -> dict:
        """Everything that is needed to go on, for a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sampler": self.sampler.state(),
            "seconds": self.elapsed,
            **{name: getattr(self, name) for name in self._PLAIN},
        }

    def resume(self, saved: Mapping) -> None:
        """Go on from a `snapshot()`."""
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.sampler.restore(saved["sampler"])
        self.seconds = saved["seconds"]
        for name in self._PLAIN:
            setattr(self, name, saved[name])
        self.ema = {k: v.to(self.compute.device) for k, v in self.ema.items()}
        self.loss_sum = self.loss_sum.to(self.compute.device)


def train(
    network: nn.Module,
    sampler: PatchSampler,
    schedule: Schedule,
    compute: Compute,
    *,
    validate: Callable[[Mapping[str, Tensor]], list[dict]] = lambda weights: [],
    validations: int = 1,
    trainable: Mapping[str, Tensor] | None = None,
    checkpoint: Checkpoint | None = None,
    checkpoint_seconds: float = 60.0,
    label: str = "training",
) -> tuple[dict[str, Tensor], list[dict]]:
    """Minimise the L1 distance to the HR patches with Adam (betas 0.9, 0.99).

    Args:
        network: starts from its own weights.
        sampler: source of batches.
        schedule: iterations and learning rate.
        validate: from weights to rows of a history table, to which iteration, loss (mean since
            the row before), lr and seconds are added.
        validations: how many times to validate, evenly spread, the end included.
        trainable: masks by weight name (`FilterIndex.masks`): only these elements change, all
            others stay bit-identical. None: everything is trained.
        checkpoint: where to save and go on from.
        checkpoint_seconds: time between two checkpoints.
        label: names the training in the progress bar.

    Returns:
        The moving average of the weights, and the history.

    Raises:
        TrainingDiverged: the loss became NaN or infinite. The last good checkpoint stays.
    """
    run = Run(network, sampler, schedule, compute, trainable)
    if checkpoint and (saved := checkpoint.load()):
        run.resume(saved)
        print(f"{label}: going on from iteration {run.iteration}", flush=True)
    last = schedule.iterations
    due = {math.ceil(last * (k + 1) / validations) for k in range(validations)}
    saved_at = time.monotonic()
    steps = range(run.iteration, last)
    for _ in progress(steps, label, last, "it", done=run.iteration):
        run.step()
        if run.iteration in due:
            run.record(validate(run.ema))
        save = checkpoint and time.monotonic() - saved_at > checkpoint_seconds
        if save or run.iteration % 100 == 0:
            run.mean_loss()  # a diverged training stops, and never overwrites a good checkpoint
        if save:
            checkpoint.save(run.snapshot())
            saved_at = time.monotonic()
    return run.ema, run.history


def _select_trainable(
    network: nn.Module, masks: Mapping[str, Tensor] | None, device: torch.device
) -> list[tuple[nn.Parameter, Tensor | None]]:
    """Parameters to train with their gradient masks; all others are frozen."""
    if masks is None:
        return [(parameter, None) for parameter in network.parameters()]
    chosen = []
    for name, parameter in network.named_parameters():
        mask = masks.get(name)
        parameter.requires_grad_(mask is not None and bool(mask.any()))
        if parameter.requires_grad:
            chosen.append((parameter, mask.to(device)))
    return chosen


def evaluate(
    network: nn.Module,
    store: ImageStore,
    degradations: Sequence[str],
    compute: Compute,
    state: Mapping[str, Tensor] | None = None,
) -> list[dict]:
    """PSNR of every image of a dataset under every degradation.

    Args:
        state: weights to use instead of the network's own.

    Returns:
        Rows with input_degradation, image, psnr (dB, RGB, `scale` border pixels left out).
    """
    rows = []
    border = store.scale
    for image in store.names:
        reference = compute.images(store.hr(image)[None])
        for degradation in degradations:
            pixels = store.lr(degradation, image)[None]
            output = networks.restore(network, pixels, compute, state)
            value = psnr(output, reference, border).item()
            rows.append({"input_degradation": degradation, "image": image, "psnr": value})
    return rows
