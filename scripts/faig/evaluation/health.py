"""Health: can a pair be attributed at all?

Path integrals explain the gain of the target over the baseline by what happens on the straight
line between their weights. Where the loss climbs a barrier on that line, where the filters' shares
cancel, or where there is no gain, a ranking means nothing, however small the completeness error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..attribution.examples import Example
from ..attribution.pair import Pair
from ..attribution.quadrature import nodes_and_weights
from ..attribution.ranking import TOP, discriminative_scores, ranks, top
from ..base.errors import InputError
from ..data.crops import few_crops
from ..data.store import ImageStore
from ..networks.alignment import match
from .verdicts import NO_GAIN, Limits, judge

TINY = np.finfo(float).tiny
FORWARD = 1 / 3  # of the cost of forward and backward
FAIG_NODES = 8  # of the FAIG that the cost is compared with


@dataclass(frozen=True)
class Cost:
    """Network evaluations on crops, all inputs and crops together.

    Attributes:
        forward: forward passes, times the LR pixels of their crop.
        gradients: forward and backward passes, the same.
        faig: what FAIG with 8 nodes takes on the whole images, the same.
    """

    forward: float
    gradients: float
    faig: float

    @property
    def share(self) -> float:
        """Of the cost of that FAIG."""
        return (FORWARD * self.forward + self.gradients) / self.faig


def cost(
    store: ImageStore,
    crops: Sequence[Example],
    degradations: Sequence[str],
    points: int,
    nodes: int,
) -> Cost:
    """What `measure` takes on these crops of a store."""
    pixels = sum(crop.clean[0, 0].numel() for crop in crops)
    inputs = {name for crop in crops for name in crop.inputs}
    known = store.extents()
    extents = [known[store.hr_key(image)] for image in store.names]
    whole = sum(extent.height * extent.width for extent in extents) / store.scale**2
    return Cost(
        forward=pixels * len(inputs) * points,
        gradients=pixels * len(degradations) * (nodes + nodes // 2),
        faig=whole * len(degradations) * FAIG_NODES,
    )


def read_crops(
    store: ImageStore, degradations: Sequence[str], clean: str, side: int, count: int
) -> list[Example]:
    """Crops of a dataset with every degradation and the clean input, the ground truth as reference.

    Args:
        side: in LR pixels; an image smaller than that is taken whole.
        count: how many at most, evenly spread over the images.
    """
    inputs = dict.fromkeys([*degradations, clean])
    return [
        Example(
            str(crop),
            crop.of(store.hr(crop.image), store.scale)[None],
            crop.of(store.lr(clean, crop.image))[None],
            {name: crop.of(store.lr(name, crop.image))[None] for name in inputs},
        )
        for crop in few_crops(store, side, count)
    ]


def weights_at(pair: Pair, alpha: float) -> dict[str, Tensor]:
    """All parameters at alpha baseline + (1 - alpha) target; buffers are always the target's."""
    return {
        name: torch.lerp(pair.target[name], pair.baseline[name], float(alpha))
        for name, _ in pair.network.named_parameters()
    }


def _loss(pair: Pair, weights: Mapping[str, Tensor], example: Example, name: str) -> Tensor:
    """The paper's L of one crop, squared error summed over the image's values in [0, 1]."""
    with pair.compute.autocast():
        images = pair.compute.images(example.inputs[name])
        output = torch.func.functional_call(pair.network, dict(weights), (images,))
    return (output.float() - pair.compute.images(example.reference)).square().sum()


@torch.no_grad()
def path_losses(pair: Pair, crops: Sequence[Example], points: int) -> dict[str, np.ndarray]:
    """Losses along the straight line, from the target to the baseline, both included.

    Returns:
        By input float64 (points, crops).

    Raises:
        InputError: a loss of the target or baseline is not finite.
    """
    inputs = list(crops[0].inputs)
    losses = {name: np.empty((points, len(crops))) for name in inputs}
    for i, alpha in enumerate(np.linspace(0, 1, points)):
        weights = weights_at(pair, alpha)
        for name in inputs:
            losses[name][i] = [_loss(pair, weights, crop, name).item() for crop in crops]
    for stage, place in (("target", 0), ("baseline", -1)):
        for name, loss in losses.items():
            if not np.isfinite(loss[place]).all():
                raise InputError(
                    f"the {stage}'s loss on '{name}' is not finite: its weights hold NaN or "
                    "numbers far too large; expected a network that restores images"
                )
    # a network that breaks on its way is infinitely bad there
    return {name: np.where(np.isnan(loss), np.inf, loss) for name, loss in losses.items()}


