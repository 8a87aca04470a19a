"""The one kind of error that is written for the user and needs no traceback."""


class InputError(ValueError):
    """Something the user gave is wrong: says what, what was found and what is expected."""
