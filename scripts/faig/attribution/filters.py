"""Filters: what a score is given to, and all index arithmetic on it.

A *filter* is, as in the paper, one 2-D kernel of a convolution, addressed by (layer, output
channel, input channel), or one row of a linear layer, (layer, output channel). Coarser *units* may
take its place: the output channels of all layers, the heads of attention, or the layers themselves.
A `FilterIndex` puts the units of any module in one stable order, so that a score per unit is a flat
vector and a choice of units is a flat boolean mask. The library calls them filters, whichever they
are.

A head is all that makes its part of an attention's output, which is the sum of the heads' and of
the projection's bias: its rows of queries, keys and values, and its columns of the projection.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import InputError

NONE = -1  # in place of a channel that a unit has not
Convolution = nn.Conv2d | nn.ConvTranspose2d
WithKernels = Convolution | nn.Linear
HEAD_AXES = {"in_proj_weight": 0, "in_proj_bias": 0, "out_proj.weight": 1}  # of torch's attention


@dataclass(frozen=True)
class Layer:
    """A module of its own parameters, and its place in the index.

    Attributes:
        name: the module's name, as in `named_modules()`.
        start: number of its first unit.
        out_channel, in_channel: of each of its units, integers (size,); `NONE` for a unit of all.
        places: by name of a parameter in the state dict the unit of each element, integers that
            broadcast against it; the weight comes first.
    """

    name: str
    start: int
    out_channel: np.ndarray
    in_channel: np.ndarray
    places: Mapping[str, Tensor]

    @property
    def parameter(self) -> str:
        """Name of its weight in the state dict."""
        return next(iter(self.places))

    @property
    def size(self) -> int:
        """Number of its units."""
        return len(self.out_channel)


class FilterIndex:
    """The units of a network in a stable order: layer by layer, then row-major in the weight.

    Example:
        >>> len(FilterIndex.of(nn.Conv2d(3, 8, 5)))
        24
        >>> len(FilterIndex.of(nn.Conv2d(3, 8, 5), "channel", "units"))
        8
    """

    def __init__(self, layers: Iterable[Layer]):
        self.layers = tuple(layers)

    @classmethod
    def of(cls, module: nn.Module, units: str = "kernel", biases: str = "target") -> "FilterIndex":
        """Index of a module, layers in the order of `named_modules()`.

        Args:
            units: `kernel`, the 2-D kernels of `Conv2d` and `ConvTranspose2d` and the rows of
                `Linear`; `channel`, the output channels of all layers, which are the rows of a
                linear one, and of a normalisation the channels with their scales; `head`, the
                same, but of attention the heads: of `MultiheadAttention`, and of modules with
                `num_heads`, `head_dim` (channels of each) and `head_axes`, the axis of a parameter
                along which its heads lie, by the parameter's name; `layer`.
            biases: `target` leaves out biases, and of kernels all that is none, which stay the
                target's as in the paper's experiments; with `units` every parameter belongs to a
                unit: a bias to its channel's, or, beside kernels, to one of its own.

        Raises:
            InputError: there is none.
        """
        layers, start, inside = [], 0, ()
        for name, part in module.named_modules():
            if name.startswith(inside):
                continue  # what an attention is made of has its units
            found = _layer(name, part, units, biases, start)
            layers += found
            start += sum(layer.size for layer in found)
            if units == "head" and head_numbers(part):
                inside += (f"{name}." if name else "",)
        if units == "kernel" and not any(isinstance(m, WithKernels) for m in module.modules()):
            raise InputError(
                f"{type(module).__name__} has no 2-D convolution and no linear layer, so that "
                "there are no filters to attribute; expected a network with Conv2d, "
                "ConvTranspose2d or Linear layers, or attribution.units: channel"
            )
        if not layers:
            raise InputError(f"{type(module).__name__} has no weights that could be attributed")
        return cls(layers)

    def __len__(self) -> int:
        return sum(layer.size for layer in self.layers)

    @cached_property
    def places(self) -> dict[str, Tensor]:
        """By name of a parameter the unit of each element, integers that broadcast against it."""
        return {name: place for layer in self.layers for name, place in layer.places.items()}

    @cached_property
    def layer_numbers(self) -> np.ndarray:
        """Layer number, counted from 0, of each unit: integer vector (units,)."""
        return np.repeat(np.arange(len(self.layers)), [layer.size for layer in self.layers])

    def columns(self) -> dict[str, np.ndarray]:
        """Address of each unit, as columns of a table: filter, layer, out_channel, in_channel."""
        return {
            "filter": np.arange(len(self)),
            "layer": np.array([layer.name for layer in self.layers])[self.layer_numbers],
            "out_channel": np.concatenate([layer.out_channel for layer in self.layers]),
            "in_channel": np.concatenate([layer.in_channel for layer in self.layers]),
        }

    def reduce(self, values: Mapping[str, Tensor]) -> Tensor:
        """Sum a quantity over each unit's elements.

        Args:
            values: per parameter a tensor of its shape; those that belong to no unit are ignored.

        Returns:
            The sums, float (units,).
        """
        some = values[self.layers[0].parameter]
        # the one number that changes no other by being added, not even the sign of a zero
        result = torch.full((len(self),), -0.0, dtype=some.dtype, device=some.device)
        for name, place in self.places.items():
            value = values[name]
            inner = [d for d, size in enumerate(place.shape) if size != value.shape[d]]
            sums = value.sum(dim=inner) if inner else value
            result.index_add_(0, place.flatten().to(some.device), sums.flatten())
        return result

    def masks(self, selected: np.ndarray) -> dict[str, Tensor]:
        """Boolean masks that broadcast against the parameters.

        Args:
            selected: boolean (units,).

        Returns:
            Per parameter that belongs to units a tensor of as many dimensions.
        """
        flat = torch.as_tensor(selected)
        if flat.dtype != torch.bool or flat.shape != (len(self),):
            raise ValueError(
                f"a choice of filters must be boolean of shape ({len(self)},), "
                f"not {flat.dtype} of shape {tuple(flat.shape)}"
            )
        return {name: flat[place.to(flat.device)] for name, place in self.places.items()}


def head_numbers(module: nn.Module) -> dict[str, np.ndarray]:
    """Head of each element of an attention's parameters, to broadcast; of other modules none."""
    torchs = isinstance(module, nn.MultiheadAttention)
    axes = HEAD_AXES if torchs else getattr(module, "head_axes", {})
    parameters, found = dict(module.named_parameters()), {}
    for key, axis in axes.items():
        if key not in parameters:
            continue
        value = parameters[key]
        # of queries, keys and values one after the other, head by head
        per_head = min(module.head_dim, value.shape[axis] // module.num_heads)
        heads = np.arange(value.shape[axis]) // per_head % module.num_heads
        found[key] = heads.reshape([-1 if d == axis else 1 for d in range(value.ndim)])
    return found


def _layer(name: str, module: nn.Module, units: str, biases: str, start: int) -> list[Layer]:
    """A module as a layer; none if no parameter of its own belongs to a unit."""
    parameters = _parameters(module, units)
    if biases == "target":
        parameters = {key: value for key, value in parameters.items() if not key.endswith("bias")}
    kernels = units == "kernel" and isinstance(module, WithKernels)
    weight = parameters.pop("weight", None) if kernels else None  # none where it is made of others
    if units == "kernel" and biases == "target":
        parameters = {}
    addresses, numbers = [], {}
    if weight is not None:
        addresses += zip(*(ends.tolist() for ends in ends_of_kernels(module)), strict=True)
        inside = 1 if isinstance(module, nn.Linear) else 2  # dimensions of a kernel
        numbers["weight"] = np.arange(len(addresses)).reshape(
            *weight.shape[:-inside], *[1] * inside
        )
    first = len(addresses)
    width, channels = _channels_of_all(module, parameters, units)
    numbers |= {key: first + channel for key, channel in channels.items()}
    addresses += [(channel, NONE) for channel in range(width)]
    if any(channel.max() == width for channel in channels.values()):
        addresses.append((NONE, NONE))  # what belongs to no channel
    if not addresses:
        return []
    places = {
        f"{name}.{key}" if name else key: start + torch.as_tensor(number)
        for key, number in numbers.items()
    }
    out_channel, in_channel = np.array(addresses, int).T
    return [Layer(name, start, out_channel, in_channel, places)]


def _parameters(module: nn.Module, units: str) -> dict[str, Tensor]:
    """What a module has itself; an attention that is cut into heads, all that it is made of."""
    heads = head_numbers(module) if units == "head" else {}
    parameters = dict(module.named_parameters(recurse=bool(heads)))
    return {key: parameters[key] for key in (*heads, *parameters)}


def _channels_of_all(
    module: nn.Module, parameters: Mapping[str, Tensor], units: str
) -> tuple[int, dict[str, np.ndarray]]:
    """How many channels a module has, and by parameter that of each element, see `_channels`.

    Rows of an attention are channels, unless it is cut into heads; what heads have no rows of, such
    as a score for each offset, is theirs.
    """
    if units == "layer":
        return 0, {key: _channels(module, key, value, 0) for key, value in parameters.items()}
    heads = {
        key: numbers
        for key, numbers in head_numbers(module).items()
        if key in parameters and (units == "head" or numbers.shape[0] == 1)
    }
    if heads:
        none = {key: _channels(module, key, value, 0) for key, value in parameters.items()}
        return module.num_heads, {key: none[key] + module.num_heads for key in parameters} | heads
    width = _width(module, parameters)
    return width, {key: _channels(module, key, value, width) for key, value in parameters.items()}


def _width(module: nn.Module, parameters: Mapping[str, Tensor]) -> int:
    """How many channels a module's output has, as far as its parameters tell."""
    if isinstance(module, Convolution) and parameters:
        return module.out_channels
    return next((value.shape[0] for value in parameters.values() if value.ndim), 0)


def _channels(module: nn.Module, key: str, value: Tensor, width: int) -> np.ndarray:
    """Output channel of each element of a parameter, to broadcast; `width` if it has none."""
    if width and key == "weight" and isinstance(module, nn.ConvTranspose2d):
        channels = ends_of_kernels(module)[0].reshape(*value.shape[:2], 1, 1)
        return channels if module.groups > 1 else channels[:1]
    if width and value.ndim and value.shape[0] == width:
        return np.arange(width).reshape(width, *[1] * (value.ndim - 1))
    return np.full([1] * value.ndim, width)


def ends_of_kernels(conv: WithKernels) -> tuple[np.ndarray, np.ndarray]:
    """Output and input channel of each kernel of a convolution, integer vectors (kernels,).

    Of a linear layer, of each row; these have all inputs, which is `NONE`.
    """
    if isinstance(conv, nn.Linear):
        return np.arange(conv.out_features), np.full(conv.out_features, NONE)
    rows, columns = conv.weight.shape[:2]
    first, second = np.divmod(np.arange(rows * columns), columns)
    second = second + first // (rows // conv.groups) * columns
    return (second, first) if isinstance(conv, nn.ConvTranspose2d) else (first, second)
