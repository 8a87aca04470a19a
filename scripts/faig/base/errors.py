"""The errors that are written for the user and need no traceback."""


class InputError(ValueError):
    """Something the user gave is wrong: says what, what was found and what is expected."""


class DiskFull(InputError):
    """There is no room left to write a file; what there was of it is untouched."""
