"""The trust card: what speaks for and against believing a pair's rankings, one light each.

Numbers in, lights out. A light is green, amber or red, or *not measured*; it names its number,
its threshold, and what the number means in a sentence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..attribution.ranking import TOP
from .verdicts import Limits

LEVELS = ("green", "amber", "red")  # from best to worst
NOT_MEASURED = "not measured"
# sanity trials in which nothing may be left
DESTROYED = ("swapped", "shuffled", "permuted_100", "null_target")
CONTROL = "weight_change"  # depends on no image: stable, and blind, by definition
# what each sanity trial should give
EXPECTED = {
    "equal": "0: no score",
    "swapped": "0 or less: other filters",
    "shuffled": "less than halves agree",
    "permuted_50": "falls towards 0",
    "permuted_100": "about 0",
    "null_target": "less than halves agree",
}
WORDS = {
    "swapped": "the degradations change places",
    "shuffled": "the ground truth is another crop's",
    "permuted_100": "the changes of weights are permuted",
    "null_target": "the target learned nothing but clean images",
}

# for whoever asks which filters carry a skill: what a light says that is not green
MEANINGS = {
    "path": "integrated scores tell of the way between the two networks as much as of the skill; "
    "believe what deleting and inserting filters does",
    "gain": "there is no skill to look for, or too little to be measured: its filters are chance",
    "completeness": "scores are as far from exact; more nodes help where the path is green",
    "cancellation": "filters that help and that hinder undo each other; single scores say little, "
    "sets that were deleted say more",
    "stability": "other images would name other filters; search on more",
    "seeds": "another target of the same baseline would name other filters: these are one "
    "training's, not the skill's",
    "sanity": "a pair without the skill would be told the same: these filters are large or busy",
    "specificity": "random filters of the same layers do as well: the layers are the finding",
    "exact effects": "a high score does not say that the filter is missed when it alone is gone; "
    "where the effects agree as little between images, no score can",
}


@dataclass(frozen=True)
class TrustLimits:
    """Where a number turns a light; those of the path are `verdicts.Limits`.

    Attributes:
        stability_green, stability_amber: agreement of the top 1 %, predicted from halves of the
            images or found between seeds, at least.
        sanity_green, sanity_amber: agreement of the top 1 % with that of a broken pair, at most.
        specificity: p-value against random filters of the same layers, at most.
        effects_green, effects_amber: rank correlation with exact effects, at least.
    """

    stability_green: float
    stability_amber: float
    sanity_green: float
    sanity_amber: float
    specificity: float
    effects_green: float
    effects_amber: float


@dataclass(frozen=True)
class Light:
    """One line of the card.

    Attributes:
        light: its name.
        value: the number that is judged, NaN where there is none.
        threshold: what green takes, in words.
        level: one of `LEVELS`, or `NOT_MEASURED`.
        reason: what was found, a sentence.
        method: whose ranking is judged; empty for the pair.
    """

    light: str
    value: float
    threshold: str
    level: str
    reason: str
    method: str = ""


def at_most(value: float, green: float, amber: float) -> str:
    """Level of a number that should be small."""
    if np.isnan(value):
        return NOT_MEASURED
    return LEVELS[int(value > green) + int(value > amber)]


def at_least(value: float, green: float, amber: float) -> str:
    """Level of a number that should be large."""
    return at_most(-value, -green, -amber)


def card(
    health: pd.DataFrame,
    stability: pd.DataFrame,
    sanity: pd.DataFrame,
    league: pd.DataFrame,
    path: Limits,
    limits: TrustLimits,
) -> pd.DataFrame:
    """All lights of one network and seed.

    Args:
        health: see `health.check`.
        stability: see `trials.stability_trials`, and `trials.seed_trials` where there are any.
        sanity: see `trials.sanity_trials`.
        league: see `league.league`.
        path: limits that the pair's health was judged by.

    Returns:
        A row per `Light`; of several degradations the worst. Rankings that are judged are those
        of gradients.
    """
    facts = health.drop_duplicates("input_degradation")
    lights = list(_pair(facts, facts[facts["attributed"]], path))
    judged = set(stability["method"])
    for method in dict.fromkeys(league["method"]):
        if method in judged - {CONTROL}:
            of_method = (table[table["method"] == method] for table in (stability, sanity, league))
            lights += _ranking(method, *of_method, limits)
    return pd.DataFrame(lights)


def _pair(facts: pd.DataFrame, attributed: pd.DataFrame, limits: Limits) -> Iterator[Light]:
    """Lights of the pair; `attributed` are the rows of what is attributed."""
    worst = facts.loc[facts["barrier"].idxmax()]
    level = at_most(worst["barrier"], limits.barrier_doubtful, limits.barrier_unfit)
    if level == LEVELS[0] and (attributed["monotony"] < limits.monotony).any():
        level = LEVELS[1]
    yield Light(
        "path",
        worst["barrier"],
        f"barrier at most {limits.barrier_doubtful:g} gains",
        level,
        f"on {worst['input_degradation']} the loss rises {worst['barrier']:.2g} gains above the "
        f"chord between target and baseline; least monotony {attributed['monotony'].min():.2f}",
    )
    yield _gain(attributed, limits)
    worst = attributed.loc[attributed["completeness"].idxmax()]
    exact = worst["completeness"] <= limits.completeness
    settled = attributed["overlap"].min() >= limits.overlap
    yield Light(
        "completeness",
        worst["completeness"],
        f"error at most {limits.completeness:.0%}, or half the nodes find {limits.overlap:.0%}",
        LEVELS[0] if exact or settled else LEVELS[1],
        f"the integral misses {worst['completeness']:.1%} of the gain on "
        f"{worst['input_degradation']}; half the nodes find {attributed['overlap'].min():.0%} of "
        "the top filters",
    )
    worst = attributed.loc[attributed["cancellation"].idxmax()]
    yield Light(
        "cancellation",
        worst["cancellation"],
        f"at most {limits.cancellation_doubtful:g}-fold",
        at_most(worst["cancellation"], limits.cancellation_doubtful, limits.cancellation_unfit),
        f"on {worst['input_degradation']} the filters' shares cancel "
        f"{worst['cancellation']:.3g}-fold",
    )


def _gain(attributed: pd.DataFrame, limits: Limits) -> Light:
    errors = (attributed["gain"] / attributed["gain_error"]).where(attributed["gain"] > 0, 0.0)
    least = errors.idxmin() if errors.notna().any() else errors.index[0]
    level = at_least(errors[least], limits.gain, np.finfo(float).tiny)
    told = f"{errors[least]:.1f} standard errors over the crops"
    if level == NOT_MEASURED:
        told = "of one crop, which has no standard error"
    name = attributed.loc[least, "input_degradation"]
    return Light(
        "gain",
        errors[least],
        f"at least {limits.gain:g} standard errors",
        level,
        f"no gain over the baseline on {name}" if level == LEVELS[2] else f"on {name} {told}",
    )


def _ranking(
    method: str,
    stability: pd.DataFrame,
    sanity: pd.DataFrame,
    league: pd.DataFrame,
    limits: TrustLimits,
) -> Iterator[Light]:
    """Lights of one method's ranking."""
    top = stability[stability["measured"] & (stability["proportion"] == TOP)]
    yield _stability(method, top[top["trial"] == "halves"], limits)
    if (seeds := top[top["trial"] == "seeds"]).size:
        yield _seeds(method, seeds, limits)
    yield _sanity(method, sanity, limits)
    yield _specificity(method, league, limits)
    yield _effects(method, league, limits)


