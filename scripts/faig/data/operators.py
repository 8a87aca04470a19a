"""Operators: the small steps that degradations are made of.

Images are float32 tensors (N, C, H, W) with values in [0, 1]. To add an operator, write a function
`f(images, context, *, parameters…)` under `@operator`; the config names it by its function name, or
as `package.module:function` if it is in a file of your own. Numbers may be drawn for each image,
see `degradations.Step`; a parameter `float | Tensor` takes those of all images at once, (N,).
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..base.errors import InputError
from .pixels import pad_symmetric, to_float, to_uint8

OPERATORS: dict[str, Callable] = {}
RESAMPLING = ("bicubic", "bilinear")


@dataclass
class Context:
    """What operators may need beside their parameters, and what they tell of what they did.

    Attributes:
        scale: super-resolution factor r.
        generator: source of randomness on the images' device; none is needed for deterministic
            operators.
        views: the images are so many views of each scene, first one view of all scenes, then the
            next. Views of one scene are degraded alike, but for their noise.
        blur: sigma of the last Gaussian blur in HR pixels, for all or for each image (N,); 0 for
            none.
    """

    scale: int
    generator: torch.Generator | None = None
    views: int = 1
    blur: Tensor | float = 0.0

    def uniform(self, images: Tensor) -> Tensor:
        """A random number in [0, 1) for each image (N,), the same for all views of a scene."""
        shape = (len(images) // self.views,)
        return torch.rand(
            shape, generator=self.generator, device=images.device, dtype=images.dtype
        ).repeat(self.views)


def operator(function: Callable | None = None, *, stochastic: bool = False) -> Callable:
    """Register an operator; `stochastic` ones draw afresh each time they are applied.

    All that they draw must come from `context.generator`. Those of other files are marked only.
    """

    def register(function: Callable) -> Callable:
        function.stochastic = stochastic
        if function.__module__ == __name__:
            OPERATORS[function.__name__] = function
        return function

    return register(function) if function else register


@lru_cache
def gaussian_kernel(size: int, sigma: float) -> Tensor:
    """One-dimensional Gaussian, float32 (size,), summing to 1. `size` is odd."""
    if sigma <= 0:
        raise InputError(f"gaussian_blur: needs a positive sigma, found {sigma}")
    return gaussian_lines(torch.tensor([sigma], dtype=torch.float64), size)[0].float()


def gaussian_lines(sigmas: Tensor, size: int) -> Tensor:
    """One-dimensional Gaussians (N, size), each summing to 1, in the precision of the sigmas.

    Args:
        sigmas: positive, in pixels, (N,).
        size: odd, in pixels.

    Raises:
        InputError: of an even size.
    """
    if size % 2 == 0 or size < 1:
        raise InputError(f"gaussian_blur: needs an odd size, found {size}")
    x = torch.arange(size, dtype=sigmas.dtype, device=sigmas.device) - size // 2
    lines = torch.exp(-(x**2) / (2 * sigmas[:, None] ** 2))
    return lines / lines.sum(dim=1, keepdim=True)


@operator
def gaussian_blur(images: Tensor, context: Context, *, size: int, sigma: float | Tensor) -> Tensor:
    """Isotropic Gaussian blur; `sigma` in HR pixels. The paper: size 21, sigma 2.

    Two-branch networks draw sigma between 0.2 and the scale.
    """
    context.blur = sigma
    if isinstance(sigma, Tensor):
        return _blur_each(images, gaussian_lines(sigma, size))
    channels = images.shape[1]
    lines = gaussian_kernel(size, sigma).to(images.device).expand(channels, -1)
    padded = pad_symmetric(images, size // 2)
    # one filter per channel is several times as fast with the channels last, and adds up the same
    return _blur_channels(padded.contiguous(memory_format=torch.channels_last), lines)


def _blur_channels(padded: Tensor, lines: Tensor) -> Tensor:
    """Convolve each channel with its own line, down and across.

    Args:
        padded: (N, C, H + size - 1, W + size - 1).
        lines: (C, size).
    """
    vertical = lines[:, None, :, None]
    blurred = F.conv2d(padded, vertical, groups=len(lines))
    return F.conv2d(blurred, vertical.transpose(2, 3), groups=len(lines)).contiguous()


def _blur_each(images: Tensor, lines: Tensor) -> Tensor:
    """Convolve each image with its own line, (N, size): as many channels of one image."""
    lines, size = lines.repeat_interleave(images.shape[1], dim=0), lines.shape[1]
    padded = pad_symmetric(images, size // 2).flatten(0, 1)[None]
    return _blur_channels(padded, lines).unflatten(1, images.shape[:2])[0]


@operator
def anisotropic_gaussian_blur(
    images: Tensor, context: Context, *, size: int, sigma_x: float, sigma_y: float, angle: float
) -> Tensor:
    """Gaussian blur of two widths, turned by `angle` degrees counter-clockwise.

    `sigma_x` and `sigma_y` in HR pixels, along the image's columns and rows before the turn.
    """
    along, across = _turned_grid(size, angle)
    kernel = torch.exp(-((along / sigma_x) ** 2 + (across / sigma_y) ** 2) / 2)
    return _blur(images, kernel)


@operator
def motion_blur(images: Tensor, context: Context, *, length: float, angle: float) -> Tensor:
    """Blur of a steady motion: a line of `length` HR pixels, `angle` degrees counter-clockwise.

    The line is one pixel wide; a pixel's weight falls with its distance from it, to none at one.
    """
    along, across = _turned_grid(2 * math.ceil(length / 2) + 1, angle)
    beyond = (along.abs() - (length - 1) / 2).clamp_min(0)
    return _blur(images, (1 - torch.hypot(beyond, across)).clamp_min(0))


@operator
def sinc_blur(images: Tensor, context: Context, *, size: int, cutoff: float) -> Tensor:
    """The ideal low-pass filter of a circle of frequencies, which rings at edges.

    `cutoff` in radians per pixel, at most pi. Its kernel, size by size pixels, is
    c J1(c r) / (2 pi r) with Bessel's function J1 and the distance r from the centre.
    """
    distance = torch.hypot(*_turned_grid(size, 0.0))
    kernel = torch.special.bessel_j1(cutoff * distance) / distance
    kernel[size // 2, size // 2] = cutoff / 2
    return _blur(images, kernel)


def _turned_grid(size: int, angle: float) -> tuple[Tensor, Tensor]:
    """Coordinates of a kernel's pixels along and across a direction, float64 (size, size) each."""
    line = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = torch.meshgrid(-line, line, indexing="ij")  # rows go down
    turn = math.radians(angle)
    return (
        x * math.cos(turn) + y * math.sin(turn),
        y * math.cos(turn) - x * math.sin(turn),
    )


