"""The figure of modulation: its tables in, a matplotlib figure out."""

from itertools import product

import pandas as pd
from matplotlib.figure import Figure

from .looks import DEGRADATIONS, label, looks
from .panels import empty_figure, legend, line_handles, title
from .summaries import summarise

ENDS = {"color": "black", "linewidth": 0.8, "linestyle": (0, (5, 2)), "zorder": 1.5}


def modulation(modulated: pd.DataFrame) -> Figure:
    """What the strength of the top filters does to every input, a panel per degradation.

    What to look for: the curve of the filters' own degradation climbs steadily from the baseline's
    strength, 0, to the target's, 1, and the others stay at 0 dB.

    Args:
        modulated: see `evaluation.modulation.modulate`.
    """
    methods, degradations = (list(modulated[n].unique()) for n in ("method", "degradation"))
    styles = looks(modulated["input_degradation"].unique(), DEGRADATIONS)
    data = modulated.assign(effect=modulated["psnr"] - modulated["psnr_target"])
    figure = empty_figure(1.4 + 2.4 * len(methods), 3.2 * len(degradations))
    axes = figure.subplots(len(methods), len(degradations), squeeze=False, sharex=True)
    for (i, method), (j, degradation) in product(enumerate(methods), enumerate(degradations)):
        panel = axes[i, j]
        effects = data[(data["method"] == method) & (data["degradation"] == degradation)]
        for name, look in styles.items():
            rows = effects[effects["input_degradation"] == name].sort_values("strength")
            rows = summarise(rows, ["strength"], "effect")
            panel.plot(rows["strength"], rows["mean"], **look.of_lines)
            panel.fill_between(
                rows["strength"], rows["low"], rows["high"], color=look.colour, alpha=0.15, lw=0
            )
        for place in (0, 1):
            panel.axvline(place, **ENDS)
        panel.set_title(f"{label(degradation)} filters by {label(method)}")
        if i == len(methods) - 1:
            panel.set_xlabel(r"strength $\lambda$ (0 baseline, 1 target)")
    figure.supylabel("PSNR above the target's (dB)")
    title(figure, modulated, "the top filters at any strength", "crop")
    legend(figure, line_handles(styles))
    return figure
