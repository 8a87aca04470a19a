import pandas as pd
import pytest
from faig.report.two_branch_summary import OPPONENTS, summarize


def compared(over_mean: float, setting: str = "random_blur") -> pd.DataFrame:
    """Two systems, the second of which does not use its code."""
    rows = []
    for network, mean in (("dan1", over_mean), ("dasr", 0.001)):
        for code in ("own", "mean"):
            row = {"network": network, "setting": setting, "variant": "two_branch", "code": code}
            gains = dict.fromkeys(OPPONENTS.values(), 0.5) | {"over_mean_code": mean}
            for column, value in gains.items():
                row |= {column: value, f"{column}_low": value - 0.1, f"{column}_high": value + 0.1}
            rows.append({**row, "count": 14, "psnr": 27.5 if code == "own" else 20.0})
        rows.append({"network": network, "setting": setting, "variant": "equal_parameters"})
    return pd.DataFrame(rows)


def knows() -> pd.DataFrame:
    rows = [
        {"network": network, "variant": variant, "degradation": degradation, **more}
        for network, variant, more in (
            ("dan1", "two_branch", {"balanced_accuracy": 90.0, "sigma_error": 0.25}),
            ("dasr", "two_branch", {"balanced_accuracy": 80.0, "sigma_error": 0.5}),
            ("srresnet", "paper", {"balanced_accuracy": 70.0}),
        )
        for degradation in ("blur", "noise")
    ]
    return pd.DataFrame(rows).assign(code_error=float("nan"))


def test_every_setting_and_system_is_there():
    text = summarize([(compared(0.4), knows()), (compared(0.4, "other"), knows())])
    assert text.count("test images: 14") == 2
    assert "random_blur; " in text
    assert "other; " in text
    (dan1, *_) = [line for line in text.splitlines() if line.split()[:1] == ["dan1"]]
    assert dan1.split()[1:5] == ["27.50", "+0.50", "[+0.40,", "+0.60]"]
    assert "20.00" not in text  # with the mean code


@pytest.mark.parametrize(
    ("over_mean", "named"), [(0.4, "dasr (+0.001 dB)"), (0.05, "dan1 (+0.050")]
)
def test_who_does_not_use_its_code_is_named(over_mean, named):
    text = summarize([(compared(over_mean), knows())])
    assert "all are clearly better than bicubic" in text
    assert f"NOT clearly better than its mean code: {named}" in text
    assert ("dan1 (" in text) == (over_mean == 0.05)


def test_codes_and_filters_are_asked_the_same():
    lines = summarize([(compared(0.4), knows())]).splitlines()
    own = [line.split() for line in lines if "'s " in line]
    answers = {" ".join(words[:-3]): words[-3:] for words in own}
    assert answers == {
        "dan1's code": ["90%", "90%", "0.25"],
        "dasr's code": ["80%", "80%", "0.50"],
        "srresnet's filters, paper": ["70%", "70%", "-"],
    }
