"""Names of the user's own: of classes and functions, and those that give two files one name."""

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import permutations
from pathlib import Path

from . import wording
from .section import Slip

OBJECT = re.compile(r"([A-Za-z_]\w*)(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)

REPORT = Path(__file__).resolve().parents[2] / "report"  # a caption for every figure, by its name


def _middles(comparison: bool) -> set[str]:
    """What makes the name of one figure or table that of another, like `psnr` for masking_psnr."""
    found = {path.stem.removeprefix("table_") for path in REPORT.glob("*.rst")}
    names = {name for name in found if name.startswith("two_branch") == comparison}
    return {
        other.removeprefix(f"{name}_")
        for name, other in permutations(names, 2)
        if other.startswith(f"{name}_")
    }


def colliding(names: Iterable[str], comparison: bool = False) -> Iterator[str]:
    """Complain of names whose figures or tables, called `<figure>_<name>`, are those of another.

    Args:
        names: of networks, or of the comparison's settings.
        comparison: whether these are settings.
    """
    middles = _middles(comparison)
    for name, other in permutations([*names], 2):
        for middle in middles:
            if name == f"{middle}_{other}":
                yield (
                    f"found '{name}' and '{other}', whose figures or tables would have the same "
                    f"names, as '{middle}' is part of one's; rename one"
                )


def bad_object(name: str, key: str, kind: str) -> Iterator[Slip]:
    """Names of a user's own class or function that cannot be one.

    Args:
        key: of the config that has it.
        kind: "class" or "function".
    """
    match = OBJECT.fullmatch(name)
    if not match:
        example = "Class" if kind == "class" else kind
        yield Slip((key,), wording.wrong(name, f'a {kind} as "package.module:{example}"'))
    elif match[1] in sys.stdlib_module_names:
        words = f"a {kind} of your own: '{match[1]}' is a module of Python's"
        yield Slip((key,), wording.wrong(name, words))
