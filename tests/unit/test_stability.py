"""Measures of agreement against closed forms, and against scipy where it has them."""

import numpy as np
import pytest
from faig.attribution.stability import (
    Halves,
    halves,
    overlaps,
    rank_biased_overlap,
    spearman,
    spearman_brown,
    top_agreement,
)
from scipy.stats import spearmanr


def scores(seed: int, count: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count)


def test_spearman_is_scipys_with_ties():
    one, other = scores(0).round(1), (scores(0) + scores(1)).round(1)
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert spearman(one, -one) == pytest.approx(-1)


def test_a_constant_ranking_correlates_with_nothing():
    assert np.isnan(spearman(scores(0), np.ones(200)))


@pytest.mark.parametrize("count", [1, 2, 20, 199])
def test_the_same_top_agrees_entirely_in_any_order(count):
    order = np.arange(200.0)
    shuffled = order.copy()
    shuffled[-count:] = shuffled[-count:][::-1]
    assert top_agreement(overlaps(order, shuffled), count) == pytest.approx(1)


def test_agreement_of_the_top_in_closed_form():
    """Of 10 filters, the top 4 share 2: J = 2/6, J0 = 4/16."""
    one = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    other = np.array([9, 8, 1, 0, 7, 6, 5, 4, 3, 2])
    assert top_agreement(overlaps(one, other), 4) == pytest.approx((1 / 3 - 1 / 4) / (3 / 4))
    assert top_agreement(overlaps(one, -one), 4) == pytest.approx((0 - 1 / 4) / (3 / 4))


def test_chance_agrees_not_at_all():
    found = [
        top_agreement(overlaps(scores(i, 2000), scores(i + 100, 2000)), 400) for i in range(30)
    ]
    assert np.mean(found) == pytest.approx(0, abs=0.01)


def test_all_filters_agree_by_definition():
    assert np.isnan(top_agreement(overlaps(scores(0), scores(1)), 200))


def test_rank_biased_overlap_in_closed_form():
    """Two filters in opposite order have nothing, then all, in common: p with p = 1 - 1/2."""
    assert rank_biased_overlap(np.array([0, 2]), 2) == pytest.approx(0.5)
    assert rank_biased_overlap(overlaps(scores(0), scores(0)), 10) == pytest.approx(1)


def test_rank_biased_overlap_is_the_series_by_hand():
    one, other, count = scores(0, 12), scores(3, 12), 4
    first, second = (list(np.argsort(-s)) for s in (one, other))
    p = 1 - 1 / count
    shares = [len(set(first[:d]) & set(second[:d])) / d for d in range(1, 13)]
    series = (1 - p) * sum(p ** (d - 1) * share for d, share in enumerate(shares, 1))
    assert rank_biased_overlap(overlaps(one, other), count) == pytest.approx(
        series + shares[-1] * p**12
    )


def test_more_images_agree_more():
    """Scores with noise as large as themselves: r = 1/2 for one image, 2/3 for two, by theory."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=20000)
    one, two, three, four = (true + rng.normal(size=20000) for _ in range(4))
    single = np.corrcoef(one, two)[0, 1]
    double = np.corrcoef(one + two, three + four)[0, 1]
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert spearman_brown(single) == pytest.approx(double, abs=0.02)
    assert spearman_brown(0.5, 4) == pytest.approx(spearman_brown(spearman_brown(0.5)))
    assert spearman_brown(-0.3) == -0.3
    assert np.isnan(spearman_brown(np.nan))


def test_halves_are_images_or_crops_of_one_image_or_none():
    first, second = halves(["a", "a", "b", "b", "c"])
    assert (first.tolist(), second.tolist()) == ([0, 1, 4], [2, 3])
    first, second = halves(["a", "a", "a"])
    assert (first.tolist(), second.tolist()) == ([0, 2], [1])
    assert halves(["a"]) is None


def test_images_are_enough_when_their_halves_agree():
    """With noise that averages out, the prediction grows; the least of the degradations counts."""
    rng, true = np.random.default_rng(0), np.abs(scores(0, 2000)) * 3
    halves, found = Halves("none"), []
    for _ in range(64):
        halves.add(np.stack([true + rng.normal(size=2000), true]), None)
        found.append(halves.predicted())
    assert np.isnan(found[:3]).all()
    assert found[-1] > found[7] > 0
    assert found[-1] < 1  # that of the noisy one


def test_scores_that_are_zero_are_no_agreement():
    halves = Halves("none")
    for _ in range(8):
        halves.add(np.stack([scores(0), np.zeros(200)]), None)
    assert np.isnan(halves.predicted())
