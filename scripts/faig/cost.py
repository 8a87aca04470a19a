"""What a network costs, in parameters and operations; one-branch networks that cost the same."""

import copy
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .networks.srresnet import SRResNet


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


class MatchedBlocks(NamedTuple):
    """Numbers of SRResNet blocks that cost as much as another network.

    Attributes:
        parameters: nearest in parameters.
        operations: nearest in multiply-adds.
    """

    parameters: int
    operations: int


def matched_blocks(
    network: nn.Module, height: int, width: int, features: int = 64
) -> MatchedBlocks:
    """The one-branch controls of a network: equal parameters and equal operations are different.

    Args:
        network: has the attribute `scale`.
        height, width: of the LR image at which operations are counted.
        features: channels of the SRResNet.

    Returns:
        Numbers of blocks, at least 1.
    """
    with torch.device("meta"):
        one, two = (SRResNet(network.scale, features, blocks) for blocks in (1, 2))
    return MatchedBlocks(
        _nearest(*map(parameters, (network, one, two))),
        _nearest(*(multiply_adds(n, height, width) for n in (network, one, two))),
    )


def _nearest(wanted: int, one: int, two: int) -> int:
    """Number of blocks whose cost is nearest, where each further block costs the same."""
    return max(1, 1 + round((wanted - one) / (two - one)))
