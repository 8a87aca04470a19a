"""One-branch networks that cost as much as a two-branch one."""

from typing import NamedTuple

import torch
from torch import nn

from ..networks.cost import multiply_adds, parameters
from ..networks.srresnet import SRResNet


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
