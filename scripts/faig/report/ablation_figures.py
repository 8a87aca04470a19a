"""Figures of the ablations: what the target forgets and what the baseline learns."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from ..evaluation.faithfulness import REFITTED
from .looks import METHODS, STAGES, Look, label, looks
from .panels import (
    bar_handles,
    empty_figure,
    grouped_bars,
    legend,
    line_handles,
    title,
    whiskers,
)
from .summaries import CHOICE, summarise, trained_alone, with_levels

REFITTED_LOOK = {"linewidth": 0.8, "fillstyle": "none"}
SAME = "#FFF3DC"  # background of panels where filters meet the degradation that they are for


def masking(masked: pd.DataFrame) -> Figure:
    """How much the output's gradient map changes without the chosen filters (paper, figure 5).

    What to look for: on their own degradation (tinted) filters that a method found change far more
    than random ones do, and next to nothing on the other degradation.

    Args:
        masked: columns method, degradation, proportion, input_degradation, gradient_mse (x 1000).
    """
    inputs = list(masked["degradation"].unique())
    means = summarise(masked, [*CHOICE, "biases"], "gradient_mse")
    styles = looks(masked["method"].unique(), METHODS)
    figure, panels = _crossed_panels(
        means, inputs, "masked", "gradient-map MSE ($\\times$1000)", "all"
    )
    for panel, rows in panels:
        _lines_over_proportion(panel, rows, styles)
        panel.set_yscale("log", nonpositive="clip")
    lowest = means["mean"][means["mean"] > 0].min()
    if lowest > 0:
        panel.set_ylim(bottom=lowest / 3)  # whiskers may reach down to zero, the axis cannot
    title(figure, masked, "change of the output by masking")
    legend(figure, [*line_handles(styles), *_refitted_handle(masked), _same_handle()], 3)
    return figure


def masking_psnr(masked: pd.DataFrame, reference: pd.DataFrame) -> Figure:
    """PSNR without the chosen filters on every input, between target and baseline (dB).

    Whiskers are those of the difference from the target: images differ far more than methods.

    Args:
        masked: columns method, degradation, proportion, input_degradation, dataset, image, psnr.
        reference: see `with_levels`.
    """
    inputs = list(masked["input_degradation"].unique())
    levels = reference.groupby(["model", "input_degradation"])["psnr"].mean()
    table = with_levels(masked, reference)
    mean = table["input_degradation"].map(levels["target"])
    table = table.assign(level=table["psnr"] - table["psnr_target"] + mean)
    means = summarise(table, [*CHOICE, "biases"], "level")
    styles = looks(masked["method"].unique(), METHODS)
    figure, panels = _crossed_panels(means, inputs, "masked", "PSNR (dB)", "col")
    for panel, rows in panels:
        _lines_over_proportion(panel, rows, styles)
        for model, look in STAGES.items():
            level = levels[model, rows["input_degradation"].iloc[0]]
            panel.axhline(level, color=look.colour, linestyle=look.line, linewidth=1)
    title(figure, masked, "restoration without the chosen filters")
    handles = [*line_handles(styles | STAGES), *_refitted_handle(masked), _same_handle()]
    legend(figure, handles, 4)
    return figure


def retraining(retrained: pd.DataFrame, reference: pd.DataFrame) -> Figure:
    """Gain in PSNR over the baseline by training only the chosen filters.

    Args:
        retrained: columns method, degradation, proportion, part, input_degradation, dataset,
            image, psnr (dB).
        reference: see `with_levels`.
    """
    retrained = trained_alone(retrained)
    inputs = list(retrained["degradation"].unique())
    table = with_levels(retrained, reference)
    table = table.assign(gain=table["psnr"] - table["psnr_baseline"])
    means = summarise(table, CHOICE, "gain")
    styles = looks(retrained["method"].unique(), METHODS)
    unit = "gain over baseline (dB)"
    figure, panels = _crossed_panels(means, inputs, "re-trained", unit, "col")
    for panel, rows in panels:
        proportions = grouped_bars(panel, rows, "proportion", "method", styles)
        panel.set_xticklabels([f"{100 * p:.3g}" for p in proportions])
        panel.axhline(0, color="black", linewidth=1)
    title(figure, retrained, "what the chosen filters alone can learn")
    legend(figure, [*bar_handles(styles), _same_handle()], 3)
    return figure


def _crossed_panels(
    table: pd.DataFrame, inputs: Sequence[str], action: str, unit: str, sharey: str
) -> tuple[Figure, list[tuple[Axes, pd.DataFrame]]]:
    """Panels of whose filters were chosen (rows) by input degradation (columns).

    Args:
        table: columns degradation, input_degradation.
        action: what was done with the filters.
        unit: of the y axes, which are shared as `sharey` says.

    Returns:
        The figure, and each panel with its rows of the table.
    """
    chosen = list(table["degradation"].unique())
    figure = empty_figure(1.1 + 2.0 * len(chosen), 1.5 * len(inputs))
    axes = figure.subplots(len(chosen), len(inputs), squeeze=False, sharex=True, sharey=sharey)
    panels = []
    for (i, filters), (j, given) in product(enumerate(chosen), enumerate(inputs)):
        panel = axes[i, j]
        if filters == given:
            panel.set_facecolor(SAME)
        if i == 0:
            panel.set_title(f"{label(given)} input")
        if i == len(chosen) - 1:
            panel.set_xlabel(f"{action} filters (%)")
        if j == 0:
            panel.set_ylabel(f"{label(filters)} filters {action}\n{unit}")
        rows = (table["degradation"] == filters) & (table["input_degradation"] == given)
        panels.append((panel, table[rows]))
    return figure, panels


def _same_handle() -> Patch:
    return Patch(facecolor=SAME, edgecolor="#BBBBBB", label="the filters' own degradation")


def _refitted_handle(masked: pd.DataFrame) -> list[Line2D]:
    """What a line of masking with refitted biases looks like, if there are any."""
    style = {"color": "black", "marker": "o", **REFITTED_LOOK}
    there = (masked["biases"] == REFITTED).any()
    return [Line2D([], [], label="biases refitted", **style)] if there else []


def _lines_over_proportion(panel: Axes, table: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    """One line per method and biases; columns method, biases, proportion, mean, low, high."""
    for k, (method, look) in enumerate(looks.items()):
        aside = 1.025 ** (k - (len(looks) - 1) / 2)  # whiskers side by side
        for biases, rows in table[table["method"] == method].groupby("biases", sort=False):
            rows = rows.sort_values("proportion")
            x = 100 * rows["proportion"] * aside
            style = look.of_lines | (REFITTED_LOOK if biases == REFITTED else {})
            panel.errorbar(x, rows["mean"], whiskers(rows), elinewidth=0.8, **style)
    _proportion_axis(panel, 100 * np.sort(table["proportion"].unique()))


def _proportion_axis(panel: Axes, percentages: np.ndarray) -> None:
    """Logarithmic x axis with a tick for each proportion, named where there is room."""
    first, last = percentages[0] / 1.25, percentages[-1] * 1.25
    room = (last / first) ** (0.03 * panel.get_gridspec().ncols)
    names, named = [], 0.0
    for percentage in percentages:
        fits = percentage >= named * room
        names.append(f"{percentage:.3g}" if fits else "")
        named = percentage if fits else named
    panel.set_xscale("log")
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticks(percentages, names)
    panel.set_xlim(first, last)
