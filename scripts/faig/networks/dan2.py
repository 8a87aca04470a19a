"""DAN v2 (Luo et al., arXiv 2105.06878): as DAN v1, with dual-path blocks and kernel estimates.

`restore(lr, code)` and `estimate(lr)` use one branch; the code is that of the blur kernel's
principal components, onto which the estimated kernel is projected. `unfold(lr)` gives SR image and
code of every loop, `unfold_estimates(lr)` SR image and kernel, `forward` the last SR image. In
training, no gradient passes between the branches; see `alternating.AlternatingNetwork`. Images may
have any height and width.
"""

import torch
from torch import Tensor, nn

from ..data.kernels import COMPONENTS, gaussian_kernels, grid_pca
from .alternating import AlternatingNetwork
from .blocks import (
    GlobalMean,
    Tail,
    conv,
    precise,
    require_positive,
    start_estimator,
)

SLOPE = 0.2


class DualPathBlock(nn.Module):
    """Two residual paths: c + g(c) for the condition, x + f(x) * g(c) for the features.

    Args:
        features: channels of both paths.
        size: of the convolutions on the condition.
    """

    def __init__(self, features: int, size: int):
        super().__init__()
        self.on_features = self._path(features, 3)
        self.on_condition = self._path(features, size)

    @staticmethod
    def _path(features: int, size: int) -> nn.Sequential:
        return nn.Sequential(
            conv(features, features, size), nn.LeakyReLU(SLOPE), conv(features, features, size)
        )

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        change = self.on_condition(condition)
        return x + self.on_features(x) * change, condition + change


class DualPathGroup(nn.Module):
    """Dual-path blocks, and the group's input added to its output on both paths."""

    def __init__(self, features: int, size: int, blocks: int):
        super().__init__()
        self.body = nn.ModuleList(DualPathBlock(features, size) for _ in range(blocks))

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        first, first_condition = x, condition
        for block in self.body:
            x, condition = block(x, condition)
        return first + x, first_condition + condition


class Restorer(nn.Module):
    """LR image and code to SR image: dual-path groups at low resolution, pixel shuffle."""

    def __init__(self, scale: int, features: int, groups: int, blocks: int, code: int, skip: bool):
        super().__init__()
        self.head = conv(3, features)
        self.head_code = conv(code, features, 1)
        self.body = nn.ModuleList(DualPathGroup(features, 1, blocks) for _ in range(groups))
        self.fusion = conv(features, features)
        self.tail = Tail(features, scale, skip)

    def forward(self, lr: Tensor, code: Tensor) -> Tensor:
        features, condition = self.head(lr), self.head_code(code[..., None, None])
        for group in self.body:
            features, condition = group(features, condition)
        return self.tail(self.fusion(features), lr)


class Estimator(nn.Module):
    """LR and SR image to a kernel (N, size, size) of positive values that sum to 1."""

    def __init__(self, scale: int, features: int, blocks: int, size: int):
        super().__init__()
        self.size = size
        self.head_lr = conv(3, features, 5)
        self.head_sr = conv(3, features, 4 * scale + 1, stride=scale)
        self.body = DualPathGroup(features, 3, blocks)
        self.tail = nn.Sequential(
            conv(features, 2 * features), GlobalMean(), nn.Linear(2 * features, size**2)
        )
        start_estimator(self, SLOPE, self.head_lr, self.head_sr)

    def forward(self, lr: Tensor, sr: Tensor) -> Tensor:
        features, _ = self.body(self.head_lr(lr), self.head_sr(sr))
        kernel = torch.softmax(precise(self.tail(features)), dim=1)
        return kernel.unflatten(1, (self.size, self.size))


class DAN2(AlternatingNetwork):
    """Restorer and estimator of dual-path blocks, conditioned by multiplication.

    Args:
        scale: 2, 3 or 4.
        features: channels of the restorer's blocks; the paper has 64.
        groups: number of the restorer's groups; the paper has 5.
        blocks: number of blocks in each of them; the paper has 10.
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
        groups: int = 5,
        blocks: int = 10,
        estimator_features: int = 32,
        estimator_blocks: int = 5,
        loops: int = 4,
        code: int = COMPONENTS,
        skip: bool = False,
    ):
        require_positive(features=features, groups=groups, blocks=blocks, code=code)
        require_positive(estimator_features=estimator_features, estimator_blocks=estimator_blocks)
        pca = grid_pca(scale, code)
        restorer = Restorer(scale, features, groups, blocks, code, skip)
        estimator = Estimator(scale, estimator_features, estimator_blocks, pca.size)
        super().__init__(restorer, estimator, pca, loops)
        self.scale = scale

    def to_code(self, estimate: Tensor) -> Tensor:
        """The code of an estimated kernel."""
        return self.pca.encode(estimate)

    def truth(self, blur: Tensor) -> Tensor:
        """The kernels of blurs with these sigmas (N,), HR pixels."""
        return gaussian_kernels(blur, self.pca.size)


Network = DAN2
