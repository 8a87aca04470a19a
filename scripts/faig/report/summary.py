"""The answer in one page of text: which filters remove which degradation, how do we know?"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ..attribution.quadrature import INEXACT
from ..attribution.ranking import TOP
from ..evaluation.faithfulness import REFITTED
from ..evaluation.trust import LEVELS
from ..evaluation.verdicts import VERDICTS, worst
from .findings import UNDECIDED
from .summaries import as_target, judged_proportion, worst_of_seeds
from .text import GLUE, aligned, percent, prose

SHOWN = ["faig", "random", "matched_random"]  # methods whose masking is compared
CARRIERS = ["signed", "faig"]  # methods whose number of filters is told
BUSIEST = 3  # layers named
MANY = 10_000  # images; more are no advice
DAMAGE = 150  # % of the gain; who loses as much restores worse than the baseline
NOUNS = {  # by units
    "kernel": "filters",
    "channel": "channels",
    "head": "heads and channels",
    "layer": "layers",
}


def levels(networks: pd.DataFrame) -> Iterator[str]:
    """PSNR of baseline and target on every input, mean over seeds."""
    means = networks.groupby("input_degradation", sort=False)[["psnr_baseline", "psnr_target"]]
    means = means.mean()
    rows = [["PSNR (dB) on input", *means.index]]
    for model in ("baseline", "target"):
        rows.append([f"  {model}", *(f"{value:.2f}" for value in means[f"psnr_{model}"])])
    yield from aligned(rows)


def fitness(health: pd.DataFrame) -> Iterator[str]:
    """The worst verdict on the pair over inputs and seeds, with its reasons."""
    verdict = worst(health["verdict"])
    if verdict == VERDICTS[0]:
        yield f"  health: {verdict} on every input"
        return
    shown = health[health["verdict"] == verdict]
    reasons = shown.groupby(["input_degradation", "reason"], sort=False).size().index
    text = "; ".join(f"{given}: {reason}" for given, reason in reasons)
    advice = dict.fromkeys("; ".join(shown["advice"].unique()).split("; "))
    yield from prose(f"  health: {verdict}: {text}; what to do: {'; '.join(advice)}")


def lights(trust: pd.DataFrame) -> Iterator[str]:
    """The trust card: what is green, and in words what is not; of seeds the worst."""
    shown = worst_of_seeds(trust.fillna({"method": ""}))  # of a pair, not of a method
    names = [" ".join(pair).strip() for pair in zip(shown["light"], shown["method"], strict=True)]
    green = [name for name, level in zip(names, shown["level"], strict=True) if level == LEVELS[0]]
    yield from prose(f"  trust, green: {', '.join(green) or 'nothing'}")
    for name, row in zip(names, shown.to_dict("records"), strict=True):
        if row["level"] != LEVELS[0]:
            yield from prose(f"    {row['level']}: {name}: {row['reason']}")


def meanings(trust: pd.DataFrame) -> Iterator[str]:
    """What the lights say that are amber or red for any network."""
    told = trust[trust["level"].isin(LEVELS[1:])].drop_duplicates("light")
    if len(told):
        yield "what a light means that is not green"
    for light, meaning in zip(told["light"], told["meaning"], strict=True):
        yield from prose(f"  {light}: {meaning}")


def carriers(league: pd.DataFrame, filters: int, noun: str) -> Iterator[str]:
    """How many filters carry each degradation's skill, found on validation images; over seeds.

    The fewest whose deletion takes 85 to 115 % of the gain and spares the others, see
    `evaluation.choosing`; what they take is told of test images.
    """
    told = league[league["method"].isin(CARRIERS)]
    for (degradation, method), rows in told.groupby(["degradation", "method"], sort=False):
        mean = rows.select_dtypes("number").mean()
        if pd.isna(mean["carried"]):
            yield from prose(
                f"  {degradation}, {method}: no gain to explain, the target is not better than the "
                f"baseline by twice the standard error; without the top {TOP:.0%} it loses "
                f"{mean['removed_db']:z.2f}{GLUE}dB"
            )
            continue
        count = f"{mean['chosen'] * filters / 100:.0f} of {filters:,}"
        carried, other = (shown(mean, name) for name in ("carried", "carried_other"))
        if mean["carried"] > DAMAGE:
            yield from prose(
                f"  {degradation}, {method}: without {count} {noun} the network loses {carried} of "
                "the gain: it is damaged, which says nothing of a skill"
            )
            continue
        yield from prose(
            f"  {count} {noun} ({mean['chosen']:.2g}%, by {method}) carry {carried} of the gain on "
            f"{degradation} and {other} of another; as many random ones in FAIG's layers carry "
            f"{percent(mean['carried_random'])}"
        )


def shown(mean: Mapping, name: str) -> str:
    """A share with its interval, both in %."""
    low, high = mean[f"{name}_low"], mean[f"{name}_high"]
    if pd.isna(mean[name]):
        return "nothing measurable"
    return f"{percent(mean[name])}{GLUE}[{low:z.0f},{GLUE}{high:z.0f}]"


def places(locations: pd.DataFrame, noun: str) -> Iterator[str]:
    """In which layers FAIG's top 1 % lie, mean over seeds."""
    located = locations[locations["method"] == "faig"]
    for degradation, table in located.groupby("degradation", sort=False):
        layers = table.groupby("layer", sort=False)[["chosen", "share"]].mean()
        depth = np.average(np.linspace(0, 100, len(layers)), weights=layers["chosen"])
        busiest = layers["share"].nlargest(BUSIEST)
        names = [f"{name}{GLUE}{percent(share)}" for name, share in busiest.items() if share]
        count = layers["chosen"].sum()
        yield from prose(
            f"  top {100 * TOP:g}% for {degradation}: {count:.0f} {noun}, mean depth "
            f"{percent(depth)}, most in {', '.join(names)}"
        )


