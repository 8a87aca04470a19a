"""From scores to discriminative rankings: which filters serve one degradation, not the others."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from ..base.errors import InputError
from ..base.seeds import derive

BETA = 3.0  # weight of the other degradations in `largest_contrast`
DECILES = 10
CHOOSING = ["filter", "degradation", "rank"]  # columns that `selection` needs
TOP = 0.01  # proportion of the filters that is looked at where one must be chosen (the paper)


def discriminative_scores(scores: np.ndarray) -> np.ndarray:
    """Contrast of each degradation with the mean of the others (equation 7 of the paper).

    Args:
        scores: (degradations, filters), mean over images.

    Returns:
        scores[D] - mean of scores[not D], same shape. With two degradations their difference.

    Raises:
        InputError: fewer than two degradations.
    """
    count = len(scores)
    if count < 2:
        raise InputError(
            "discriminative filters need two or more degradations to tell apart, found one"
        )
    others = (scores.sum(axis=0, keepdims=True) - scores) / (count - 1)
    return scores - others


def largest_contrast(
    scores: np.ndarray, gains: np.ndarray | None = None, beta: float | np.ndarray = BETA
) -> np.ndarray:
    """Contrast of each degradation with the largest effect, of either sign, on the others.

    Scores count as shares: a_D / |g_D| - beta * max over D' of |a_D'| / |g_D'|. The others count
    more than once, because the straight path between the networks hides part of what a filter
    does for them; no weight is best for every pair. Where the target gains nothing, the filters
    that would gain something rank high all the same, and the log says so.

    Args:
        scores: (degradations, filters), mean over images.
        gains: (degradations,), mean over images; None for scores that are no parts of a gain,
            which count as shares of the sum of their sizes.
        beta: at least 0, of each degradation or of all.

    Returns:
        Same shape as the scores.

    Raises:
        InputError: fewer than two degradations, or one on which both networks are equally good.
    """
    discriminative_scores(scores)  # two or more degradations
    parts = shares(scores, gains)
    result, weights = np.empty_like(parts), np.broadcast_to(beta, len(parts))
    for row, share in enumerate(parts):
        result[row] = share - weights[row] * np.abs(np.delete(parts, row, axis=0)).max(axis=0)
    return result


def shares(scores: np.ndarray, gains: np.ndarray | None = None) -> np.ndarray:
    """Scores of each degradation relative to its gain, so that no large loss outweighs the others.

    The arguments and errors are those of `largest_contrast`.
    """
    wholes = np.abs(scores).sum(axis=1) if gains is None else gains
    if not wholes.all():
        raise InputError(
            "scores that are contrasted as shares of the gain of the target over the baseline, "
            "which is 0 for a degradation; leave it out of attribution.degradations, or 'signed' "
            "out of attribution.methods"
        )
    if (wholes < 0).any():
        print(f"warning: the target gains nothing: loss of baseline minus target is {wholes}")
    return scores / np.abs(wholes)[:, None]


# how scores (degradations, filters), gains and weights (degradations,) become discriminative
CONTRASTS: dict[str, Callable[..., np.ndarray]] = {
    "none": lambda scores, gains, betas=BETA: scores,
    "mean": lambda scores, gains, betas=BETA: discriminative_scores(scores),
    "largest": largest_contrast,
}


def contrasted(
    contrast: str,
    scores: np.ndarray,
    gains: np.ndarray | None = None,
    betas: float | np.ndarray = BETA,
    named: Mapping[int, Sequence[int]] | None = None,
) -> np.ndarray:
    """Scores made discriminative.

    Args:
        contrast: a name in `CONTRASTS`.
        scores, gains, betas: see `largest_contrast`.
        named: by the row of a degradation the rows that it is contrasted with, in place of all
            others. In these contrasts all scores count as `shares`.

    Returns:
        Same shape as the scores.
    """
    result = CONTRASTS[contrast](scores, gains, betas)
    if not named or contrast == "none":
        return result
    parts, weights = shares(scores, gains), np.broadcast_to(betas, len(scores))
    for row, others in named.items():
        rows = [row, *others]
        result[row] = CONTRASTS[contrast](parts[rows], np.ones(len(rows)), weights[rows])[0]
    return result


def compared(
    degradations: Sequence[str], named: Mapping[str, Sequence[str]] | None
) -> dict[str, Sequence[str]]:
    """By degradation the others that it is contrasted with: those that are named, else all."""
    return {d: [other for other in degradations if other != d] for d in degradations} | (
        named or {}
    )


def numbered(
    named: Mapping[str, Sequence[str]], degradations: Sequence[str]
) -> dict[int, list[int]]:
    """Named contrasts as rows of scores in the order of the degradations, see `contrasted`."""
    rows = {name: row for row, name in enumerate(degradations)}
    return {rows[name]: [rows[other] for other in others] for name, others in named.items()}


def ranks(scores: np.ndarray) -> np.ndarray:
    """Rank of each filter in one row of scores, 0 = highest; equal scores by filter number."""
    order = np.argsort(-scores, kind="stable")
    result = np.empty_like(order)
    result[order] = np.arange(len(order))
    return result


def top(order: np.ndarray, proportion: float) -> np.ndarray:
    """The best filters as a mask.

    Args:
        order: rank of each filter, integers (filters,).
        proportion: in (0, 1]; at least one filter is chosen.

    Returns:
        Boolean (filters,).
    """
    return order < number(len(order), proportion)


def number(filters: int, proportion: float) -> int:
    """How many of so many filters a proportion in (0, 1] is, at least one."""
    return max(1, round(proportion * filters))


def rank_filters(
    table: pd.DataFrame,
    contrast: str,
    gains: Mapping[str, float] | None = None,
    betas: Mapping[str, float] | None = None,
    named: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """The filters' ranking for every degradation.

    Args:
        table: columns filter, layer, out_channel, in_channel, degradation, score.
        contrast: a name in `CONTRASTS`, by which scores become discriminative first.
        gains: by degradation, of a method that explains one.
        betas: by degradation, weight of the others in the contrast that has one; else `BETA`.
        named: by degradation those that it is contrasted with, else all others, see `contrasted`.

    Returns:
        The same columns, score contrasted, with rank (0 = highest score) and own_score, what the
        score was before.
    """
    degradations = list(table["degradation"].unique())
    wide = table.pivot_table(index="filter", columns="degradation", values="score", sort=True)
    scores = wide[degradations].to_numpy().T
    ordered = gains and np.array([gains[name] for name in degradations])
    weights = np.array([betas[name] for name in degradations]) if betas else BETA
    rows = contrasted(contrast, scores, ordered, weights, numbered(named or {}, degradations))
    address = table[table["degradation"] == degradations[0]].sort_values("filter")
    address = address[["filter", "layer", "out_channel", "in_channel"]]
    rankings = [
        address.assign(degradation=name, score=row, rank=ranks(row), own_score=own_score)
        for name, row, own_score in zip(degradations, rows, scores, strict=True)
    ]
    return pd.concat(rankings, ignore_index=True)


def match_random(ranking: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The fair control for a ranking: random filters, at any proportion as many in each layer.

    Args:
        ranking: columns filter, layer, degradation, score, rank.
    """
    controls = []
    for degradation, rows in ranking.groupby("degradation", sort=False):
        rows = rows.sort_values("filter")
        rng = np.random.default_rng(derive(seed, "matched random", degradation))
        order = shuffle_within(rows["layer"].to_numpy(), rng)
        moved = [name for name in ("score", "rank", "own_score") if name in rows]
        values = {name: rows[name].to_numpy()[order] for name in moved}
        controls.append(rows.assign(**values))
    return pd.concat(controls, ignore_index=True)


