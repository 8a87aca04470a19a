"""Figures: tables in, matplotlib figures out.

Every figure is a function in `FIGURES`. Its arguments are tables, named as its parameters are, with
the columns `network` and `seed` (see `tables.combine`) and rows of one network; it returns a figure
whose means go over images and seeds. Whiskers are those of `tables.interval`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from textwrap import fill

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from ..attribution.ranking import top
from ..base.files import atomic_path
from ..base.seeds import derive
from .summaries import CHOICE, chosen_per_layer, summarise, with_levels, with_mixture

FIGURES: dict[str, Callable[..., Figure]] = {}

WIDTH = 8.5  # inches, at 9 points
OWN = "#FFF3DC"  # background of panels where filters meet their own degradation
MIXED = "#EDEDED"  # background of inputs with several degradations
LOCATED = 0.05  # proportion of the filters whose places the histogram shows, as in the paper
MAPPED = 0.01  # proportion of the filters that the map shows

SETTINGS = {
    "font.family": "DejaVu Sans",
    "axes.titlesize": "medium",
    "axes.labelsize": "medium",
    "figure.titlesize": "large",
    "figure.labelsize": "medium",
    "legend.fontsize": "medium",
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "errorbar.capsize": 2,
    "hatch.linewidth": 0.7,
    "image.interpolation": "nearest",
    "pdf.fonttype": 42,
}


# ---- looks: one per name, the same in every figure


@dataclass(frozen=True)
class Look:
    """How a method or a degradation is drawn; told apart without colour, too.

    Attributes:
        colour: hexadecimal.
        marker: of points.
        line: matplotlib's linestyle.
        hatch: of bars.
    """

    colour: str
    marker: str
    line: str | tuple = "-"
    hatch: str = ""

    @property
    def of_lines(self) -> dict:
        """Arguments of `Axes.plot`."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.line}

    @property
    def of_points(self) -> dict:
        """Arguments of `Axes.scatter`, for many points."""
        return {"color": self.colour, "marker": self.marker, "linewidths": 0, "alpha": 0.7}

    @property
    def of_bars(self) -> dict:
        """Arguments of `Axes.bar` and `Patch`; the hatch takes the edge's colour."""
        return {"facecolor": self.colour, "hatch": self.hatch, "edgecolor": "white", "linewidth": 0}


# colours that differ in lightness as well as in hue, also for the colour-blind
METHODS = {
    "faig": Look("#D55E00", "o", "-"),
    "intinf": Look("#0B2A6B", "s", (0, (6, 2)), "///"),
    "weight_change": Look("#3FA7D6", "^", (0, (6, 2, 1, 2)), "\\\\\\"),
    "random": Look("#B8B8B8", "X", (0, (1, 1.2)), "..."),
    "matched_random": Look("#5C5C5C", "D", (0, (3, 1.5)), "xxx"),
}
DEGRADATIONS = {
    "bicubic": Look("#8C8C8C", "s", (0, (1, 1.2))),
    "blur": Look("#0072B2", "o", "-"),
    "noise": Look("#E69F00", "X", (0, (6, 2))),
    "blur_noise": Look("#5B1A73", "D", (0, (6, 2, 1, 2))),
}
OTHERS = [
    Look("#009E73", "v", (0, (8, 3)), "|||"),
    Look("#CC79A7", "P", "-", "---"),
    Look("#7A3B00", "<", (0, (4, 1, 1, 1, 1, 1)), "+++"),
    Look("#1AA5B8", ">", (0, (2, 1)), "oo"),
    Look("#6A51A3", "p", (0, (8, 3)), "||"),
    Look("#C2185B", "h", "-", "--"),
    Look("#4D6B0F", "*", (0, (4, 1, 1, 1, 1, 1)), "++"),
]
STAGES = {
    "target": Look("#000000", "", (0, (5, 2))),
    "baseline": Look("#000000", "", (0, (1, 1.5))),
}
REFERENCES = {"ground_truth": Look("#0B2A6B", "o"), "target_output": Look("#E58A2B", "^")}
VARIANTS = {"paper": "", "centred": "///"}

LABELS = {
    "faig": "FAIG",
    "intinf": "IntInf",
    "weight_change": r"$|\theta-\bar{\theta}|$",
    "matched_random": "random, FAIG's layers",
    "blur_noise": "blur + noise",
    "ikc": "IKC",
    "dan1": "DAN v1",
    "dan2": "DAN v2",
    "dasr": "DASR",
    "two_branch": "two-branch network",
    "true_code": "told the true code",
    "mean_code": "told the mean code",
    "equal_parameters": "SRResNet, equal parameters",
    "equal_operations": "SRResNet, equal multiply-adds",
}


