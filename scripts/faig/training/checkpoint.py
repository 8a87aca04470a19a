"""A training's sidecar file, from which it goes on after an interruption."""

import os
from pathlib import Path

import torch
from filelock import FileLock

from ..base.files import atomic_path
from ..base.pickles import save_pickle


class Checkpoint:
    """A training's sidecar file, from which it goes on after an interruption.

    Args:
        path: where it lies; the file before it is kept under `<path>.previous`.
        stamp: identifies the training's configuration; a file with another stamp is ignored.

    As a context it holds a lock: a job left behind by a killed Snakemake may still be training,
    and two must never write one checkpoint.
    """

    def __init__(self, path: str | Path, stamp: str):
        self.path, self.stamp = Path(path), stamp
        self.previous = self.path.with_name(self.path.name + ".previous")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))

    def __enter__(self) -> "Checkpoint":
        self._lock.acquire()
        return self

    def __exit__(self, *exception) -> None:
        self._lock.release()

    def save(self, content: dict) -> None:
        """Write atomically; the last file becomes the previous one."""
        with atomic_path(self.path) as temporary:
            save_pickle(temporary, {"stamp": self.stamp, **content})
            if self.path.exists():
                os.replace(self.path, self.previous)

    def load(self) -> dict | None:
        """The newest readable content with this stamp, on the CPU; None if there is none."""
        for path in (self.path, self.previous):
            try:
                content = torch.load(path, map_location="cpu", weights_only=True)
            except FileNotFoundError:
                continue
            except Exception as error:  # a damaged file fails in many ways, all alike to us
                print(f"warning: {path} is damaged ({type(error).__name__}), trying an older one")
                continue
            if content.get("stamp") == self.stamp:
                return content
        return None

    def remove(self) -> None:
        """Delete the files, when the training is done."""
        self.path.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)