def _stability(method: str, halves: pd.DataFrame, limits: TrustLimits) -> Light:
    threshold = f"predicted agreement at least {limits.stability_green:g}"
    if halves.empty:
        note = "fewer than two crops have no halves"
        return Light("stability", np.nan, threshold, NOT_MEASURED, note, method)
    worst = halves.loc[halves["predicted"].idxmin()]
    return Light(
        "stability",
        worst["predicted"],
        threshold,
        at_least(worst["predicted"], limits.stability_green, limits.stability_amber),
        f"rankings from half the images agree to {worst['agreement']:z.2f} on the top "
        f"{TOP:.0%} for {worst['degradation']}, which predicts {worst['predicted']:z.2f} for all "
        "images",
        method,
    )


def _seeds(method: str, seeds: pd.DataFrame, limits: TrustLimits) -> Light:
    worst = seeds.loc[seeds["agreement"].idxmin()]
    return Light(
        "seeds",
        worst["agreement"],
        f"agreement at least {limits.stability_green:g}",
        at_least(worst["agreement"], limits.stability_green, limits.stability_amber),
        f"rankings of two targets from the same baseline agree to {worst['agreement']:z.2f} on the "
        f"top {TOP:.0%} for {worst['degradation']}",
        method,
    )


def _sanity(method: str, table: pd.DataFrame, limits: TrustLimits) -> Light:
    destroyed = table[table["trial"].isin(DESTROYED)]
    worst = destroyed.loc[destroyed["found"].idxmax()]
    level = at_most(worst["found"], limits.sanity_green, limits.sanity_amber)
    reason = f"the top {TOP:.0%} for {worst['degradation']} agree to {worst['found']:z.2f}"
    reason += f" where {WORDS[worst['trial']]}"
    if (leaking := table[(table["trial"] == "equal") & (table["found"] != 0)]).size:
        level = LEVELS[2]
        reason = f"scores up to {leaking['found'].max():.2g} where target and baseline are equal"
    threshold = f"agreement with a broken pair at most {limits.sanity_green:g}"
    return Light("sanity", worst["found"], threshold, level, reason, method)


def _specificity(method: str, league: pd.DataFrame, limits: TrustLimits) -> Light:
    index, chance = (league[name].iloc[0] for name in ("specificity", "specificity_p"))
    level = at_most(chance, limits.specificity, 0.5)
    reason = f"deleting the top {TOP:.0%} hurts the own degradation more than the other "
    reason += f"by {index:.2f}; p {chance:.2g} against random filters of the same layers"
    if level == NOT_MEASURED:
        reason = "fewer than two gains on the test crops are above twice their standard error"
    threshold = f"p at most {limits.specificity:g}"
    return Light("specificity", chance, threshold, level, reason, method)


def _effects(method: str, league: pd.DataFrame, limits: TrustLimits) -> Light:
    threshold = f"rank correlation at least {limits.effects_green:g}"
    if league["spearman"].isna().all():
        note = "no filter was deleted alone"
        return Light("exact effects", np.nan, threshold, NOT_MEASURED, note, method)
    worst = league.loc[league["spearman"].idxmin()]
    value, agreement = worst["spearman"], worst["effects_agreement"]
    reason = f"rank correlation {value:z.2f} with what deleting single filters does on "
    reason += worst["degradation"]
    if np.isfinite(agreement):
        reason += f", which would agree to {agreement:z.2f} with the same on as many other images"
    level = at_least(value, limits.effects_green, limits.effects_amber)
    return Light("exact effects", value, threshold, level, reason, method)


def order(level: str) -> int:
    """Place of a level from best to worst; what was not measured counts as amber."""
    return LEVELS.index("amber" if level == NOT_MEASURED else level)