def forgotten(masking: pd.DataFrame) -> Iterator[str]:
    """What masking removes on the filters' own and on the other degradations.

    Of the top 1 % if they were masked, else of the fewest that were.
    """
    proportion = judged_proportion(masking)
    both = masking[masking["proportion"] == proportion]
    table = as_target(both)
    ranked = list(table["degradation"].unique())
    methods = [method for method in SHOWN if method in set(table["method"])]
    yield (
        f"  masking the top {100 * proportion:g}%, own / other degradation: gain in PSNR lost, and "
        "gradient-map MSE x 1000"
    )
    rows = [["  filters for", "gain, faig", *(f"MSE, {method}" for method in methods)]]
    damaged = []
    for degradation in ranked:
        chosen = table[table["degradation"] == degradation]
        same = chosen["input_degradation"] == degradation
        other = chosen["input_degradation"].isin(ranked) & ~same
        values = ["gain_removed", "gradient_mse"]
        means = [chosen[where].groupby("method")[values].mean() for where in (same, other)]
        lost = " / ".join(percent(mean["gain_removed"]["faig"]) for mean in means)
        mse = [" / ".join(f"{mean['gradient_mse'][m]:.2g}" for mean in means) for m in methods]
        rows.append([f"    {degradation}", lost, *mse])
        damaged += [degradation] * bool(means[0]["gain_removed"]["faig"] > DAMAGE)
    yield from aligned(rows)
    if damaged:
        yield from prose(
            f"    {', '.join(damaged)}: far more than the gain is lost: the network is damaged, "
            "which says nothing of a skill"
        )
    refitted = both[(both["biases"] == REFITTED) & (both["method"] == "faig")]
    matching = refitted[refitted["degradation"] == refitted["input_degradation"]]
    gained = matching.dropna(subset="gain_removed")
    for degradation, shares in gained.groupby("degradation", sort=False)["gain_removed"]:
        yield from prose(
            f"    with refitted biases, which keep the channels' means, masking the filters for "
            f"{degradation} takes {percent(shares.mean())} of its gain"
        )


def learned(retraining: pd.DataFrame) -> Iterator[str]:
    """Methods in the order of what their filters learn on their own degradation."""
    proportion = retraining["proportion"].min()
    percentage = f"{100 * proportion:g}%"
    yield f"  re-training the top {percentage}: gain on the own degradation (dB), best first"
    same = retraining[retraining["degradation"] == retraining["input_degradation"]]
    same = same[same["proportion"] == proportion]
    for degradation, table in same.groupby("degradation", sort=False):
        best = table.sort_values("gain", ascending=False)
        order = zip(best["method"], best["gain"], strict=True)
        whole = (best["psnr_target"] - best["psnr_baseline"]).iloc[0]
        gains = ", ".join(f"{method}{GLUE}{gain:z.2f}" for method, gain in order)
        yield from prose(f"    {degradation}: {gains}; target{GLUE}{whole:z.2f}")


def localised(localisation: pd.DataFrame) -> Iterator[str]:
    """Whether re-training says that the skill lies in the chosen filters, in words."""
    for row in localisation.itertuples():
        share, who = f"{100 * row.proportion:g}%", f"{row.method}'s"
        who = f"{who} top {share}" if row.part == "chosen" else f"all but {who} top {share}"
        than = "as many" if row.part == "chosen" else "all but as many"
        interval = f" [{row.low:z.2f},{GLUE}{row.high:z.2f}]" * (not np.isnan(row.low))
        yield from prose(
            f"    localisation for {row.degradation} is {row.verdict}: {who} learn "
            f"{row.difference:+z.2f}{interval}{GLUE}dB beside {than} random ones of FAIG's layers"
        )


