"""One pair attributed several times: other images, nodes, noise, precision, and broken on purpose.

A ranking that means something is about the same when what should not matter is changed
(`stability_trials`), and another one when what it should depend on is destroyed (`sanity_trials`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..attribution.examples import Example
from ..attribution.methods import METHODS
from ..attribution.pair import Pair
from ..attribution.ranking import TOP, contrasted, numbered
from ..attribution.stability import (
    halves,
    overlaps,
    rank_biased_overlap,
    spearman,
    spearman_brown,
    top_agreement,
)
from ..base.device import Compute, has_bfloat16
from ..base.seeds import derive
from ..data.degradations import Degradation
from ..data.pixels import to_float, to_uint8
from ..data.store import ImageStore
from .faithfulness import PROPORTIONS
from .health import integrate

JUDGED = ("faig", "signed", "weight_change")
STAGES = (0.5, 1.0)  # of the layers from the output on, whose changes are permuted


@dataclass(frozen=True)
class Scored:
    """The scores of some crops by every judged method.

    Attributes:
        scores: by method float64 (crops, degradations, filters).
        gains: L(baseline) - L(target), as the integral tells it, (crops, degradations).
        named: contrasts, see `ranking.contrasted`.
    """

    scores: Mapping[str, np.ndarray]
    gains: np.ndarray
    named: Mapping[int, Sequence[int]]

    def ranked(self, method: str, crops: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Contrasted scores (degradations, filters), mean over some crops or all."""
        gains = np.abs(self.gains[crops].mean(axis=0)).clip(np.finfo(float).tiny)
        scores = self.scores[method][crops].mean(axis=0)
        return contrasted(METHODS[method].contrast, scores, gains, named=self.named)


def score(
    pair: Pair,
    crops: Sequence[Example],
    degradations: Sequence[str],
    nodes: int,
    named: Mapping[str, Sequence[str]] | None = None,
) -> Scored:
    """Score crops one by one; FAIG and signed FAIG are made from the same gradients.

    Args:
        named: contrasts, see `ranking.rank_filters`.
    """
    found: dict[str, list[Tensor]] = {"faig": [], "signed": []}
    gains = np.zeros((len(crops), len(degradations)))
    for row, crop in enumerate(crops):
        for column, name in enumerate(degradations):
            parts = integrate(pair, crop, name, nodes)
            sizes = {key: part.abs() for key, part in parts.items()}
            found["faig"].append(pair.index.reduce(sizes).cpu().double())
            found["signed"].append(pair.index.reduce(parts).cpu().double())
            gains[row, column] = sum(
                part.sum(dtype=torch.float64).item() for part in parts.values()
            )
    scores = {
        name: torch.stack(each).numpy().reshape(len(crops), len(degradations), -1)
        for name, each in found.items()
    }
    change = next(METHODS["weight_change"](pair, crops[:1])).scores[0].double().cpu().numpy()
    scores["weight_change"] = np.broadcast_to(change, scores["faig"].shape)
    return Scored(scores, gains, numbered(named or {}, degradations))


class Redrawn(ImageStore):
    """A dataset with the noise, and all else that is random, drawn once more.

    Args:
        path: of the dataset.
        operators: by degradation.
        seed: of the draw.
    """

    def __init__(self, path, operators: Mapping[str, Sequence[dict]], seed: int):
        super().__init__(path)
        made = {name: Degradation(each, self.scale) for name, each in operators.items()}
        self.random = {name: each for name, each in made.items() if each.stochastic}
        self.seed = seed

    def lr(self, degradation: str, name: str) -> Tensor:
        """As `ImageStore.lr`."""
        if degradation not in self.random:
            return super().lr(degradation, name)
        generator = torch.Generator().manual_seed(derive(self.seed, degradation, name))
        images = to_float(self.hr(name))[None]
        return to_uint8(self.random[degradation](images, generator))[0]


