"""Figures of the benchmark: its tables in, matplotlib figures out."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from ..attribution.ranking import TOP
from .looks import Look, label
from .panels import bar_handles, empty_figure, legend, log_values

ENGINES = {
    ("ours", "bfloat16"): Look("#D55E00", "o", "-"),
    ("ours", "float32"): Look("#0B2A6B", "s", (0, (6, 2)), "///"),
    ("released", "float32"): Look("#8C8C8C", "D", (0, (1, 1.2)), "..."),
    ("original", "float32"): Look("#000000", "x", (0, (3, 3)), "xxx"),
}
LOOPS = {
    ("reference", "float32"): ENGINES["released", "float32"],
    ("ours", "float32"): ENGINES["ours", "float32"],
    ("ours", "bfloat16"): ENGINES["ours", "bfloat16"],
}
RULES = {
    ("gauss-legendre", "float32"): Look("#0B2A6B", "s", (0, (6, 2))),
    ("gauss-legendre", "bfloat16"): Look("#D55E00", "o", "-"),
    ("midpoint", "float32"): Look("#009E73", "v", (0, (8, 3))),
    ("trapezoid", "float32"): Look("#CC79A7", "P", (0, (4, 1, 1, 1))),
    ("left", "float32"): Look("#8C8C8C", "D", (0, (1, 1.2))),
    ("right", "float32"): Look("#1AA5B8", ">", (0, (2, 1))),
    ("original", "float32"): ENGINES["original", "float32"],
}
NAMES = {
    "ours": "ours",
    "released": "released protocol",
    "original": "released code",
    "reference": "plain loop",
    "gauss-legendre": "Gauss-Legendre",
    "left": "left sum",
    "right": "right sum",
}
DEMAND = {"color": "black", "marker": "_", "markersize": 16, "linestyle": ""}
GOAL = 1  # % of the top filters that the default may miss


def attribution(attribution: pd.DataFrame, quadrature: pd.DataFrame) -> Figure:
    """What an attribution costs against pixels, images and nodes, for both engines.

    Args:
        attribution: see `benchmark.attribution_table`, of one network.
        quadrature: see `benchmark.quadrature_table`, of the same network.
    """
    single, smallest = attribution[attribution["images"] == 1], attribution["image_pixels"].min()
    single = single.assign(share=100 * single["gflops"] / single["peak_gflops"])
    ours = single[single["engine"] == "ours"]
    several = attribution[attribution["image_pixels"] == smallest]
    several = several.assign(total=several["seconds_per_image"] * several["images"])
    nodes = quadrature[quadrature["rule"] == "gauss-legendre"].assign(engine="ours")
    figure = empty_figure(5.8)
    panels = figure.subplots(2, 3).flat
    pixels = ("image_pixels", "LR pixels")
    _engines(panels[0], single, pixels, "seconds_per_image", "seconds per image", log=True)
    _engines(panels[1], single, pixels, "share", "% of the matrix-product peak")
    _engines(panels[2], ours, pixels, "ratio", "times as fast as released")
    _engines(panels[3], single, pixels, "memory_mb", "peak memory (MB)", log=True)
    many = f"seconds for all images\n({smallest:,} LR pixels each)"
    _engines(panels[4], several, ("images", "images"), "total", many, log=True)
    each = f"seconds per image\n({nodes['image_pixels'].iloc[0]:,} LR pixels)"
    _engines(panels[5], nodes, ("nodes", "Gauss-Legendre nodes"), "seconds", each, log=True)
    panels[1].set_ylim(0, 105)
    first = attribution.iloc[0]
    where = f"{first['device']}, {first['threads']} threads"
    figure.suptitle(f"{first['network']}: cost of an attribution ({where})")
    engines = {key: look for key, look in ENGINES.items() if key in _keys(attribution, "engine")}
    legend(figure, _handles(engines))
    return figure


def quadrature(quadrature: pd.DataFrame) -> Figure:
    """How exact the quadrature rules are: top 1 % filters that they miss, completeness error.

    Args:
        quadrature: see `benchmark.quadrature_table`, of one network.
    """
    default = quadrature.loc[quadrature["default"], "nodes"].iloc[0]
    reference, table = quadrature.iloc[0], quadrature[quadrature["degradation"].nunique() :]
    kinds = list(table["degradation"].unique())
    figure = empty_figure(5.6)
    axes = figure.subplots(2, len(kinds), sharex=True, sharey="row", squeeze=False)
    looks = {key: look for key, look in RULES.items() if key in _keys(table, "rule")}
    for column, kind in zip(axes.T, kinds, strict=True):
        for (rule, precision), look in looks.items():
            chosen = (table["rule"] == rule) & (table["precision"] == precision)
            rows = table[chosen & (table["degradation"] == kind)].sort_values("nodes")
            missed = 100 * (1 - rows["overlap_top1"])
            for panel, value in zip(column, (missed, rows["completeness"]), strict=True):
                panel.plot(rows["nodes"], value, **look.of_lines)
                mark = rows["default"]
                panel.plot(rows["nodes"][mark], value[mark], **_ring(look.colour))
        column[0].axhline(GOAL, color="black", linewidth=0.8)
        column[0].set_title(f"{label(kind)} filters")
        column[0].set_yscale("symlog", linthresh=0.1, linscale=0.4)
        column[0].set_yticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
        column[0].set_ylim(0, 100)
        column[1].set_yscale("log")
        _log_axis(column[1], sorted(table["nodes"].unique()))
        column[1].set_xlabel("nodes")
    axes[0, 0].set_ylabel(f"top {100 * TOP:g} % filters missed (%)")
    axes[1, 0].set_ylabel("relative completeness error")
    against = f"against the midpoint rule with {reference['nodes']} nodes"
    figure.suptitle(f"{reference['network']}: quadrature rules {against}")
    more = [
        Line2D([], [], label=f"the default, {default} nodes", **_ring("black")),
        Line2D([], [], color="black", linewidth=0.8, label=f"{GOAL} % missed"),
    ]
    legend(figure, [*_handles(looks), *more], 4)
    return figure


def training(training: pd.DataFrame) -> Figure:
    """How fast the loops train, how near the peak, and whether their batches keep up.

    Args:
        training: see `training_benchmark.training_table`, of one network.
    """
    looks = {key: look for key, look in LOOPS.items() if key in _keys(training, "loop")}
    table = training.set_index(["loop", "precision"]).loc[list(looks)]
    share = 100 * table["gflops"] / table["peak_gflops"]
    alone = table["iterations_per_second"] * table["real_to_fixed"] * table["batch"]
    figure = empty_figure(2.9)
    panels = figure.subplots(1, 4)
    _bars(panels[0], table["iterations_per_second"], looks, "iterations per second", "{:.3g}")
    _bars(panels[1], share, looks, "% of the matrix-product peak", "{:.0f}")
    panels[1].set_ylim(0, 105)
    _bars(panels[2], table["real_to_fixed"], looks, "step time, real /\none fixed batch", "{:.2f}")
    panels[2].axhline(1, color="black", linewidth=0.8)
    for x, (key, look) in enumerate(looks.items()):
        panels[3].plot(x, table["images_per_second"][key], **look.of_lines, markersize=8)
    panels[3].plot(range(len(looks)), alone, **DEMAND)
    _loops_axis(panels[3], looks, "patches made per second")
    log_values(panels[3])
    first = training.iloc[0]
    load = f"batches of {first['batch']} HR patches of {first['patch']} pixels"
    where = f"{first['device']}, {first['threads']} threads"
    figure.suptitle(f"{first['network']}: training on {load} ({where})")
    taken = Line2D([], [], **DEMAND, label="patches that steps on one fixed batch would take")
    named = {f"{NAMES[name]}, {precision}": look for (name, precision), look in looks.items()}
    legend(figure, [*bar_handles(named), taken])
    return figure


def _bars(panel: Axes, values: pd.Series, looks: Mapping, title: str, text: str) -> None:
    """One bar per loop and precision, with its number."""
    for x, (key, look) in enumerate(looks.items()):
        bar = panel.bar(x, values[key], 0.8, **look.of_bars)
        panel.bar_label(bar, [text.format(values[key])], padding=1, fontsize="small")
    panel.margins(y=0.12)
    _loops_axis(panel, looks, title)


def _loops_axis(panel: Axes, looks: Mapping, title: str) -> None:
    panel.set_title(title)
    panel.set_xlabel("loop")
    panel.set_xticks([])
    panel.set_xlim(-0.6, len(looks) - 0.4)


def _ring(colour: str) -> dict:
    return {
        "color": colour,
        "marker": "o",
        "markersize": 11,
        "markerfacecolor": "none",
        "linestyle": "",
    }


def _keys(table: pd.DataFrame, column: str) -> set[tuple[str, str]]:
    return set(zip(table[column], table["precision"], strict=True))


def _handles(looks: Mapping[tuple[str, str], Look]) -> list[Line2D]:
    return [
        Line2D([], [], label=f"{NAMES.get(name, name)}, {precision}", **look.of_lines)
        for (name, precision), look in looks.items()
    ]


def _engines(
    panel: Axes, table: pd.DataFrame, x: tuple[str, str], y: str, title: str, *, log: bool = False
) -> None:
    """One line per engine and precision; x is a column and its name in the figure."""
    column, name = x
    for (engine, precision), look in ENGINES.items():
        rows = table[(table["engine"] == engine) & (table["precision"] == precision)]
        rows = rows.drop_duplicates(column).sort_values(column)
        panel.plot(rows[column], rows[y], **look.of_lines)
    panel.set_title(title)
    panel.set_xlabel(name)
    _log_axis(panel, sorted(table[column].unique()))
    if log:
        log_values(panel)
    else:
        panel.set_ylim(bottom=0)


def _log_axis(panel: Axes, ticks) -> None:
    """Logarithmic x axis with a tick for every value."""
    panel.set_xscale("log")
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticks(list(ticks), [f"{tick:,}" for tick in ticks])
