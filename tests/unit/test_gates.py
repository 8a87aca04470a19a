import captum.attr
import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution import search
from faig.attribution.gates import GateModel, Gates
from faig.attribution.methods import attribute
from faig.attribution.pair import Pair
from faig.attribution.ranking import largest_contrast
from toys import CPU, UNITS, SmoothNetwork, example, random_pair, random_state, same, substituted

NODES = {"nodes": 16}


@pytest.fixture
def pair():
    return random_pair(SmoothNetwork())


def test_all_gates_open_is_the_target_and_closed_the_baseline(pair):
    gates = Gates(pair, others=True)
    assert len(gates) == len(pair.index) + sum(
        pair.target[name].numel() for name in ("first.bias", "last.bias")
    )
    assert same(gates.state(torch.ones(len(gates))), pair.target)
    assert same(gates.state(torch.zeros(len(gates))), pair.baseline)


def test_without_gates_of_their_own_biases_are_the_targets(pair):
    state = Gates(pair).state(torch.zeros(len(pair.index)))
    assert torch.equal(state["first.bias"], pair.target["first.bias"])
    assert torch.equal(state["first.weight"], pair.baseline["first.weight"])


def test_deletion_changes_the_selected_filters_only(pair):
    selected = torch.arange(len(pair.index)) == 5
    gates = Gates(pair)
    state = gates.state(gates.deletion(selected))
    expected = substituted(pair.target, pair.baseline, pair.index, selected.numpy())
    assert same(state, expected)
    assert not same(state, pair.target)


@pytest.mark.parametrize("strength", [-0.5, 0.25, 0.75, 1.5])
def test_modulation_lies_on_the_line_through_both(pair, strength):
    gates = Gates(pair, others=True)
    state = gates.state(torch.full((len(gates),), strength))
    for name, value in state.items():
        line = torch.lerp(pair.baseline[name], pair.target[name], strength)
        torch.testing.assert_close(value, line)


def test_gates_of_another_number_are_refused(pair):
    with pytest.raises(ValueError, match="must have shape"):
        Gates(pair).state(torch.ones(3))


def test_gradients_are_those_of_finite_differences(pair):
    model = GateModel(Gates(pair, others=True), example(), "blur")
    point = torch.linspace(0.1, 0.9, len(model.gates))
    analytic = torch.autograd.functional.jacobian(model, point[None])[0, 0]
    for unit in (0, 7, len(point) - 1):
        step = torch.zeros_like(point)
        step[unit] = 1e-2
        up, down = model((point + step)[None]), model((point - step)[None])
        assert analytic[unit].item() == pytest.approx(((up - down) / 2e-2).item(), rel=2e-2, abs=1)


def test_signed_is_the_integrated_gradient_of_the_gates(pair):
    (result,) = attribute("signed", pair, [example()], NODES, 0)
    for row, degradation in enumerate(("blur", "noise")):
        gates = Gates(pair, others=True)
        model = GateModel(gates, example(), degradation)
        oracle = captum.attr.IntegratedGradients(model).attribute(
            torch.ones(1, len(gates)), torch.zeros(1, len(gates)), n_steps=64
        )[0]
        filters = len(pair.index)
        torch.testing.assert_close(
            -oracle[:filters].float(), result.scores[row], rtol=1e-3, atol=0.01
        )
        # over all units the identity is complete
        assert -oracle.sum().item() == pytest.approx(result.gains[row], rel=0.01)


@pytest.mark.parametrize("units", UNITS)
def test_with_biases_as_units_the_gates_are_all_there_is(units):
    pair = random_pair(SmoothNetwork(), units=units, biases="units")
    gates, everything = Gates(pair), torch.ones(len(pair.index), dtype=torch.bool)
    assert len(gates) == len(pair.index) == len(Gates(pair, others=True))
    assert same(gates.state(gates.insertion(everything)), pair.target)
    assert same(gates.state(gates.deletion(everything)), pair.baseline)
    for selected in torch.eye(len(gates), dtype=torch.bool)[[0, -1]]:
        state = gates.state(gates.deletion(selected))
        assert same(state, substituted(pair.target, pair.baseline, pair.index, selected.numpy()))
        assert not same(state, pair.target)


@pytest.mark.parametrize("units", UNITS)
def test_signed_is_the_integrated_gradient_of_all_units(units):
    pair = random_pair(SmoothNetwork(), units=units, biases="units")
    (result,) = attribute("signed", pair, [example()], NODES, 0)
    model = GateModel(Gates(pair), example(), "blur")
    ends = torch.ones(1, len(pair.index)), torch.zeros(1, len(pair.index))
    oracle = captum.attr.IntegratedGradients(model).attribute(*ends, n_steps=64)[0]
    torch.testing.assert_close(-oracle.float(), result.scores[0], rtol=1e-3, atol=0.01)
    assert result.scores[0].sum().item() == pytest.approx(result.gains[0], rel=0.01)


