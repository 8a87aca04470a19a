"""Files that torch pickles."""

from pathlib import Path

import torch


def save_pickle(path: Path, content: object) -> None:
    """`torch.save`, by way of an open file: given a path, it does not tell why writing failed."""
    with path.open("wb") as file:
        torch.save(content, file)
