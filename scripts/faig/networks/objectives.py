"""What a training minimises: for most networks one loss, for two-branch networks several.

A network's class names its own objective by the attribute `objective`; without one it is
`Objective`. Every network has the same optimizer, learning rate and schedule, so that only the
network makes a difference; the authors' recipes differ in these, too.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ..data.batch import Batch


class Phase(NamedTuple):
    """A part of the training with a loss of its own.

    Attributes:
        name: of what is trained.
        share: of the iterations.
        trains: how the names of the parameters begin that are trained, as the objective has them.
    """

    name: str
    share: float = 1.0
    trains: tuple[str, ...] = ("network.",)


class Objective(nn.Module):
    """The L1 distance of the SR image to the HR patches, for networks with nothing else to learn.

    Others subclass it. All that a loss needs beside the network is state of this module, so that
    checkpoints hold it.

    Attributes:
        phases: of the training, one after another.
        views: patches of each scene that a batch has, see `PatchSampler`.

    Args:
        network: shared, not copied.
        seed: of what an objective draws at random; this one draws nothing.
    """

    phases: tuple[Phase, ...] = (Phase("all"),)
    views = 1

    def __init__(self, network: nn.Module, seed: int = 0):
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of a batch in a phase, float32."""
        return F.l1_loss(self.network(batch.lr).float(), batch.hr)


def objective_class(network: nn.Module) -> type[Objective]:
    """The objective that the network's class names."""
    return getattr(network, "objective", Objective)


class Span(NamedTuple):
    """A phase with its place in a training: from iteration `first` to `last - 1`."""

    phase: Phase
    first: int
    last: int


def divide(phases: tuple[Phase, ...], iterations: int) -> list[Span]:
    """Share a training's iterations out to its phases.

    Phases that come away with none, in very short trainings, are left out.
    """
    spans, first, shares = [], 0, 0.0
    for phase in phases:
        shares += phase.share
        last = round(iterations * shares)
        if last > first:
            spans.append(Span(phase, first, last))
        first = last
    return spans
