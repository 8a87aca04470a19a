"""Attribution: a score for every filter, image and degradation, by several methods.

Every method has one signature, `(pair, examples, *, parameters…) -> iterator of ImageScores`, and a
name in `METHODS`, by which the config calls it. To add one, write a function under `@method`; the
config names it as `package.module:function` if it is in a file of your own.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ..base.device import Compute
from ..base.errors import InputError
from ..base.objects import imported, require_seeded
from ..data.crops import Crop
from . import search
from .examples import Example, ImageScores
from .pair import Pair
from .passes import Elements, Passes
from .quadrature import nodes_and_weights
from .ranking import BETA, CONTRASTS, largest_contrast
from .tiling import Tiler

METHODS: dict[str, Callable] = {}
CORNER = 16  # LR pixels, on which methods of the user's own are tried


def method(*, contrast: str) -> Callable[[Callable], Callable]:
    """Register a method.

    All that it draws must come from a parameter `seed`. Those of other files are marked only.

    Args:
        contrast: how its scores become discriminative, a name in `ranking.CONTRASTS`.

    Raises:
        InputError: no such contrast.
    """
    if contrast not in CONTRASTS:
        raise InputError(f"unknown contrast '{contrast}'; known: {', '.join(CONTRASTS)}")

    def register(function: Callable) -> Callable:
        function.contrast = contrast
        if function.__module__ == __name__:
            METHODS[function.__name__] = function
        return function

    return register


def method_function(name: str) -> Callable:
    """The method of a name in `METHODS`, or `package.module:function`.

    Raises:
        InputError: there is none, or it is not under `@method`.
    """
    if name in METHODS:
        return METHODS[name]
    if ":" not in name:
        raise InputError(
            f"unknown attribution method '{name}'; known: {', '.join(METHODS)}, "
            'or "package.module:function"'
        )
    function = imported("attribution method", name)
    if not hasattr(function, "contrast"):
        raise InputError(
            f"attribution method '{name}': expected a function under @method(contrast=…), which "
            "says how its scores are ranked"
        )
    return function


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
    tiler, adaptive = Tiler(pair.network, tile), quadrature == "adaptive"
    for example in examples:
        passes = Passes(pair, example, tiler)
        gains = passes.gains()
        rule = "gauss-legendre" if adaptive else quadrature
        result = _integral(passes, gains, rule, nodes)
        while adaptive and result.completeness.max() > tolerance and 2 * result.nodes <= 256:
            finer = _integral(passes, gains, rule, 2 * result.nodes)
            result = replace(finer, passes=result.passes + finer.passes)
        yield result


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
    change allocation (Lan et al. 2019, arXiv 1909.01440). The arguments are those of `faig`, which
    finds these scores beside its own.
    """
    both = faig(pair, examples, quadrature=quadrature, nodes=nodes, tolerance=tolerance, tile=tile)
    yield from (replace(result, scores=result.signed, signed=None) for result in both)


def _integral(passes: Passes, gains: np.ndarray, rule: str, nodes: int) -> ImageScores:
    """One image's path integrals by one quadrature rule, with their completeness errors."""
    points = list(zip(*nodes_and_weights(rule, nodes), strict=True))
    reduce = passes.pair.index.reduce
    scores, signed, errors = [], [], []
    for parts, gain in zip(passes.along_weights(points).values(), gains, strict=True):
        scores.append(reduce({name: part.abs() for name, part in parts.items()}))
        signed.append(reduce(parts))
        whole = sum(part.sum(dtype=torch.float64).item() for part in parts.values())
        errors.append(abs(whole - gain) / max(abs(gain), 1e-12))
    return ImageScores(
        passes.example.name,
        torch.stack(scores),
        np.array(errors),
        nodes,
        gains,
        passes=nodes,
        signed=torch.stack(signed),
    )


def _contributions(
    pair: Pair,
    examples: Iterable[Example],
    tile: int,
    of_image: Callable[[Passes], Mapping[str, Elements]],
    passes: float,
) -> Iterator[ImageScores]:
    """Contributions to the gain, summed with their signs over each filter.

    Args:
        of_image: from an image's passes to its contributions by degradation.
        passes: that it takes.
    """
    tiler = Tiler(pair.network, tile)
    for example in examples:
        image_passes = Passes(pair, example, tiler)
        scores = torch.stack(
            [pair.index.reduce(parts) for parts in of_image(image_passes).values()]
        )
        yield ImageScores(example.name, scores, gains=image_passes.gains(), passes=passes)


