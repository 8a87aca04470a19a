"""Weights in and out: safetensors, and checkpoints of others."""

import json
import pickle
import re
import zipfile
import zlib
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
        state = _load_safetensors(path)
    return _as_float32(path, state)


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


def load_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Read a checkpoint that the user gives, float32 on the CPU; counters stay integers.

    Args:
        path: `.safetensors`, or a PyTorch checkpoint as BasicSR writes it: the weights under
            `params_ema` or `params`, or bare; a prefix `module.` is taken off their names.

    Raises:
        InputError: the file is missing, damaged, of another format, or a pickle that would run
            code; or a tensor is sparse, named twice, or holds values that are not finite.
    """
    path = Path(path)
    with readable(path, ours=False):
        _refuse_other_formats(path)
        safe = path.suffix.lower() == ".safetensors"
        state = _load_safetensors(path) if safe else _load_pickle(path)
    named = {}
    for given, value in state.items():
        name = given.removeprefix("module.")
        if name in named:
            raise InputError(f"{path}: '{name}' is there twice, as '{name}' and 'module.{name}'")
        named[name] = value
    return _as_float32(path, named)


def _as_float32(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
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


def _refuse_other_formats(path: Path) -> None:
    """Name what people take for a checkpoint."""
    with path.open("rb") as file:
        start = file.read(64)
    expected = "expected a PyTorch checkpoint (.pth) or .safetensors"
    # safetensors begin with the length of a JSON text, in 8 bytes
    found = "safetensors" if start[8:9] == b"{" else "pickle" if start[:2] == b"PK" else ""
    if found == "safetensors" and path.suffix.lower() != ".safetensors":
        raise InputError(f"{path}: holds safetensors; rename it to {path.stem}.safetensors")
    if found == "pickle" and path.suffix.lower() == ".safetensors":
        raise InputError(f"{path}: holds a PyTorch checkpoint; rename it to {path.stem}.pth")
    if not start:
        raise InputError(f"{path}: is empty; {expected}")
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path}: a pointer of git-lfs, not the file; fetch it: git lfs pull")
    if path.suffix.lower() in (".param", ".bin") and not start.startswith((b"PK", b"\x80")):
        raise InputError(f"{path}: weights of ncnn; {expected}, from which these were converted")
    if path.suffix.lower() != ".safetensors" and not start.startswith((b"PK", b"\x80")):
        raise InputError(f"{path}: no checkpoint, it begins with {start[:16]!r}; {expected}")


def _load_safetensors(path: Path) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise OSError(str(error)) from None


def _load_pickle(path: Path) -> Mapping[str, Tensor]:
    _test_zip(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # the rest of torch's message tells how to load it nevertheless
        found = re.search(r"GLOBAL (\S+)", str(error))
        if not found:
            raise OSError("not readable as a PyTorch checkpoint") from None
        raise InputError(
            f"{path}: refused, because reading it could run code: it holds other things than "
            f"weights ({found[1]}). Save the weights alone, as a state dict"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # of damaged pickles, any
        raise OSError(f"not readable as a PyTorch checkpoint: {type(error).__name__}") from None
    for key in ("params_ema", "params"):
        if isinstance(content, Mapping) and key in content:
            content = content[key]
            break
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(value, Tensor) for value in content.values())
    ):
        raise InputError(
            f"{path}: holds no weights; expected a state dict, bare or under 'params_ema', 'params'"
        )
    if others := [name for name in content if not isinstance(name, str)]:
        raise InputError(f"{path}: a tensor is named {others[0]!r}; expected names of parameters")
    return content


def _test_zip(path: Path) -> None:
    """Compare the parts of a zip file with their checksums, which torch does not; no programs."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return  # older checkpoints are bare pickles
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise OSError(str(error)) from None
    if damaged:
        raise OSError(f"its part {damaged} has another checksum than recorded")
    if any(Path(name).name == "constants.pkl" for name in archive.namelist()):
        raise InputError(
            f"{path}: a TorchScript program; save the weights alone, as a state dict: "
            "torch.save(model.state_dict(), …)"
        )
