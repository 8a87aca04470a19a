"""Figures of how far a ranking can be trusted: tables in, a matplotlib figure out."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..evaluation.trust import CONTROL, NOT_MEASURED
from .looks import label, looks
from .panels import empty_figure, legend, line_handles, title, wrapped
from .summaries import worst_of_seeds

# told apart by shape, word and lightness, not by hue alone
SIGNS = {
    "green": ("o", "#0B7A4B"),
    "amber": ("^", "#E0A100"),
    "red": ("X", "#8B0000"),
    NOT_MEASURED: ("_", "#8C8C8C"),
}
LINE = 88  # characters of a reason in one line


def stability(stability: pd.DataFrame, seeds: pd.DataFrame | None = None) -> Figure:
    """Agreement of rankings that should be the same, against how many filters are chosen.

    What to look for: how far below 1 the lines lie at the proportion that is used.

    Args:
        stability: columns method, trial, degradation, proportion, agreement, measured.
        seeds: the same, of targets from one baseline.
    """
    rows = pd.concat([stability, seeds], ignore_index=True)
    rows = rows[rows["measured"] & (rows["method"] != CONTROL)]
    methods, names = (list(rows[column].unique()) for column in ("method", "degradation"))
    styles = looks(list(rows["trial"].unique()), {})
    figure = empty_figure(1.5 + 2.1 * max(1, len(methods)))
    shape = max(1, len(methods)), max(1, len(names))
    panels = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True)
    for line, method in zip(panels, methods, strict=False):
        for panel, name in zip(line, names, strict=True):
            trials = rows[(rows["method"] == method) & (rows["degradation"] == name)]
            for trial, look in styles.items():
                means = trials[trials["trial"] == trial].groupby("proportion")["agreement"].mean()
                panel.plot(means.index, means, **look.of_lines)
            panel.axhline(0, color="black", linewidth=0.8)
            panel.set_title(f"{label(method)}, {label(name)}")
    for panel in panels.flat:
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}")
    for panel in panels[-1]:
        panel.set_xlabel("filters chosen (%)")
    figure.supylabel("agreement (1 the same filters, 0 chance)")
    title(figure, stability, "agreement of rankings that should be the same")
    legend(figure, line_handles(styles))
    return figure


def trust(trust: pd.DataFrame) -> Figure:
    """A light per line, with its number, its threshold, and what was found; of seeds the worst.

    What to look for: red and amber lights, and what they say of the results that follow.

    Args:
        trust: columns light, method, value, threshold, level, reason.
    """
    shown = worst_of_seeds(trust)
    texts = [wrapped(reason, LINE) for reason in shown["reason"]]
    figure = empty_figure(0.9 + 0.52 * len(shown))
    panel = figure.subplots()
    for place, (text, row) in enumerate(zip(texts, shown.to_dict("records"), strict=True)):
        _line(panel, -place, row, text)
    panel.set_xlim(0, 1)
    panel.set_ylim(-len(shown) + 0.4, 0.7)
    panel.axis("off")
    title(figure, trust, "can its rankings be trusted?")
    return figure


def _line(panel: Axes, y: float, row: dict, text: str) -> None:
    marker, colour = SIGNS[row["level"]]
    panel.scatter([0.012], [y], s=90, marker=marker, color=colour, clip_on=False)
    number = "" if row["level"] == NOT_MEASURED else f"{row['value']:.3g}"
    name = f"{row['light']}{', ' * bool(row['method'])}{label(row['method'])}"
    for x, words, weight in (
        (0.035, row["level"], "bold"),
        (0.155, name, "normal"),
        (0.36, number, "normal"),
        (0.43, f"{row['threshold']}:\n{text}", "normal"),
    ):
        panel.text(x, y, words, weight=weight, va="center", fontsize="small")
