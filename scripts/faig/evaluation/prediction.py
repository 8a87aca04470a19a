"""Degradation prediction: which degradation's filters does a network use on this image?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..attribution.methods import Example
from ..attribution.pair import Pair
from ..attribution.ranking import ranks, top
from ..data.degradations import to_uint8
from ..data.sources import spread
from ..data.store import ImageStore
from ..networks.restoring import restore


def overlap(own: np.ndarray, of_degradation: np.ndarray) -> float:
    """Overlap score of two choices of filters (the paper's section 5).

    Args:
        own: the top filters of one image, boolean (filters,).
        of_degradation: the top filters of a degradation, boolean (filters,).

    Returns:
        |own and of_degradation| / |of_degradation|, in [0, 1].
    """
    return float((own & of_degradation).sum() / of_degradation.sum())


def own_filters(scores: np.ndarray, proportion: float, typical: np.ndarray) -> np.ndarray:
    """The top filters of one image: those it uses more than a typical image does.

    Args:
        scores: FAIG of the image, (filters,).
        proportion: how many to take, in (0, 1].
        typical: mean FAIG over calibration images, (filters,). Both are scaled to sum 1 before
            it is subtracted; zeros subtract nothing and give the paper's definition.

    Returns:
        Boolean (filters,).
    """
    share = scores / max(scores.sum(), 1e-30)
    usual = typical / max(typical.sum(), 1e-30)
    return top(ranks(share - usual), proportion)


def best_threshold(overlaps: Sequence[float], present: Sequence[bool]) -> float:
    """The threshold with the highest balanced accuracy on calibration images.

    Args:
        overlaps: overlap score of each image with one degradation.
        present: whether the image has this degradation; both kinds must occur.

    Returns:
        A value half way between two neighbouring scores, the middle one of the best.
    """
    overlaps, present = np.asarray(overlaps, float), np.asarray(present, bool)
    values = np.unique(overlaps)
    edges = np.concatenate(
        [[values[0] - 1e-6], (values[1:] + values[:-1]) / 2, [values[-1] + 1e-6]]
    )
    above = overlaps[None] > edges[:, None]
    accuracy = (above[:, present].mean(axis=1) + (~above[:, ~present]).mean(axis=1)) / 2
    best = np.flatnonzero(accuracy == accuracy.max())
    return float(edges[best[len(best) // 2]])


@dataclass(frozen=True)
class Crop:
    """A square part of an image, given by its top left corner and side in LR pixels."""

    image: str
    y: int
    x: int
    side: int

    def __str__(self) -> str:
        return f"{self.image}@{self.y},{self.x}"

    def of(self, pixels: Tensor, factor: int = 1) -> Tensor:
        """Cut it out of (..., H, W) pixels that are `factor` times as fine as the LR image."""
        rows, columns = (slice(n * factor, (n + self.side) * factor) for n in (self.y, self.x))
        return pixels[..., rows, columns]


def spread_crops(store: ImageStore, side: int, count: int) -> list[Crop]:
    """Up to `count` crops of each image that do not overlap, evenly spread.

    Args:
        side: in LR pixels; an image smaller than that is taken whole.
        count: how many at most per image.
    """
    scale, result = store.scale, []
    for image in store.names:
        height, width = (n // scale for n in store.hr(image).shape[1:])
        corners = [
            Crop(image, y, x, side)
            for y in range(0, max(height - side, 0) + 1, side)
            for x in range(0, max(width - side, 0) + 1, side)
        ]
        result += spread(corners, count)
    return result


def crops_of(store: ImageStore, cfg: Mapping) -> list[Crop]:
    """The crops whose degradation is asked for.

    Args:
        cfg: keys crop (side in HR pixels), crops_per_image.
    """
    return spread_crops(store, cfg["crop"] // store.scale, cfg["crops_per_image"])


def crop_examples(
    store: ImageStore, crops: Iterable[Crop], conditions: Sequence[str], clean: str
) -> Iterator[tuple[str, Example]]:
    """Every crop under every true degradation, the ground truth as reference.

    Yields:
        The name of the true degradation, and an example with this one input.
    """
    scale = store.scale
    for crop in crops:
        reference = crop.of(store.hr(crop.image), scale)[None]
        plain = crop.of(store.lr(clean, crop.image))[None]
        for name in conditions:
            pixels = crop.of(store.lr(name, crop.image))[None]
            yield name, Example(str(crop), reference, plain, {name: pixels})


def with_target_output(pair: Pair, example: Example) -> Example:
    """The same example with the target's own output as reference: what a user has in practice."""
    (pixels,) = example.inputs.values()
    output = restore(pair.network, pixels, pair.compute, pair.target)
    return replace(example, reference=to_uint8(output).cpu())
