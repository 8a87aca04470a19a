import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.filters import FilterIndex
from faig.attribution.pair import Pair
from faig.base.metrics import gradient_mse
from faig.evaluation.ablation import Choice, choices, mask, measure_masking
from faig.evaluation.retraining import retrain
from faig.networks.restoring import restore
from faig.training.checkpoint import Checkpoint
from faig.training.schedule import Schedule
from faig.training.validation import evaluate
from toys import CPU, OPERATORS, SmoothNetwork, degraded_store, make_sampler, photo, random_state

DEGRADATIONS = ["bicubic", "noise"]


@pytest.fixture
def store(tmp_path):
    return degraded_store(tmp_path / "s.h5", {"a": photo(24, 16)}, OPERATORS)


@pytest.fixture
def sampler(tmp_path):
    images = {"a": photo(24, 24)}
    data = degraded_store(tmp_path / "t.h5", images, OPERATORS, deterministic=True)
    return make_sampler(data, batch=2)


@pytest.fixture
def pair():
    network = SmoothNetwork()
    baseline, target = random_state(network, 1), random_state(network, 2)
    for name in ("first.bias", "last.bias"):
        baseline[name] = target[name]
    return Pair.of(network, baseline, target, CPU)


@pytest.fixture
def network(pair):
    """With the baseline's weights."""
    network = SmoothNetwork()
    network.load_state_dict(pair.baseline)
    return network


def choose(pair, share: float, seed: int = 0) -> Choice:
    selected = np.random.default_rng(seed).random(len(pair.index)) < share
    return Choice("faig", "noise", share, selected)


def measure(pair, store, choice, **more) -> list[dict]:
    masked = [(choice, mask(pair, choice))]
    return list(measure_masking(pair, masked, store, "a", DEGRADATIONS, **more))


def psnrs(pair, store, state) -> list[float]:
    return [row["psnr"] for row in evaluate(pair.network, store, DEGRADATIONS, CPU, state)]


def test_masking_nothing_changes_nothing(pair, store):
    for row in measure(pair, store, choose(pair, 0)):
        assert row["gradient_mse"] == 0
        assert row["psnr"] == row["psnr_target"]


def test_masking_everything_gives_the_baseline(pair, store):
    rows = measure(pair, store, choose(pair, 1))
    baseline = psnrs(pair, store, pair.baseline)
    assert [row["psnr"] for row in rows] == pytest.approx(baseline, abs=1e-3)
    assert [row["psnr_target"] for row in rows] == psnrs(pair, store, pair.target)
    assert all(row["gradient_mse"] > 0 for row in rows)


@pytest.mark.parametrize("channel", ["grey", "blue"])
def test_outputs_of_masked_and_target_are_compared(pair, store, channel):
    choice = choose(pair, 0.3)
    rows = measure(pair, store, choice, channel=channel)
    for row in rows:
        pixels = store.lr(row["input_degradation"], "a")[None]
        outputs = [
            restore(pair.network, pixels, CPU, state) for state in (mask(pair, choice), pair.target)
        ]
        assert row["gradient_mse"] == gradient_mse(*outputs, channel).item()
    assert [row["psnr"] for row in rows] == psnrs(pair, store, mask(pair, choice))


def test_rows_say_what_was_masked_and_measured(pair, store):
    kinds = [choose(pair, 0.1), choose(pair, 0.5)]
    masked = [(choice, mask(pair, choice)) for choice in kinds]
    table = pd.DataFrame(measure_masking(pair, iter(masked), store, "a", iter(DEGRADATIONS)))
    columns = ["method", "degradation", "proportion", "input_degradation", "image"]
    measured = ["psnr", "psnr_y", "psnr_target", "psnr_y_target", "gradient_mse"]
    assert list(table.columns) == columns + measured
    assert table[columns].to_numpy().tolist() == [
        ["faig", "noise", proportion, degradation, "a"]
        for degradation in DEGRADATIONS
        for proportion in (0.1, 0.5)
    ]


def test_masked_weights_are_the_baselines_where_chosen(pair):
    choice = choose(pair, 0.5)
    result = mask(pair, choice)
    for name, selected in pair.index.masks(choice.selected).items():
        source = torch.where(selected, pair.baseline[name], pair.target[name])
        assert torch.equal(result[name], source)


def test_choices_are_all_combinations():
    filters = np.tile(np.arange(4), 2)
    names = np.repeat(["blur", "noise"], 4)
    up, down = [0, 1, 2, 3], [3, 2, 1, 0]
    rankings = {
        "faig": pd.DataFrame({"filter": filters, "degradation": names, "rank": up + down}),
        "random": pd.DataFrame({"filter": filters, "degradation": names, "rank": down + up}),
    }
    made = choices(rankings, iter([0.25, 0.5]))
    found = {(c.method, c.degradation, c.proportion): np.flatnonzero(c.selected) for c in made}
    assert len(made) == len(found) == 8
    assert found["faig", "blur", 0.25].tolist() == [0]
    assert found["faig", "noise", 0.5].tolist() == [2, 3]
    assert found["random", "blur", 0.5].tolist() == [2, 3]
    assert found["random", "noise", 0.25].tolist() == [0]


def test_the_rest_of_a_choice_is_all_others(pair):
    choice = choose(pair, 0.3)
    assert (choice.rest.selected == ~choice.selected).all()
    assert choice.rest.columns == choice.columns
    assert choice.rest.label != choice.label


def test_retraining_starts_every_choice_from_the_baseline_and_measures_its_average(
    pair, store, network, sampler, tmp_path
):
    some = choose(pair, 0.5)
    others = some.rest
    chosen = [
        (choice, Checkpoint(tmp_path / f"{i}.checkpoint", "s"))
        for i, choice in enumerate((some, others, some))
    ]
    schedule = Schedule(iterations=3, learning_rate=1e-2)
    table = retrain(network, chosen, sampler, schedule, {"test": store}, DEGRADATIONS, CPU)
    first, other, again = table["psnr"].to_numpy().reshape(3, len(DEGRADATIONS))
    assert (first != other).all()
    assert (first != psnrs(pair, store, pair.baseline)).all()
    assert table["dataset"].unique().tolist() == ["test"]
    assert table["part"].tolist() == [*["chosen"] * 2, *["rest"] * 2, *["chosen"] * 2]
    assert all(torch.equal(network.state_dict()[k], v) for k, v in pair.baseline.items())
    assert first.tolist() == again.tolist()
    assert first.tolist() == psnrs(pair, store, chosen[0][1].load()["ema"])


def test_channels_are_retrained_with_their_biases(pair, store, network, sampler, tmp_path):
    index = FilterIndex.of(network, "channel", "units")
    selected = np.arange(len(index)) == 2
    choice, checkpoint = Choice("faig", "noise", 0.1, selected), Checkpoint(tmp_path / "c", "s")
    units = {"units": "channel", "biases": "units"}
    schedule = Schedule(iterations=2, learning_rate=1e-2)
    tests = {"test": store}
    retrain(network, [(choice, checkpoint)], sampler, schedule, tests, ["noise"], CPU, **units)
    state = checkpoint.load()["ema"]
    changed = index.reduce({k: (state[k] != v).float() for k, v in pair.baseline.items()})
    assert (changed > 0).nonzero().flatten().tolist() == [2]
    assert state["first.bias"][2] != pair.baseline["first.bias"][2]
