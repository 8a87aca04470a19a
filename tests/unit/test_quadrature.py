import numpy as np
import pytest
from faig.attribution.quadrature import RULES, nodes_and_weights
from faig.base.errors import InputError


def integrate(rule: str, n: int, function) -> float:
    nodes, weights = nodes_and_weights(rule, n)
    return float(weights @ function(nodes))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n", [2, 3, 8, 100])
def test_nodes_and_weights_are_a_mean_over_the_unit_interval(rule, n):
    nodes, weights = nodes_and_weights(rule, n)
    assert nodes.shape == weights.shape == (n,)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (weights > 0).all()
    assert (np.diff(nodes) > 0).all()
    assert nodes.min() >= 0
    assert nodes.max() <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_gauss_legendre_is_exact_up_to_degree_2n_minus_1_and_no_further(n):
    for degree in range(2 * n):
        error = integrate("gauss-legendre", n, lambda x, d=degree: x**d) - 1 / (degree + 1)
        assert abs(error) < 1e-14
    beyond = integrate("gauss-legendre", n, lambda x: x ** (2 * n)) - 1 / (2 * n + 1)
    assert abs(beyond) > 1e-12


@pytest.mark.parametrize(
    ("rule", "order"), [("left", 1), ("right", 1), ("midpoint", 2), ("trapezoid", 2)]
)
def test_order_of_convergence(rule, order):
    errors = [abs(integrate(rule, n, np.exp) - (np.e - 1)) for n in (201, 401)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.02)


@pytest.mark.parametrize("n", [2, 7, 50])
@pytest.mark.parametrize(
    ("rule", "captums"),
    [
        ("gauss-legendre", "gausslegendre"),
        ("left", "riemann_left"),
        ("right", "riemann_right"),
        ("midpoint", "riemann_middle"),
    ],
)
def test_agrees_with_captum(rule, captums, n):
    captum = pytest.importorskip("captum.attr._utils.approximation_methods")
    step_sizes, alphas = captum.approximation_parameters(captums)
    nodes, weights = nodes_and_weights(rule, n)
    np.testing.assert_allclose(nodes, alphas(n), atol=1e-14)
    np.testing.assert_allclose(weights, step_sizes(n), atol=1e-14)


def test_the_papers_rule_never_reaches_the_baseline():
    nodes, _ = nodes_and_weights("left", 100)
    np.testing.assert_allclose(nodes, np.arange(100) / 100)


@pytest.mark.parametrize(
    ("rule", "n", "message"),
    [("simpson", 4, "'simpson'.*gauss-legendre"), ("left", 0, "0"), ("trapezoid", 1, "at least 2")],
)
def test_errors_say_what_was_found(rule, n, message):
    with pytest.raises(InputError, match=message):
        nodes_and_weights(rule, n)