def shuffle_within(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation that leaves every filter in its group.

    Where each group has one filter, as layers that are units have, all change places.

    Args:
        groups: of each filter, such as its layer, (filters,).

    Returns:
        Integers (filters,).
    """
    order, names = np.arange(len(groups)), np.unique(groups)
    if len(names) == len(groups):
        return rng.permutation(order)
    for name in names:
        places = np.flatnonzero(groups == name)
        order[places] = rng.permutation(places)
    return order


def change_deciles(layers: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Groups of filters that changed alike: the deciles of the change inside each layer.

    In small layers there are fewer groups, so that each has two filters or more to exchange.

    Args:
        layers: number of each filter's layer, (filters,).
        change: how much each filter changed, (filters,).

    Returns:
        Group numbers, integers (filters,).
    """
    result = np.empty(len(layers), int)
    for layer in np.unique(layers):
        members = np.flatnonzero(layers == layer)
        count = max(1, min(DECILES, len(members) // 2))
        ordered = members[np.argsort(change[members], kind="stable")]
        result[ordered] = layer * DECILES + np.arange(len(members)) * count // len(members)
    return result


def selection(table: pd.DataFrame, degradation: str, proportion: float) -> np.ndarray:
    """The chosen filters of a ranking table (columns `CHOOSING`), boolean mask.

    Raises:
        InputError: the table knows no such degradation.
    """
    rows = table[table["degradation"] == degradation].sort_values("filter")
    if rows.empty:
        known = ", ".join(table["degradation"].unique())
        raise InputError(f"the ranking has no degradation '{degradation}', only {known}")
    return top(rows["rank"].to_numpy(), proportion)
