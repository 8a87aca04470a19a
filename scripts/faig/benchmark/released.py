"""The released code's way to search for filters, as a plain implementation to compare with.

Independent of `attribution`, and written from the published facts alone: the path is sampled at
alpha = 0, 0.01 … 0.99; every gradient is taken of a newly built network that loads the interpolated
weights, contiguous and in float32; and the search for one degradation's filters evaluates the
inputs of *all* degradations, so that with two of them an image costs 100 x 2 x 2 evaluations.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

STEPS = 100  # of the path; each costs the same


@dataclass(frozen=True)
class Search:
    """What the filters are searched with.

    Attributes:
        build: makes a new network, with any weights.
        baseline: weights of the plain SR network, contiguous float32.
        target: weights of the blind SR network, alike.
        inputs: one LR image per degradation, float32 (1, 3, H, W) in [0, 1].
        reference: the ground truth, float32 (1, 3, scale H, scale W).
    """

    build: Callable[[], nn.Module]
    baseline: Mapping[str, Tensor]
    target: Mapping[str, Tensor]
    inputs: Mapping[str, Tensor]
    reference: Tensor

    def gradient(self, step: int, degradation: str) -> dict[str, Tensor]:
        """Gradient of the squared error with respect to the weights at one step of the path."""
        alpha = step / STEPS
        weights = {
            name: alpha * self.baseline[name] + (1 - alpha) * self.target[name]
            for name in self.target
        }
        network = self.build().to(self.reference.device).eval()
        network.load_state_dict(weights)
        error = (network(self.inputs[degradation]) - self.reference).square().sum()
        parameters = dict(network.named_parameters())
        gradients = torch.autograd.grad(error, list(parameters.values()), materialize_grads=True)
        return dict(zip(parameters, gradients, strict=True))

    def integrals(self, steps: Iterable[int]) -> dict[tuple[str, str], dict[str, Tensor]]:
        """Left sums of the gradient over some steps of the path.

        Returns:
            By (degradation searched for, degradation of the input) the sums by parameter.
        """
        sums = {(wanted, given): {} for wanted in self.inputs for given in self.inputs}
        for step in steps:
            for (_, given), total in sums.items():
                for name, gradient in self.gradient(step, given).items():
                    total[name] = total.get(name, 0.0) + gradient / STEPS
        return sums
