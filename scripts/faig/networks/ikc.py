"""IKC (Gu et al., CVPR 2019, arXiv 1904.03377): iterative kernel correction around SFTMD.

`restore(lr, code)` uses the restorer, SFTMD; `predictor(lr)` makes the first code, and
`corrector(sr, code)` a better one from what the restorer made of it. The code is that of the blur
kernel's principal components, for which `pca` holds them. `unfold(lr)` gives SR image and code of
every step, `estimate(lr)` the last code, `forward` the last SR image. Images may have any height
and width.

In training, no gradient passes between the three parts, and an L1 loss on the output alone trains
the restorer only. In evaluation nothing is cut, so that the gradient is that of the actual output
with respect to all weights, through all steps, as attribution needs it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.batch import Batch
from ..data.kernels import COMPONENTS, grid_pca
from .blocks import GlobalMean, Tail, conv, cut, require_positive, start_estimator, stretch
from .objectives import Objective, Phase

SLOPE = 0.2


class FeatureTransform(nn.Module):
    """Spatial feature transform: x * scale + shift, both made from x and the code at each pixel."""

    def __init__(self, features: int, code: int, inner: int):
        super().__init__()
        self.scale = self._branch(features, code, inner)
        self.shift = self._branch(features, code, inner)

    @staticmethod
    def _branch(features: int, code: int, inner: int) -> nn.Sequential:
        return nn.Sequential(
            conv(features + code, inner), nn.LeakyReLU(SLOPE), conv(inner, features)
        )

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        both = torch.cat([x, code], dim=1)
        return x * torch.sigmoid(self.scale(both)) + self.shift(both)


class TransformBlock(nn.Module):
    """x + conv(relu(transform(conv(relu(transform(x))))))."""

    def __init__(self, features: int, code: int, inner: int):
        super().__init__()
        self.transform1 = FeatureTransform(features, code, inner)
        self.conv1 = conv(features, features)
        self.transform2 = FeatureTransform(features, code, inner)
        self.conv2 = conv(features, features)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        change = self.conv1(F.relu(self.transform1(x, code)))
        return x + self.conv2(F.relu(self.transform2(change, code)))


class SFTMD(nn.Module):
    """LR image and code to SR image: blocks with feature transforms, pixel shuffle, 9 x 9."""

    def __init__(self, scale: int, features: int, blocks: int, inner: int, code: int, skip: bool):
        super().__init__()
        self.head = nn.Sequential(
            conv(3, features),
            nn.LeakyReLU(SLOPE),
            conv(features, features),
            nn.LeakyReLU(SLOPE),
            conv(features, features),
        )
        self.body = nn.ModuleList(TransformBlock(features, code, inner) for _ in range(blocks))
        self.transform = FeatureTransform(features, code, inner)
        self.fusion = conv(features, features)
        self.tail = Tail(features, scale, skip, size=9, slope=SLOPE)
        if not skip:  # the clamp lets no gradient pass outside [0, 1]: start in the middle
            nn.init.constant_(self.tail.output.bias, 0.5)

    def forward(self, lr: Tensor, code: Tensor) -> Tensor:
        first = self.head(lr)
        features, maps = first, stretch(code, first)
        for block in self.body:
            features = block(features, maps)
        features = self.fusion(self.transform(features + first, maps))
        return self.tail(features, lr).clamp(0, 1)


class Predictor(nn.Module):
    """LR image to code."""

    def __init__(self, features: int, code: int):
        super().__init__()
        self.body = _convolutions(features, strides=(1, 1, 1, 2, 1))
        self.tail = nn.Sequential(conv(features, code, 5), GlobalMean())
        start_estimator(self, SLOPE, self.body[0])

    def forward(self, lr: Tensor) -> Tensor:
        return self.tail(self.body(lr))


class Corrector(nn.Module):
    """SR image and the code that it was made with, to a better code."""

    def __init__(self, features: int, code: int):
        super().__init__()
        self.on_image = _convolutions(features, strides=(1, 2, 1, 2, 1, 1, 1))
        self.on_code = nn.Sequential(
            nn.Linear(code, features),
            nn.LeakyReLU(SLOPE),
            nn.Linear(features, features),
            nn.LeakyReLU(SLOPE),
        )
        self.tail = nn.Sequential(
            conv(2 * features, 2 * features, 1),
            nn.LeakyReLU(SLOPE),
            conv(2 * features, features, 1),
            nn.LeakyReLU(SLOPE),
            conv(features, code, 1),
            GlobalMean(),
        )
        start_estimator(self, SLOPE, self.on_image[0])

    def forward(self, sr: Tensor, code: Tensor) -> Tensor:
        features = self.on_image(sr)
        maps = stretch(self.on_code(code), features)
        return code + self.tail(torch.cat([features, maps], dim=1))


def _convolutions(features: int, strides: tuple[int, ...]) -> nn.Sequential:
    """5 x 5 convolutions on an RGB image, each with its activation."""
    layers: list[nn.Module] = []
    channels = 3
    for stride in strides:
        layers += [conv(channels, features, 5, stride), nn.LeakyReLU(SLOPE)]
        channels = features
    return nn.Sequential(*layers)


class IKCObjective(Objective):
    """The restorer told the true code, then the predictor, then the corrector.

    Both of the latter learn the code itself, by its mean squared error; the corrector from every
    step of its own corrections.
    """

    phases = (
        Phase("restorer", 0.4, ("network.restorer.",)),
        Phase("predictor", 0.3, ("network.predictor.",)),
        Phase("corrector", 0.3, ("network.corrector.",)),
    )

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of the part that the phase is named after."""
        network, code = self.network, self.network.pca.encode_blur(batch.blur)
        if phase == "restorer":
            return F.l1_loss(network.restore(batch.lr, code).float(), batch.hr)
        if phase == "predictor":
            return F.mse_loss(network.predictor(batch.lr).float(), code)
        corrected = torch.stack([found for _, found in network.unfold(batch.lr)[1:]])
        return F.mse_loss(corrected.float(), code.expand_as(corrected))


