"""Classes and functions of the user's own, which the config names as `package.module:name`."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import InputError


def imported(kind: str, name: str) -> Any:
    """What a name stands for.

    Args:
        kind: what it should be, for the message.
        name: `package.module:name`.

    Raises:
        InputError: no such module, nothing of this name in it, or the module's own error.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # of a file of the user's own, any
        raise InputError(
            f"{kind} '{name}' cannot be imported: {type(error).__name__}: {error}"
        ) from error


def require_seeded(what: str, result: Callable[[], np.ndarray], on: str, expected: str) -> None:
    """Complain of a function that draws from anything but what it is given for that.

    Args:
        what: kind and name of the function, for the message.
        result: calls it, every time with the same seed.
        on: what it is called on, for the message.
        expected: where its draws should come from, for the message.

    Raises:
        InputError: two results differ, or it fails.
    """
    try:
        one, other = result(), result()
    except InputError:
        raise
    except Exception as error:  # of a function of the user's own, any
        raise InputError(f"{what} fails on {on}: {type(error).__name__}: {error}") from error
    if not np.array_equal(one, other, equal_nan=True):
        raise InputError(f"{what} gives two results from one seed, expected that {expected}")
