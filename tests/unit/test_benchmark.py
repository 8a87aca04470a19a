import inspect
import math

import numpy as np
import pandas as pd
import pytest
import torch
from faig.benchmark import attribution as benchmark
from faig.benchmark.attribution import (
    Load,
    Ours,
    Quadrature,
    Released,
    Source,
    agreement,
    attribution_table,
    centre,
    flop_per_pixel,
    quadrature_table,
    quadratures,
)
from faig.networks.building import build
from faig.networks.cost import peak_gflops
from faig.networks.weights import save_weights
from faig.report.figures import FIGURES
from toys import BICUBIC, CPU, NOISE, degraded_store, photo, random_state

NETWORK = {"architecture": "srresnet", "scale": 2, "parameters": {"features": 4, "blocks": 1}}
BLUR = [{"op": "gaussian_blur", "size": 5, "sigma": 1.0}, *BICUBIC]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    folder = tmp_path_factory.mktemp("benchmark")
    network = build(**NETWORK)
    paths = [folder / f"{stage}.safetensors" for stage in ("baseline", "target")]
    for seed, path in enumerate(paths):
        save_weights(path, random_state(network, seed, 0.1), {})
    operators = {"bicubic": BICUBIC, "blur": BLUR, "noise": NOISE}
    degraded_store(folder / "data.h5", {"a": photo(24, 32)}, operators)
    return Source(NETWORK, *paths, folder / "data.h5", ["blur", "noise"], "bicubic", "cpu")


@pytest.fixture(scope="module")
def quadrature(source) -> pd.DataFrame:
    rules = {"gauss-legendre": [2, 4], "trapezoid": [3]}
    return quadrature_table(source, (6, 8), rules, nodes=8, reference=64)


@pytest.fixture(scope="module")
def attribution(source, quadrature) -> pd.DataFrame:
    loads = [Load((4, 6), 1), Load((4, 6), 2), Load((8, 8), 1)]
    return attribution_table(source, loads, quadrature, nodes=8, repetitions=1, matrices=[16])


def test_the_centre_of_an_image_is_cut_alike_at_both_scales():
    lr = torch.arange(30.0).reshape(1, 1, 5, 6).expand(1, 3, 5, 6)
    hr = lr.repeat_interleave(2, -1).repeat_interleave(2, -2)
    part = centre(lr, (3, 4))
    assert torch.equal(part[0, 0], lr[0, 0, 1:4, 1:5])
    assert torch.equal(centre(hr, (3, 4), 2)[..., ::2, ::2], part)


@pytest.mark.parametrize("shape", [(3, 20), (40, 4), (12, 16)])
def test_images_have_every_size_asked_for(source, shape):
    example = source.example(shape)
    assert example.clean.shape == (1, 3, *shape)
    assert example.reference.shape == (1, 3, 2 * shape[0], 2 * shape[1])
    assert {name: pixels.shape for name, pixels in example.inputs.items()} == dict.fromkeys(
        ("blur", "noise"), example.clean.shape
    )


def test_operations_are_two_per_multiply_add_and_thrice_the_forward_pass(source):
    features, first, shuffled = 4, 3 * 4, 4 * 16
    kernels = first + 2 * features**2 + shuffled + 4 * (features**2 + features * 3)
    forward = 2 * 9 * kernels
    without_input = 2 * 9 * first  # no gradient of the image is taken
    assert flop_per_pixel(source.pair("float32")) == 3 * forward - without_input


def test_evaluations_are_those_of_the_two_protocols(source):
    assert Released(source).evaluations == 100 * 2 * 2
    assert Ours(source, "float32", 8).evaluations == pytest.approx(8 * 2 + 4 / 3)


def test_the_peak_is_a_positive_number():
    assert 0 < peak_gflops(CPU, [8, 16]) < 1e6


