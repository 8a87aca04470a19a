"""What the explorer tells of a run, packed into few bytes.

Of each ranking the best filters are kept, all of them where they fit, in the order of their ranks,
so that a rank costs nothing. Of the scores all of the top `LOCATED` are kept, and one in `STEP` of
the others: as they fall from rank to rank, those between lie almost on a line.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ..attribution.ranking import number
from ..base.tables import read_table
from .panels import unfit
from .rankings import LOCATED, count, is_ranking, layer_sizes, read_top
from .text import layer_labels

STEP = 10
# of each ranking, of which the explorer takes the largest that fits
SHARES = [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.003, 0.002, 0.001, 1e-4, 1e-5]
ADDRESS = ["filter", "out_channel", "in_channel"]
MORE = [*ADDRESS[1:], "score"]
NO_LOSS = 1e-12  # a PSNR is finite


def explored(listed: Iterable[tuple[str, str, str, Path]], room: int) -> tuple[float, dict]:
    """Pack the tables of a run.

    Args:
        listed: (name, network, seed, path), of one seed: rankings by the names of their methods,
            `effects` and `health` of the pair, and `strip`, its images.
        room: characters that the page has for filters and images.

    Returns:
        The share of each ranking that is kept, in (0, 1], and by network what `packed` returns,
        pictures, and unfit, why it cannot be attributed.

    Raises:
        InputError: a table is missing, damaged or cut short.
    """
    rankings: dict[str, dict[str, Path]] = {}
    others: dict[str, dict[str, pd.DataFrame]] = {}
    for name, one, _, path in listed:
        if is_ranking(path):
            rankings.setdefault(one, {})[name] = path
        else:
            others.setdefault(one, {})[name] = read_table(path)
    pictures = strips({one: tables["strip"] for one, tables in others.items()}, room)
    share = affordable(map(sizes, rankings.values()), room - characters(pictures))
    found = {}
    for one, paths in rankings.items():
        measured = lost(others[one]["effects"])
        take = partial(read_top, proportion=share, more=MORE, filters=measured.index.tolist())
        found[one] = packed({m: take(path) for m, path in paths.items()}, measured, share)
        found[one] |= {"pictures": pictures[one], "unfit": unfit(others[one]["health"])}
    return share, found


def sizes(rankings: Mapping[str, Path]) -> tuple[int, int]:
    """How many filters a network has, and how many orders of them there are."""
    rows = [count(path) for path in rankings.values()]
    degradations = read_top(next(iter(rankings.values())), SHARES[-1])["degradation"].nunique()
    return rows[0] // degradations, sum(rows) * degradations // rows[0]


def affordable(sizes: Iterable[tuple[int, int]], room: int) -> float:
    """The largest of `SHARES` that fits, else the smallest.

    Args:
        sizes: per network its filters, and orders of them.
        room: characters.
    """
    sizes = list(sizes)
    fits = (s for s in SHARES if sum(weight(*size, s) for size in sizes) <= room)
    return next(fits, SHARES[-1])


def weight(filters: int, orders: int, share: float) -> int:
    """Characters that a network's filters take at most, in base 64."""
    kept = number(filters, share)
    rows = min(filters, orders * kept)
    address = smallest(filters).itemsize + 2 * np.dtype("int16").itemsize
    per_order = kept * smallest(rows).itemsize + len(knots(kept, exact(filters, kept))) * 4
    return -(-4 * (rows * address + orders * per_order) // 3)


def packed(
    rankings: Mapping[str, pd.DataFrame], measured: pd.DataFrame, share: float
) -> dict[str, object]:
    """Pack the filters of one pair.

    Args:
        rankings: by method what `read_top` returns, with `MORE` and the measured filters.
        measured: what `lost` returns.
        share: that is kept of each ranking.

    Returns:
        - filters, how many there are; counts, how many are the top of each of `SHARES` up to the
          one that is kept; exact, how many of the best keep their own score;
        - layers, names from input to output; labels, some of their places, each with a name for
          the axis; for each layer sizes, its filters, first, the number of its first one, and
          width, the input channels of those that are kept;
        - filter, out_channel, in_channel of those that are kept;
        - lists, by method and degradation: row, where in these the filters stand, best first;
          score at `knots`; measured_rank and measured_score of those that were deleted one by one;
        - effects: of these row, as above, and by input lost, in dB.
    """
    first = next(iter(rankings.values()))
    one = first[first["degradation"] == first["degradation"].iloc[0]]
    layers = layer_sizes(one)
    total = int(layers.sum())
    limit = number(total, share)
    whole = exact(total, limit)
    known = pd.concat(
        table.loc[
            (table["rank"] < limit) | table["filter"].isin(measured.index), [*ADDRESS, "layer"]
        ]
        for table in rankings.values()
    )
    known = known.drop_duplicates("filter").sort_values("filter")
    numbers = known["filter"].to_numpy()
    width = known.groupby("layer")["in_channel"].max() + 1

    def best_first(rows: pd.DataFrame) -> dict[str, np.ndarray]:
        best = rows[rows["rank"] < limit].sort_values("rank")
        sample = rows.set_index("filter").loc[measured.index]
        return {
            "row": compact(np.searchsorted(numbers, best["filter"])),
            "score": best["score"].to_numpy("float32")[knots(limit, whole)],
            "measured_rank": compact(sample["rank"].to_numpy()),
            "measured_score": sample["score"].to_numpy("float32"),
        }

    return {
        "filters": total,
        "counts": {
            f"{100 * one:g} %": number(total, one) for one in SHARES if share / 1000 <= one <= share
        },
        "exact": whole,
        "layers": list(layers.index),
        "labels": [[at.start, name] for at, name in layer_labels(list(layers.index), 40).items()],
        "sizes": layers.tolist(),
        "first": (layers.cumsum() - layers).tolist(),
        "width": width.reindex(layers.index, fill_value=1).tolist(),
        **{name: compact(known[name].to_numpy()) for name in ADDRESS},
        "lists": {
            method: {
                degradation: best_first(rows)
                for degradation, rows in table.groupby("degradation", sort=False)
            }
            for method, table in rankings.items()
        },
        "effects": {
            "row": compact(np.searchsorted(numbers, measured.index)),
            "lost": {name: measured[name].to_numpy("float32") for name in measured},
        },
    }


def exact(filters: int, kept: int) -> int:
    """How many of the best filters keep their own score."""
    return min(kept, number(filters, LOCATED))


def knots(kept: int, exact: int) -> np.ndarray:
    """Ranks whose scores are kept: the best, one in `STEP` of the others, and the last."""
    return np.unique(np.r_[0:exact, exact:kept:STEP, kept - 1])


def lost(effects: pd.DataFrame) -> pd.DataFrame:
    """PSNR that the target loses without a single filter, the exact effect that scores estimate.

    Args:
        effects: columns filter, input_degradation, loss and loss_target, mean squared errors of
            each crop.

    Returns:
        In dB, mean over crops: a row per filter, a column per degradation of the input.
    """
    loss, whole = (effects[name].clip(lower=NO_LOSS) for name in ("loss", "loss_target"))
    value = 10 * np.log10(loss / whole)
    table = effects.assign(value=value)
    return table.pivot_table(values="value", index="filter", columns="input_degradation")


def smallest(most: int) -> np.dtype:
    """The smallest type of numbers from 0 to `most`."""
    return np.min_scalar_type(int(most))


def compact(values: np.ndarray) -> np.ndarray:
    """Integers in the smallest type; -1 is one of them where a unit has no input channel."""
    if not len(values):
        return np.zeros(0, "uint8")
    return values.astype(np.result_type(smallest(values.max()), np.min_scalar_type(values.min())))


def strips(images: Mapping[str, pd.DataFrame], room: int) -> dict[str, dict]:
    """Each network's `strip`; compressed with loss if they took more than half of the room."""
    whole = {name: strip(table, uri) for name, table in images.items()}
    if characters(whole) <= room / 2:
        return whole
    return {
        name: strip(table.assign(title=table["title"] + " (JPEG)"), jpeg_uri)
        for name, table in images.items()
    }


def strip(images: pd.DataFrame, address: Callable[[bytes], str]) -> dict[str, object]:
    """Images of a degradation's filters at several strengths.

    Args:
        images: see `grid.image_table`; each row's first image is the input, its last the truth.
        address: makes of a PNG file an address that holds the image itself.

    Returns:
        title, and rows: by `looks.input_label` of a degradation images from first to last, with
        column, text and src, the address.
    """
    rows = {
        name: [
            {"column": escape(image.column), "text": escape(image.text), "src": address(image.png)}
            for image in row.itertuples()
        ]
        for name, row in images.groupby("row", sort=False)
    }
    return {"title": escape(images["title"].iloc[0]), "rows": rows}


def uri(file: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{b64encode(file).decode()}"


def jpeg_uri(png: bytes) -> str:
    file = BytesIO()
    Image.open(BytesIO(png)).save(file, "jpeg", quality=90)
    return uri(file.getvalue(), "jpeg")


def characters(pictures: Mapping[str, Mapping]) -> int:
    """What the images take of a page."""
    rows = [row for of_network in pictures.values() for row in of_network["rows"].values()]
    return sum(len(image["src"]) for row in rows for image in row)
