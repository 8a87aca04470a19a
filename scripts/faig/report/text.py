"""Text for people: tables in columns, and prose in lines that fit a terminal."""

from collections.abc import Iterator
from textwrap import wrap

import pandas as pd

GLUE = "\N{NO-BREAK SPACE}"


def aligned(rows: list[list[str]]) -> Iterator[str]:
    """Lines of a table: first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join(["  " + first.ljust(widths[0]), *cells]).rstrip()


def prose(text: str) -> list[str]:
    """Text in lines of at most 100 characters, never broken at `GLUE`."""
    return [line.replace(GLUE, " ") for line in wrap(text, 100, subsequent_indent=" " * 8)]


def percent(value: float) -> str:
    """A value in % as text."""
    return "-" if pd.isna(value) else f"{value:z.0f}%"
