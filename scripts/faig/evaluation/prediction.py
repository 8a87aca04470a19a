"""Degradation prediction: which degradation's filters does a network use on this image?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..attribution.examples import Example
from ..attribution.methods import attribute
from ..attribution.pair import Pair
from ..attribution.ranking import ranks, top
from ..base.progress import progress
from ..data.crops import Crop, spread_crops
from ..data.pixels import to_uint8
from ..data.store import ImageStore
from ..networks.restoring import restore

REFERENCES = ("ground_truth", "target_output")


@dataclass(frozen=True)
class Settings:
    """What is predicted, and how.

    Attributes:
        conditions: per true degradation those of the ranked degradations that it contains.
        clean: the degradation that nothing is added to.
        crop: side of the crops in HR pixels.
        crops_per_image: how many at most.
        proportion: of the filters that are compared, in (0, 1].
        parameters: of FAIG.
    """

    conditions: Mapping[str, Sequence[str]]
    clean: str
    crop: int
    crops_per_image: int
    proportion: float
    parameters: Mapping


def overlap(of_image: np.ndarray, of_degradation: np.ndarray) -> float:
    """Overlap score of two choices of filters (the paper's section 5).

    Args:
        of_image: the top filters of one image, boolean (filters,).
        of_degradation: the top filters of a degradation, boolean (filters,).

    Returns:
        |of_image and of_degradation| / |of_degradation|, in [0, 1]; 0 where there is no filter.
    """
    return float((of_image & of_degradation).sum() / max(of_degradation.sum(), 1))


def normalized(scores: np.ndarray) -> np.ndarray:
    """Scores scaled to sum 1; zeros stay zeros."""
    return scores / max(scores.sum(), 1e-30)


def used_filters(scores: np.ndarray, proportion: float, typical: np.ndarray) -> np.ndarray:
    """The top filters of one image: those it uses more than a typical image does.

    Args:
        scores: FAIG of the image, (filters,).
        proportion: how many to take, in (0, 1].
        typical: mean FAIG over calibration images, (filters,). Both are scaled to sum 1 before
            it is subtracted; zeros subtract nothing and give the paper's definition.

    Returns:
        Boolean (filters,).
    """
    return top(ranks(normalized(scores) - normalized(typical)), proportion)


def best_threshold(overlaps: Sequence[float], present: Sequence[bool]) -> float:
    """The threshold with the highest balanced accuracy on calibration images.

    Args:
        overlaps: overlap score of each image with one degradation.
        present: whether the image has this degradation; both kinds must occur.

    Returns:
        A value half way between two neighbouring scores, the middle one of the best.
    """
    overlaps, present = np.asarray(overlaps, float), np.asarray(present, bool)
    values = np.unique(overlaps)
    edges = np.concatenate(
        [[values[0] - 1e-6], (values[1:] + values[:-1]) / 2, [values[-1] + 1e-6]]
    )
    above = overlaps[None] > edges[:, None]
    accuracy = (above[:, present].mean(axis=1) + (~above[:, ~present]).mean(axis=1)) / 2
    best = np.flatnonzero(accuracy == accuracy.max())
    return float(edges[best[len(best) // 2]])


def crop_examples(
    store: ImageStore, crops: Iterable[Crop], conditions: Sequence[str], clean: str
) -> Iterator[tuple[str, Example]]:
    """Every crop under every true degradation, the ground truth as reference.

    Yields:
        The name of the true degradation, and an example with this one input.
    """
    scale = store.scale
    for crop in crops:
        reference = crop.of(store.hr(crop.image), scale)[None]
        plain = crop.of(store.lr(clean, crop.image))[None]
        for name in conditions:
            pixels = crop.of(store.lr(name, crop.image))[None]
            yield name, Example(str(crop), reference, plain, {name: pixels})


def with_target_output(pair: Pair, example: Example) -> Example:
    """The same example with the target's output as reference: what a user has in practice."""
    (pixels,) = example.inputs.values()
    output = restore(pair.network, pixels, pair.compute, pair.target)
    return replace(example, reference=to_uint8(output).cpu())


def score_crops(pair: Pair, store: ImageStore, settings: Settings, label: str) -> list[dict]:
    """FAIG of every crop, true degradation and reference; one dict each, `scores` (filters,)."""
    crops = spread_crops(store, settings.crop // store.scale, settings.crops_per_image)
    examples = crop_examples(store, crops, list(settings.conditions), settings.clean)
    rows = []
    total = len(crops) * len(settings.conditions)
    for true, example in progress(examples, label, total, "crop"):
        for reference in REFERENCES:
            given = with_target_output(pair, example) if reference == REFERENCES[1] else example
            (result,) = attribute("faig", pair, [given], settings.parameters, seed=0)
            rows.append(
                {
                    "image": example.name,
                    "true_degradation": true,
                    "reference": reference,
                    "scores": result.scores[0].cpu().numpy(),
                }
            )
    return rows


def overlaps(
    rows: list[dict], selected: Mapping[str, np.ndarray], settings: Settings, typical: np.ndarray
) -> pd.DataFrame:
    """Overlap score of every crop with every degradation's filters, without the bulky scores."""
    result = []
    for row in rows:
        used = used_filters(row["scores"], settings.proportion, typical)
        facts = {key: value for key, value in row.items() if key != "scores"}
        for degradation, filters in selected.items():
            present = degradation in settings.conditions[row["true_degradation"]]
            score = overlap(used, filters)
            result.append(
                {**facts, "degradation": degradation, "overlap": score, "present": present}
            )
    return pd.DataFrame(result)


def predict(
    pair: Pair,
    selected: Mapping[str, np.ndarray],
    calibration: ImageStore,
    tests: Mapping[str, ImageStore],
    settings: Settings,
) -> pd.DataFrame:
    """Predict which degradations every crop of the test images has.

    Args:
        selected: the top filters of each ranked degradation, boolean (filters,).
        calibration: images to fix the thresholds on.
        tests: by name of the dataset.

    Returns:
        A row per reference, variant (`paper`; `centred`: what a typical image uses is
        subtracted), dataset, crop, true degradation and ranked degradation, with the columns
        image, true_degradation, reference, degradation, overlap, present, dataset, variant,
        threshold, predicted.
    """
    known = score_crops(pair, calibration, settings, "calibration")
    # thresholds come from single degradations, and from mixtures that are ranked as such: what
    # another mixture does is a finding, not an input
    conditions = {
        n: ranked for n, ranked in settings.conditions.items() if len(ranked) <= 1 or n in ranked
    }
    single = [row for row in known if row["true_degradation"] in conditions]
    scored = {name: score_crops(pair, store, settings, name) for name, store in tests.items()}

    tables = []
    for reference in REFERENCES:
        rows = _of(single, reference)
        mean = np.mean([normalized(row["scores"]) for row in rows], axis=0)
        for variant, typical in (("paper", np.zeros_like(mean)), ("centred", mean)):
            thresholds = {
                degradation: best_threshold(table["overlap"], table["present"])
                for degradation, table in overlaps(rows, selected, settings, typical).groupby(
                    "degradation"
                )
            }
            for dataset, crops in scored.items():
                table = overlaps(_of(crops, reference), selected, settings, typical)
                threshold = table["degradation"].map(thresholds)
                predicted = table["overlap"] > threshold
                tables.append(
                    table.assign(
                        dataset=dataset, variant=variant, threshold=threshold, predicted=predicted
                    )
                )
    return pd.concat(tables, ignore_index=True)


def _of(rows: list[dict], reference: str) -> list[dict]:
    return [row for row in rows if row["reference"] == reference]
