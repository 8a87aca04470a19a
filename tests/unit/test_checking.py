"""A first look at a pair tells what speaks against attributing it."""

import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.pair import Pair
from faig.base.errors import InputError
from faig.base.metrics import psnr
from faig.evaluation import checking
from faig.evaluation.checking import gains, related, report, warnings
from faig.networks.building import build, require_scale
from faig.networks.restoring import restore
from torch import nn
from toys import CPU, SmoothNetwork, example, random_pair, random_state

CROPS = [example(name) for name in "abc"]


def test_gains_are_the_difference_in_psnr():
    pair = random_pair(SmoothNetwork())
    found = gains(pair, CROPS)
    assert list(found["input_degradation"]) == ["blur", "noise"]
    values = []
    for crop in CROPS:
        levels = [
            psnr(
                restore(pair.network, crop.inputs["noise"], CPU, state), crop.reference / 255, 2
            ).item()
            for state in (pair.baseline, pair.target)
        ]
        values.append(levels[1] - levels[0])
    row = found.iloc[1]
    assert row["gain"] == pytest.approx(np.mean(values), abs=1e-5)
    assert row["gain"] == pytest.approx(row["psnr_target"] - row["psnr_baseline"])
    assert row["standard_error"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3), abs=1e-5)
    assert gains(pair, CROPS[:1])["standard_error"].isna().all()


def test_gains_of_both_signs_are_uncertain(monkeypatch):
    levels = iter([[30.0, 31.0], [30.0, 29.0], [30.0, 31.0]])
    monkeypatch.setattr(checking, "_psnr_of_both", lambda *_: next(levels))
    (row,) = gains(random_pair(SmoothNetwork()), [example(n, ["blur"]) for n in "abc"]).itertuples()
    assert row.gain == pytest.approx(1 / 3)
    assert row.standard_error == pytest.approx(np.std([1, -1, 1], ddof=1) / np.sqrt(3))


def pair_of(change: float) -> Pair:
    """A target that is the baseline, plus so much of other weights."""
    baseline, other = (random_state(SmoothNetwork(), seed) for seed in (1, 2))
    target = {name: value + change * other[name] for name, value in baseline.items()}
    return Pair.of(SmoothNetwork(), baseline, target, CPU)


def test_related_layers():
    found = related(pair_of(0.1))
    assert list(found["layer"]) == ["first", "last"]
    assert list(found["filters"]) == [12, 48]
    assert (found["correlation"] > 0.95).all()
    assert np.allclose(found["change"], 0.1, rtol=0.25)
    assert (related(random_pair(SmoothNetwork()))["correlation"].abs() < 0.5).all()


def told(pair: Pair) -> list[str]:
    return list(warnings(gains(pair, CROPS), related(pair), "noise"))


def test_unrelated_weights_are_told():
    (warning,) = [text for text in told(random_pair(SmoothNetwork())) if "correlate" in text]
    assert warning.startswith("2 of 2 layers have weights that hardly correlate")


def test_a_pair_without_a_gain_is_told():
    warning, same = told(pair_of(0.0))
    assert same == "target and baseline have the same weights: is one file given twice?"
    assert warning == (
        "blur: the target is no better than the baseline (+0.00 dB): there is nothing to attribute"
    )


@pytest.mark.parametrize(("gain", "warned"), [(0.19, True), (0.21, False)])
def test_a_gain_below_twice_its_standard_error_is_told(gain, warned):
    row = {"input_degradation": "blur", "gain": gain, "standard_error": 0.1}
    assert bool([*warnings(pd.DataFrame([row]), related(pair_of(0.1)), "noise")]) == warned


def test_the_report_names_what_it_is_about():
    text = report(pair_of(0.0), CROPS, "mine", "noise")
    assert text.startswith("mine: 60 filters in 2 layers, 3 crops")
    assert "WARNING: blur: the target is no better" in text
    assert "psnr_target" in text


class Shrinking(nn.Module):
    def __init__(self, scale: int):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return self.conv(x)


class Choosy(nn.Module):
    def __init__(self, scale: int, width: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(4, 3, width)

    def forward(self, x):
        return self.conv(x)


def test_a_network_of_another_scale_is_named_with_its_sizes():
    message = (
        r"'mine': makes \(1, 3, 22, 14\) of an image .* expected \(1, 3, 48, 32\): .* scale, 2"
    )
    with pytest.raises(InputError, match=message):
        require_scale(Shrinking(2), 2, "mine")


def test_a_network_that_fails_on_an_image_is_named():
    with pytest.raises(InputError, match="'mine' fails on an RGB image of 24 x 16 pixels: Runtime"):
        require_scale(Choosy(2), 2, "mine")


def test_a_look_changes_no_network_and_draws_nothing():
    network = build("srresnet", 2, {"features": 4, "blocks": 1})
    state = torch.get_rng_state()
    require_scale(network, 2, "mine")
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_constructor_that_fails_is_named():
    with pytest.raises(InputError, match=r"cannot be built with scale=2, width='three': TypeError"):
        build("test_checking:Choosy", 2, {"width": "three"})
