import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from faig.benchmark import training as training_benchmark
from faig.benchmark.training import (
    LEARNING_RATE,
    Ours,
    PatchDataset,
    Reference,
    Setup,
    flop_per_step,
    seconds_per_batch,
    training_table,
)
from faig.data.batch import Batch
from faig.report.figures import FIGURES
from toys import BICUBIC, NOISE, degraded_store, noise_image, photo

NETWORK = {"architecture": "srresnet", "scale": 2, "parameters": {"features": 4, "blocks": 1}}
OBJECTIVES = {
    "ikc": {"features": 4, "blocks": 1, "inner": 4, "estimator_features": 4, "loops": 1},
    "dan1": {"features": 4, "blocks": 1, "estimator_features": 4, "estimator_blocks": 1},
    "dasr": {"features": 4, "groups": 1, "blocks": 1, "encoder_features": 4, "code": 4},
}
LOOPS = [lambda setup: Ours(setup, "float32", 2), lambda setup: Reference(setup, 2)]


@pytest.fixture(scope="module")
def setup(tmp_path_factory) -> Setup:
    path = tmp_path_factory.mktemp("training_benchmark") / "data.h5"
    operators = {"bicubic": BICUBIC, "noise": NOISE}
    images = {"grain": noise_image(20, 22), "tall": photo(500, 26), "wide": photo(24, 32)}
    degraded_store(path, images, operators, deterministic=True)
    return Setup(NETWORK, path, operators, patch=16, batch=3, device="cpu")


@pytest.fixture(scope="module")
def table(setup) -> pd.DataFrame:
    return training_table(setup, repetitions=1, matrices=[16])


def test_times_of_one_round_are_divided_and_the_median_is_taken(setup, monkeypatch):
    times = {
        "reference": iter([(4.0, 2.0, 1.0), (10.0, 5.0, 2.0), (6.0, 6.0, 3.0)]),
        "ours": iter([(1.0, 1.0, 0.1), (5.0, 4.0, 0.2), (3.0, 1.0, 0.3)]),
    }
    kinds = ("real", "fixed", "batches")
    monkeypatch.setattr(training_benchmark, "fast_precisions", lambda device: ["float32"])
    monkeypatch.setattr(
        training_benchmark,
        "seconds_by_kind",
        lambda loop, *_: dict(zip(kinds, next(times[loop.name]), strict=True)),
    )
    table = training_table(setup, repetitions=1, matrices=[16]).set_index("loop")
    assert list(table["iterations_per_second"]) == [1 / 6, 1 / 3]
    assert list(table["ratio"]) == [1, 2]
    assert list(table["real_to_fixed"]) == [2, 1.25]
    assert list(table["images_per_second"]) == [3 / 2, 3 / 0.2]


def test_the_plain_dataset_has_every_sub_image(setup):
    parts = [
        (extent.height, extent.width, top, left) for extent, top, left in PatchDataset(setup).parts
    ]
    assert parts == [(20, 22, 0, 0), (500, 26, 0, 0), (500, 26, 20, 0), (24, 32, 0, 0)]


def test_plain_patches_are_those_of_the_image_in_eight_orientations(setup):
    dataset, image = PatchDataset(setup), torch.from_numpy(noise_image(20, 22)).permute(2, 0, 1)
    windows = image.unfold(1, 16, 2).unfold(2, 16, 2)  # at every LR pixel
    seen = set()
    for _ in range(60):
        _, hr = dataset[0]
        pixels = (hr * 255).round().to(torch.uint8)
        turned = [torch.rot90(pixels, turn, (1, 2)) for turn in range(4)]
        turned += [part.flip(1) for part in turned]
        same = [(windows == part[:, None, None]).all((0, 3, 4)).any() for part in turned]
        assert sum(same) == 1
        seen.add(same.index(True))
    assert seen == set(range(8))


def test_plain_patches_show_the_same_place_at_both_scales(setup):
    dataset = PatchDataset(setup)
    dataset.degradations = dataset.degradations[:1]
    for _ in range(8):
        lr, hr = dataset[3]
        assert (lr.shape, hr.shape) == ((3, 8, 8), (3, 16, 16))
        means = F.avg_pool2d(hr, 2)
        assert (lr - means)[:, 2:-2, 2:-2].abs().max() < 0.1 < hr.std()


def test_every_degradation_is_drawn(setup):
    dataset = PatchDataset(setup)
    used = []
    dataset.degradations = [
        lambda image, generator, name=name: used.append(name) or image[..., ::2, ::2]
        for name in "ab"
    ]
    for _ in range(20):
        dataset[3]
    assert set(used) == {"a", "b"}


