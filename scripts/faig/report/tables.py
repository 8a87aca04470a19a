"""Tables of numbers over all networks and seeds, as the CSV files show them.

Every table is a function under `@table`; its arguments are tables of the run, named as its
parameters are, with the columns `network` and `seed`. Intervals (`_low`, `_high`) are those of
`summaries.interval`; PSNR in dB; gradient_mse x 1000.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..attribution.quadrature import INEXACT, error_of_whole
from ..attribution.ranking import TOP
from ..base.tables import read_metadata
from ..evaluation.faithfulness import (
    RANDOM_FILTERS,
    TOP_FILTERS,
    has_gain,
    p_value,
    restored_share,
    share_with_interval,
)
from ..evaluation.trust import EXPECTED, LEVELS, MEANINGS
from ..evaluation.verdicts import worst
from .findings import UNMEASURED, judge, localised
from .rankings import read_shown, with_layers
from .summaries import (
    CHOICE,
    answers,
    chosen_per_layer,
    combine,
    difference,
    interval,
    per_image,
    summarise,
    taken,
    trained_alone,
    with_code,
    with_levels,
    with_mixture,
    with_transplanted_psnr,
)

TABLES: dict[str, Callable[..., pd.DataFrame]] = {}

KEYS = ["network", *CHOICE]
LEAST_GAIN = 0.1  # dB; a share of less says nothing
OPPONENTS = {  # variant and embedding that the two-branch network is compared with
    "over_equal_parameters": ("equal_parameters", "own"),
    "over_equal_operations": ("equal_operations", "own"),
    "over_mean_code": ("two_branch", "mean"),
}


def table(function: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    """Register a table under its function's name."""
    TABLES[function.__name__] = function
    return function


