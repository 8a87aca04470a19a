import numpy as np
import pytest
from faig.attribution.ranking import TOP
from faig.evaluation import faithfulness
from faig.evaluation.faithfulness import (
    area,
    bootstrap_interval,
    deletion_areas,
    has_gain,
    insertion_areas,
    p_value,
    restored_share,
    specificity_index,
)
from scipy import integrate, stats

GRID = np.linspace(0.001, 0.999, 999)
SHAPES = [
    lambda p: p,
    lambda p: p**2,
    lambda p: np.sqrt(p),
    lambda p: 1.3 * p - 0.3 * p**3,
    lambda p: 3 * p - 2 * p**2,  # above the target from one half on
]


def test_restored_share_is_a_ratio_of_sums():
    baseline, target = np.array([4.0, 2.0]), np.array([1.0, 1.0])
    assert restored_share(baseline, baseline, target) == 0
    assert restored_share(target, baseline, target) == 1
    assert restored_share(np.array([2.0, 2.0]), baseline, target) == pytest.approx(2 / 4)
    assert restored_share(np.array([6.0, 2.0]), baseline, target) == pytest.approx(-2 / 4)
    assert np.isnan(restored_share(target, target, target))


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ([1.0, 1.1, 0.9], True),
        ([1.0, 0.1, 0.6], True),  # 2.2 standard errors
        ([1.0, -0.2, 0.5], False),  # 1.2
        ([1.0, -1.0, 0.5], False),
        ([-1.0, -1.1], False),
        ([5.0], False),
    ],
)
def test_a_gain_is_one_above_twice_its_standard_error(gains, expected):
    assert has_gain(np.array(gains), np.zeros(len(gains))) is expected


@pytest.mark.parametrize("shape", SHAPES)
def test_areas_are_integrals(shape):
    exact = integrate.quad(shape, 0, 1)[0]
    assert area(GRID, shape(GRID), shape(0), shape(1)) == pytest.approx(exact, abs=1e-4)
    found = insertion_areas(GRID, shape(GRID))
    assert found["cpr"] == pytest.approx(exact, abs=1e-4)
    assert found["cmd"] == pytest.approx(
        integrate.quad(lambda p: abs(1 - shape(p)), 0, 1)[0], abs=1e-4
    )
    assert found["abc_insertion"] == pytest.approx(exact - 0.5, abs=1e-4)


def test_areas_over_the_logarithm_are_integrals():
    exact = integrate.quad(lambda x: np.exp(x), np.log(0.001), 0)[0] / -np.log(0.001)
    grid = np.geomspace(0.001, 0.999, 2000)
    assert area(grid, grid, 0, 1, log=True) == pytest.approx(exact, abs=1e-4)


def test_collapse_is_what_lies_below_the_baseline():
    assert deletion_areas([0.1, 0.5], [0.5, 0.1])["collapse"] == 0
    assert deletion_areas([0.1, 0.5], [0.5, -0.8])["collapse"] == pytest.approx(0.8)
    assert np.isnan(deletion_areas([0.1, 0.5], [np.nan, np.nan])["collapse"])
    # filters that all matter alike: no area to the straight line
    straight = deletion_areas(GRID, 1 - GRID)
    assert straight["abc_deletion"] == pytest.approx(0, abs=1e-6)
    assert straight["deletion"] == pytest.approx(0.5, abs=1e-6)


def test_damage_counts_by_its_size_except_in_the_area_to_the_straight_line():
    grid = np.geomspace(0.001, 0.999, 2000)
    found = deletion_areas(GRID, 1 - 2 * GRID)  # down to -1
    assert (found["deletion"], found["abc_deletion"]) == pytest.approx((0.5, 0.5), abs=2e-3)
    logarithmic = integrate.quad(lambda x: abs(1 - 2 * np.exp(x)), np.log(0.001), 0)[0]
    found = deletion_areas(grid, 1 - 2 * grid)["deletion_log"]
    assert found == pytest.approx(logarithmic / np.log(1000), abs=1e-3)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.eye(2), 1.0),
        (np.eye(5), 1.0),
        (np.full((3, 3), 0.4), 0.0),
        ([[0.8, 0.2], [0.1, 0.5]], 0.5),
        ([[4.5, -3.0], [0.0, 1.0]], 1.0),  # damage counts as all, a gain as none
        ([[0.0, 1.0], [1.0, 0.0]], -1.0),
    ],
)
def test_specificity_is_own_minus_others(matrix, expected):
    others = ~np.eye(len(matrix), dtype=bool)
    assert specificity_index(np.array(matrix), others) == pytest.approx(expected)


def test_p_counts_draws_at_least_as_large():
    assert p_value(0.9, [0.1] * 19) == pytest.approx(1 / 20)
    assert p_value(0.1, [0.1, 0.2, 0.0]) == pytest.approx(3 / 4)


def test_the_interval_is_that_of_scipy_and_of_many_images_narrow():
    values = np.random.default_rng(1).normal(size=40)
    low, high = bootstrap_interval(lambda drawn: values[drawn].mean(axis=-1), 40)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert (low, high) == pytest.approx(tuple(expected), abs=0.05)
    assert low < values.mean() < high
    assert np.isnan(bootstrap_interval(lambda drawn: 0.0, 1)).all()


def test_proportions_are_those_of_the_paper_and_more():
    assert TOP in faithfulness.PROPORTIONS
    assert list(faithfulness.PROPORTIONS) == sorted(faithfulness.PROPORTIONS)
