"""Attribution: a score for every filter, image and degradation, by several methods.

Every method has one signature, `(pair, examples, **parameters) -> iterator of ImageScores`, and a
name in `METHODS`, by which the config calls it. To add one, write a function under `@method`.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import InputError
from ..data.store import ImageStore
from .pair import Pair
from .quadrature import nodes_and_weights
from .tiling import Tiler

METHODS: dict[str, Callable] = {}


@dataclass(frozen=True)
class Example:
    """One image and its degraded versions.

    Attributes:
        name: the image's.
        reference: what the output is compared with, uint8 (1, 3, scale H, scale W).
        clean: the LR image as the baseline was trained on, uint8 (1, 3, H, W).
        inputs: per degradation the LR image, uint8 (1, 3, H, W); their order is that of the
            scores' rows.
    """

    name: str
    reference: Tensor
    clean: Tensor
    inputs: Mapping[str, Tensor]


@dataclass(frozen=True)
class ImageScores:
    """What a method says about one image.

    Attributes:
        name: the image's.
        scores: float32 (degradations, filters); only `signed` ones can be negative.
        completeness: relative error of the completeness identity per degradation, float
            (degradations,); None for methods that have no such identity.
        nodes: quadrature nodes that were used; None for methods that need none.
        gains: L(baseline) - L(target) per degradation, float (degradations,); None for methods that
            explain no gain.
    """

    name: str
    scores: Tensor
    completeness: np.ndarray | None = None
    nodes: int | None = None
    gains: np.ndarray | None = None


def read_examples(store: ImageStore, degradations: Sequence[str], clean: str) -> Iterator[Example]:
    """The images of a dataset one by one, with the ground truth as reference.

    Args:
        clean: name of the degradation that the baseline was trained on.
    """
    for image in store.names:
        inputs = {name: store.lr(name, image)[None] for name in degradations}
        yield Example(image, store.hr(image)[None], store.lr(clean, image)[None], inputs)


def method(*, contrast: str) -> Callable[[Callable], Callable]:
    """Register a method.

    Args:
        contrast: how its scores become discriminative, a name in `ranking.CONTRASTS`.
    """

    def register(function: Callable) -> Callable:
        function.contrast = contrast
        METHODS[function.__name__] = function
        return function

    return register


@method(contrast="mean")
def faig(
    pair: Pair,
    examples: Iterable[Example],
    *,
    quadrature: str = "gauss-legendre",
    nodes: int = 8,
    tolerance: float = 0.01,
    tile: int = 512,
) -> Iterator[ImageScores]:
    """Filter attribution integrated gradients, equation 6 of the paper.

    For each element e of filter i, (baseline - target)_e times the integral over alpha in [0, 1]
    of dL/d gamma_e at gamma(alpha) = alpha baseline + (1 - alpha) target; absolute values summed
    over the filter. L is the squared error summed over the image. The completeness identity says
    that over *all* parameters, signs kept, the sum is L(baseline) - L(target). Buffers, such as
    statistics of batch normalisation, are the target's all along the line.

    Each weight of the path is made once for all degradations of an image. Images are taken one by
    one: on CPUs, gradients of a batch kept apart by `torch.func.vmap` were slower from 48 LR pixels
    upwards, and hardly faster below. Memory is that of one
    tile's gradient and, per degradation, of two copies of the weights, for any number of images.

    Args:
        quadrature: a rule in `quadrature.RULES`, or `adaptive`: Gauss-Legendre with twice as many
            nodes until the completeness error of every degradation is at most `tolerance`.
        nodes: of the rule; the first number to try for `adaptive`.
        tolerance: for `adaptive`, relative.
        tile: longest side in LR pixels that is taken as a whole, see `tiling`.
    """
    yield from _integrated(pair, examples, quadrature, nodes, tolerance, tile, torch.abs)


@method(contrast="largest")
def signed(
    pair: Pair,
    examples: Iterable[Example],
    *,
    quadrature: str = "gauss-legendre",
    nodes: int = 8,
    tolerance: float = 0.01,
    tile: int = 512,
) -> Iterator[ImageScores]:
    """FAIG with its signs kept: what each filter contributes to the gain.

    The elements of a filter are summed with their signs, so that a filter whose elements cancel
    scores nothing, and one that the target would be better without scores below zero. It is the
    integrated gradient of the filters' `gates`, and over *all* parameters, biases too, it sums to
    the gain L(baseline) - L(target). Along a training's path the same integral is known as loss
    change allocation (Lan et al. 2019, arXiv 1909.01440). The arguments are those of `faig`.
    """
    yield from _integrated(pair, examples, quadrature, nodes, tolerance, tile, torch.positive)


def _integrated(
    pair: Pair,
    examples: Iterable[Example],
    quadrature: str,
    nodes: int,
    tolerance: float,
    tile: int,
    of_element: Callable[[Tensor], Tensor],
) -> Iterator[ImageScores]:
    """The scores of `faig` or `signed`, which differ in what is summed over a filter's elements."""
    change = {name: pair.baseline[name] - pair.target[name] for name in pair.target}
    tiler = Tiler(pair.network, tile)
    for example in examples:
        integrals = _Integrals(pair, change, example, tiler, of_element)
        if quadrature == "adaptive":
            yield integrals.adaptive(nodes, tolerance)
        else:
            yield integrals.scores(quadrature, nodes)


