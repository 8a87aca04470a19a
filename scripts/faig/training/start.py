"""The network that a training starts from."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ..data.kernels import KernelPCA, set_kernel_code
from ..networks.building import build, load_state, require_scale
from ..networks.weights import load_weights


def first_network(
    architecture: Mapping, seed: int, kernels: Path | None = None, weights: Path | None = None
) -> nn.Module:
    """A network with its first weights: those to start from, or fresh ones.

    Args:
        architecture: arguments of `building.build`.
        seed: of fresh weights.
        kernels: mean and principal components of blur kernels (safetensors), for networks that
            describe blur by them.
        weights: to start from (safetensors).
    """
    torch.manual_seed(seed)
    network = build(**architecture)
    require_scale(network, architecture["scale"], architecture["architecture"])
    if kernels:
        stored = load_weights(kernels)
        set_kernel_code(network, KernelPCA(stored["mean"], stored["components"]))
    return load_state(network, load_weights(weights), weights) if weights else network