def label(name: str) -> str:
    """What a method, degradation or variant is called in a figure."""
    return LABELS.get(name, name.replace("_", " "))


def looks(names: Collection[str], known: Mapping[str, Look]) -> dict[str, Look]:
    """A look for every name.

    A name that is not `known` gets one of `OTHERS` that follows from the name, so that it looks
    the same in every figure and run. Only where two names of one figure fall on the same, the
    later in the alphabet takes the next free one.
    """
    found, free = dict(known), []
    for name in sorted(set(names) - set(known)):
        free = free or list(range(len(OTHERS)))
        wanted = derive(0, name)
        place = min(free, key=lambda place: (place - wanted) % len(OTHERS))
        free.remove(place)
        found[name] = OTHERS[place]
    return {name: found[name] for name in names}


def write(draw: Callable[[], Figure], paths: Iterable[Path], *, font_size: float, dpi: int) -> None:
    """Draw a figure and write it to files that are bit-identical whenever nothing changed.

    Args:
        draw: draws the figure; called under settings that no matplotlibrc of the user's changes.
        paths: PNG or PDF files.
        font_size: of labels, in points.
        dpi: pixels per inch.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS | {"font.size": font_size})
        figure = draw()
        for path in paths:
            kind = path.suffix.removeprefix(".")
            undated = {"CreationDate": None} if kind == "pdf" else {}
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=kind, dpi=dpi, metadata=undated)


# ---- parts of figures


def _figure(height: float, least_width: float = 0) -> Figure:
    """An empty figure that grows with its labels.

    Args:
        height: in inches, at 9 points.
        least_width: the same, for figures that must hold very much.
    """
    unit = matplotlib.rcParams["font.size"] / 9
    return Figure(figsize=(unit * max(WIDTH, least_width), unit * height), layout="constrained")


def _wrapped(name: str, width: int) -> str:
    """A label in lines of `width` characters."""
    return fill(label(name), width, break_long_words=False, break_on_hyphens=False)


def _extent(table: pd.DataFrame, images: str = "image") -> str:
    """How many images (if any) and seeds the means go over."""
    counts = {"seed": table["seed"].nunique()}
    if "image" in table:
        counts = {images: len(table[["dataset", "image"]].drop_duplicates()), **counts}
    return ", ".join(f"{n} {noun}{'s' * (n > 1)}" for noun, n in counts.items())


def _title(figure: Figure, table: pd.DataFrame, text: str, images: str = "image") -> None:
    """Network, what is shown, and its `_extent`."""
    figure.suptitle(f"{table['network'].iloc[0]}: {text} ({_extent(table, images)})")


def _legend(figure: Figure, handles: Sequence, columns: int = 6) -> None:
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), columns))


def _line_handles(looks: Mapping[str, Look]) -> list[Line2D]:
    return [Line2D([], [], label=label(n), **look.of_lines) for n, look in looks.items()]


def _point_handles(looks: Mapping[str, Look]) -> list[Line2D]:
    return [
        Line2D([], [], label=label(n), **(look.of_lines | {"linestyle": ""}))
        for n, look in looks.items()
    ]


def _bar_handles(looks: Mapping[str, Look]) -> list[Patch]:
    return [Patch(label=label(n), **look.of_bars) for n, look in looks.items()]


def _own_handle() -> Patch:
    return Patch(facecolor=OWN, edgecolor="#BBBBBB", label="the filters' own degradation")


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
    figure = _figure(1.1 + 2.0 * len(chosen), 1.5 * len(inputs))
    axes = figure.subplots(len(chosen), len(inputs), squeeze=False, sharex=True, sharey=sharey)
    panels = []
    for (i, filters), (j, given) in product(enumerate(chosen), enumerate(inputs)):
        panel = axes[i, j]
        if filters == given:
            panel.set_facecolor(OWN)
        if i == 0:
            panel.set_title(f"{label(given)} input")
        if i == len(chosen) - 1:
            panel.set_xlabel(f"{action} filters (%)")
        if j == 0:
            panel.set_ylabel(f"{label(filters)} filters {action}\n{unit}")
        own = (table["degradation"] == filters) & (table["input_degradation"] == given)
        panels.append((panel, table[own]))
    return figure, panels


def _whiskers(rows: pd.DataFrame) -> np.ndarray:
    """Lengths below and above the mean, (2, rows); NaN, which draws nothing, without a spread."""
    lengths = np.stack([rows["mean"] - rows["low"], rows["high"] - rows["mean"]])
    return np.where(lengths > 0, lengths, np.nan)


def _lines_over_proportion(panel: Axes, table: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    """One line per method; columns method, proportion, mean, low, high."""
    for k, (method, look) in enumerate(looks.items()):
        rows = table[table["method"] == method].sort_values("proportion")
        aside = 1.025 ** (k - (len(looks) - 1) / 2)  # whiskers side by side
        x = 100 * rows["proportion"] * aside
        panel.errorbar(x, rows["mean"], _whiskers(rows), elinewidth=0.8, **look.of_lines)
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


def _log_values(panel: Axes, subs: Sequence[int] = (1, 3)) -> None:
    """Logarithmic y axis with ticks at these multiples of powers of ten."""
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=subs))
    panel.yaxis.set_major_formatter("{x:,g}")
    panel.yaxis.set_minor_locator(NullLocator())


def _iteration_axis(panel: Axes, ticks: int = 6) -> None:
    """X axis of a training, from its start, with at most so many intervals between ticks."""
    panel.xaxis.set_major_locator(MaxNLocator(ticks, integer=True))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.set_xlim(left=0)
    panel.set_xlabel("iteration")


def _grouped_bars(
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
        panel.errorbar(x, rows["mean"], _whiskers(rows), fmt="none", ecolor="black", elinewidth=0.8)
    panel.set_xticks(range(len(names)))
    panel.set_xlim(-0.55, len(names) - 0.45)
    return names


def register(function: Callable[..., Figure]) -> Callable[..., Figure]:
    """Register a figure under its function's name."""
    FIGURES[function.__name__] = function
    return function


