"""How the config's mistakes are told: the key, what was found and what is expected."""

import difflib
import re
from collections.abc import Iterator, Mapping

import ranges
from jsonschema.exceptions import ValidationError


class ConfigError(ValueError):
    """The config is wrong; the message has one line per complaint."""


def key_of(path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "(top level)"


def found_value(value: object) -> str:
    kinds = {str: "text", dict: "a section", list: "a list", type(None): "nothing"}
    kind = kinds.get(type(value))
    shown = repr(value) if len(repr(value)) <= 40 else repr(value)[:37] + "..."
    return f"{kind} {shown}" if kind and value is not None else kind or shown


_KINDS = {
    "object": "a section of keys",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}


def told(slips: Iterator[ranges.Slip]) -> Iterator[str]:
    for key, value, expected in slips:
        yield f"{key}: found {found_value(value)}, expected {expected}"


def complaint(error: ValidationError) -> str:
    """One line for a person from a schema error."""
    key, found, limit = (
        key_of(error.absolute_path),
        found_value(error.instance),
        error.validator_value,
    )
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            others = [name for name in error.instance if name not in known]
            return "; ".join(unknown(key, str(name), list(known), "key") for name in others)
        case "required":
            missing = [name for name in limit if name not in error.instance]
            return f"{key}: the key '{missing[0]}' is missing"
        case "type":
            kinds = limit if isinstance(limit, list) else [limit]
            expected = " or ".join(_KINDS[kind] for kind in kinds)
            return f"{key}: found {found}, expected {expected}{number_hint(error.instance)}"
        case "enum":
            return f"{key}: found {found}, expected one of {', '.join(map(str, limit))}"
        case "pattern":
            expected = error.schema.get("description", f"text like {limit}")
            return f"{key}: found {found}, expected {expected}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"{key}: found {found}, expected a number {_range(error.schema)}"
        case "minItems" | "minProperties":
            return f"{key}: found {found}, expected at least {limit}"
        case "minLength":
            return f"{key}: found {found}, expected text that is not empty"
        case "uniqueItems":
            return f"{key}: found {found}, expected no value twice"
    return f"{key}: {error.message}"


def _range(schema: Mapping) -> str:
    words = {
        "exclusiveMinimum": "above",
        "minimum": "of at least",
        "exclusiveMaximum": "below",
        "maximum": "at most",
    }
    return " and ".join(f"{word} {schema[key]}" for key, word in words.items() if key in schema)


def number_hint(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return f": YAML reads {value} as text, write it with a point and a sign, like 1.0e-4"
    return ""


def unknown(key: str, name: str, known: list[str], kind: str) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known))}"
    return f"{key}: unknown {kind} '{name}'; {hint}"