class _Integrals:
    """The path integrals of one image: gradients of L for every degradation, by parameter."""

    def __init__(
        self,
        pair: Pair,
        change: Mapping[str, Tensor],
        example: Example,
        tiler: Tiler,
        of_element: Callable[[Tensor], Tensor],
    ):
        self.pair, self.change, self.example = pair, change, example
        self.of_element = of_element
        self.parameters = dict(pair.network.named_parameters())
        self.reference = pair.compute.images(example.reference)
        self.inputs = {n: pair.compute.images(pixels) for n, pixels in example.inputs.items()}
        height, width = example.clean.shape[-2:]
        self.scale = example.reference.shape[-1] // width
        self.tiles = tiler.cut((height, width))
        self.gains = self._gains()

    def adaptive(self, nodes: int, tolerance: float) -> ImageScores:
        """Gauss-Legendre scores with as many nodes as the tolerance needs, at most 256."""
        result = self.scores("gauss-legendre", nodes)
        while result.completeness.max() > tolerance and 2 * result.nodes <= 256:
            result = self.scores("gauss-legendre", 2 * result.nodes)
        return result

    def scores(self, rule: str, nodes: int) -> ImageScores:
        """FAIG of every filter by one quadrature rule, with its completeness error."""
        totals = {name: _zeros(self.parameters) for name in self.inputs}
        for alpha, weight in zip(*nodes_and_weights(rule, nodes), strict=True):
            _interpolate(self.parameters, self.pair.target, self.change, alpha)
            for name, total in totals.items():
                for loss in self._losses(name):
                    _accumulate(total, _gradients(loss, self.parameters), weight)
        scores, errors = [], []
        for name, total in totals.items():
            parts = {key: value * self.change[key] for key, value in total.items()}
            elements = {key: self.of_element(part) for key, part in parts.items()}
            scores.append(self.pair.index.reduce(elements))
            whole = sum(part.sum(dtype=torch.float64).item() for part in parts.values())
            errors.append(abs(whole - self.gains[name]) / max(abs(self.gains[name]), 1e-12))
        gains = np.array([self.gains[name] for name in totals])
        return ImageScores(self.example.name, torch.stack(scores), np.array(errors), nodes, gains)

    def _losses(self, degradation: str) -> Iterator[Tensor]:
        """The paper's L, squared error summed over the image's values in [0, 1], tile by tile."""
        image, scale = self.inputs[degradation], self.scale
        for tile in self.tiles:
            with self.pair.compute.autocast():
                output = self.pair.network(tile.input(image))
            difference = tile.output(output.float(), scale) - tile.reference(self.reference, scale)
            yield difference.square().sum()

    @torch.no_grad()
    def _gains(self) -> dict[str, float]:
        """L(baseline) - L(target) for every degradation."""
        ends = []
        for weights in (self.pair.baseline, self.pair.target):
            _copy(self.parameters, weights)
            ends.append({n: sum(loss.item() for loss in self._losses(n)) for n in self.inputs})
        return {name: ends[0][name] - ends[1][name] for name in self.inputs}


def _zeros(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.zeros_like(value) for name, value in parameters.items()}


def _gradients(value: Tensor, parameters: Mapping[str, Tensor]) -> Sequence[Tensor]:
    """Gradients of a scalar; zero for parameters that it does not depend on."""
    return torch.autograd.grad(value, list(parameters.values()), materialize_grads=True)


def _accumulate(total: Mapping[str, Tensor], gradients: Sequence[Tensor], weight: float) -> None:
    torch._foreach_add_(list(total.values()), list(gradients), alpha=float(weight))


@torch.no_grad()
def _copy(parameters: Mapping[str, nn.Parameter], weights: Mapping[str, Tensor]) -> None:
    """Set the network's weights in place."""
    for name, parameter in parameters.items():
        parameter.copy_(weights[name])


@torch.no_grad()
def _interpolate(
    parameters: Mapping[str, nn.Parameter],
    start: Mapping[str, Tensor],
    change: Mapping[str, Tensor],
    alpha: float,
) -> None:
    """Set the network's weights in place to start + alpha change."""
    for name, parameter in parameters.items():
        torch.add(start[name], change[name], alpha=float(alpha), out=parameter.data)


