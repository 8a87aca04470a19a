"""How figures look: settings, colours and markers, one look per name; and their files."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ..base.files import atomic_path
from ..base.seeds import derive

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
    "signed": Look("#117733", "v", (0, (8, 2)), "||"),
    "intinf": Look("#0B2A6B", "s", (0, (6, 2)), "///"),
    "weight_change": Look("#3FA7D6", "^", (0, (6, 2, 1, 2)), "\\\\\\"),
    "random": Look("#B8B8B8", "X", (0, (1, 1.2)), "..."),
    "matched_random": Look("#5C5C5C", "D", (0, (3, 1.5)), "xxx"),
    "random_draws": Look("#5C5C5C", "|", (0, (3, 1.5)), "xx"),
    "like_draws": Look("#5C5C5C", "_", (0, (1, 1.5)), "++"),
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
    "signed": "signed FAIG",
    "intinf": "IntInf",
    "weight_change": r"$|\theta-\bar{\theta}|$",
    "matched_random": "random, FAIG's layers",
    "random_draws": "many such draws",
    "like_draws": "draws of equal change",
    "taylor": "Taylor",
    "taylor_baseline": "Taylor at the baseline",
    "taylor_middle": "Taylor half way",
    "taylor_ends": "Taylor at both ends",
    "taylor_second": "Taylor, second order",
    "fisher": "Fisher",
    "molchanov": "Molchanov",
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


def input_label(degradation: str) -> str:
    """What images with a degradation are called in a figure."""
    return f"{label(degradation)} input"


def literal(name: str) -> str:
    """A name that may hold any character, such as an image's, for text that matplotlib draws."""
    return name.replace("$", r"\$")  # which else begins a formula


def plain(text: str) -> str:
    """Text with names that went through `literal`, for whatever else shows it."""
    return text.replace(r"\$", "$")


def looks(names: Collection[str], known: Mapping[str, Look]) -> dict[str, Look]:
    """A look for every name.

    A name that is not `known` gets one of `OTHERS` that follows from the name, so that it looks
    the same in every figure and run. Only where two names of one figure fall on the same, the
    later in the alphabet takes the next free one; where all are taken, one of the next turn.
    """
    found, free = dict(known), []
    for count, name in enumerate(sorted(set(names) - set(known))):
        free = free or list(range(len(OTHERS)))
        wanted = derive(0, name)
        place = min(free, key=lambda place: (place - wanted) % len(OTHERS))
        free.remove(place)
        found[name] = _other(place, count // len(OTHERS))
    return {name: found[name] for name in names}


def _other(place: int, turn: int) -> Look:
    """One of `OTHERS`, of later turns in its colour with the line and the marker of others.

    Without colour, too, lines with markers are told apart for three turns, and bars for all.
    """
    one, line, marker = (OTHERS[(place + step * turn) % len(OTHERS)] for step in range(3))
    return replace(one, line=line.line, marker=marker.marker, hatch=one.hatch + turn * "//")


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
