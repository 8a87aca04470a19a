import numpy as np
import pandas as pd
import pytest
from faig.attribution.ranking import (
    BETA,
    change_deciles,
    contrasted,
    discriminative_scores,
    largest_contrast,
    match_random,
    rank_filters,
    ranks,
    selection,
    shuffle_within,
    top,
)
from faig.base.errors import InputError
from hypothesis import given
from hypothesis import strategies as st


def test_two_degradations_are_contrasted_by_their_difference():
    result = discriminative_scores(np.array([[3.0, 1, 5], [1, 1, 7]]))
    np.testing.assert_allclose(result, [[2, 0, -2], [-2, 0, 2]])


def test_three_degradations_are_contrasted_with_the_mean_of_the_others():
    result = discriminative_scores(np.array([[6.0, 0], [2, 3], [4, 9]]))
    np.testing.assert_allclose(result, [[6 - 3, 0 - 6], [2 - 5, 3 - 4.5], [4 - 4, 9 - 1.5]])


def test_one_degradation_has_no_contrast():
    with pytest.raises(InputError, match="two or more"):
        discriminative_scores(np.ones((1, 4)))


def test_highest_score_has_rank_0_and_ties_keep_their_order():
    assert ranks(np.array([0.5, 2, -1, 2, 0.5])).tolist() == [2, 0, 4, 1, 3]
    scores = np.random.default_rng(0).integers(0, 3, 1000)
    expected = sorted(range(1000), key=lambda number: (-scores[number], number))
    assert np.argsort(ranks(scores)).tolist() == expected


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50))
def test_ranks_sort_the_scores(scores):
    order = ranks(np.array(scores))
    assert sorted(order) == list(range(len(scores)))
    assert np.array(scores)[np.argsort(order)].tolist() == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("proportion", "count"), [(0.01, 1), (1e-9, 1), (0.014, 1), (0.016, 2), (0.5, 50), (1.0, 100)]
)
def test_top_takes_the_nearest_number_but_at_least_one(proportion, count):
    order = np.random.default_rng(0).permutation(100)
    selected = top(order, proportion)
    assert selected.dtype == bool
    assert sorted(order[selected]) == list(range(count))


def test_shuffling_within_layers_keeps_every_count():
    rng = np.random.default_rng(0)
    layers = np.repeat(["conv_first", "body.0", "last"], [30, 100, 7])
    order = rng.permutation(len(layers))
    shuffled = order[shuffle_within(layers, rng)]
    assert sorted(shuffled) == sorted(order)
    assert (shuffled != order).mean() > 0.8
    for proportion in (0.01, 0.05, 0.3, 0.9, 1):
        chosen, control = layers[top(order, proportion)], layers[top(shuffled, proportion)]
        assert sorted(chosen) == sorted(control)


@given(st.lists(st.integers(1, 45), min_size=1, max_size=4), st.integers(0, 99))
def test_groups_of_equal_change_part_each_layer_by_size(sizes, seed):
    layers = np.repeat(np.arange(len(sizes)), sizes)
    change = np.random.default_rng(seed).random(len(layers))
    groups = change_deciles(layers, change)
    for number, size in enumerate(sizes):
        own, values = groups[layers == number], change[layers == number]
        counts = np.unique(own, return_counts=True)[1]
        assert len(counts) == max(1, min(10, size // 2))
        assert counts.max() - counts.min() <= 1
        # the smallest changes are in the first group, the largest in the last
        assert (np.diff(own[np.argsort(values)]) >= 0).all()
        assert not set(own) & set(groups[layers != number])


def test_of_layers_as_units_all_change_places():
    order = shuffle_within(np.array(["a", "b", "c", "d"]), np.random.default_rng(0))
    assert sorted(order) == [0, 1, 2, 3]
    assert order.tolist() != [0, 1, 2, 3]


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "filter": [2, 0, 1, 3, 0, 1, 2, 3],
            "degradation": ["blur"] * 4 + ["noise"] * 4,
            "rank": [0, 1, 3, 2, 3, 2, 1, 0],
        }
    )


def test_selection_is_in_the_order_of_filters(table):
    assert selection(table, "blur", 0.5).tolist() == [True, False, True, False]
    assert selection(table, "noise", 0.25).tolist() == [False, False, False, True]


def test_selection_of_an_unknown_degradation_is_an_error(table):
    with pytest.raises(InputError, match="'jpeg', only blur, noise"):
        selection(table, "jpeg", 0.5)


def scored() -> pd.DataFrame:
    """Scores of six filters in two layers for two degradations, in no order."""
    address = {"layer": ["a"] * 2 + ["b"] * 4, "out_channel": 0, "in_channel": range(6)}
    tables = [
        pd.DataFrame({"filter": range(6), **address, "degradation": name, "score": scores})
        for name, scores in (("noise", [1.0, 5, 2, 0, 4, 3]), ("blur", [1.0, 0, 2, 7, 1, 3]))
    ]
    return pd.concat(tables).iloc[[3, 0, 5, 2, 1, 4, 11, 7, 8, 9, 6, 10]]


