"""How mistakes are told: what was found, what is expected, what may have been meant."""

import difflib
import re
from collections.abc import Iterable


class ConfigError(ValueError):
    """The config is wrong; the message has one line per complaint."""


def found(value: object) -> str:
    kinds = {str: "text", dict: "a section", list: "a list", type(None): "nothing"}
    kind = kinds.get(type(value))
    shown = repr(value) if len(repr(value)) <= 40 else repr(value)[:37] + "..."
    return f"{kind} {shown}" if kind and value is not None else kind or shown


def wrong(value: object, expected: str) -> str:
    return f"found {found(value)}, expected {expected}"


def number_hint(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return f": YAML reads {value} as text, write it with a point and a sign, like 1.0e-4"
    return ""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known))}"
    return f"unknown {kind} '{name}'; {hint}"
