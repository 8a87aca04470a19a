"""What a network costs, in parameters and operations; one-branch networks that cost the same."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


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
