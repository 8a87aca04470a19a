"""One stage of training, from files to weights: a baseline, a target, a two-branch network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from ..base.device import Compute
from ..base.seeds import derive
from ..data.batches import PatchSampler
from ..data.kernels import KernelPCA, set_kernel_code
from ..data.store import ImageStore
from ..networks.building import build, load_state, require_scale
from ..networks.objectives import objective_class
from ..networks.weights import load_weights
from .checkpoint import Checkpoint
from .loop import train
from .schedule import Schedule
from .validation import validator


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


def train_stage(
    network: nn.Module,
    images: Path,
    validation: Path,
    compute: Compute,
    checkpoint: Checkpoint,
    *,
    stage: str,
    seed: int,
    degradations: Mapping[str, Sequence[Mapping]],
    batches: Mapping,
    schedule: Mapping,
    validations: int,
    validation_images: int,
    validation_degradations: Sequence[str],
) -> tuple[dict[str, Tensor], pd.DataFrame]:
    """Train a network with its own objective, and validate it on the way.

    Args:
        network: starts from its own weights.
        images, validation: images to train and to validate on (HDF5).
        checkpoint: where to save and go on from.
        stage: names the training, and its draws.
        seed: of every draw, with the stage.
        degradations: of the training images, lists of operators by name.
        batches: patch, batch and sub_images of `PatchSampler`.
        schedule: arguments of `Schedule`.
        validations: how many times to validate.
        validation_images: how many, evenly spread over the file's.
        validation_degradations: by which each of these is degraded.

    Returns:
        The moving average of the weights, and the history table, see `loop.train`.
    """
    sampler = PatchSampler.open(
        images,
        degradations,
        **batches,
        seed=derive(seed, "patches", stage),
        views=objective_class(network).views,
        compute=compute,
    )
    store = ImageStore(validation)
    weights, history = train(
        network,
        sampler,
        Schedule(**schedule),
        compute,
        validate=validator(network, store, validation_images, validation_degradations, compute),
        validations=validations,
        checkpoint=checkpoint,
        label=stage,
        seed=derive(seed, "objective", stage),
    )
    return weights, pd.DataFrame(history)
