"""Forward and backward passes of one image through networks of a pair, tile by tile.

What they add up to are *contributions*: for every element of every parameter (baseline - target)
times a gradient of the loss, so that a positive one says that the target is better for it. L is
the paper's loss, the squared error summed over the image's values in [0, 1].
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps

import numpy as np
import torch
from torch import Tensor

from .examples import Example
from .pair import Pair
from .tiling import Tiler

Points = Sequence[tuple[float, float]]  # places in [0, 1] on a line, and their weights
Elements = dict[str, Tensor]  # by parameter, of its shape


def until_it_fits(work: Callable) -> Callable:
    """Passes that start anew, in smaller tiles, where a GPU's memory does not suffice."""

    @wraps(work)
    def fitting(passes: "Passes", *args):
        while True:
            try:
                return work(passes, *args)
            except torch.OutOfMemoryError:
                pass  # left first, so that nothing of what was computed is kept
            passes.take_smaller_tiles()

    return fitting


class Passes:
    """Passes of one image, on all its degradations.

    Where they take more memory than a GPU has, the image, and those after it, are taken in tiles.

    Args:
        pair: its network is used, whose weights change.
        example: the image.
        tiler: cuts it.
    """

    def __init__(self, pair: Pair, example: Example, tiler: Tiler):
        self.pair, self.example = pair, example
        self.parameters = dict(pair.network.named_parameters())
        self.reference = pair.compute.images(example.reference)
        self.inputs = {n: pair.compute.images(pixels) for n, pixels in example.inputs.items()}
        height, width = example.clean.shape[-2:]
        self.scale = example.reference.shape[-1] // width
        self.tiler, self.shape = tiler, (height, width)
        self.tiles = tiler.cut(self.shape)

    def take_smaller_tiles(self) -> None:
        """Cut the image anew, see `Tiler.halve`."""
        torch.cuda.empty_cache()
        self.tiler.halve(self.shape)
        self.tiles = self.tiler.cut(self.shape)

    @torch.no_grad()
    def place(self, alpha: float) -> None:
        """Give the network the weights at target + alpha (baseline - target)."""
        target, change = self.pair.target, self.pair.change
        for name, parameter in self.parameters.items():
            torch.add(target[name], change[name], alpha=float(alpha), out=parameter.data)

    @torch.no_grad()
    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Give the network other weights."""
        for name, parameter in self.parameters.items():
            parameter.copy_(weights[name])

    def values(self, image: Tensor, of: Callable[[Tensor, Tensor], Tensor]) -> Iterator[Tensor]:
        """A number per tile, from the output's core, float32, and its reference."""
        for tile in self.tiles:
            with self.pair.compute.autocast():
                output = self.pair.network(tile.input(image))
            core = tile.output(output.float(), self.scale)
            yield of(core, tile.reference(self.reference, self.scale))

    def losses(self, image: Tensor) -> Iterator[Tensor]:
        """L of each tile; they add up to the image's."""
        return self.values(image, lambda output, reference: (output - reference).square().sum())

    def sums(self, image: Tensor) -> Iterator[Tensor]:
        """The sum of the output of each tile; they add up to the image's."""
        return self.values(image, lambda output, _: output.sum())

    @until_it_fits
    @torch.no_grad()
    def gains(self) -> np.ndarray:
        """L(baseline) - L(target) for every degradation, float64 (degradations,)."""
        ends = []
        for weights in (self.pair.baseline, self.pair.target):
            self.put(weights)
            ends.append([sum(v.item() for v in self.losses(i)) for i in self.inputs.values()])
        return np.subtract(*ends)

    def zeros(self) -> Elements:
        """Nothing yet, for every parameter."""
        return {name: torch.zeros_like(value) for name, value in self.parameters.items()}

    def accumulate(self, total: Elements, values: Iterable[Tensor], weight: float) -> None:
        """Add the weighted gradients of some numbers; zero where they depend on no parameter."""
        for value in values:
            found = torch.autograd.grad(
                value, list(self.parameters.values()), materialize_grads=True
            )
            torch._foreach_add_(list(total.values()), list(found), alpha=float(weight))

    @until_it_fits
    def along_weights(self, points: Points) -> dict[str, Elements]:
        """Contributions on the line from the target (0) to the baseline (1), by degradation.

        Each point's weights are made once for all degradations.
        """
        totals = {name: self.zeros() for name in self.inputs}
        for alpha, weight in points:
            self.place(alpha)
            for name, total in totals.items():
                self.accumulate(total, self.losses(self.inputs[name]), weight)
        return {name: self._contributions(total) for name, total in totals.items()}

    def along_inputs(self, points: Points) -> dict[str, Elements]:
        """Contributions at the target, on the line from the clean input (0) to each degraded one.

        By degradation.
        """
        totals = self.gradients_along_inputs(points, self.losses)
        return {name: self._contributions(total) for name, total in totals.items()}

    @until_it_fits
    def gradients_along_inputs(
        self, points: Points, of: Callable[[Tensor], Iterable[Tensor]]
    ) -> dict[str, Elements]:
        """Weighted gradients at the target, on the same line, by degradation.

        Args:
            of: from an image to the numbers whose gradients are added up.
        """
        self.put(self.pair.target)
        clean = self.pair.compute.images(self.example.clean)
        totals = {name: self.zeros() for name in self.inputs}
        for name, total in totals.items():
            for beta, weight in points:
                image = torch.lerp(clean, self.inputs[name], float(beta))
                self.accumulate(total, of(image), weight)
        return totals

    @until_it_fits
    def second_order(self) -> dict[str, Elements]:
        """Contributions at the target with half of the curvature's, by degradation.

        With c = baseline - target, gradient g and Hessian H: c (g + H c / 2), by one product of
        the Hessian with a vector.
        """
        self.put(self.pair.target)
        parameters = list(self.parameters.values())
        change = [self.pair.change[name] for name in self.parameters]
        totals = {name: self.zeros() for name in self.inputs}
        for name, total in totals.items():
            for loss in self.losses(self.inputs[name]):
                first = torch.autograd.grad(
                    loss, parameters, create_graph=True, materialize_grads=True
                )
                slope = sum((g * c).sum() for g, c in zip(first, change, strict=True))
                self.accumulate(total, [slope], 0.5)
                torch._foreach_add_(list(total.values()), [g.detach() for g in first])
        return {name: self._contributions(total) for name, total in totals.items()}

    def _contributions(self, total: Elements) -> Elements:
        return {name: value.mul_(self.pair.change[name]) for name, value in total.items()}
