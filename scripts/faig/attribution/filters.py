"""Filters: the 2-D kernels of a network's convolutions, and all index arithmetic on them.

A *filter* is one 2-D kernel, addressed by (layer, output channel, input channel). A `FilterIndex`
puts the filters of any module in one stable order, so that a score per filter is a flat vector
and a choice of filters is a flat boolean mask. Biases belong to no filter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import InputError


@dataclass(frozen=True)
class ConvLayer:
    """A convolution's place in the index.

    Attributes:
        name: the module's name, as in `named_modules()`.
        shape: the first two dimensions of its weight: (out, in / groups) for a convolution,
            (in, out / groups) for a transposed one.
        groups: number of channel groups.
        transposed: whether it is a transposed convolution.
        start: number of its first filter.
    """

    name: str
    shape: tuple[int, int]
    groups: int
    transposed: bool
    start: int

    @property
    def parameter(self) -> str:
        """Name of its weight in the state dict."""
        return f"{self.name}.weight" if self.name else "weight"

    @property
    def size(self) -> int:
        """Number of filters."""
        return self.shape[0] * self.shape[1]

    @property
    def span(self) -> slice:
        """Where its filters lie in the flat order."""
        return slice(self.start, self.start + self.size)

    def channels(self) -> tuple[np.ndarray, np.ndarray]:
        """Output and input channel of each of its filters, two integer vectors (size,)."""
        first, second = np.divmod(np.arange(self.size), self.shape[1])
        group = first // (self.shape[0] // self.groups)
        second = second + group * self.shape[1]
        return (second, first) if self.transposed else (first, second)


class FilterIndex:
    """The filters of a network in a stable order: layer by layer, then row-major in the weight.

    Works for `Conv2d` and `ConvTranspose2d` of any kernel size, stride and number of groups.

    Example:
        >>> index = FilterIndex.of(nn.Conv2d(3, 8, 5))
        >>> len(index)
        24
    """

    def __init__(self, layers: Iterable[ConvLayer]):
        self.layers = tuple(layers)

    @classmethod
    def of(cls, module: nn.Module) -> "FilterIndex":
        """Index of all 2-D convolutions in `module`, in the order of `named_modules()`.

        Raises:
            InputError: there is none.
        """
        layers, start = [], 0
        for name, conv in module.named_modules():
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d):
                shape = tuple(conv.weight.shape[:2])
                transposed = isinstance(conv, nn.ConvTranspose2d)
                layers.append(ConvLayer(name, shape, conv.groups, transposed, start))
                start += layers[-1].size
        if not layers:
            raise InputError(
                f"{type(module).__name__} has no 2-D convolution, so that there are no filters to "
                "attribute; expected a network with Conv2d or ConvTranspose2d layers"
            )
        return cls(layers)

    def __len__(self) -> int:
        return sum(layer.size for layer in self.layers)

    @cached_property
    def layer_numbers(self) -> np.ndarray:
        """Layer number, counted from 0, of each filter: integer vector (filters,)."""
        return np.repeat(np.arange(len(self.layers)), [layer.size for layer in self.layers])

    def columns(self) -> dict[str, np.ndarray]:
        """Address of each filter, as columns of a table: filter, layer, out_channel, in_channel."""
        channels = [layer.channels() for layer in self.layers]
        return {
            "filter": np.arange(len(self)),
            "layer": np.array([layer.name for layer in self.layers])[self.layer_numbers],
            "out_channel": np.concatenate([out for out, _ in channels]),
            "in_channel": np.concatenate([into for _, into in channels]),
        }

    def reduce(self, values: Mapping[str, Tensor]) -> Tensor:
        """Sum a quantity over each filter's elements.

        Args:
            values: per weight name a tensor of the weight's shape; others are ignored.

        Returns:
            The sums, float (filters,).
        """
        return torch.cat([values[la.parameter].sum(dim=(2, 3)).flatten() for la in self.layers])

    def masks(self, selected: np.ndarray) -> dict[str, Tensor]:
        """Boolean masks that broadcast against the weights.

        Args:
            selected: boolean (filters,).

        Returns:
            Per weight name a tensor of shape (d0, d1, 1, 1), for all layers.
        """
        flat = torch.as_tensor(selected)
        if flat.dtype != torch.bool or flat.shape != (len(self),):
            raise ValueError(
                f"a choice of filters must be boolean of shape ({len(self)},), "
                f"not {flat.dtype} of shape {tuple(flat.shape)}"
            )
        return {la.parameter: flat[la.span].reshape(*la.shape, 1, 1) for la in self.layers}

    def substitute(
        self, state: Mapping[str, Tensor], other: Mapping[str, Tensor], selected: np.ndarray
    ) -> dict[str, Tensor]:
        """Put the selected filters of `other` into `state` (the paper's masking, section 4.2).

        Biases and everything that is not a filter stay those of `state`. Neither argument is
        changed.
        """
        result = dict(state)
        for name, mask in self.masks(selected).items():
            mask = mask.to(state[name].device)
            result[name] = torch.where(mask, other[name], state[name])
        return result