def _taylor(
    pair: Pair, examples: Iterable[Example], tile: int, alphas: Sequence[float]
) -> Iterator[ImageScores]:
    """First-order contributions, mean over places on the line from the target to the baseline."""
    points = [(alpha, 1 / len(alphas)) for alpha in alphas]
    yield from _contributions(
        pair, examples, tile, lambda passes: passes.along_weights(points), len(points)
    )


@method(contrast="largest")
def taylor(pair: Pair, examples: Iterable[Example], *, tile: int = 512) -> Iterator[ImageScores]:
    """First-order Taylor expansion at the target: what deleting the filter would cost.

    The sum over the filter of (baseline - target) times the loss's gradient at the target.

    Args:
        tile: longest side in LR pixels that is taken as a whole, see `tiling`.
    """
    yield from _taylor(pair, examples, tile, [0])


@method(contrast="largest")
def taylor_baseline(
    pair: Pair, examples: Iterable[Example], *, tile: int = 512
) -> Iterator[ImageScores]:
    """The same at the baseline: what inserting the filter would bring."""
    yield from _taylor(pair, examples, tile, [1])


@method(contrast="largest")
def taylor_middle(
    pair: Pair, examples: Iterable[Example], *, tile: int = 512
) -> Iterator[ImageScores]:
    """The same half way between target and baseline."""
    yield from _taylor(pair, examples, tile, [0.5])


@method(contrast="largest")
def taylor_ends(
    pair: Pair, examples: Iterable[Example], *, tile: int = 512
) -> Iterator[ImageScores]:
    """The mean of the Taylor expansions at target and baseline."""
    yield from _taylor(pair, examples, tile, [0, 1])


@method(contrast="largest")
def taylor_second(
    pair: Pair, examples: Iterable[Example], *, tile: int = 512
) -> Iterator[ImageScores]:
    """Taylor expansion at the target to second order, along the whole way to the baseline.

    With c = baseline - target, gradient g and Hessian H, the sum over the filter of
    c (g + H c / 2). Memory is twice that of `taylor`. The argument is that of `taylor`.
    """
    # a product with the Hessian takes about as long as two passes
    yield from _contributions(pair, examples, tile, Passes.second_order, 3)


@method(contrast="largest")
def conductance(
    pair: Pair,
    examples: Iterable[Example],
    *,
    quadrature: str = "gauss-legendre",
    nodes: int = 8,
    tile: int = 512,
) -> Iterator[ImageScores]:
    """First-order contributions at the target, averaged from the clean to the degraded image.

    The idea of conductance (Dhamdhere et al. 2018, arXiv 1805.12233), an integral over the input,
    for the weights that separate target and baseline. The arguments are those of `faig`.
    """
    points = list(zip(*nodes_and_weights(quadrature, nodes), strict=True))
    yield from _contributions(
        pair, examples, tile, lambda passes: passes.along_inputs(points), nodes
    )


def _squares(
    pair: Pair,
    examples: Iterable[Example],
    tile: int,
    of_filter: Callable[[Elements], Tensor],
) -> Iterator[ImageScores]:
    """Squares of the contributions at the target, which tell the size of an effect."""
    tiler = Tiler(pair.network, tile)
    for example in examples:
        parts = Passes(pair, example, tiler).along_weights([(0, 1)]).values()
        yield ImageScores(
            example.name, torch.stack([of_filter(elements) for elements in parts]), passes=1
        )


@method(contrast="largest")
def fisher(pair: Pair, examples: Iterable[Example], *, tile: int = 512) -> Iterator[ImageScores]:
    """Empirical Fisher information: half the sum of g^2 (baseline - target)^2 over the filter.

    g is an image's gradient at the target; their squares are averaged over images. Scores are
    contrasted as shares of their sum. The argument is that of `taylor`.
    """
    reduce = pair.index.reduce
    yield from _squares(
        pair, examples, tile, lambda parts: reduce({k: v.square() / 2 for k, v in parts.items()})
    )


@method(contrast="largest")
def molchanov(pair: Pair, examples: Iterable[Example], *, tile: int = 512) -> Iterator[ImageScores]:
    """The square of `taylor`, averaged over images (Molchanov et al. 2019, arXiv 1906.10771).

    Scores are contrasted as shares of their sum. The argument is that of `taylor`.
    """
    yield from _squares(pair, examples, tile, lambda parts: pair.index.reduce(parts).square())


