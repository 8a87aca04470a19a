"""Files that installed packages bring, none of whose code is run."""

import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from faig.base.errors import InputError

HOME = Path(__file__).resolve().parents[2]
PINNED = HOME / "envs/published.txt"  # packages that configs of the project take files of


def given_file(checkpoint: Mapping) -> Path:
    """Where a checkpoint of the config lies, see `config.networks.Checkpoint`.

    Raises:
        InputError: its package is not installed, or has no such file; says what to install.
    """
    package, file = checkpoint["package"], checkpoint["file"]
    if not package:
        return Path(file)
    spec = find_spec(package)  # which imports nothing, as the name has no dot
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise InputError(
            f"package '{package}' is not installed for {sys.executable}; {_advice(package)}"
        )
    found = [path for folder in folders if (path := Path(folder) / file).is_file()]
    if not found:
        alike = sorted(str(p.relative_to(folders[0])) for p in _of_suffix(folders[0], file))
        there = f"files like it there: {', '.join(alike[:5])}" if alike else "it has none like it"
        raise InputError(f"package '{package}' has no file '{file}'; {there}; {_advice(package)}")
    return found[0]


def _of_suffix(folder: str, file: str) -> list[Path]:
    return list(Path(folder).rglob(f"*{Path(file).suffix}")) if Path(file).suffix else []


def _advice(package: str) -> str:
    """How to install a package, in the version that the project knows."""
    pins = PINNED.read_text(encoding="utf-8").splitlines()
    names = (re.match(r"[\w-]*", line)[0].replace("-", "_") for line in pins)
    known = package in names
    what = f"--no-deps -r {PINNED.relative_to(HOME)}" if known else package
    return f"install it: pip install {what}"
