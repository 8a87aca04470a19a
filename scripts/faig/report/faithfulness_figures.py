"""Figures of the bench: which ranking's top filters carry the skill, and the league of rankings."""

from collections.abc import Mapping, Sequence
from itertools import product, zip_longest

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..attribution.ranking import TOP
from ..evaluation.faithfulness import DELETION, INSERTION, NULLS, PROPORTIONS
from ..evaluation.league import Measured
from .looks import METHODS, STAGES, Look, label, looks
from .panels import empty_figure, frame, heat_map, legend, line_handles, title

# columns of the league's figure: what is drawn, its axis, and where the best ranking lies
COLUMNS = {
    "removed": "deleted: gain lost (%)",
    "inserted": "inserted: gain reached (%)",
    "specificity": "specificity index",
    "spearman": "rank correlation with\nexact effects",
}
COLUMNS_OF_MATRICES = 2  # of the figure of specificity
SIDE_EFFECT = {"marker": "x", "color": "black", "markersize": 4, "linestyle": ""}
SHOWN = -0.5, 1.5  # restored shares; a curve that leaves them is cut at the border


def faithfulness(sets: pd.DataFrame) -> Figure:
    """Share of the gain that is left without the top filters, and that they bring back alone.

    What to look for: the fewer filters a method needs until the upper curve falls to the
    baseline's level and the lower one rises to the target's, the better it finds those that carry
    the skill. Below the baseline's level the network is damaged.

    Args:
        sets: see `evaluation.league.Measured`.
    """
    methods = [name for name in sets["method"].unique() if name not in NULLS]
    styles = looks(methods, METHODS)
    seeds = [Measured(rows) for _, rows in sets.groupby("seed")]
    degradations, left_out = _with_gain(seeds)
    figure = empty_figure(5.2, 3.2 * len(degradations))
    axes = figure.subplots(2, len(degradations), squeeze=False, sharex=True, sharey=True)
    for (i, direction), (j, degradation) in product(
        enumerate((DELETION, INSERTION)), enumerate(degradations)
    ):
        panel = axes[i, j]
        for method, look in styles.items():
            curves = [seed.curve(method, degradation, direction) for seed in seeds]
            mean = pd.concat(curves, axis=1).mean(axis=1)
            panel.plot(100 * mean.index, mean.clip(*SHOWN), **look.of_lines)
        for level, model in ((1, "target"), (0, "baseline")):
            look = STAGES[model]
            panel.axhline(level, color=look.colour, linestyle=look.line, linewidth=1)
        panel.set_xscale("log")
        panel.set_xticks([100 * p for p in PROPORTIONS], [f"{100 * p:g}" for p in PROPORTIONS])
        panel.minorticks_off()
        panel.set_ylim(SHOWN[0] - 0.05, SHOWN[1] + 0.05)
        if i == 0:
            panel.set_title(f"{label(degradation)} filters, {label(degradation)} input")
        else:
            panel.set_xlabel("filters (%)")
        if j == 0:
            panel.set_ylabel(f"{direction}\nrestored share of the gain")
    title(figure, sets, "what the top filters carry", "crop", left_out)
    legend(figure, line_handles(styles | STAGES), 4)
    return figure


