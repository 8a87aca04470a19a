"""The bench and the league, on a network in which a skill is planted in known filters."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.pair import Pair
from faig.attribution.passes import Passes
from faig.attribution.ranking import TOP, change_deciles, match_random, rank_filters, ranks
from faig.attribution.scoring import score
from faig.attribution.search import Losses
from faig.attribution.tiling import Tiler
from faig.base.device import Compute
from faig.base.errors import InputError
from faig.evaluation.bench import Bench, Crops, bench, smallest_side, speed, stratified_sample
from faig.evaluation.choosing import _best, choose
from faig.evaluation.faithfulness import DELETION, INSERTION, LIKE_NULL, NULL
from faig.evaluation.health import read_crops
from faig.evaluation.league import (
    Measured,
    agreement,
    at_judged,
    filters_needed,
    league,
    reproduced,
    side_effect,
)
from faig.evaluation.prediction import spread_crops
from torch import nn
from toys import CPU, SmoothNetwork, photo, random_pair, random_state, write_store

SHIFT = 60  # what "dark" takes from the red channel, and "green" from the green one


class Planted(nn.Module):
    """One 1x1 convolution and nearest upsampling: filter (c, c) alone mends channel c.

    The input has two channels more than the image: the network makes them itself, as constants,
    so that a channel is mended by adding a constant through one filter of its own.
    """

    def __init__(self):
        super().__init__()
        self.mend = nn.Conv2d(5, 3, 1, bias=False)

    def forward(self, x):
        red_is_low = (x[:, :1].mean(dim=(2, 3), keepdim=True) < 0.2).float().expand_as(x[:, :1])
        green_is_low = (x[:, 1:2].mean(dim=(2, 3), keepdim=True) < 0.2).float()
        known = torch.cat([x, red_is_low, green_is_low.expand_as(x[:, :1])], dim=1)
        return nn.functional.interpolate(self.mended(known), scale_factor=2)

    def mended(self, known):
        return self.mend(known)


class PlantedRows(Planted):
    """The same with a linear layer, of which row c mends channel c."""

    def __init__(self):
        super().__init__()
        self.mend = nn.Linear(5, 3, bias=False)

    def mended(self, known):
        return self.mend(known.movedim(1, -1)).movedim(-1, 1)


class PlantedHeads(Planted):
    """The same with attention, of which head 1 knows of the red channel, and 2 of the green."""

    def __init__(self):
        super().__init__()
        self.mend = nn.MultiheadAttention(6, 3, bias=False, batch_first=True)

    def mended(self, known):
        tokens = nn.functional.pad(known, (0, 0, 0, 0, 0, 1)).flatten(2).transpose(1, 2)
        added, _ = self.mend(tokens, tokens, tokens, need_weights=False)
        return known[:, :3] + added[..., :3].transpose(1, 2).unflatten(2, known.shape[2:])


RED, GREEN = 3, 5 + 4  # numbers of the filters (0, 3) and (1, 4)


@pytest.fixture(scope="module", autouse=True)
def _peak():
    """Products of large matrices need not be timed for every bench."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("faig.evaluation.bench.peak_gflops", lambda compute, sides: 100.0)
        yield


@pytest.fixture(scope="module")
def pair():
    baseline = torch.eye(3, 5)[..., None, None]
    target = baseline.clone()
    target[0, 3] = target[1, 4] = SHIFT / 255
    return Pair.of(Planted(), {"mend.weight": baseline}, {"mend.weight": target}, CPU)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    lr = {name: {} for name in ("clean", "dark", "green")}
    hr = {}
    for k in range(3):
        plain = np.full((8, 8, 3), 70 + 5 * k, np.uint8)
        hr[f"p{k}"] = plain.repeat(2, 0).repeat(2, 1)
        lr["clean"][f"p{k}"] = plain
        for channel, name in enumerate(("dark", "green")):
            lr[name][f"p{k}"] = plain.copy()
            lr[name][f"p{k}"][..., channel] -= SHIFT
    return write_store(tmp_path_factory.mktemp("bench") / "s.h5", hr, lr)


