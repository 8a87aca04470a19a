"""Weights in and out: safetensors, and checkpoints of others."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..base.errors import InputError
from ..base.files import atomic_path, readable
from ..base.provenance import canonical_json


def save_weights(path: str | Path, state: Mapping[str, Tensor], metadata: Mapping) -> None:
    """Write a state dict as safetensors; `metadata` goes into the file as JSON, under `faig`."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().contiguous().cpu() for name, value in state.items()}
    # safetensors writes several entries in an order of chance: one keeps equal files equal
    texts = {"faig": canonical_json(metadata)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, texts)


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict, float32 on the CPU; counters stay the integers that they are.

    Args:
        path: `.safetensors`, or a PyTorch checkpoint as BasicSR writes it: the weights under
            `params_ema` or `params`, or bare; a prefix `module.` is taken off their names.

    Raises:
        InputError: the file is missing, damaged, holds no weights, or is a pickle that would run
            code.
    """
    path = Path(path)
    with readable(path):
        state = _load_safetensors(path) if path.suffix == ".safetensors" else _load_pickle(path)
    return {
        name.removeprefix("module."): value.float() if value.is_floating_point() else value
        for name, value in state.items()
    }


def _load_safetensors(path: Path) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise OSError(str(error)) from None


def _load_pickle(path: Path) -> Mapping[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: refused, because reading it could run code: it holds other things than "
            f"weights ({reason}). Save the weights alone, as a state dict"
        ) from None
    except RuntimeError as error:
        raise OSError(str(error)) from None
    for key in ("params_ema", "params"):
        if isinstance(content, Mapping) and key in content:
            content = content[key]
            break
    if not isinstance(content, Mapping) or not all(
        isinstance(value, Tensor) for value in content.values()
    ):
        raise InputError(
            f"{path}: holds no weights; expected a state dict, bare or under 'params_ema', 'params'"
        )
    return content
