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
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .errors import InputError

OPERATORS: dict[str, Callable] = {}
RESAMPLING = ("bicubic", "bilinear")


@dataclass(frozen=True)
class Context:
    """What operators may need beside their parameters.

    Attributes:
        scale: super-resolution factor r.
        generator: source of randomness on the images' device; none is needed for deterministic
            operators.
    """

    scale: int
    generator: torch.Generator | None = None


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
    """One-dimensional Gaussians, float64 (N, size), each summing to 1.

    Args:
        sigmas: positive, in pixels, (N,).
        size: odd, in pixels.
    """
    x = torch.arange(size, dtype=torch.float64) - size // 2
    lines = torch.exp(-(x**2) / (2 * sigmas.double()[:, None] ** 2))
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
    channels = images.shape[1]
    kernel = gaussian_kernel(size, sigma).to(images.device)
    padded = pad_symmetric(images, size // 2)
    # one filter per channel is several times as fast with the channels last, and adds up the same
    padded = padded.contiguous(memory_format=torch.channels_last)
    vertical = kernel.reshape(1, 1, -1, 1).expand(channels, 1, -1, 1)
    blurred = F.conv2d(padded, vertical, groups=channels)
    return F.conv2d(blurred, vertical.transpose(2, 3), groups=channels).contiguous()


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
    """JPEG compression by Pillow; `quality` from 1 to 95."""
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

    def apply_rest(self, stems: Tensor, generator: torch.Generator) -> Tensor:
        """The stem's result to LR images, randomness drawn from `generator`."""
        if not self.rest:
            return stems
        return self._run(self.rest, stems, Context(self.scale, generator))

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """HR images (N, C, H, W) to LR images (N, C, H / r, W / r), in 8-bit steps."""
        return self.apply_rest(self.apply_stem(images), generator)

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
