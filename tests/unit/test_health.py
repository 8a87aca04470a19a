"""Planted pairs get the verdict they were made for, and the numbers are what they say."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.pair import Pair
from faig.base.errors import InputError
from faig.evaluation import health
from faig.evaluation.verdicts import VERDICTS, Limits, judge, worst
from faig.report.figures import FIGURES, draw
from faig.report.looks import DEGRADATIONS
from faig.report.summary import fitness
from faig_workflow import config as configuration
from test_figures import texts
from test_sections import DEFAULT
from toys import (
    BICUBIC,
    CPU,
    FEATURES,
    RANKED,
    SmoothNetwork,
    degraded_store,
    example,
    permuted,
    photo,
    random_pair,
    twinned,
)

OWN = configuration.load(DEFAULT)["health"]
LIMITS = Limits(**OWN["limits"])


def checked(baseline: dict, target: dict, crops, points: int = 9, nodes: int = 8) -> pd.DataFrame:
    """A row per input, with the verdict."""
    network = SmoothNetwork(features=len(target["first.bias"]))
    pair = Pair.of(network, baseline, target, CPU)
    table = health.check(*health.measure(pair, crops, RANKED, points, nodes), LIMITS)
    return table.drop_duplicates("input_degradation").set_index("input_degradation")


def test_a_straight_healthy_path_is_healthy(ends, crops):
    found = checked(*ends, crops)
    assert list(found.index) == [*RANKED, "bicubic"]
    assert found["verdict"].tolist() == 3 * ["healthy"]
    assert found["reason"].tolist() == 3 * [""]
    assert (found.loc[RANKED, "gain"] > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_permuting_hidden_channels_makes_a_barrier(ends, crops, seed):
    """The target's output is the same; only the straight line leads elsewhere."""
    baseline, target = ends
    order = torch.randperm(FEATURES, generator=torch.Generator().manual_seed(seed)).tolist()
    plain, found = checked(*ends, crops), checked(baseline, permuted(target, order), crops)
    np.testing.assert_allclose(found["loss_target"], plain["loss_target"], rtol=1e-4)
    assert worst(found["verdict"]) == "unfit"
    said = found.loc[found["verdict"] == "unfit"]
    assert said["reason"].str.contains("barrier").all()
    assert said["advice"].str.contains("checkpoint").all()
    assert said["advice"].str.contains("align: true").all()
    np.testing.assert_allclose(found["barrier_aligned"], plain["barrier"], atol=1e-4)
    assert plain["barrier_aligned"].isna().all()
    assert not found["more_nodes"].any()


@pytest.mark.parametrize("kind", ["same", "worse"])
def test_without_a_gain_there_is_nothing_to_attribute(ends, crops, kind):
    baseline, target = ends
    found = checked(target, {"same": target, "worse": baseline}[kind], crops).loc[RANKED]
    assert found["verdict"].tolist() == 2 * ["unfit"]
    assert found["reason"].tolist() == 2 * ["the target is no better than the baseline"]
    assert found["advice"].str.contains("nothing to attribute").all()


@pytest.mark.parametrize(
    ("apart", "verdict"), [(0.0, "healthy"), (0.1, "doubtful"), (1.0, "unfit")]
)
def test_twins_that_cancel_are_seen(ends, crops, apart, verdict):
    """The loss along the line is that of the healthy pair, whatever the twins do."""
    baseline, target = ends
    plain = checked(baseline, target, crops)
    found = checked(twinned(baseline, 0), twinned(target, apart), crops)
    np.testing.assert_allclose(found["barrier"], plain["barrier"], atol=0.02)
    assert worst(found["verdict"]) == verdict
    assert found["reason"].str.contains("cancel").any() == (verdict != "healthy")


# the numbers


def test_what_a_path_tells():
    """Two crops, three points: the mean loss is 2, 7, 4."""
    losses = np.array([[1.0, 3.0], [6.0, 8.0], [4.0, 4.0]])
    found = health.path_facts(losses, unit=2.0)
    assert (found["loss_target"], found["loss_baseline"], found["gain"]) == (2, 4, 2)
    assert found["gain_error"] == pytest.approx(1.0)  # gains 3 and 1
    assert found["barrier"] == pytest.approx((7 - 3) / 2)
    assert found["monotony"] == pytest.approx(2 / (5 + 3))


def test_what_integrals_tell():
    signed = np.array([[3.0, -1.0], [5.0, -2.0]])
    found = health.integral_facts(signed, gains=np.array([2.5, 2.5]), overlap=0.5)
    assert found["cancellation"] == pytest.approx((4 + 1.5) / (4 - 1.5))
    assert found["completeness"] == pytest.approx(0.5 / 2.5)
    assert found["overlap"] == 0.5