def integrate(pair: Pair, crop: Example, name: str, nodes: int) -> dict[str, Tensor]:
    """Integrated gradients of one crop's loss, signs kept.

    Returns:
        Per parameter (baseline - target) times the mean gradient on the line, of its shape. By
        completeness all of it sums to L(baseline) - L(target).
    """
    total: dict[str, Tensor] = {}
    for alpha, share in zip(*nodes_and_weights("gauss-legendre", nodes), strict=True):
        weights = {n: value.requires_grad_() for n, value in weights_at(pair, alpha).items()}
        loss = _loss(pair, weights, crop, name)
        gradients = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
        for key, gradient in zip(weights, gradients, strict=True):
            total[key] = total.get(key, 0) + float(share) * gradient
    return {n: value * (pair.baseline[n] - pair.target[n]) for n, value in total.items()}


def _per_unit(value: Tensor) -> Tensor:
    """Sums over a parameter's units: the kernels of a convolution, rows of a matrix, elements."""
    if value.ndim > 2:
        return value.flatten(2).sum(2).flatten()
    return value.sum(1) if value.ndim == 2 else value.flatten()


def _integrals(
    pair: Pair, crops: Sequence[Example], name: str, nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Signed sums per crop and unit (crops, units), and FAIG, mean over crops (filters,)."""
    signed, scores = [], []
    for crop in crops:
        parts = integrate(pair, crop, name, nodes)
        signed.append(torch.cat([_per_unit(part) for part in parts.values()]).cpu().double())
        filters = pair.index.reduce({key: part.abs() for key, part in parts.items()})
        scores.append(filters.cpu().double())
    return torch.stack(signed).numpy(), torch.stack(scores).mean(dim=0).numpy()


def measure(
    pair: Pair, crops: Sequence[Example], degradations: Sequence[str], points: int, nodes: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All that the verdicts are made of.

    Args:
        crops: see `read_crops`.
        degradations: those that are attributed; of any other input only the path is measured.
        points: on the line, both ends included; at least 2.
        nodes: of Gauss-Legendre quadrature, also done with half as many; at least 2.

    Returns:
        The path: input_degradation, alpha (0 target, 1 baseline), loss (mean over crops), position
        (0 at the target's loss, 1 one gain above it, where the baseline's is); and a row of facts
        per input: input_degradation, attributed, and what `path_facts` and `integral_facts` tell,
        the latter NaN where the input is not attributed. Path and barrier of such an input are
        counted in the smallest gain of the others. barrier_aligned is the barrier after the
        baseline's hidden channels are put in the target's order, NaN where they are already.
    """
    losses = path_losses(pair, crops, points)
    units = _units(losses, degradations)
    aligned, moved = match(pair.network, pair.baseline, pair.target)
    ordered = path_losses(replace(pair, baseline=aligned), crops, points) if moved else {}
    inner = _integral_facts_of(pair, crops, degradations, nodes, losses)
    facts = [
        {
            "input_degradation": name,
            "attributed": name in inner,
            **path_facts(loss, units[name]),
            "barrier_aligned": barrier(ordered[name], units[name]) if moved else np.nan,
            **inner.get(name, {}),
        }
        for name, loss in losses.items()
    ]
    paths = []
    for name, loss in losses.items():
        mean = loss.mean(axis=1)
        path = {"alpha": np.linspace(0, 1, points), "loss": mean}
        path["position"] = (mean - mean[0]) / units[name]
        paths.append(pd.DataFrame(path).assign(input_degradation=name))
    return pd.concat(paths, ignore_index=True), pd.DataFrame(facts)


def _units(losses: Mapping[str, np.ndarray], degradations: Sequence[str]) -> dict[str, float]:
    """The gain that each input's path is counted in, kept from 0."""
    gains = {
        name: max(abs(each[-1].mean() - each[0].mean()), NO_GAIN * each[-1].mean(), TINY)
        for name, each in losses.items()
    }
    least = min(gains[name] for name in degradations)
    return {name: gains[name] if name in degradations else least for name in losses}


def _integral_facts_of(
    pair: Pair,
    crops: Sequence[Example],
    degradations: Sequence[str],
    nodes: int,
    losses: Mapping[str, np.ndarray],
) -> dict[str, dict[str, float]]:
    """`integral_facts` by degradation."""
    fine = [_integrals(pair, crops, name, nodes) for name in degradations]
    coarse = [_integrals(pair, crops, name, nodes // 2) for name in degradations]
    scores = (np.stack([faig for _, faig in both]) for both in (fine, coarse))
    return {
        name: integral_facts(signed, losses[name][-1] - losses[name][0], overlap)
        for name, (signed, _), overlap in zip(degradations, fine, overlaps(*scores), strict=True)
    }


def path_facts(losses: np.ndarray, unit: float) -> dict[str, float]:
    """What the losses along the line tell.

    Args:
        losses: (points, crops), from the target to the baseline.
        unit: that the barrier is counted in.

    Returns:
        loss_target, loss_baseline, gain; gain_error, its standard error over the crops, NaN (not
        measured) for one crop; barrier, how far the loss lies above the chord between its ends at
        most, in units; monotony, the gain divided by all ups and downs of the loss: 1 where it
        only rises, -1 where it only falls.
    """
    mean, difference = losses.mean(axis=1), losses[-1] - losses[0]
    several = len(difference) > 1
    return {
        "loss_target": mean[0],
        "loss_baseline": mean[-1],
        "gain": difference.mean(),
        "gain_error": difference.std(ddof=1) / len(difference) ** 0.5 if several else np.nan,
        "barrier": barrier(losses, unit),
        "monotony": difference.mean() / max(np.abs(np.diff(mean)).sum(), TINY),
    }


def barrier(losses: np.ndarray, unit: float) -> float:
    """How far the mean loss lies above the chord between its ends at most, see `path_facts`."""
    mean = losses.mean(axis=1)
    return float((mean - np.linspace(mean[0], mean[-1], len(mean))).max() / unit)


def integral_facts(signed: np.ndarray, gains: np.ndarray, overlap: float) -> dict[str, float]:
    """What the integrals tell.

    Args:
        signed: (crops, units), whose sums over the units should be the gains.
        gains: (crops,).
        overlap: of the top filters by all and by half the nodes.

    Returns:
        cancellation, sum of the units' sizes divided by the size of their sum, after the mean over
        crops, at least 1; completeness, mean error of a crop's sum in units of the mean gain; and
        the overlap.
    """
    mean, gain = signed.mean(axis=0), max(abs(gains.mean()), TINY)
    return {
        "cancellation": np.abs(mean).sum() / max(abs(mean.sum()), TINY),
        "completeness": np.abs(signed.sum(axis=1) - gains).mean() / gain,
        "overlap": overlap,
    }


def overlaps(fine: np.ndarray, coarse: np.ndarray) -> list[float]:
    """Share of the top filters by one number of nodes that another finds, per degradation.

    Args:
        fine, coarse: FAIG (degradations, filters), contrasted as the rankings are.
    """
    result = []
    for one, other in zip(*map(discriminative_scores, (fine, coarse)), strict=True):
        chosen, found = (top(ranks(scores), TOP) for scores in (one, other))
        result.append(float((chosen & found).sum() / chosen.sum()))
    return result


def check(path: pd.DataFrame, facts: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """What `measure` found with the verdicts, in one table.

    Returns:
        The path's rows, with the facts and the verdict of their input repeated in each.
    """
    verdicts = pd.DataFrame([judge(row, limits) for row in facts.to_dict("records")])
    return path.merge(pd.concat([facts, verdicts], axis=1), on="input_degradation")