def ranking(pair, best: dict[str, int]) -> pd.DataFrame:
    parts = []
    for degradation, number in best.items():
        score = -np.arange(len(pair.index), dtype=float)
        score[number] = 1
        parts.append(
            pd.DataFrame(
                {
                    **pair.index.columns(),
                    "degradation": degradation,
                    "score": score,
                    "rank": ranks(score),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def measure(pair, rankings, store, inputs=("dark", "green", "clean"), **changes):
    """The bench on one crop of 16 HR pixels per image, with a few draws and filters."""
    sizes = {"crop": 16, "crops_per_image": 1, "draws": 2, "filters": 3} | changes
    return bench(pair, rankings, [store], inputs, **sizes, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def judged(pair, store):
    rankings = {
        "faig": ranking(pair, {"dark": RED, "green": GREEN}),
        "wrong": ranking(pair, {"dark": GREEN, "green": RED}),
    }
    sets, effects = measure(pair, rankings, store, draws=5, filters=15)
    return league(sets, effects, rankings, "clean").set_index(["method", "degradation"])


def test_a_ranking_that_finds_the_plant_wins_everywhere(judged):
    for degradation in ("dark", "green"):
        found = judged.loc["faig", degradation]
        assert found["filters_needed"] == pytest.approx(0.1)
        assert found["removed"] == pytest.approx(100, abs=1e-3)
        assert found["inserted"] == pytest.approx(100, abs=1e-3)
        assert found["removed_other"] == pytest.approx(0, abs=1e-3)
        assert found["clean_db"] == pytest.approx(0, abs=1e-3)
        assert found["specificity"] == pytest.approx(1)
        assert found["precision"] == 1
        assert found["effects_agreement"] > 0.9


def test_a_ranking_that_swaps_the_degradations_loses(judged):
    for degradation in ("dark", "green"):
        found = judged.loc["wrong", degradation]
        assert np.isnan(found["filters_needed"])
        assert found["removed"] == pytest.approx(0, abs=1e-3)
        assert found["removed_other"] == pytest.approx(100, abs=1e-3)
        assert found["specificity"] == pytest.approx(-1)
        assert found["specificity_p"] == 1


def test_the_nulls_are_many_draws_with_their_spread(judged):
    for null, p in ((NULL, "specificity_p"), (LIKE_NULL, "specificity_p_like")):
        assert (judged.loc[null]["removed_low"] <= judged.loc[null]["removed_high"]).all()
        assert (judged.loc["faig"][p] <= judged.loc["wrong"][p]).all()


def test_the_finer_null_knows_which_filters_changed(judged):
    """Only the planted filters did: half of the null's choices of one of two are right."""
    assert judged.loc[LIKE_NULL]["removed"].mean() > judged.loc[NULL]["removed"].mean()


def test_the_nulls_are_drawn_for_faig_wherever_it_stands(pair, store):
    both = ranking(pair, {"dark": RED, "green": GREEN})
    rankings = {"other": both[both["degradation"] == "dark"], "faig": both}
    sets, _ = measure(pair, rankings, store)
    assert set(sets.loc[sets["method"] == NULL, "degradation"]) == {"dark", "green"}


def test_single_filters_are_measured_in_float32_whatever_the_precision(pair, store):
    low = replace(pair, compute=Compute(CPU.device, torch.bfloat16))
    rankings = {"faig": ranking(pair, {"dark": RED, "green": GREEN})}
    exact, same = (measure(each, rankings, store)[1] for each in (pair, low))
    pd.testing.assert_frame_equal(exact, same, check_exact=True)


def test_all_filters_deleted_is_the_baseline_and_inserted_the_target(pair, store):
    crops = Crops.read([(store, spread_crops(store, 8, 1))], ["dark", "clean"], pair)
    measured, everything = Bench(pair, crops), np.ones(len(pair.index), bool)
    np.testing.assert_array_equal(measured.losses(DELETION, everything), measured.baseline)
    np.testing.assert_array_equal(measured.losses(INSERTION, everything), measured.target)
    np.testing.assert_array_equal(measured.losses(DELETION, ~everything), measured.target)


class Normalised(SmoothNetwork):
    """With statistics that baseline and target do not share."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(super().forward(x))


def test_gains_are_counted_from_where_the_attribution_ends_whatever_the_baselines_buffers(store):
    network = Normalised()
    states = [random_state(network, seed) for seed in (1, 2)]
    for state, variance in zip(states, (4.0, 1.0), strict=True):
        state["norm.running_var"] = torch.full((3,), variance)
    pair = Pair.of(network, *states, CPU)
    inputs = ["dark", "clean"]
    crops = Crops.few(store, inputs, pair, crop=16, crops=1)
    measured, nothing = Bench(pair, crops), np.zeros(len(pair.index), bool)
    np.testing.assert_array_equal(measured.losses(INSERTION, nothing), measured.baseline)
    (example,) = read_crops(store, inputs, "clean", 8, 1)
    gains = Passes(pair, example, Tiler(network, 64)).gains()
    np.testing.assert_allclose(Losses(pair, [example]).gains, gains, rtol=1e-5)
    per_value = (measured.baseline - measured.target) * example.reference.numel()
    np.testing.assert_allclose(per_value, gains, rtol=1e-4)


def removals(names: list[str], removed, method="faig", draw=0) -> pd.DataFrame:
    """The bench's losses of three crops; rows of `removed` are those whose filters are masked."""
    rows = [
        {
            "method": method, "degradation": names[masked], "draw": draw, "direction": direction,
            "proportion": TOP, "input_degradation": names[given], "dataset": "d",
            "image": f"{crop}@0", "loss": 1.0 + removed[masked][given],
            "loss_baseline": 2.0, "loss_target": 1.0,
        }
        for masked, given, direction, crop in product(
            range(len(names)), range(len(names)), (DELETION, INSERTION), range(3)
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_named_contrast_says_what_filters_may_serve_besides():
    """Filters of `blur` and `motion` are the same, those of `noise` others."""
    names = ["blur", "motion", "noise"]
    sets = removals(names, [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    named = {"blur": ["noise"], "motion": ["noise"]}
    against_all, against_named = Measured(sets), Measured(sets, named)
    assert against_all.specificity("faig", 0) == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert against_named.specificity("faig", 0) == 1
    key = "faig", 0, "blur"
    assert side_effect(against_all, key, TOP, "other")["other"] == 100
    assert side_effect(against_named, key, TOP, "other")["other"] == 0
    assert np.isnan(filters_needed(against_all, "faig", "blur"))
    assert filters_needed(against_named, "faig", "blur") == 100 * TOP
    # where nothing is gained, there is nothing to compare with
    sets.loc[sets["input_degradation"] == "noise", "loss_baseline"] = 1.0
    assert Measured(sets).specificity("faig", 0) == 0
    assert np.isnan(Measured(sets, named).specificity("faig", 0))
    assert filters_needed(Measured(sets, named), "faig", "blur") == 100 * TOP
    assert np.isnan(filters_needed(Measured(sets, named), "faig", "noise"))


def test_filters_without_which_another_degradation_is_restored_better_do_not_spare_it():
    harmless, harmful = (
        Measured(removals(["blur", "noise", "jpeg"], [[1, 0.02, gain], [0, 1, 0], [0, 0, 1]]))
        for gain in (0.0, -0.3)
    )
    assert filters_needed(harmless, "faig", "blur") == 100 * TOP
    assert np.isnan(filters_needed(harmful, "faig", "blur"))
    found = side_effect(harmful, ("faig", 0, "blur"), TOP, "other")
    assert found["other"] == pytest.approx(-30)


def test_the_range_of_a_null_is_that_of_95_percent_of_its_draws():
    draws = [
        removals(["blur", "noise"], share * np.eye(2), null, draw)
        for draw, share in enumerate(np.linspace(0, 1, 41))
        for null in (NULL, LIKE_NULL)
    ]
    row = league(pd.concat(draws, ignore_index=True), pd.DataFrame(), {}, "noise").iloc[0]
    assert (row["removed_low"], row["removed_high"]) == pytest.approx((2.5, 97.5))


def test_decibels_are_taken_of_every_crop_before_their_mean():
    sets = removals(["blur", "noise"], np.eye(2))
    sets.loc[sets["image"] == "0@0", "loss"] = 4.0
    found = at_judged(Measured(sets), "faig", 0, "blur", "noise")
    assert found["removed_db"] == pytest.approx(10 * np.log10([4, 2, 2]).mean())


def test_effects_are_compared_with_scores_as_they_were_before_the_contrast():
    number = np.arange(20.0)
    facts = {"input_degradation": "blur", "dataset": "d", "image": "0@0", "loss_target": 0.0}
    effects = pd.DataFrame({"filter": number, "loss": number}).assign(**facts)
    scores = pd.DataFrame({"filter": number, "score": -number, "own_score": number})
    scores["degradation"] = "blur"
    for table, expected in ((scores, 1), (scores.drop(columns="own_score"), -1)):
        assert agreement(effects, table, "blur")["spearman"] == pytest.approx(expected)


@pytest.mark.parametrize("units", ["channel", "layer"])
def test_other_units_are_chosen_and_judged_alike(pair, store, units):
    pair = replace(pair, units=units, biases="units")
    count, gains = len(pair.index), {"dark": 1.0, "green": 1.0}
    scores = pd.concat(
        pd.DataFrame({**pair.index.columns(), "degradation": name, "score": np.arange(count) == k})
        for k, name in enumerate(gains)
    )
    ranked, _ = choose(pair, scores.astype({"score": float}), "largest", gains, store)
    rankings = {"faig": ranked, "matched_random": match_random(ranked, 0)}
    sets, effects = measure(pair, rankings, store)
    assert effects["filter"].nunique() == count
    found = league(sets, effects, rankings, "clean").set_index(["method", "degradation"])
    # each channel of the output is mended by one of the network's; one layer mends all
    assert found["removed"]["faig", "dark"] == pytest.approx(100, abs=1e-3)
    assert found["removed_other"]["faig", "dark"] == pytest.approx(
        0 if units == "channel" else 100, abs=1e-3
    )


def planted_rows() -> Pair:
    weights = {"mend.weight": torch.eye(3, 5)}
    target = weights["mend.weight"].clone()
    target[0, 3] = target[1, 4] = SHIFT / 255
    return Pair.of(PlantedRows(), weights, {"mend.weight": target}, CPU)


def planted_heads() -> Pair:
    values = torch.cat([torch.zeros(12, 6), torch.eye(6)])
    weights = {"mend.in_proj_weight": values, "mend.out_proj.weight": torch.zeros(6, 6)}
    target = torch.zeros(6, 6)
    target[0, 3] = target[1, 4] = SHIFT / 255
    ends = weights, {**weights, "mend.out_proj.weight": target}
    return Pair.of(PlantedHeads(), *ends, CPU, units="head")


@pytest.mark.parametrize(
    ("pair", "plant"),
    [(planted_rows(), {"dark": 0, "green": 1}), (planted_heads(), {"dark": 1, "green": 2})],
    ids=["rows", "heads"],
)
def test_rows_and_heads_that_carry_a_skill_are_found_and_win(pair, plant, store):
    scores, facts = score(pair, store, "signed", {}, list(plant), "clean", 0)
    ranked, _ = choose(pair, scores, "largest", facts["gains"], store)
    best = ranked[ranked["rank"] == 0].set_index("degradation")["filter"]
    assert best.to_dict() == plant
    sets, effects = measure(pair, {"signed": ranked}, store)
    found = league(sets, effects, {"signed": ranked}, "clean")
    for own in found[found["method"] == "signed"].to_dict("records"):
        assert own["removed"] == pytest.approx(100, abs=0.1)
        assert own["inserted"] == pytest.approx(100, abs=0.1)
        assert own["removed_other"] == pytest.approx(0, abs=0.1)
        assert own["specificity"] == pytest.approx(1, abs=1e-3)


def test_no_mask_is_evaluated_twice(pair, store):
    crops = Crops.read([(store, spread_crops(store, 8, 1))], ["dark"], pair)
    measured, selected = Bench(pair, crops), np.arange(len(pair.index)) == RED
    before = measured.evaluations
    for _ in range(3):
        measured.losses(DELETION, selected)
    assert measured.evaluations == before + len(crops.rows)


def test_the_speed_is_told_beside_the_machines_peak(pair, store):
    crops = Crops.read([(store, spread_crops(store, 8, 1))], ["dark"], pair)
    operations = 2 * 3 * 5 * 8 * 8  # of a crop: a product and a sum for each weight and pixel
    text = speed(pair, crops, 1e9 / operations)
    assert text.endswith("1.0 GFLOP/s, 1% of the 100 of the fastest matrix product")


def test_images_smaller_than_the_crop_set_its_size(pair, store):
    rankings = {"faig": ranking(pair, {"dark": RED, "green": GREEN})}
    sets, _ = measure(pair, rankings, store, ("dark", "green"), crop=512, crops_per_image=4)
    assert sets["image"].nunique() == 3


def test_the_smallest_side_is_that_of_all_images_both_ways(tmp_path):
    images = {"wide": photo(24, 80), "tall": photo(64, 32)}
    assert smallest_side(write_store(tmp_path / "s.h5", images, {"x": images})) == 12


def test_without_a_gain_there_is_no_share(store, pair):
    same = Pair.of(Planted(), pair.baseline, pair.baseline, CPU)
    rankings = {"faig": ranking(pair, {"dark": RED, "green": GREEN})}
    sets, effects = measure(same, rankings, store)
    found = league(sets, effects, rankings, "clean").iloc[0]
    assert np.isnan(
        found[["removed", "inserted", "specificity", "filters_needed"]].astype(float)
    ).all()
    assert found["removed_db"] == 0


def test_the_sample_has_filters_of_every_layer_and_no_filter_twice():
    pair = random_pair(SmoothNetwork())
    sample = stratified_sample(pair, 20, np.random.default_rng(0))
    assert len(set(sample)) == len(sample)
    assert set(pair.index.layer_numbers[sample]) == {0, 1}
    assert 15 <= len(sample) <= 25
    everything = stratified_sample(pair, 10**6, np.random.default_rng(0))
    np.testing.assert_array_equal(everything, np.arange(len(pair.index)))


def test_the_sample_has_filters_of_every_decile_of_the_change():
    pair = random_pair(SmoothNetwork(features=10))
    deciles = change_deciles(pair.index.layer_numbers, pair.size_of_change.numpy())
    sample = stratified_sample(pair, 75, np.random.default_rng(0))
    assert set(deciles[sample]) == set(deciles)


def signed_scores(pair, bogus: float) -> pd.DataFrame:
    """Scores of which one for "dark" is bogus: the filter of "green"."""
    parts = []
    for degradation, number in (("dark", RED), ("green", GREEN)):
        score = np.zeros(len(pair.index))
        score[number] = 1
        if degradation == "dark":
            score[GREEN] = bogus
        parts.append(
            pd.DataFrame({**pair.index.columns(), "degradation": degradation, "score": score})
        )
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("bogus", "beta"), [(0.5, 1.0), (2.5, 3.0), (6.0, 10.0)])
def test_the_weight_that_leaves_others_alone_on_validation_images_is_taken(
    pair, store, bogus, beta
):
    gains = {"dark": 1.0, "green": 1.0}
    ranking, chosen = choose(pair, signed_scores(pair, bogus), "largest", gains, store)
    assert chosen["dark"]["beta"] == beta
    assert chosen["dark"]["proportion"] == 0.001
    assert chosen["dark"]["removed"] == pytest.approx(100, abs=1e-3)
    assert chosen["dark"]["removed_other"] == pytest.approx(0, abs=1e-3)
    best = ranking[(ranking["degradation"] == "dark") & (ranking["rank"] == 0)].iloc[0]
    assert best["filter"] == RED
    assert best["own_score"] == 1


@pytest.mark.parametrize(
    ("few", "many", "fewer"),
    [
        ((0.9, 0.0), (1.0, 0.0), True),  # both are enough
        ((0.9, -0.3), (1.0, 0.0), False),  # what improves another harms it as well
        ((1.5, 0.0), (1.0, 0.0), False),  # damage is no skill
        ((0.5, 0.0), (0.6, 0.3), True),  # neither is enough, and harm counts
        ((0.5, 0.0), (0.7, 0.0), False),
    ],
)
def test_the_fewest_filters_that_are_enough_are_taken_or_else_the_nearest(
    monkeypatch, few, many, fewer
):
    """Of two numbers of filters, by the shares of the gain and of another that they take."""
    shares = {0.1: few, 0.2: many}
    shares = {p: dict(zip(("blur", "noise"), both, strict=True)) for p, both in shares.items()}
    monkeypatch.setattr("faig.evaluation.choosing.TRIED", tuple(shares))
    monkeypatch.setattr("faig.evaluation.choosing.selection", lambda table, name, number: number)
    monkeypatch.setattr("faig.evaluation.choosing.removed_shares", lambda _, tried: shares[tried])
    assert _best(None, {1.0: None}, "blur", ["noise"])["proportion"] == (0.1 if fewer else 0.2)


def test_contrasts_without_a_weight_choose_the_number_of_filters_only(pair, store):
    scores = signed_scores(pair, 0.5)
    ranking, chosen = choose(pair, scores, "mean", None, store)
    assert ranking.equals(rank_filters(scores, "mean"))
    assert [own["beta"] for own in chosen.values()] == [None, None]


def test_filters_are_ranked_by_named_contrasts(pair, store):
    gains, named = {"dark": 2.0, "green": 1.0}, {"dark": ["green"]}
    scores = signed_scores(pair, 0.25)
    ranking, _ = choose(pair, scores, "mean", gains, store, named)
    assert ranking.equals(rank_filters(scores, "mean", gains, named=named))


def test_where_nothing_is_gained_nothing_is_to_be_spared(pair, store):
    scores = signed_scores(pair, 0.25)
    third = scores.query("degradation == 'green'").assign(degradation="clean")
    for tables in ([scores, third], [third, scores]):
        _, chosen = choose(pair, pd.concat(tables), "mean", None, store)
        assert chosen["dark"]["removed"] == pytest.approx(100, abs=1e-3)
        assert chosen["dark"]["removed_other"] == pytest.approx(0, abs=1e-3)
        assert chosen["clean"]["removed"] is None


def test_without_a_gain_on_validation_images_nothing_is_said_to_be_removed(pair, store):
    same = Pair.of(Planted(), pair.baseline, pair.baseline, CPU)
    _, chosen = choose(same, signed_scores(pair, 0.5), "mean", None, store)
    assert chosen["dark"]["removed"] is None
    assert chosen["dark"]["proportion"] == TOP


def test_what_was_chosen_is_judged_on_the_test_images(pair, store):
    rankings = {"faig": ranking(pair, {"dark": RED, "green": GREEN})}
    chosen = {"proportion": 0.01, "beta": 3.0}
    facts = {"faig": {"passes": 8.0, "chosen": dict.fromkeys(("dark", "green"), chosen)}}
    sets, effects = measure(pair, rankings, store)
    for row in league(sets, effects, rankings, "clean", facts).iloc[:2].to_dict("records"):
        assert (row["chosen"], row["beta"], row["passes"]) == (1, 3, 8)
        assert row["carried"] == pytest.approx(100, abs=1e-3)
        assert row["carried_low"] <= row["carried"] <= row["carried_high"]
        assert row["carried_other"] == pytest.approx(0, abs=1e-3)
        assert row["removed_other_low"] <= row["removed_other"] <= row["removed_other_high"]
        assert np.isnan(row["carried_random"])  # there is no such ranking


def test_a_single_degradation_is_deleted_and_inserted_but_not_contrasted(pair, store):
    alone = {"faig": ranking(pair, {"dark": RED})}
    sets, effects = measure(pair, alone, store, ("dark", "clean"))
    found = league(sets, effects, alone, "clean").iloc[0]
    assert found["removed"] == pytest.approx(100, abs=1e-3)
    assert found["inserted"] == pytest.approx(100, abs=1e-3)
    assert np.isnan(found[["removed_other", "specificity"]].astype(float)).all()
    scores = signed_scores(pair, 0.0).query("degradation == 'dark'")
    for contrast in ("mean", "largest"):
        with pytest.raises(InputError, match="two or more degradations"):
            choose(pair, scores, contrast, {"dark": 1.0}, store)


def test_effects_that_are_the_images_own_agree_with_no_others():
    """Of 200 filters and four images of two crops: what is the filter's is found again."""
    rng = np.random.default_rng(0)
    crops = [f"{image}@0,{x}" for image in "abcd" for x in (0, 8)]
    own = rng.normal(size=(200, 4)).repeat(2, axis=1)  # an image's crops agree
    found = {}
    for name, effect in {"filter": own[:, :1], "image": own}.items():
        table = pd.DataFrame(np.broadcast_to(effect, (200, 8)), columns=crops)
        table = table.rename_axis("filter").reset_index()
        table = table.melt("filter", var_name="image", value_name="effect")
        found[name] = reproduced(table.assign(dataset="photos"))
    assert found["filter"] == pytest.approx(1)
    assert abs(found["image"]) < 0.3
    assert reproduced(table[table["image"] < "b"].assign(dataset="photos")) == pytest.approx(1)
    assert np.isnan(reproduced(table[table["image"] == "a@0,0"].assign(dataset="photos")))
