"""Every light tells what its number says, and nothing that was not measured is green."""

import numpy as np
import pandas as pd
import pytest
from faig.evaluation.trust import LEVELS, MEANINGS, NOT_MEASURED, TrustLimits, card
from faig.evaluation.verdicts import Limits
from faig.report import tables
from faig.report.figures import FIGURES
from faig.report.summaries import worst_of_seeds
from faig.report.summary import lights as told
from faig.report.summary import meanings

PATH = Limits(2, 0.5, 1, 0.8, 10, 50, 0.02, 0.9)
LIMITS = TrustLimits(0.6, 0.4, 0.2, 0.4, 0.05, 0.5, 0.3)
FACTS = {
    "attributed": True, "gain": 4.0, "gain_error": 0.5, "barrier": 0.1, "monotony": 1.0,
    "cancellation": 5.0, "completeness": 0.001, "overlap": 1.0,
}  # fmt: skip
CLEAN = {"attributed": False, "gain": -1.0, "gain_error": 1.0, "barrier": 0.2, "monotony": -1.0}
HALVES = {"trial": "halves", "proportion": 0.01, "measured": True, "agreement": 0.7}
JUDGED = {"specificity": 0.4, "specificity_p": 0.048, "spearman": 0.8, "effects_agreement": 0.9}


def lights(facts=(), predicted=0.8, measured=True, found=0.0, equal=0.0, judged=(), seeds=()):
    """The card of one pair on blur and on the clean input, by light."""
    own = {"method": "faig", "degradation": "blur"}
    health = pd.DataFrame(
        [
            {"input_degradation": "blur", **FACTS, **dict(facts)},
            {"input_degradation": "bicubic", **CLEAN},
        ]
    )
    halves = {**own, **HALVES, "predicted": predicted, "measured": measured}
    between = [{**own, **HALVES, "trial": "seeds", "agreement": agreement} for agreement in seeds]
    more = {**halves, "proportion": 0.5, "predicted": 0.1, "measured": True}  # is not judged
    stability = pd.DataFrame([halves, *between, more])
    sanity = [{**own, "trial": t, "found": found} for t in ("swapped", "shuffled", "permuted_100")]
    sanity += [{**own, "trial": "permuted_50", "found": 0.9}]  # half of the skill is left
    sanity = pd.DataFrame([*sanity, {**own, "trial": "equal", "found": equal}])
    league = pd.DataFrame([{**own, **JUDGED, **dict(judged)}, {**own, "method": "random_draws"}])
    table = card(health, stability, sanity, league, PATH, LIMITS)
    assert not table.duplicated(["light", "method"]).any()
    return table.set_index("light")


def test_a_pair_without_fault_is_green_throughout():
    table = lights()
    assert set(table["level"]) == {"green"}
    assert list(table.index) == [
        "path", "gain", "completeness", "cancellation",
        "stability", "sanity", "specificity", "exact effects",
    ]  # fmt: skip
    assert (table["threshold"].str.len() > 0).all()
    assert table["value"].notna().all()


@pytest.mark.parametrize(
    ("changes", "light", "level", "said"),
    [
        ({"facts": {"barrier": 0.7}}, "path", "amber", "0.7 gains"),
        ({"facts": {"barrier": 24.0}}, "path", "red", "24 gains"),
        ({"facts": {"barrier": np.inf}}, "path", "red", "inf gains"),
        ({"facts": {"monotony": 0.5}}, "path", "amber", "monotony 0.50"),
        ({"facts": {"gain_error": 3.0}}, "gain", "amber", "1.3 standard errors"),
        ({"facts": {"gain": -1.0}}, "gain", "red", "no gain over the baseline on blur"),
        ({"facts": {"gain_error": np.nan}}, "gain", NOT_MEASURED, "one crop"),
        ({"facts": {"completeness": 0.34}}, "completeness", "green", "34.0%"),
        ({"facts": {"completeness": 0.34, "overlap": 0.5}}, "completeness", "amber", "50%"),
        ({"facts": {"cancellation": 20.0}}, "cancellation", "amber", "20-fold"),
        ({"facts": {"cancellation": 89.0}}, "cancellation", "red", "89-fold"),
        ({"predicted": 0.5}, "stability", "amber", "0.50 for all images"),
        ({"predicted": -0.005}, "stability", "red", "-0.01"),
        ({"predicted": np.nan, "measured": False}, "stability", NOT_MEASURED, "no halves"),
        ({"seeds": [0.7, 0.45]}, "seeds", "amber", "agree to 0.45"),
        ({"seeds": [0.1]}, "seeds", "red", "agree to 0.10"),
        ({"seeds": [0.9]}, "seeds", "green", "two targets from the same baseline"),
        ({"found": 0.3}, "sanity", "amber", "agree to 0.30"),
        ({"found": 0.5}, "sanity", "red", "change places"),
        ({"equal": 1e-3}, "sanity", "red", "scores up to 0.001"),
        ({"judged": {"specificity_p": 0.3}}, "specificity", "amber", "p 0.3"),
        ({"judged": {"specificity_p": 0.9}}, "specificity", "red", "p 0.9"),
        (
            {"judged": {"specificity": np.nan, "specificity_p": np.nan}},
            "specificity", NOT_MEASURED, "standard error",
        ),
        ({"judged": {"spearman": 0.35}}, "exact effects", "amber", "agree to 0.90"),
        ({"judged": {"spearman": np.nan}}, "exact effects", NOT_MEASURED, "alone"),
    ],
)  # fmt: skip
def test_each_number_turns_its_own_light(changes, light, level, said):
    table = lights(**changes)
    assert table.loc[light, "level"] == level
    assert said in table.loc[light, "reason"]
    assert (table["level"].drop(light) == "green").all()


