"""Networks of others, recognised by their weights: what the package spandrel (MIT licence) knows.

It is no dependency of this project, as it needs torchvision, and is imported only where a network
is recognised. Its own reading of files, by an unpickler that takes nothing but tensors, is not
used: `checkpoints` reads them, which runs no code of theirs, and spandrel gets tensors by name.
"""

import copy
import importlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.errors import InputError
from .checkpoints import load_checkpoint

SIDES = (24, 16)  # of the LR image that a network is tried with


def recognised(
    scale: int, file: str, prefix: str = "", rename: Mapping[str, str] | None = None
) -> nn.Module:
    """Build the network that a checkpoint is of, with the weights there, under spandrel's names.

    Images whose sides do not suit it are padded at the right and below, and its output cut.

    Args:
        scale: that it must have.
        file, prefix, rename: see `checkpoints.load_checkpoint`.

    Raises:
        InputError: the file cannot be read, spandrel is not installed or does not know the network,
            or it is none for RGB images of this scale.
    """
    found = _recognise(load_checkpoint(file, prefix, rename), file)
    if found.scale != scale:
        raise InputError(
            f"{file}: recognised as {found.architecture.name} for scale {found.scale}, expected "
            f"scale {scale}, the config's"
        )
    network = found.model
    # not a module around it, which would give all weights other names than other software reads
    network.forward = partial(_padded, network.forward, found.size_requirements, scale)
    network.tiles = False  # what a pixel depends on cannot be measured in all that spandrel knows
    return network


Network = recognised


def translate(state: Mapping[str, Tensor], file: str | Path) -> dict[str, Tensor]:
    """Weights under the names that the recognised network has, from those of a checkpoint.

    Args:
        state: as the checkpoint names them.
        file: it came from, for the error message.

    Raises:
        InputError: spandrel is not installed or does not know the network, or its filters cannot be
            attributed.
    """
    found = _recognise(state, file)
    right, below = found.size_requirements.get_padding(*SIDES[::-1])
    height, width = SIDES[0] + below, SIDES[1] + right
    image = torch.linspace(0, 1, 3 * height * width).reshape(1, 3, height, width)
    name = f"{file}: recognised as {found.architecture.name}, which"
    found.model.eval()
    try:
        _require_plain(found, image, name)
        _require_gradients(found.model, image, name)
    except InputError:
        raise
    except Exception as error:  # of networks of others, any
        reason = str(error).partition(" Hint: ")[0]
        raise InputError(f"{name} cannot be attributed: {reason}") from error
    return found.model.state_dict()


def _padded(forward: Callable[[Tensor], Tensor], requirements, scale: int, image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    right, below = requirements.get_padding(width, height)
    mode = "reflect" if right < width and below < height else "replicate"
    output = forward(F.pad(image, (0, right, 0, below), mode))
    return output[..., : scale * height, : scale * width]


def _package() -> ModuleType:
    try:
        return importlib.import_module("spandrel")
    except Exception as error:  # a torchvision of another build than torch's fails in its own ways
        raise InputError(
            f"network 'spandrel': the package cannot be imported by {sys.executable} "
            f"({type(error).__name__}: {error}); install it, and the torchvision that belongs to "
            f"torch {torch.__version__}: pip install --no-deps -r envs/spandrel.txt"
        ) from None


def _recognise(state: Mapping[str, Tensor], file: str | Path):
    """A `spandrel.ImageModelDescriptor` of a network for super-resolution of RGB images."""
    spandrel = _package()
    try:
        found = spandrel.ModelLoader("cpu").load_from_state_dict(dict(state))
    except spandrel.UnsupportedModelError:
        raise InputError(
            f"{file}: spandrel {spandrel.__version__} recognises no network in it; its first "
            f"tensors are {', '.join([*state][:3])}. Where these names have a prefix, name it; a "
            "class of your own is the other way, see CONTRIBUTING.md"
        ) from None
    except Exception as error:  # of networks that it takes these weights for, any
        raise InputError(
            f"{file}: spandrel {spandrel.__version__} cannot build the network: "
            f"{type(error).__name__}: {error}"
        ) from error
    channels = (found.input_channels, found.output_channels)
    if found.purpose != "SR" or channels != (3, 3):
        raise InputError(
            f"{file}: recognised as {found.architecture.name} (purpose {found.purpose}, scale "
            f"{found.scale}, {channels[0]} channels in, {channels[1]} out); expected a network for "
            "super-resolution (purpose SR) of RGB images, 3 channels"
        )
    return found


def _require_plain(found, image: Tensor, name: str) -> None:
    """Complain about networks that spandrel does more with than hand them an image."""
    used = copy.deepcopy(found)  # some keep what they compute, which has no gradient here
    expected, output = used(image), used.model(image)
    if not isinstance(output, Tensor) or not output.clamp(0, 1).allclose(expected, atol=1e-5):
        raise InputError(f"{name} spandrel uses in a way of its own; expected a plain network")


def _require_gradients(network: nn.Module, image: Tensor, name: str) -> None:
    """Complain about networks whose output depends on parameters that get no gradient."""
    network = copy.deepcopy(network).requires_grad_()  # some write into their own weights
    parameters = dict(network.named_parameters())
    total = network(image).sum()
    gradients = torch.autograd.grad(total, [*parameters.values()], allow_unused=True)
    without = [key for key, value in zip(parameters, gradients, strict=True) if value is None]
    if without and _depends(network, without, image):
        raise InputError(
            f"{name} cannot be attributed: its output depends on '{without[0]}', which gets no "
            "gradient, as where weights are merged in each pass"
        )


@torch.no_grad()
def _depends(network: nn.Module, names: list[str], image: Tensor) -> bool:
    """Whether the output is another one with other values of some parameters."""
    state = {name: value.clone() for name, value in network.state_dict().items()}
    changed = {name: 1.5 * state[name] + 0.1 for name in names}
    outputs = [
        torch.func.functional_call(network, {**state, **more}, image) for more in ({}, changed)
    ]
    return not outputs[0].equal(outputs[1])
