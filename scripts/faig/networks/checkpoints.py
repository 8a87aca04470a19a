"""Checkpoints of others: PyTorch's, safetensors, ncnn's, under names of their own."""

import pickle
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ..base.errors import InputError
from ..base.files import atomic_path, readable
from ..base.pickles import save_pickle
from .ncnn import MAGIC, TAGS, load_ncnn
from .weights import as_float32, load_safetensors, save_weights


def save_checkpoint(
    path: str | Path, network: nn.Module, state: Mapping[str, Tensor], metadata: Mapping
) -> None:
    """Write weights for other software.

    Args:
        path: `.safetensors`, or `.pth` as BasicSR writes it, the weights under `params_ema` in the
            module's own order: there is software that goes by it.
        network: the weights are of; its own do not count.
        metadata: goes into `.safetensors`, see `weights.save_weights`.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        save_weights(path, state, metadata)
        return
    ordered = {name: state[name].detach().contiguous().cpu() for name in network.state_dict()}
    with atomic_path(path) as temporary:
        save_pickle(temporary, {"params_ema": ordered})


def load_checkpoint(
    path: str | Path, prefix: str = "", rename: Mapping[str, str] | None = None
) -> dict[str, Tensor]:
    """Read a checkpoint that the user gives, float32 on the CPU; counters stay integers.

    Args:
        path: `.safetensors`; a PyTorch checkpoint as BasicSR writes it, the weights under
            `params_ema` or `params`, or bare; or the `.param` of ncnn, beside its `.bin`. A prefix
            `module.` is taken off all names.
        prefix: of the names that are taken, such as "generator", with or without a dot after it;
            all others are left out. Empty for all.
        rename: names of modules or tensors there, after the prefix, by those that they get.

    Raises:
        InputError: the file is missing, damaged, of another format, or a pickle that would run
            code; a tensor is sparse, named twice, or holds values that are not finite; no name has
            the prefix, or none is renamed by an entry.
    """
    path = Path(path)
    with readable(path, ours=False):
        state = _load(path)
    return as_float32(path, _renamed(path, state, prefix, rename or {}))


def _load(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".param":
        return load_ncnn(path)
    _refuse_other_formats(path)
    return (load_safetensors if path.suffix.lower() == ".safetensors" else _load_pickle)(path)


def _renamed(
    path: Path, state: Mapping[str, Tensor], prefix: str, rename: Mapping[str, str]
) -> dict[str, Tensor]:
    """Weights by the names that the network knows them by."""
    named: dict[str, Tensor] = {}
    origins: dict[str, str] = {}
    unused, before = set(rename), prefix and f"{prefix.removesuffix('.')}."
    for given, value in state.items():
        name = given.removeprefix("module.")
        if not name.startswith(before):
            continue
        name = name.removeprefix(before)
        for old, new in rename.items():
            if name == old or name.startswith(f"{old}."):
                name = new + name[len(old) :]
                unused.discard(old)
                break
        if name in named:
            raise InputError(f"{path}: '{name}' is there twice, as '{origins[name]}' and '{given}'")
        named[name], origins[name] = value, given
    if not named or unused:
        what = f"rename: '{sorted(unused)[0]}'" if named else f"prefix: '{prefix}'"
        raise InputError(
            f"{path}: {what} fits no name; the first that are there: {', '.join([*state][:3])}"
        )
    return named


def _refuse_other_formats(path: Path) -> None:
    """Name what people take for a checkpoint."""
    with path.open("rb") as file:
        start = file.read(64)
    expected = "expected a PyTorch checkpoint (.pth), .safetensors, or .param of ncnn"
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
    numbers = start.startswith(TAGS) or (path.suffix.lower() == ".bin" and start[:2] != b"PK")
    if numbers or start.startswith(MAGIC.encode()):
        raise InputError(f"{path}: looks like weights of ncnn; name their .param file, as .param")
    if path.suffix.lower() != ".safetensors" and not start.startswith((b"PK", b"\x80")):
        raise InputError(f"{path}: no checkpoint, it begins with {start[:16]!r}; {expected}")


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
