"""The paper's claims and ours, each with a criterion that stood before the run, and a verdict.

A claim is made of *parts*, such as one network, degradation and rival each, of which every one is
judged by the same number: its 95 % interval above the claim's minimum says that the part holds,
below that it does not, and around it that the run cannot tell.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..attribution.ranking import TOP
from ..evaluation.faithfulness import DELETION
from ..evaluation.verdicts import VERDICTS
from .summaries import (
    as_target,
    chosen_per_layer,
    judged_proportion,
    trained_alone,
    with_code,
    with_levels,
)

Tables = Mapping[str, pd.DataFrame]
Observed = pd.Series | pd.DataFrame
RIVALS = ("intinf", "weight_change", "random")  # in the paper's order, best first
LEVELS = ["seed", "image"]  # what a number is observed on
STEPS = 0.0, 0.25, 0.5, 0.75, 1.0  # strengths of modulation
LEAST_EFFECT = 0.1  # dB; filters that do less have no strength to set
WHOLE = "all images"  # of a number that is not observed image by image
NOTHING = pd.Series([np.nan], pd.MultiIndex.from_tuples([(0, WHOLE)], names=LEVELS))
PAIRS = 5  # of networks, degradations and seeds, that a correlation over them needs at least

HOLDS, PARTLY, FAILS = "holds", "holds in part", "does not hold"
UNDECIDED, UNMEASURED = "not decidable here", "not measured here"
# whether a re-training supports that a skill lies in the chosen filters
SUPPORT = {HOLDS: "supported", FAILS: "not supported", UNDECIDED: UNDECIDED}
UNLEARNED = "not decidable, as nothing was learned"
LOCALISED, CONTROL = ("faig", "signed"), "matched_random"


class Unmeasured(LookupError):
    """A run lacks a table, method or degradation that a claim is about."""


@dataclass(frozen=True)
class Estimate:
    """One number of a claim.

    Attributes:
        what: which network, degradation, rival.
        value, low, high: mean and 95 % interval; NaN where there are too few observations.
        images, seeds: numbers of them.
        needed: with how many images or seeds an interval of this spread would leave the minimum;
            of one observation, which has no spread, 2: at least. NaN where there is none.
        needed_of: which of both, the one that the wider interval is over.
    """

    what: str
    value: float
    low: float
    high: float
    images: int
    seeds: int
    needed: float
    needed_of: str = ""

    def verdict(self, minimum: float) -> str:
        """HOLDS, FAILS or UNDECIDED."""
        return HOLDS if self.low > minimum else FAILS if self.high < minimum else UNDECIDED


@dataclass(frozen=True)
class Claim:
    """A sentence that a run may bear out.

    Attributes:
        name: short.
        source: `paper`, or `beyond` it.
        sentence: what is claimed.
        criterion: what must be above the minimum, in words.
        minimum: in `unit`.
        unit: of the number.
        evidence: from the run's tables to (what, observations); observations are a series with the
            levels seed and image. `Unmeasured` says that the run has not what it takes.
    """

    name: str
    source: str
    sentence: str
    criterion: str
    minimum: float
    unit: str
    evidence: Callable[[Tables], Iterator[tuple[str, pd.Series]]]


CLAIMS: list[Claim] = []


def claim(name: str, source: str, sentence: str, criterion: str, minimum: float, unit: str):
    """Register evidence as that of a claim."""

    def register(evidence: Callable) -> Callable:
        CLAIMS.append(Claim(name, source, sentence, criterion, minimum, unit, evidence))
        return evidence

    return register


def judge(tables: Tables) -> pd.DataFrame:
    """All claims on one run.

    Args:
        tables: masked, retrained, predicted, faig, matched_random, sets, modulated, health and, of
            a run that compares two branches, evaluated; as the figures have them, with network and
            seed.

    Returns:
        A row per claim with claim, source, sentence, criterion, verdict, parts, holding and
        failing (numbers of them), and of the part that is lowest: weakest, value, low, high,
        unit, images, seeds, needed, needed_of.
    """
    tables = {name: _with_whole_names(table) for name, table in tables.items()}
    return pd.DataFrame([_judged(claim, tables) for claim in CLAIMS])


def _with_whole_names(table: pd.DataFrame) -> pd.DataFrame:
    """Images named with their dataset: two may have an image of one name."""
    if {"dataset", "image"} <= set(table):
        return table.assign(image=table["dataset"] + "/" + table["image"])
    return table


def _judged(claim: Claim, tables: Tables) -> dict:
    try:
        estimates = [estimate(what, seen, claim.minimum) for what, seen in claim.evidence(tables)]
    except Unmeasured:
        estimates = []
    verdicts = [each.verdict(claim.minimum) for each in estimates]
    facts = {key: getattr(claim, key) for key in ("source", "sentence", "criterion")}
    row = {
        "claim": claim.name,
        **facts,
        "verdict": together(verdicts),
        "parts": len(estimates),
        "holding": verdicts.count(HOLDS),
        "failing": verdicts.count(FAILS),
    }
    if estimates:
        weakest = min(estimates, key=lambda each: math.inf if np.isnan(each.value) else each.value)
        row |= {"weakest": weakest.what, "value": weakest.value, "low": weakest.low}
        row |= {"high": weakest.high, "unit": claim.unit, "images": weakest.images}
        row |= {"seeds": weakest.seeds, "needed": weakest.needed, "needed_of": weakest.needed_of}
    return row


def together(verdicts: Sequence[str]) -> str:
    """The verdict on a claim by those on its parts."""
    if not verdicts:
        return UNMEASURED
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return PARTLY if HOLDS in verdicts else UNDECIDED


def estimate(what: str, observed: pd.Series, minimum: float) -> Estimate:
    """Mean and interval of observations over images and over seeds; the wider of both counts.

    Images share a seed's training, and seeds its images: either alone would be too sure.
    """
    means = {level: observed.groupby(level=level).mean() for level in LEVELS}
    counts = [len(means[level]) for level in ("image", "seed")]
    value = float(observed.mean())
    found = [(_interval(v), v.std(ddof=1), level) for level, v in means.items() if len(v) > 1]
    if not found:
        needed = np.nan if np.isnan(value) else 2
        level = "seed" if WHOLE in means["image"] else "image"
        return Estimate(what, value, np.nan, np.nan, *counts, needed, f"{level}s")
    (low, high), spread, level = max(found, key=lambda each: each[0][1] - each[0][0])
    needed = _needed_for(spread, abs(value - minimum))
    return Estimate(what, value, low, high, *counts, needed, f"{level}s")


def _needed_for(spread: float, distance: float) -> float:
    """Observations of a standard deviation whose 95 % interval is shorter than a distance.

    NaN if the spread is unknown, or the distance no more than an error of rounding.
    """
    from scipy.stats import t  # slow to import

    if not distance > 1e-6 * spread:
        return np.nan
    count = max(2, math.ceil((1.96 * spread / distance) ** 2))
    while t.ppf(0.975, count - 1) * spread >= distance * math.sqrt(count):
        count += 1
    return count


def localised(retrained: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Whether re-training says that a degradation's skill lies in the chosen filters.

    If it does, they alone learn more of it than random filters of FAIG's layers, and all but they
    learn less than all but those. Where nothing was learned, no difference says anything.

    Args:
        retrained: columns network, seed, method, degradation, proportion, part, input_degradation,
            dataset, image, psnr (dB).
        reference: see `with_levels`.

    Returns:
        A row per network, method of `LOCALISED`, degradation, proportion and part (`chosen` or
        `rest`) with gain (dB over the baseline on the own degradation), difference (of it from
        that of the random filters), its interval low, high over images and seeds, images, seeds,
        and verdict.
    """
    table = with_levels(retrained, reference)
    table = _with_whole_names(_on_own(table))
    table = table.assign(gain=table["psnr"] - table["psnr_baseline"])
    keys = ["network", "degradation", "proportion", "part"]
    gains = table.pivot_table("gain", [*keys, *LEVELS], "method", sort=False)
    rows = []
    for method in (name for name in LOCALISED if {name, CONTROL} <= set(gains)):
        both = gains[[method, CONTROL]].dropna()
        for names, seen in both.groupby(level=keys, sort=False):
            rows.append({"method": method, **dict(zip(keys, names, strict=True)), **_support(seen)})
    columns = ["network", "method", *keys[1:], "gain", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "images", "seeds", "verdict"])


