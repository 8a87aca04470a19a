"""Two-branch networks in use: their embeddings of an image's degradation, given or estimated."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..base.device import Compute
from ..data.crops import Crop
from ..data.pixels import quantize
from ..data.store import ImageStore
from ..networks.building import load_network


def load(spec: dict, weights: Path, compute: Compute) -> nn.Module:
    """A trained network, for use; its spec is that of `networks.building.read_spec`."""
    return compute.place(load_network(spec["network"], weights)).eval()


@torch.inference_mode()
def estimate(network: nn.Module, pixels: Tensor, compute: Compute) -> Tensor:
    """Embeddings of LR images uint8 (N, 3, H, W) as the network estimates them, (N, C)."""
    with compute.autocast():
        return network.estimate(compute.images(pixels)).float()


@torch.inference_mode()
def restore_given(
    network: nn.Module, pixels: Tensor, embedding: Tensor, compute: Compute
) -> Tensor:
    """As `networks.restoring.restore`, but for given embeddings (N, C)."""
    with compute.autocast():
        output = network.restore(compute.images(pixels), embedding)
    return quantize(output.float())


def embed_crops(
    network: nn.Module,
    store: ImageStore,
    crops: list[Crop],
    degradation: str,
    compute: Compute,
) -> np.ndarray:
    """Embeddings of crops under one degradation, float32 (crops, C)."""
    embeddings = [
        estimate(network, crop.of(store.lr(degradation, crop.image))[None], compute)
        for crop in crops
    ]
    return torch.cat(embeddings).cpu().numpy()