def _blur(images: Tensor, kernel: Tensor) -> Tensor:
    """Convolve with a kernel (size, size) that is the same turned by 180 degrees, of an odd size.

    It is scaled to sum 1; borders are mirrored.
    """
    kernel = (kernel / kernel.sum()).to(images)
    channels = images.shape[1]
    padded = pad_symmetric(images, len(kernel) // 2)
    return F.conv2d(padded, kernel.expand(channels, 1, -1, -1), groups=channels)


@operator
def downsample(images: Tensor, context: Context, *, kernel: str = "bicubic") -> Tensor:
    """Reduce by the scale: `bicubic` as MATLAB's imresize, or `bilinear` without antialiasing.

    MATLAB's bicubic has a = -0.5, is widened by the scale and mirrors the image at its borders.
    The released code's downsampling is in fact the bilinear one. Height and width must be
    multiples of the scale.
    """
    r = context.scale
    if kernel == "bilinear":
        return F.interpolate(images, scale_factor=1 / r, mode="bilinear", align_corners=False)
    if kernel != "bicubic":
        raise InputError(f"downsample: unknown kernel '{kernel}'; known: {', '.join(RESAMPLING)}")
    margin = 4  # LR pixels; the widened kernel reaches 2 to each side
    padded = pad_symmetric(images, margin * r)
    reduced = F.interpolate(
        padded, scale_factor=1 / r, mode="bicubic", antialias=True, align_corners=False
    )
    return reduced[..., margin:-margin, margin:-margin]


@operator(stochastic=True)
def gaussian_noise(images: Tensor, context: Context, *, sigma: float) -> Tensor:
    """Add white Gaussian noise; `sigma` in units of the value range [0, 1]. The paper: 0.1."""
    noise = torch.empty_like(images).normal_(generator=context.generator)
    return images + sigma * noise


@operator(stochastic=True)
def poisson_noise(images: Tensor, context: Context, *, peak: float) -> Tensor:
    """Shot noise of a camera that counts `peak` photons where the image is white.

    Values keep their mean; their variance is value / peak.
    """
    return torch.poisson(images.clamp_min(0) * peak, generator=context.generator) / peak


@operator
def rescale(images: Tensor, context: Context, *, factor: float, kernel: str = "bicubic") -> Tensor:
    """Resize by `factor` and back, as images are that were sent around: a link of a resize chain.

    Reduced with antialiasing; sizes are rounded to whole pixels.
    """
    if kernel not in RESAMPLING:
        raise InputError(f"rescale: unknown kernel '{kernel}'; known: {', '.join(RESAMPLING)}")
    size = images.shape[-2:]
    between = [max(1, round(n * factor)) for n in size]
    for target in (between, list(size)):
        images = F.interpolate(images, target, mode=kernel, antialias=True, align_corners=False)
    return images


@operator
def jpeg(images: Tensor, context: Context, *, quality: int) -> Tensor:
    """JPEG compression by Pillow; `quality` from 1 to 100."""
    return torch.stack([_jpeg_round_trip(image, quality) for image in images])


def _jpeg_round_trip(image: Tensor, quality: int) -> Tensor:
    pixels = to_uint8(image).permute(1, 2, 0).cpu().numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=quality)
    decoded = torch.from_numpy(np.array(Image.open(buffer)))
    return to_float(decoded.permute(2, 0, 1)).to(image.device)
