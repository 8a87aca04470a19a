"""Weights of ncnn: a text that lists the layers (`.param`), and their numbers (`.bin`).

The format is described in ncnn's documentation, "param and model file structure".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..base.errors import InputError

MAGIC = "7767517"
# before the weights of a layer, how they are stored
FLOAT32, FLOAT16, INT8 = 0, 0x01306B47, 0x000D4B38
TAGS = tuple(tag.to_bytes(4, "little") for tag in (FLOAT16, INT8))  # as files begin with them

# numbers by which a layer's line tells its parameters, with what holds where one is missing
OUTPUTS, KERNEL, BIAS, WEIGHTS, GROUPS, KERNEL_HEIGHT = 0, 1, 5, 6, 7, 11
INNER_BIAS, INNER_WEIGHTS = 1, 2

WITHOUT_WEIGHTS = {
    "BinaryOp", "Clip", "Concat", "Crop", "Dropout", "Eltwise", "Flatten", "Input", "Interp",
    "Noop", "Padding", "Permute", "PixelShuffle", "Pooling", "ReLU", "Reshape", "Sigmoid", "Slice",
    "Softmax", "Split", "TanH", "UnaryOp",
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A line of a `.param` file.

    Attributes:
        kind: the layer's type, such as Convolution.
        name: its name.
        parameters: whole numbers by their key; arrays and fractions are left out.
    """

    kind: str
    name: str
    parameters: dict[int, int] = field(default_factory=dict)

    def get(self, key: int, default: int = 0) -> int:
        return self.parameters.get(key, default)


def load_ncnn(path: Path) -> dict[str, Tensor]:
    """Weights and biases of the layers of a network, named `<layer>.weight` and `<layer>.bias`.

    Args:
        path: the `.param` file; the `.bin` lies beside it under the same name.

    Returns:
        float32 tensors in the order of the layers, shaped as PyTorch's layers have them:
        convolutions (out, in / groups, k, k), transposed ones (in, out / groups, k, k), inner
        products (out, in).

    Raises:
        InputError: another format, a layer whose weights are not known, weights of 8 bits, or a
            `.bin` that is too short or too long.
    """
    layers = _read_layers(path)
    numbers = _Numbers(path.with_suffix(".bin"))
    state: dict[str, Tensor] = {}
    for layer in layers:
        if layer.kind in WITHOUT_WEIGHTS:
            continue
        if layer.kind not in READERS:
            raise InputError(
                f"{path}: layer '{layer.name}' is a {layer.kind}, whose weights are not known; "
                f"known: {', '.join(READERS)}"
            )
        for kind, value in READERS[layer.kind](layer, numbers):
            state[f"{layer.name}.{kind}"] = value
    numbers.require_end()
    return state


def _read_layers(path: Path) -> list[Layer]:
    """The layers of a `.param` file."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if lines[0].strip() != MAGIC:
        raise InputError(
            f"{path}: begins with {lines[0][:16]!r}, expected {MAGIC}: the text that lists "
            "the layers of an ncnn network"
        )
    try:
        count = int(lines[1].split()[0])
        layers = [_layer(line) for line in lines[2:] if line.strip()]
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: no layers of ncnn ({error})") from None
    if len(layers) != count:
        raise InputError(f"{path}: has {len(layers)} layers, and says {count}; cut short?")
    return layers


def _layer(line: str) -> Layer:
    kind, name, inputs, outputs, *rest = line.split()
    pairs = (text.split("=") for text in rest[int(inputs) + int(outputs) :])
    whole = {int(key): int(value) for key, value in pairs if value.lstrip("-").isdecimal()}
    return Layer(kind, name, whole)


class _Numbers:
    """The numbers of a `.bin` file, from first to last."""

    def __init__(self, path: Path):
        if not path.exists():
            raise InputError(f"{path}: no such file; expected beside the .param file")
        self.path, self.data, self.place = path, path.read_bytes(), 0

    def take(self, count: int, kind: str) -> np.ndarray:
        """The next numbers, of a numpy type."""
        size = count * np.dtype(kind).itemsize
        if self.place + size > len(self.data):
            raise InputError(f"{self.path}: too short for the layers of its .param file")
        found = np.frombuffer(self.data, kind, count, self.place)
        self.place += size
        return found

    def tagged(self, *shape: int) -> Tensor:
        """Numbers that begin with how they are stored."""
        tag, count = int(self.take(1, "<u4")[0]), int(np.prod(shape))
        if tag == FLOAT16:
            values = self.take(count, "<f2")
            self.place += -self.place % 4  # to a multiple of four bytes
        elif tag == FLOAT32:
            values = self.take(count, "<f4")
        else:
            found = "8-bit whole numbers" if tag == INT8 else f"unknown (tag {tag:#010x})"
            raise InputError(f"{self.path}: weights are {found}; expected float16 or float32")
        return torch.from_numpy(values.astype(np.float32).reshape(shape))

    def plain(self, count: int) -> Tensor:
        """Numbers of float32."""
        return torch.from_numpy(self.take(count, "<f4").astype(np.float32))

    def require_end(self) -> None:
        """Complain about numbers that belong to no layer."""
        if left := len(self.data) - self.place:
            raise InputError(f"{self.path}: {left} bytes more than the layers of its .param file")


def _convolution(layer: Layer, numbers: _Numbers) -> Iterator[tuple[str, Tensor]]:
    width = layer.get(KERNEL)
    outputs, height = layer.get(OUTPUTS), layer.get(KERNEL_HEIGHT, width)
    inputs = layer.get(WEIGHTS) // max(1, outputs * width * height)
    yield "weight", numbers.tagged(outputs, inputs, height, width)
    if layer.get(BIAS):
        yield "bias", numbers.plain(outputs)


def _transposed(layer: Layer, numbers: _Numbers) -> Iterator[tuple[str, Tensor]]:
    """As PyTorch has it: input channels first, in groups."""
    groups = layer.get(GROUPS, 1)
    for kind, value in _convolution(layer, numbers):
        if kind == "weight":
            value = value.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1).contiguous()
        yield kind, value


def _inner_product(layer: Layer, numbers: _Numbers) -> Iterator[tuple[str, Tensor]]:
    outputs = layer.get(OUTPUTS)
    yield "weight", numbers.tagged(outputs, layer.get(INNER_WEIGHTS) // max(1, outputs))
    if layer.get(INNER_BIAS):
        yield "bias", numbers.plain(outputs)


Reader = Callable[[Layer, _Numbers], Iterator[tuple[str, Tensor]]]
READERS: dict[str, Reader] = {
    "Convolution": _convolution,
    "ConvolutionDepthWise": _convolution,
    "Deconvolution": _transposed,
    "DeconvolutionDepthWise": _transposed,
    "InnerProduct": _inner_product,
}