def test_a_channel_has_the_signed_scores_of_its_kernels_and_its_bias():
    both = [
        attribute(
            "signed", random_pair(SmoothNetwork(), units=u, biases="units"), [example()], {}, 0
        )
        for u in ("kernel", "channel")
    ]
    (kernels,), (channels,) = both
    index = random_pair(SmoothNetwork(), biases="units").index
    columns = pd.DataFrame(index.columns()).assign(score=kernels.scores[0].numpy())
    sums = columns.groupby(["layer", "out_channel"], sort=False)["score"].sum()
    np.testing.assert_allclose(channels.scores[0], sums, rtol=1e-4, atol=1e-3)


def test_captums_ablation_is_the_deletion_of_single_filters(pair):
    gates = Gates(pair)
    model = GateModel(gates, example(), "noise")
    found = captum.attr.FeatureAblation(model).attribute(torch.ones(1, len(gates)))[0]
    whole = model(torch.ones(1, len(gates)))
    for unit in (0, 11, len(gates) - 1):
        selected = torch.arange(len(gates)) == unit
        exact = whole - model(gates.deletion(selected)[None])
        assert found[unit].item() == pytest.approx(exact.item(), abs=1e-3)


def test_signed_scores_are_no_larger_than_faigs_and_as_complete():
    pair = random_pair(SmoothNetwork())
    (plain,), (signed,) = (
        attribute(name, pair, [example()], NODES, 0) for name in ("faig", "signed")
    )
    assert (signed.scores.abs() <= plain.scores + 1e-4).all()
    assert (signed.scores < 0).any()
    np.testing.assert_array_equal(signed.completeness, plain.completeness)


def test_elements_that_cancel_score_nothing_signed_and_much_in_faig():
    network = SmoothNetwork()
    baseline = random_state(network, 1)
    target = {name: value.clone() for name, value in baseline.items()}
    # on a constant image two opposite changes inside one kernel leave the output as it is
    target["first.weight"][0, 0, 1, 1] += 0.5
    target["first.weight"][0, 0, 1, 2] -= 0.5
    target["last.weight"][0, 0, 1, 1] += 0.5
    pair = Pair.of(network, baseline, target, CPU)
    flat = example(inputs=("blur", "noise"), side=12)
    for pixels in (*flat.inputs.values(), flat.clean):
        pixels.fill_(100)
    (plain,), (signed,) = (attribute(name, pair, [flat], NODES, 0) for name in ("faig", "signed"))
    assert plain.scores[0, 0] > plain.scores[0].mean()
    assert signed.scores[0, 0].abs() < 0.2 * plain.scores[0, 0]


# searches over gates


@pytest.fixture(scope="module")
def losses() -> search.Losses:
    """Of three degradations and two images."""
    examples = [example(name, ("blur", "noise", "jpeg")) for name in "ab"]
    return search.Losses(random_pair(SmoothNetwork()), examples)


@pytest.mark.parametrize("row", range(3))
def test_shares_of_all_images_add_up_to_the_whole_gain(losses, row):
    shares = [part.item() for part in losses.shares(row, torch.ones(len(losses.gates)))]
    assert len(shares) == 2
    assert sum(shares) == pytest.approx(1, abs=1e-4)


def test_learned_gates_follow_the_gradient_of_their_objective(losses):
    """The gain of the first degradation is to be lost, those of both others to stay."""
    logits = torch.linspace(-2, 2, len(losses.gates), requires_grad=True)
    lost, *kept = (sum(losses.shares(row, 1 - torch.sigmoid(logits))) for row in range(3))
    objective = lost.abs() + sum((1 - share).abs() for share in kept) / 2
    (expected,) = torch.autograd.grad(objective, logits)
    logits.grad = torch.zeros_like(logits)
    for row in range(3):
        search._push(losses, logits, row, wanted=float(row != 0), of=2)
    torch.testing.assert_close(logits.grad, expected, rtol=1e-3, atol=1e-5)


def test_learned_gates_with_more_sparsity_are_fewer(losses):
    start = torch.zeros(3, len(losses.gates))
    many, few = (search.learned_gates(losses, start, 5, 0.5, s).mean() for s in (0.0, 1e4))
    assert few < many


@pytest.mark.parametrize("beta", [0.0, 10.0])
def test_each_round_of_greedy_sees_what_was_taken_before(losses, beta):
    count = len(losses.gates)
    scores = search.greedy_order(losses, 2, 0.1, beta)  # one of 60, then five more
    for row, order in enumerate(scores.argsort(descending=True).numpy()):
        for taken, best in ((order[:0], order[:1]), (order[:1], order[1:6])):
            gates = torch.ones(count)
            gates[taken] = 0
            slopes = losses.slopes(gates).double().numpy()
            contrast = largest_contrast(slopes, losses.gains, beta)[row]
            contrast[taken] = -np.inf
            np.testing.assert_array_equal(best, np.argsort(-contrast)[: len(best)])