@method(contrast="none")
def intinf(
    pair: Pair,
    examples: Iterable[Example],
    *,
    quadrature: str = "gauss-legendre",
    nodes: int = 8,
    tile: int = 512,
) -> Iterator[ImageScores]:
    """Integrated influence (Leino et al. 2018, arXiv 1802.03788), as the paper compares with it.

    The gradient of the target's summed output with respect to the weights, averaged along the
    straight line from the clean LR image to the degraded one; absolute values summed over the
    filter. The arguments are those of `faig`.
    """
    parameters = dict(pair.network.named_parameters())
    _copy(parameters, pair.target)
    points = list(zip(*nodes_and_weights(quadrature, nodes), strict=True))
    tiler = Tiler(pair.network, tile)
    for example in examples:
        clean = pair.compute.images(example.clean)
        scale = example.reference.shape[-1] // clean.shape[-1]
        parts = tiler.cut(clean.shape[-2:])
        scores = []
        for pixels in example.inputs.values():
            degraded = pair.compute.images(pixels)
            total = _zeros(parameters)
            for (alpha, weight), part in product(points, parts):
                with pair.compute.autocast():
                    output = pair.network(part.input(torch.lerp(clean, degraded, float(alpha))))
                value = part.output(output.float(), scale).sum()
                _accumulate(total, _gradients(value, parameters), weight)
            scores.append(pair.index.reduce({k: v.abs() for k, v in total.items()}))
        yield ImageScores(example.name, torch.stack(scores))


@method(contrast="mean")
def intinf_contrast(
    pair: Pair,
    examples: Iterable[Example],
    *,
    quadrature: str = "gauss-legendre",
    nodes: int = 8,
    tile: int = 512,
) -> Iterator[ImageScores]:
    """IntInf's scores, ranked by the same contrast between degradations as FAIG's.

    So the two methods differ only in what they integrate, not in how filters are ranked.
    """
    return intinf(pair, examples, quadrature=quadrature, nodes=nodes, tile=tile)


@method(contrast="none")
def weight_change(pair: Pair, examples: Iterable[Example]) -> Iterator[ImageScores]:
    """Change of the weights, sum |target - baseline| / sum |baseline| over each filter.

    The same for every image and degradation.
    """
    index = pair.index
    change = index.reduce({k: (pair.target[k] - pair.baseline[k]).abs() for k in pair.target})
    size = index.reduce({k: pair.baseline[k].abs() for k in pair.baseline})
    scores = change / size.clamp_min(1e-12)
    for example in examples:
        yield ImageScores(example.name, scores.expand(len(example.inputs), -1))


@method(contrast="none")
def random(pair: Pair, examples: Iterable[Example], *, seed: int) -> Iterator[ImageScores]:
    """A random score for each filter and degradation, the same for every image."""
    for example in examples:
        generator = torch.Generator().manual_seed(seed)
        scores = torch.rand(len(example.inputs), len(pair.index), generator=generator)
        yield ImageScores(example.name, scores)


def attribute(
    name: str, pair: Pair, examples: Iterable[Example], parameters: Mapping, seed: int
) -> Iterator[ImageScores]:
    """Run a method by its name.

    Args:
        parameters: the method's keyword arguments, as in the config.
        seed: for methods that draw at random, which are those with an argument `seed`.

    Raises:
        InputError: no such method, or a parameter that it does not take; baseline and target are
            the same; scores that are not finite, or zero for all filters and images.
    """
    if name not in METHODS:
        raise InputError(f"unknown attribution method '{name}'; known: {', '.join(METHODS)}")
    signature = inspect.signature(METHODS[name])
    arguments = dict(parameters)
    if "seed" in signature.parameters:
        arguments["seed"] = seed
    try:
        signature.bind(pair, examples, **arguments)
    except TypeError as error:
        raise InputError(f"attribution method '{name}': {error}") from None
    if pair.equal:
        raise InputError(
            "baseline and target have the same weights, so that there is nothing to explain; "
            "expected a target that was fine-tuned from the baseline"
        )
    return _checked(name, pair, examples, arguments)


def _checked(
    name: str, pair: Pair, examples: Iterable[Example], arguments: Mapping
) -> Iterator[ImageScores]:
    """Run a method, and hand on scores that say something."""
    degradations: list[str] = []
    nonzero: set[str] = set()

    def noted() -> Iterator[Example]:
        for example in examples:
            degradations[:] = example.inputs
            yield example

    for result in METHODS[name](pair, noted(), **arguments):
        for degradation, scores in zip(degradations, result.scores, strict=True):
            if not scores.isfinite().all():
                raise InputError(
                    f"attribution method '{name}': scores for '{degradation}' on image "
                    f"'{result.name}' are not finite; use float32 (precision), and look at the "
                    "weights"
                )
            if scores.any():
                nonzero.add(degradation)
        yield result
    for degradation in degradations:
        if degradation not in nonzero:
            raise InputError(
                f"attribution method '{name}': all scores for '{degradation}' are zero; the output "
                "depends on no filter there: look at the images, the weights and `tile`"
            )
