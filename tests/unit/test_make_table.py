import io

import pandas as pd
import pytest
from faig.base.tables import write_table
from faig.report import tables
from faig.report.summaries import with_levels
from faig.report.summary import judged, summarize

RUN = {"network": "net", "seed": 0}
IMAGE = {"dataset": "test", "image": "a"}
CHOICE = {"method": "faig", "degradation": "blur", "proportion": 0.01}


@pytest.fixture
def reference() -> pd.DataFrame:
    """Baseline and target on two images: a gain of 4 dB on blur, a loss on bicubic."""
    psnr = {
        ("baseline", "blur"): (26, 28),
        ("target", "blur"): (30, 32),
        ("baseline", "bicubic"): (33, 35),
        ("target", "bicubic"): (32, 34),
    }
    return pd.DataFrame(
        [
            {**RUN, "dataset": "test", "image": image, "model": model}
            | {"input_degradation": given, "psnr": float(value)}
            for (model, given), values in psnr.items()
            for image, value in zip("ab", values, strict=True)
        ]
    )


def ablated(psnr: dict) -> pd.DataFrame:
    """By input degradation PSNR of images a and b; the change of the gradient map is 1 and 3."""
    return pd.DataFrame(
        [
            {**RUN, **CHOICE, "dataset": "test", "image": image, "input_degradation": given}
            | {"psnr": float(value), "gradient_mse": change, "biases": "target"}
            | {"psnr_y": value + 1.0, "psnr_y_target": 34.0}
            for given, values in psnr.items()
            for image, value, change in zip("ab", values, (1.0, 3.0), strict=True)
        ]
    )


def test_masking_removes_a_share_of_the_targets_gain(reference):
    result = tables.masking(ablated({"blur": (27, 31), "bicubic": (32, 34)}), reference)
    row = result.set_index("input_degradation").loc["blur"]
    assert row["psnr_loss"] == (3 + 1) / 2
    assert row["gain_removed"] == 100 * 2 / 4
    assert row["psnr"] == 29
    assert row["gradient_mse"] == 2
    assert (row["gradient_mse_low"], row["gradient_mse_high"]) == pytest.approx((1, 3))
    assert row["count"] == 2
    assert row["psnr_y_loss"] == (6 + 2) / 2


def test_masking_with_refitted_biases_is_a_series_of_its_own(reference):
    plain = ablated({"blur": (27, 31)})
    refitted = ablated({"blur": (29, 31)}).assign(biases="refitted")
    result = tables.masking(pd.concat([plain, refitted]), reference)
    assert result.set_index("biases")["gain_removed"].to_dict() == {"target": 50, "refitted": 25}


def test_no_share_is_given_where_the_target_gains_nothing(reference):
    result = tables.masking(ablated({"bicubic": (32, 34)}), reference)
    assert result["gain_removed"].isna().all()


def test_levels_are_those_of_the_same_seed(reference):
    other = reference.assign(seed=1, psnr=reference["psnr"] + 1)
    table = pd.DataFrame([RUN, {**RUN, "seed": 1}]).assign(**IMAGE, input_degradation="blur")
    found = with_levels(table, pd.concat([reference, other]))
    assert found["psnr_target"].tolist() == [30, 31]


def test_retraining_reaches_a_share_of_the_targets_gain(reference):
    alone, rest = (ablated({"blur": psnr}) for psnr in ((27, 29), (40, 40)))
    both = pd.concat([alone.assign(part="chosen"), rest.assign(part="rest")])
    (row,) = tables.retraining(both, reference).to_dict("records")
    assert (row["gain"], row["gain_reached"]) == (1, 25)


def test_networks_are_listed_with_their_levels_and_number_of_filters(reference):
    kinds = ["blur"] * 3 + ["noise"] * 3
    filters = pd.DataFrame({"filter": [0, 1, 2] * 2, "layer": "one", "degradation": kinds, **RUN})
    result = tables.networks(filters, reference).set_index("input_degradation")
    assert result.loc["blur", ["psnr_baseline", "psnr_target"]].tolist() == [27, 31]
    assert result["filters"].tolist() == [3, 3]
    assert result["images"].tolist() == [2, 2]


