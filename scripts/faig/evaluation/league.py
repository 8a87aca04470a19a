"""The league of rankings: one row per ranking and degradation, from what the bench measured."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from ..attribution.ranking import TOP, compared
from ..attribution.stability import halves, spearman, spearman_brown
from .faithfulness import (
    DELETION,
    ENOUGH,
    INSERTION,
    LIKE_NULL,
    NULL,
    NULLS,
    SPARED,
    decibels,
    deletion_areas,
    has_gain,
    insertion_areas,
    p_value,
    restored_share,
    share_with_interval,
    specificity_index,
)

CONTROL = "matched_random"  # ranking of random filters of FAIG's layers
MOST = 0.1  # of the sampled filters: those with the largest effects, that a ranking should find


class Measured:
    """The bench's table of one network and seed, by set of filters.

    Args:
        table: columns method, degradation, draw, direction, proportion, input_degradation, image,
            dataset, loss, loss_baseline, loss_target.
        named: by degradation the others that it is contrasted with, where not with all: filters
            may serve the rest, too.
    """

    def __init__(self, table: pd.DataFrame, named: Mapping[str, Sequence[str]] | None = None):
        self.table = table
        self.degradations = list(table["degradation"].unique())
        self.others = compared(self.degradations, named)
        keys = ["method", "draw", "degradation", "direction", "proportion", "input_degradation"]
        self._groups = {
            key: rows[["loss", "loss_baseline", "loss_target"]].to_numpy(float).T
            for key, rows in table.groupby(keys, sort=False)
        }

    def losses(self, method, draw, degradation, direction, proportion, given) -> np.ndarray:
        """Loss of the masked network, the baseline and the target, (3, images).

        Args:
            degradation: whose filters.
            given: degradation of the input.
        """
        return self._groups[method, draw, degradation, direction, proportion, given]

    def restored(self, *key) -> float:
        """Restored share; NaN where the target gains nothing on the input, see `losses`."""
        loss, baseline, target = self.losses(*key)
        if not has_gain(baseline, target):
            return np.nan
        return float(restored_share(loss, baseline, target))

    def curve(self, method: str, degradation: str, direction: str) -> pd.Series:
        """Restored share on the ranking's own degradation by proportion, ascending."""
        rows = self.table[(self.table["method"] == method) & (self.table["draw"] == 0)]
        proportions = np.sort(rows["proportion"].unique())
        restored = [
            self.restored(method, 0, degradation, direction, proportion, degradation)
            for proportion in proportions
        ]
        return pd.Series(restored, index=proportions)

    @cached_property
    def gained(self) -> list[str]:
        """Degradations that the target gains something on; the others have no filters to find."""
        ends = {key[-1]: losses[1:] for key, losses in self._groups.items()}
        return [name for name in self.degradations if has_gain(*ends[name])]

    def specificity(self, method: str, draw: int) -> float:
        """Index of the top 1 % over what was gained; NaN where fewer than two can be compared."""
        names = self.gained
        spared = np.array([[name in self.others[ranked] for name in names] for ranked in names])
        if not spared.any():
            return np.nan
        return specificity_index(self.matrix(method, draw, TOP, names), spared)

    def matrix(self, method: str, draw: int, proportion: float, names: Sequence[str]) -> np.ndarray:
        """Removed shares of degradations: rows whose filters are deleted, columns the input's."""
        return np.array(
            [
                [1 - self.restored(method, draw, ranked, DELETION, proportion, g) for g in names]
                for ranked in names
            ]
        )