def test_a_clean_input_is_counted_in_the_smallest_gain_of_the_others():
    ends = {"blur": (1, 3), "noise": (1, 9), "clean": (1, 1.5)}
    losses = {name: np.array(both, float)[:, None] for name, both in ends.items()}
    assert health._units(losses, ["blur", "noise"]) == {"blur": 2, "noise": 8, "clean": 2}


def test_overlaps_are_those_of_the_contrast():
    rng = np.random.default_rng(0)
    fine = rng.random((2, 100))
    coarse = fine + 10 * rng.random(100)  # of both degradations alike
    assert health.overlaps(fine, coarse) == [1, 1]


def test_a_network_that_breaks_on_its_way_is_infinitely_bad_there(monkeypatch):
    losses = iter([1.0, np.nan, 2.0])
    monkeypatch.setattr(health, "_loss", lambda *_: torch.tensor(next(losses)))
    found = health.path_losses(random_pair(SmoothNetwork()), [example(inputs=["blur"])], points=3)
    assert found["blur"].tolist() == [[1], [np.inf], [2]]


def test_one_crop_has_no_standard_error(ends, crops):
    found = checked(*ends, crops[:1])
    assert found["gain_error"].isna().all()
    assert found["verdict"].tolist() == 3 * ["healthy"]


def test_crops_are_spread_over_the_images(planted_store):
    crops = health.read_crops(planted_store, RANKED, "bicubic", side=12, count=4)
    assert [crop.name for crop in crops] == ["a@0,0", "a@12,12", "b@0,0", "b@12,12"]
    assert list(crops[0].inputs) == [*RANKED, "bicubic"]
    assert torch.equal(crops[1].reference[0], planted_store.hr("a")[:, 24:, 24:])
    assert torch.equal(crops[1].inputs["blur"][0], planted_store.lr("blur", "a")[:, 12:, 12:])


def test_images_have_equally_many_crops(planted_store):
    crops = health.read_crops(planted_store, RANKED, "bicubic", side=12, count=3)
    assert [crop.name for crop in crops] == ["a@0,0", "b@0,0"]


def test_the_cost_is_what_the_network_does(ends, planted_store, crops):
    network = SmoothNetwork(features=FEATURES)
    pair, counts = Pair.of(network, *ends, CPU), {False: 0, True: 0}

    def count(module, inputs):
        counts[torch.is_grad_enabled()] += inputs[0][0, 0].numel()

    pair.network.register_forward_pre_hook(count)
    health.measure(pair, crops, RANKED, points=5, nodes=4)
    cost = health.cost(planted_store, crops, RANKED, points=5, nodes=4)
    assert (cost.forward, cost.gradients) == (counts[False], counts[True])
    assert cost.faig == 2 * 24 * 24 * len(RANKED) * 8
    assert cost.share == pytest.approx((cost.forward / 3 + cost.gradients) / cost.faig)