# ---- the figures


@register
def masking(masked: pd.DataFrame) -> Figure:
    """How much the output's gradient map changes without the chosen filters (paper, figure 5).

    To see: on their own degradation (tinted) FAIG's filters change far more than the others' do,
    and next to nothing on the other degradation.

    Args:
        masked: columns method, degradation, proportion, input_degradation, gradient_mse (x 1000).
    """
    inputs = list(masked["degradation"].unique())
    means = summarise(masked, CHOICE, "gradient_mse")
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
    _title(figure, masked, "change of the output by masking")
    _legend(figure, [*_line_handles(styles), _own_handle()], 3)
    return figure


@register
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
    means = summarise(table, CHOICE, "level")
    styles = looks(masked["method"].unique(), METHODS)
    figure, panels = _crossed_panels(means, inputs, "masked", "PSNR (dB)", "col")
    for panel, rows in panels:
        _lines_over_proportion(panel, rows, styles)
        for model, look in STAGES.items():
            level = levels[model, rows["input_degradation"].iloc[0]]
            panel.axhline(level, color=look.colour, linestyle=look.line, linewidth=1)
    _title(figure, masked, "restoration without the chosen filters")
    _legend(figure, [*_line_handles(styles | STAGES), _own_handle()], 4)
    return figure


@register
def retraining(retrained: pd.DataFrame, reference: pd.DataFrame) -> Figure:
    """Gain in PSNR over the baseline by training only the chosen filters.

    Args:
        retrained: columns method, degradation, proportion, input_degradation, dataset, image,
            psnr (dB).
        reference: see `with_levels`.
    """
    inputs = list(retrained["degradation"].unique())
    table = with_levels(retrained, reference)
    table = table.assign(gain=table["psnr"] - table["psnr_baseline"])
    means = summarise(table, CHOICE, "gain")
    styles = looks(retrained["method"].unique(), METHODS)
    unit = "gain over baseline (dB)"
    figure, panels = _crossed_panels(means, inputs, "re-trained", unit, "col")
    for panel, rows in panels:
        proportions = _grouped_bars(panel, rows, "proportion", "method", styles)
        panel.set_xticklabels([f"{100 * p:.3g}" for p in proportions])
        panel.axhline(0, color="black", linewidth=1)
    _title(figure, retrained, "what the chosen filters alone can learn")
    _legend(figure, [*_bar_handles(styles), _own_handle()], 3)
    return figure


