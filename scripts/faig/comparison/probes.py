"""Linear probes: what the embedding of an image tells of the image's degradation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from ..base.device import Compute
from ..data.crops import Crop
from ..data.store import ImageStore
from .two_branch import embed_crops

ALPHAS = np.logspace(-3, 3, 13)  # strengths of a probe's regularisation to choose from


def number_probe() -> Pipeline:
    """A linear probe that tells a number from an embedding."""
    return make_pipeline(StandardScaler(), RidgeCV(ALPHAS))


def presence_probe() -> Pipeline:
    """A linear probe that tells whether something is there; both answers weigh alike."""
    return make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS, class_weight="balanced"))


@dataclass(frozen=True)
class Embedded:
    """Every crop of a dataset under every true degradation, and the network's embedding of it.

    Attributes:
        rows: columns dataset, true_degradation, image.
        embeddings: (rows, C).
    """

    rows: pd.DataFrame
    embeddings: np.ndarray

    @classmethod
    def of(
        cls,
        network: nn.Module,
        store: ImageStore,
        crops: Sequence[Crop],
        degradations: Iterable[str],
        compute: Compute,
    ) -> "Embedded":
        """Embed crops of a dataset's images; `degradations` are the true ones."""
        degradations = list(degradations)
        found = [embed_crops(network, store, crops, name, compute) for name in degradations]
        rows = [(store.path.stem, name, str(crop)) for name in degradations for crop in crops]
        table = pd.DataFrame(rows, columns=["dataset", "true_degradation", "image"])
        return cls(table, np.concatenate(found))


def probe_presence(
    known: Embedded,
    tests: Sequence[Embedded],
    degradations: Iterable[str],
    conditions: Mapping[str, Iterable[str]],
) -> pd.DataFrame:
    """Tell of every test crop which degradations it has.

    Args:
        known: crops to fit the probes on.
        degradations: those that are asked for.
        conditions: per true degradation those that it contains.

    Returns:
        Columns dataset, true_degradation, image, degradation, present, predicted.
    """
    contained = {true: set(ranked) for true, ranked in conditions.items()}
    # as the thresholds of the prediction by filters: from single degradations
    single = (known.rows["true_degradation"].map(contained).map(len) <= 1).to_numpy()
    tables = []
    for degradation in degradations:
        present = {true: degradation in ranked for true, ranked in contained.items()}
        answers = known.rows["true_degradation"].map(present)[single]
        probe = presence_probe().fit(known.embeddings[single], answers)
        tables += [
            test.rows.assign(
                degradation=degradation,
                present=test.rows["true_degradation"].map(present),
                predicted=probe.predict(test.embeddings),
            )
            for test in tests
        ]
    return pd.concat(tables, ignore_index=True)
