"""The visual grid: one test image as baseline, target and masked targets restore it."""

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from PIL import Image

from ..attribution.pair import Pair
from ..attribution.ranking import TOP
from ..base.metrics import psnr
from ..data.crops import Crop
from ..data.pixels import to_uint8
from ..data.store import ImageStore
from ..evaluation.ablation import choices, mask
from ..evaluation.modulation import modulated
from ..networks.restoring import restore
from .looks import input_label, label, literal, plain
from .panels import WIDTH, empty_figure, say_unfit, wrapped

SIDE = 96  # of the crop that is shown, in HR pixels


def shown(image):
    """A tensor (3, H, W) as (H, W, 3) array."""
    return image.permute(1, 2, 0).cpu().numpy()


def find_crop(store: ImageStore) -> Crop:
    """The most detailed crop of the dataset's first image."""
    image, scale = store.names[0], store.scale
    pixels = shown(store.hr(image))
    side = min(SIDE, *pixels.shape[:2]) // scale * scale
    y, x = most_detailed(pixels, side, scale)
    return Crop(image, y // scale, x // scale, side // scale)


def cells(pair: Pair, store: ImageStore, crop: Crop, degradation: str, states: dict) -> dict:
    """One row of `grid`: the crop and, below it, the whole image's PSNR."""
    scale = store.scale
    pixels, truth = store.lr(degradation, crop.image), store.hr(crop.image)
    reference = pair.compute.images(truth[None])
    row = {"LR input": (shown(crop.of(pixels)), "")}
    for name, state in states.items():
        output = restore(pair.network, pixels[None], pair.compute, state)
        text = f"{psnr(output, reference, scale).item():.2f} dB"
        row[name] = (shown(crop.of(output[0], scale)), text)
    return {**row, "ground truth": (shown(crop.of(truth, scale)), "")}


def restored(pair: Pair, store: ImageStore, method: str, ranking: pd.DataFrame) -> tuple[str, dict]:
    """What the grid of a dataset's first image shows, with the top 1 % of the filters masked.

    Args:
        method: name of the ranking.
        ranking: columns filter, degradation, rank.

    Returns:
        What is shown, for a figure's title, and the rows of `grid`: for each ranked degradation LR
        input, baseline, target, the target without each degradation's filters, ground truth.
    """
    states = {"baseline": pair.baseline, "target": pair.target}
    for choice in choices({method: ranking}, [TOP]):
        states[f"{label(choice.degradation)} filters masked"] = mask(pair, choice)
    crop = find_crop(store)
    rows = {
        input_label(degradation): cells(pair, store, crop, degradation, states)
        for degradation in ranking["degradation"].unique()
    }
    text = f"{label(method)}'s top {100 * TOP:g} % filters"
    return f"{literal(crop.image)} without {text}", rows


def strengths(
    pair: Pair,
    store: ImageStore,
    method: str,
    ranking: pd.DataFrame,
    values: Sequence[float],
    proportion: float,
) -> tuple[str, dict]:
    """What a strip shows: each degradation's filters at several strengths, on their own input.

    Args:
        method, ranking: see `restored`.
        values: the strengths, 0 the baseline and 1 the target.
        proportion: of the filters.

    Returns:
        As `restored`.
    """
    crop, rows = find_crop(store), {}
    for name in ranking["degradation"].unique():
        states = {
            f"\N{GREEK SMALL LETTER LAMDA} = {value:g}": modulated(
                pair, ranking, name, value, proportion
            )
            for value in sorted(values)
        }
        rows[input_label(name)] = cells(pair, store, crop, name, states)
    text = f"{label(method)}'s top {100 * proportion:g} % filters"
    return f"{literal(crop.image)}, {text} at strengths from baseline to target", rows


def image_table(
    title: str, rows: Mapping[str, Mapping[str, tuple[np.ndarray, str]]]
) -> pd.DataFrame:
    """The images of a grid as a table.

    Args:
        title: of the figure that shows them.
        rows: see `grid`.

    Returns:
        A row per image: row, column, the text below it, title, and png, the file's bytes.
    """
    return pd.DataFrame(
        {"row": row, "column": column, "text": text, "title": plain(title), "png": png(image)}
        for row, images in rows.items()
        for column, (image, text) in images.items()
    )


def png(image: np.ndarray) -> bytes:
    """An image (H, W, 3), uint8 or in [0, 1], as a PNG file."""
    if image.dtype != np.uint8:
        image = to_uint8(torch.from_numpy(image)).numpy()
    file = BytesIO()
    Image.fromarray(image).save(file, "png", optimize=True)
    return file.getvalue()


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


def grid(
    rows: Mapping[str, Mapping[str, tuple[np.ndarray, str]]], title: str, health: pd.DataFrame
) -> Figure:
    """Images side by side (the paper's figure 4).

    Args:
        rows: by row label and column title an image (H, W, 3), uint8 or in [0, 1], and the text
            below it.
        health: of the pair, see `say_unfit`.
    """
    columns = len(next(iter(rows.values())))
    size = WIDTH / max(columns, 6)
    figure = empty_figure(0.7 + (size + 0.15) * len(rows), size * columns)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (row, cells) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(row)
        for panel, (image, text) in zip(line, cells.values(), strict=True):
            panel.imshow(image)
            panel.set_xlabel(text)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    for panel, column in zip(axes[0], next(iter(rows.values())), strict=True):
        panel.set_title(wrapped(column, 14))
    figure.suptitle(title)
    say_unfit(figure, health)
    return figure
