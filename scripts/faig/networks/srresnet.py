"""SRResNet without batch normalisation, the paper's main network (BasicSR's MSRResNet)."""

import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import enlarged


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, features: int):
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class SRResNet(nn.Module):
    """Residual blocks at low resolution, pixel shuffle, bilinear skip from the input.

    Weights are named as in BasicSR, so that published checkpoints fit.

    Args:
        scale: 2, 3 or 4.
        features: channels of every block; the paper has 64.
        blocks: number of residual blocks; the paper has 16.
    """

    def __init__(self, scale: int = 2, features: int = 64, blocks: int = 16):
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        factor = 3 if scale == 3 else 2
        self.upconv1 = nn.Conv2d(features, features * factor**2, 3, padding=1)
        if scale == 4:
            self.upconv2 = nn.Conv2d(features, features * 4, 3, padding=1)
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)
        self._initialize()

    def _initialize(self) -> None:
        """Small weights: blocks start near the identity, the output near the bilinear skip."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                module.weight.data *= 0.1
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(F.leaky_relu(self.conv_first(x), 0.1))
        features = self._up(self.upconv1(features), 3 if self.scale == 3 else 2)
        if self.scale == 4:
            features = self._up(self.upconv2(features), 2)
        residual = self.conv_last(F.leaky_relu(self.conv_hr(features), 0.1))
        return enlarged(x, self.scale) + residual

    @staticmethod
    def _up(features: Tensor, factor: int) -> Tensor:
        return F.leaky_relu(F.pixel_shuffle(features, factor), 0.1)


Network = SRResNet
