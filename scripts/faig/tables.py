"""Tables of a run put together and averaged, for figures and for CSV files."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from .ranking import top

CHOICE = ["method", "degradation", "proportion", "input_degradation"]  # columns of ablations
FEW = 8  # fewer values than this are no sample to bootstrap from


def combine(parts: Iterable[tuple[str, str, int | str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Put tables of one name below each other.

    Args:
        parts: (name, network, seed, table).

    Returns:
        By name one table with the columns `network` and `seed` added.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for name, network, seed, table in parts:
        found.setdefault(name, []).append(table.assign(network=network, seed=int(seed)))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in found.items()}


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean; mean +- standard error of fewer than `FEW` values.

    One value has no spread: both ends are the value.
    """
    values = np.asarray(values, float)
    mean, count = values.mean(), len(values)
    if count < FEW:
        error = values.std(ddof=1) / np.sqrt(count) if count > 1 else 0.0
        return mean - error, mean + error

    from scipy.stats import bootstrap  # slow to import

    rng = np.random.default_rng(0)
    result = bootstrap((values,), np.mean, n_resamples=2000, method="percentile", rng=rng)
    return tuple(result.confidence_interval)


def summarise(table: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Mean and `interval` of a column per group, in the order of first appearance.

    Returns:
        The columns `by`, mean, low, high.
    """
    groups = table.groupby(list(by), sort=False)[value]
    rows = [(*keys, values.mean(), *interval(values)) for keys, values in groups]
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high"])


def with_levels(table: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Add the columns psnr_baseline and psnr_target (dB) of the same image, input and seed.

    Args:
        reference: columns model, network, seed, input_degradation, dataset, image, psnr.
    """
    keys = ["network", "seed", "input_degradation", "dataset", "image"]
    levels = reference.pivot_table(index=keys, columns="model", values="psnr").add_prefix("psnr_")
    return table.drop(columns=list(levels), errors="ignore").join(levels, on=keys)


def chosen_per_layer(ranking: pd.DataFrame, proportion: float) -> pd.DataFrame:
    """Where a ranking's top filters lie.

    Returns:
        Rows from the first layer to the last with network, seed, degradation, layer, filters (the
        layer's number of them), chosen (how many of these), share (chosen, % of all chosen).
    """
    names, parts = ["network", "seed", "degradation"], []
    for keys, rows in ranking.groupby(names, sort=False):
        rows = rows.assign(chosen=top(rows["rank"].to_numpy(), proportion)).sort_values("filter")
        layers = rows.groupby("layer", sort=False)["chosen"].agg(["size", "sum"]).reset_index()
        layers.columns = ["layer", "filters", "chosen"]
        layers["share"] = 100 * layers["chosen"] / layers["chosen"].sum()
        parts.append(layers.assign(**dict(zip(names, keys, strict=True))))
    return pd.concat(parts, ignore_index=True)


def with_mixture(predicted: pd.DataFrame) -> pd.DataFrame:
    """Add the column mixture: two or more ranked degradations are present; and correct."""
    present = predicted[predicted["present"]]
    counts = present.groupby("true_degradation")["degradation"].nunique()
    mixture = predicted["true_degradation"].map(counts).fillna(0) >= 2
    correct = predicted["predicted"] == predicted["present"]
    return predicted.assign(mixture=mixture, correct=correct)
