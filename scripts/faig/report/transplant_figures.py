"""The figure of transplants: its table in, a matplotlib figure out."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..evaluation.faithfulness import RANDOM_FILTERS, TOP_FILTERS
from .looks import DEGRADATIONS, METHODS, Look, label, looks
from .panels import empty_figure, legend, line_handles, title
from .summaries import per_image, summarise, with_transplanted_psnr

RANDOM = METHODS["random_draws"]
DONOR = {"color": "black", "linewidth": 1, "linestyle": (0, (5, 2)), "zorder": 1.5}
WHICH = ["receiver", "method", "degradation"]


def transplant(transplanted: pd.DataFrame) -> Figure:
    """What a network gains and loses by another target's filters, a panel per skill.

    What to look for: the curve of the filters' own degradation rises towards the donor's level
    with few filters, far above random filters of the same layers, and the others do not fall
    below 0 dB. Bands are intervals over crops, of random filters 95 % of the draws.

    Args:
        transplanted: see `evaluation.transplant.transplant`, with the column receiver.
    """
    data = with_transplanted_psnr(transplanted)
    rows = list(data[WHICH[:2]].drop_duplicates().itertuples(index=False))
    degradations = list(data["degradation"].unique())
    groups = data.groupby(WHICH)
    styles = looks(data["input_degradation"].unique(), DEGRADATIONS)
    figure = empty_figure(1.6 + 2.4 * len(rows), 3.2 * len(degradations))
    axes = figure.subplots(len(rows), len(degradations), squeeze=False, sharex=True)
    for (i, (receiver, method)), (j, degradation) in product(
        enumerate(rows), enumerate(degradations)
    ):
        panel = axes[i, j]
        group = groups.get_group((receiver, method, degradation))
        _curves(panel, group[group["filters"] == TOP_FILTERS], styles)
        same = group[group["input_degradation"] == degradation]
        _random(panel, same[same["filters"] == RANDOM_FILTERS])
        panel.axhline((same["psnr_donor"] - same["psnr_receiver"]).mean(), **DONOR)
        panel.set_title(f"{label(degradation)} filters by {label(method)}, into {label(receiver)}")
        if i == len(rows) - 1:
            panel.set_xlabel("filters transplanted (%)")
    proportions = np.sort(data["proportion"].unique())
    panel.set_xscale("log")
    panel.set_xticks(100 * proportions, [f"{100 * p:.3g}" for p in proportions])
    for panel in axes.flat:
        panel.minorticks_off()
        panel.axhline(0, color="black", linewidth=0.8, zorder=1.5)
    figure.supylabel("PSNR gained by the receiver (dB)")
    title(figure, data, "its filters put into another network", "crop")
    more = [
        Line2D([], [], label="random filters, own degradation", **RANDOM.of_lines),
        Line2D([], [], label="the whole donor, own degradation", **DONOR),
    ]
    legend(figure, [*line_handles(styles), *more], 3)
    return figure


def _curves(panel: Axes, data: pd.DataFrame, styles: dict[str, Look]) -> None:
    """Gain on every input against the proportion of filters; bands over images."""
    by = ["input_degradation", "proportion"]
    means = summarise(per_image(data, by, ["gained"]), by, "gained")
    for name, look in styles.items():
        rows = means[means["input_degradation"] == name].sort_values("proportion")
        x = 100 * rows["proportion"]
        panel.plot(x, rows["mean"], **look.of_lines)
        panel.fill_between(x, rows["low"], rows["high"], color=look.colour, alpha=0.15, lw=0)


def _random(panel: Axes, data: pd.DataFrame) -> None:
    """The same of random filters; the band over draws."""
    draws = data.groupby(["proportion", "draw"])["gained"].mean().groupby("proportion")
    means = draws.mean()
    panel.plot(100 * means.index, means, **RANDOM.of_lines)
    low, high = draws.quantile(0.025), draws.quantile(0.975)
    panel.fill_between(100 * means.index, low, high, color=RANDOM.colour, alpha=0.2, lw=0)
