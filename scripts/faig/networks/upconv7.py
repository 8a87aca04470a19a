"""UpConv7 of waifu2x: a plain chain of convolutions and one transposed, for twice the size."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from ..base.errors import InputError

WIDTHS = (3, 16, 32, 64, 128, 128, 256)
# what the unpadded convolutions and the transposed one cut off at each side, in LR pixels
MARGIN = 7


class UpConv7(nn.Module):
    """Six unpadded 3×3 convolutions with leaky ReLU, and a transposed 4×4 one of stride 2.

    Weights are named as in the ncnn files of the published networks (MIT licence).

    Args:
        scale: 2, the only one there is.

    Raises:
        InputError: another scale.
    """

    def __init__(self, scale: int = 2):
        super().__init__()
        if scale != 2:
            raise InputError(f"network 'upconv7': scale is {scale}, expected 2, its only one")
        for number, (width_in, width_out) in enumerate(pairwise(WIDTHS), 1):
            setattr(self, f"conv{number}_layer", nn.Conv2d(width_in, width_out, 3))
        self.conv7_layer = nn.ConvTranspose2d(WIDTHS[-1], 3, 4, stride=2, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (MARGIN,) * 4, mode="replicate")
        *convolutions, last = self.children()
        for convolution in convolutions:
            x = F.leaky_relu(convolution(x), 0.1)
        return last(x)


Network = UpConv7
