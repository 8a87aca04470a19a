import argparse
import importlib
import os
import signal
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from faig.attribution.filters import FilterIndex
from faig.data.batches import PatchSampler
from faig.networks.building import build
from faig.networks.weights import save_weights
from faig.training.checkpoint import Checkpoint
from faig.training.loop import Run, TrainingDiverged, train
from faig.training.schedule import Schedule
from faig.training.stage import first_network, train_stage
from faig.training.validation import evaluate, validator
from toys import (
    CPU,
    OPERATORS,
    Interrupted,
    Killed,
    PartlyUsedNetwork,
    SmoothNetwork,
    degraded_store,
    make_batch,
    make_sampler,
    photo,
    random_state,
    same,
    training_store,
)

SCHEDULE = Schedule(iterations=40, learning_rate=3e-3, period=25)


@pytest.fixture
def store(tmp_path):
    return training_store(tmp_path / "train.h5")


def make_network(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return build("srcnn", 2, {"widths": [4]})


class Terminated(PatchSampler):
    """Has the process asked to end while the tenth batch is made."""

    request = signal.SIGTERM

    def batches(self, first, last):
        for number, batch in enumerate(super().batches(first, last), first):
            if number == 9:
                os.kill(os.getpid(), self.request)
            yield batch


class Poisoned(PatchSampler):
    """Has a NaN in its tenth batch."""

    def batches(self, first, last):
        for number, batch in enumerate(super().batches(first, last), first):
            yield batch._replace(lr=batch.lr * float("nan")) if number == 9 else batch


def validate(weights) -> list[dict]:
    """Rows that depend on every weight."""
    total = sum(value.double().abs().sum().item() for value in weights.values())
    return [{"degradation": "any", "psnr": total}]


def without_seconds(history: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


# schedule


def test_learning_rate_falls_as_a_cosine_and_restarts():
    schedule = Schedule(iterations=300, learning_rate=2e-4, period=100, minimum_learning_rate=1e-6)
    assert schedule.rate(0) == schedule.rate(100) == schedule.rate(200) == pytest.approx(2e-4)
    assert schedule.rate(50) == pytest.approx((2e-4 + 1e-6) / 2)
    assert schedule.rate(25) - schedule.rate(75) == pytest.approx((2e-4 - 1e-6) / np.sqrt(2))
    assert 1e-6 < schedule.rate(99) < 1.1e-6
    rates = [schedule.rate(i) for i in range(100)]
    assert rates == sorted(rates, reverse=True)


def test_without_a_period_the_whole_training_is_one():
    schedule = Schedule(iterations=1000, learning_rate=1e-3)
    assert schedule.rate(0) == pytest.approx(1e-3)
    assert schedule.rate(500) == pytest.approx(1e-3 / 2, rel=1e-3)
    assert 1e-7 < schedule.rate(999) < 3e-7


# training


def test_loss_falls(store):
    schedule = Schedule(iterations=80, learning_rate=1e-2)
    _, history = train(
        make_network(), make_sampler(store), schedule, CPU, validate=validate, validations=4
    )
    assert [row["iteration"] for row in history] == [20, 40, 60, 80]
    losses = [row["loss"] for row in history]
    assert losses[-1] < losses[1] < losses[0]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(("iterations", "validations"), [(12, 4), (10, 1), (10, 4), (19, 10)])
def test_validates_as_often_as_asked_and_at_the_end(store, iterations, validations):
    _, history = train(
        make_network(),
        make_sampler(store),
        Schedule(iterations, 1e-3),
        CPU,
        validate=validate,
        validations=validations,
    )
    assert history[-1]["iteration"] == iterations
    assert len(history) == validations


def test_history_tells_the_state_of_the_training(store):
    weights, history = train(
        make_network(), make_sampler(store), SCHEDULE, CPU, validate=validate, validations=2
    )
    assert [row["lr"] for row in history] == [SCHEDULE.rate(19), SCHEDULE.rate(39)]
    assert history[-1]["psnr"] == validate(weights)[0]["psnr"]
    assert 0 < history[0]["seconds"] < history[1]["seconds"]


def test_a_training_agrees_with_a_slow_implementation(store):
    """Adam's steps, the average of the weights, and the mean loss since the last row."""
    run, sampler = Run(make_network(), Schedule(10**7, 1e-2), CPU), make_sampler(store)
    slow, losses = make_network(), []
    optimizer = torch.optim.Adam(slow.parameters(), 1e-2, betas=(0.9, 0.99))
    for number, decay in enumerate([1 / 10, 2 / 11, 3 / 12, 4 / 13, 0.999]):
        if number == 3:
            run.record([{}])
            losses.clear()
        if number == 4:  # much later
            run.iteration += 10**4
            run.loss_since += 10**4
        batch, before = make_batch(sampler, number), {k: v.clone() for k, v in run.ema.items()}
        run.step(batch)
        loss = F.l1_loss(slow(batch.lr), batch.hr)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert run.mean_loss() == pytest.approx(np.mean(losses))
        for name, value in slow.state_dict().items():
            torch.testing.assert_close(run.ema[name], torch.lerp(before[name], value, 1 - decay))


def test_average_of_weights_moves_less_than_the_weights(store):
    network = make_network()
    start = {name: value.clone() for name, value in network.state_dict().items()}
    weights, _ = train(network, make_sampler(store), Schedule(20, 1e-2), CPU)

    def distance(state):
        return sum((state[name] - start[name]).square().sum() for name in start).sqrt()

    assert 0 < distance(weights) < distance(network.state_dict())


def test_only_chosen_filters_change(store):
    network = make_network()
    start = {name: value.clone() for name, value in network.state_dict().items()}
    index = FilterIndex.of(network)
    selected = np.random.default_rng(0).random(len(index)) < 0.2
    selected[index.layer_numbers == 1] = False
    weights, _ = train(
        network, make_sampler(store), Schedule(20, 1e-3), CPU, trainable=index.masks(selected)
    )

    changed = {name: (weights[name] != start[name]).float() for name in weights}
    np.testing.assert_array_equal(index.reduce(changed) > 0, selected)
    assert sum(map(torch.sum, changed.values())) == index.reduce(changed).sum()


def test_chosen_filters_without_effect_stay(store):
    network = PartlyUsedNetwork()
    start = {name: value.clone() for name, value in network.state_dict().items()}
    masks = FilterIndex.of(network).masks(np.ones(12 + 48 + 4, bool))
    weights, _ = train(network, make_sampler(store), Schedule(3, 1e-3), CPU, trainable=masks)
    assert torch.equal(weights["unused.weight"], start["unused.weight"])
    assert not torch.equal(weights["first.weight"], start["first.weight"])


def test_a_network_with_batch_normalisation_is_trained(store):
    network = torch.nn.Sequential(SmoothNetwork(), torch.nn.BatchNorm2d(3))
    weights, _ = train(network, make_sampler(store), Schedule(3, 1e-3), CPU)
    assert weights.keys() == network.state_dict().keys()
    network.load_state_dict(weights)


def test_buffers_stay_where_filters_alone_are_trained(store):
    network = torch.nn.Sequential(SmoothNetwork(), torch.nn.BatchNorm2d(3))
    before = {name: value.clone() for name, value in network.named_buffers()}
    index = FilterIndex.of(network)
    masks = index.masks(np.ones(len(index), bool))
    weights, _ = train(network, make_sampler(store), Schedule(3, 1e-3), CPU, trainable=masks)
    assert same(before, {name: weights[name] for name in before})


def make_network_that_draws(seed: int = 0) -> torch.nn.Module:
    return torch.nn.Sequential(make_network(seed), torch.nn.Dropout(0.3))


@pytest.mark.parametrize("make", [make_network, make_network_that_draws])
def test_resumed_training_is_bit_identical_and_its_time_goes_on(store, tmp_path, make):
    options = {"validate": validate, "validations": 5, "checkpoint_seconds": -1.0}
    whole = train(make(), make_sampler(store), SCHEDULE, CPU, **options)

    checkpoint = Checkpoint(tmp_path / "run.checkpoint", "stamp")
    interrupted = make_sampler(store, Interrupted)
    with checkpoint, pytest.raises(Killed):
        train(make(), interrupted, SCHEDULE, CPU, checkpoint=checkpoint, **options)
    saved = checkpoint.load()
    assert saved["iteration"] == 9
    assert saved["seconds"] > 0
    checkpoint.save({**saved, "seconds": 1000.0})

    network = make(seed=123)
    resumed = train(network, make_sampler(store), SCHEDULE, CPU, checkpoint=checkpoint, **options)
    assert same(resumed[0], whole[0])
    assert without_seconds(resumed[1]) == without_seconds(whole[1])
    assert resumed[1][-1]["seconds"] > 1000


@pytest.mark.parametrize("request_", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_end_saves_first(store, tmp_path, capsys, request_):
    whole, _ = train(make_network(), make_sampler(store), SCHEDULE, CPU)
    checkpoint = Checkpoint(tmp_path / "run.checkpoint", "stamp")
    sampler = make_sampler(store, Terminated)
    sampler.request = request_
    handler = signal.getsignal(request_)
    with pytest.raises(SystemExit) as end:
        train(make_network(), sampler, SCHEDULE, CPU, checkpoint=checkpoint, label="me")
    assert end.value.code == 128 + request_
    assert f"me: stopped by {request_.name} at iteration 10: saved" in capsys.readouterr().out
    assert signal.getsignal(request_) is handler
    resumed, _ = train(make_network(), make_sampler(store), SCHEDULE, CPU, checkpoint=checkpoint)
    assert same(resumed, whole)


def test_a_finished_training_is_not_repeated(store, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.checkpoint", "stamp")
    options = {"checkpoint": checkpoint}
    first, _ = train(make_network(), make_sampler(store), Schedule(5, 1e-3), CPU, **options)
    second, _ = train(
        make_network(), make_sampler(store, seed=9), Schedule(5, 1e-3), CPU, **options
    )
    assert same(first, second)


def test_a_training_that_diverges_stops_and_says_where(store, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.checkpoint", "stamp")
    with pytest.raises(TrainingDiverged, match=r"nan by iteration 10 .*rate 0\.00(2|3)"):
        train(
            make_network(),
            make_sampler(store, Poisoned),
            SCHEDULE,
            CPU,
            checkpoint=checkpoint,
            checkpoint_seconds=-1.0,
        )
    saved = checkpoint.load()
    assert saved["iteration"] == 9
    assert all(value.isfinite().all() for value in saved["objective"].values())


def test_without_a_checkpoint_a_diverged_training_does_not_go_on_to_its_end(store):
    with pytest.raises(TrainingDiverged, match="by iteration 100 "):
        train(make_network(), make_sampler(store, Poisoned), Schedule(150, 1e-3), CPU)


def test_too_high_a_learning_rate_is_noticed(store):
    with pytest.raises(TrainingDiverged, match=r"learning rate \d\S*e\+(28|29|30)"):
        train(make_network(), make_sampler(store), Schedule(5, 1e30), CPU)


# checkpoints


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b"x" * 99])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
    checkpoint = Checkpoint(tmp_path / "c", "stamp")
    for iteration in (1, 2, 3):
        checkpoint.save({"iteration": iteration})
    assert checkpoint.load()["iteration"] == 3
    checkpoint.path.write_bytes(damage(checkpoint.path.read_bytes()))
    assert checkpoint.load()["iteration"] == 2


def test_a_checkpoint_of_another_configuration_is_ignored(tmp_path):
    Checkpoint(tmp_path / "c", "one").save({"iteration": 1})
    other = Checkpoint(tmp_path / "c", "two")
    assert other.load() is None
    other.save({"iteration": 2})
    assert other.load()["iteration"] == 2


@pytest.mark.parametrize(
    ("script", "inputs"),
    [
        ("train", ["data", "validation", "start", "kernel_code"]),
        ("retrain", ["data", "baseline", "ranking", "test"]),
    ],
)
def test_a_script_goes_on_only_from_a_checkpoint_of_the_same_config_code_and_files(
    script, inputs, tmp_path, monkeypatch
):
    module, stamps = importlib.import_module(script), []

    def opened(path, stamp):
        stamps.append(stamp)
        raise Killed

    monkeypatch.setattr(module, "Checkpoint", opened)
    choice = SimpleNamespace(label="faig")
    monkeypatch.setattr(module, "choices", lambda *_: [choice], raising=False)
    monkeypatch.setattr(module, "read_table", lambda path: None)
    config = {"seed": 0, "proportions": [0.01], "rest": False}
    names = dict.fromkeys(["cache", "network", "start", "kernel_code", "history"])
    args = {**names, "config": config, "code": "1", "output": tmp_path / "output"}
    for name in inputs:
        args[name] = tmp_path / name
        args[name].write_text("1")
    args |= {"test": [args["test"]]} if "test" in args else {}

    def run(**changed):
        with pytest.raises(Killed):
            module.main(argparse.Namespace(**args | changed))

    run()
    run()
    run(config={**config, "seed": 1})
    run(code="2")
    for name in inputs:
        (tmp_path / name).write_text("2")
        run()
    assert stamps[0] == stamps[1]
    assert len(set(stamps)) == len(stamps) - 1


def test_a_removed_checkpoint_is_gone(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c", "stamp")
    checkpoint.save({"iteration": 1})
    checkpoint.save({"iteration": 2})
    checkpoint.remove()
    assert checkpoint.load() is None


def test_two_trainings_never_hold_one_checkpoint(tmp_path):
    entered = threading.Event()

    def second():
        with Checkpoint(tmp_path / "c", "stamp"):
            entered.set()

    thread = threading.Thread(target=second, daemon=True)
    with Checkpoint(tmp_path / "c", "stamp"):
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(10)
    thread.join()


# evaluation


def test_evaluation_of_some_images(tmp_path):
    images = {name: photo(12, 12, i) for i, name in enumerate("abc")}
    store = degraded_store(tmp_path / "s.h5", images, OPERATORS)
    rows = evaluate(SmoothNetwork(), store, ["noise"], CPU, images=["c", "a"])
    assert [row["image"] for row in rows] == ["c", "a"]


def test_evaluation_measures_what_skimage_measures(tmp_path):
    from skimage.metrics import peak_signal_noise_ratio

    images = {"a": photo(16, 20, 1), "b": photo(12, 12, 2)}
    store = degraded_store(tmp_path / "s.h5", images, OPERATORS)
    network, state = SmoothNetwork(), random_state(SmoothNetwork(), 1)
    rows = evaluate(network, store, ["noise", "bicubic"], CPU, state)
    assert [(row["image"], row["input_degradation"]) for row in rows] == [
        ("a", "noise"),
        ("a", "bicubic"),
        ("b", "noise"),
        ("b", "bicubic"),
    ]
    network.load_state_dict(state)
    for row in rows:
        lr = store.lr(row["input_degradation"], row["image"])[None] / 255
        output = (network(lr).detach().clamp(0, 1) * 255).round()[0].byte()
        inside = (slice(None), slice(2, -2), slice(2, -2))
        expected = peak_signal_noise_ratio(
            store.hr(row["image"])[inside].numpy(), output[inside].numpy()
        )
        assert row["psnr"] == pytest.approx(expected, abs=0.01)


def test_a_network_starts_from_its_seed_or_from_given_weights(tmp_path):
    architecture = {"architecture": "srcnn", "scale": 2, "parameters": {"widths": [4]}}
    one, again, other = (first_network(architecture, seed).state_dict() for seed in (1, 1, 2))
    assert same(one, again)
    assert not same(one, other)
    save_weights(tmp_path / "w.safetensors", other, {})
    started = first_network(architecture, 1, weights=tmp_path / "w.safetensors").state_dict()
    assert same(started, other)


def test_a_stage_draws_by_its_name_and_seed_and_as_many_views_as_its_objective_asks_for(
    monkeypatch,
):
    opened = []

    def note(*_, **options):
        opened.append(options)
        raise Killed

    monkeypatch.setattr(PatchSampler, "open", note)
    rest = ["degradations", "schedule", "validations", "validation_images"]
    options = {**dict.fromkeys([*rest, "validation_degradations"]), "batches": {}}
    for architecture, stage, seed in (
        ("srcnn", "baseline", 0),
        ("srcnn", "target", 0),
        ("srcnn", "baseline", 1),
        ("dasr", "baseline", 0),
    ):
        network = build(architecture, 2)
        with pytest.raises(Killed):
            train_stage(network, None, None, CPU, None, stage=stage, seed=seed, **options)
    assert [found["views"] for found in opened] == [1, 1, 1, 2]
    assert len({found["seed"] for found in opened}) == 3


def test_validation_is_the_mean_over_some_images_and_leaves_the_network_alone(tmp_path):
    images = {name: photo(24, 32, i) for i, name in enumerate("abc")}
    store = degraded_store(tmp_path / "v.h5", images, OPERATORS)
    network = make_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = random_state(network, 1)
    rows = validator(network, store, 2, list(OPERATORS), CPU)(state)
    measured = evaluate(make_network(), store, list(OPERATORS), CPU, state, ["a", "c"])
    for row in rows:
        values = [m["psnr"] for m in measured if m["input_degradation"] == row["degradation"]]
        assert row["psnr"] == pytest.approx(np.mean(values))
    assert [row["degradation"] for row in rows] == list(OPERATORS)
    assert same(before, network.state_dict())
