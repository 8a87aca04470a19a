"""From what YAML holds to a checked config."""

from collections.abc import Iterator, Mapping
from math import isfinite

from pydantic import ValidationError

from . import wording
from .complaints import key_of, refused, told
from .run import Config

LARGEST = 2**63 - 1  # of the whole numbers that tables and random generators hold


def load(config: Mapping) -> dict:
    """Check a config as read from YAML and complete it by the defaults of its keys.

    Returns:
        Sections as plain dictionaries; keys that are given come first, in their order.

    Raises:
        ConfigError: with everything that is wrong.
    """
    if lines := list(_unusable(config, ())):
        raise refused(lines)
    try:
        checked = Config.model_validate(dict(config))
    except ValidationError as error:
        raise refused(told(error)) from None
    return _in_order(checked.model_dump(warnings="none"), config)


def _in_order(value: object, given: object) -> object:
    """A value with the keys of all sections in the order in which they are given."""
    if isinstance(value, dict) and isinstance(given, dict):
        order = [*(key for key in given if key in value), *value]
        return {key: _in_order(value[key], given.get(key)) for key in order}
    if isinstance(value, list):
        return [_in_order(*pair) for pair in zip(value, given or value, strict=True)]
    return value


def _unusable(value: object, place: tuple) -> Iterator[str]:
    """Values that can be right nowhere in a config: no number, or no text of one line."""
    expected = None
    if isinstance(value, dict):
        for name, part in value.items():
            if not isinstance(name, str):
                text = wording.wrong(name, "text as a key: write it in quotes")
                yield f"{key_of(place)}: {text}"
            yield from _unusable(part, (*place, str(name)))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _unusable(part, (*place, i))
    elif isinstance(value, str):
        if not value.isprintable():
            expected = "text of one line without control characters"
    elif isinstance(value, int):
        if abs(value) > LARGEST:
            expected = "a whole number of at most 64 bits"
    elif isinstance(value, float):
        if not isfinite(value):
            expected = "a finite number"
    elif value is not None:
        expected = "text, a number, true, false, a list or a section of keys"
    if expected:
        yield f"{key_of(place)}: {wording.wrong(value, expected)}"
