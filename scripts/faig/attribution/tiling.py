"""Tiles: an image too large for memory, taken in parts whose errors add up to the whole's.

The squared error of an image is a sum over its pixels, and an output pixel depends only on the
input within the network's receptive field. So a tile with a margin of that width gives its core's
output exactly as the whole image does, and the tiles' losses and gradients add up to the whole's.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from ..base.errors import InputError

SMALLEST = 16  # side of tiles that are tried where memory runs out
GLOBAL = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
# attention in windows depends on where these lie; beside it stand normalisations of each pixel
ATTENTION = (nn.LayerNorm, nn.Softmax, nn.MultiheadAttention)


@dataclass(frozen=True)
class Tile:
    """A part of an image. All numbers are LR pixels: (first row, row behind the last, …).

    Attributes:
        outer: rows and columns that the network sees, margins included.
        core: rows and columns whose output counts, inside `outer`.
    """

    outer: tuple[int, int, int, int]
    core: tuple[int, int, int, int]

    def input(self, image: Tensor) -> Tensor:
        """The part of an LR image (N, C, H, W) that the network sees."""
        top, bottom, left, right = self.outer
        return image[..., top:bottom, left:right]

    def reference(self, image: Tensor, scale: int) -> Tensor:
        """The core in an HR image (N, C, scale H, scale W)."""
        top, bottom, left, right = (scale * n for n in self.core)
        return image[..., top:bottom, left:right]

    def output(self, image: Tensor, scale: int) -> Tensor:
        """The core in the network's output for `input`."""
        top, bottom, left, right = self.core
        rows = slice(scale * (top - self.outer[0]), scale * (bottom - self.outer[0]))
        columns = slice(scale * (left - self.outer[2]), scale * (right - self.outer[2]))
        return image[..., rows, columns]


def tiles(height: int, width: int, side: int, margin: int) -> Iterator[Tile]:
    """Tiles whose cores cover an LR image, each once.

    Args:
        height, width: of the LR image.
        side: of a core; the last ones may be smaller.
        margin: LR pixels around a core, cut off at the image's border.
    """
    for top in range(0, height, side):
        for left in range(0, width, side):
            bottom, right = min(top + side, height), min(left + side, width)
            outer = (
                max(top - margin, 0),
                min(bottom + margin, height),
                max(left - margin, 0),
                min(right + margin, width),
            )
            yield Tile(outer, (top, bottom, left, right))


def receptive_radius(network: nn.Module, largest: int = 128) -> int:
    """How many LR pixels around it an output pixel depends on, in each direction.

    Measured on a copy with positive weights and no biases, in which nothing cancels and every unit
    is active: where the gradient of the central output pixels with respect to the input is not
    zero, there the output depends on it. Pooling over the image needs no measurement, which a
    softmax or clamp behind it could hide; nor do transformers, whose normalisation hides it.

    Args:
        largest: give up beyond this radius.

    Raises:
        InputError: the radius is larger, as for networks with global pooling, or what is done to a
            pixel depends on where it lies, as behind a stride.
    """
    hidden = any(isinstance(module, (*GLOBAL, *ATTENTION)) for module in network.modules())
    if hidden or not getattr(network, "tiles", True):
        raise _too_far(network, largest)
    probe = copy.deepcopy(network).double().cpu().eval()
    with torch.no_grad():
        for name, parameter in probe.named_parameters():
            inputs = parameter[0].numel() if parameter.ndim else 1
            parameter.fill_(0.0 if name.endswith("bias") else 1.0 / inputs)
    try:
        found = _measured_radius(probe, largest)
        if found is not None and _treats_pixels_alike(probe, found):
            return found
    except RuntimeError as error:  # it does not take images of every size
        raise _too_far(network, largest) from error
    raise _too_far(network, largest)


def _measured_radius(probe: nn.Module, largest: int) -> int | None:
    """See `receptive_radius`; None if it is larger."""
    radius = 8
    while radius <= largest:
        side = 2 * radius + 3
        image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        output = probe(image)
        scale = output.shape[-1] // side
        centre = slice(scale * (radius + 1), scale * (radius + 2))
        (gradient,) = torch.autograd.grad(output[..., centre, centre].sum(), image)
        reached = gradient.abs().sum(dim=(0, 1)).nonzero() - (radius + 1)
        if (found := int(reached.abs().max())) <= radius:
            return found
        radius *= 2
    return None


@torch.no_grad()
def _treats_pixels_alike(probe: nn.Module, radius: int) -> bool:
    """Whether an image moved by one pixel is restored as before, but for its borders."""
    side = 2 * radius + 8
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, side + 1, side + 1, generator=generator, dtype=torch.float64)
    here, there = probe(image), probe(image[..., 1:, 1:])
    scale = there.shape[-1] // side
    inner = slice(scale * radius, scale * (side - radius))
    return torch.allclose(here[..., scale:, scale:][..., inner, inner], there[..., inner, inner])


def _too_far(network: nn.Module, largest: int) -> InputError:
    return InputError(
        f"{type(network).__name__}: an output pixel depends on more than {largest} LR pixels in "
        "each direction, or on where windows lie (a global operation, attention, or a stride?), so "
        "its images cannot be cut into tiles; give smaller ones, or a larger `tile` if memory "
        "suffices"
    )


class Tiler:
    """Cuts LR images for a network into tiles; its receptive field, the margin, is found once.

    Args:
        side: an image with no side longer than that, in LR pixels, is one tile.
    """

    def __init__(self, network: nn.Module, side: int):
        self.network, self.side = network, side

    def halve(self, shape: tuple[int, int]) -> None:
        """Make the tiles of this and later images half as large, because memory ran out.

        Raises:
            InputError: they are as small as can be, or the network's images cannot be cut.
        """
        now = min(self.side, max(shape))
        if now < 2 * SMALLEST:
            raise InputError(
                f"out of memory on an LR image of {shape[0]} x {shape[1]} pixels even in tiles of "
                f"{now}: free memory on the GPU, or set 'device: cpu'"
            )
        self.side = now // 2
        print(
            f"out of memory on an LR image of {shape[0]} x {shape[1]} pixels: images are taken in "
            f"tiles of {self.side} from here on, with the same result",
            flush=True,
        )

    def cut(self, shape: tuple[int, int]) -> list[Tile]:
        """Tiles for an LR image, of which height and width are given."""
        margin = 0 if max(shape) <= self.side else self._margin
        return list(tiles(*shape, self.side, margin))

    @cached_property
    def _margin(self) -> int:
        return receptive_radius(self.network)
