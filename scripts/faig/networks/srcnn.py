"""SRCNN-style network: a plain chain of convolutions, the paper's second network."""

from collections.abc import Sequence

from torch import Tensor, nn


class SRCNNStyle(nn.Module):
    """Convolutions at low resolution, pixel shuffle, two convolutions; no skip.

    Weights are named as in the released code, `features.N`.

    Args:
        scale: 2, 3 or 4.
        widths: output channels of the convolutions before the upsampling.
    """

    def __init__(self, scale: int = 2, widths: Sequence[int] = (64, 128, 128, 128, 128, 128)):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in widths:
            layers += [_conv(channels, width), _activation()]
            channels = width
        for factor in {2: [2], 3: [3], 4: [2, 2]}[scale]:
            layers += [
                _conv(channels, channels * factor**2),
                nn.PixelShuffle(factor),
                _activation(),
            ]
        layers += [_conv(channels, channels), _activation(), _conv(channels, 3)]
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


def _conv(channels_in: int, channels_out: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    nn.init.zeros_(conv.bias)
    return conv


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.1, inplace=True)


Network = SRCNNStyle
