"""Degradations: a high-resolution image made low-resolution by a list of small operators.

The paper's model is LR = (HR * k) downsampled by r, + n. A degradation is a list of operators read
from the config, for example::

    [{"op": "gaussian_blur", "size": 21, "sigma": 2.0}, {"op": "downsample"},
     {"op": "gaussian_noise", "sigma": 0.1}]

Images are float32 tensors (N, C, H, W) with values in [0, 1]. To add an operator, write a function
`f(images, context, *, parameters…)` under `@operator`; the config names it by its function name.
"""

import inspect
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..base.errors import InputError

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
    """Register an operator; `stochastic` ones draw afresh each time they are applied."""

    def register(function: Callable) -> Callable:
        function.stochastic = stochastic
        OPERATORS[function.__name__] = function
        return function

    return register(function) if function else register


@lru_cache
def gaussian_kernel(size: int, sigma: float) -> Tensor:
    """One-dimensional Gaussian, float32 (size,), summing to 1. `size` is odd."""
    if size % 2 == 0 or size < 1 or sigma <= 0:
        raise InputError(
            f"gaussian_blur: needs an odd size and a positive sigma, found {size}, {sigma}"
        )
    return gaussian_lines(torch.tensor([sigma], dtype=torch.float64), size)[0].float()


def gaussian_lines(sigmas: Tensor, size: int) -> Tensor:
    """One-dimensional Gaussians (N, size), each summing to 1, in the precision of the sigmas.

    Args:
        sigmas: positive, in pixels, (N,).
        size: odd, in pixels.
    """
    x = torch.arange(size, dtype=sigmas.dtype, device=sigmas.device) - size // 2
    lines = torch.exp(-(x**2) / (2 * sigmas[:, None] ** 2))
    return lines / lines.sum(dim=1, keepdim=True)


def _symmetric_index(length: int, pad: int) -> Tensor:
    """Source index of each pixel of a line padded by its mirror image, edge pixel repeated."""
    return torch.from_numpy(np.pad(np.arange(length), pad, mode="symmetric"))


def pad_symmetric(images: Tensor, pad: int) -> Tensor:
    """Mirror the image at its borders (MATLAB's `symmetric`), `pad` pixels on each side."""
    rows, columns = (_symmetric_index(n, pad).to(images.device) for n in images.shape[-2:])
    return images.contiguous()[..., rows, :][..., columns]  # rows are copied faster in one piece


@operator
def gaussian_blur(images: Tensor, context: Context, *, size: int, sigma: float) -> Tensor:
    """Isotropic Gaussian blur; `sigma` in HR pixels. The paper: size 21, sigma 2."""
    context.blur = sigma
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


@operator(stochastic=True)
def random_gaussian_blur(
    images: Tensor, context: Context, *, size: int, low: float, high: float
) -> Tensor:
    """Isotropic Gaussian blur, sigma drawn uniformly for each image.

    `low` and `high` in HR pixels; for two-branch networks 0.2 and the scale.
    """
    if size % 2 == 0 or not 0 < low < high:
        raise InputError(
            f"random_gaussian_blur: needs an odd size and 0 < low < high, found {size}, {low}, "
            f"{high}"
        )
    context.blur = low + (high - low) * context.uniform(images)
    lines = gaussian_lines(context.blur, size).repeat_interleave(images.shape[1], dim=0)
    # as many channels of one image, because each image has a filter of its own
    padded = pad_symmetric(images, size // 2).flatten(0, 1)[None]
    return _blur_channels(padded, lines).unflatten(1, images.shape[:2])[0]


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


def to_uint8(images: Tensor) -> Tensor:
    """[0, 1] to 8 bits, clipped and rounded."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def to_float(images: Tensor) -> Tensor:
    """8 bits to float32 in [0, 1]."""
    return images.float() / 255


def quantize(images: Tensor) -> Tensor:
    """Clip to [0, 1] and round to 8 bits, as storing an image does; stays float32."""
    return (images.clamp(0, 1) * 255).round() / 255


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
