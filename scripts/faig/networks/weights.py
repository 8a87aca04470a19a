"""Weights in and out: safetensors, as every step of the workflow writes and reads them."""

import json
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
    """Read what `save_weights` wrote, float32 on the CPU; counters stay the integers they are.

    Raises:
        InputError: the file is missing or damaged, or a tensor holds values that are not finite.
    """
    path = Path(path)
    with readable(path):
        state = load_safetensors(path)
    return as_float32(path, state)


def load_metadata(path: str | Path) -> dict:
    """What `save_weights` was given beside the weights.

    Raises:
        InputError: the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    with readable(path):
        try:
            with safe_open(path, "pt") as file:
                return json.loads((file.metadata() or {})["faig"])
        except SafetensorError as error:
            raise OSError(str(error)) from None


def as_float32(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as float32, whole numbers as they are.

    Raises:
        InputError: a tensor is not dense, or holds values that are not finite.
    """
    result = {}
    for name, value in state.items():
        if kind := _unusual(value):
            raise InputError(f"{path}: '{name}' is {kind}; expected a dense tensor of numbers")
        result[name] = value.float() if value.is_floating_point() else value
        if not result[name].isfinite().all():
            found = "NaN" if result[name].isnan().any() else "infinite or too large for float32"
            raise InputError(f"{path}: '{name}' holds values that are {found}; expected numbers")
    return result


def _unusual(value: Tensor) -> str:
    """What a tensor is that holds no plain numbers in memory; "" for all others."""
    kinds = {
        "a nested tensor": value.is_nested,
        "a quantized tensor": value.is_quantized,
        "a tensor without values (device meta)": value.is_meta,
        "a sparse tensor": not value.is_nested and value.layout != torch.strided,
    }
    return next((kind for kind, found in kinds.items() if found), "")


def load_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a file as they are.

    Raises:
        OSError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise OSError(str(error)) from None
