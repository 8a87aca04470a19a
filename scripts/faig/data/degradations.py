"""Degradations: a high-resolution image made low-resolution by a list of small operators.

The paper's model is LR = (HR * k) downsampled by r, + n. A degradation is a list of operators read
from the config, for example::

    [{"op": "gaussian_blur", "size": 21, "sigma": 2.0}, {"op": "downsample"},
     {"op": "gaussian_noise", "sigma": 0.1}]
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from ..base.errors import InputError
from .operators import OPERATORS, Context
from .pixels import quantize


class Degradation:
    """A list of operators, split where the first stochastic one stands.

    What comes before the split is the *stem*: it is the same at every application, so it is
    computed once and stored in 8 bits (`stem_key` tells equal stems). The result is rounded to 8
    bits after the stem and at the end, whether the stem was stored or not.

    Args:
        operators: mappings with the key `op` (name in `OPERATORS`) and the operator's parameters.
        scale: super-resolution factor.

    Raises:
        InputError: unknown operator or parameter.
    """

    def __init__(self, operators: Sequence[dict], scale: int):
        self.scale = scale
        steps = [_bind(spec) for spec in operators]
        stochastic = [function.stochastic for function, _ in steps]
        split = stochastic.index(True) if any(stochastic) else len(steps)
        self.stem, self.rest = steps[:split], steps[split:]
        self.stem_key = json.dumps(list(operators[:split]), sort_keys=True)

    def apply_stem(self, images: Tensor) -> Tensor:
        """HR images (N, C, H, W) to the stem's result in 8-bit steps."""
        return self._run(self.stem, images, Context(self.scale))

    def apply_rest(
        self, stems: Tensor, generator: torch.Generator, views: int = 1
    ) -> tuple[Tensor, Tensor | float]:
        """The stem's result to LR images, randomness drawn from `generator`.

        Args:
            views: see `Context`.

        Returns:
            LR images, and the sigma of their blur, see `Context.blur`.
        """
        context = Context(self.scale, generator, views, self._stem_blur)
        return (self._run(self.rest, stems, context) if self.rest else stems), context.blur

    @cached_property
    def _stem_blur(self) -> Tensor | float:
        """Sigma of the stem's blur, as its operators tell it on any image."""
        context, side = Context(self.scale), 16 * self.scale
        self._run(self.stem, torch.zeros(1, 3, side, side), context)
        return context.blur

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """HR images (N, C, H, W) to LR images (N, C, H / r, W / r), in 8-bit steps."""
        return self.apply_rest(self.apply_stem(images), generator)[0]

    @staticmethod
    def _run(steps, images: Tensor, context: Context) -> Tensor:
        for function, parameters in steps:
            images = function(images, context, **parameters)
        return quantize(images)


def build_degradations(specs: Mapping[str, Sequence[dict]], scale: int) -> dict[str, Degradation]:
    """Degradations by name, from their lists of operators in the config."""
    return {name: Degradation(operators, scale) for name, operators in specs.items()}


def _bind(spec: dict) -> tuple[Callable, dict]:
    parameters = dict(spec)
    name = parameters.pop("op", None)
    if name not in OPERATORS:
        raise InputError(f"unknown operator '{name}'; known: {', '.join(sorted(OPERATORS))}")
    function = OPERATORS[name]
    try:
        inspect.signature(function).bind(None, None, **parameters)
    except TypeError as error:
        raise InputError(f"operator {name}: {error}") from None
    return function, parameters
