"""What two-branch networks know of an image's degradation, and what that is worth to them."""

from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from ..base.device import Compute
from ..data.degradations import quantize
from ..data.store import ImageStore
from ..evaluation.prediction import Crop
from ..networks.building import build, load_state
from ..networks.weights import load_weights

ALPHAS = np.logspace(-3, 3, 13)  # strengths of a probe's regularisation to choose from


def load(spec: dict, weights: Path, compute: Compute) -> nn.Module:
    """A trained network, for use; its spec is that of `networks.read_spec`."""
    network = load_state(build(**spec["network"]), load_weights(weights), str(weights))
    return compute.place(network).eval()


@torch.inference_mode()
def estimate(network: nn.Module, pixels: Tensor, compute: Compute) -> Tensor:
    """Codes of LR images uint8 (N, 3, H, W) as the network's own branch finds them, (N, C)."""
    with compute.autocast():
        return network.estimate(compute.images(pixels)).float()


@torch.inference_mode()
def restore_told(network: nn.Module, pixels: Tensor, code: Tensor, compute: Compute) -> Tensor:
    """As `networks.restore`, but for given codes (N, C)."""
    with compute.autocast():
        output = network.restore(compute.images(pixels), code)
    return quantize(output.float())


def crop_codes(
    network: nn.Module,
    store: ImageStore,
    crops: list[Crop],
    degradation: str,
    compute: Compute,
) -> np.ndarray:
    """Codes of crops under one degradation, float32 (crops, C)."""
    codes = [
        estimate(network, crop.of(store.lr(degradation, crop.image))[None], compute)
        for crop in crops
    ]
    return torch.cat(codes).cpu().numpy()


def number_probe() -> Pipeline:
    """A linear probe that tells a number from a code."""
    return make_pipeline(StandardScaler(), RidgeCV(ALPHAS))


def presence_probe() -> Pipeline:
    """A linear probe that tells from a code whether something is there, both answers alike."""
    return make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS, class_weight="balanced"))
