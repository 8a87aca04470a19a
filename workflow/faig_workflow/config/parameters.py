"""Parameters of operators, methods and networks: what their code takes, and in which range.

Names and kinds are read from the code, see `codebase`; nothing here imports torch.
"""

from collections.abc import Callable, Iterator, Mapping
from math import pi
from typing import Any, NamedTuple

from faig.attribution.quadrature import RULES

from ..codebase import Parameter
from . import wording
from .section import FITS, Slip


class Range(NamedTuple):
    """What a parameter may be: a test, and the same in words."""

    allows: Callable[[Any], bool]
    words: str


ODD = Range(lambda n: 1 <= n <= 999 and n % 2 == 1, "an odd number from 1 to 999")
POSITIVE = Range(lambda x: x > 0, "a number above 0")
COUNT = Range(lambda n: n >= 1, "a whole number of at least 1")

KERNELS = ("bicubic", "bilinear")  # of the library, which imports torch
RESAMPLING = Range(lambda name: name in KERNELS, f"one of {', '.join(KERNELS)}")

# by name of an operator or method, and of its parameter
RANGES = {
    "gaussian_blur": {"size": ODD, "sigma": POSITIVE},
    "anisotropic_gaussian_blur": {"size": ODD, "sigma_x": POSITIVE, "sigma_y": POSITIVE},
    "motion_blur": {"length": Range(lambda x: 1 <= x <= 999, "a number from 1 to 999")},
    "sinc_blur": {
        "size": ODD,
        "cutoff": Range(lambda x: 0 < x <= pi, "a number above 0 and at most pi"),
    },
    "poisson_noise": {"peak": POSITIVE},
    "rescale": {
        "factor": Range(lambda x: 0 < x <= 16, "a number above 0 and at most 16"),
        "kernel": RESAMPLING,
    },
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
LARGEST = 65_536  # of a network's channels, blocks and the like
NODES = 1000  # of a quadrature; no loss on a line needs as many

# by annotation
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "Sequence[int]": "a list of whole numbers",
}


def fits(value: object, annotation: str) -> bool:
    """Whether a value from the config suits a parameter's annotation; unknown ones suit all."""
    if annotation == "Sequence[int]":
        return isinstance(value, list) and value != [] and all(fits(n, "int") for n in value)
    kinds = {"int": int, "float": (int, float), "str": str, "bool": bool}
    if annotation not in kinds:
        return True
    return isinstance(value, kinds[annotation]) and isinstance(value, bool) <= (
        annotation == "bool"
    )


def bad_call(
    kind: str, name: str, given: Mapping, known: Mapping[str, Mapping[str, Parameter]]
) -> Iterator[Slip]:
    """What is wrong with the parameters of a function or class of ours.

    Args:
        kind: what it is called in the config.
        name: its own.
        given: values by parameter, from the config.
        known: parameters that there are, by name of all functions or classes of this kind.
    """
    if name not in known:
        yield Slip((), wording.unknown(kind, name, known))
        return
    wrong = list(bad_arguments(kind, name, given, known[name]))
    yield from wrong or _out_of_range(kind, name, given)


def bad_arguments(
    kind: str, name: str, given: Mapping, known: Mapping[str, Parameter]
) -> Iterator[Slip]:
    """The same where the function tells its parameters, but not their ranges.

    Args:
        known: its parameters.
    """
    for parameter, value in given.items():
        if parameter not in known:
            text = wording.unknown(f"parameter of '{name}'", parameter, known)
            yield Slip((), text)
            continue
        annotation = known[parameter].annotation
        drawn = kind == "operator" and annotation in ("int", "float")
        if not all(fits(one, annotation) for one in (_ends(value) if drawn else [value])):
            words = ", or a range of two" if drawn and isinstance(value, list) else ""
            text = wording.wrong(value, KINDS[annotation] + words) + wording.number_hint(value)
            yield Slip((parameter,), text)
    for parameter, facts in known.items():
        if facts.required and parameter not in given:
            yield Slip((), f"{kind} '{name}' needs the parameter '{parameter}'")


def _ends(value: object) -> list:
    """The ends of a range from which an operator draws a number, or the one number."""
    return value if isinstance(value, list) and len(value) == 2 else [value]


def _out_of_range(kind: str, name: str, given: Mapping) -> Iterator[Slip]:
    """Parameters of an operator or method that are of the right kind each."""
    ranges = RANGES.get(name, OF_METHODS)
    for parameter, value in given.items():
        allowed, ends = ranges.get(parameter), _ends(value) if kind == "operator" else [value]
        one = len(ends) == 1
        for i, end in enumerate(ends):
            if allowed and not allowed.allows(end):
                place = (parameter,) if one else (parameter, i)
                yield Slip(place, wording.wrong(end, allowed.words))
        if not one and allowed is ODD:
            yield Slip((parameter,), wording.wrong(value, ODD.words))
        elif not one and not ends[0] < ends[1]:
            yield Slip((parameter,), wording.wrong(value, "a range, its lower end first"))


def sizes(value: object) -> Iterator[Slip]:
    """Numbers of a network's channels, blocks and the like that no network has."""
    for i, number in enumerate(value) if isinstance(value, list) else [(None, value)]:
        if isinstance(number, int) and not isinstance(number, bool):
            words = COUNT.words if number < 1 else f"at most {LARGEST}: {FITS['x-reason']}"
            if not 1 <= number <= LARGEST:
                yield Slip(() if i is None else (i,), wording.wrong(number, words))


def quadrature(given: Mapping, adaptive: bool) -> Iterator[Slip]:
    """Rules and numbers of nodes that there are not; no rule is computed here.

    Args:
        given: parameters that may have both.
        adaptive: whether nodes may be doubled here until the result is exact enough.
    """
    rule, nodes = given.get("quadrature", "gauss-legendre"), given.get("nodes", 8)
    if not (fits(rule, "str") and fits(nodes, "int")):
        return
    names = [*RULES, *["adaptive"] * adaptive]
    if rule not in names:
        yield Slip(("quadrature",), wording.wrong(rule, f"one of {', '.join(names)}"))
    least = 2 if rule == "trapezoid" else 1
    if not least <= nodes <= NODES:
        words = f"a whole number from {least} to {NODES}"
        yield Slip(("nodes",), wording.wrong(nodes, words))