def test_times_are_medians_per_image_of_engines_in_turns(source, monkeypatch):
    calls, clock = [], iter([1.0, 5.0, 2.0, 7.0, 9.0, 6.0])
    monkeypatch.setattr(benchmark, "timed", lambda work, device: calls.append(work) or next(clock))
    engines = [Released(source), Ours(source, "float32", 2)]
    examples = [source.example((4, 4))] * 2
    times = benchmark.seconds_per_image(engines, examples, 3)
    assert times == [100 * 2.0 / 2, 6.0 / 2]
    assert [call.func.__self__ for call in calls] == engines * 3
    assert [call.args[1] for call in calls[::2]] == pytest.approx([1 / 6, 1 / 2, 5 / 6])


def test_agreement_of_rankings():
    scores = np.random.default_rng(0).normal(size=(2, 300))
    overlaps, correlations = agreement(scores, scores)
    assert overlaps == [1, 1]
    assert correlations == pytest.approx([1, 1])
    overlaps, correlations = agreement(scores, -scores)
    assert overlaps == [0, 0]
    assert correlations == pytest.approx([-1, -1])


def test_our_rule_is_tried_in_every_precision_and_the_released_one_always():
    found = quadratures({"gauss-legendre": [4], "midpoint": [3]}, 8, ["float32", "bfloat16"])
    ours = {Quadrature("gauss-legendre", n, p) for n in (4, 8) for p in ("float32", "bfloat16")}
    others = {Quadrature("midpoint", 3, "float32"), Quadrature("left", 100, "float32")}
    assert set(found) == ours | others
    assert len(found) == len(ours | others)


def test_quadrature_is_compared_with_the_reference(quadrature, source):
    first = quadrature.iloc[:2]
    assert (first["rule"] == "midpoint").all()
    assert (first["nodes"] == 64).all()
    assert (first["overlap_top1"] == 1).all()
    assert list(first["degradation"]) == ["blur", "noise"]
    assert (quadrature["image_pixels"] == 48).all()
    exact = quadrature[(quadrature["nodes"] == 8) & (quadrature["precision"] == "float32")]
    coarse = quadrature[(quadrature["nodes"] == 2) & (quadrature["precision"] == "float32")]
    assert exact["completeness"].max() < coarse["completeness"].max()
    assert exact["rank_correlation"].min() > coarse["rank_correlation"].max()


def test_costs_are_consistent(attribution, source):
    engines = ["released", *["ours"] * len(source.precisions())]
    assert list(attribution["engine"]) == engines * 3
    for _, rows in attribution.groupby(["image_pixels", "images"]):
        released = rows["seconds_per_image"].iloc[0]
        np.testing.assert_allclose(rows["ratio"], released / rows["seconds_per_image"])
    flop = flop_per_pixel(source.pair("float32"))
    gflops = attribution["evaluations_per_second"] * flop * attribution["image_pixels"] / 1e9
    np.testing.assert_allclose(attribution["gflops"], gflops)
    assert (attribution["memory_mb"] > 0).all()
    assert set(attribution["filters"]) == {len(source.pair("float32").index)}
    assert {"overlap_top1_blur", "overlap_top1_noise", "rank_correlation"} <= {*attribution}
    assert not attribution.isna().any(axis=None)


@pytest.mark.parametrize("name", ["benchmark", "quadrature"])
def test_figures_show_every_number(attribution, quadrature, name):
    draw = FIGURES[name]
    tables = {"attribution": attribution, "quadrature": quadrature}
    needed = inspect.signature(draw).parameters
    figure = draw(**{key: tables[key].assign(network="net") for key in needed})
    assert figure.get_suptitle().startswith("net: ")
    for panel in figure.axes:
        assert panel.lines
        place = panel.get_subplotspec()
        assert panel.get_xlabel() or not place.is_last_row()
        assert panel.get_title() or panel.get_ylabel() or not place.is_first_col()
        assert all(math.isfinite(limit) for limit in panel.get_ylim())
