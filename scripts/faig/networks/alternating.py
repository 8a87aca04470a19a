"""Deep alternating networks (DAN): what both versions share; no network of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.batch import Batch
from ..data.kernels import KernelPCA
from .blocks import cut, require_positive
from .objectives import Objective


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
    the SR image of the last loop, the estimator from its estimate, and an L1 loss on the output
    alone trains the restorer only. In evaluation nothing is cut, so that the gradient is that of
    the actual output with respect to all weights, through all loops, as attribution needs it.

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
        for loop in range(1, self.loops + 1):
            # in training the loss says nothing of loops before the last: no activation is kept
            learns = torch.is_grad_enabled() and (loop == self.loops or not self.training)
            with torch.set_grad_enabled(learns):
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