class IKC(nn.Module):
    """A predicted code, corrected again and again by what it makes of the image.

    Args:
        scale: 2, 3 or 4.
        features: channels of the restorer's blocks; the paper has 64.
        blocks: number of the restorer's blocks; the paper has 16.
        inner: channels inside a feature transform; the paper has 32.
        estimator_features: channels of predictor and corrector; the paper has 64.
        loops: number of corrections; the paper has 7. The restorer runs once more than that.
        code: components of the kernel's code; the paper has 10.
        skip: add the bilinearly enlarged input to the output, and start from it. The paper's
            network has no skip, and needs a long training before it shows the image at all.

    Raises:
        InputError: a size below 1.
    """

    objective = IKCObjective

    def __init__(
        self,
        scale: int = 2,
        features: int = 64,
        blocks: int = 16,
        inner: int = 32,
        estimator_features: int = 64,
        loops: int = 7,
        code: int = COMPONENTS,
        skip: bool = False,
    ):
        super().__init__()
        require_positive(features=features, blocks=blocks, inner=inner, code=code)
        require_positive(estimator_features=estimator_features, loops=loops)
        self.scale, self.loops = scale, loops
        self.restorer = SFTMD(scale, features, blocks, inner, code, skip)
        self.predictor = Predictor(estimator_features, code)
        self.corrector = Corrector(estimator_features, code)
        self.pca = grid_pca(scale, code)

    def forward(self, lr: Tensor) -> Tensor:
        """The SR image (N, 3, scale H, scale W) of the last step, for LR (N, 3, H, W)."""
        return self.unfold(lr)[-1][0]

    def restore(self, lr: Tensor, code: Tensor) -> Tensor:
        """The SR image for a given code (N, components)."""
        return self.restorer(lr, code)

    def estimate(self, lr: Tensor) -> Tensor:
        """The code (N, components) after all corrections."""
        return self.unfold(lr)[-1][1]

    def unfold(self, lr: Tensor) -> list[tuple[Tensor, Tensor]]:
        """SR image of the prediction and of each of the corrections, and the code that made it."""
        code = self.predictor(lr)
        steps = [(self.restorer(lr, cut(code, self.training)), code)]
        for _ in range(self.loops):
            sr, code = (cut(value, self.training) for value in steps[-1])
            code = self.corrector(sr, code)
            steps.append((self.restorer(lr, cut(code, self.training)), code))
        return steps


Network = IKC
