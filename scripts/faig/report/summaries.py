"""Tables of a run put together and averaged, for figures and for CSV files."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from ..attribution.ranking import TOP, number
from ..evaluation.faithfulness import AS_TARGET, decibels
from ..evaluation.trust import order
from .rankings import layer_sizes, with_layers

CHOICE = ["method", "degradation", "proportion", "input_degradation"]  # columns of ablations
FEW = 8  # fewer values than this are no sample to bootstrap from


def taken(
    function: Callable, tables: Mapping[str, pd.DataFrame]
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame | None]:
    """The tables that a function takes, and `health` apart where it takes none."""
    arguments = dict(tables)
    takes = "health" in inspect.signature(function).parameters
    return arguments, None if takes else arguments.pop("health", None)


def combine(listed: Iterable[tuple[str, str, int | str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Put tables of one name below each other.

    Args:
        listed: (name, network, seed, table).

    Returns:
        By name one table with the columns `network` and `seed` added.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for name, network, seed, table in listed:
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


def per_image(table: pd.DataFrame, by: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Means of columns over all rows of an image (seeds, ...), so that each image counts once.

    Returns:
        The columns `by`, dataset, image and the values, in the order of first appearance.
    """
    groups = table.groupby([*by, "dataset", "image"], sort=False, dropna=False)
    return groups[list(values)].mean().reset_index()


def summarise_paired(images: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """As `summarise`, but low and high are those of the difference from the mean of all groups.

    What all groups share, how hard an image is, is no uncertainty of the comparison.

    Args:
        images: see `per_image`; all groups have the same images.
    """
    shared = images.groupby(["dataset", "image"])[value].transform("mean")
    mean = images[value].mean()
    return summarise(images.assign(**{value: images[value] - shared + mean}), by, value)


def with_code(table: pd.DataFrame, variant: str = "two_branch", code: str = "own") -> pd.Series:
    """Which rows are of this variant, run with this code; boolean."""
    return (table["variant"] == variant) & (table["code"] == code)


def difference(
    table: pd.DataFrame, value: str, reference: pd.Series, keys: Sequence[str]
) -> pd.Series:
    """A column minus what it is in the reference row of the same keys, NaN where there is none.

    Args:
        reference: which rows these are, boolean; one for every combination of keys.
    """
    levels = table[reference].set_index(list(keys))[value].rename("reference")
    return table[value] - table[list(keys)].join(levels, on=list(keys))["reference"]


def as_target(masked: pd.DataFrame) -> pd.DataFrame:
    """Rows of masking whose biases are the target's, as in the paper."""
    return masked[masked["biases"] == AS_TARGET]


def judged_proportion(table: pd.DataFrame) -> float:
    """The top 1 % of the filters if they are in a table, else the fewest that are."""
    proportions = table["proportion"].unique()
    return TOP if TOP in proportions else min(proportions)


def trained_alone(retrained: pd.DataFrame) -> pd.DataFrame:
    """Rows of re-trainings of the chosen filters, not of all others."""
    return retrained[retrained["part"] == "chosen"]


def with_levels(table: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Add the columns psnr_baseline and psnr_target (dB) of the same image, input and seed.

    Args:
        reference: columns model, network, seed, input_degradation, dataset, image, psnr.
    """
    keys = ["network", "seed", "input_degradation", "dataset", "image"]
    levels = reference.pivot_table(index=keys, columns="model", values="psnr").add_prefix("psnr_")
    return table.drop(columns=list(levels), errors="ignore").join(levels, on=keys)


def with_transplanted_psnr(table: pd.DataFrame) -> pd.DataFrame:
    """Add psnr, psnr_receiver and psnr_donor (dB), and gained, of which the first is above the
    second.

    Args:
        table: columns loss, loss_receiver, loss_donor.
    """
    ends = {f"psnr_{end}": decibels(table[f"loss_{end}"]) for end in ("receiver", "donor")}
    psnr = decibels(table["loss"])
    return table.assign(psnr=psnr, **ends, gained=psnr - ends["psnr_receiver"])


def chosen_per_layer(ranking: pd.DataFrame, proportion: float) -> pd.DataFrame:
    """Where a ranking's top filters lie.

    Args:
        ranking: whole, or its top, see `rankings.with_layers`.
        proportion: of the filters.

    Returns:
        Rows from the first layer to the last with network, seed, degradation, layer, filters (the
        layer's number of them), chosen (how many of these), share (chosen, % of all chosen).
    """
    names, tables = ["network", "seed", "degradation"], []
    for keys, rows in with_layers(ranking).groupby(names, sort=False):
        sizes = layer_sizes(rows)
        best = rows[rows["rank"] < number(sizes.sum(), proportion)].groupby("layer").size()
        layers = sizes.to_frame().assign(chosen=best.reindex(sizes.index, fill_value=0))
        layers = layers.reset_index()
        layers["share"] = 100 * layers["chosen"] / layers["chosen"].sum()
        tables.append(layers.assign(**dict(zip(names, keys, strict=True))))
    return pd.concat(tables, ignore_index=True)


def with_mixture(predicted: pd.DataFrame) -> pd.DataFrame:
    """Add the column mixture: two or more ranked degradations are present; and correct."""
    present = predicted[predicted["present"]]
    counts = present.groupby("true_degradation")["degradation"].nunique()
    mixture = predicted["true_degradation"].map(counts).fillna(0) >= 2
    correct = predicted["predicted"] == predicted["present"]
    return predicted.assign(mixture=mixture, correct=correct)


def answers(probed: pd.DataFrame, predicted: pd.DataFrame | None = None) -> pd.DataFrame:
    """How right the two-branch networks' codes and one-branch networks' filters are on each crop.

    Of the filters' answers those are taken that need no ground truth.

    Args:
        probed: columns network, dataset, image, degradation, present, predicted; every crop with
            and without each degradation.
        predicted: the same, with reference and variant.

    Returns:
        A row per network, variant (`two_branch` or the filters'), degradation, dataset and image
        with (%) detected, false_alarms, and balanced_accuracy: mean of the correct answers where
        the degradation is present and where it is not, 50 by guessing.
    """
    tables = [probed.assign(variant="two_branch")]
    if predicted is not None:
        tables.append(predicted[predicted["reference"] == "target_output"])
    table = pd.concat(tables, ignore_index=True)
    crop = ["network", "variant", "degradation", "dataset", "image"]
    table["predicted"] = 100.0 * table["predicted"]
    rates = table.pivot_table("predicted", crop, "present", sort=False)
    rates = rates.rename(columns={True: "detected", False: "false_alarms"})
    balanced = (rates["detected"] + 100 - rates["false_alarms"]) / 2
    return rates.assign(balanced_accuracy=balanced).reset_index()


def worst_of_seeds(trust: pd.DataFrame) -> pd.DataFrame:
    """One row per light and method, of the seed where it is worst."""
    ordered = trust.assign(rank=trust["level"].map(order)).sort_values(
        "rank", ascending=False, kind="stable"
    )
    worst = ordered.drop_duplicates(["light", "method"]).sort_index(kind="stable")
    keys = trust[["light", "method"]].drop_duplicates()
    return keys.merge(worst, on=["light", "method"])