@pytest.mark.parametrize("names", [["blur", "noise"], ["noise", "blur"]])
def test_of_several_degradations_the_worst_is_judged_and_named(names):
    def rows(key, facts, of_noise):
        rows = [{"method": "faig", key: name, **facts} for name in names]
        return pd.DataFrame([row | (of_noise if row[key] == "noise" else {}) for row in rows])

    of_noise = {"gain_error": 3.0, "cancellation": 20.0, "completeness": 0.34, "overlap": 0.5}
    health = rows("input_degradation", FACTS, of_noise)
    stability = rows("degradation", HALVES | {"predicted": 0.8}, {"predicted": 0.5})
    sanity = rows("degradation", {"trial": "swapped", "found": 0.0}, {"found": 0.3})
    league = rows("degradation", JUDGED, {"spearman": 0.35})
    table = card(health, stability, sanity, league, PATH, LIMITS).set_index("light")
    table = table.drop(["path", "specificity"])  # of one number for all
    assert set(table["level"]) == {"amber"}
    assert table["reason"].str.contains("noise").all()


def seeds(**worse) -> pd.DataFrame:
    """Two cards, the second by default with a red stability."""
    tables = [lights(), lights(**worse or {"predicted": 0.1})]
    parts = [t.reset_index().assign(network="net", seed=seed) for seed, t in enumerate(tables)]
    return pd.concat(parts, ignore_index=True)


def test_of_several_seeds_the_worst_is_shown():
    shown = worst_of_seeds(seeds()).set_index("light")
    assert len(shown) == 8
    assert shown.loc["stability", "level"] == "red"
    assert (shown["level"].drop("stability") == "green").all()


def test_a_seed_that_was_not_measured_is_worse_than_a_green_one():
    shown = worst_of_seeds(seeds(predicted=np.nan, measured=False)).set_index("light")
    assert shown.loc["stability", "level"] == NOT_MEASURED


def test_the_card_is_readable_without_colours():
    """Every light has its word beside its sign, its number and its threshold."""
    figure = FIGURES["trust"](seeds())
    said = [text.get_text() for text in figure.axes[0].texts]
    assert [word for word in said if word in LEVELS] == [*4 * ["green"], "red", *3 * ["green"]]
    assert any("predicted agreement at least 0.6" in text for text in said)
    assert "stability, FAIG" in said


def test_the_summary_says_what_is_not_green():
    said = "\n".join(told(tables.trust(seeds())))
    green, *_ = said.split("red: stability faig: rankings from half the images agree to 0.70")
    assert green.split(", ")[:5] == [
        "  trust", "green: path", "gain", "completeness", "cancellation",
    ]  # fmt: skip
    assert "stability" not in green
    assert max(map(len, said.splitlines())) <= 100
    first, *meant = meanings(tables.trust(seeds()))
    assert first == "what a light means that is not green"
    assert " ".join(meant).split() == ["stability:", *MEANINGS["stability"].split()]
    assert not [*meanings(tables.trust(seeds().assign(level=NOT_MEASURED)))]


def test_every_light_has_a_meaning():
    assert list(lights(seeds=[0.9]).index) == list(MEANINGS)