def league(
    sets: pd.DataFrame,
    effects: pd.DataFrame,
    rankings: Mapping[str, pd.DataFrame],
    clean: str,
    facts: Mapping[str, Mapping] | None = None,
    named: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Judge every ranking of one network and seed.

    Args:
        sets: see `Measured`; the nulls have the methods `NULLS` and draws from 0 on.
        effects: deletion of single filters: filter, input_degradation, loss, loss_target.
        rankings: by method, columns filter, degradation, score.
        clean: degradation that the baseline was trained on.
        facts: by method what its ranking tells of itself: passes, and chosen by degradation, see
            `choosing.choose`.
        named: contrasts, see `Measured`; "other" below are those of them.

    Returns:
        A row per method and degradation with

        - passes: forward and backward, of each image and degradation; beta of the contrast.
        - chosen: % of all filters, the number found on the validation images; at it, carried and
          carried_other, removed shares of the own and of the other gain that suffers most (%),
          with intervals over crops; carried_random, the own one for as many random filters of
          the layers of FAIG's.

        - filters_needed: % of all filters, the fewest that remove 85 to 115 % of the own gain and
          at most 5 % of any other; NaN if no proportion does.
        - at the top 1 %: removed and inserted, shares of the own gain (%) with intervals over
          crops (*_low, *_high); removed_other, the largest share of another's gain (%),
          the same; removed_db and clean_db, PSNR lost on the own and on clean input.
        - areas of both curves and the collapse, see `faithfulness`.
        - specificity, see `Measured.specificity`; specificity_p and specificity_p_like, its p
          against random filters of FAIG's layers, and of those that changed alike.
        - spearman and precision of the scores with the exact effects, and the effects' own
          agreement, see `agreement`.

        The nulls' rows are means over draws, of the ends of intervals, too; but removed_low and
        removed_high are the 95 % range of the draws.
    """
    measured = Measured(sets, named)
    methods = [name for name in sets["method"].unique() if name not in NULLS]
    draws = sets.loc[sets["method"] == NULL, "draw"].unique()
    indices = {null: [measured.specificity(null, draw) for draw in draws] for null in NULLS}
    rows = []
    for method in methods:
        index = measured.specificity(method, 0)
        shared = {
            "specificity": index,
            "specificity_p": p_value(index, indices[NULL]),
            "specificity_p_like": p_value(index, indices[LIKE_NULL]),
        }
        for degradation in measured.degradations:
            rows.append(
                {
                    "method": method,
                    "degradation": degradation,
                    **of_itself((facts or {}).get(method, {}), degradation),
                    **at_chosen(measured, (facts or {}).get(method, {}), method, degradation),
                    "filters_needed": filters_needed(measured, method, degradation),
                    **at_judged(measured, method, 0, degradation, clean),
                    **areas(measured, method, degradation),
                    **shared,
                    **agreement(effects, rankings[method], degradation),
                }
            )
    for null, degradation in product(NULLS, measured.degradations):
        parts = [at_judged(measured, null, draw, degradation, clean) for draw in draws]
        spread = pd.DataFrame(parts)
        low, high = spread["removed"].quantile([0.025, 0.975])
        over_draws = {"removed_low": low, "removed_high": high}
        over_draws["specificity"] = np.mean(indices[null] or [np.nan])
        rows.append({"method": null, "degradation": degradation, **spread.mean(), **over_draws})
    return pd.DataFrame(rows)


def filters_needed(measured: Measured, method: str, degradation: str) -> float:
    """The fewest filters (%) that carry the skill and spare every other, see `league`."""
    for proportion, restored in measured.curve(method, degradation, DELETION).items():
        harm = [
            1 - measured.restored(method, 0, degradation, DELETION, proportion, other)
            for other in measured.others[degradation]
        ]
        # where nothing is gained, nothing can be taken, and harm is NaN
        spared = not any(abs(share) > SPARED for share in harm)
        if ENOUGH[0] <= 1 - restored <= ENOUGH[1] and spared:
            return 100 * proportion
    return np.nan


def at_judged(
    measured: Measured, method: str, draw: int, degradation: str, clean: str
) -> dict[str, float]:
    """What the top 1 % carry: shares (%) with intervals over crops, and dB."""
    key = method, draw, degradation
    result = {}
    for direction, name in ((DELETION, "removed"), (INSERTION, "inserted")):
        losses = measured.losses(*key, direction, TOP, degradation)
        result |= share_with_interval(*losses, name, removed=direction == DELETION)
    result |= side_effect(measured, key, TOP, "removed_other")
    for given, name in ((degradation, "removed_db"), (clean, "clean_db")):
        loss, _, target = measured.losses(*key, DELETION, TOP, given)
        result[name] = decibels(target).mean() - decibels(loss).mean()
    return result


def side_effect(measured: Measured, key: tuple, proportion: float, name: str) -> dict[str, float]:
    """Removed share of the other gain that suffers most, with its interval.

    Args:
        key: method, draw and degradation whose filters are deleted.
        name: of the share.
    """
    others = [
        measured.losses(*key, DELETION, proportion, other) for other in measured.others[key[-1]]
    ]
    shares = [share_with_interval(*losses, name, removed=True) for losses in others]
    nothing = dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    return max(shares, key=lambda share: abs(np.nan_to_num(share[name])), default=nothing)


def of_itself(facts: Mapping, degradation: str) -> dict[str, float]:
    """What a ranking cost, and the weight of its contrast; NaN without one."""
    chosen = facts.get("chosen", {}).get(degradation, {})
    return {"passes": facts.get("passes", np.nan), "beta": chosen.get("beta") or np.nan}


def at_chosen(
    measured: Measured, facts: Mapping, method: str, degradation: str
) -> dict[str, float]:
    """What the number of filters found on validation images carries, see `league`."""
    if degradation not in facts.get("chosen", {}):
        return {}
    proportion = facts["chosen"][degradation]["proportion"]
    key = method, 0, degradation
    losses = measured.losses(*key, DELETION, proportion, degradation)
    random = np.nan
    if CONTROL in set(measured.table["method"]):
        random = measured.restored(CONTROL, 0, degradation, DELETION, proportion, degradation)
    return {
        "chosen": 100 * proportion,
        **share_with_interval(*losses, "carried", removed=True),
        **side_effect(measured, key, proportion, "carried_other"),
        "carried_random": 100 * (1 - random),
    }


def areas(measured: Measured, method: str, degradation: str) -> dict[str, float]:
    """Areas of both curves on the own degradation, see `faithfulness`."""
    inserted = measured.curve(method, degradation, INSERTION)
    deleted = measured.curve(method, degradation, DELETION)
    return {
        **insertion_areas(inserted.index, inserted),
        **deletion_areas(deleted.index, deleted),
    }


def agreement(effects: pd.DataFrame, ranking: pd.DataFrame, degradation: str) -> dict[str, float]:
    """Of a ranking's scores with the exact effects of single filters on the own degradation.

    Returns:
        spearman: rank correlation over the sampled filters; NaN if all scores are equal.
        precision: share of the `MOST` largest effects among as many best scores.
        effects_agreement: see `reproduced`.
    """
    rows = effects[effects["input_degradation"] == degradation]
    rows = rows.assign(effect=rows["loss"] - rows["loss_target"])
    exact = rows.groupby("filter")["effect"].mean()
    scored = ranking[ranking["degradation"] == degradation].set_index("filter")
    # a contrast says what else a filter does, not what deleting it does to this degradation
    scored = scored["own_score" if "own_score" in scored else "score"]
    scores = scored.reindex(exact.index)
    count = max(1, round(MOST * len(exact)))
    found = set(exact.nlargest(count).index) & set(scores.nlargest(count).index)
    return {
        "spearman": spearman(scores.to_numpy(float), exact.to_numpy(float)),
        "precision": len(found) / count,
        "effects_agreement": reproduced(rows),
    }


def reproduced(effects: pd.DataFrame) -> float:
    """Rank correlation that the exact effects would have with those on as many other images.

    Deleting one filter of a network at its optimum changes little, and that may hang on the image
    more than on the filter: then no score that was found on other images predicts it.

    Args:
        effects: columns filter, dataset, image, effect; the image being a crop, see `Crop`.

    Returns:
        What halves of the images predict, or of a single one its crops, see `spearman_brown`; NaN
        of a single crop.
    """
    table = effects.pivot_table("effect", "filter", ["dataset", "image"])
    parts = halves([f"{dataset} {crop.rpartition('@')[0]}" for dataset, crop in table])
    if parts is None:
        return np.nan
    one, other = (table.iloc[:, part].mean(axis=1).to_numpy(float) for part in parts)
    return spearman_brown(spearman(one, other))
