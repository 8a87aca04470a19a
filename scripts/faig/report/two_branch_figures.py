"""Figures of two-branch networks beside one-branch networks of equal cost (paper, figure 2).

Every figure is of one training degradation (`setting`); `network` is the two-branch network, also
in the rows of its controls: SRResNets with the nearest number of parameters and of multiply-adds.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from .looks import VARIANTS, Look, label, looks
from .panels import (
    band,
    bar_handles,
    empty_figure,
    extent,
    grouped_bars,
    iteration_axis,
    legend,
    line_handles,
    log_values,
    point_handles,
    whiskers,
)
from .summaries import answers, difference, per_image, summarise, summarise_paired, with_code

# colours that differ in lightness as well as in hue, also for the colour-blind
SYSTEMS = {
    "ikc": Look("#D55E00", "o", "-"),
    "dan1": Look("#0B2A6B", "s", (0, (6, 2)), "///"),
    "dan2": Look("#3FA7D6", "^", (0, (6, 2, 1, 2)), "\\\\\\"),
    "dasr": Look("#5C5C5C", "D", (0, (3, 1.5)), "xxx"),
}
KINDS = {  # a variant, or the two-branch network with an embedding that it did not estimate
    "two_branch": Look("#D55E00", "o", "-"),
    "true_code": Look("#E69F00", "^", (0, (6, 2, 1, 2))),
    "mean_code": Look("#8C8C8C", "X", (0, (1, 1.2))),
    "equal_parameters": Look("#0B2A6B", "s", (0, (6, 2))),
    "equal_operations": Look("#3FA7D6", "D", (0, (3, 1.5))),
}
CONTROLS = {"parameters": "equal_parameters", "multiply_adds": "equal_operations"}  # by cost
COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds per LR pixel"}
LEVEL = {"color": "black", "linestyle": (0, (5, 2)), "linewidth": 1}
LOSS = Look("#000000", ".")
WIDE = 4  # times the least cost from which on the axis is logarithmic
FAR = 30  # times the least loss from which on fewer ticks do
MARKS = 12  # on a line of the narrow panels


def two_branch(evaluated: pd.DataFrame) -> Figure:
    """PSNR against cost: every two-branch network joined with its control (paper, figure 2).

    What to look for: whether a filled marker lies above the hollow one that costs the same.
    Whiskers are those of the difference from the mean of all: images differ far more than networks.

    Args:
        evaluated: columns setting, variant, code, parameters, multiply_adds (per LR pixel),
            dataset, image, psnr, psnr_bicubic (dB).
    """
    by, plain = ["network", "variant"], evaluated[evaluated["code"] == "own"]
    means = summarise_paired(per_image(plain, by, ["psnr"]), by, "psnr").set_index(by)
    table = means.join(plain.groupby(by)[list(CONTROLS)].first())
    styles = looks(plain["network"].unique(), SYSTEMS)
    figure = empty_figure(3.8)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (cost, control) in zip(panels, CONTROLS.items(), strict=True):
        shown = table[table.index.isin(["two_branch", control], level="variant")]
        for system, look in styles.items():
            _pair(panel, shown.loc[system].loc[["two_branch", control]], cost, look)
        _cost_axis(panel, shown[cost].min(), shown[cost].max())
        panel.set_xlabel(COSTS[cost])
    panels[0].set_ylabel("PSNR (dB)")
    bicubic = _bicubic(panels, plain["psnr_bicubic"].mean(), table["mean"])
    figure.suptitle(f"{_setting(evaluated)}: two branches or one ({extent(evaluated)})")
    legend(figure, [*point_handles(styles), *_pair_handles(), bicubic], 4)
    return figure


def _pair(panel: Axes, pair: pd.DataFrame, cost: str, look: Look) -> None:
    """The two-branch network's marker filled, its control's hollow, a line between them."""
    panel.plot(pair[cost], pair["mean"], color=look.colour, linewidth=1)
    for place, face in enumerate((look.colour, "white")):
        row = pair.iloc[[place]]
        style = look.of_lines | {"markerfacecolor": face, "linestyle": "", "markersize": 7}
        panel.errorbar(row[cost], row["mean"], whiskers(row), elinewidth=0.8, **style)


def _pair_handles() -> list[Line2D]:
    names = {label("two_branch"): "#5C5C5C", "SRResNet of equal cost": "white"}
    style = {"color": "#5C5C5C", "marker": "o", "linestyle": "", "markersize": 7}
    return [Line2D([], [], label=n, markerfacecolor=c, **style) for n, c in names.items()]


def _cost_axis(panel: Axes, least: float, most: float) -> None:
    """X axis of a count, logarithmic where it reaches far; costs that are near lie near."""
    if most > WIDE * least:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_minor_locator(NullLocator())
    else:
        panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.set_xlim(least / 1.2, 1.2 * most)


def _bicubic(panels, level: float, means: pd.Series) -> Line2D:
    """A line where bicubic interpolation lies, if that leaves the networks half the axis."""
    near = means.min() - level <= means.max() - means.min()
    if near:
        for panel in panels:
            panel.axhline(level, **LEVEL)
    style = LEVEL if near else LEVEL | {"linestyle": ""}
    return Line2D([], [], label=f"bicubic interpolation: {level:.2f} dB", **style)


def _setting(evaluated: pd.DataFrame) -> str:
    """The training degradation's name."""
    return label(evaluated["setting"].iloc[0])