def make(name: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A table by its name; one of rankings says in the column `pair` whether to believe them.

    Args:
        tables: those that it is made of; `health`, if it is made of others, gives the worst verdict
            over all inputs on each pair of networks, and over seeds where rows go over seeds.
    """
    arguments, health = taken(TABLES[name], tables)
    result = TABLES[name](**arguments)
    if health is None:
        return result
    by = [key for key in ("network", "seed") if key in result]
    return result.join(health.groupby(by)["verdict"].agg(worst).rename("pair"), on=by)


def averaged(data: pd.DataFrame, by: list[str], values: list[str]) -> pd.DataFrame:
    """Means with intervals of several columns, one row per group of `count` rows.

    Rows without a value are left out of this value's mean.
    """
    result = data.groupby(by, sort=False).size().rename("count").to_frame()
    for value in values:
        means = summarise(data.dropna(subset=value), by, value).set_index(by)
        result[[value, f"{value}_low", f"{value}_high"]] = means
    return result.reset_index()


def effects(
    data: pd.DataFrame, values: list[str], difference: str, share: str, more: Sequence[str] = ()
) -> pd.DataFrame:
    """Averages per choice of filters and input, with the levels that they are compared with.

    Args:
        data: with the columns of `with_levels`.
        more: columns that tell choices apart.
        difference: one of the values (dB), which is also given as `share`: % of the target's gain
            over the baseline, NaN where it gains next to nothing.
    """
    by = [*KEYS, *more]
    levels = data.groupby(by, sort=False)[["psnr", "psnr_baseline", "psnr_target"]].mean()
    result = averaged(data, by, values).join(levels, on=by)
    gain = result["psnr_target"] - result["psnr_baseline"]
    return result.assign(**{share: 100 * result[difference] / gain.where(gain >= LEAST_GAIN)})


@table
def networks(faig: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """PSNR of baseline and target on every input degradation, mean over test images."""
    keys = ["network", "seed", "input_degradation"]
    levels = reference.pivot_table(index=keys, columns="model", values="psnr", sort=False)
    layers = with_layers(faig).drop_duplicates(["network", "seed", "layer"])
    filters = layers.groupby(["network", "seed"])["filters"].sum()
    images = reference.groupby([*keys, "model"]).size().groupby(keys).max().rename("images")
    levels = levels.add_prefix("psnr_").join(images)
    return levels.reset_index().join(filters, on=["network", "seed"])


@table
def health(health: pd.DataFrame) -> pd.DataFrame:
    """Whether each pair can be attributed, on each input; loss and gain of squared errors."""
    columns = ["network", "seed", "input_degradation", "verdict", "reason", "advice"]
    rest = health.columns.drop([*columns, "alpha", "loss", "position"])
    return health[[*columns, *rest]].drop_duplicates(columns[:3])


def pair_first(data: pd.DataFrame) -> pd.DataFrame:
    """The same table with the columns that name the pair before all others."""
    return data[["network", "seed", *data.columns.drop(["network", "seed"])]]


@table
def trust(trust: pd.DataFrame) -> pd.DataFrame:
    """What speaks for and against believing a ranking, see `evaluation.trust.card`.

    meaning is what a light says that is amber or red.
    """
    meaning = trust["light"].map(MEANINGS).where(trust["level"].isin(LEVELS[1:]))
    return pair_first(trust.assign(meaning=meaning))


@table
def stability(stability: pd.DataFrame, seeds: pd.DataFrame | None = None) -> pd.DataFrame:
    """How far rankings agree that should be the same, see `evaluation.trials`.

    Agreement between seeds, of all of them together, stands beside the first one.
    """
    return pair_first(pd.concat([stability, seeds], ignore_index=True))


@table
def sanity(sanity: pd.DataFrame) -> pd.DataFrame:
    """What is left of a ranking where what it should depend on is destroyed; and what should be."""
    expected = sanity["trial"].map(EXPECTED)
    return sanity[["network", "seed", "method", "trial", "degradation"]].assign(
        expected=expected, found=sanity["found"]
    )


@table
def masking(masked: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """What the target forgets without the chosen filters; gain_removed in %.

    psnr is of RGB, psnr_y of luminance; biases are those of the target, or refitted.
    """
    data = with_levels(masked, reference)
    losses = {n: data[f"{n}_target"] - data[n] for n in ("psnr", "psnr_y")}
    data = data.assign(**{f"{name}_loss": loss for name, loss in losses.items()})
    values = ["gradient_mse", *(f"{name}_loss" for name in losses)]
    return effects(data, values, "psnr_loss", "gain_removed", ["biases"])


@table
def retraining(retrained: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """What the chosen filters alone learn, starting from the baseline; gain_reached in %."""
    data = with_levels(trained_alone(retrained), reference)
    data = data.assign(gain=data["psnr"] - data["psnr_baseline"])
    return effects(data, ["gain"], "gain", "gain_reached")


@table
def localisation(retrained: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Whether re-training says that a skill lies in the chosen filters, see `findings`."""
    return localised(retrained, reference)


@table
def locations(**rankings: pd.DataFrame) -> pd.DataFrame:
    """Filters among the top 1 % per layer and seed, for every method."""
    tables = [chosen_per_layer(ranking, TOP).assign(method=m) for m, ranking in rankings.items()]
    columns = ["network", "seed", "method", "degradation", "layer", "filters", "chosen", "share"]
    return pd.concat(tables, ignore_index=True)[columns]


@table
def league(league: pd.DataFrame) -> pd.DataFrame:
    """Every ranking judged by the bench, see `evaluation.league.league`."""
    return pair_first(league)


TRANSPLANTS = ["network", "receiver", "method", "degradation", "proportion", "input_degradation"]


@table
def transplant(transplanted: pd.DataFrame) -> pd.DataFrame:
    """What a network gains and loses by the filters of another target of the same baseline.

    loss is the mean squared error x 1000, gained the PSNR above the receiver's (dB), share how much
    of the way from the receiver's to the donor's loss (%, ratio of sums; empty where the donor is
    no better by twice the standard error), *_random the mean of random filters of the same layers,
    p how rarely those reach as large a share. Intervals are over crops.
    """
    data = with_transplanted_psnr(transplanted)
    losses = ["loss_receiver", "loss", "loss_donor"]
    values = [*losses, *(name.replace("loss", "psnr") for name in losses), "gained"]
    images = per_image(data, [*TRANSPLANTS, "filters", "draw"], values)
    random = dict(list(images[images["filters"] == RANDOM_FILTERS].groupby(TRANSPLANTS)))
    rows = []
    for key, top in images[images["filters"] == TOP_FILTERS].groupby(TRANSPLANTS, sort=False):
        means = top[values].mean().to_dict()
        means |= {name: 1000 * means[name] for name in losses}
        means["gained_low"], means["gained_high"] = interval(top["gained"])
        facts = dict(zip(TRANSPLANTS, key, strict=True))
        rows.append({**facts, "images": len(top), **means, **_shares(top, random.get(key))})
    return pd.DataFrame(rows)


def _shares(top: pd.DataFrame, random: pd.DataFrame | None) -> dict[str, float]:
    """How much of the donor's advantage filters bring, and random ones."""
    loss, receiver, donor = (
        top[name].to_numpy() for name in ("loss", "loss_receiver", "loss_donor")
    )
    found = share_with_interval(loss, receiver, donor, "share")
    found |= dict.fromkeys(("gained_random", "share_random", "p"), np.nan)
    if random is not None:
        found["gained_random"] = random["gained"].mean()
    if random is not None and has_gain(receiver, donor):
        draws = np.array([rows["loss"].to_numpy() for _, rows in random.groupby("draw")])
        shares = 100 * restored_share(draws, receiver, donor)
        found["share_random"], found["p"] = shares.mean(), p_value(found["share"], shares)
    return found


@table
def prediction(predicted: pd.DataFrame) -> pd.DataFrame:
    """Accuracy (%), for images with at most one degradation and for mixtures apart.

    detected is the share of images with the degradation in which it is recognised, false_alarms
    the share of the others in which it is, too.
    """
    data = with_mixture(predicted)
    data = data.assign(accuracy=100.0 * data["correct"], hit=100.0 * data["predicted"])
    by = ["network", "degradation", "reference", "variant", "mixture"]
    result = averaged(data, by, ["accuracy"])
    for name, kind in (("detected", data["present"]), ("false_alarms", ~data["present"])):
        result = result.join(data[kind].groupby(by)["hit"].mean().rename(name), on=by)
    return result


@table
def completeness(errors: pd.DataFrame) -> pd.DataFrame:
    """Relative error of the completeness identity: of single images, and of all, see `quadrature`.

    The ranking is made of all images, so that `of_all` tells whether it is exact.
    """
    rows = []
    keys = ["network", "seed", "degradation"]
    for key, images in errors.groupby(keys, sort=False):
        single = images["error"]
        whole = float(error_of_whole(single.to_numpy(), images["gain"].to_numpy()))
        rows.append((*key, len(images), single.mean(), single.max(), whole, whole > INEXACT))
    names = ["images", "mean", "max", "of_all", "above_2_percent"]
    return pd.DataFrame(rows, columns=[*keys, *names])


@table
def findings(health: pd.DataFrame, **tables: pd.DataFrame) -> pd.DataFrame:
    """The paper's claims and ours, judged on this run, see `report.findings`."""
    return judge({"health": health, **tables})


@table
def two_branch_findings(evaluated: pd.DataFrame) -> pd.DataFrame:
    """The claims about two branches."""
    found = judge({"evaluated": evaluated})
    return found[found["verdict"] != UNMEASURED]


def with_opponents(images: pd.DataFrame) -> pd.DataFrame:
    """Add by how much the two-branch network's PSNR exceeds each opponent's (dB), else NaN.

    Args:
        images: columns network, setting, variant, code, dataset, image, psnr.
    """
    keys, compared = ["network", "setting", "dataset", "image"], with_code(images)
    columns = {
        name: difference(images, "psnr", with_code(images, *opponent), keys).where(compared)
        for name, opponent in OPPONENTS.items()
    }
    return images.assign(**columns)


@table
def two_branch(evaluated: pd.DataFrame) -> pd.DataFrame:
    """Two-branch networks and their controls of equal cost: means over sigmas, seeds and images.

    Intervals are over images. over_* is by how much the two-branch network exceeds its controls
    and itself with the mean embedding (dB).
    """
    by = ["network", "setting", "variant", "code"]
    costs = evaluated.groupby(by, sort=False)[["blocks", "parameters", "multiply_adds"]].first()
    data = evaluated.assign(gain_over_bicubic=evaluated["psnr"] - evaluated["psnr_bicubic"])
    values = ["psnr", "ssim", "gain_over_bicubic"]
    images = with_opponents(per_image(data, by, values))
    return costs.reset_index().merge(averaged(images, by, [*values, *OPPONENTS]), on=by)


@table
def two_branch_knowledge(
    evaluated: pd.DataFrame, probed: pd.DataFrame, predicted: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How well the branches' embeddings and one-branch networks' filters tell the degradation.

    variant is `two_branch` or how the filters were compared; the columns of `answers` are means
    over crops. code_error and sigma_error, of the two-branch networks only, are means over images
    and stand in each of a network's rows.
    """
    who, errors = ["network", "variant"], ["code_error", "sigma_error"]
    rates = ["balanced_accuracy", "detected", "false_alarms"]
    told = per_image(evaluated[with_code(evaluated)], [*who, "setting"], errors)
    told = averaged(told, [*who, "setting"], errors).drop(columns="count")
    right = averaged(answers(probed, predicted), [*who, "degradation"], rates)
    return right.merge(told, "left", who)


def read_errors(path: Path) -> pd.DataFrame:
    """Completeness errors from an attribution's metadata: image, degradation, error, gain."""
    found = read_metadata(path)["completeness"]
    parts = []
    for column, key in (("error", "relative_error"), ("gain", "gain")):
        values = pd.DataFrame(found[key], found["images"], found["degradations"])
        values = values.rename_axis("image").reset_index()
        parts.append(values.melt("image", None, "degradation", column))
    return parts[0].merge(parts[1])


READERS = {"errors": read_errors}  # all others as what they are


def read(listed: Iterable[tuple[str, str, int | str, Path]]) -> dict[str, pd.DataFrame]:
    """Tables of a run, see `combine`.

    Args:
        listed: (name, network, seed, path).
    """
    return combine(
        (name, network, seed, READERS.get(name, read_shown)(path))
        for name, network, seed, path in listed
    )