def _support(gains: pd.DataFrame) -> dict:
    """What a method's gains, in the first column, say beside those of the control, in the second.

    Args:
        gains: indexed by part, seed and image.
    """
    difference, gain = gains.iloc[:, 0] - gains.iloc[:, 1], gains.iloc[:, 0].mean()
    found = estimate("", difference, 0.0)
    sign = 1 if gains.index.unique("part") == ["chosen"] else -1
    verdict = SUPPORT[estimate("", sign * difference, 0.0).verdict(0.0)]
    return {
        "gain": gain,
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "images": found.images,
        "seeds": found.seeds,
        "verdict": verdict if gain > 0 else UNLEARNED,
    }


def _interval(values: pd.Series) -> tuple[float, float]:
    """95 % interval of the mean by Student's t; values that are all equal have no width."""
    from scipy.stats import sem, t  # slow to import

    error = sem(values)
    if not error:
        return float(values.mean()), float(values.mean())
    low, high = t.interval(0.95, len(values) - 1, values.mean(), error)
    return float(low), float(high)


def _table(tables: Tables, name: str) -> pd.DataFrame:
    if name not in tables:
        raise Unmeasured(name)
    return tables[name]


def _on_own(table: pd.DataFrame) -> pd.DataFrame:
    """Rows about the degradation that the filters are for."""
    return table[table["input_degradation"] == table["degradation"]]


