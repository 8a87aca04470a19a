"""Parts that the two-branch networks share; no network of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.errors import InputError
from ..data.batch import Batch
from ..data.kernels import KernelPCA
from .objectives import Objective


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
        for factor in {2: [2], 3: [3], 4: [2, 2]}[scale]:
            layers += [conv(features, features * factor**2), nn.PixelShuffle(factor)]
            layers += [nn.LeakyReLU(slope)] if slope is not None else []
        self.upsampling = nn.Sequential(*layers)
        self.output = conv(features, 3, size)
        if skip:
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def forward(self, features: Tensor, lr: Tensor) -> Tensor:
        image = self.output(self.upsampling(features))
        if not self.skip:
            return image
        return image + F.interpolate(
            lr, scale_factor=self.scale, mode="bilinear", align_corners=False
        )


class AlternatingObjective(Objective):
    """L1 distances of the last loop's SR image and of what it says of the degradation."""

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The sum of both distances."""
        sr, estimate = self.network.unfold_estimates(batch.lr)[-1]
        told = F.l1_loss(estimate.float(), self.network.truth(batch.blur))
        return F.l1_loss(sr.float(), batch.hr) + told


class AlternatingNetwork(nn.Module):
    """Deep alternating network (DAN): restorer and estimator take turns, with the same weights.

    In training, no gradient goes from one branch or loop into another: the restorer learns from
    the SR image of each loop, the estimator from its estimate, and an L1 loss on the output alone
    trains the restorer only. In evaluation nothing is cut, so that the gradient is that of the
    actual output with respect to all weights, through all loops, as attribution needs it.

    Args:
        restorer: from LR images and codes to SR images.
        estimator: from LR and SR images to an estimate of the degradation.
        pca: of the kernels; the first loop takes the code of a delta kernel.
        loops: number of turns.
    """

    objective = AlternatingObjective

    def __init__(self, restorer: nn.Module, estimator: nn.Module, pca: KernelPCA, loops: int):
        super().__init__()
        require_positive(loops=loops)
        self.restorer, self.estimator = restorer, estimator
        self.pca, self.loops = pca, loops

    def forward(self, lr: Tensor) -> Tensor:
        """The SR image (N, 3, scale H, scale W) of the last loop, for LR (N, 3, H, W)."""
        return self.unfold_estimates(lr)[-1][0]

    def restore(self, lr: Tensor, code: Tensor) -> Tensor:
        """The SR image for a given code (N, components)."""
        return self.restorer(lr, code)

    def estimate(self, lr: Tensor) -> Tensor:
        """The code (N, components) that the last loop finds."""
        return self.unfold(lr)[-1][1]

    def unfold(self, lr: Tensor) -> list[tuple[Tensor, Tensor]]:
        """SR image of every loop, and the code that was estimated from it."""
        return [(sr, self.to_code(estimate)) for sr, estimate in self.unfold_estimates(lr)]

    def unfold_estimates(self, lr: Tensor) -> list[tuple[Tensor, Tensor]]:
        """SR image of every loop, and what the estimator itself says, which its loss compares."""
        code, steps = self.pca.delta.expand(len(lr), -1), []
        for _ in range(self.loops):
            sr = self.restorer(lr, cut(code, self.training))
            estimate = self.estimator(lr, cut(sr, self.training))
            code = self.to_code(estimate)
            steps.append((sr, estimate))
        return steps

    def to_code(self, estimate: Tensor) -> Tensor:
        """The estimator's output as a code: that it is, unless a network says otherwise."""
        return estimate

    def truth(self, blur: Tensor) -> Tensor:
        """What the estimator should say of blurs with these sigmas (N,), HR pixels."""
        return self.pca.encode_blur(blur)


def cut(value: Tensor, training: bool) -> Tensor:
    """The value, in training without its gradient."""
    return value.detach() if training else value
