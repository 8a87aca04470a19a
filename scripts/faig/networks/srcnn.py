"""SRCNN-style network: a plain chain of convolutions, the paper's second network."""

from collections.abc import Sequence

from torch import Tensor, nn

from .blocks import FACTORS, enlarged, start_at_zero


class SRCNNStyle(nn.Module):
    """Convolutions at low resolution, pixel shuffle, two convolutions.

    Weights are named as in the released code, `features.N`.

    Args:
        scale: 2, 3 or 4.
        widths: output channels of the convolutions before the upsampling.
        skip: add the bilinearly enlarged input to the output, and start from it. The paper's
            network has no skip, and needs a long training before it shows the image at all.
    """

    def __init__(
        self,
        scale: int = 2,
        widths: Sequence[int] = (64, 128, 128, 128, 128, 128),
        skip: bool = False,
    ):
        super().__init__()
        self.scale, self.skip = scale, skip
        layers: list[nn.Module] = []
        channels = 3
        for width in widths:
            layers += [_conv(channels, width), _activation()]
            channels = width
        for factor in FACTORS[scale]:
            layers += [
                _conv(channels, channels * factor**2),
                nn.PixelShuffle(factor),
                _activation(),
            ]
        layers += [_conv(channels, channels), _activation(), _conv(channels, 3)]
        self.features = nn.Sequential(*layers)
        if skip:
            start_at_zero(layers[-1])

    def forward(self, x: Tensor) -> Tensor:
        output = self.features(x)
        return output + enlarged(x, self.scale) if self.skip else output


def _conv(channels_in: int, channels_out: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    nn.init.zeros_(conv.bias)
    return conv


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.1, inplace=True)


Network = SRCNNStyle
