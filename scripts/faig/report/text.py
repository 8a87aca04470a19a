"""Text for people: tables in columns, prose in lines that fit a terminal, names of layers."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
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


def layer_labels(layers: Sequence[str], most: int) -> dict[range, str]:
    """Names for the layers of a network, or, where these are too many, for its blocks.

    Args:
        layers: in their order, as modules are named.
        most: names there may be if they stand at equal distances, at least 3. Of those that stand
            closer to each other, the block with more layers keeps its name.

    Returns:
        Names by the places of the layers that they stand for. What words stand between two numbers
        is left out, as long as names still differ.
    """
    deepest = max(layer.count(".") for layer in layers) + 1
    for depth in range(deepest, 0, -1):
        cut = [_block(layer, depth) for layer in layers]
        starts = [i for i, name in enumerate(cut) if i == 0 or name != cut[i - 1]]
        if 2 < len(starts) <= most:
            break
    else:  # a chain: every second or third
        cut, starts = list(layers), list(range(len(layers)))
    blocks = [range(*ends) for ends in pairwise([*starts, len(layers)])]
    kept: list[range] = []
    for block in sorted(blocks, key=len, reverse=True):
        if all(abs(block.start - other.start) * most >= len(layers) for other in kept):
            kept.append(block)
    kept.sort(key=lambda block: block.start)
    names = [cut[block.start] for block in kept]
    short = [re.sub(r"(?<=\d)(\.[^\W\d]\w*)+(?=\.\d)", "", name) for name in names]
    return dict(zip(kept, short if len(set(short)) == len(set(names)) else names, strict=True))


def _block(layer: str, depth: int) -> str:
    """The block that a layer lies in, so many names deep, without words behind its number."""
    name = ".".join(layer.split(".")[:depth])
    return name if name == layer else re.sub(r"(?<=\d)(\.[^\W\d]\w*)+$", "", name)
