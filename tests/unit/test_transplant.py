"""Filters of one target put into another network of the same baseline."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.ranking import top
from faig.base.errors import InputError
from faig.evaluation.bench import Crops
from faig.evaluation.transplant import (
    _sets,
    grafted,
    require_one_baseline,
    transplant,
    transplanted,
)
from faig.report.figures import FIGURES
from faig.report.tables import make
from toys import SmoothNetwork, ordered_ranking, random_pair, random_state, same, substituted


@pytest.fixture
def pair():
    return random_pair(SmoothNetwork())


@pytest.fixture
def receiver(pair):
    return random_state(pair.network, 3)


@pytest.fixture
def measured(pair, receiver):
    """Crops whose references are the donor's output on blur, so that it is perfect there."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(6, 3, 8, 8, generator=generator)
    with torch.no_grad():
        references = torch.func.functional_call(pair.network, dict(pair.target), (inputs,))
    references[3:] = torch.rand(references[3:].shape, generator=generator)
    facts = {"input_degradation": 3 * ["blur"] + 3 * ["noise"], "dataset": "s"}
    rows = pd.DataFrame({**facts, "image": 2 * ["a", "b", "c"]})
    crops = Crops(rows, inputs, references)
    rng = np.random.default_rng(0)
    table = transplant(pair, receiver, {"faig": ordered_ranking(pair)}, crops, [0.1, 1], 2, rng)
    return table.assign(receiver="other", network="net", seed=0)


def test_the_donors_change_is_added_to_the_chosen_filters_and_to_nothing_else(pair, receiver):
    selected = np.arange(len(pair.index)) == 5
    state = transplanted(grafted(pair, receiver), selected)
    weight = pair.index.layers[0].parameter
    place = np.unravel_index(5, pair.target[weight].shape[:2])
    change = pair.target[weight][place] - pair.baseline[weight][place]
    torch.testing.assert_close(state[weight][place], receiver[weight][place] + change)
    state[weight][place] = receiver[weight][place]
    assert same(state, receiver)


def test_a_receiver_that_is_the_baseline_becomes_the_donor_filter_by_filter(pair):
    graft = grafted(pair, pair.baseline)
    everything = transplanted(graft, np.ones(len(pair.index), bool))
    for name, value in everything.items():
        torch.testing.assert_close(value, pair.target[name])
    selected = top(np.arange(len(pair.index)), 0.3)
    some = transplanted(graft, selected)
    expected = substituted(pair.baseline, pair.target, pair.index, selected)
    for name, value in some.items():
        torch.testing.assert_close(value, expected[name])


def test_buffers_are_the_receivers(pair):
    pair.network.register_buffer("code", torch.zeros(1))
    ends = {"baseline": 1.0, "target": 2.0}
    states = {n: {**getattr(pair, n), "code": torch.full((1,), v)} for n, v in ends.items()}
    receiver = {**random_state(pair.network, 3), "code": torch.full((1,), 7.0)}
    graft = grafted(replace(pair, **states), receiver)
    assert transplanted(graft, np.ones(len(pair.index), bool))["code"] == 7


def test_filters_of_another_baseline_are_refused_with_the_keys(pair, receiver):
    require_one_baseline(pair.baseline, dict(pair.baseline), ("a", "b"))
    with pytest.raises(InputError, match=r"networks\.a\.baseline and networks\.b\.baseline differ"):
        require_one_baseline(pair.baseline, receiver, ("a", "b"))
    short = {name: value for name, value in pair.baseline.items() if name != "last.bias"}
    with pytest.raises(InputError, match=r"1 of 4 tensors, the first being 'last\.bias'"):
        require_one_baseline(pair.baseline, short, ("a", "b"))


def test_random_filters_are_as_many_of_each_layer_as_the_top_ones(pair):
    sets = list(_sets(pair, {"faig": ordered_ranking(pair)}, [0.1], 3, np.random.default_rng(0)))
    counts = [np.bincount(pair.index.layer_numbers[s], minlength=2).tolist() for _, s in sets]
    assert counts == 4 * [counts[0]] + 4 * [counts[4]]
    assert len({selected.tobytes() for _, selected in sets}) == 8


def test_losses_are_those_of_the_networks(pair, receiver, measured):
    draws = measured[measured["filters"] == "random"]
    assert set(draws["proportion"]) == {0.1}  # of all filters there is but one choice
    assert len(measured) == 2 * 6 * (2 + 2)
    blur = measured[measured["input_degradation"] == "blur"]
    assert blur["loss_donor"].max() < 1e-10
    assert (blur["loss_receiver"] > 1e-3).all()


def test_the_table_tells_what_is_gained_beside_random_filters_and_the_donor(pair, measured):
    table = make("transplant", {"transplanted": measured})
    assert len(table) == 2 * 2 * 2  # degradations, proportions, inputs
    own = table.query("degradation == 'blur' and input_degradation == 'blur'").iloc[0]
    rows = measured.query(
        "degradation == 'blur' and input_degradation == 'blur' and proportion == 0.1"
    )
    top_rows = rows[rows["filters"] == "top"]
    gain = 1 - top_rows["loss"].sum() / top_rows["loss_receiver"].sum()
    assert own["share"] == pytest.approx(100 * gain, abs=1e-3)
    assert own["share_low"] <= own["share"] <= own["share_high"]
    expected = 10 * np.log10(top_rows["loss_receiver"] / top_rows["loss"])
    assert own["gained"] == pytest.approx(expected.mean())
    assert 0 < own["p"] <= 1
    assert np.isfinite(own["gained_random"])
    whole = table[table["proportion"] == 1]
    assert whole["gained_random"].isna().all()


def test_where_the_donor_is_no_better_there_is_no_share(measured):
    better = measured.assign(loss_donor=measured["loss_receiver"])
    table = make("transplant", {"transplanted": better})
    assert table["share"].isna().all()
    assert np.isfinite(table["gained"]).all()


def test_the_figure_has_a_curve_per_input_random_filters_and_the_donors_level(measured):
    figure = FIGURES["transplant"](measured)
    assert len(figure.axes) == 2
    for panel in figure.axes:
        curves = [line for line in panel.lines if len(line.get_xdata()) == 2]
        assert len(curves) >= 2
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any("random" in text for text in texts)
    assert any("donor" in text for text in texts)
