"""RCAN, residual blocks with channel attention (Zhang et al. 2018, arXiv 1807.02758)."""

from torch import Tensor, nn

from ..base.errors import InputError
from .blocks import FACTORS, conv, enlarged, image_mean, start_at_zero

RANGE = 255  # of the values that the convolutions see, as published


class ChannelAttention(nn.Module):
    """Channels times a number in (0, 1) each, which depends on the means of all of them."""

    def __init__(self, features: int, reduction: int):
        super().__init__()
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(features, features // reduction, 1),
            nn.ReLU(),
            nn.Conv2d(features // reduction, features, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.attention(x)


class AttentionBlock(nn.Module):
    """x + attention(conv(relu(conv(x))))."""

    def __init__(self, features: int, reduction: int):
        super().__init__()
        self.rcab = nn.Sequential(
            conv(features, features),
            nn.ReLU(),
            conv(features, features),
            ChannelAttention(features, reduction),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.rcab(x)


class ResidualGroup(nn.Module):
    """Blocks, a convolution, and a skip around them."""

    def __init__(self, features: int, blocks: int, reduction: int):
        super().__init__()
        self.residual_group = nn.Sequential(
            *(AttentionBlock(features, reduction) for _ in range(blocks))
        )
        self.conv = conv(features, features)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(self.residual_group(x))


class RCAN(nn.Module):
    """Groups of residual blocks at low resolution, each block with channel attention.

    Weights are named as in BasicSR, so that published checkpoints fit.

    Args:
        scale: 2, 3 or 4.
        features: channels of every block.
        groups: of blocks.
        blocks: of each group.
        reduction: how many times fewer channels the attention has inside; at most `features`.
        skip: add the bilinearly enlarged input to the output, and start from it; the paper's
            network has none.
    """

    def __init__(
        self,
        scale: int = 2,
        features: int = 64,
        groups: int = 10,
        blocks: int = 20,
        reduction: int = 16,
        skip: bool = False,
    ):
        super().__init__()
        if reduction > features:
            raise InputError(
                f"reduction: found {reduction}, expected at most the {features} features"
            )
        self.scale, self.skip = scale, skip
        self.register_buffer("mean", image_mean(), persistent=False)
        self.conv_first = conv(3, features)
        self.body = nn.Sequential(
            *(ResidualGroup(features, blocks, reduction) for _ in range(groups))
        )
        self.conv_after_body = conv(features, features)
        layers: list[nn.Module] = []
        for factor in FACTORS[scale]:
            layers += [conv(features, features * factor**2), nn.PixelShuffle(factor)]
        self.upsample = nn.Sequential(*layers)
        self.conv_last = conv(features, 3)
        if skip:
            start_at_zero(self.conv_last)

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv_first(RANGE * (x - self.mean))
        features = first + self.conv_after_body(self.body(first))
        output = self.conv_last(self.upsample(features)) / RANGE
        return output + (enlarged(x, self.scale) if self.skip else self.mean)


Network = RCAN
