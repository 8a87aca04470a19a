"""What figures are made of: titles, legends, axes, lines and bars with whiskers."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from ..evaluation.verdicts import VERDICTS
from .looks import Look, label

WIDTH = 8.5  # inches, at 9 points


def empty_figure(height: float, least_width: float = 0) -> Figure:
    """An empty figure that grows with its labels.

    Args:
        height: in inches, at 9 points.
        least_width: the same, for figures that must hold very much.
    """
    unit = matplotlib.rcParams["font.size"] / 9
    return Figure(figsize=(unit * max(WIDTH, least_width), unit * height), layout="constrained")


def wrapped(name: str, width: int) -> str:
    """A label in lines of `width` characters."""
    return fill(label(name), width, break_long_words=False, break_on_hyphens=False)


def extent(table: pd.DataFrame, images: str = "image") -> str:
    """How many images (if any) and seeds the means go over."""
    counts = {"seed": table["seed"].nunique()}
    if "image" in table:
        counts = {images: len(table[["dataset", "image"]].drop_duplicates()), **counts}
    return ", ".join(f"{n} {noun}{'s' * (n > 1)}" for noun, n in counts.items())


def title(
    figure: Figure, table: pd.DataFrame, text: str, images: str = "image", left_out: str = ""
) -> None:
    """Network, what is shown, its `extent`, and a sentence on what is not shown, if any."""
    lines = f"{table['network'].iloc[0]}: {text} ({extent(table, images)})\n{left_out}"
    figure.suptitle(lines.strip())


def say_unfit(figure: Figure, health: pd.DataFrame) -> None:
    """Add to the title that the pair cannot be attributed, if that is so, see `unfit`."""
    if text := unfit(health):
        figure.suptitle(f"{figure.get_suptitle()}\n{wrapped(text, 100)}")


def unfit(health: pd.DataFrame) -> str:
    """That a pair cannot be attributed, and why; empty if it can.

    Args:
        health: columns input_degradation, verdict, reason, and seed if there are several.
    """
    rows = health[health["verdict"] == VERDICTS[-1]]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    seed = f"seed {row['seed']}, " if "seed" in row else ""
    return f"UNFIT PAIR, rankings mean nothing: {seed}{row['input_degradation']}: {row['reason']}"


def legend(figure: Figure, handles: Sequence, columns: int = 6) -> None:
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), columns))


def line_handles(looks: Mapping[str, Look]) -> list[Line2D]:
    return [Line2D([], [], label=label(n), **look.of_lines) for n, look in looks.items()]


def point_handles(looks: Mapping[str, Look]) -> list[Line2D]:
    return [
        Line2D([], [], label=label(n), **(look.of_lines | {"linestyle": ""}))
        for n, look in looks.items()
    ]


def bar_handles(looks: Mapping[str, Look]) -> list[Patch]:
    return [Patch(label=label(n), **look.of_bars) for n, look in looks.items()]


def whiskers(rows: pd.DataFrame) -> np.ndarray:
    """Lengths below and above the mean, (2, rows); NaN, which draws nothing, without a spread."""
    lengths = np.stack([rows["mean"] - rows["low"], rows["high"] - rows["mean"]])
    return np.where(lengths > 0, lengths, np.nan)


def log_values(panel: Axes, subs: Sequence[int] = (1, 3)) -> None:
    """Logarithmic y axis with ticks at these multiples of powers of ten."""
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=subs))
    panel.yaxis.set_major_formatter("{x:,g}")
    panel.yaxis.set_minor_locator(NullLocator())


def iteration_axis(panel: Axes, ticks: int = 6) -> None:
    """X axis of a training, from its start, with at most so many intervals between ticks."""
    panel.xaxis.set_major_locator(MaxNLocator(ticks, integer=True))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.set_xlim(left=0)
    panel.set_xlabel("iteration")


def grouped_bars(
    panel: Axes, table: pd.DataFrame, groups: str, bars: str, looks: Mapping[str, Look]
) -> list:
    """Bars with whiskers, side by side in groups; columns mean, low, high and the two named.

    Returns:
        The groups, from left to right.
    """
    names = list(table[groups].unique())
    width = 0.84 / len(looks)
    for k, (name, look) in enumerate(looks.items()):
        rows = table[table[bars] == name].set_index(groups)
        x = [names.index(group) + (k - (len(looks) - 1) / 2) * width for group in rows.index]
        panel.bar(x, rows["mean"], 0.92 * width, **look.of_bars)
        panel.errorbar(x, rows["mean"], whiskers(rows), fmt="none", ecolor="black", elinewidth=0.8)
    panel.set_xticks(range(len(names)))
    panel.set_xlim(-0.55, len(names) - 0.45)
    return names


def band(
    panel: Axes, table: pd.DataFrame, value: str, look: Look, marks: int | None = None
) -> None:
    """Mean and range over the seeds of a value against iterations.

    Args:
        marks: at how many points a marker stands at most; at all of them without it.
    """
    groups = table.groupby("iteration")[value]
    middle = groups.mean()
    every = -(-len(middle) // marks) if marks else None
    panel.plot(middle.index, middle, **look.of_lines, markevery=every)
    panel.fill_between(middle.index, groups.min(), groups.max(), color=look.colour, alpha=0.2, lw=0)


def heat_map(
    panel: Axes, values: np.ndarray, rows: Sequence[str], columns: Sequence[str], width: int = 9
) -> None:
    """A table of percentages as cells, the darker the higher, each with its number.

    Args:
        values: (rows, columns); 0 is white, 100 and above darkest; NaN has no number.
        rows, columns: names, shown by their `label`.
        width: of the columns' labels, in characters.
    """
    panel.imshow(np.nan_to_num(values), cmap="Greys", vmin=0, vmax=125, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > 65 else "black"
            panel.text(j, i, f"{value:.0f}", ha="center", va="center", color=colour)
    panel.set_xticks(range(len(columns)), [wrapped(name, width) for name in columns])
    panel.set_yticks(range(len(rows)), [label(name) for name in rows])
    panel.grid(visible=False)


def frame(panel: Axes, row: int, column: int) -> None:
    """A frame around a cell of a heat map."""
    corner = column - 0.47, row - 0.45
    panel.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor="#D55E00", linewidth=1.6))
