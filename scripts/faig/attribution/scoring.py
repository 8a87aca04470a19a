"""Scores of all filters by one method: mean over images, and how exact they are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..base.progress import progress
from ..data.store import ImageStore
from .examples import read_examples
from .methods import attribute, method_function
from .pair import Pair
from .quadrature import INEXACT, error_of_whole
from .ranking import numbered
from .stability import Halves


def score(
    pair: Pair,
    store: ImageStore,
    method: str,
    parameters: Mapping,
    degradations: Sequence[str],
    clean: str,
    seed: int,
    agreement: float | None = None,
    named: Mapping[str, Sequence[str]] | None = None,
) -> tuple[pd.DataFrame, dict]:
    """Score every filter for every degradation, mean over a dataset's images.

    Args:
        method: its name, see `methods.method_function`.
        parameters: of the method.
        clean: the degradation that nothing is added to.
        seed: of random methods, and of the order of images where not all are taken.
        agreement: images are taken in a random order until rankings from so many would agree to
            this degree at the top 1 %, as their halves predict; all without it.
        named: contrasts of these rankings, see `ranking.rank_filters`.

    Returns:
        Columns filter, layer, out_channel, in_channel, degradation, score, and of `faig` signed,
        the scores of `signed`; and what goes with them: contrast (of the method), passes (forward
        and backward, of each image and degradation), of a method that explains a gain, gains (by
        degradation), and of one that integrates, completeness: images, degradations,
        relative_error and gain (both images, degradations), nodes (images). The completeness is of
        the images that were used.
    """
    order = list(store.names)
    if agreement:
        order = np.random.default_rng(seed).permutation(order).tolist()
    contrast = method_function(method).contrast
    halves = Halves(contrast, numbered(named or {}, degradations))
    examples = read_examples(store, degradations, clean, order)
    results = attribute(method, pair, examples, parameters, seed)
    means: dict[str, np.ndarray | float] = {}
    completeness, nodes, gains, passes = [], [], [], []
    for result in progress(results, method, len(store.names), "image"):
        found = {"score": result.scores.double().cpu().numpy()}
        if result.signed is not None:
            found["signed"] = result.signed.double().cpu().numpy()
        for name, scores in found.items():
            means[name] = means.get(name, 0.0) + scores / len(order)
        completeness.append(result.completeness)
        nodes.append(result.nodes)
        gains.append(result.gains)
        passes.append(result.passes)
        if agreement and _enough(halves, found["score"], result.gains, agreement, len(order)):
            break
    used = order[: len(passes)]
    if len(used) < len(order):
        means = {name: mean * (len(order) / len(used)) for name, mean in means.items()}
    facts = {"contrast": contrast, "passes": float(np.mean(passes))}
    if gains[0] is not None:
        facts["gains"] = dict(zip(degradations, np.mean(gains, axis=0).tolist(), strict=True))
    if completeness[0] is not None:
        report_completeness(np.array(completeness), np.array(gains), nodes)
        facts["completeness"] = {
            "images": used,
            "degradations": degradations,
            "relative_error": np.array(completeness).tolist(),
            "gain": np.array(gains).tolist(),
            "nodes": nodes,
        }
    columns = pair.index.columns()
    tables = [
        pd.DataFrame(
            {**columns, "degradation": name, **{k: mean[row] for k, mean in means.items()}}
        )
        for row, name in enumerate(degradations)
    ]
    return pd.concat(tables, ignore_index=True), facts


def _enough(
    halves: Halves, scores: np.ndarray, gains: np.ndarray | None, wanted: float, images: int
) -> bool:
    """Take one more image into account, and tell whether it was the last that is needed."""
    halves.add(scores, gains)
    if halves.count % 2:
        return False
    predicted = halves.predicted()
    if predicted == predicted:
        left = images - halves.count
        print(
            f"agreement of rankings from {halves.count} images: {predicted:.3f}, "
            f"wanted: {wanted:g}; {left} images left"
        )
    return bool(predicted >= wanted)


def report_completeness(errors: np.ndarray, gains: np.ndarray, nodes: list[int]) -> None:
    """Print nodes and completeness error, as a warning where it is too large.

    Args:
        errors, gains: (images, degradations), the errors relative to the gains.
    """
    whole = error_of_whole(errors, gains).max()
    used = f"{min(nodes)}" if min(nodes) == max(nodes) else f"{min(nodes)} to {max(nodes)}"
    print(
        f"completeness error with {used} nodes: {whole:.2%} of the gain over all images; "
        f"of a single image's gain at most {errors.max():.2%}"
    )
    if whole > INEXACT:
        print(
            f"warning: a completeness error of {whole:.2%} is above {INEXACT:.0%}; "
            "`snakemake health` tells whether more nodes would help"
        )