def test_the_plain_step_is_adam_and_a_moving_average(setup, monkeypatch):
    monkeypatch.setattr(training_benchmark, "EMA_DECAY", 0.75)
    reference = Reference(setup, 1)
    start = [weight.detach().clone() for weight in reference.network.parameters()]
    reference.step(Batch(torch.rand(3, 3, 8, 8), torch.rand(3, 3, 16, 16), torch.zeros(3)))
    weights, averages = (list(part.parameters()) for part in (reference.network, reference.average))
    for old, new, average in zip(start, weights, averages, strict=True):
        assert 0 < (new - old).abs().max() < 1.001 * LEARNING_RATE
        torch.testing.assert_close(average - old, 0.25 * (new - old), atol=1e-7, rtol=0)
    # Adam's first step is as long as the learning rate wherever there is a gradient
    np.testing.assert_allclose(weights[-1].detach().abs(), LEARNING_RATE, rtol=1e-3)


@pytest.mark.parametrize("make", LOOPS)
def test_both_loops_have_batches_for_one_timing_after_another(setup, make):
    loop = make(setup)
    for _ in range(2):
        batches = list(loop.batches())
        assert len(batches) == loop.ahead + 2 + loop.ahead
        for lr, hr, _ in batches:
            assert (lr.shape, hr.shape) == ((3, 3, 8, 8), (3, 3, 16, 16))
    first, second = (next(iter(loop.batches())).hr for _ in range(2))
    assert not torch.equal(first, second)


def test_patches_may_be_larger_than_the_sub_images_of_the_released_training(tmp_path):
    images = {"large": noise_image(514, 516)}
    degraded_store(tmp_path / "s.h5", images, {"bicubic": BICUBIC}, deterministic=True)
    setup = Setup(NETWORK, tmp_path / "s.h5", {"bicubic": BICUBIC}, 512, 2, "cpu")
    batch = next(Ours(setup, "float32", 1).batches())
    for lr, hr in (batch[:2], (part[None] for part in PatchDataset(setup)[0])):
        assert (lr.shape[1:], hr.shape[1:]) == ((3, 256, 256), (3, 512, 512))
        assert (F.avg_pool2d(hr, 2) - lr)[..., 2:-2, 2:-2].abs().mean() < 0.1 < hr.std()


def test_both_loops_do_the_same_arithmetic(setup):
    features, side, batch = 4, 8, 3
    first, shuffled = 3 * features, 4 * features**2
    kernels = first + 2 * features**2 + shuffled + 4 * (features**2 + features * 3)
    flop = 2 * 9 * batch * side**2 * (3 * kernels - first)  # no gradient of the image is taken
    assert flop_per_step(Ours(setup, "float32", 1)) == flop
    assert flop_per_step(Reference(setup, 1)) == flop


@pytest.mark.parametrize("architecture", OBJECTIVES)
def test_both_loops_minimise_the_same_whatever_a_network_has_for_an_objective(setup, architecture):
    network = {"architecture": architecture, "scale": 2, "parameters": OBJECTIVES[architecture]}
    loops = [make(replace(setup, network=network)) for make in LOOPS]
    assert len({flop_per_step(loop) for loop in loops}) == 1
    assert {len(next(iter(loop.batches())).hr) for loop in loops} == {setup.batch}


def test_only_the_steps_between_are_timed(monkeypatch):
    done, marks = [], []

    def timed(work, device):
        marks.append(len(done))
        work()
        marks.append(len(done))
        return 6.0

    monkeypatch.setattr(training_benchmark, "timed", timed)
    batches = iter(range(7))
    seconds = seconds_per_batch(batches, done.append, torch.device("cpu"), before=2, steps=3)
    assert (seconds, done, marks) == (2.0, [0, 1, 2, 3, 4], [2, 5])
    assert list(islice(batches, 1)) == []


def test_costs_are_consistent(table, setup):
    assert list(table["loop"]) == ["reference", *["ours"] * (len(table) - 1)]
    assert table["precision"].iloc[0] == table["precision"].iloc[1] == "float32"
    rate = table["iterations_per_second"]
    assert table["ratio"].iloc[0] == 1
    flop = flop_per_step(Ours(setup, "float32", 1))
    np.testing.assert_allclose(table["gflops"], rate * flop / 1e9)
    assert (table["patch"] == 16).all()
    assert (table["batch"] == 3).all()
    positive = ["peak_gflops", "images_per_second", "real_to_fixed"]
    assert (table[[*positive, "ratio"]] > 0).all(axis=None)
    assert not table.isna().any(axis=None)


def test_the_figure_shows_every_number(table):
    draw = FIGURES["training_benchmark"]
    figure = draw(training=table.assign(network="net"))
    assert figure.get_suptitle().startswith("net: ")
    *bars, rates = figure.axes
    for panel, values in zip(
        bars,
        [
            table["iterations_per_second"],
            100 * table["gflops"] / table["peak_gflops"],
            table["real_to_fixed"],
        ],
        strict=True,
    ):
        assert [bar.get_height() for bar in panel.patches] == pytest.approx(list(values))
        assert all(math.isfinite(limit) for limit in panel.get_ylim())
    *made, taken = rates.lines
    assert [line.get_ydata().item() for line in made] == list(table["images_per_second"])
    expected = table["iterations_per_second"] * table["real_to_fixed"] * table["batch"]
    assert list(taken.get_ydata()) == pytest.approx(list(expected))