def specificity(sets: pd.DataFrame) -> Figure:
    """Which gains are lost when a degradation's filters are deleted, a matrix for each method.

    What to look for: dark in the frames, white elsewhere. A dark cell outside them is a skill
    that shares its filters with another.

    Args:
        sets: as of `faithfulness`.
    """
    methods = [name for name in sets["method"].unique() if name not in NULLS]
    seeds = [Measured(rows) for _, rows in sets.groupby("seed")]
    names, left_out = _with_gain(seeds)
    rows = -(-len(methods) // COLUMNS_OF_MATRICES)
    figure = empty_figure(0.9 + rows * (0.9 + 0.27 * len(names)))
    axes = figure.subplots(
        rows, min(len(methods), COLUMNS_OF_MATRICES), squeeze=False, sharex=True, sharey=True
    )
    for panel, method in zip_longest(axes.flat, methods):
        if method is None:
            panel.remove()
            continue
        shares = np.array([seed.matrix(method, 0, TOP, names) for seed in seeds])
        heat_map(panel, _mean(100 * shares), names, names)
        for place in range(len(names)):
            frame(panel, place, place)
        panel.set_title(label(method))
        below = panel.get_subplotspec().num2 + axes.shape[1]
        panel.tick_params(labelbottom=below >= len(methods))
    figure.supxlabel("input")
    figure.supylabel("whose filters are deleted")
    title(figure, sets, f"gain lost without the top {TOP:.0%} (%)", "crop", left_out)
    return figure


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what there is; NaN where there is nothing."""
    there = np.isfinite(values)
    counts = there.sum(axis=0)
    return np.where(counts, np.where(there, values, 0).sum(axis=0) / counts.clip(1), np.nan)


def _with_gain(seeds: Sequence[Measured]) -> tuple[list[str], str]:
    """As `_gained`, of any seed."""
    names = seeds[0].degradations
    return _gained({name: any(name in seed.gained for seed in seeds) for name in names})


def _gained(gains: Mapping[str, bool]) -> tuple[list[str], str]:
    """Degradations that the target gains something on, and a sentence on the others.

    All are kept, without a sentence, where it gains nothing at all.
    """
    kept = [name for name, gained in gains.items() if gained]
    others = ", ".join(label(name) for name in gains if name not in kept)
    if not kept or not others:
        return list(gains), ""
    return kept, f"Left out, as the target gains nothing there: {others}."


def league(league: pd.DataFrame) -> Figure:
    """How the rankings compare at the top 1 %: one row of points each.

    What to look for: the best ranking lies far to the right in every column, with its cross (the
    gain lost on other degradations) at zero. Whiskers are 95 % intervals over crops; of the
    removed share of random filters they span 95 % of the draws, of the inserted one they are the
    mean of the draws' intervals.

    Args:
        league: see `evaluation.league.league`, with the columns network and seed.
    """
    removed = league["removed"].notna().groupby(league["degradation"], sort=False).any()
    degradations, left_out = _gained(removed.to_dict())
    names = list(league["method"].unique())
    styles = looks(names, METHODS)
    # of a single degradation there is no specificity; of a pair without a gain, perhaps nothing
    columns = [name for name in COLUMNS if league[name].notna().any()] or list(COLUMNS)
    figure = empty_figure(1.2 + 0.27 * len(names) * len(degradations), 9)
    axes = figure.subplots(
        len(degradations), len(columns), squeeze=False, sharey=True, sharex="col"
    )
    for (i, degradation), (j, column) in product(enumerate(degradations), enumerate(columns)):
        panel, rows = axes[i, j], league[league["degradation"] == degradation]
        for place, name in enumerate(names):
            _point(panel, place, rows[rows["method"] == name], column, styles[name])
        panel.axvline(0, color="black", linewidth=0.8)
        panel.grid(axis="x")
        panel.set_yticks(range(len(names)), [label(name) for name in names])
        panel.set_ylim(len(names) - 0.5, -0.5)
        if j == 0:
            panel.set_ylabel(f"{label(degradation)} filters")
        if i == len(degradations) - 1:
            panel.set_xlabel(COLUMNS[column])
    if "removed" in columns:
        cross = Line2D([], [], label="gain lost on another degradation", **SIDE_EFFECT)
        legend(figure, [cross])
    text = f"rankings judged at {TOP:.0%} of the filters"
    title(figure, league, text, left_out=left_out)
    return figure


def _point(panel: Axes, place: int, rows: pd.DataFrame, column: str, look: Look) -> None:
    """Mean over seeds of a column, its interval if there is one, and a cross for side effects."""
    mean = rows[column].mean()
    style = look.of_lines | {"linestyle": ""}
    low, high = (rows.get(f"{column}_{end}", rows[column]).mean() for end in ("low", "high"))
    if np.isfinite([low, high]).all():
        panel.plot([low, high], [place, place], color=look.colour, linewidth=1)
    panel.plot(mean, place, **style)
    if column == "removed":
        panel.plot(rows["removed_other"].mean(), place, **SIDE_EFFECT)
