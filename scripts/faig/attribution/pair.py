"""A target network and the baseline it was fine-tuned from: what every analysis starts from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor, nn

from ..base.device import Compute
from ..networks.building import build, load_state
from ..networks.weights import load_weights
from .filters import FilterIndex


@dataclass(frozen=True)
class Pair:
    """Two sets of weights of one network.

    Attributes:
        network: the module, in evaluation mode on the device of `compute`; its own weights do not
            count, and may change. Its buffers (statistics of batch normalisation, kernel codes)
            are the target's, and stay.
        baseline: weights of the plain SR network, the paper's theta-bar, on the device.
        target: weights of the blind SR network, the paper's theta, on the device.
        compute: device and precision.
        units, biases: what has a score, see `FilterIndex.of`.
    """

    network: nn.Module
    baseline: Mapping[str, Tensor]
    target: Mapping[str, Tensor]
    compute: Compute
    units: str = "kernel"
    biases: str = "target"

    @classmethod
    def of(
        cls,
        network: nn.Module,
        baseline: Mapping[str, Tensor],
        target: Mapping[str, Tensor],
        compute: Compute,
        **units: str,
    ) -> "Pair":
        """Move a network and copies of its weights to the device."""
        states = [
            {name: value.to(compute.device, copy=True) for name, value in state.items()}
            for state in (baseline, target)
        ]
        placed = compute.place(network).eval()
        placed.load_state_dict(states[1])
        return cls(placed, *states, compute, **units)

    @classmethod
    def load(
        cls, architecture: Mapping, baseline: Path, target: Path, compute: Compute, **units: str
    ) -> "Pair":
        """Build a network, and read both weights from files.

        Args:
            architecture: arguments of `building.build`.

        Raises:
            InputError: weights of another architecture, or a damaged file.
        """
        network = build(**architecture)
        states = [load_weights(path) for path in (baseline, target)]
        for path, state in zip((baseline, target), states, strict=True):
            load_state(network, state, str(path))
        return cls.of(network, *states, compute, **units)

    @cached_property
    def equal(self) -> bool:
        """Whether target and baseline have the same parameters, so that nothing is to explain."""
        return all(value.equal(self.target[name]) for name, value in self.start.items())

    @cached_property
    def start(self) -> Mapping[str, Tensor]:
        """The baseline's parameters, from which gains and shares are counted.

        With the buffers of `network` they are the baseline itself, unless its own differ.
        """
        return {name: self.baseline[name] for name, _ in self.network.named_parameters()}

    @cached_property
    def change(self) -> Mapping[str, Tensor]:
        """Baseline minus target, by name of the weights."""
        return {name: self.baseline[name] - self.target[name] for name in self.target}

    @cached_property
    def size_of_change(self) -> Tensor:
        """Sum of |baseline - target| over each filter, float (filters,)."""
        return self.index.reduce({name: change.abs() for name, change in self.change.items()})

    @cached_property
    def index(self) -> FilterIndex:
        """The network's filters."""
        return FilterIndex.of(self.network, self.units, self.biases)
