"""Figures of where the chosen filters lie in a network."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..attribution.ranking import TOP, number
from .looks import DEGRADATIONS, METHODS, label, looks
from .panels import empty_figure, legend, point_handles, title, whiskers, wrapped
from .rankings import LOCATED, layer_sizes, with_layers
from .summaries import chosen_per_layer, summarise
from .text import layer_labels


def locations(**rankings: pd.DataFrame) -> Figure:
    """In which layers the top 5 % of the filters lie, for every method (paper, figure 7).

    What to look for: deblurring filters lie towards the end of the network, denoising filters
    everywhere; the step line is where filters drawn at random would lie.

    Args:
        rankings: by method tables with the columns filter, layer, degradation, rank.
    """
    counts = {name: chosen_per_layer(table, LOCATED) for name, table in rankings.items()}
    first = next(iter(counts.values()))
    layers, degradations = list(first["layer"].unique()), list(first["degradation"].unique())
    sizes = first.drop_duplicates("layer")["filters"]
    figure = empty_figure(1.5 + 0.95 * len(rankings))
    axes = figure.subplots(
        len(rankings), len(degradations), squeeze=False, sharex=True, sharey=True
    )
    for row, (name, look) in zip(axes, looks(rankings, METHODS).items(), strict=True):
        for panel, degradation in zip(row, degradations, strict=True):
            table = counts[name][counts[name]["degradation"] == degradation]
            means = summarise(table, ["layer"], "share")
            panel.bar(range(len(layers)), means["mean"], 0.85, **look.of_bars)
            style = {"fmt": "none", "ecolor": "black", "elinewidth": 0.7, "capsize": 1}
            panel.errorbar(range(len(layers)), means["mean"], whiskers(means), **style)
            edges = np.arange(len(layers) + 1) - 0.5
            panel.stairs(100 * sizes / sizes.sum(), edges, color="black", linewidth=0.8)
        row[0].set_ylabel(wrapped(name, 13), rotation=0, ha="right", va="center")
    for panel, degradation in zip(axes[0], degradations, strict=True):
        panel.set_title(f"{label(degradation)} filters")
    names = layer_labels(layers, 60 // len(degradations))
    for panel in axes[-1]:
        panel.set_xticks([block.start for block in names], list(names.values()))
        panel.set_xlabel("layer")
        panel.tick_params("x", rotation=90, labelsize="x-small")
    figure.supylabel("share of the chosen filters (%)")
    title(
        figure,
        first,
        f"layers, from input to output, that the top {100 * LOCATED:g} % filters lie in",
    )
    legend(figure, [Line2D([], [], color="black", linewidth=0.8, label="share of all filters")])
    return figure


def locations_map(faig: pd.DataFrame) -> Figure:
    """Every one of FAIG's top 1 % filters at its place, for the first seed (paper, figure 6).

    One row per layer, from the input at the top to the output at the bottom; a row's filters stand
    side by side in the order of output, then input channels.

    Args:
        faig: ranking with the columns filter, layer, degradation, rank.
    """
    table = with_layers(faig[faig["seed"] == faig["seed"].iloc[0]])
    degradations = list(table["degradation"].unique())
    sizes = layer_sizes(table[table["degradation"] == degradations[0]])
    layers = {layer: i for i, layer in enumerate(sizes.index)}
    figure = empty_figure(1.6 + min(0.2 * len(layers), 8))
    panel = figure.subplots()
    panel.hlines(range(len(layers)), 0, 100, color="#E4E4E4", linewidth=0.8, zorder=0)
    styles = looks(degradations, DEGRADATIONS)
    for k, (degradation, look) in enumerate(styles.items()):
        best = (table["degradation"] == degradation) & (table["rank"] < number(sizes.sum(), TOP))
        rows = table[best].sort_values("filter")
        place = (rows["filter"] - rows["first"]) / rows["filters"]
        aside = 0.5 * ((k + 0.5) / len(styles) - 0.5)  # one above the other, not on top of it
        panel.scatter(100 * place, rows["layer"].map(layers) + aside, 12, **look.of_points)
    names = layer_labels(list(sizes.index), 60)
    labels = [f"{n} ({sizes.iloc[block.start : block.stop].sum():,})" for block, n in names.items()]
    panel.set_yticks([block.start for block in names], labels)
    panel.set_ylim(len(layers) - 0.4, -0.6)
    panel.set_xlim(-1, 101)
    panel.grid(visible=False)
    panel.set_ylabel("layer (number of its filters)")
    panel.set_xlabel("position of the filter in its layer (%)")
    title(figure, table, f"FAIG's top {100 * TOP:g} % filters for each degradation")
    legend(figure, point_handles(styles))
    return figure
