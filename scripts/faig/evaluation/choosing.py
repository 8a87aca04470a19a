"""What is chosen on validation images: the weight of a contrast, and how many filters are enough.

Test images judge a ranking, so that nothing about it may be chosen on them.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from ..attribution.pair import Pair
from ..attribution.ranking import BETA, TOP, compared, rank_filters, selection
from ..data.store import ImageStore
from .bench import Bench, Crops
from .faithfulness import DELETION, ENOUGH, PROPORTIONS, SPARED, has_gain, restored_share

BETAS = (1.0, 3.0, 10.0)  # that are tried where a contrast has one
TRIED = tuple(p for p in PROPORTIONS if p <= 0.1)  # more filters are no answer
CROP = 96  # side in HR pixels, or that of the smallest image
CROPS = 8  # at most, evenly spread over the images


def choose(
    pair: Pair,
    scores: pd.DataFrame,
    contrast: str,
    gains: Mapping[str, float] | None,
    store: ImageStore,
    named: Mapping[str, Sequence[str]] | None = None,
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Rank filters with the weight of the contrast, and find the number of filters, that suit best.

    For every degradation that is the fewest filters whose deletion takes 85 to 115 % of its own
    gain and at most 5 % of any other that it is contrasted with; where no number does, the one
    nearest to all and nothing.

    Args:
        pair: baseline and target.
        scores: see `rank_filters`.
        contrast: a name in `CONTRASTS`; only `largest` has a weight to choose.
        gains: by degradation, of a method that explains one.
        store: validation images.
        named: contrasts, see `rank_filters`.

    Returns:
        The ranking; and by degradation what was chosen: beta (None without one), proportion,
        removed and removed_other (%, on the validation images; None without a gain there).
    """
    names = list(scores["degradation"].unique())
    bench = Bench(pair, Crops.few(store, names, pair, crop=CROP, crops=CROPS))
    weights = BETAS if contrast == "largest" else (BETA,)
    rankings = {
        beta: rank_filters(scores, contrast, gains, dict.fromkeys(names, beta), named)
        for beta in weights
    }
    others = compared(names, named)
    chosen = {name: _best(bench, rankings, name, others[name]) for name in names}
    betas = {name: facts["beta"] for name, facts in chosen.items()}
    if contrast != "largest":
        for facts in chosen.values():
            facts["beta"] = None
    return rank_filters(scores, contrast, gains, betas, named), chosen


def _best(
    bench: Bench, rankings: Mapping[float, pd.DataFrame], name: str, others: Sequence[str]
) -> dict:
    """The best weight and proportion for one degradation, which is to spare others."""
    found = []
    for (beta, ranking), proportion in product(rankings.items(), TRIED):
        removed = removed_shares(bench, selection(ranking, name, proportion))
        share = removed[name]
        if np.isnan(share):
            break
        # where nothing is gained, nothing can be taken
        harm = max(np.nan_to_num([abs(removed[other]) for other in others]), default=0.0)
        enough = ENOUGH[0] <= share <= ENOUGH[1] and harm <= SPARED
        miss = abs(1 - share) + harm
        facts = {"removed": 100 * share, "removed_other": 100 * harm}
        key = (not enough, proportion if enough else miss, miss)
        found.append((key, {"beta": beta, "proportion": proportion, **facts}))
    nothing = {"beta": BETA, "proportion": TOP, "removed": None, "removed_other": None}
    return min(found, key=lambda one: one[0], default=(None, nothing))[1]


def removed_shares(bench: Bench, selected: np.ndarray) -> dict[str, float]:
    """Share of the gain that deleting filters takes, by degradation; NaN where there is no gain."""
    loss, result = bench.losses(DELETION, selected), {}
    for name, rows in bench.crops.rows.groupby("input_degradation", sort=False):
        masked, baseline, target = (v[rows.index] for v in (loss, bench.baseline, bench.target))
        share = 1 - float(restored_share(masked, baseline, target))
        result[name] = share if has_gain(baseline, target) else np.nan
    return result
