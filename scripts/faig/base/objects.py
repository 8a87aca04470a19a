"""Classes and functions of the user's own, which the config names as `package.module:name`."""

import importlib
from typing import Any

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