@pytest.mark.parametrize(
    ("contrast", "noise", "scores"),
    [
        ("none", [4, 0, 3, 5, 1, 2], [1, 5, 2, 0, 4, 3]),
        ("mean", [2, 0, 3, 5, 1, 4], [0, 5, 0, -7, 3, 0]),
    ],
)
def test_a_ranking_is_one_of_scores_or_of_their_contrast(contrast, noise, scores):
    ranking = rank_filters(scored(), contrast)
    rows = ranking[ranking["degradation"] == "noise"]
    assert rows["filter"].tolist() == list(range(6))
    assert rows["rank"].tolist() == noise
    assert rows["score"].tolist() == scores
    assert rows["in_channel"].tolist() == list(range(6))
    assert ranking["degradation"].unique().tolist() == ["noise", "blur"]


def test_the_random_control_has_as_many_filters_of_each_layer():
    ranking = rank_filters(scored(), contrast="mean")
    control = match_random(ranking, 1)
    assert control.equals(match_random(ranking, 1))
    assert not control["rank"].equals(ranking["rank"])
    by = ["degradation", "layer"]
    for column in ("rank", "score"):
        held = [t.groupby(by)[column].apply(sorted).to_dict() for t in (ranking, control)]
        assert held[0] == held[1]


def test_signed_scores_are_contrasted_as_shares_with_the_largest_of_the_others():
    scores = np.array([[4.0, -2, 0], [10, 20, -10], [1, 0, 3]])
    gains = np.array([2.0, 10, 1])
    found = largest_contrast(scores, gains)
    assert found[0].tolist() == [2 - BETA * 1, -1 - BETA * 2, 0 - BETA * 3]
    assert found[1].tolist() == [1 - BETA * 2, 2 - BETA * 1, -1 - BETA * 3]


def test_where_both_networks_are_equally_good_there_are_no_shares():
    with pytest.raises(InputError, match=r"share.*gain.*attribution\.methods"):
        largest_contrast(np.ones((2, 3)), np.array([1.0, 0.0]))


def test_a_loss_in_place_of_a_gain_is_said(capsys):
    scores = np.array([[4.0, -2], [1, 3]])
    lost = largest_contrast(scores, np.array([2.0, -1]))
    assert "gains nothing" in capsys.readouterr().out
    assert lost.tolist() == largest_contrast(scores, np.array([2.0, 1])).tolist()


THREE = np.array([[6.0, 0, 3], [20, 30, 10], [4, 9, 1]])
GAINS = np.array([2.0, 10, -1])


def test_a_named_contrast_is_one_of_shares_with_those_that_are_named():
    found = contrasted("mean", THREE, GAINS, named={0: [1]})
    np.testing.assert_allclose(found[0], THREE[0] / 2 - THREE[1] / 10)
    np.testing.assert_array_equal(found[1:], discriminative_scores(THREE)[1:])
    both = contrasted("mean", THREE, GAINS, named={1: [0, 2]})
    np.testing.assert_allclose(both[1], THREE[1] / 10 - (THREE[0] / 2 + THREE[2]) / 2)


def test_a_named_contrast_of_signed_scores_leaves_the_others_out():
    betas = np.array([1.0, 2, 3])
    found = contrasted("largest", THREE, GAINS, betas, {1: [2]})
    np.testing.assert_allclose(found[1], THREE[1] / 10 - 2 * THREE[2])
    np.testing.assert_array_equal(found[[0, 2]], largest_contrast(THREE, GAINS, betas)[[0, 2]])
    every = contrasted("largest", THREE, GAINS, betas, {0: [1, 2], 1: [0, 2], 2: [0, 1]})
    np.testing.assert_allclose(every, largest_contrast(THREE, GAINS, betas))


def test_a_large_loss_does_not_dominate_a_named_contrast():
    """Scaled losses, as of stronger noise, change the paper's contrast but not the named one."""
    louder = THREE * [[1], [50], [1]]
    named = {row: [n for n in range(3) if n != row] for row in range(3)}
    one = contrasted("mean", THREE, GAINS, named=named)
    other = contrasted("mean", louder, GAINS * [1, 50, 1], named=named)
    np.testing.assert_allclose(one, other)
    assert not np.allclose(discriminative_scores(THREE)[0], discriminative_scores(louder)[0])


def test_scores_without_a_gain_are_shares_of_their_sum_and_some_are_never_contrasted():
    found = contrasted("mean", THREE, named={2: [0]})
    np.testing.assert_allclose(found[2], THREE[2] / 14 - THREE[0] / 9)
    np.testing.assert_array_equal(contrasted("none", THREE, GAINS, named={0: [1]}), THREE)


def test_contrasts_are_named_by_degradation():
    ranking = rank_filters(scored(), "mean", {"blur": 1.0, "noise": 2.0}, named={"blur": ["noise"]})
    rows = ranking[ranking["degradation"] == "blur"]
    noise, blur = np.array([1.0, 5, 2, 0, 4, 3]), np.array([1.0, 0, 2, 7, 1, 3])
    np.testing.assert_allclose(rows["score"], blur - noise / 2)
    assert ranking.loc[ranking["degradation"] == "noise", "score"].tolist() == list(noise - blur)


def test_gains_are_taken_in_the_order_of_the_degradations():
    table = scored()
    ranking = rank_filters(table, "largest", {"blur": 1.0, "noise": 2.0})
    rows = ranking[ranking["degradation"] == "noise"]
    noise, blur = np.array([1.0, 5, 2, 0, 4, 3]), np.array([1.0, 0, 2, 7, 1, 3])
    np.testing.assert_allclose(rows["score"], noise / 2 - BETA * blur)