def brought(transplant: pd.DataFrame) -> Iterator[str]:
    """What filters bring to other networks on their own degradation.

    Of the top 1 % if they were transplanted, else of the fewest that were.
    """
    proportion = judged_proportion(transplant)
    same = transplant[transplant["degradation"] == transplant["input_degradation"]]
    for row in same[same["proportion"] == proportion].to_dict("records"):
        gained = f"{row['gained']:+z.2f}{GLUE}dB"
        if pd.notna(row["share"]):
            gained += f", {shown(row, 'share')} of the way to the whole target"
        if pd.notna(row["share_random"]):
            gained += f"; as many random ones {percent(row['share_random'])}"
        yield from prose(
            f"  {row['method']}'s top {100 * proportion:g}% for {row['degradation']} put into "
            f"{row['receiver']}: {gained}"
        )


def predicted(prediction: pd.DataFrame) -> Iterator[str]:
    """Accuracy of prediction by either reference, mixtures apart."""
    yield "  degradation told right, ground truth / target's output as reference"
    table = prediction.pivot_table(
        index="degradation",
        columns=["mixture", "variant"],
        values="accuracy",
        aggfunc=lambda values: " / ".join(map(percent, values)),
        sort=False,
    )
    heads = [f"{variant}{', mixtures' * mixture}" for mixture, variant in table.columns]
    rows = [[f"    {name}", *texts] for name, *texts in table.itertuples()]
    yield from aligned([["", *heads], *rows])


def trusted(completeness: pd.DataFrame, health: pd.DataFrame) -> Iterator[str]:
    """How exact the attribution's integral is, and whether more nodes would help."""
    whole, largest = completeness["of_all"].max(), completeness["max"].max()
    yield f"  completeness error of FAIG: {whole:.2%}; of one image's gain at most {largest:.2%}"
    if completeness["above_2_percent"].any():
        if health["more_nodes"].any():
            yield f"  WARNING: above {INEXACT:.0%}: raise attribution.methods.faig.nodes"
        else:
            yield f"  above {INEXACT:.0%}, but more nodes are no remedy: see health"


def judged(findings: pd.DataFrame) -> Iterator[str]:
    """Verdicts on the claims that the run could measure, with their lowest numbers.

    Where the run cannot decide, it says how many images or seeds it needs.
    """
    measured = findings[findings["parts"] > 0]
    rows = []
    for row in measured.itertuples():
        number = "-"
        if not np.isnan(row.low):
            unit = "" if pd.isna(row.unit) else f" {row.unit}"
            number = f"{row.value:z.2f} [{row.low:z.2f}, {row.high:z.2f}]{unit}"
        if row.verdict == UNDECIDED and row.needed < MANY:
            number += f"; {row.needed:.0f} {row.needed_of}"
        share, seen = f"{row.holding} of {row.parts}", f"{row.images:.0f} x {row.seeds:.0f}"
        rows.append([f"  {row.claim}", row.verdict, share, seen, number])
    heads = ["claims", "verdict", "hold", "images x seeds", "lowest [95 %]; needs"]
    yield from aligned([heads, *rows]) if rows else ["no claim could be judged"]


# what is told of tables that a run may have not
OPTIONAL = {
    "masking": forgotten,
    "retraining": learned,
    "localisation": localised,
    "transplant": brought,
    "prediction": predicted,
}


def summarize(
    tables: dict[str, pd.DataFrame],
    left_out: Sequence[str] = (),
    units: str = "kernel",
    biases: str = "target",
) -> str:
    """The whole page.

    Args:
        tables: by name, those of `report.tables`; those in `OPTIONAL` may be
            missing.
        left_out: stages that were not asked for, in words.
        units, biases: what was attributed, see `FilterIndex.of`.
    """
    noun = NOUNS[units] + " and biases" * (units == "kernel" and biases == "units")
    removed = ", which remove ".join(tables["league"]["degradation"].unique())
    lines = [f"Which {100 * TOP:g} % of the {noun} remove {removed}, and how do we know?"]
    per_network = {name: table for name, table in tables.items() if "network" in table}
    for network in tables["networks"]["network"].unique():
        rows = {name: table[table["network"] == network] for name, table in per_network.items()}
        filters, images = (rows["networks"][key].iloc[0] for key in ("filters", "images"))
        seeds = rows["networks"]["seed"].nunique()
        lines += ["", f"{network}: {filters:,} {noun}; seeds: {seeds}, test images: {images}"]
        lines += carriers(rows["league"], filters, noun)
        lines += fitness(rows["health"])
        lines += lights(rows["trust"])
        lines += levels(rows["networks"])
        lines += places(rows["locations"], noun)
        for name, told in OPTIONAL.items():
            lines += told(rows[name]) if name in rows else ()
        lines += trusted(rows["completeness"], rows["health"])
    lines += ["", *meanings(tables["trust"]), "", *judged(tables["findings"])]
    if left_out:
        lines += ["", *prose(f"not asked for by the config, and left out: {', '.join(left_out)}")]
    return "\n".join(lines) + "\n"
