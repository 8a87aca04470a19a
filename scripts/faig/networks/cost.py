"""What a network costs, in parameters and operations, and what the machine could do at most."""

import copy
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..base.device import Compute

REPETITIONS = 3  # of a product whose time is taken; the fastest counts


def parameters(network: nn.Module) -> int:
    """Number of a network's parameters; buffers do not count."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module, height: int, width: int) -> int:
    """Multiply-adds of restoring one image, all loops included.

    Those of convolutions and matrix products, as torch counts them; nothing is computed. Biases,
    activations and products of single elements are left out.

    Args:
        height, width: of the LR image in pixels.
    """
    probe = copy.deepcopy(network).to("meta").eval()
    image = torch.empty(1, 3, height, width, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        probe(image)
    return counter.get_total_flops() // 2


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what was asked of it."""
    if device.type in ("cuda", "mps"):
        getattr(torch, device.type).synchronize()


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that a piece of work takes."""
    synchronize(device)
    start = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - start


def peak_gflops(compute: Compute, sides: Sequence[int]) -> float:
    """The machine's fastest product of two square matrices, in GFLOP/s.

    Args:
        compute: device and precision.
        sides: of the matrices; the best counts.
    """
    if compute.device.type == "cuda":  # as convolutions in float32 round there, so may products
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    best = 0.0
    for side in sides:
        one, two = (torch.rand(side, side, device=compute.device) for _ in range(2))
        work = partial(torch.mm, one.to(compute.precision), two.to(compute.precision))
        work()
        fastest = min(timed(work, compute.device) for _ in range(REPETITIONS))
        best = max(best, 2 * side**3 / fastest / 1e9)
    return best
