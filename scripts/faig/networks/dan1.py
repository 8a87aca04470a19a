"""DAN v1 (Luo et al., NeurIPS 2020, arXiv 2010.02631): restorer and estimator in turns.

`restore(lr, code)` and `estimate(lr)` use one branch; the code is that of the blur kernel's
principal components. `unfold(lr)` gives SR image and code of every loop, `forward` the last SR
image. In training, no gradient passes between the branches; see `alternating.AlternatingNetwork`.
Images may have any height and width.
"""

import torch
from torch import Tensor, nn

from ..data.kernels import COMPONENTS, grid_pca
from .alternating import AlternatingNetwork
from .blocks import (
    GlobalMean,
    Tail,
    conv,
    require_positive,
    start_estimator,
    stretch,
)

SLOPE = 0.2
REDUCTION = 16  # of the channels, inside the attention


class ChannelAttention(nn.Module):
    """x * sigmoid(conv(leaky(conv(mean of x)))), with 1 x 1 convolutions."""

    def __init__(self, features: int):
        super().__init__()
        inner = max(1, features // REDUCTION)
        self.body = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            conv(features, inner, 1),
            nn.LeakyReLU(SLOPE),
            conv(inner, features, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.body(x)


class ConditionalBlock(nn.Module):
    """x + attention(conv(leaky(conv([x, condition]))))."""

    def __init__(self, features: int, condition: int):
        super().__init__()
        self.body = nn.Sequential(
            conv(features + condition, features + condition),
            nn.LeakyReLU(SLOPE),
            conv(features + condition, features),
            ChannelAttention(features),
        )

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x + self.body(torch.cat([x, condition], dim=1))


class Restorer(nn.Module):
    """LR image and code to SR image: conditional blocks at low resolution, pixel shuffle."""

    def __init__(self, scale: int, features: int, blocks: int, code: int, skip: bool):
        super().__init__()
        self.head = conv(3, features)
        self.body = nn.ModuleList(ConditionalBlock(features, code) for _ in range(blocks))
        self.fusion = conv(features, features)
        self.tail = Tail(features, scale, skip)

    def forward(self, lr: Tensor, code: Tensor) -> Tensor:
        features = self.head(lr)
        maps = stretch(code, features)
        for block in self.body:
            features = block(features, maps)
        return self.tail(self.fusion(features), lr)


class Estimator(nn.Module):
    """LR and SR image to code: blocks on the LR image's features, conditioned on the SR image's."""

    def __init__(self, scale: int, features: int, blocks: int, code: int):
        super().__init__()
        self.head_lr = conv(3, features, 1)
        self.head_sr = conv(3, features, 9, stride=scale)
        self.body = nn.ModuleList(ConditionalBlock(features, features) for _ in range(blocks))
        self.tail = nn.Sequential(conv(features, code), GlobalMean())
        start_estimator(self, SLOPE, self.head_sr)

    def forward(self, lr: Tensor, sr: Tensor) -> Tensor:
        features, condition = self.head_lr(lr), self.head_sr(sr)
        for block in self.body:
            features = block(features, condition)
        return self.tail(features)


class DAN1(AlternatingNetwork):
    """Restorer and estimator with channel attention, conditioned by concatenation.

    Args:
        scale: 2, 3 or 4.
        features: channels of the restorer's blocks; the paper has 64.
        blocks: number of the restorer's blocks; the paper has 40.
        estimator_features: channels of the estimator's blocks; the paper has 32.
        estimator_blocks: number of the estimator's blocks; the paper has 5.
        loops: turns of the two branches; the paper has 4.
        code: components of the kernel's code; the paper has 10.
        skip: add the bilinearly enlarged input to the output, and start from it. The paper's
            network has no skip, and needs a long training before it shows the image at all.

    Raises:
        InputError: a size below 1.
    """

    def __init__(
        self,
        scale: int = 2,
        features: int = 64,
        blocks: int = 40,
        estimator_features: int = 32,
        estimator_blocks: int = 5,
        loops: int = 4,
        code: int = COMPONENTS,
        skip: bool = False,
    ):
        require_positive(features=features, blocks=blocks, code=code)
        require_positive(estimator_features=estimator_features, estimator_blocks=estimator_blocks)
        restorer = Restorer(scale, features, blocks, code, skip)
        estimator = Estimator(scale, estimator_features, estimator_blocks, code)
        super().__init__(restorer, estimator, grid_pca(scale, code), loops)
        self.scale = scale


Network = DAN1
