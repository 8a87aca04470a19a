"""Training: schedule, loop, exponential moving average, resumable checkpoints."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..base.device import Compute
from ..base.errors import InputError
from ..base.progress import progress
from ..base.seeds import derive
from ..base.signals import EndRequest
from ..data.batch import Batch
from ..data.batches import PatchSampler
from ..networks.objectives import Objective, divide, objective_class
from .checkpoint import Checkpoint
from .schedule import Schedule


class TrainingDiverged(InputError):
    """The loss is no finite number any more."""


class Run:
    """One training in progress: all that a step changes, and how to save and restore it.

    Args:
        network: starts from its own weights.
        trainable: masks of the only elements that are trained, see `train`.
        seed: of what the objective and the network draw.

    Attributes:
        iteration: steps done.
        ema: exponential moving average of the weights.
        history: rows of the history table so far.
        seconds: time spent before the last interruption.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        compute: Compute,
        trainable: Mapping[str, Tensor] | None = None,
        seed: int = 0,
    ):
        # filters alone are trained by the gradient of what the network does when it is used: in
        # evaluation mode statistics of batch normalisation stay, and no branch is cut off
        make = objective_class(network) if trainable is None else Objective
        self.network = compute.place(network)
        self.objective = compute.place(make(network, seed)).train(trainable is None)
        self.schedule, self.compute, self.trainable = schedule, compute, trainable
        self.seed = seed
        self.spans = divide(self.objective.phases, schedule.iterations)
        self._choose(0)
        self.ema = {name: value.clone() for name, value in network.state_dict().items()}
        self.iteration = 0
        self.history: list[dict] = []
        self.seconds = 0.0
        self.loss_sum = torch.zeros((), device=compute.device)
        self.loss_since = 0
        self._started = time.monotonic()

    def _choose(self, number: int) -> None:
        """Make a phase the present one: its parameters, a new optimizer, its own schedule."""
        self.span, self._number = self.spans[number], number
        first, last = self.span.first, self.span.last
        self._phase_schedule = replace(self.schedule, iterations=last - first)
        masks = self.trainable and {f"network.{k}": mask for k, mask in self.trainable.items()}
        self.parameters = _select_trainable(
            self.objective, self.span.phase.trains, masks, self.compute.device
        )
        self.optimizer = torch.optim.Adam(
            [p for p, _ in self.parameters],
            lr=self.schedule.learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )

    def _go_on_to_next_phase(self) -> None:
        """Build on the averaged weights of the phase that is over."""
        self.network.load_state_dict(self.ema)
        self._choose(self._number + 1)
        self._forget_loss()

    def rate(self, iteration: int) -> float:
        """Learning rate of a step in the present phase, counted from the first phase's 0."""
        return self._phase_schedule.rate(iteration - self.span.first)

    @property
    def elapsed(self) -> float:
        """Seconds spent in training, over all interruptions."""
        return self.seconds + time.monotonic() - self._started

    def step(self, batch: Batch) -> None:
        """One update of the weights and of their average."""
        if self.iteration == self.span.last and self.span != self.spans[-1]:
            self._go_on_to_next_phase()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.iteration)
        # dropout and its like draw the same after an interruption
        torch.manual_seed(derive(self.seed, "step", self.iteration))
        with self.compute.autocast():
            loss = self.objective(batch, self.span.phase.name)
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
        """Moving average with decay 0.999, less in a phase's first steps so that it can follow."""
        steps = self.iteration - self.span.first
        decay = min(0.999, (1 + steps) / (10 + steps))
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
                f"{self.rate(self.iteration - 1):.3g}: set a lower learning_rate"
            )
        return mean

    def record(self, rows: list[dict]) -> None:
        """Add validation results to the history and start a new mean of the loss."""
        common = {
            "iteration": self.iteration,
            "loss": self.mean_loss(),
            "lr": self.rate(self.iteration - 1),
            "seconds": self.elapsed,
            "phase": self.span.phase.name,
        }
        self.history += [{**common, **row} for row in rows]
        self._forget_loss()

    def _forget_loss(self) -> None:
        self.loss_sum.zero_()
        self.loss_since = self.iteration

    _PLAIN = ("ema", "iteration", "history", "loss_sum", "loss_since")

    def snapshot(self) -> dict:
        """Everything that is needed to go on, for a checkpoint."""
        return {
            "objective": self.objective.state_dict(),
            "phase": self._number,
            "optimizer": self.optimizer.state_dict(),
            "seconds": self.elapsed,
            **{name: getattr(self, name) for name in self._PLAIN},
        }

    def resume(self, saved: Mapping) -> None:
        """Go on from a `snapshot()`."""
        self.objective.load_state_dict(saved["objective"])
        self._choose(saved["phase"])
        self.optimizer.load_state_dict(saved["optimizer"])
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
    seed: int = 0,
) -> tuple[dict[str, Tensor], list[dict]]:
    """Minimise the network's objective (`objectives`) with Adam (betas 0.9, 0.99).

    Args:
        network: starts from its own weights.
        sampler: source of batches, with as many views as the objective asks for.
        schedule: iterations and learning rate.
        validate: from weights to rows of a history table, to which iteration, loss (mean since
            the row before), lr, seconds and phase are added.
        validations: how many times to validate, evenly spread, the end included.
        trainable: masks by weight name (`FilterIndex.masks`): only these elements change, all
            others and all buffers stay bit-identical, the network is in evaluation mode, and what
            is minimised is the L1 distance of its output. None: everything is trained, in training
            mode.
        checkpoint: where to save and go on from, at the end too.
        checkpoint_seconds: time between two checkpoints.
        label: names the training in the progress bar.
        seed: of what the objective and the network draw.

    Returns:
        The moving average of the weights, and the history.

    Raises:
        TrainingDiverged: the loss became NaN or infinite. The last good checkpoint stays.
        SystemExit: SIGTERM or SIGINT came, and the checkpoint is saved.
    """
    run = Run(network, schedule, compute, trainable, seed)
    if checkpoint and (saved := checkpoint.load()):
        run.resume(saved)
        print(f"{label}: going on from iteration {run.iteration}", flush=True)
    first, last = run.iteration, schedule.iterations
    due = {math.ceil(last * (k + 1) / validations) for k in range(validations)}
    saved_at = time.monotonic()
    batches = progress(sampler.batches(first, last), label, last, "it", done=first)
    with EndRequest() as end:
        for batch in batches:
            run.step(batch)
            if run.iteration in due:
                run.record(validate(run.ema))
            save = checkpoint and (
                end.signal
                or run.iteration == last
                or time.monotonic() - saved_at > checkpoint_seconds
            )
            if save or run.iteration % 100 == 0:
                run.mean_loss()  # a diverged training stops, and never overwrites a good checkpoint
            if save:
                checkpoint.save(run.snapshot())
                saved_at = time.monotonic()
            if end.signal:
                kept = "saved, the next run goes on from here" if checkpoint else "nothing saved"
                end.obey(f"{label}: stopped by {{}} at iteration {run.iteration}: {kept}")
    return run.ema, run.history


def _select_trainable(
    module: nn.Module,
    prefixes: tuple[str, ...],
    masks: Mapping[str, Tensor] | None,
    device: torch.device,
) -> list[tuple[nn.Parameter, Tensor | None]]:
    """Parameters to train with their gradient masks, if there are any; all others are frozen."""
    chosen = []
    for name, parameter in module.named_parameters():
        mask = masks.get(name) if masks is not None else None
        wanted = name.startswith(prefixes) if masks is None else mask is not None and mask.any()
        parameter.requires_grad_(bool(wanted))
        if wanted:
            chosen.append((parameter, None if mask is None else mask.to(device)))
    return chosen
