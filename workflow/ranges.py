"""What values of the config can be right: numbers, texts, parameters, names of classes.

Each function yields the key, what was found, and what is expected in words.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple

LARGEST = 2**63 - 1  # of the whole numbers that tables and random generators hold
NODES = 1000  # of a quadrature; no loss on a line needs as many

CLASS = re.compile(r"([A-Za-z_]\w*)(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)

Slip = tuple[str, object, str]


class Range(NamedTuple):
    """What a parameter may be: a test, and the same in words."""

    allows: Callable[[Any], bool]
    words: str


ODD = Range(lambda n: n >= 1 and n % 2 == 1, "an odd number of at least 1")
POSITIVE = Range(lambda x: x > 0, "a number above 0")
COUNT = Range(lambda n: n >= 1, "a whole number of at least 1")

KERNELS = ("bicubic", "bilinear")  # of the library, which imports torch
RESAMPLING = Range(lambda name: name in KERNELS, f"one of {', '.join(KERNELS)}")

# by name of an operator or method, and of its parameter
RANGES = {
    "gaussian_blur": {"size": ODD, "sigma": POSITIVE},
    "anisotropic_gaussian_blur": {"size": ODD, "sigma_x": POSITIVE, "sigma_y": POSITIVE},
    "motion_blur": {"length": Range(lambda x: x >= 1, "a number of at least 1")},
    "poisson_noise": {"peak": POSITIVE},
    "rescale": {"factor": POSITIVE, "kernel": RESAMPLING},
    "random_gaussian_blur": {"size": ODD, "low": POSITIVE, "high": POSITIVE},
    "downsample": {"kernel": RESAMPLING},
    "gaussian_noise": {"sigma": Range(lambda x: 0 <= x <= 1, "a number from 0 to 1")},
    "jpeg": {"quality": Range(lambda n: 1 <= n <= 100, "a whole number from 1 to 100")},
}
OF_METHODS = {
    **dict.fromkeys(("tile", "rounds", "steps"), COUNT),
    **dict.fromkeys(("tolerance", "learning_rate"), POSITIVE),
    **dict.fromkeys(("beta", "sparsity"), Range(lambda x: x >= 0, "a number of at least 0")),
    "proportion": Range(lambda x: 0 < x <= 1, "a number above 0 and at most 1"),
}


def unusable(value: object, key: str = "") -> Iterator[Slip]:
    """Values that can be right nowhere in a config: no number, or no text of one line."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _bad_key(name, key)
            yield from unusable(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from unusable(part, f"{key}[{i}]")
    elif isinstance(value, str):
        if not value.isprintable():
            yield key, value, "text of one line without control characters"
    elif isinstance(value, int):
        if abs(value) > LARGEST:
            yield key, value, "a whole number of at most 64 bits"
    elif isinstance(value, float):
        if not isfinite(value):
            yield key, value, "a finite number"
    elif value is not None:
        yield key, value, "text, a number, true, false, a list or a section of keys"


def _bad_key(name: object, key: str) -> Iterator[Slip]:
    if not isinstance(name, str):
        yield key or "(top level)", name, "text as a key: write it in quotes"


def numbers(key: str, name: str, parameters: Mapping) -> Iterator[Slip]:
    """Parameters of an operator or method, of the right kind each, that are out of range."""
    ranges = RANGES.get(name, OF_METHODS)
    for parameter, value in parameters.items():
        if parameter in ranges and not ranges[parameter].allows(value):
            yield f"{key}.{parameter}", value, ranges[parameter].words
    low, high = parameters.get("low"), parameters.get("high")
    if name == "random_gaussian_blur" and 0 < high <= low:
        yield f"{key}.low", low, f"a number below 'high', which is {high}"


def sizes(key: str, value: object) -> Iterator[Slip]:
    """Numbers of a network's channels, blocks and the like that are not positive."""
    for i, number in enumerate(value) if isinstance(value, list) else [(None, value)]:
        if isinstance(number, int) and not isinstance(number, bool) and number < 1:
            yield key if i is None else f"{key}[{i}]", number, COUNT.words


def class_name(key: str, architecture: str) -> Iterator[Slip]:
    """Names of a user's own class that cannot be one."""
    match = CLASS.fullmatch(architecture)
    if not match:
        yield key, architecture, 'a class as "package.module:Class"'
    elif match[1] in sys.stdlib_module_names:
        yield key, architecture, f"a class of your own: '{match[1]}' is a module of Python's"


def quadrature(key: str, rule: str, nodes: int, adaptive: bool, known: list[str]) -> Iterator[Slip]:
    """Rules and numbers of nodes that there are not; no rule is computed here.

    Args:
        key: of the section that has both.
        rule: its name.
        nodes: their number.
        adaptive: whether nodes may be doubled here until the result is exact enough.
        known: names of the rules.
    """
    names = [*known, *["adaptive"] * adaptive]
    if rule not in names:
        yield f"{key}.quadrature", rule, f"one of {', '.join(names)}"
    least = 2 if rule == "trapezoid" else 1
    if not least <= nodes <= NODES:
        yield f"{key}.nodes", nodes, f"a whole number from {least} to {NODES}"