def test_prediction_is_counted_apart_for_mixtures():
    rows = [  # true degradation, degradation asked for, present, predicted
        ("blur", "blur", True, True),
        ("blur", "blur", True, False),
        ("noise", "blur", False, True),
        ("bicubic", "blur", False, False),
        ("blur_noise", "blur", True, False),
        ("blur_noise", "noise", True, True),
    ]
    columns = ["true_degradation", "degradation", "present", "predicted"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.assign(reference="ground_truth", variant="paper", **RUN)
    result = tables.prediction(table).set_index(["degradation", "mixture"])
    single = result.loc["blur", False]
    assert (single["accuracy"], single["detected"], single["false_alarms"]) == (50, 50, 50)
    assert result.loc[("blur", True), "accuracy"] == 0
    assert result.loc[("noise", True), "accuracy"] == 100


def test_completeness_is_read_from_the_metadata(tmp_path):
    errors = [[0.01, 0.001], [0.03, 0.003]]
    metadata = {"images": ["a", "b"], "degradations": ["blur", "noise"], "relative_error": errors}
    metadata["gain"] = [[100.0, 100.0], [200.0, -2.0]]
    write_table(tmp_path / "t.parquet", pd.DataFrame({"x": [1]}), {"completeness": metadata})
    errors = tables.read([("errors", "net", 0, tmp_path / "t.parquet")])["errors"]
    result = tables.completeness(errors).set_index("degradation")
    assert result["mean"].tolist() == pytest.approx([0.02, 0.002])
    assert result["max"].tolist() == [0.03, 0.003]
    assert result["of_all"].tolist() == pytest.approx([7 / 300, 0.106 / 98])
    assert result["above_2_percent"].tolist() == [True, False]


def test_an_image_without_a_gain_asks_for_no_more_nodes():
    """It counts in the ranking as little as its gain does."""
    errors = {"degradation": ["blur"] * 2, "error": [0.001, 0.09], "gain": [400.0, 30.0]}
    result = tables.completeness(pd.DataFrame(errors).assign(**RUN)).iloc[0]
    assert result["max"] == 0.09
    assert result["of_all"] == pytest.approx((0.4 + 2.7) / 430)
    assert not result["above_2_percent"]


def test_health_has_a_row_per_pair_and_input():
    path = {"alpha": [0.0, 1.0] * 2, "loss": 1.0, "position": [0.0, 1.0] * 2}
    facts = {"input_degradation": ["blur"] * 2 + ["noise"] * 2, "gain": [3.0] * 2 + [4.0] * 2}
    words = {"verdict": "healthy", "reason": "", "advice": "", "more_nodes": False}
    result = tables.health(pd.DataFrame(path | facts).assign(**words, **RUN))
    assert result["input_degradation"].tolist() == ["blur", "noise"]
    assert result["gain"].tolist() == [3, 4]
    assert not {"alpha", "loss", "position"} & set(result.columns)


@pytest.fixture
def evaluated() -> pd.DataFrame:
    """A two-branch network with two codes and its controls on two images, two sigmas and seeds."""
    psnr = {  # of images a and b
        ("two_branch", "own"): (30, 32),
        ("two_branch", "mean"): (29, 29),
        ("equal_parameters", "own"): (31, 33),
        ("equal_operations", "own"): (28, 31),
    }
    rows = [
        {"network": "ikc", "seed": seed, "setting": setting, "variant": variant, "code": code}
        | {"dataset": "test", "image": image, "sigma": sigma, "psnr": value + sigma - 2.0}
        | {"psnr_bicubic": 25.0, "ssim": 0.5, "parameters": 7, "multiply_adds": 9}
        | {"blocks": None if variant == "two_branch" else 16}
        | {"code_error": None, "sigma_error": 0.1 * sigma if code == "own" else None}
        for setting in ("random_blur", "random_blur_noise")
        for seed in (0, 1)
        for (variant, code), values in psnr.items()
        for image, value in zip("ab", values, strict=True)
        for sigma in (1.0, 3.0)
    ]
    return pd.DataFrame(rows).astype({"blocks": float, "code_error": float})


def test_two_branches_are_compared_on_the_same_images(evaluated):
    result = tables.two_branch(evaluated)
    assert len(result) == 2 * 4
    result = result[result["setting"] == "random_blur"].set_index(["variant", "code"])
    own = result.loc[("two_branch", "own")]
    assert (own["count"], own["psnr"], own["gain_over_bicubic"]) == (2, 31, 6)
    assert (own["psnr_low"], own["psnr_high"]) == pytest.approx((30, 32))
    assert own["over_equal_parameters"] == -1
    assert own["over_equal_parameters_low"] == own["over_equal_parameters_high"] == -1
    assert (own["over_equal_operations"], own["over_mean_code"]) == (1.5, 2)
    assert (own["over_mean_code_low"], own["over_mean_code_high"]) == pytest.approx((1, 3))
    others = result.drop(index=("two_branch", "own"))
    assert others[list(tables.OPPONENTS)].isna().all(axis=None)
    assert result["blocks"].isna().tolist() == [True, True, False, False]
    assert result["parameters"].tolist() == [7] * 4


def test_a_comparison_that_was_not_made_is_left_empty(evaluated):
    result = tables.two_branch(evaluated[evaluated["code"] != "mean"])
    assert result["over_mean_code"].isna().all()
    assert result["over_equal_parameters"].notna().sum() == 2


def test_knowledge_of_branches_stands_beside_that_of_filters(evaluated):
    columns = ["degradation", "image", "present", "predicted"]
    rows = [("blur", "a", True, True), ("blur", "a", True, False), ("blur", "a", False, False)]
    probed = pd.DataFrame(rows, columns=columns).assign(dataset="test", network="ikc", seed=0)
    one = evaluated[evaluated["setting"] == "random_blur"]
    (alone,) = tables.two_branch_knowledge(one, probed).to_dict("records")
    assert (alone["detected"], alone["false_alarms"], alone["balanced_accuracy"]) == (50, 0, 75)
    assert alone["setting"] == "random_blur"
    assert alone["sigma_error"] == pytest.approx(0.2)
    assert pd.isna(alone["code_error"])
    predicted = probed.assign(network="net", reference="target_output", variant="paper")
    both = tables.two_branch_knowledge(one, probed, predicted)
    assert both[["network", "variant"]].to_numpy().tolist() == [
        ["ikc", "two_branch"],
        ["net", "paper"],
    ]
    assert both["balanced_accuracy"].tolist() == [75, 75]
    assert both["sigma_error"].isna().tolist() == [False, True]


@pytest.fixture
def results() -> dict[str, pd.DataFrame]:
    """Tables of a run in which FAIG's blur filters matter for blur, at 5 % only."""
    masking = [
        {"network": "net", "method": method, "degradation": filters, "proportion": 0.05}
        | {"input_degradation": given, "count": 3, "biases": "target"}
        | {"gradient_mse": 0.5 if filters == given else 0.01, "gain_removed": 80.0}
        for method in ("faig", "matched_random")
        for filters in ("blur", "noise")
        for given in ("bicubic", "blur", "noise")
    ]
    retraining = [
        {"network": "net", "method": method, "degradation": "blur", "input_degradation": "blur"}
        | {"proportion": 0.03, "gain": gain, "psnr_baseline": 26.0, "psnr_target": 30.0}
        for method, gain in (("random", 0.3), ("faig", 0.7))
    ]
    local = [
        {"network": "net", "method": "faig", "degradation": "blur", "proportion": 0.03, **own}
        for own in (
            {"part": "chosen", "difference": 0.4, "low": 0.1, "high": 0.7, "verdict": "supported"},
            {"part": "rest", "difference": -0.2, "verdict": "not decidable here"},
        )
    ]
    prediction = [
        {"network": "net", "degradation": "blur", "reference": reference, "variant": "paper"}
        | {"mixture": mixture, "accuracy": 20.0 if mixture else 90.0}
        for reference in ("ground_truth", "target_output")
        for mixture in (False, True)
    ]
    layers = {"layer": ["first", "last"], "filters": [4, 6], "chosen": [1, 3], "share": [25.0, 75]}
    levels = {"input_degradation": ["blur"], "psnr_baseline": [26.0], "psnr_target": [30.0]}
    errors = {
        "degradation": ["blur"],
        "mean": [0.01],
        "max": [0.09],
        "of_all": [0.03],
        "above_2_percent": [True],
    }
    fit = {"input_degradation": ["blur"], "verdict": ["doubtful"], "reason": ["half the nodes"]}
    fit |= {"advice": ["raise them"], "more_nodes": [True]}
    light = {"light": "stability", "method": "faig", "level": "amber", "reason": "halves differ"}
    light["meaning"] = "search on more"
    path = {"light": "path", "method": "", "level": "red", "reason": "a barrier"}
    judged = [
        {"method": "faig", "degradation": "blur", "chosen": 0.4, "carried": 97.0}
        | {"carried_low": 90.0, "carried_high": 103.0, "carried_other": 2.0}
        | {"carried_other_low": -1.0, "carried_other_high": 4.0, "carried_random": 5.0},
        {"method": "faig", "degradation": "noise", "chosen": 1.0, "removed_db": 0.25},
        {"method": "random", "degradation": "blur", "chosen": 1.0, "carried": 3.0},
    ]
    chosen = pd.DataFrame(layers).assign(method="faig", degradation="blur", **RUN)
    claims = {"claim": ["order", "other"], "verdict": ["holds in part", "not measured here"]}
    claims |= {"parts": [3, 0], "holding": [2, 0], "value": [0.5, None], "low": [-0.1, None]}
    claims |= {"high": [1.1, None], "unit": ["dB", None], "images": [14, None], "seeds": [3, None]}
    tables = {
        "findings": pd.DataFrame(claims),
        "masking": pd.DataFrame(masking),
        "retraining": pd.DataFrame(retraining),
        "localisation": pd.DataFrame(local),
        "prediction": pd.DataFrame(prediction),
        "locations": chosen,
        "networks": pd.DataFrame(levels).assign(filters=1000, images=3, **RUN),
        "completeness": pd.DataFrame(errors).assign(**RUN),
        "health": pd.DataFrame(fit).assign(**RUN),
        "trust": pd.DataFrame([light, path]).assign(**RUN),
        "league": pd.DataFrame(judged).assign(**RUN),
    }
    # as the script reads them: empty text is a missing value there
    return {n: pd.read_csv(io.StringIO(t.to_csv(index=False))) for n, t in tables.items()}


def test_summary_answers_the_question(results):
    text = summarize(results)
    assert text.startswith("Which 1 % of the filters remove blur, which remove noise, and how")
    assert "net: 1,000 filters; seeds: 1, test images: 3" in text
    assert "4 filters, mean depth 75%, most in last 75%, first 25%" in text
    assert "blur: faig 0.70, random 0.30; target 4.00" in text
    told = " ".join(text.split())
    assert "localisation for blur is supported: faig's top 3% learn +0.40 [0.10, 0.70] dB" in told
    assert "is not decidable here: all but faig's top 3% learn -0.20 dB beside all but" in told
    assert "90% / 90%" in text
    line = next(line for line in text.splitlines() if "order" in line)
    assert "holds in part" in line
    assert "2 of 3" in line
    assert "14 x 3" in line
    assert "0.50 [-0.10, 1.10] dB" in line
    assert "not measured here" not in text
    said = " ".join(text.split())
    assert "4 of 1,000 filters (0.4%, by faig) carry 97% [90, 103] of the gain on blur" in said
    assert "2% [-1, 4] of another; as many random ones in FAIG's layers carry 5%" in said
    assert "noise, faig: no gain to explain" in text
    assert "loses 0.25 dB" in said
    assert "health: doubtful: blur: half the nodes; what to do: raise them" in text
    assert "amber: stability faig: halves differ" in text
    assert "20% / 20%" in text
    assert max(map(len, text.splitlines())) <= 100


def test_summary_leaves_out_what_was_not_asked_for(results):
    left_out = ("masking", "retraining", "prediction")
    text = summarize({n: t for n, t in results.items() if n not in left_out}, ["training", "masks"])
    assert "net: 1,000 filters; seeds: 1, test images: 3" in text
    assert text.endswith("not asked for by the config, and left out: training, masks\n")
    assert not [word for word in ("masking the top", "re-training", "told right") if word in text]
    assert "left out" not in summarize(results)


def test_summary_takes_the_smallest_proportion_where_1_percent_is_missing(results):
    text = summarize(results)
    assert "masking the top 5%" in text
    assert "0.5 / 0.01" in text


def test_summary_tells_damage_from_a_skill_that_is_lost(results):
    results["masking"]["gain_removed"] = 149.0
    assert "damaged" not in summarize(results)
    results["masking"]["gain_removed"] = 151.0
    said = " ".join(summarize(results).split())
    assert "blur, noise: far more than the gain is lost: the network is damaged" in said
    refitted = results["masking"].assign(biases="refitted", gain_removed=12.0)
    with_both = {**results, "masking": pd.concat([results["masking"], refitted])}
    said = " ".join(summarize(with_both).split())
    assert "means, masking the filters for blur takes 12% of its gain" in said
    refitted.loc[refitted["degradation"] == "noise", "gain_removed"] = float("nan")  # had no gain
    with_both = {**results, "masking": pd.concat([results["masking"], refitted])}
    assert "the filters for noise" not in " ".join(summarize(with_both).split())
    assert "the network is damaged" in said
    results["league"].loc[results["league"]["degradation"] == "blur", "carried"] = 697.0
    said = " ".join(summarize(results).split())
    assert "blur, faig: without 4 of 1,000 filters the network loses 697%" in said
    assert "filters (0.4%, by faig) carry" not in said


def test_summary_tells_what_filters_bring_to_another_network(results):
    row = {"network": "net", "receiver": "null_target", "method": "faig", "proportion": 0.05}
    own = {"degradation": "blur", "input_degradation": "blur", "gained": 0.4}
    shares = {"share": 60.0, "share_low": 51.0, "share_high": 70.0, "share_random": 8.0}
    other = {**row, **own, "input_degradation": "noise", **shares, "gained": 9.0}
    unlike = {**row, **own, "degradation": "noise", "input_degradation": "noise"}
    results["transplant"] = pd.DataFrame([{**row, **own, **shares}, other, unlike])
    said = " ".join(summarize(results).split())
    put = "faig's top 5% for {} put into null_target: +0.40 dB"
    bring = ", 60% [51, 70] of the way to the whole target; as many random ones 8%"
    assert put.format("blur") + bring in said
    assert put.format("noise") in said
    assert "+9.00" not in said


def test_summary_warns_of_inexact_attribution(results):
    assert "WARNING" in summarize(results)
    results["health"]["more_nodes"] = False
    assert "WARNING" not in summarize(results)
    assert "above 2%, but more nodes are no remedy" in summarize(results)
    results["health"]["more_nodes"] = True
    results["completeness"]["above_2_percent"] = False
    assert "WARNING" not in summarize(results)


def test_tables_of_rankings_carry_the_worst_verdict_on_their_pair(reference):
    facts = {"input_degradation": "blur", "reason": "", "advice": ""}
    health = pd.DataFrame(
        [{**facts, "network": "net", "seed": s, "verdict": v} for s, v in PAIRS.items()]
    )
    masked = ablated({"blur": (27, 31)})
    made = tables.make("masking", {"masked": masked, "reference": reference, "health": health})
    assert made["pair"].tolist() == ["unfit"]
    agreed = pd.DataFrame([{"trial": "halves", "network": "net", "seed": s} for s in PAIRS])
    made = tables.make("stability", {"stability": agreed, "health": health})
    assert made["pair"].tolist() == list(PAIRS.values())


PAIRS = {0: "healthy", 1: "unfit"}


def test_the_summary_says_what_would_decide():
    row = {"claim": "it works", "verdict": "not decidable here", "parts": 2, "holding": 0}
    row |= {"value": 0.5, "low": -1.0, "high": 2.0, "unit": "dB", "needed": 91}
    undecided = pd.DataFrame([{**row, "images": 14, "seeds": 3, "needed_of": "images"}])
    assert list(judged(undecided))[1].endswith("0.50 [-1.00, 2.00] dB; 91 images")
    decided = undecided.assign(verdict="holds")
    assert list(judged(decided))[1].endswith("dB")