def growth(store: ImageStore, crops: Sequence[Example]) -> float:
    """How many times as much the attribution sees as one half of these crops: in images.

    More pixels of the same images are no other images, and do not count; of one image, whose
    halves are crops, 2.
    """
    seen = len({_image(crop) for crop in crops})
    return 2 * len(store.names) / seen if seen > 1 else 2.0


def _image(crop: Example) -> str:
    return crop.name.rpartition("@")[0]


def stability_trials(
    pair: Pair,
    crops: Sequence[Example],
    redrawn: Sequence[Example] | None,
    degradations: Sequence[str],
    nodes: int,
    factor: float,
    named: Mapping[str, Sequence[str]] | None = None,
) -> tuple[pd.DataFrame, Scored]:
    """Compare the rankings of a pair that should agree.

    Args:
        crops: named `image@place`.
        redrawn: the same crops with other noise; None where no degradation is random.
        nodes: of the quadrature, at least 2; all but the images and the nodes is tried with half
            as many.
        factor: see `growth`.
        named: contrasts, see `ranking.rank_filters`.

    Returns:
        A row per method, trial (halves, nodes, noise, precision), degradation and proportion:
        count (filters), spearman (of all filters), agreement (see `stability.top_agreement`), rbo,
        predicted (the agreement with `factor` times as many images; of halves only), measured
        and note. What could not be measured has one row per method and degradation, NaN, and a
        note. And the scores with half the nodes.
    """
    scored = partial(score, degradations=degradations, named=named)
    fine, coarse = (scored(pair, crops, nodes=n) for n in (nodes, nodes // 2))
    parts = halves([_image(crop) for crop in crops])
    trials: dict[str, tuple[Callable, Callable] | str] = {
        "halves": "fewer than two crops",
        "nodes": (fine.ranked, coarse.ranked),
        "noise": "no degradation is random",
        "precision": "the hardware has no bfloat16",
    }
    if parts:
        trials["halves"] = tuple(lambda m, part=part: fine.ranked(m, part) for part in parts)
    if redrawn:
        trials["noise"] = coarse.ranked, scored(pair, redrawn, nodes=nodes // 2).ranked
    if has_bfloat16(pair.compute.device):
        precisions = (
            replace(pair, compute=Compute(pair.compute.device, precision))
            for precision in (torch.float32, torch.bfloat16)
        )
        trials["precision"] = tuple(
            scored(each, crops, nodes=nodes // 2).ranked for each in precisions
        )
    rows = []
    for (trial, found), method in ((t, m) for t in trials.items() for m in JUDGED):
        facts = {"method": method, "trial": trial}
        if isinstance(found, str):
            rows += [{**facts, "degradation": d, "note": found} for d in degradations]
            continue
        for name, one, other in zip(degradations, *(rank(method) for rank in found), strict=True):
            grown = factor if trial == "halves" else None
            rows += [{**facts, "degradation": name, **row} for row in compare(one, other, grown)]
    table = pd.DataFrame(rows)
    table["measured"] = table["note"].isna() if "note" in table else True
    return table.assign(note=table.get("note", pd.Series("", table.index)).fillna("")), coarse


def seed_trials(rankings: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """Compare the rankings of targets that were fine-tuned from the same baseline.

    Targets of different baselines share no filter that could be compared.

    Args:
        rankings: by method, one table of each seed: columns filter, degradation, score.

    Returns:
        As of `stability_trials`, the trial being `seeds`, for every two seeds.
    """
    rows = []
    for method, tables in rankings.items():
        for pair in combinations(tables, 2):
            for name in pair[0]["degradation"].unique():
                ordered = (
                    table[table["degradation"] == name].sort_values("filter") for table in pair
                )
                one, other = (table["score"].to_numpy() for table in ordered)
                facts = {"method": method, "trial": "seeds", "degradation": name}
                rows += [{**facts, **row} for row in compare(one, other, None)]
    return pd.DataFrame(rows).assign(measured=True, note="")


def compare(one: np.ndarray, other: np.ndarray, factor: float | None) -> list[dict]:
    """The agreement of two rankings, a row per proportion, see `stability_trials`."""
    shared, whole, rows = overlaps(one, other), spearman(one, other), []
    for proportion in PROPORTIONS:
        count = max(1, round(proportion * len(one)))
        agreement = top_agreement(shared, count)
        rows.append(
            {
                "proportion": proportion,
                "count": count,
                "spearman": whole,
                "agreement": agreement,
                "rbo": rank_biased_overlap(shared, count),
                "predicted": spearman_brown(agreement, factor) if factor else np.nan,
            }
        )
    return rows


def permuted_change(pair: Pair, share: float, seed: int) -> Pair:
    """The pair with its changes permuted inside layers, from the output on.

    Kernels of convolutions change places, or rows of matrices, whatever the units are.

    Args:
        share: of the layers, in (0, 1].
    """
    names = [name for name in pair.index.places if pair.target[name].ndim > 1]
    target = dict(pair.target)
    for name in names[len(names) - max(1, round(share * len(names))) :]:
        generator = torch.Generator().manual_seed(derive(seed, "permuted change", name))
        change = pair.change[name]
        change = change.flatten(0, 1) if change.ndim > 2 else change
        order = torch.randperm(len(change), generator=generator).to(change.device)
        target[name] = pair.baseline[name] - change[order].reshape(pair.target[name].shape)
    return replace(pair, target=target)


def sanity_trials(
    pair: Pair,
    crops: Sequence[Example],
    degradations: Sequence[str],
    nodes: int,
    coarse: Scored,
    seed: int,
    null: Pair | None = None,
    named: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Destroy what a ranking should depend on, and tell whether it notices (Adebayo et al. 2018).

    Args:
        coarse: scores with as many nodes, of the pair as it is.
        null: its baseline, and that fine-tuned on the clean input; None if there is none.
        named: contrasts, see `ranking.rank_filters`.

    Returns:
        A row per method, trial and degradation with found:

        - equal: the largest score where baseline and target are the same; should be 0.
        - swapped: agreement of the top 1 % with those found when the degradations change places,
          each with one that it is contrasted with; should be about 0.
        - shuffled: the same when the output is compared with another crop's ground truth.
        - permuted_50, permuted_100: the same when the changes of so many per cent of the layers,
          from the output on, are permuted inside them; should come down to about 0.
        - null_target: the same where the target learned no skill; should be less than halves
          agree.
    """
    rows = []
    scored = partial(score, degradations=degradations, nodes=nodes, named=named)

    def note(trial: str, rank: Callable[[str], np.ndarray]) -> None:
        for method in JUDGED:
            for name, *both in zip(degradations, coarse.ranked(method), rank(method), strict=True):
                shared = overlaps(*both)
                found = top_agreement(shared, max(1, round(TOP * len(shared))))
                row = {"method": method, "trial": trial, "degradation": name, "found": found}
                rows.append(row)

    same = score(replace(pair, target=pair.baseline), crops[:1], degradations, 1)
    for method in JUDGED:
        largest = np.abs(same.scores[method][0]).max(axis=-1)
        rows += [
            {"method": method, "trial": "equal", "degradation": name, "found": value}
            for name, value in zip(degradations, largest, strict=True)
        ]
    others = [
        degradations.index((named or {}).get(name, [degradations[row - 1]])[0])
        for row, name in enumerate(degradations)
    ]
    note("swapped", lambda method: coarse.ranked(method)[others])
    references = [crop.reference for crop in (*crops[1:], crops[0])]
    shuffled = [replace(c, reference=r) for c, r in zip(crops, references, strict=True)]
    if len(crops) > 1:
        note("shuffled", scored(pair, shuffled).ranked)
    for share in STAGES:
        broken = permuted_change(pair, share, seed)
        note(f"permuted_{100 * share:.0f}", scored(broken, crops).ranked)
    if null:
        note("null_target", scored(null, crops).ranked)
    return pd.DataFrame(rows)
