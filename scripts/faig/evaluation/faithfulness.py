"""Whether a ranking's top filters carry the skill: curves, areas, specificity, their intervals.

Pure functions on losses. For a set S of filters, *deletion* puts the baseline's weights into S of
the target, *insertion* the target's weights into S of the baseline. With L the loss on a degraded
input and gain L(baseline) - L(target), the *restored share* of a masked network is

    f = (L(baseline) - L) / gain

0 is the baseline, 1 the target, below 0 worse than the baseline (*collapse*). Terms and the grid of
proportions are those of MIB (Mueller et al. 2025, arXiv 2504.13151).
"""

from collections.abc import Callable, Sequence

import numpy as np

DELETION, INSERTION = "deletion", "insertion"  # in the column direction
# in the column method: random filters, as many in each layer as FAIG's; and of its filters that
# changed alike
NULL, LIKE_NULL = "random_draws", "like_draws"
NULLS = NULL, LIKE_NULL
# in the column filters, of what is transplanted: of a ranking, and of the same layers
TOP_FILTERS, RANDOM_FILTERS = "top", "random"

# in the column biases, of what is masked: the target's, or refitted (see `refitting`)
AS_TARGET, REFITTED = "target", "refitted"

ENOUGH = 0.85, 1.15  # removed share within which filters carry the skill, and do no other damage
SPARED = 0.05  # largest removed share of another degradation's gain

# proportions of the filters at which curves are measured; at 1 they end by definition
PROPORTIONS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def restored_share(loss: np.ndarray, baseline: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Share of the gain that a network has, a ratio of sums over images.

    Args:
        loss: (..., images), of the masked network.
        baseline, target: (images,), of the two ends.

    Returns:
        (...,), see the module's docstring; NaN where there is no gain at all.
    """
    gain = (baseline - target).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gain == 0, np.nan, (baseline - loss).sum(axis=-1) / gain)


def decibels(loss: np.ndarray) -> np.ndarray:
    """PSNR of losses, mean squared errors of values in [0, 1]; 120 dB where there is none."""
    return -10 * np.log10(np.asarray(loss, float).clip(1e-12))


def has_gain(baseline: np.ndarray, target: np.ndarray) -> bool:
    """Whether the gain over images is above twice its standard error; never of a single image."""
    gains = baseline - target
    if len(gains) < 2:
        return False
    return bool(gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(len(gains)))


def area(
    proportions: Sequence[float],
    values: Sequence[float],
    start: float,
    end: float,
    *,
    log: bool = False,
) -> float:
    """Area under a curve over the proportion of filters, by the trapezoidal rule.

    Args:
        proportions: ascending, inside (0, 1).
        values: of the curve there.
        start, end: of the curve at proportions 0 and 1.
        log: over the logarithm of the proportion, from the first one on, divided by its range.
    """
    if log:
        x = np.log([*proportions, 1.0])
        return float(np.trapezoid([*values, end], x) / (x[-1] - x[0]))
    return float(np.trapezoid([start, *values, end], [0.0, *proportions, 1.0]))


def insertion_areas(proportions: Sequence[float], restored: Sequence[float]) -> dict[str, float]:
    """Areas of an insertion curve I(p): CPR = int I dp, CMD = int |1 - I| dp, ABC = int (I - p) dp.

    ABC is the area between the curve and the straight line of filters that all matter alike.
    """
    restored = np.asarray(restored, float)
    cpr = area(proportions, restored, 0.0, 1.0)
    return {
        "cpr": cpr,
        "cmd": area(proportions, abs(1 - restored), 1.0, 0.0),
        "cpr_log": area(proportions, restored, 0.0, 1.0, log=True),
        "abc_insertion": cpr - 0.5,
    }


def deletion_areas(proportions: Sequence[float], restored: Sequence[float]) -> dict[str, float]:
    """Areas of a deletion curve R(p): int |R| dp, ABC = int ((1 - p) - R) dp, and the collapse.

    Collapse is max(0, -R) over the curve: damage beyond the baseline, no skill.
    """
    restored = np.asarray(restored, float)
    return {
        "deletion": area(proportions, abs(restored), 1.0, 0.0),
        "deletion_log": area(proportions, abs(restored), 1.0, 0.0, log=True),
        "abc_deletion": 0.5 - area(proportions, restored, 1.0, 0.0),
        "collapse": float(abs(np.minimum(0.0, restored.min()))),  # NaN as the areas are
    }


def specificity_index(matrix: np.ndarray, spared: np.ndarray) -> float:
    """How much deleting each degradation's filters hurts its own skill only.

    Args:
        matrix: removed shares 1 - f, (degradations whose filters, input degradations), both in
            the same order; two degradations or more.
        spared: of the same shape, where a loss counts against the filters. A row of which nothing
            does is left out.

    Returns:
        Mean over rows of own minus mean of others, entries clipped to [0, 1]: 1 is perfect,
        0 is no difference.
    """
    clipped = np.clip(matrix, 0.0, 1.0)
    rows = spared.any(axis=1)
    diagonal, others = np.diag(clipped)[rows], clipped[rows].mean(axis=1, where=spared[rows])
    return float((diagonal - others).mean())


def p_value(value: float, null: Sequence[float]) -> float:
    """One-sided permutation p: (1 + draws of the null at least as large) / (1 + draws).

    NaN of a value that is not known.
    """
    if not np.isfinite(value):
        return np.nan
    return (1 + sum(draw >= value for draw in null)) / (1 + len(null))


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray], images: int, resamples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over resampled images.

    Args:
        statistic: from the numbers of the images that are drawn, (..., images), to values (...).
        images: how many there are; (NaN, NaN) of fewer than two.
    """
    if images < 2:
        return np.nan, np.nan

    from scipy.stats import bootstrap  # slow to import

    result = bootstrap(
        (np.arange(images),),
        lambda drawn, axis: statistic(drawn),
        n_resamples=resamples,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return tuple(map(float, result.confidence_interval))


def share_with_interval(
    loss: np.ndarray, baseline: np.ndarray, target: np.ndarray, name: str, *, removed: bool = False
) -> dict[str, float]:
    """Restored share with its interval over images, both in %.

    Args:
        loss, baseline, target: (images,), see `restored_share`.
        name: of the share.
        removed: the share that is missing in place of the one that is restored.

    Returns:
        name, and name_low and name_high, see `bootstrap_interval`; NaN without a gain.
    """

    def share(drawn: np.ndarray) -> np.ndarray:
        restored = restored_share(loss[drawn], baseline[drawn], target[drawn])
        return 100 * (1 - restored if removed else restored)

    keys = name, f"{name}_low", f"{name}_high"
    if not has_gain(baseline, target):
        return dict.fromkeys(keys, np.nan)
    whole, ends = float(share(np.arange(len(loss)))), bootstrap_interval(share, len(loss))
    return dict(zip(keys, (whole, *ends), strict=True))
