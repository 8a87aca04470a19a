"""What the trials of a planted pair must give, and what they cannot measure."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.methods import attribute
from faig.attribution.pair import Pair
from faig.attribution.ranking import discriminative_scores, largest_contrast
from faig.attribution.stability import spearman_brown
from faig.evaluation import health
from faig.evaluation.trials import (
    JUDGED,
    Redrawn,
    growth,
    permuted_change,
    sanity_trials,
    score,
    seed_trials,
    stability_trials,
)
from faig.evaluation.trust import DESTROYED, EXPECTED
from toys import BLUR, CPU, FEATURES, NOISE, RANKED, SmoothNetwork, example

OPERATORS = {"blur": BLUR, "noise": NOISE}


@pytest.fixture(scope="module")
def pair(ends):
    return Pair.of(SmoothNetwork(features=FEATURES), *ends, CPU)


@pytest.fixture(scope="module")
def redrawn(planted_store):
    return Redrawn(planted_store.path, OPERATORS, seed=3)


@pytest.fixture(scope="module")
def tried(pair, crops, redrawn):
    again = health.read_crops(redrawn, RANKED, "bicubic", side=12, count=8)
    return stability_trials(pair, crops, again, RANKED, 8, growth(redrawn, crops))


def test_scores_are_those_of_the_methods(pair, crops):
    found = score(pair, crops[:2], RANKED, 3)
    for method in JUDGED:
        parameters = {} if method == "weight_change" else {"nodes": 3}
        for row, result in enumerate(attribute(method, pair, crops[:2], parameters, seed=0)):
            expected = result.scores[: len(RANKED)]
            np.testing.assert_allclose(found.scores[method][row], expected, rtol=1e-3, atol=1e-6)
    losses = health.path_losses(pair, crops[:2], points=2)
    gains = np.stack([losses[name][1] - losses[name][0] for name in RANKED], axis=1)
    np.testing.assert_allclose(found.gains, gains, rtol=1e-3)


def test_contrasts_are_those_of_the_rankings(pair, crops):
    found = score(pair, crops[:2], RANKED, 3)
    means = {method: scores.mean(axis=0) for method, scores in found.scores.items()}
    np.testing.assert_allclose(found.ranked("faig"), discriminative_scores(means["faig"]))
    gains = found.gains.mean(axis=0)
    np.testing.assert_allclose(found.ranked("signed"), largest_contrast(means["signed"], gains))
    np.testing.assert_allclose(found.ranked("weight_change"), means["weight_change"])


def test_named_contrasts_are_those_of_the_rankings(pair, crops):
    found = score(pair, crops[:2], RANKED, 3, {"blur": ["noise"]})
    parts = found.scores["faig"].mean(axis=0) / np.abs(found.gains.mean(axis=0))[:, None]
    rows = [RANKED.index(name) for name in ("blur", "noise")]
    np.testing.assert_allclose(found.ranked("faig")[rows[0]], parts[rows[0]] - parts[rows[1]])


def test_only_what_is_random_is_drawn_once_more(planted_store, redrawn):
    assert list(redrawn.random) == ["noise"]
    assert torch.equal(redrawn.lr("blur", "a"), planted_store.lr("blur", "a"))
    one, other = redrawn.lr("noise", "a"), planted_store.lr("noise", "a")
    assert one.shape == other.shape
    assert not torch.equal(one, other)
    assert torch.equal(one, redrawn.lr("noise", "a"))


def test_a_row_per_method_trial_degradation_and_proportion(tried):
    table = tried[0]
    keys = ["method", "trial", "degradation", "proportion"]
    assert not table.duplicated(keys).any()
    measured = table[table["measured"]]
    assert set(measured["method"]) == set(JUDGED)
    assert {"halves", "nodes", "noise"} <= set(measured["trial"])
    assert measured.loc[measured["trial"] == "halves", "predicted"].notna().all()


def test_each_trial_changes_one_thing_only(pair, crops, monkeypatch):
    monkeypatch.setattr("faig.evaluation.trials.has_bfloat16", lambda device: True)
    table, _ = stability_trials(pair, crops, crops, RANKED, 2, 4.0)
    trials = table[table["method"] == "faig"].set_index("trial")
    np.testing.assert_allclose(trials.loc["noise", ["spearman", "agreement", "rbo"]], 1)
    assert (trials.loc["precision", "spearman"] < 1 - 1e-6).all()
    halves = trials.loc["halves"]
    assert halves["predicted"].tolist() == [spearman_brown(a, 4.0) for a in halves["agreement"]]


def test_the_change_of_weights_knows_neither_images_nor_nodes(tried):
    own = tried[0].query("method == 'weight_change' and measured")
    np.testing.assert_allclose(own[["spearman", "agreement", "rbo"]], 1)


def test_more_nodes_change_a_smooth_network_less_than_other_images(tried):
    own = tried[0].query("method == 'faig' and proportion == 0.2")
    means = own.groupby("trial")["spearman"].mean()
    assert means["nodes"] > means["halves"]


def test_one_crop_is_not_measured(pair, crops):
    table, _ = stability_trials(pair, crops[:1], None, RANKED, 2, 2.0)
    rows = table[table["trial"].isin(["halves", "noise"])]
    assert not rows["measured"].any()
    assert rows[["spearman", "agreement", "rbo", "predicted"]].isna().all(axis=None)
    assert set(rows["note"]) == {"fewer than two crops", "no degradation is random"}


def test_an_attribution_sees_all_images_and_half_the_crops_half_of_theirs(planted_store, crops):
    """Two images; of one image alone, halves are crops."""
    assert growth(planted_store, crops) == 2
    assert growth(planted_store, crops[:2]) == 2
    six = SimpleNamespace(names=[*"abcdef"])
    assert growth(six, [example(f"{name}@0,0") for name in "abc"]) == 4


def test_permuted_changes_stay_inside_their_layers(pair):
    whole, last = (permuted_change(pair, share, seed=1) for share in (1.0, 0.5))
    for name in ("first.weight", "last.weight"):
        changes = [(each.target[name] - pair.baseline[name]).flatten(2) for each in (pair, whole)]
        one, other = (np.sort(c.sum(2).flatten().numpy()) for c in changes)
        np.testing.assert_allclose(one, other, atol=1e-5)
        assert not torch.equal(whole.target[name], pair.target[name])
    assert torch.equal(last.target["first.weight"], pair.target["first.weight"])
    assert not torch.equal(last.target["last.weight"], pair.target["last.weight"])


def test_what_is_destroyed_is_noticed(pair, crops, tried):
    null = permuted_change(pair, 1.0, seed=1)
    table = sanity_trials(pair, crops, RANKED, 4, tried[1], seed=0, null=null)
    found = table.groupby(["method", "trial"])["found"].mean()
    assert (found.xs("equal", level="trial") == 0).all()
    assert found["weight_change", "swapped"] == found["weight_change", "shuffled"] == 1
    assert max(found["faig", "shuffled"], found["signed", "shuffled"]) < 1
    assert found["faig", "swapped"] < 0.1  # no filter is among the best for both
    assert set(table["trial"]) == set(EXPECTED) > set(DESTROYED)
    assert (found.xs("null_target", level="trial") < 0.1).all()


def test_a_null_target_that_learned_the_same_is_ranked_the_same(pair, crops, tried):
    table = sanity_trials(pair, crops, RANKED, 4, tried[1], seed=0, null=pair)
    assert (table.loc[table["trial"] == "null_target", "found"] == 1).all()


def test_degradations_change_places_with_what_they_are_contrasted_with(pair, crops):
    """Two blurs have their filters in common: their rankings should be the same."""
    names = ["blur", "noise", "also_blur"]
    three = [replace(c, inputs={**c.inputs, "also_blur": c.inputs["blur"]}) for c in crops]
    named = {"blur": ["noise"], "also_blur": ["noise"]}
    _, coarse = stability_trials(pair, three, None, names, 4, 2.0, named)
    table = sanity_trials(pair, three, names, 2, coarse, seed=0, named=named)
    swapped = table[(table["trial"] == "swapped") & (table["method"] == "faig")]
    assert swapped.set_index("degradation")["found"][["blur", "also_blur"]].max() < 0.1


def test_seeds_are_compared_in_pairs():
    tables = [ranked(np.random.default_rng(seed).permutation(200)) for seed in (0, 0, 1)]
    table = seed_trials({"faig": tables, "signed": []})
    table = table[table["proportion"] == 0.05]
    assert set(table["method"]) == {"faig"}
    blur = table[table["degradation"] == "blur"]["agreement"].tolist()
    assert blur[0] == 1
    assert len(blur) == 3
    assert max(blur[1:]) < 0.3
    assert table["predicted"].isna().all()


def ranked(scores: np.ndarray) -> pd.DataFrame:
    """A ranking table, out of order."""
    rows = {"filter": np.arange(len(scores)), "score": scores.astype(float)}
    tables = [pd.DataFrame(rows).assign(degradation=name) for name in RANKED]
    return pd.concat(tables).sort_values("score")