def _layer_ticks(panel: Axes, layers: Sequence[str], most: int, axis: str) -> None:
    """Name the layers, every second or third where there are too many for all."""
    places = range(0, len(layers), -(-len(layers) // most))
    getattr(panel, f"set_{axis}ticks")(list(places), [layers[i] for i in places])


@register
def locations(**rankings: pd.DataFrame) -> Figure:
    """In which layers the top 5 % of the filters lie, for every method (paper, figure 7).

    To see: deblurring filters lie towards the end of the network, denoising filters everywhere;
    the step line is where filters drawn at random would lie.

    Args:
        rankings: by method tables with the columns filter, layer, degradation, rank.
    """
    counts = {name: chosen_per_layer(table, LOCATED) for name, table in rankings.items()}
    first = next(iter(counts.values()))
    layers, degradations = list(first["layer"].unique()), list(first["degradation"].unique())
    sizes = first.drop_duplicates("layer")["filters"]
    figure = _figure(1.5 + 0.95 * len(rankings))
    axes = figure.subplots(
        len(rankings), len(degradations), squeeze=False, sharex=True, sharey=True
    )
    for row, (name, look) in zip(axes, looks(rankings, METHODS).items(), strict=True):
        for panel, degradation in zip(row, degradations, strict=True):
            table = counts[name][counts[name]["degradation"] == degradation]
            means = summarise(table, ["layer"], "share")
            panel.bar(range(len(layers)), means["mean"], 0.85, **look.of_bars)
            whiskers = {"fmt": "none", "ecolor": "black", "elinewidth": 0.7, "capsize": 1}
            panel.errorbar(range(len(layers)), means["mean"], _whiskers(means), **whiskers)
            edges = np.arange(len(layers) + 1) - 0.5
            panel.stairs(100 * sizes / sizes.sum(), edges, color="black", linewidth=0.8)
        row[0].set_ylabel(_wrapped(name, 13), rotation=0, ha="right", va="center")
    for panel, degradation in zip(axes[0], degradations, strict=True):
        panel.set_title(f"{label(degradation)} filters")
    for panel in axes[-1]:
        _layer_ticks(panel, layers, 60 // len(degradations), "x")
        panel.set_xlabel("layer, from input to output")
        panel.tick_params("x", rotation=90, labelsize="x-small")
    figure.supylabel("share of the chosen filters (%)")
    _title(figure, first, f"layers that the top {100 * LOCATED:g} % filters lie in")
    _legend(figure, [Line2D([], [], color="black", linewidth=0.8, label="share of all filters")])
    return figure


@register
def locations_map(faig: pd.DataFrame) -> Figure:
    """Every one of FAIG's top 1 % filters at its place, for the first seed (paper, figure 6).

    One row per layer, from the input at the top to the output at the bottom; a row's filters stand
    side by side in the order of output, then input channels.

    Args:
        faig: ranking with the columns filter, layer, degradation, rank.
    """
    table = faig[faig["seed"] == faig["seed"].iloc[0]]
    degradations = list(table["degradation"].unique())
    sizes = table[table["degradation"] == degradations[0]].groupby("layer", sort=False).size()
    layers = {layer: i for i, layer in enumerate(sizes.index)}
    figure = _figure(1.6 + min(0.2 * len(layers), 8))
    panel = figure.subplots()
    panel.hlines(range(len(layers)), 0, 100, color="#E4E4E4", linewidth=0.8, zorder=0)
    styles = looks(degradations, DEGRADATIONS)
    for k, (degradation, look) in enumerate(styles.items()):
        rows = table[table["degradation"] == degradation].sort_values("filter")
        place = rows.groupby("layer", sort=False).cumcount() / rows["layer"].map(sizes)
        best = top(rows["rank"].to_numpy(), MAPPED)
        aside = 0.5 * ((k + 0.5) / len(styles) - 0.5)  # one above the other, not on top of it
        y = rows["layer"].map(layers)[best] + aside
        panel.scatter(100 * place[best], y, 12, **look.of_points)
    names = [f"{layer} ({size:,})" for layer, size in sizes.items()]
    _layer_ticks(panel, names, 60, "y")
    panel.set_ylim(len(layers) - 0.4, -0.6)
    panel.set_xlim(-1, 101)
    panel.grid(visible=False)
    panel.set_ylabel("layer (number of its filters)")
    panel.set_xlabel("position of the filter in its layer (%)")
    _title(figure, table, f"FAIG's top {100 * MAPPED:g} % filters for each degradation")
    _legend(figure, _point_handles(styles))
    return figure


@register
def training(baseline: pd.DataFrame, target: pd.DataFrame) -> Figure:
    """Validation PSNR on every degradation and loss, through both stages of training.

    Lines are means over seeds, bands reach from the least to the greatest.

    Args:
        baseline: columns iteration, loss, degradation, psnr (dB).
        target: the same.
    """
    figure = _figure(4.6)
    axes = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=[2, 1])
    styles = looks(baseline["degradation"].unique(), DEGRADATIONS)
    stages = {"baseline": baseline, "target, from the baseline": target}
    for (curve, loss), (stage, table) in zip(axes.T, stages.items(), strict=True):
        for degradation, look in styles.items():
            _band(curve, table[table["degradation"] == degradation], "psnr", look)
        once = table.drop_duplicates(["seed", "iteration"])
        _band(loss, once, "loss", Look("#000000", "."))
        curve.set_title(stage)
        _iteration_axis(loss)
    _log_values(axes[1, 0], (1, 2, 3, 5))
    axes[0, 0].set_ylabel("validation PSNR (dB)")
    axes[1, 0].set_ylabel("L1 training loss")
    _title(figure, baseline, "training")
    _legend(figure, _line_handles(styles))
    return figure


def _band(
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


@register
def prediction(predicted: pd.DataFrame) -> Figure:
    """Overlap of single images' filters with each degradation's, and what is predicted from it.

    Args:
        predicted: columns image, true_degradation, degradation, reference, variant, overlap,
            threshold, present, predicted.
    """
    table = with_mixture(predicted)
    variants, kinds = list(table["variant"].unique()), sorted(table["mixture"].unique())
    columns = table[["degradation", "true_degradation"]].drop_duplicates()
    figure = _figure(2.9 + 1.9 * len(variants), 0.55 * len(columns))
    upper, lower = figure.subfigures(2, height_ratios=[0.3 + 1.9 * len(variants), 2.3])
    _overlap_panels(upper, table, variants)
    panels = lower.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, mixture in zip(panels, kinds, strict=True):
        _accuracy_bars(panel, table[table["mixture"] == mixture])
        panel.set_title("several degradations" if mixture else "one degradation or none")
    lower.axes[0].set_ylabel("correct answers (%)")
    _title(figure, predicted, "degradation predicted from the filters in use", "crop")
    handles = _bar_handles(_accuracy_looks(table))
    lower.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _overlap_panels(figure, table: pd.DataFrame, variants: Sequence[str]) -> None:
    """Strips of overlaps: variants in rows, whose filters in columns, thresholds as lines."""
    degradations = list(table["degradation"].unique())
    axes = figure.subplots(
        len(variants), len(degradations), squeeze=False, sharex=True, sharey=True
    )
    for (i, variant), (j, degradation) in product(enumerate(variants), enumerate(degradations)):
        panel = axes[i, j]
        own = (table["variant"] == variant) & (table["degradation"] == degradation)
        _strips(panel, table[own])
        if i == 0:
            panel.set_title(f"{label(degradation)} filters")
        if j == 0:
            panel.set_ylabel(f"{label(variant)}\noverlap score")
    handles = [
        *_point_handles(REFERENCES),
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
    panel.set_xticks(range(len(names)), [_wrapped(name, 7) for name in names])
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
    names = _grouped_bars(panel, means, "degradation", "kind", _accuracy_looks(table))
    panel.set_xticklabels([f"{label(name)} present?" for name in names])
    panel.set_ylim(0, 105)


# ---- the visual grid, which is made of images instead of tables


def most_detailed(pixels: np.ndarray, side: int, step: int) -> tuple[int, int]:
    """Top left corner of the square part of an image that has the strongest gradients.

    Args:
        pixels: (H, W, 3).
        side: of the square in pixels, at most the image's.
        step: the corner's coordinates are multiples of it.
    """
    vertical, horizontal = np.gradient(pixels.mean(axis=2))
    total = np.pad((vertical**2 + horizontal**2).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = total[side:, side:] - total[:-side, side:] - total[side:, :-side]
    inside = (inside + total[:-side, :-side])[::step, ::step]
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    return int(y) * step, int(x) * step


def grid(rows: Mapping[str, Mapping[str, tuple[np.ndarray, str]]], title: str) -> Figure:
    """Images side by side (the paper's figure 4).

    Args:
        rows: by row label and column title an image (H, W, 3), uint8 or in [0, 1], and the text
            below it.
    """
    columns = len(next(iter(rows.values())))
    size = WIDTH / max(columns, 6)
    figure = _figure(0.7 + (size + 0.15) * len(rows), size * columns)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (row, cells) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(row)
        for panel, (image, text) in zip(line, cells.values(), strict=True):
            panel.imshow(image)
            panel.set_xlabel(text)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    for panel, column in zip(axes[0], next(iter(rows.values())), strict=True):
        panel.set_title(_wrapped(column, 14))
    figure.suptitle(title)
    return figure
