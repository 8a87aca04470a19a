"""Figure of the degradations that are predicted from the filters in use."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .looks import REFERENCES, VARIANTS, Look, label
from .panels import (
    bar_handles,
    empty_figure,
    frame,
    grouped_bars,
    heat_map,
    point_handles,
    title,
    wrapped,
)
from .summaries import summarise, with_mixture

NOTHING = "none"  # of the ranked degradations
MIXED = "#EDEDED"  # background of inputs with several degradations


def prediction(predicted: pd.DataFrame) -> Figure:
    """Overlap of single images' filters with each degradation's, and what is predicted from it.

    Args:
        predicted: columns image, true_degradation, degradation, reference, variant, overlap,
            threshold, present, predicted.
    """
    table = with_mixture(predicted)
    variants, kinds = list(table["variant"].unique()), sorted(table["mixture"].unique())
    columns = table[["degradation", "true_degradation"]].drop_duplicates()
    figure = empty_figure(2.9 + 1.9 * len(variants), 0.55 * len(columns))
    upper, lower = figure.subfigures(2, height_ratios=[0.3 + 1.9 * len(variants), 2.3])
    _overlap_panels(upper, table, variants)
    panels = lower.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, mixture in zip(panels, kinds, strict=True):
        _accuracy_bars(panel, table[table["mixture"] == mixture])
        panel.set_title("several degradations" if mixture else "one degradation or none")
    lower.axes[0].set_ylabel("correct answers (%)")
    title(figure, predicted, "degradation predicted from the filters in use", "crop")
    handles = bar_handles(_accuracy_looks(table))
    lower.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def confusion(predicted: pd.DataFrame) -> Figure:
    """How often each degradation is predicted, by the true one: mixtures last.

    What to look for: dark in the frames, which are where the degradation is present, white
    elsewhere. More than one may be predicted, so that rows need not sum to 100.

    Args:
        predicted: as of `prediction`; only answers that need no ground truth are shown.
    """
    table = with_mixture(predicted[predicted["reference"] == "target_output"])
    ranked = list(table["degradation"].unique())
    mixture = table.groupby("true_degradation", sort=False)["mixture"].first()
    # clean first, then in the order of the columns, so that frames are a diagonal
    names = sorted(mixture.index, key=lambda n: (mixture[n], n in ranked and 1 + ranked.index(n)))
    variants = list(table["variant"].unique())
    figure = empty_figure(1.4 + 0.27 * len(names))
    axes = figure.subplots(1, len(variants), squeeze=False, sharey=True)[0]
    for panel, variant in zip(axes, variants, strict=True):
        rows = table[table["variant"] == variant]
        keys = ["true_degradation", "network", "seed", "dataset", "image"]
        crops = rows.pivot_table("predicted", keys, "degradation", aggfunc="max").astype(float)
        crops[NOTHING] = 1 - crops.max(axis=1)
        shares = 100 * crops.groupby("true_degradation").mean().loc[names, [*ranked, NOTHING]]
        heat_map(panel, shares.to_numpy(), names, [*ranked, NOTHING], 7)
        present = rows[rows["present"]].drop_duplicates(["true_degradation", "degradation"])
        for true, there in zip(present["true_degradation"], present["degradation"], strict=True):
            frame(panel, names.index(true), ranked.index(there))
        panel.axhline(len(names) - mixture.sum() - 0.5, color="black", linewidth=1)
        panel.set_title(label(variant))
        panel.set_xlabel("predicted (% of the crops)")
    axes[0].set_ylabel("true degradation")
    title(figure, predicted, "degradation predicted, without the ground truth", "crop")
    return figure


def _overlap_panels(figure, table: pd.DataFrame, variants: Sequence[str]) -> None:
    """Strips of overlaps: variants in rows, whose filters in columns, thresholds as lines."""
    degradations = list(table["degradation"].unique())
    axes = figure.subplots(
        len(variants), len(degradations), squeeze=False, sharex=True, sharey=True
    )
    for (i, variant), (j, degradation) in product(enumerate(variants), enumerate(degradations)):
        panel = axes[i, j]
        rows = (table["variant"] == variant) & (table["degradation"] == degradation)
        _strips(panel, table[rows])
        if i == 0:
            panel.set_title(f"{label(degradation)} filters")
        if j == 0:
            panel.set_ylabel(f"{label(variant)}\noverlap score")
    handles = [
        *point_handles(REFERENCES),
        Line2D([], [], color="black", linewidth=1, label="threshold"),
        Patch(facecolor=MIXED, label="several degradations"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _strips(panel: Axes, table: pd.DataFrame) -> None:
    """Overlap scores by true degradation (mixtures last, tinted), references side by side."""
    inputs = table.drop_duplicates("true_degradation").sort_values("mixture", kind="stable")
    names = list(inputs["true_degradation"])
    rng = np.random.default_rng(0)
    for k, (reference, look) in enumerate(REFERENCES.items()):
        rows = table[table["reference"] == reference]
        middle = rows["true_degradation"].map(names.index) + 0.4 * (k - 0.5)
        x = middle + rng.uniform(-0.14, 0.14, len(rows))
        panel.scatter(x, rows["overlap"], 9, **look.of_points)
        lines = pd.DataFrame({"x": middle, "y": rows["threshold"]}).drop_duplicates()
        panel.hlines(lines["y"], lines["x"] - 0.18, lines["x"] + 0.18, "black", linewidth=1)
    mixtures = inputs["mixture"].sum()
    panel.axvspan(len(names) - mixtures - 0.5, len(names) - 0.5, color=MIXED, linewidth=0, zorder=0)
    panel.set_xticks(range(len(names)), [wrapped(name, 7) for name in names])
    panel.set_xlim(-0.5, len(names) - 0.5)


def _accuracy_looks(table: pd.DataFrame) -> dict[str, Look]:
    return {
        f"{label(reference)}, {label(variant)}": Look(look.colour, "", "-", VARIANTS[variant])
        for variant in table["variant"].unique()
        for reference, look in REFERENCES.items()
    }


def _accuracy_bars(panel: Axes, table: pd.DataFrame) -> None:
    kind = table["reference"].map(label) + ", " + table["variant"].map(label)
    table = table.assign(kind=kind, correct=100 * table["correct"])
    means = summarise(table, ["degradation", "kind"], "correct")
    names = grouped_bars(panel, means, "degradation", "kind", _accuracy_looks(table))
    panel.set_xticklabels([f"{label(name)} present?" for name in names])
    panel.set_ylim(0, 105)