def two_branch_sigma(evaluated: pd.DataFrame) -> Figure:
    """Gain over bicubic interpolation by the blur's width, with other embeddings and one branch.

    What to look for: whether the two-branch network loses with the mean embedding, gains with the
    true one, and where it is better than its controls. Below, the same as differences, whose
    whiskers are small.

    Args:
        evaluated: columns setting, variant, code, dataset, image, sigma (HR px), psnr,
            psnr_bicubic (dB).
    """
    table = evaluated.assign(
        kind=evaluated["variant"].where(evaluated["code"] == "own", evaluated["code"] + "_code"),
        gain=evaluated["psnr"] - evaluated["psnr_bicubic"],
    )
    table = per_image(table, ["network", "variant", "code", "kind", "sigma"], ["gain"])
    keys = ["network", "sigma", "dataset", "image"]
    table["over"] = difference(table, "gain", with_code(table), keys)
    systems = list(table["network"].unique())
    figure = empty_figure(5.4, 2.1 * len(systems))
    axes = figure.subplots(2, len(systems), squeeze=False, sharex=True, sharey="row")
    styles = {kind: look for kind, look in KINDS.items() if kind in set(table["kind"])}
    for (gain, over), system in zip(axes.T, systems, strict=True):
        rows = table[table["network"] == system]
        _lines_over_sigma(gain, rows, "gain", styles)
        _lines_over_sigma(over, rows, "over", styles)
        gain.set_title(label(system))
        over.set_xlabel("blur sigma (HR px)")
    axes[0, 0].set_ylabel("gain over bicubic (dB)")
    axes[1, 0].set_ylabel("difference from the\ntwo-branch network (dB)")
    figure.suptitle(f"{_setting(evaluated)}: does the code help? ({extent(evaluated)})")
    legend(figure, line_handles(styles), 3)
    return figure


