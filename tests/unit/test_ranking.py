import numpy as np
import pandas as pd
import pytest
from faig.attribution.ranking import (
    discriminative_scores,
    ranks,
    selection,
    shuffle_within_layers,
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
    shuffled = order[shuffle_within_layers(layers, rng)]
    assert sorted(shuffled) == sorted(order)
    assert (shuffled != order).mean() > 0.8
    for proportion in (0.01, 0.05, 0.3, 0.9, 1):
        chosen, control = layers[top(order, proportion)], layers[top(shuffled, proportion)]
        assert sorted(chosen) == sorted(control)


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
