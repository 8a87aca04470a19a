"""Progress bars that also read well in a log file."""

import sys
from collections.abc import Iterable

from tqdm import tqdm


class _Lines:
    """A stream to standard error that starts a new line where a terminal would overwrite one."""

    def write(self, text: str) -> None:
        sys.stderr.write(text.replace("\r", "\n"))

    def flush(self) -> None:
        sys.stderr.flush()


def progress(
    items: Iterable | None, label: str, total: int | None, unit: str, done: int = 0
) -> tqdm:
    """Iterate with a progress bar: in place on a terminal, a line every few seconds in a log.

    Args:
        items: None to count by the bar's `update` instead, until its `close`.
        total: number of items, those `done` before included; None if unknown.
        unit: what an item is, for the rate; bytes ("B") are shown as kB, MB, ….
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        items,
        label,
        total=total,
        initial=done,
        unit=unit,
        unit_scale=unit == "B",
        ascii=True,
        mininterval=0.5 if terminal else 5,
        maxinterval=30,
        file=sys.stderr if terminal else _Lines(),
        ncols=None if terminal else 80,
    )