def _lines_over_sigma(panel: Axes, table: pd.DataFrame, value: str, styles: dict) -> None:
    """One line per kind, whiskers side by side; at most five widths are named."""
    means = summarise(table, ["kind", "sigma"], value).sort_values("sigma")
    step = 0.012 * (np.ptp(means["sigma"]) or 1)
    for k, (kind, look) in enumerate(styles.items()):
        rows = means[means["kind"] == kind]
        x = rows["sigma"] + step * (k - (len(styles) - 1) / 2)
        panel.errorbar(x, rows["mean"], whiskers(rows), elinewidth=0.8, **look.of_lines)
    sigmas = means["sigma"].unique()
    named = sigmas[:: -(-len(sigmas) // 5)]
    panel.set_xticks(named, [f"{sigma:g}" for sigma in named])


def two_branch_knowledge(
    evaluated: pd.DataFrame, probed: pd.DataFrame, predicted: pd.DataFrame | None = None
) -> Figure:
    """Who knows the degradation better: branches taught to estimate it, or filters that were not?

    The dashed lines are reached without a look at the image.

    Args:
        evaluated: columns setting, variant, code, dataset, image, sigma, sigma_error (HR px).
        probed: see `tables.answers`.
        predicted: the same.
    """
    right = answers(probed, predicted)
    right["who"] = [_who(*row) for row in zip(right["network"], right["variant"], strict=True)]
    styles = _who_looks(right)
    told = evaluated[with_code(evaluated)]
    errors = per_image(told, ["network", "variant"], ["sigma_error"]).dropna(subset="sigma_error")
    errors = errors.assign(who=errors["network"].map(label), asked="blur sigma")
    figure = empty_figure(3.6)
    width, answer = figure.subplots(1, 2, width_ratios=[1, 2])
    means = summarise(errors, ["asked", "who"], "sigma_error")
    grouped_bars(width, means, "asked", "who", {n: styles[n] for n in means["who"]})
    width.axhline((told["sigma"] - told["sigma"].mean()).abs().mean(), **LEVEL)
    width.set_xticklabels(["blur sigma"])
    width.set_ylabel("error (HR px)")
    means = summarise(right, ["degradation", "who"], "balanced_accuracy")
    asked = grouped_bars(answer, means, "degradation", "who", styles)
    width.set_title(f"how wide? ({extent(told)})")
    answer.set_title(f"which? ({extent(probed, 'crop')})")
    answer.set_xticklabels([f"{label(name)} present?" for name in asked])
    answer.axhline(50, **LEVEL)
    answer.set_ylim(0, 105)
    answer.set_ylabel("correct answers (%)")
    figure.suptitle(f"{_setting(evaluated)}: who knows the degradation?")
    blind = Line2D([], [], label="answer without looking", **LEVEL)
    legend(figure, [*bar_handles(styles), blind], 4)
    return figure


def _who(network: str, variant: str) -> str:
    if variant == "two_branch":
        return label(network)
    return f"{label(network)}'s filters, {label(variant)}"


def _who_looks(right: pd.DataFrame) -> dict[str, Look]:
    """By who answers a look: the network's, with the variant's hatch on top."""
    found = looks(right["network"].unique(), SYSTEMS)
    rows = right.drop_duplicates("who")
    return {
        who: replace(found[network], hatch=found[network].hatch + VARIANTS.get(variant, ""))
        for who, network, variant in zip(rows["who"], rows["network"], rows["variant"], strict=True)
    }


def two_branch_training(
    two_branch: pd.DataFrame, equal_parameters: pd.DataFrame, equal_operations: pd.DataFrame
) -> Figure:
    """Validation PSNR of every two-branch network and its controls, and the former's loss.

    Lines are means over seeds, bands reach from the least to the greatest. The losses of different
    phases are different quantities.

    Args:
        two_branch: columns iteration (through all phases), loss, phase, degradation, psnr (dB).
        equal_parameters: the same.
        equal_operations: the same.
    """
    histories = {
        "two_branch": two_branch,
        "equal_parameters": equal_parameters,
        "equal_operations": equal_operations,
    }
    styles = {kind: KINDS[kind] for kind in histories}
    systems = list(two_branch["network"].unique())
    figure = empty_figure(5.0, 2.1 * len(systems))
    axes = figure.subplots(2, len(systems), squeeze=False, sharex="col", height_ratios=[3, 2])
    for curve in axes[0, 1:]:  # the losses are different quantities and share no axis
        curve.sharey(axes[0, 0])
        curve.tick_params(labelleft=False)
    for (curve, loss), system in zip(axes.T, systems, strict=True):
        for kind, look in styles.items():
            band(curve, _means(histories[kind], system), "psnr", look, MARKS)
        _phases(loss, curve, _means(two_branch, system))
        curve.set_title(label(system))
        iteration_axis(loss, 4)
    axes[0, 0].set_ylabel("validation PSNR (dB)")
    axes[1, 0].set_ylabel("training loss of the\ntwo-branch network")
    figure.suptitle(f"training with two branches and with one ({extent(two_branch)})")
    legend(figure, line_handles(styles))
    return figure


def _means(history: pd.DataFrame, system: str) -> pd.DataFrame:
    """Mean over degradations; columns phase, seed, iteration, psnr, loss."""
    rows = history[history["network"] == system]
    groups = rows.groupby(["phase", "seed", "iteration"], sort=False)
    return groups[["psnr", "loss"]].mean().reset_index()


def _starts(table: pd.DataFrame) -> Iterator[tuple[str, int]]:
    """Every phase and the last iteration before it, in order."""
    for phase, first in table.groupby("phase")["iteration"].min().sort_values().items():
        before = table["iteration"][table["iteration"] < first]
        yield phase, 0 if before.empty else before.max()


def _phases(loss: Axes, curve: Axes, table: pd.DataFrame) -> None:
    """The loss of every phase as a line of its own; where there are several, their starts."""
    starts = dict(_starts(table))
    for phase, start in starts.items():
        band(loss, table[table["phase"] == phase], "loss", LOSS, MARKS)
        if len(starts) > 1:
            for panel in (loss, curve):
                panel.axvline(start, color="#5C5C5C", linewidth=0.6)
            above = {"transform": loss.get_xaxis_transform(), "va": "bottom", "rotation": 40}
            loss.text(start, 1.01, label(phase), **above, fontsize="x-small")
    far = table["loss"].max() > FAR * table["loss"].min()
    log_values(loss, (1, 3) if far else (1, 2, 3, 5))