def _own_and_other(table: pd.DataFrame, value: str, by: Sequence[str] = ()) -> pd.Series:
    """A column on the filters' own degradation minus its mean on the other ranked ones.

    Returns:
        Indexed by network, degradation, `by`, seed and image. Empty with one degradation.
    """
    ranked = table["degradation"].unique()
    keys = ["network", "degradation", *by, *LEVELS]
    table = table[table["input_degradation"].isin(ranked)]
    same = table["input_degradation"] == table["degradation"]
    means = [table[where].groupby(keys, sort=False)[value].mean() for where in (same, ~same)]
    return (means[0] - means[1]).dropna()


def _at_top(table: pd.DataFrame) -> pd.DataFrame:
    """Rows at the top 1 % of the filters, or at the fewest that were tried."""
    return table[table["proportion"] == judged_proportion(table)]


def _selective(tables: Tables) -> pd.Series:
    masked = _at_top(as_target(_table(tables, "masked")))
    masked = masked.assign(lost=masked["psnr_target"] - masked["psnr"])
    return _own_and_other(masked, "lost", ["method"])


def _method(series: Observed, name: str) -> Observed:
    """Observations of one method."""
    if name not in series.index.unique("method"):
        raise Unmeasured(name)
    return series.xs(name, level="method")


def _split(
    series: Observed, kind: str = "degradation", suffix: str = ""
) -> Iterator[tuple[str, Observed]]:
    """Observations by network and degradation, or another level of theirs."""
    for names, rows in series.groupby(level=["network", kind], sort=False):
        yield ", ".join(names) + suffix, rows


