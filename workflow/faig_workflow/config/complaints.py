"""One line for a person from each error that pydantic finds."""

from collections.abc import Sequence

from pydantic import ValidationError

from . import schema, wording
from .wording import ConfigError


def refused(lines: Sequence[str]) -> ConfigError:
    return ConfigError("the config is not valid:\n" + "\n".join(f"  {line}" for line in lines))


def told(error: ValidationError) -> list[str]:
    """A line for every mistake: its key, what was found and what is expected."""
    return [_line(mistake) for mistake in error.errors(include_url=False)]


def key_of(place: Sequence[str | int]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "(top level)"


def _line(mistake: dict) -> str:
    place = mistake["loc"]
    if place[-1:] == ("[key]",):  # a name of the user's own
        section = schema.at(place[:-2])
        return f"{key_of(place[:-2])}: {_text(mistake, section['propertyNames'])}"
    match mistake["type"]:
        case "missing":
            return f"{key_of(place[:-1])}: the key '{place[-1]}' is missing"
        case "extra_forbidden":
            known = schema.children(schema.at(place[:-1]))
            return f"{key_of(place[:-1])}: {wording.unknown('key', place[-1], known)}"
        case "slip":
            return f"{key_of(place)}: {mistake['ctx']['text']}"
    return f"{key_of(place)}: {_text(mistake, schema.at(place))}"


def _text(mistake: dict, part: dict) -> str:
    """What is wrong with a value, given what the schema says of it."""
    value = mistake["input"]
    match mistake["type"]:
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            expected = f"a number {schema.bounds(part)}"
            if mistake["type"].startswith("less") and "x-reason" in part:
                expected += f": {part['x-reason']}"
        case "too_short" | "too_long":
            expected = schema.length(part)
        case "string_too_short":
            expected = "text that is not empty"
        case "twice":
            expected = "no value twice"
        case "string_type":
            expected = schema.kind({**part, "x-expected": "text"})
        case _:
            expected = schema.kind(part) + wording.number_hint(value)
    return wording.wrong(value, expected)
