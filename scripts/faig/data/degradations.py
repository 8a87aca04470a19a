"""Degradations: a high-resolution image made low-resolution by a list of small operators.

The paper's model is LR = (HR * k) downsampled by r, + n. A degradation is a list of operators read
from the config, for example::

    [{"op": "gaussian_blur", "size": 21, "sigma": 2.0}, {"op": "downsample"},
     {"op": "gaussian_noise", "sigma": 0.1}]

A number given as a range, such as ``"sigma": [0.2, 2.0]``, is drawn anew for each image.
"""

import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..base.errors import InputError
from ..base.objects import imported, require_seeded
from .operators import OPERATORS, Context
from .pixels import quantize


class Step:
    """An operator with its parameters; numbers given as a range are drawn for each image.

    They are uniform in the range, whole ones with both its ends, the same for all views of a scene,
    and come from the context's generator in the order of the function's parameters.

    Args:
        spec: a mapping with the key `op` and the operator's parameters, a range as [low, high].

    Raises:
        InputError: unknown operator or parameter.
    """

    def __init__(self, spec: Mapping):
        self.fixed = dict(spec)
        self.name = self.fixed.pop("op", None)
        self.function = _function(self.name)
        try:
            inspect.signature(self.function).bind(None, None, **self.fixed)
        except TypeError as error:
            raise InputError(f"operator {self.name}: {error}") from None
        self.kinds = {
            name: set(typing.get_args(kind) or [kind])
            for name, kind in typing.get_type_hints(self.function).items()
        }
        self.drawn = {
            name: self.fixed.pop(name)
            for name, kinds in self.kinds.items()
            if kinds & {int, float} and isinstance(self.fixed.get(name), Sequence)
        }
        for name, ends in self.drawn.items():
            if len(ends) != 2 or not ends[0] < ends[1]:
                raise InputError(
                    f"operator {self.name}: {name}: found {ends}, expected a number, or a range "
                    "[low, high] to draw it from"
                )
        self.stochastic = bool(self.drawn) or getattr(self.function, "stochastic", False)

    def __call__(self, images: Tensor, context: Context) -> Tensor:
        """Apply it; `downsample` alone makes images of another size.

        Raises:
            InputError: another operator does, or one of the user's own makes NaN or infinity.
        """
        values = {name: self._draw(name, context.uniform(images)) for name in self.drawn}
        if all(Tensor in self.kinds[name] for name in values):
            result = self.function(images, context, **self.fixed, **values)
        else:
            rows = zip(*(value.tolist() for value in values.values()), strict=True)
            each = [self.fixed | dict(zip(values, row, strict=True)) for row in rows]
            alone = replace(context, views=1)
            result = torch.cat(
                [
                    self.function(image, alone, **numbers)
                    for image, numbers in zip(images.split(1), each, strict=True)
                ]
            )
        if self.name != "downsample" and result.shape != images.shape:
            raise InputError(
                f"operator '{self.name}' makes images {tuple(result.shape)} of "
                f"{tuple(images.shape)}, expected the same size, which 'downsample' alone changes"
            )
        if ":" in self.name and not result.isfinite().all():  # of the user's own
            raise InputError(f"operator '{self.name}' makes values that are not finite")
        return result

    def _draw(self, name: str, uniform: Tensor) -> Tensor:
        low, high = self.drawn[name]
        if int in self.kinds[name]:
            return (low + (high - low + 1) * uniform).clamp(max=high).long()
        return low + (high - low) * uniform

    def require_seeded(self, scale: int) -> None:
        """Complain of an operator that draws from anything but the context's generator.

        Raises:
            InputError: it gives two results from one seed, or fails.
        """
        side = 16 * scale
        images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))

        def degraded() -> np.ndarray:
            generator = torch.Generator().manual_seed(1) if self.stochastic else None
            return self(images.clone(), Context(scale, generator)).numpy()

        require_seeded(
            f"operator '{self.name}'",
            degraded,
            f"RGB images of {side} x {side} pixels",
            "all it draws comes from context.generator, under @operator(stochastic=True)",
        )


def _function(name: str) -> Callable:
    """The operator of a name in `OPERATORS`, or `package.module:function`."""
    if name in OPERATORS:
        return OPERATORS[name]
    if ":" not in str(name):
        raise InputError(
            f"unknown operator '{name}'; known: {', '.join(sorted(OPERATORS))}, "
            'or "package.module:function"'
        )
    return imported("operator", name)


class Degradation:
    """A list of operators, split where the first stochastic one stands.

    What the deterministic operators before the split make is the same at every application, so it
    is computed once and stored in 8 bits (`deterministic_key` tells where it is the same for two
    degradations). The result is rounded to 8 bits after them and at the end, whether it was stored
    or not.

    Args:
        operators: see `Step`.
        scale: super-resolution factor.

    Raises:
        InputError: unknown operator or parameter, or an operator of the user's own that draws from
            a generator of its own.
    """

    def __init__(self, operators: Sequence[dict], scale: int):
        self.scale = scale
        steps = [Step(spec) for spec in operators]
        for step in steps:
            if step.name not in OPERATORS:
                step.require_seeded(scale)
        stochastic = [step.stochastic for step in steps]
        split = stochastic.index(True) if any(stochastic) else len(steps)
        self.deterministic, self.stochastic = steps[:split], steps[split:]
        self.deterministic_key = json.dumps(list(operators[:split]), sort_keys=True)

    def apply_deterministic(self, images: Tensor) -> Tensor:
        """HR images (N, C, H, W) to what the deterministic operators make, in 8-bit steps."""
        return self._run(self.deterministic, images, Context(self.scale))

    def apply_stochastic(
        self, prepared: Tensor, generator: torch.Generator, views: int = 1
    ) -> tuple[Tensor, Tensor | float]:
        """What the deterministic operators made to LR images, randomness drawn from `generator`.

        Args:
            views: see `Context`.

        Returns:
            LR images, and the sigma of their blur, see `Context.blur`.
        """
        context = Context(self.scale, generator, views, self._fixed_blur)
        lr = self._run(self.stochastic, prepared, context) if self.stochastic else prepared
        return lr, context.blur

    @cached_property
    def _fixed_blur(self) -> Tensor | float:
        """Sigma of the deterministic operators' blur, as they tell it on any image."""
        context, side = Context(self.scale), 16 * self.scale
        self._run(self.deterministic, torch.zeros(1, 3, side, side), context)
        return context.blur

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """HR images (N, C, H, W) to LR images (N, C, H / r, W / r), in 8-bit steps."""
        return self.apply_stochastic(self.apply_deterministic(images), generator)[0]

    @staticmethod
    def _run(steps, images: Tensor, context: Context) -> Tensor:
        for step in steps:
            images = step(images, context)
        return quantize(images)


def build_degradations(specs: Mapping[str, Sequence[dict]], scale: int) -> dict[str, Degradation]:
    """Degradations by name, from their lists of operators in the config."""
    return {name: Degradation(operators, scale) for name, operators in specs.items()}
