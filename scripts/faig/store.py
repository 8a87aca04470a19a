"""Files between the steps: HDF5 images, Parquet tables, weights; written whole or not at all."""

import json
import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from .errors import InputError
from .provenance import canonical_json


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; move it in place when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(path: str | Path, table: pd.DataFrame, metadata: Mapping | None = None) -> None:
    """Write a Parquet table; `metadata` goes into the file as JSON, see `read_metadata`."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    entry = {b"faig": canonical_json(metadata or {}).encode()}
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **entry})
    with atomic_path(path) as temporary:
        pq.write_table(arrow, temporary)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a Parquet table.

    Raises:
        InputError: the file is missing, damaged or cut short.
    """
    with _readable(path):
        return pd.read_parquet(path)


def read_metadata(path: str | Path) -> dict:
    """The metadata that `write_table` put into a file."""
    with _readable(path):
        return json.loads((pq.read_schema(path).metadata or {}).get(b"faig", b"{}"))


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    """Turn a reader's own error into one that says which file, and what to do."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: damaged or cut short ({error}); delete it, and the next run makes it again"
        ) from None


@dataclass(frozen=True)
class Extent:
    """Place of one image, uint8 (height, width, 3) in one piece, in a dataset's file.

    Attributes:
        offset: of its first byte.
        height, width: in pixels.
    """

    offset: int
    height: int
    width: int


class ImageStore:
    """Reader of one dataset's HDF5 file.

    Layout: `hr/<image>` uint8 (H, W, 3); `lr/<degradation>/<image>` uint8 (H / r, W / r, 3). The
    file's attribute `stems` is true where `lr` holds only each degradation's deterministic stem
    (training data: noise is drawn afresh in training).

    Raises:
        InputError: the file is missing, damaged or cut short, or lacks a degradation.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with self._open() as file:
            self.attributes = dict(file.attrs)
            self.names = sorted(file["hr"])
            self.degradations = sorted(file["lr"])

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        with _readable(self.path), h5py.File(self.path, "r") as file:
            yield file

    @property
    def scale(self) -> int:
        """Super-resolution factor between the LR and HR images."""
        return int(self.attributes["scale"])

    def hr(self, name: str) -> Tensor:
        """HR image, uint8 (3, H, W)."""
        return self._read(self.hr_key(name))

    def lr(self, degradation: str, name: str) -> Tensor:
        """LR image, uint8 (3, H / r, W / r)."""
        return self._read(self.lr_key(degradation, name))

    def hr_key(self, name: str) -> str:
        """Where the file holds an HR image."""
        return f"hr/{name}"

    def lr_key(self, degradation: str, name: str) -> str:
        """Where the file holds an LR image."""
        if degradation not in self.degradations:
            raise InputError(
                f"{self.path}: holds no degradation '{degradation}', "
                f"only {', '.join(self.degradations)}"
            )
        return f"lr/{degradation}/{name}"

    def extents(self) -> dict[str, Extent]:
        """Where each image's pixels lie in the file, by HDF5 key.

        Raises:
            InputError: an image is compressed or in chunks, as older versions may have stored it.
        """
        keys = [self.hr_key(name) for name in self.names]
        keys += [self.lr_key(kind, name) for kind in self.degradations for name in self.names]
        with self._open() as file:
            found = {key: (file[key].id.get_offset(), file[key].shape) for key in keys}
        scattered = [key for key, (offset, _) in found.items() if offset is None]
        if scattered:
            raise InputError(
                f"{self.path}: '{scattered[0]}' is not stored in one piece; delete the file, and "
                "the next run makes it again"
            )
        return {key: Extent(offset, *shape[:2]) for key, (offset, shape) in found.items()}

    def _read(self, key: str) -> Tensor:
        with self._open() as file:
            return torch.from_numpy(file[key][:]).permute(2, 0, 1).contiguous()


class ImageWriter:
    """Writer of one dataset's HDF5 file, to be used inside `atomic_path`."""

    def __init__(self, path: str | Path, attributes: Mapping):
        self.file = h5py.File(path, "w")
        self.file.attrs.update(attributes)

    def __enter__(self) -> "ImageWriter":
        return self

    def __exit__(self, *exception) -> None:
        self.file.close()

    def write(self, key: str, pixels: np.ndarray) -> None:
        """Store one image, uint8 (H, W, 3)."""
        self.file.create_dataset(key, data=pixels)

    def link(self, key: str, existing: str) -> None:
        """Let `key` be another name of an image that is there already."""
        self.file[key] = self.file[existing]


def save_weights(path: str | Path, state: Mapping[str, Tensor], metadata: Mapping) -> None:
    """Write a state dict as safetensors, `metadata` with it as JSON values."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().contiguous().cpu() for name, value in state.items()}
    texts = {key: canonical_json(value) for key, value in metadata.items()}
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
    with _readable(path):
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