@method(contrast="none")
def greedy(
    pair: Pair,
    examples: Iterable[Example],
    *,
    rounds: int = 8,
    proportion: float = 0.05,
    beta: float = BETA,
) -> Iterator[ImageScores]:
    """Filters taken in rounds, by `taylor` in the network without those taken before.

    The same scores for all images, which are taken whole.

    Args:
        rounds: after each of which all contributions are found anew.
        proportion: of the filters that are taken by rounds, in (0, 1].
        beta: weight of the other degradations in the contrast.
    """
    listed = list(examples)
    scores = search.greedy_order(search.Losses(pair, listed), rounds, proportion, beta)
    passes = rounds * len(scores)
    yield from (ImageScores(example.name, scores, passes=passes) for example in listed)


@method(contrast="none")
def learned_gates(
    pair: Pair,
    examples: Iterable[Example],
    *,
    steps: int = 100,
    learning_rate: float = 0.1,
    sparsity: float = 10.0,
) -> Iterator[ImageScores]:
    """Gates learned for every degradation: an upper bound on what rankings find, at its price.

    Starts from `signed`. The same scores for all images, which are taken whole.

    Args:
        steps: of Adam, for every degradation.
        learning_rate: of Adam, on the logits of the gates.
        sparsity: weight of the mean gate beside shares of the gain.
    """
    listed = list(examples)
    start = list(signed(pair, listed))
    mean = np.mean([result.scores.double().cpu().numpy() for result in start], axis=0)
    gains = np.mean([result.gains for result in start], axis=0)
    first = torch.from_numpy(largest_contrast(mean, gains, BETA))
    losses = search.Losses(pair, listed)
    scores = search.learned_gates(losses, first, steps, learning_rate, sparsity)
    passes = start[0].passes + steps * len(scores)
    yield from (ImageScores(example.name, scores, passes=passes) for example in listed)


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
    points = list(zip(*nodes_and_weights(quadrature, nodes), strict=True))
    tiler = Tiler(pair.network, tile)
    for example in examples:
        passes = Passes(pair, example, tiler)
        totals = passes.gradients_along_inputs(points, passes.sums)
        sizes = ({k: v.abs() for k, v in total.items()} for total in totals.values())
        scores = torch.stack([pair.index.reduce(elements) for elements in sizes])
        yield ImageScores(example.name, scores, passes=nodes)


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
    size = index.reduce({k: pair.baseline[k].abs() for k in pair.baseline})
    scores = pair.size_of_change / size.clamp_min(1e-12)
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
        name: see `method_function`.
        parameters: the method's keyword arguments, as in the config.
        seed: for methods that draw at random, which are those with an argument `seed`.

    Raises:
        InputError: no such method, or a parameter that it does not take; one of the user's own that
            draws from anything but `seed`; baseline and target are the same; scores of another
            shape, not finite, or zero for all filters and images.
    """
    signature = inspect.signature(method_function(name))
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
    if name not in METHODS:
        examples = iter(examples)
        first = next(examples)
        _require_seeded(name, pair, first, arguments)
        examples = chain([first], examples)
    return _checked(name, pair, examples, arguments)


def _require_seeded(name: str, pair: Pair, example: Example, arguments: Mapping) -> None:
    """Complain of a method that draws from anything but its parameter `seed`.

    It scores a corner of one image twice, on the CPU, where equal sums are equal bit by bit.

    Raises:
        InputError: the scores differ, or it fails.
    """
    small, place = _corner(example), Compute(torch.device("cpu"), torch.float32)
    units = {"units": pair.units, "biases": pair.biases}
    cpu_pair = Pair.of(copy.deepcopy(pair.network), pair.baseline, pair.target, place, **units)

    def scores() -> np.ndarray:
        (scored,) = method_function(name)(cpu_pair, [small], **arguments)
        return scored.scores.numpy()

    require_seeded(
        f"attribution method '{name}'",
        scores,
        f"one image of at most {CORNER} x {CORNER} LR pixels",
        "all it draws comes from its parameter `seed`",
    )


def _corner(example: Example) -> Example:
    """The first `CORNER` rows and columns of an image's LR pixels, or as many as there are."""
    corner, side = Crop(example.name, 0, 0, CORNER), example.clean.shape[-1]
    return Example(
        str(corner),
        corner.of(example.reference, example.reference.shape[-1] // side),
        corner.of(example.clean),
        {degradation: corner.of(pixels) for degradation, pixels in example.inputs.items()},
    )


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

    for result in method_function(name)(pair, noted(), **arguments):
        shape = (len(degradations), len(pair.index))
        if result.scores.shape != shape:
            raise InputError(
                f"attribution method '{name}': scores of shape {tuple(result.scores.shape)}, "
                f"expected (degradations, filters), {shape}"
            )
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
