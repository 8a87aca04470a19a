"""The figure of a pair's health: its tables in, a matplotlib figure out."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..evaluation.verdicts import worst
from .looks import DEGRADATIONS, Look, looks
from .panels import empty_figure, legend, line_handles, wrapped

ENDS = {"color": "black", "linewidth": 0.8, "linestyle": (0, (5, 2))}
FARTHEST = 5  # gains; what a path does beyond them is cut off
MARGIN = 0.1  # gains
COLUMNS = 3


def health(health: pd.DataFrame) -> Figure:
    """The loss between target and baseline on every input, a panel per seed.

    What to look for: whether lines climb from 0 to 1 without a hump.

    Args:
        health: columns input_degradation, attributed, alpha, position (gains), verdict, reason.
    """
    seeds = list(health["seed"].unique())
    styles = looks(health["input_degradation"].unique(), DEGRADATIONS)
    columns = min(len(seeds), COLUMNS)
    lines = -(-len(seeds) // columns)
    figure = empty_figure(1.6 + 2.6 * lines)
    panels = [*figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).flat]
    for seed, panel in zip(seeds, panels, strict=False):
        rows = health[health["seed"] == seed]
        _paths(panel, rows, styles)
        panel.set_xlabel(r"$\alpha$ (0 target, 1 baseline)")
        panel.set_title(wrapped(f"seed {seed}: {_said(rows)}", 110 // columns))
    reached = health["position"].clip(-FARTHEST, FARTHEST)
    panel.set_ylim(min(reached.min(), 0) - MARGIN, max(reached.max(), 1) + MARGIN)
    for panel in panels[len(seeds) :]:
        panel.set_visible(False)
    figure.supylabel("squared error above the target's (gains)")
    figure.suptitle(f"{health['network'].iloc[0]}: loss between target and baseline")
    legend(
        figure,
        [*line_handles(styles), Line2D([], [], label="levels of target and baseline", **ENDS)],
    )
    return figure


def _said(rows: pd.DataFrame) -> str:
    """The verdict on a pair, and for which inputs."""
    verdict = worst(rows["verdict"])
    given = rows.loc[rows["verdict"] == verdict, "input_degradation"].unique()
    inputs = "every input" if len(given) == rows["input_degradation"].nunique() else None
    return f"{verdict} on {inputs or ', '.join(given)}"


def _paths(panel: Axes, rows: pd.DataFrame, styles: Mapping[str, Look]) -> None:
    for name, look in styles.items():
        path = rows[rows["input_degradation"] == name].sort_values("alpha")
        panel.plot(path["alpha"], path["position"], **look.of_lines)
    for level in (0, 1):
        panel.axhline(level, zorder=1.5, **ENDS)
    panel.set_xlim(-0.02, 1.02)
