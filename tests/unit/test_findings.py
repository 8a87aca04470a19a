"""Claims are judged by intervals against criteria, part by part."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from faig.report.findings import CLAIMS, Claim, estimate, judge, localised, together

IMAGES = [f"{n}" for n in range(12)]
METHODS = ["faig", "signed", "intinf", "weight_change", "random", "matched_random"]
INPUTS = ["blur", "noise"]


def observed(values, seeds=1) -> pd.Series:
    index = pd.MultiIndex.from_product([range(seeds), range(len(values))], names=["seed", "image"])
    return pd.Series(np.tile(values, seeds), index, dtype=float)


def test_an_interval_is_students():
    found = estimate("all", observed([1, 2, 3, 4]), 0)
    # mean 2.5, standard error 0.6455, t of 3 degrees of freedom 3.1824
    assert (found.value, found.low, found.high) == pytest.approx((2.5, 0.4457, 4.5543), abs=1e-3)
    assert (found.images, found.seeds) == (4, 1)
    assert found.verdict(0) == "holds"
    assert found.verdict(1) == "not decidable here"
    assert found.verdict(5) == "does not hold"


def test_seeds_that_differ_widen_an_interval():
    values = observed([1, 1.1, 0.9, 1], seeds=2)
    same = estimate("all", values, 0)
    differing = estimate("all", values + np.repeat([0, 1], 4), 0)
    assert differing.high - differing.low > same.high - same.low


def test_of_images_and_seeds_the_wider_interval_counts():
    """Seeds that all say the same make nothing surer where images differ."""
    alike, alone = (estimate("all", observed([1, 2, 3, 4], seeds), 0) for seeds in (3, 1))
    assert (alike.low, alike.high, alike.needed_of) == (alone.low, alone.high, "images")


def test_one_image_decides_nothing():
    found = estimate("all", observed([9]), 0)
    assert found.verdict(0) == "not decidable here"
    assert (found.needed, found.needed_of) == (2, "images")  # at least


def test_needed_images_would_decide():
    values = np.array([1.3, -0.7, 0.9, -0.5, 1.1, -0.3])
    few = estimate("all", observed(values), 0)
    assert few.verdict(0) == "not decidable here"
    assert few.needed > 6
    more = np.resize(values, 6 * math.ceil(1.2 * few.needed / 6))
    assert estimate("all", observed(more), 0).verdict(0) == "holds"


@pytest.mark.parametrize("values", [[1, -1, 1e-16], [np.nan, 1]])
def test_no_number_of_images_decides_on_what_is_at_the_criterion(values):
    assert np.isnan(estimate("all", observed(values), 0).needed)


@pytest.mark.parametrize(("values", "verdict"), [([0.7, 1.4, 2], "not"), ([1, 1.4, 2], "holds")])
def test_what_is_needed_is_more_than_there_is_exactly_where_that_decides_nothing(values, verdict):
    found = estimate("all", observed(values), 0)
    assert found.verdict(0).startswith(verdict)
    assert (found.needed > 3) == (verdict == "not")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "not measured here"),
        (["holds", "holds"], "holds"),
        (["does not hold"], "does not hold"),
        (["holds", "does not hold"], "holds in part"),
        (["holds", "not decidable here"], "holds in part"),
        (["does not hold", "not decidable here"], "not decidable here"),
    ],
)
def test_a_verdict_on_parts(verdicts, expected):
    assert together(verdicts) == expected


def masking(lost) -> pd.DataFrame:
    """A table of masking; `lost(method, own)` in dB, with a little noise."""
    rng = np.random.default_rng(1)
    rows = [
        {
            "network": "net", "seed": 0, "method": method, "degradation": d, "proportion": 0.01,
            "input_degradation": given, "dataset": "set", "image": image, "psnr_target": 30.0,
            "biases": "target",
            "psnr": 30 - lost(method, d == given) + rng.normal(0, 0.05),
        }
        for method, d, given, image in product(METHODS, INPUTS, [*INPUTS, "clean"], IMAGES)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def verdicts(**tables: pd.DataFrame) -> dict[str, str]:
    found = judge(tables)
    return dict(zip(found["claim"], found["verdict"], strict=True))


def finding(claim: str, **tables: pd.DataFrame) -> pd.Series:
    return judge(tables).set_index("claim").loc[claim]


def test_masking_that_is_selective_for_faig_only():
    found = verdicts(masked=masking(lambda method, own: 2.0 * (own and method == "faig")))
    assert found["masking is selective"] == "holds"
    assert found["FAIG before its rivals"] == "holds"


def test_masking_that_hurts_all_alike():
    found = verdicts(masked=masking(lambda method, own: 2.0))
    assert found["masking is selective"] != "holds"
    found = verdicts(masked=masking(lambda method, own: 1.0 - 0.5 * own))
    assert found["masking is selective"] == "does not hold"


def test_the_top_1_percent_is_judged_where_it_is_there_else_the_fewest_filters():
    table = masking(lambda method, same: 2.0 * same)
    fewer = masking(lambda method, same: 2.0 * (not same)).assign(proportion=0.001)
    assert verdicts(masked=pd.concat([table, fewer]))["masking is selective"] == "holds"
    assert verdicts(masked=fewer)["masking is selective"] == "does not hold"


def test_masking_with_refitted_biases_is_no_evidence():
    table = masking(lambda method, same: 2.0 * same)
    refitted = masking(lambda method, same: 20.0 * (not same)).assign(biases="refitted")
    assert verdicts(masked=pd.concat([table, refitted]))["masking is selective"] == "holds"


def test_what_masking_does_to_an_input_that_has_no_filters_says_nothing_of_selectivity():
    table = masking(lambda method, same: 2.0 * same)
    table.loc[table["input_degradation"] == "clean", "psnr"] = 0.0
    assert verdicts(masked=table)["masking is selective"] == "holds"


def test_images_of_one_name_in_two_datasets_are_two():
    table = masking(lambda method, same: 2.0 * same)
    both = pd.concat([table, table.assign(dataset="other")])
    assert finding("masking is selective", masked=both)["images"] == 2 * len(IMAGES)


def test_one_rival_that_is_better():
    strength = {"intinf": 3.0, "faig": 2.0}
    found = verdicts(masked=masking(lambda method, own: own * strength.get(method, 0.0)))
    assert found["FAIG before its rivals"] == "holds in part"


def test_what_a_run_did_not_measure_is_said():
    assert set(verdicts(masked=masking(lambda *_: 0.0)).values()) >= {"not measured here"}
    only = masking(lambda *_: 0.0).query("method == 'faig'")
    assert verdicts(masked=only)["FAIG before its rivals"] == "not measured here"


def retraining(**psnr: float) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [
        {
            "network": "net", "seed": seed, "method": method, "degradation": d, "proportion": 0.03,
            "part": "chosen", "input_degradation": d, "dataset": "set", "image": image,
            "psnr": psnr[method] + rng.normal(0, 0.02),
        }
        for method, d, image, seed in product(psnr, INPUTS, IMAGES, range(2))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_retraining():
    levels = {"faig": 27.0, "matched_random": 26.9, "intinf": 26.5, "weight_change": 26.0}
    found = verdicts(retrained=retraining(**levels, random=25.0))
    assert found["re-training order"] == "holds"
    assert found["random filters re-train nearly as well"] == "holds"
    found = verdicts(retrained=retraining(**levels | {"matched_random": 26.0}, random=25.0))
    assert found["random filters re-train nearly as well"] == "does not hold"


def test_retraining_is_judged_at_the_fewest_filters_that_were_trained():
    levels = dict.fromkeys(("intinf", "weight_change", "random"), 26.0)
    few, many = retraining(faig=27.0, **levels), retraining(faig=20.0, **levels)
    both = pd.concat([few, many.assign(proportion=0.5)])
    assert verdicts(retrained=both)["re-training order"] == "holds"


@pytest.mark.parametrize(
    ("part", "ahead", "verdict"),
    [
        ("chosen", 0.5, "supported"),
        ("chosen", -0.5, "not supported"),
        ("chosen", 0.0, "not decidable here"),
        ("rest", -0.5, "supported"),
        ("rest", 0.5, "not supported"),
    ],
)
def test_retraining_tells_whether_a_skill_lies_in_the_chosen_filters(part, ahead, verdict):
    table = retraining(faig=27.0 + ahead, signed=27.0, matched_random=27.0, random=20.0)
    found = localised(table.assign(part=part), reference(26.0))
    assert found.groupby("method").size().to_dict() == {"faig": 2, "signed": 2}
    for row in found[found["method"] == "faig"].itertuples():
        assert (row.part, row.verdict) == (part, verdict)
        assert row.difference == pytest.approx(ahead, abs=0.02)
        assert row.gain == pytest.approx(1 + ahead, abs=0.02)
        assert row.low < row.difference < row.high
        assert (row.images, row.seeds) == (len(IMAGES), 2)


def reference(psnr: float) -> pd.DataFrame:
    """The baseline on all images."""
    rows = [
        {"network": "net", "seed": seed, "model": "baseline", "input_degradation": d}
        | {"dataset": "set", "image": image, "psnr": psnr}
        for d, image, seed in product(INPUTS, IMAGES, range(2))
    ]
    return pd.DataFrame(rows)


def test_where_nothing_was_learned_nothing_is_supported():
    found = localised(retraining(faig=27.0, matched_random=26.0), reference(28.0))
    assert set(found["verdict"]) == {"not decidable, as nothing was learned"}
    assert (found["gain"] < 0).all()


def test_without_the_control_nothing_is_said_of_localisation():
    for levels in ({"faig": 27.0, "signed": 27.0}, {"matched_random": 27.0, "random": 20.0}):
        assert localised(retraining(**levels), reference(26.0)).empty


def ranking(last: bool) -> pd.DataFrame:
    """Two hundred filters in four layers; those for blur are best in the last one, or first."""
    tables = []
    for seed, degradation in product(range(3), INPUTS):
        layer = np.repeat(["a", "b", "c", "d"], 50)
        rank = np.random.default_rng(seed).permutation(200)
        if degradation == "blur":
            rank = np.arange(200)[::-1] if last else np.arange(200)
        rows = {"filter": np.arange(200), "layer": layer, "rank": rank}
        tables.append(pd.DataFrame(rows).assign(network="net", seed=seed, degradation=degradation))
    return pd.concat(tables)


@pytest.mark.parametrize(("last", "verdict"), [(True, "holds"), (False, "does not hold")])
def test_places(last, verdict):
    found = finding("deblurring at the back", faig=ranking(last))
    assert found["seeds"] == 3
    assert found["verdict"] in (verdict, "not decidable here")
    assert (found["value"] > 0) == last


@pytest.mark.parametrize("spread", ["noise", "blur"])
def test_filters_that_are_spread(spread):
    many = ranking(True)  # noise everywhere, blur in the last layer
    many["degradation"] = many["degradation"].replace({} if spread == "noise" else SWAPPED)
    found = finding("denoising is spread", faig=many)
    assert (found["value"] > 0) == (spread == "noise")
    # two of two hundred filters: one layer of four for blur, one or two for noise
    assert abs(found["value"]) <= 25


SWAPPED = {"blur": "noise", "noise": "blur"}


def test_one_seed_does_not_decide_on_places():
    single = ranking(True).query("seed == 0")
    assert verdicts(faig=single)["deblurring at the back"] == "not decidable here"


@pytest.mark.parametrize("right", [True, False])
def test_filters_tell_by_the_targets_output_and_as_in_the_paper(right):
    """All other answers are the opposite."""
    rows = [
        {
            "network": "net", "seed": 0, "degradation": d, "dataset": "set", "image": image,
            "reference": reference, "variant": variant, "present": present,
            "predicted": present == (right == ((reference, variant) == ("target_output", "paper"))),
        }
        for reference, variant, d, present, image in product(
            ("ground_truth", "target_output"), ("paper", "centred"), INPUTS, (True, False), IMAGES
        )
    ]  # fmt: skip
    found = finding("filters tell the degradation", predicted=pd.DataFrame(rows))
    assert found["value"] == 100 * right


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(0.3, "holds"), (-0.05, "holds"), (-0.3, "does not hold")]
)
def test_one_branch_is_enough_where_it_is_hardly_behind_at_equal_cost(ahead, verdict):
    levels = {  # PSNR beside that of the two-branch network
        ("two_branch", "own"): 0.0,
        ("two_branch", "mean"): -9.0,
        ("equal_operations", "own"): ahead,
        ("equal_parameters", "own"): -9.0,
    }
    rows = [
        {"network": "dan", "seed": 0, "setting": "blur", "variant": variant, "code": used}
        | {"dataset": "set", "image": image, "psnr": 30 + number + psnr * (1 + 0.1 * (number % 2))}
        for (number, image), ((variant, used), psnr) in product(enumerate(IMAGES), levels.items())
    ]
    row = finding("one branch is enough", evaluated=pd.DataFrame(rows))
    assert row["verdict"] == verdict
    assert row["value"] == pytest.approx(1.05 * ahead)


def sets(**own: float) -> pd.DataFrame:
    """The bench's table: share of the own gain that is deleted by method; nothing of the other."""
    rows = [
        {
            "network": "net", "seed": 0, "method": method, "degradation": d, "draw": 0,
            "direction": "deletion", "proportion": 0.01, "input_degradation": given,
            "dataset": "set", "image": image, "loss_baseline": 3.0, "loss_target": 1.0,
            "loss": 1.0 + 2 * share * (d == given) + 0.01 * (number % 3),
        }
        for (method, share), d, given, (number, image) in product(
            own.items(), INPUTS, INPUTS, enumerate(IMAGES)
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_specificity():
    assert verdicts(sets=sets(faig=0.4, signed=0.9))["signed scores are more specific"] == "holds"
    found = verdicts(sets=sets(faig=0.9, signed=0.4))
    assert found["signed scores are more specific"] == "does not hold"


def test_filters_that_damage_are_no_more_specific_than_those_that_carry_all():
    damaged = finding("signed scores are more specific", sets=sets(faig=1.0, signed=5.0))
    assert damaged["value"] == pytest.approx(0, abs=0.5)


def modulation(*levels: float) -> pd.DataFrame:
    """PSNR on the own degradation at strengths 0, 1/4, ... 1, with a little noise."""
    rng = np.random.default_rng(3)
    rows = [
        {
            "network": "net", "seed": 0, "method": "faig", "degradation": d, "strength": k / 4,
            "input_degradation": d, "dataset": "set", "image": image,
            "psnr": psnr + rng.normal(0, 0.02),
        }
        for d, image, (k, psnr) in product(INPUTS, IMAGES, enumerate(levels))
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ((24, 25, 26, 27, 28), "holds"),
        ((24, 24.5, 25, 26.3, 28), "holds"),  # steeper at the end
        ((24, 24, 24, 28, 28), "does not hold"),  # a switch
        ((24, 28, 24, 28, 28), "does not hold"),  # up and down
        ((28, 28, 28, 28, 28), "not decidable here"),  # nothing to set
        ((24, 26, 28), "not measured here"),  # too few strengths
    ],
)
def test_modulation(levels, verdict):
    assert verdicts(modulated=modulation(*levels))["modulation is continuous"] == verdict


def test_a_descent_is_as_continuous_as_an_ascent():
    found = finding("modulation is continuous", modulated=modulation(28, 27, 26, 25, 24))
    assert found["value"] == pytest.approx(75, abs=1)


def test_the_weakest_part_is_a_number_where_there_is_one():
    """Of two degradations one has no strength to set, and says nothing."""
    table = modulation(24, 25, 26, 27, 28)
    table.loc[table["degradation"] == "blur", "psnr"] = 28.0
    found = finding("modulation is continuous", modulated=table)
    assert (found["verdict"], found["weakest"]) == ("holds in part", "net, noise")


def test_fewer_filters():
    one, half = (sets(faig=0.6, signed=0.6).assign(proportion=p) for p in (0.01, 0.005))
    half.loc[half["method"] == "faig", "loss"] = 1.0  # which FAIG's half as many do not take
    found = finding("signed scores need fewer filters", sets=pd.concat([one, half]))
    assert (found["verdict"], found["value"]) == ("holds", 1)
    found = verdicts(sets=one)
    assert found["signed scores need fewer filters"] == "not decidable here"
    one.loc[one["image"] == IMAGES[0], "loss_baseline"] = 0.5
    found = finding("signed scores need fewer filters", sets=one)
    assert found["images"] == len(IMAGES) - 1  # without a gain there is no half of it


def test_needed_seeds_are_told_from_images():
    values = observed([1, 1.1, 0.9, 1], seeds=2) + np.repeat([0, 3], 4)
    assert estimate("all", values, 0).needed_of == "seeds"
    assert estimate("all", observed([1, 2, 3, 4]), 0).needed_of == "images"


def test_few_pairs_do_not_decide_on_health():
    health = pd.DataFrame({"network": "net", "seed": 0, "input_degradation": INPUTS})
    found = verdicts(sets=sets(faig=0.4), health=health.assign(verdict="healthy"))
    assert found["health tells what can be attributed"] == "not decidable here"


@pytest.mark.parametrize(("verdict", "sign"), [("healthy", 1), ("unfit", -1)])
def test_health_tells_where_pairs_of_one_verdict_are_the_more_specific(verdict, sign):
    """Six pairs, ever more specific; three of them are healthy."""
    found = [sets(faig=0.1 + 0.15 * n).assign(network=f"net{n}") for n in range(6)]
    health = pd.DataFrame(
        [
            {"network": f"net{n}", "seed": 0, "input_degradation": d}
            | {"verdict": verdict if n > 2 else ({"healthy", "unfit"} - {verdict}).pop()}
            for n, d in product(range(6), INPUTS)
        ]
    )
    row = finding("health tells what can be attributed", sets=pd.concat(found), health=health)
    assert row["verdict"] == ("holds" if sign > 0 else "does not hold")
    assert 0.5 < sign * row["value"] <= 1.1


def test_names_are_unique_and_criteria_are_said():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert all(isinstance(claim, Claim) and claim.criterion for claim in CLAIMS)
