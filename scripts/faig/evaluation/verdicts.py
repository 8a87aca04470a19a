"""Verdicts on a pair of networks, from what `health` measured: numbers in, words out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

VERDICTS = ("healthy", "doubtful", "unfit")  # from best to worst
NO_GAIN = 1e-6  # of the baseline's loss: what float32 cannot tell from nothing

# what to do
OTHER_PATH = (
    "take another checkpoint of the target's own training as baseline, or fine-tune again with a "
    "smaller step"
)
ALIGN = (
    "put the baseline's hidden channels in the target's order (`align: true` of the network), "
    "which brings the barrier down to {:.2g} gains; or "
)
NO_SKILL = "nothing to attribute: fine-tune longer, or on this degradation"
FEW_CROPS = "measure on more crops, or fine-tune longer"
SIBLINGS = "compare siblings fine-tuned from the same baseline, and believe masking, not scores"
MORE_NODES = "raise the number of quadrature nodes"


@dataclass(frozen=True)
class Limits:
    """Where a number makes a pair doubtful or unfit.

    Attributes:
        gain: standard errors that the gain must exceed.
        barrier_doubtful, barrier_unfit: barriers above them, in gains.
        monotony: monotony below it is doubtful, in [-1, 1].
        cancellation_doubtful, cancellation_unfit: cancellations above them.
        completeness: relative error above which the nodes are suspected.
        overlap: share of the top filters that half the nodes must find to acquit them.
    """

    gain: float
    barrier_doubtful: float
    barrier_unfit: float
    monotony: float
    cancellation_doubtful: float
    cancellation_unfit: float
    completeness: float
    overlap: float


def worst(verdicts: Iterable[str]) -> str:
    """The worst of some verdicts."""
    return max(verdicts, key=VERDICTS.index)


def judge(facts: Mapping, limits: Limits) -> dict:
    """The verdict on one input.

    Args:
        facts: a row of `health.measure`.

    Returns:
        verdict, one of `VERDICTS`; reason and advice in words, empty for a healthy one;
        more_nodes: whether more quadrature nodes would change the ranking, while the path is not
        to blame.
    """
    found = list(_complaints(facts, limits))
    highest = max((level for level, *_ in found), default=0)
    shown = [complaint for complaint in found if complaint[0] == highest]
    return {
        "verdict": VERDICTS[highest],
        "reason": "; ".join(reason for _, reason, _ in shown),
        "advice": "; ".join(dict.fromkeys(advice for *_, advice in shown)),
        "more_nodes": bool(_more_nodes(facts, limits)),
    }


def _complaints(facts: Mapping, limits: Limits) -> Iterator[tuple[int, str, str]]:
    """Level (an index of `VERDICTS`), reason and advice of all that is wrong with an input."""
    if facts["attributed"] and facts["gain"] <= NO_GAIN * facts["loss_baseline"]:
        yield 2, "the target is no better than the baseline", NO_SKILL
        return
    barrier = facts["barrier"]
    if level := _level(barrier, limits.barrier_doubtful, limits.barrier_unfit):
        text = f"the loss climbs a barrier of {barrier:.2g} gains between target and baseline"
        aligned = facts.get("barrier_aligned", float("nan"))
        yield level, text, ALIGN.format(aligned) * (aligned < barrier / 2) + OTHER_PATH
    if not facts["attributed"]:
        return
    gain, error = facts["gain"], facts["gain_error"]
    if gain < limits.gain * error:
        yield 1, f"the gain is only {gain / error:.1f} standard errors", FEW_CROPS
    if facts["monotony"] < limits.monotony:
        text = "the loss goes up and down between target and baseline"
        yield 1, f"{text} (monotony {facts['monotony']:.2f})", OTHER_PATH
    factor = facts["cancellation"]
    if level := _level(factor, limits.cancellation_doubtful, limits.cancellation_unfit):
        yield level, f"the filters' shares cancel {factor:.3g}-fold", SIBLINGS
    if _more_nodes(facts, limits):
        text = f"half the nodes find {facts['overlap']:.0%} of the top filters"
        yield 1, f"{text}, completeness error {facts['completeness']:.1%}", MORE_NODES


def _level(value: float, doubtful: float, unfit: float) -> int:
    """Index of the verdict that a value leads to, higher being worse."""
    return int(value > doubtful) + int(value > unfit)


def _more_nodes(facts: Mapping, limits: Limits) -> bool:
    coarse = facts["completeness"] > limits.completeness and facts["overlap"] < limits.overlap
    return coarse and facts["barrier"] <= limits.barrier_unfit
