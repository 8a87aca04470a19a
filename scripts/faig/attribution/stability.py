"""How far two rankings agree, and what that says of a ranking made from more images.

Pure functions. A ranking is given by its scores, one per filter, higher being better; equal scores
are ordered by filter number, as `ranking.ranks` does.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .ranking import TOP, contrasted, ranks

FEWEST = 4  # images, two in each half, before their agreement is looked at


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation of two vectors of scores (filters,), equal scores sharing their mean rank.

    Returns:
        In [-1, 1]; NaN where one of them is constant.
    """
    from scipy.stats import rankdata  # slow to import

    first, second = (rankdata(scores) - (len(scores) + 1) / 2 for scores in (one, other))
    size = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / size) if size else np.nan


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How many filters the first d of both rankings share, for d = 1…filters: integers."""
    last = np.maximum(ranks(np.asarray(one)), ranks(np.asarray(other)))
    return np.cumsum(np.bincount(last, minlength=len(last)))


def top_agreement(shared: np.ndarray, count: int) -> float:
    """Jaccard index of both top `count`, corrected for chance: (J - J0) / (1 - J0).

    J0 = k / (2 N - k) is the index at the overlap k^2 / N of two random choices of k of N filters.

    Args:
        shared: see `overlaps`.

    Returns:
        1 for the same filters, about 0 for chance, below 0 for fewer in common than by chance; NaN
        where all filters are chosen, which always agree.
    """
    total = len(shared)
    if count >= total:
        return np.nan
    common = shared[count - 1]
    jaccard, chance = common / (2 * count - common), count / (2 * total - count)
    return float((jaccard - chance) / (1 - chance))


def rank_biased_overlap(shared: np.ndarray, count: int) -> float:
    """Extrapolated rank-biased overlap (Webber et al. 2010) of two full rankings.

    The mean share that the first d filters have in common, weighted by p^(d-1), with
    p = 1 - 1 / count, so that the first `count` filters have most of the weight.

    Args:
        shared: see `overlaps`.
        count: at least 1, which compares the very first filters.

    Returns:
        In [0, 1]; 1 for the same order.
    """
    persistence = 1 - 1 / count
    depth = np.arange(1, len(shared) + 1)
    agreement = shared / depth
    inner = (1 - persistence) * (agreement * persistence ** (depth - 1.0)).sum()
    return float(inner + agreement[-1] * persistence ** len(shared))


def spearman_brown(agreement: float, factor: float = 2.0) -> float:
    """Agreement to expect with `factor` times as many images (Spearman 1910, Brown 1910).

    Args:
        agreement: of rankings by two sets of images of one size, at most 1. What does not agree
            at all stays as it is.
        factor: by which the sets grow; 2 leads from halves to the whole.
    """
    if not agreement > 0:
        return float(agreement)
    return float(factor * agreement / (1 + (factor - 1) * agreement))


def halves(groups: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Two halves of some crops, by image where there are several, else by crop.

    Args:
        groups: the image of each crop.

    Returns:
        Numbers of the crops of either half; None for fewer than two crops, which have no halves.
    """
    names = list(dict.fromkeys(groups))
    places = [names.index(group) for group in groups] if len(names) > 1 else range(len(groups))
    odd = np.array(list(places), int) % 2 == 1
    return (np.flatnonzero(~odd), np.flatnonzero(odd)) if len(groups) > 1 else None


class Halves:
    """Scores of images that come one by one, summed in two halves.

    Args:
        contrast: a name in `ranking.CONTRASTS`, by which scores become discriminative.
        named: see `ranking.contrasted`.
    """

    def __init__(self, contrast: str, named: Mapping[int, Sequence[int]] | None = None):
        self.contrast, self.named = contrast, named
        self.count = 0
        self.scores: list[np.ndarray | float] = [0.0, 0.0]
        self.gains: list[np.ndarray | float] = [0.0, 0.0]

    def add(self, scores: np.ndarray, gains: np.ndarray | None) -> None:
        """One image: scores (degradations, filters) and gains (degradations,), if any."""
        half = self.count % 2
        self.scores[half] = self.scores[half] + scores
        self.gains[half] = None if gains is None else self.gains[half] + np.asarray(gains)
        self.count += 1

    def predicted(self) -> float:
        """Agreement of the top 1 % to expect between this many images and as many others.

        Returns:
            That of the degradation where it is least; NaN for fewer than `FEWEST` images, and
            where a degradation has no scores yet.
        """
        if self.count < FEWEST or not all(half.any(axis=1).all() for half in self.scores):
            return np.nan
        gains = [None if half is None else np.abs(half) for half in self.gains]
        halves = [
            contrasted(self.contrast, *each, named=self.named)
            for each in zip(self.scores, gains, strict=True)
        ]
        count = max(1, round(TOP * halves[0].shape[1]))
        found = (
            top_agreement(overlaps(one, other), count) for one, other in zip(*halves, strict=True)
        )
        return min(map(spearman_brown, found))
