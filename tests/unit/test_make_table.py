import make_table
import pandas as pd
import pytest
from faig.store import write_table
from summarize import summarize

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
            | {"psnr": float(value), "gradient_mse": change}
            for given, values in psnr.items()
            for image, value, change in zip("ab", values, (1.0, 3.0), strict=True)
        ]
    )


def test_masking_removes_a_share_of_the_targets_gain(reference):
    result = make_table.masking(ablated({"blur": (27, 31), "bicubic": (32, 34)}), reference)
    row = result.set_index("input_degradation").loc["blur"]
    assert row["psnr_loss"] == (3 + 1) / 2
    assert row["gain_removed"] == 100 * 2 / 4
    assert row["psnr"] == 29
    assert row["gradient_mse"] == 2
    assert (row["gradient_mse_low"], row["gradient_mse_high"]) == pytest.approx((1, 3))
    assert row["count"] == 2


def test_no_share_is_given_where_the_target_gains_nothing(reference):
    result = make_table.masking(ablated({"bicubic": (32, 34)}), reference)
    assert result["gain_removed"].isna().all()


def test_retraining_reaches_a_share_of_the_targets_gain(reference):
    (row,) = make_table.retraining(ablated({"blur": (27, 29)}), reference).to_dict("records")
    assert (row["gain"], row["gain_reached"]) == (1, 25)


def test_networks_are_listed_with_their_levels_and_number_of_filters(reference):
    filters = pd.DataFrame({"filter": [0, 1, 2, 0, 1, 2], **RUN})
    result = make_table.networks(filters, reference).set_index("input_degradation")
    assert result.loc["blur", ["psnr_baseline", "psnr_target"]].tolist() == [27, 31]
    assert result["filters"].tolist() == [3, 3]


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
    result = make_table.prediction(table).set_index(["degradation", "mixture"])
    single = result.loc["blur", False]
    assert (single["accuracy"], single["detected"], single["false_alarms"]) == (50, 50, 50)
    assert result.loc[("blur", True), "accuracy"] == 0
    assert result.loc[("noise", True), "accuracy"] == 100


def test_completeness_is_read_from_the_metadata(tmp_path):
    errors = [[0.01, 0.001], [0.03, 0.003]]
    metadata = {"images": ["a", "b"], "degradations": ["blur", "noise"], "relative_error": errors}
    write_table(tmp_path / "t.parquet", pd.DataFrame({"x": [1]}), {"completeness": metadata})
    table = make_table.read_errors(tmp_path / "t.parquet").assign(**RUN)
    result = make_table.completeness(table).set_index("degradation")
    assert result["mean"].tolist() == pytest.approx([0.02, 0.002])
    assert result["max"].tolist() == [0.03, 0.003]
    assert result["above_2_percent"].tolist() == [True, False]


@pytest.fixture
def results() -> dict[str, pd.DataFrame]:
    """Tables of a run in which FAIG's blur filters matter for blur, at 5 % only."""
    masking = [
        {"network": "net", "method": method, "degradation": filters, "proportion": 0.05}
        | {"input_degradation": given, "count": 3}
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
    prediction = [
        {"network": "net", "degradation": "blur", "reference": reference, "variant": "paper"}
        | {"mixture": mixture, "accuracy": 20.0 if mixture else 90.0}
        for reference in ("ground_truth", "target_output")
        for mixture in (False, True)
    ]
    layers = {"layer": ["first", "last"], "filters": [4, 6], "chosen": [1, 3], "share": [25.0, 75]}
    levels = {"input_degradation": ["blur"], "psnr_baseline": [26.0], "psnr_target": [30.0]}
    errors = {"degradation": ["blur"], "mean": [0.01], "max": [0.03], "above_2_percent": [True]}
    chosen = pd.DataFrame(layers).assign(method="faig", degradation="blur", **RUN)
    return {
        "masking": pd.DataFrame(masking),
        "retraining": pd.DataFrame(retraining),
        "prediction": pd.DataFrame(prediction),
        "locations": chosen,
        "networks": pd.DataFrame(levels).assign(filters=1000, **RUN),
        "completeness": pd.DataFrame(errors).assign(**RUN),
    }


def test_summary_answers_the_question(results):
    text = summarize(results)
    assert text.startswith("Which 1 % of the filters remove blur, which remove noise, and how")
    assert "net: 1,000 filters; seeds: 1, test images: 3" in text
    assert "4 filters, mean depth 75%, most in last 75%, first 25%" in text
    assert "blur: faig 0.70, random 0.30; target 4.00" in text
    assert "90% / 90%" in text
    assert "20% / 20%" in text
    assert max(map(len, text.splitlines())) <= 100


def test_summary_takes_the_smallest_proportion_where_1_percent_is_missing(results):
    text = summarize(results)
    assert "masking the top 5%" in text
    assert "0.5 / 0.01" in text


def test_summary_warns_of_inexact_attribution(results):
    assert "WARNING" in summarize(results)
    results["completeness"]["above_2_percent"] = False
    assert "WARNING" not in summarize(results)
