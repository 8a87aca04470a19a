"""Pixels: between 8 bits and floating point, and beyond an image's borders."""

import numpy as np
import torch
from torch import Tensor


def to_uint8(images: Tensor) -> Tensor:
    """[0, 1] to 8 bits, clipped and rounded."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def to_float(images: Tensor) -> Tensor:
    """8 bits to float32 in [0, 1]."""
    return images.float() / 255


def quantize(images: Tensor) -> Tensor:
    """Clip to [0, 1] and round to 8 bits, as storing an image does; stays float32."""
    return (images.clamp(0, 1) * 255).round() / 255


def _symmetric_index(length: int, pad: int) -> Tensor:
    """Source index of each pixel of a line padded by its mirror image, edge pixel repeated."""
    return torch.from_numpy(np.pad(np.arange(length), pad, mode="symmetric"))


def pad_symmetric(images: Tensor, pad: int) -> Tensor:
    """Mirror the image at its borders (MATLAB's `symmetric`), `pad` pixels on each side."""
    rows, columns = (_symmetric_index(n, pad).to(images.device) for n in images.shape[-2:])
    return images.contiguous()[..., rows, :][..., columns]  # rows are copied faster in one piece
