import copy
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.examples import read_examples
from faig.attribution.methods import METHODS, attribute
from faig.attribution.pair import Pair
from faig.attribution.quadrature import nodes_and_weights
from faig.attribution.scoring import score
from faig.base.device import Compute
from faig.base.errors import InputError
from faig.base.tables import read_metadata, read_table, write_table
from torch import nn
from toys import (
    BICUBIC,
    BLUR,
    CPU,
    NOISE,
    PartlyUsedNetwork,
    SmoothNetwork,
    degraded_store,
    example,
    photo,
    random_pair,
    random_state,
)

# of either sign: what a filter adds to the gain
SIGNED = [name for name in METHODS if name == "signed" or name.startswith(("taylor", "cond"))]
SEARCHING = ["greedy", "learned_gates"]  # on all images at once


def run(name: str, pair: Pair, examples, seed: int = 0, **parameters) -> list:
    return list(attribute(name, pair, examples, parameters, seed))


def as_float(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.double() / 255


def network_at(pair: Pair, alpha: float) -> nn.Module:
    """A new float64 network at alpha baseline + (1 - alpha) target."""
    network = copy.deepcopy(pair.network).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(alpha * pair.baseline[name] + (1 - alpha) * pair.target[name])
    return network


def loss(network: nn.Module, ex, degradation: str) -> torch.Tensor:
    output = network(as_float(ex.inputs[degradation]))
    return ((output - as_float(ex.reference)) ** 2).sum()


def per_filter(network: nn.Module, values: dict[str, torch.Tensor]) -> np.ndarray:
    """Sum of absolute values over each kernel of an ordinary network, in the order of layers."""
    sums = [
        values[f"{name}.weight"][o, i].abs().sum().item()
        for name, conv in network.named_modules()
        if isinstance(conv, nn.Conv2d)
        for o in range(conv.out_channels)
        for i in range(conv.in_channels)
    ]
    return np.array(sums)


def signed_integral(pair: Pair, ex, degradation: str, rule: str, nodes: int) -> dict:
    """(baseline - target) times the path integral of the gradient, for every parameter."""
    total = {name: 0.0 for name, _ in pair.network.named_parameters()}
    for alpha, weight in zip(*nodes_and_weights(rule, nodes), strict=True):
        network = network_at(pair, alpha)
        loss(network, ex, degradation).backward()
        for name, parameter in network.named_parameters():
            total[name] = total[name] + weight * parameter.grad
    return {
        name: (pair.baseline[name] - pair.target[name]).double() * total[name] for name in total
    }


# FAIG


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_faig_of_a_linear_network_is_its_closed_form(bias, nodes):
    """Quadratic loss: the mean gradient along the line is the gradient half way."""
    pair = random_pair(nn.Conv2d(3, 3, 3, padding=1, bias=bias))
    ex = example(scale=1)
    (result,) = run("faig", pair, [ex], nodes=nodes)

    change = (pair.baseline["weight"] - pair.target["weight"]).double().numpy()
    middle = (pair.baseline["weight"] + pair.target["weight"]).double().numpy() / 2
    offset = (pair.baseline["bias"] + pair.target["bias"]).numpy() / 2 if bias else np.zeros(3)
    for scores, pixels in zip(result.scores, ex.inputs.values(), strict=True):
        padded = np.pad(as_float(pixels)[0].numpy(), ((0, 0), (1, 1), (1, 1)))
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        output = np.einsum("iyxkl,oikl->oyx", patches, middle) + offset[:, None, None]
        error = output - as_float(ex.reference)[0].numpy()
        gradient = 2 * np.einsum("oyx,iyxkl->oikl", error, patches)
        expected = np.abs(change * gradient).sum(axis=(2, 3)).flatten()
        np.testing.assert_allclose(scores, expected, rtol=1e-4)
    assert result.completeness.max() < 1e-4


@pytest.mark.parametrize(
    ("rule", "nodes"), [("gauss-legendre", 8), ("left", 100), ("midpoint", 5), ("trapezoid", 4)]
)
def test_faig_agrees_with_a_slow_implementation(rule, nodes):
    pair, ex = random_pair(SmoothNetwork()), example()
    (result,) = run("faig", pair, [ex], quadrature=rule, nodes=nodes)
    for row, degradation in enumerate(ex.inputs):
        signed = signed_integral(pair, ex, degradation, rule, nodes)
        expected = per_filter(pair.network, signed)
        np.testing.assert_allclose(result.scores[row], expected, rtol=1e-3, atol=1e-4)

        ends = [loss(network_at(pair, alpha), ex, degradation).item() for alpha in (1, 0)]
        difference, total = ends[0] - ends[1], sum(v.sum().item() for v in signed.values())
        gap = abs(total - difference) / abs(difference)
        assert result.completeness[row] == pytest.approx(gap, rel=0.02, abs=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_for_a_quadratic_loss_all_orders_agree_and_signed_is_exact(bias):
    network, ex = nn.Conv2d(3, 3, 3, padding=1, bias=bias), example(scale=1)
    pair = random_pair(network, biases="units")
    (exact,) = run("signed", pair, [ex], nodes=1)
    for name in ("taylor_middle", "taylor_ends", "taylor_second"):
        (result,) = run(name, pair, [ex])
        torch.testing.assert_close(result.scores, exact.scores, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(result.gains, exact.gains)
    assert exact.completeness.max() < 1e-5
    np.testing.assert_allclose(exact.scores.sum(dim=1), exact.gains, rtol=1e-5)
    ends = [run(name, pair, [ex])[0].scores for name in ("taylor", "taylor_baseline")]
    torch.testing.assert_close(sum(ends) / 2, exact.scores, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(*ends, rtol=0.1)


def gradients_at_the_target(pair: Pair, ex, degradation: str) -> dict[str, torch.Tensor]:
    network = network_at(pair, 0)
    loss(network, ex, degradation).backward()
    return {
        name: (pair.baseline[name] - pair.target[name]).double() * value.grad
        for name, value in network.named_parameters()
    }


def test_fisher_and_molchanov_are_squares_of_contributions_at_the_target():
    pair, ex = random_pair(SmoothNetwork()), example()
    found = {name: run(name, pair, [ex])[0].scores for name in ("taylor", "fisher", "molchanov")}
    for row, degradation in enumerate(ex.inputs):
        parts = gradients_at_the_target(pair, ex, degradation)
        half = {name: value.square() / 2 for name, value in parts.items()}
        np.testing.assert_allclose(
            found["fisher"][row], per_filter(pair.network, half), rtol=1e-3, atol=1e-6
        )
        sums = pair.index.reduce(parts)
        np.testing.assert_allclose(found["taylor"][row], sums, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found["molchanov"][row], sums.square(), rtol=1e-3, atol=1e-5)


def test_second_order_predicts_small_changes_better_than_first():
    network = SmoothNetwork()
    target = random_state(network, 2)
    baseline = {
        name: value + 0.05 * random_state(network, 1)[name] for name, value in target.items()
    }
    pair, ex = Pair.of(network, baseline, target, CPU), example()
    names = ("taylor", "taylor_second", "signed")
    sums = [run(name, pair, [ex])[0].scores.sum(dim=1) for name in names]
    first, second = (abs(own - sums[-1]) for own in sums[:2])
    assert (second < 0.2 * first).all()


def test_conductance_agrees_with_a_slow_implementation():
    pair, ex = random_pair(SmoothNetwork()), example()
    (result,) = run("conductance", pair, [ex], nodes=3)
    network = network_at(pair, 0)
    for row, pixels in enumerate(ex.inputs.values()):
        network.zero_grad()
        for beta, weight in zip(*nodes_and_weights("gauss-legendre", 3), strict=True):
            image = torch.lerp(as_float(ex.clean), as_float(pixels), beta)
            (weight * ((network(image) - as_float(ex.reference)) ** 2).sum()).backward()
        parts = {
            name: (pair.baseline[name] - pair.target[name]).double() * value.grad
            for name, value in network.named_parameters()
        }
        expected = pair.index.reduce(parts)
        np.testing.assert_allclose(result.scores[row], expected, rtol=1e-3, atol=1e-3)


def test_signed_scores_with_biases_sum_to_the_gain_of_a_trained_pair():
    torch.manual_seed(0)
    network, ex = SmoothNetwork(), example(inputs=["blur"], side=12)
    states = [copy.deepcopy(network.state_dict())]
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        output = network(as_float(ex.inputs["blur"]).float())
        ((output - as_float(ex.reference).float()) ** 2).mean().backward()
        optimizer.step()
    states.append(network.state_dict())
    pair = Pair.of(SmoothNetwork(), *states, CPU, biases="units")
    (result,) = run("signed", pair, [ex], nodes=8)
    assert result.scores.sum().item() == pytest.approx(result.gains[0], rel=0.01)
    assert result.completeness[0] < 0.01


@pytest.mark.parametrize("rounds", [1, 4])
def test_greedy_takes_every_filter_once_and_by_rounds(rounds):
    pair, ex = random_pair(SmoothNetwork()), example()
    (result,) = run("greedy", pair, [ex], rounds=rounds, proportion=0.2)
    for scores in result.scores:
        assert len(scores.unique()) == len(pair.index)
    assert result.passes == 2 * rounds


def test_passes_of_learned_gates_include_those_of_their_start():
    pair, ex = random_pair(SmoothNetwork()), example()
    (start,), (result,) = run("signed", pair, [ex]), run("learned_gates", pair, [ex], steps=3)
    assert result.passes == start.passes + 3 * 2


def test_faig_agrees_with_captum_in_parameter_space():
    captum = pytest.importorskip("captum.attr")
    pair, ex = random_pair(SmoothNetwork()), example(inputs=["blur"])
    (result,) = run("faig", pair, [ex], nodes=6)

    network = copy.deepcopy(pair.network).double()
    shapes = {name: value.shape for name, value in network.named_parameters()}
    sizes = [shape.numel() for shape in shapes.values()]

    def unflatten(vector):
        parts = vector.split(sizes)
        return {name: p.reshape(shapes[name]) for name, p in zip(shapes, parts, strict=True)}

    def losses(vectors):
        image, reference = as_float(ex.inputs["blur"]), as_float(ex.reference)
        outputs = [torch.func.functional_call(network, unflatten(v), (image,)) for v in vectors]
        return torch.stack([((output - reference) ** 2).sum() for output in outputs])

    def flatten(state):
        return torch.cat([state[name].double().flatten() for name in shapes])[None]

    signed = captum.IntegratedGradients(losses).attribute(
        flatten(pair.baseline), flatten(pair.target), n_steps=6, method="gausslegendre"
    )
    expected = per_filter(network, unflatten(signed[0]))
    np.testing.assert_allclose(result.scores[0], expected, rtol=1e-3, atol=1e-4)


def test_completeness_error_tells_good_quadrature_from_bad():
    pair, ex = random_pair(SmoothNetwork()), example()
    good, few, left = (
        run("faig", pair, [ex], quadrature=rule, nodes=n)[0].completeness
        for rule, n in (("gauss-legendre", 8), ("gauss-legendre", 1), ("left", 8))
    )
    assert good.max() < 1e-4
    assert few.min() > 1e-3
    assert left.min() > 1e-3


def test_faig_of_equal_weights_is_zero():
    state = random_state(SmoothNetwork(), 1)
    pair = Pair.of(SmoothNetwork(), state, state, CPU)
    (result,) = METHODS["faig"](pair, [example()])
    assert result.scores.count_nonzero() == 0
    assert result.completeness.tolist() == [0, 0]


# all methods


@pytest.mark.parametrize("name", METHODS)
def test_equal_weights_are_refused(name):
    state = random_state(SmoothNetwork(), 1)
    with pytest.raises(InputError, match="baseline and target have the same weights"):
        run(name, Pair.of(SmoothNetwork(), state, state, CPU), [example()])


@pytest.mark.parametrize("name", ["faig", "weight_change"])
def test_scores_that_are_all_zero_are_no_result(name):
    baseline = random_state(SmoothNetwork(), 1)
    target = {**baseline, "last.bias": baseline["last.bias"] + 1}  # no filter differs
    with pytest.raises(InputError, match=f"'{name}': all scores for 'blur' are zero"):
        run(name, Pair.of(SmoothNetwork(), baseline, target, CPU), [example("a"), example("b")])


@pytest.mark.parametrize("name", ["faig", "intinf", "weight_change"])
def test_scores_that_are_not_finite_are_no_result(name):
    baseline, target = random_state(SmoothNetwork(), 1), random_state(SmoothNetwork(), 2)
    target["last.weight"] = torch.full_like(target["last.weight"], 3e38)
    with pytest.raises(InputError, match=f"'{name}': scores for 'blur' on image 'a' are not fin"):
        run(name, Pair.of(SmoothNetwork(), baseline, target, CPU), [example("a")])


@pytest.mark.parametrize("name", METHODS)
def test_scores_are_one_per_degradation_and_filter_and_not_negative_if_unsigned(name):
    pair, examples = random_pair(SmoothNetwork()), [example("a"), example("b")]
    results = run(name, pair, examples)
    assert [result.name for result in results] == ["a", "b"]
    for result in results:
        assert result.scores.shape == (2, len(pair.index))
        assert result.scores.dtype == torch.float32
        assert (result.scores >= 0).all() != (name in SIGNED)


@pytest.mark.parametrize("name", SIGNED)
def test_scores_of_either_sign_are_contrasted_with_the_largest_of_the_others(name):
    assert METHODS[name].contrast == "largest"


@pytest.mark.parametrize("name", METHODS)
def test_rows_follow_the_order_of_the_inputs(name):
    ex = example(inputs=["blur", "noise"])
    swapped = type(ex)(ex.name, ex.reference, ex.clean, dict(reversed(ex.inputs.items())))
    pair = random_pair(SmoothNetwork())
    first, second = (run(name, pair, [e])[0].scores for e in (ex, swapped))
    if name == "random":  # belongs to the place, not to the pixels
        assert torch.equal(first, second)
    else:
        torch.testing.assert_close(first, second.flip(0))


@pytest.mark.parametrize("name", [name for name in METHODS if name not in SEARCHING])
def test_images_do_not_influence_each_other(name):
    pair = random_pair(SmoothNetwork())
    alone = run(name, pair, [example("b")])[0].scores
    after = run(name, pair, [example("a"), example("b")])[1].scores
    assert torch.equal(alone, after)


@pytest.mark.parametrize("name", ["faig", "intinf"])
def test_a_layer_without_effect_scores_zero(name):
    pair = random_pair(PartlyUsedNetwork())
    (result,) = run(name, pair, [example()])
    unused = torch.from_numpy(pair.index.columns()["layer"] == "unused")
    assert result.scores[:, unused].count_nonzero() == 0
    assert result.scores[:, ~unused].count_nonzero() == 2 * (~unused).sum()


@pytest.mark.parametrize("name", METHODS)
def test_the_pairs_weights_stay_as_they_were(name):
    network = SmoothNetwork()
    target = network.state_dict()
    before = {key: value.clone() for key, value in target.items()}
    pair = Pair.of(network, random_state(network, 1), target, CPU)
    run(name, pair, [example()])
    assert all(torch.equal(pair.target[key], before[key]) for key in before)


# the other methods


@pytest.mark.parametrize(("rule", "nodes"), [("gauss-legendre", 4), ("trapezoid", 6)])
def test_intinf_agrees_with_a_slow_implementation(rule, nodes):
    pair, ex = (
        random_pair(SmoothNetwork()),
        example(side=2),
    )  # so small that signs differ in kernels
    (result,) = run("intinf", pair, [ex], quadrature=rule, nodes=nodes)
    for row, pixels in enumerate(ex.inputs.values()):
        total = {name: 0.0 for name, _ in pair.network.named_parameters()}
        for alpha, weight in zip(*nodes_and_weights(rule, nodes), strict=True):
            network = network_at(pair, 0.0)
            network((1 - alpha) * as_float(ex.clean) + alpha * as_float(pixels)).sum().backward()
            for name, parameter in network.named_parameters():
                total[name] = total[name] + weight * parameter.grad
        expected = per_filter(network, total)
        np.testing.assert_allclose(result.scores[row], expected, rtol=1e-3, atol=1e-4)


def test_intinf_knows_nothing_of_the_baseline():
    network, state = SmoothNetwork(), random_state(SmoothNetwork(), 2)
    pairs = [Pair.of(network, random_state(network, seed), state, CPU) for seed in (3, 4)]
    first, second = (run("intinf", pair, [example()])[0].scores for pair in pairs)
    assert torch.equal(first, second)


def test_weight_change_is_relative_to_the_baseline():
    network = nn.Conv2d(2, 1, 2, bias=False)
    baseline = {"weight": torch.tensor([[[[1.0, -1], [2, 0]], [[0, 0], [0, 5]]]])}
    target = {"weight": torch.tensor([[[[2.0, -1], [0, 1]], [[0, 0], [1, 5]]]])}
    (result,) = run("weight_change", Pair.of(network, baseline, target, CPU), [example()])
    torch.testing.assert_close(result.scores, torch.tensor([[1.0, 0.2], [1.0, 0.2]]))


def test_random_scores_follow_from_the_seed():
    pair, examples = random_pair(SmoothNetwork()), [example("a"), example("b")]
    first, second = run("random", pair, examples, seed=1)
    assert torch.equal(first.scores, second.scores)
    assert torch.equal(first.scores, run("random", pair, examples, seed=1)[0].scores)
    assert not torch.equal(first.scores, run("random", pair, examples, seed=2)[0].scores)
    assert not torch.equal(first.scores[0], first.scores[1])


# calling


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("fiag", {}, "'fiag'.*faig"),
        ("faig", {"steps": 3}, "'faig'.*'steps'"),
        ("weight_change", {"nodes": 3}, "'weight_change'.*'nodes'"),
        ("faig", {"quadrature": "simpson"}, "'simpson'"),
        ("intinf", {"nodes": 0}, "at least 1"),
    ],
)
def test_wrong_calls_are_named(name, parameters, message):
    with pytest.raises(InputError, match=message):
        run(name, random_pair(SmoothNetwork()), [example()], **parameters)


def test_examples_are_what_the_store_holds(tmp_path):
    images = {"a": photo(8, 12, 1), "b": photo(12, 8, 2)}
    operators = {"bicubic": BICUBIC, "noise": NOISE}
    store = degraded_store(tmp_path / "s.h5", images, operators)
    examples = list(read_examples(store, ["noise"], clean="bicubic"))
    assert [ex.name for ex in examples] == ["a", "b"]
    for ex in examples:
        assert torch.equal(ex.reference[0], store.hr(ex.name))
        assert torch.equal(ex.clean[0], store.lr("bicubic", ex.name))
        assert list(ex.inputs) == ["noise"]
        assert torch.equal(ex.inputs["noise"][0], store.lr("noise", ex.name))


@pytest.mark.parametrize("name", ["faig", "intinf", "intinf_contrast"])
def test_tiles_change_nothing(name):
    pair, ex = random_pair(SmoothNetwork()), example(side=13)
    (whole,), (tiled,) = (run(name, pair, [ex], tile=tile) for tile in (13, 4))
    torch.testing.assert_close(tiled.scores, whole.scores, rtol=1e-4, atol=1e-7)


def test_adaptive_takes_as_many_nodes_as_the_tolerance_needs():
    pair, ex = random_pair(SmoothNetwork()), example()
    errors = {
        nodes: run("faig", pair, [ex], nodes=nodes)[0].completeness.max() for nodes in (1, 2, 4, 8)
    }
    assert errors[8] < min(errors[1], errors[2], errors[4])
    (result,) = run("faig", pair, [ex], quadrature="adaptive", nodes=1, tolerance=1.01 * errors[8])
    assert (result.nodes, result.passes) == (8, 1 + 2 + 4 + 8)
    assert result.completeness.max() == errors[8]


def test_adaptive_goes_on_until_every_degradation_is_exact():
    pair, ex = random_pair(SmoothNetwork()), example()
    (one,) = run("faig", pair, [ex], nodes=1)
    between = one.completeness.mean()
    assert one.completeness.min() < between < one.completeness.max()
    (result,) = run("faig", pair, [ex], quadrature="adaptive", nodes=1, tolerance=between)
    assert result.nodes > 1


def test_adaptive_gives_up_at_256_nodes():
    pair, ex = random_pair(SmoothNetwork(features=1)), example(side=2)
    (result,) = run("faig", pair, [ex], quadrature="adaptive", nodes=100, tolerance=0.0)
    assert result.nodes == 200


def test_intinf_contrast_differs_from_intinf_in_its_ranking_only():
    pair, ex = random_pair(SmoothNetwork()), example()
    (plain,), (contrast,) = (run(name, pair, [ex]) for name in ("intinf", "intinf_contrast"))
    assert torch.equal(plain.scores, contrast.scores)
    assert METHODS["intinf"].contrast == "none"
    assert METHODS["intinf_contrast"].contrast == "mean"


def test_bfloat16_ranks_like_float32():
    torch.manual_seed(0)
    network = SmoothNetwork(features=32)
    pairs = [random_pair(network), None]
    low = Compute(CPU.device, torch.bfloat16)
    pairs[1] = Pair.of(network, pairs[0].baseline, pairs[0].target, low)
    ex = example(side=24)
    tops = []
    for pair in pairs:
        (result,) = run("faig", pair, [ex])
        order = result.scores[0].argsort(descending=True)
        tops.append(set(order[: len(order) // 10].tolist()))
    assert len(tops[0] & tops[1]) >= 0.95 * len(tops[0])


@pytest.mark.parametrize("method", ["faig", "weight_change"])
def test_scores_are_means_over_images(tmp_path, method):
    images = {"a": photo(16, 24), "b": photo(16, 16, 1)}
    store = degraded_store(tmp_path / "s.h5", images, {"bicubic": BICUBIC, "noise": NOISE})
    pair, parameters = random_pair(SmoothNetwork()), {"nodes": 2} if method == "faig" else {}
    table, facts = score(pair, store, method, parameters, ["noise"], "bicubic", seed=0)
    examples = read_examples(store, ["noise"], "bicubic")
    results = list(attribute(method, pair, examples, parameters, 0))
    mean = np.mean([result.scores.double().numpy() for result in results], axis=0)
    np.testing.assert_allclose(table["score"], mean[0], rtol=1e-12)
    assert table["filter"].tolist() == list(range(len(pair.index)))
    assert facts["contrast"] == METHODS[method].contrast
    assert ("completeness" in facts) == (method == "faig")
    if method == "faig":
        assert facts["completeness"]["images"] == ["a", "b"]
        assert np.shape(facts["completeness"]["relative_error"]) == (2, 1)


def test_signed_scores_are_found_in_the_pass_of_faig(tmp_path, monkeypatch):
    images = {"a": photo(16, 24), "b": photo(16, 16, 1)}
    store = degraded_store(tmp_path / "s.h5", images, {"bicubic": BICUBIC, "noise": NOISE})
    args = random_pair(SmoothNetwork()), store
    for name in ("faig", "signed"):
        table, facts = score(*args, name, {"nodes": 2}, ["noise"], "bicubic", seed=0)
        write_table(tmp_path / f"{name}.parquet", table, {"config": {"method": name}, **facts})
    script = Path(__file__).parents[2] / "scripts/take_signed.py"
    paths = [str(tmp_path / f"{name}.parquet") for name in ("faig", "taken")]
    monkeypatch.setattr(sys, "argv", [str(script), "--scores", paths[0], "--output", paths[1]])
    runpy.run_path(str(script), run_name="__main__")
    taken, alone = (tmp_path / f"{name}.parquet" for name in ("taken", "signed"))
    pd.testing.assert_frame_equal(read_table(taken), read_table(alone), check_exact=True)
    assert read_metadata(taken) == read_metadata(alone)


@pytest.mark.parametrize(("wanted", "used"), [(0.5, 4), (None, 6)])
def test_images_are_taken_until_rankings_agree(tmp_path, capsys, wanted, used):
    """Six copies of one image agree as soon as it is asked."""
    images = {name: photo(16, 16) for name in "abcdef"}
    store = degraded_store(tmp_path / "s.h5", images, {"bicubic": BICUBIC, "blur": BLUR})
    pair = random_pair(SmoothNetwork())
    args = pair, store, "signed", {"nodes": 2}, ["blur", "bicubic"], "bicubic"
    table, facts = score(*args, seed=0, agreement=wanted)
    taken = facts["completeness"]["images"]
    assert len(taken) == used
    assert (taken == sorted(taken)) == (wanted is None)  # in a random order, lest they be alike
    assert len(facts["completeness"]["gain"]) == used
    whole, _ = score(*args, seed=0)
    np.testing.assert_allclose(table["score"], whole["score"], rtol=1e-6)
    assert ("2 images left" in capsys.readouterr().out) == (used == 4)


# methods in files of the user's own

OTHERS = """
import numpy as np
import torch
from faig.attribution.examples import ImageScores
from faig.attribution.methods import method


def every(examples, scores):
    yield from (ImageScores(example.name, scores) for example in examples)


@method(contrast="mean")
def faig(pair, examples, *, factor: float = 1.0):
    sizes = {name: value.abs() for name, value in pair.target.items()}
    return every(examples, factor * pair.index.reduce(sizes).expand(2, -1))


@method(contrast="none")
def seeded(pair, examples, *, seed):
    generator = torch.Generator().manual_seed(seed)
    return every(examples, torch.rand(2, len(pair.index), generator=generator))


@method(contrast="none")
def unseeded(pair, examples):
    return every(examples, torch.rand(2, len(pair.index)))


@method(contrast="none")
def of_numpy(pair, examples):
    draw = np.random.default_rng().random((2, len(pair.index)), dtype="float32")
    return every(examples, torch.from_numpy(draw))


@method(contrast="none")
def transposed(pair, examples):
    return every(examples, torch.ones(len(pair.index), 2))


@method(contrast="none")
def broken(pair, examples):
    return every(examples, pair.target["absent"])


@method(contrast="none")
def half(pair, examples):
    return every(examples, torch.tensor([[1.0], [0.0]]).expand(2, len(pair.index)))


@method(contrast="none")
def silent(pair, examples):
    return iter(())


def plain(pair, examples):
    return every(examples, torch.ones(2, len(pair.index)))
"""


@pytest.fixture
def others(tmp_path, monkeypatch):
    """Name of a module with methods of the user's own."""
    (tmp_path / "their_methods.py").write_text(OTHERS)
    (tmp_path / "no_contrast.py").write_text(OTHERS.replace('contrast="mean"', 'contrast="best"'))
    monkeypatch.syspath_prepend(tmp_path)
    yield "their_methods"
    for name in ("their_methods", "no_contrast"):
        sys.modules.pop(name, None)


def test_a_method_of_another_file_is_used_like_ours(others, tmp_path):
    pair, known = random_pair(SmoothNetwork()), dict(METHODS)
    store = degraded_store(
        tmp_path / "s.h5", {"a": photo(48, 48)}, {"bicubic": BICUBIC, "blur": BLUR, "noise": NOISE}
    )
    degradations = ["blur", "noise"]
    table, facts = score(
        pair, store, f"{others}:faig", {"factor": 2.0}, degradations, "bicubic", seed=0
    )
    sizes = 2 * pair.index.reduce({name: value.abs() for name, value in pair.target.items()})
    for name in degradations:
        own = table.loc[table["degradation"] == name, "score"]
        np.testing.assert_allclose(own, sizes.double().numpy(), rtol=1e-6)
    assert facts["contrast"] == "mean"
    assert known == METHODS  # ours of the same name, too


def test_what_a_method_of_another_file_draws_follows_from_the_seed(others):
    pair, ex = random_pair(SmoothNetwork()), [example("a"), example("b")]
    found = [run(f"{others}:seeded", pair, ex, seed=seed) for seed in (1, 1, 2)]
    assert [result.name for result in found[0]] == ["a", "b"]
    assert torch.equal(found[0][0].scores, found[1][0].scores)
    assert not torch.equal(found[0][0].scores, found[2][0].scores)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("their_methods:unseeded", "unseeded' gives two results from one seed.*`seed`"),
        ("their_methods:of_numpy", "of_numpy' gives two results from one seed"),
        ("their_methods:transposed", r"transposed': scores of shape .*expected .*\(2, 60\)"),
        ("their_methods:broken", "broken' fails on one image of at most 16 x 16.*absent"),
        ("their_methods:half", "half': all scores for 'noise' are zero"),
        ("their_methods:silent", "silent' fails on one image.*expected 1, got 0"),
        ("their_methods:plain", "plain': expected a function under @method"),
        ("their_methods:absent", "absent' cannot be imported: AttributeError"),
        ("no_such_file:faig", "cannot be imported: ModuleNotFoundError.*no_such_file"),
        ("no_contrast:faig", "cannot be imported.*unknown contrast 'best'; known: none, mean"),
        ("absent", "unknown attribution method 'absent'; known: faig.*package.module:function"),
    ],
)
def test_methods_that_cannot_be_used_are_named(others, name, message):
    with pytest.raises(InputError, match=message):
        run(name, random_pair(SmoothNetwork()), [example()])


def test_a_parameter_that_a_method_of_another_file_does_not_take_is_named(others):
    with pytest.raises(InputError, match=r"their_methods:faig.*'power'"):
        run(f"{others}:faig", random_pair(SmoothNetwork()), [example()], power=2)
