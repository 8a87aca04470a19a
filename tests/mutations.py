"""Changes of single values of a config."""

import copy
from collections.abc import Iterator


def leaves(part: object, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all values, of sections and lists too."""
    if path:
        yield path
    if isinstance(part, dict | list):
        items = part.items() if isinstance(part, dict) else enumerate(part)
        for key, value in items:
            yield from leaves(value, (*path, key))


def mutated(config: dict, path: tuple, value: object) -> dict:
    """A copy of a config with another value.

    Raises:
        KeyError, IndexError, TypeError: the config has no such path.
    """
    config = copy.deepcopy(config)
    *parents, last = path
    section = config
    for key in parents:
        section = section[key]
    section[last]  # must be there
    section[last] = value
    return config
