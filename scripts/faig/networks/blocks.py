"""Parts that networks share; no network of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.errors import InputError

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)  # of the photographs, RGB in [0, 1]
FACTORS = {2: (2,), 3: (3,), 4: (2, 2)}  # of the pixel shuffles, by scale


def require_positive(**sizes: int) -> None:
    """Check a network's sizes.

    Raises:
        InputError: one of them is no whole number of 1 or more.
    """
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{name}: found {value}, expected a whole number of 1 or more")


def conv(channels_in: int, channels_out: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution whose output is as large as its input, divided by the stride (rounded up)."""
    return nn.Conv2d(channels_in, channels_out, size, stride, padding=size // 2)


@torch.no_grad()
def start_estimator(estimator: nn.Module, slope: float, *first: nn.Conv2d) -> None:
    """Draw the convolutions' weights so that an image's fine structure is seen from the start.

    Signals keep their variance from layer to layer, and filters on the image itself have a mean of
    zero: blur shows in what changes from pixel to pixel, which is small against colour and
    brightness. From torch's default, estimators of blur said the same of every image for thousands
    of iterations.

    Args:
        slope: of the leaky ReLUs.
        first: convolutions on the image itself, but those of 1 x 1, which see no structure.
    """
    for module in estimator.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=slope)
            nn.init.zeros_(module.bias)
    for module in first:
        module.weight -= module.weight.mean((2, 3), keepdim=True)


def stretch(code: Tensor, features: Tensor) -> Tensor:
    """A code (N, C) as maps (N, C, H, W), the same at every pixel of the features."""
    return code[..., None, None].expand(-1, -1, *features.shape[-2:])


def precise(x: Tensor) -> Tensor:
    """The same values in float32, or in float64 if they are that."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def image_mean() -> Tensor:
    """The photographs' mean, to be taken from images (N, 3, H, W)."""
    return torch.tensor(DIV2K_MEAN).reshape(1, 3, 1, 1)


def start_at_zero(conv: nn.Conv2d) -> None:
    """Let a convolution give nothing until it is trained."""
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)


def enlarged(lr: Tensor, scale: int) -> Tensor:
    """LR images, bilinearly enlarged: the skip that networks add their output to."""
    return F.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)


def cut(value: Tensor, training: bool) -> Tensor:
    """The value, in training without its gradient."""
    return value.detach() if training else value


class GlobalMean(nn.AdaptiveAvgPool2d):
    """Mean over the image, (N, C, H, W) to (N, C), in float32 or better."""

    def __init__(self):
        super().__init__(1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(precise(x)).flatten(1)


class Tail(nn.Module):
    """Features to the SR image: pixel shuffle, output convolution.

    Args:
        features: channels of the input.
        scale: 2, 3 or 4.
        skip: add the bilinearly enlarged LR image, and start from it.
        size: of the output convolution.
        slope: of leaky ReLUs behind the pixel shuffles; None for no activation.
    """

    def __init__(
        self,
        features: int,
        scale: int,
        skip: bool,
        size: int = 3,
        slope: float | None = None,
    ):
        super().__init__()
        self.scale, self.skip = scale, skip
        layers: list[nn.Module] = []
        for factor in FACTORS[scale]:
            layers += [conv(features, features * factor**2), nn.PixelShuffle(factor)]
            layers += [nn.LeakyReLU(slope)] if slope is not None else []
        self.upsampling = nn.Sequential(*layers)
        self.output = conv(features, 3, size)
        if skip:
            start_at_zero(self.output)

    def forward(self, features: Tensor, lr: Tensor) -> Tensor:
        image = self.output(self.upsampling(features))
        return image + enlarged(lr, self.scale) if self.skip else image