def test_the_default_costs_at_most_half_of_faig(tmp_path):
    """Two images of 256 pixels, as in the default run."""
    images = {name: photo(256, 256, seed) for seed, name in enumerate("ab")}
    large = degraded_store(tmp_path / "s.h5", images, dict.fromkeys((*RANKED, "bicubic"), BICUBIC))
    own = health.read_crops(large, RANKED, "bicubic", OWN["crop"] // 2, OWN["crops"])
    assert len(own) == OWN["crops"]
    assert health.cost(large, own, RANKED, OWN["points"], OWN["nodes"]).share <= 0.5


def test_weights_that_are_no_numbers_are_refused(ends, crops):
    broken = copy.deepcopy(ends[1])
    broken["last.bias"][0] = float("nan")
    with pytest.raises(InputError, match="target's loss on 'blur' is not finite"):
        checked(ends[0], broken, crops)


# the verdicts

GOOD = {
    "input_degradation": "blur", "attributed": True, "loss_baseline": 10.0, "gain": 4.0,
    "gain_error": 0.5, "barrier": 0.1, "monotony": 1.0, "cancellation": 5.0,
    "completeness": 0.001, "overlap": 1.0,
}  # fmt: skip
CLEAN = {"attributed": False, "gain": -1.0, "monotony": -1.0, "cancellation": np.nan}


@pytest.mark.parametrize(
    ("facts", "verdict", "reason", "advice"),
    [
        ({}, "healthy", "", ""),
        ({"gain_error": np.nan}, "healthy", "", ""),
        ({"gain_error": 2.5}, "doubtful", "1.6 standard errors", "more crops"),
        ({"gain": -1.0}, "unfit", "no better", "nothing to attribute"),
        ({"barrier": 0.7}, "doubtful", "0.7 gains", "another checkpoint"),
        ({"barrier": 24.0}, "unfit", "24 gains", "another checkpoint"),
        ({"barrier": np.inf}, "unfit", "inf gains", "another checkpoint"),
        ({"monotony": 0.5}, "doubtful", "up and down", "another checkpoint"),
        ({"cancellation": 20.0}, "doubtful", "20-fold", "siblings"),
        ({"cancellation": 89.0}, "unfit", "89-fold", "siblings"),
        ({"completeness": 0.34, "overlap": 0.997}, "healthy", "", ""),
        ({"completeness": 0.01, "overlap": 0.5}, "healthy", "", ""),
        ({"completeness": 0.34, "overlap": 0.5}, "doubtful", "find 50%", "nodes"),
        (CLEAN, "healthy", "", ""),
        (CLEAN | {"barrier": 24.0}, "unfit", "24 gains", "another checkpoint"),
    ],
)
def test_every_number_has_its_limit(facts, verdict, reason, advice):
    found = judge(GOOD | facts, LIMITS)
    assert found["verdict"] == verdict
    for part, text in ((reason, found["reason"]), (advice, found["advice"])):
        assert part in text if part else not text


def test_more_nodes_are_no_advice_where_the_path_is_to_blame():
    coarse = GOOD | {"completeness": 0.34, "overlap": 0.5}
    assert judge(coarse, LIMITS)["more_nodes"]
    found = judge(coarse | {"barrier": 24.0}, LIMITS)
    assert not found["more_nodes"]
    assert "nodes" not in found["advice"]


@pytest.mark.parametrize(("aligned", "advised"), [(0.1, True), (12.5, False)])
def test_alignment_is_advised_where_it_halves_the_barrier_and_only_the_worst_is_told(
    aligned, advised
):
    facts = {"barrier": 24.0, "barrier_aligned": aligned, "cancellation": 20.0}
    found = judge(GOOD | facts, LIMITS)
    assert ("align: true" in found["advice"]) == advised
    assert "20-fold" not in found["reason"]


def test_worst_of_some_verdicts():
    assert worst(["doubtful", "unfit", "healthy"]) == "unfit"
    assert worst(["healthy"]) == VERDICTS[0]


# what people see


def seeds(*barriers: float) -> pd.DataFrame:
    """A pair per barrier on blur; on the clean input all is well."""
    path = pd.DataFrame({"alpha": [0, 0.5, 1], "loss": 1.0, "position": [0, 0.5, 1]})
    parts = []
    for seed, barrier in enumerate(barriers):
        facts = pd.DataFrame([GOOD | {"barrier": barrier}, GOOD | {"input_degradation": "bicubic"}])
        paths = path.assign(input_degradation=facts["input_degradation"][0])
        paths = pd.concat([paths, path.assign(input_degradation="bicubic")])
        parts.append(health.check(paths, facts, LIMITS).assign(network="net", seed=seed))
    return pd.concat(parts, ignore_index=True)


def test_the_summary_tells_the_worst_verdict_and_why():
    (line,) = fitness(seeds(0.1, 0.2))
    assert line == "  health: healthy on every input"
    text = " ".join(" ".join(fitness(seeds(0.1, 24.0, 24.0))).split())
    assert text.startswith("health: unfit: blur: the loss climbs a barrier of 24 gains between")
    assert text.count("24 gains") == 1
    assert "what to do: take another checkpoint" in text


def test_the_figure_has_a_panel_per_seed_with_its_verdict():
    figure = FIGURES["health"](seeds(0.1, 24.0))
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title() for panel in panels] == [
        "seed 0: healthy on every input",
        "seed 1: unfit on blur",
    ]
    drawn = {line.get_color(): list(line.get_ydata()) for line in panels[0].lines}
    assert drawn[DEGRADATIONS["blur"].colour] == [0, 0.5, 1]
    assert {"blur", "bicubic"} <= texts(figure)
    assert any("gains" in text for text in texts(figure))
    assert figure.get_suptitle().startswith("net: ")


@pytest.mark.parametrize("far", [np.inf, 1e6, -1e6])
def test_a_path_that_leads_far_away_does_not_flatten_the_rest(far):
    table = seeds(24.0)
    table.loc[table["alpha"] == 0.5, "position"] = [far, 0.5]
    (panel,) = FIGURES["health"](table).axes
    assert np.diff(panel.get_ylim()) < 10
    assert panel.get_ylim()[0] < 0 < 1 < panel.get_ylim()[1]


@pytest.mark.parametrize(("barrier", "marked"), [(0.1, False), (24.0, True)])
def test_figures_of_rankings_carry_the_verdict_on_an_unfit_pair(barrier, marked):
    rows = {"filter": range(4), "layer": "conv", "degradation": "blur", "rank": range(4)}
    ranking = pd.DataFrame(rows).assign(network="net", seed=0, score=1.0)
    figure = draw("locations", {"faig": ranking, "health": seeds(barrier)})
    said = [text for text in texts(figure) if "UNFIT PAIR" in text]
    assert bool(said) == marked
    assert all("blur: the loss climbs a barrier of 24 gains" in text for text in said)