@claim(
    "masking is selective",
    "paper",
    "Without FAIG's top filters for a degradation the network forgets this one and keeps the rest.",
    "PSNR lost on the filters' own degradation minus that on the other ones",
    0.0,
    "dB",
)
def masking_is_selective(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    yield from _split(_method(_selective(tables), "faig"))


@claim(
    "FAIG before its rivals",
    "paper",
    "FAIG finds more discriminative filters than IntInf, |Δθ| and random choice.",
    "that of FAIG's filters minus that of each rival's",
    0.0,
    "dB",
)
def faig_before_its_rivals(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    selective = _selective(tables)
    for rival in RIVALS:
        difference = _method(selective, "faig") - _method(selective, rival)
        yield from _split(difference, suffix=f", {rival}")


def _learned(tables: Tables, rival: str) -> pd.Series:
    """PSNR that FAIG's re-trained filters reach on their own degradation beyond a rival's."""
    table = trained_alone(_table(tables, "retrained"))
    same = _on_own(table[table["proportion"] == table["proportion"].min()])
    psnr = same.groupby(["network", "degradation", "method", *LEVELS], sort=False)["psnr"].mean()
    return _method(psnr, "faig") - _method(psnr, rival)


@claim(
    "re-training order",
    "paper",
    "FAIG's filters alone learn more than those of IntInf, |Δθ| and random choice.",
    "PSNR on the own degradation after re-training FAIG's filters minus each rival's",
    0.0,
    "dB",
)
def retraining_order(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    for rival in RIVALS:
        yield from _split(_learned(tables, rival), suffix=f", {rival}")


@claim(
    "deblurring at the back",
    "paper",
    "Deblurring filters lie in the last layers.",
    "mean depth of FAIG's top filters for blur minus that for noise, of the network's depth",
    0.0,
    "%",
)
def deblurring_at_the_back(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    yield from _placed(tables, "blur", "noise", _depth)


@claim(
    "denoising is spread",
    "paper",
    "Denoising filters are spread over more layers than deblurring ones.",
    "layers that FAIG's top filters for noise are evenly spread over, effectively (exponential of "
    "their entropy) minus those for blur, of the network's layers",
    0.0,
    "%",
)
def denoising_is_spread(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    yield from _placed(tables, "noise", "blur", _spread)


def _placed(
    tables: Tables, more: str, less: str, number: Callable[[pd.Series], float]
) -> Iterator[tuple[str, pd.Series]]:
    """A number of the chosen filters per layer, for one degradation minus another, by network."""
    placed = chosen_per_layer(_table(tables, "faig"), TOP)
    for network, rows in placed.groupby("network", sort=False):
        if not {more, less} <= set(rows["degradation"]):
            raise Unmeasured(f"{more} and {less}")
        numbers = rows.groupby(["seed", "degradation"], sort=False)["chosen"].agg(number)
        difference = numbers.xs(more, level=1) - numbers.xs(less, level=1)
        yield network, pd.concat({WHOLE: difference}, names=["image"])


def _depth(chosen: pd.Series) -> float:
    """Mean depth, % of the network's."""
    return float(np.average(np.linspace(0, 100, len(chosen)), weights=chosen))


def _spread(chosen: pd.Series) -> float:
    """Effective number of layers, % of all: 100 where they hold equally many."""
    shares = (chosen / chosen.sum())[chosen > 0]
    return float(100 * np.exp(-(shares * np.log(shares)).sum()) / len(chosen))


@claim(
    "filters tell the degradation",
    "paper",
    "The filters that a single image uses tell which degradation it has.",
    "balanced accuracy with the target's output as reference: half way from guessing (50)",
    75.0,
    "%",
)
def filters_tell_the_degradation(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    told = _table(tables, "predicted")
    told = told[(told["reference"] == "target_output") & (told["variant"] == "paper")]
    told = told.assign(right=100.0 * (told["predicted"] == told["present"]))
    kinds = told.pivot_table("right", ["network", "degradation", *LEVELS], "present", sort=False)
    yield from _split(kinds.mean(axis=1, skipna=False).dropna())


@claim(
    "one branch is enough",
    "paper",
    "A network without a branch that estimates the blur is as good at equal cost.",
    "PSNR of the one-branch network of equal operations minus that of the two-branch one",
    -0.1,
    "dB",
)
def one_branch_is_enough(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    evaluated, keys = _table(tables, "evaluated"), ["network", "setting", *LEVELS]
    psnr = [
        evaluated[where].groupby(keys, sort=False)["psnr"].mean()
        for where in (with_code(evaluated, "equal_operations"), with_code(evaluated))
    ]
    yield from _split(psnr[0] - psnr[1], "setting")


@claim(
    "modulation is continuous",
    "paper",
    "The strength of FAIG's filters sets the strength of the restoration, without a jump.",
    "share of the way from strength 0 to 1, in PSNR on the own degradation, beyond the largest of "
    "four equal steps",
    50.0,
    "%",
)
def modulation_is_continuous(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    table = _on_own(_table(tables, "modulated"))
    table = table[table["strength"].isin(STEPS)]
    levels = table.pivot_table(
        "psnr", ["network", "degradation", "method", *LEVELS], "strength", sort=False
    )
    if set(STEPS) - set(levels):
        raise Unmeasured("strengths")
    for what, rows in _split(_method(levels[list(STEPS)], "faig")):
        steps = rows.diff(axis=1).iloc[:, 1:]
        means, whole = steps.mean(), abs(steps.sum(axis=1).mean())
        largest = means.abs().idxmax()
        if whole < LEAST_EFFECT:
            yield what, NOTHING
            continue
        # of the mean over images: a single one may have no effect to divide by
        yield what, 100 * (1 - np.sign(means[largest]) * steps[largest] / whole)


def _specificity(tables: Tables) -> pd.Series:
    """Removed share of the own gain minus that of the others' at the top 1 %, by crop."""
    sets = _table(tables, "sets")
    sets = _at_top(sets[(sets["direction"] == DELETION) & (sets["draw"] == 0)])
    gain = sets["loss_baseline"] - sets["loss_target"]
    removed = (sets["loss"] - sets["loss_target"]) / gain.where(gain > 0)
    sets = sets.assign(removed=100 * removed.clip(0, 1)).dropna(subset="removed")
    return _own_and_other(sets, "removed", ["method"])


@claim(
    "signed scores are more specific",
    "beyond",
    "With their sign kept, scores find filters that carry more of one skill and less of the rest.",
    "share of the own gain deleted minus that of the others, top 1 % by signed minus by FAIG",
    0.0,
    "%",
)
def signed_scores_are_more_specific(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    found = _specificity(tables)
    yield from _split(_method(found, "signed") - _method(found, "faig"))


@claim(
    "signed scores need fewer filters",
    "beyond",
    "With their sign kept, scores need fewer filters to find those that carry a skill.",
    "doublings of the number of filters whose deletion takes half the own gain, by FAIG minus by "
    "signed",
    0.0,
    "doublings",
)
def signed_scores_need_fewer_filters(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    found = np.log2(_needed(tables))
    yield from _split(_method(found, "faig") - _method(found, "signed"))


def _needed(tables: Tables) -> pd.Series:
    """Least proportion of the filters whose deletion takes half the own gain of a crop, else 1."""
    sets = _table(tables, "sets")
    sets = _on_own(sets[(sets["direction"] == DELETION) & (sets["draw"] == 0)])
    gain = sets["loss_baseline"] - sets["loss_target"]
    enough = sets["loss"] - sets["loss_target"] >= gain / 2
    needed = sets["proportion"].where(enough, 1.0)[gain > 0]
    keys = [sets[name] for name in ("network", "degradation", "method", *LEVELS)]
    return needed.groupby(keys, sort=False).min()


@claim(
    "random filters re-train nearly as well",
    "beyond",
    "Random filters of the same layers learn nearly as much as FAIG's.",
    "PSNR on the own degradation after re-training them minus after FAIG's",
    -0.25,
    "dB",
)
def random_filters_retrain_nearly_as_well(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    yield from _split(-_learned(tables, "matched_random"))


@claim(
    "health tells what can be attributed",
    "beyond",
    "Pairs that the health check calls healthy have more specific filters.",
    f"rank correlation of verdict and specificity over at least {PAIRS} pairs and degradations",
    0.0,
    "",
)
def health_tells_what_can_be_attributed(tables: Tables) -> Iterator[tuple[str, pd.Series]]:
    keys = ["network", "degradation", "seed"]
    health = _table(tables, "health").rename(columns={"input_degradation": "degradation"})
    verdicts = health.groupby(keys, sort=False)["verdict"].first().map(VERDICTS[::-1].index)
    both = pd.DataFrame({"health": verdicts, "found": _found_by_faig(tables)}).dropna()
    if len(both) < PAIRS or both["health"].nunique() < 2:
        yield f"{len(both)} pairs and degradations, too few or of one verdict", NOTHING
        return
    # leaving one out at a time tells the spread of a correlation
    ranked, count = both.rank(), len(both)
    whole = ranked.corr().iloc[0, 1]
    values = [
        count * whole - (count - 1) * ranked.drop(ranked.index[i]).corr().iloc[0, 1]
        for i in range(count)
    ]
    index = pd.MultiIndex.from_product([[0], range(count)], names=LEVELS)
    yield f"{count} pairs and degradations", pd.Series(values, index)


def _found_by_faig(tables: Tables) -> pd.Series:
    found = _method(_specificity(tables), "faig")
    return found.groupby(level=["network", "degradation", "seed"], sort=False).mean()
