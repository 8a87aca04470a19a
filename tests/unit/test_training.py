import threading

import numpy as np
import pytest
import torch
from faig.degradations import build_degradations
from faig.errors import InputError
from faig.filters import FilterIndex
from faig.networks import build
from faig.training import Checkpoint, PatchSampler, Schedule, TrainingDiverged, evaluate, train
from toys import (
    BICUBIC,
    CPU,
    NOISE,
    PartlyUsedNetwork,
    SmoothNetwork,
    degraded_store,
    noise_image,
    photo,
    random_state,
    write_store,
)

OPERATORS = {"bicubic": BICUBIC, "noise": NOISE}
SCHEDULE = Schedule(iterations=40, learning_rate=3e-3, period=25)


@pytest.fixture
def store(tmp_path):
    images = {"a": photo(24, 32, 1), "b": photo(20, 24, 2)}
    return degraded_store(tmp_path / "train.h5", images, OPERATORS, stems=True)


def make_network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build("srcnn", 2, {"widths": [4]})


def make_sampler(store, sampler_class=PatchSampler, operators=OPERATORS, seed=0, patch=16, **more):
    degradations = build_degradations(operators, 2)
    options = {"patch": patch, "batch": 4, "seed": seed, "compute": CPU, **more}
    return sampler_class(store, degradations, **options)


class Interrupted(PatchSampler):
    """Stops the training at the tenth batch, as a kill would."""

    batches = 0

    def next(self):
        self.batches += 1
        if self.batches == 10:
            raise KeyboardInterrupt
        return super().next()


class Poisoned(PatchSampler):
    """Has a NaN in its tenth batch."""

    batches = 0

    def next(self):
        self.batches += 1
        lr, hr = super().next()
        return (lr * float("nan") if self.batches == 10 else lr), hr


def validate(weights) -> list[dict]:
    """Rows that depend on every weight."""
    total = sum(value.double().abs().sum().item() for value in weights.values())
    return [{"degradation": "any", "psnr": total}]


def same_weights(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


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


# patches


def test_lr_and_hr_patches_show_the_same_place(tmp_path):
    small = {"a": noise_image(12, 20, 1), "b": noise_image(15, 9, 2)}
    hr = {name: pixels.repeat(2, 0).repeat(2, 1) for name, pixels in small.items()}
    inverted = {name: 255 - pixels for name, pixels in small.items()}
    store = write_store(tmp_path / "s.h5", hr, {"plain": small, "inverted": inverted})
    sampler = make_sampler(store, operators={"plain": BICUBIC, "inverted": BICUBIC}, batch=32)

    lr, hr = ((255 * side).round().int() for side in sampler.next())
    assert lr.shape == (32, 3, 8, 8)
    assert hr.shape == (32, 3, 16, 16)
    kinds = set()
    for small_patch, patch in zip(lr, hr[..., ::2, ::2], strict=True):
        assert torch.equal(patch, small_patch) or torch.equal(patch, 255 - small_patch)
        kinds.add(torch.equal(patch, small_patch))
    assert kinds == {True, False}


def test_patches_come_in_all_positions_and_orientations(tmp_path):
    pixels = noise_image(18, 16)
    store = write_store(tmp_path / "s.h5", {"a": pixels}, {"x": {"a": pixels[::2, ::2]}})
    _, hr = make_sampler(store, operators={"x": BICUBIC}, batch=200).next()
    assert len({patch.numpy().tobytes() for patch in hr}) == 2 * 8


def test_noise_is_drawn_afresh_on_stored_stems(tmp_path):
    grey = {"a": np.full((32, 32, 3), 128, np.uint8)}
    store = degraded_store(tmp_path / "s.h5", grey, {"noise": NOISE}, stems=True)
    sampler = make_sampler(store, operators={"noise": NOISE}, batch=16)
    (first, _), (second, _) = sampler.next(), sampler.next()
    assert not torch.equal(first, second)
    assert first.std() == pytest.approx(0.1, rel=0.1)
    assert len({patch.numpy().tobytes() for patch in first}) == 16


def test_noise_before_downsampling_gives_patches_of_the_same_place(tmp_path):
    """A stem may end before the image is made small; LR patches must still fit the HR ones."""
    noisy = {"early": [{"op": "gaussian_noise", "sigma": 1e-6}, {"op": "downsample"}]}
    store = degraded_store(tmp_path / "s.h5", {"a": photo(32, 48)}, noisy, stems=True)
    lr, hr = make_sampler(store, operators=noisy).next()
    assert lr.shape == (4, 3, 8, 8)
    assert hr.shape == (4, 3, 16, 16)
    block_means = hr.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5))
    assert (lr - block_means).abs().mean() < 0.02


def test_batches_follow_from_the_seed(store):
    batches = [[*make_sampler(store, seed=seed).next()] for seed in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(batches[0], batches[1], strict=True))
    assert not torch.equal(batches[0][1], batches[2][1])


def test_a_restored_sampler_goes_on_identically(store):
    sampler, other = make_sampler(store, seed=1), make_sampler(store, seed=2)
    sampler.next()
    other.restore(sampler.state())
    for _ in range(3):
        assert all(torch.equal(a, b) for a, b in zip(sampler.next(), other.next(), strict=True))


def test_an_image_smaller_than_the_patch_is_named(store):
    with pytest.raises(InputError, match=r"'b' is 24 x 20 pixels.*patch of 22"):
        make_sampler(store, patch=22)


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


def test_resumed_training_is_bit_identical(store, tmp_path):
    options = {"validate": validate, "validations": 5, "checkpoint_seconds": -1.0}
    whole = train(make_network(), make_sampler(store), SCHEDULE, CPU, **options)

    checkpoint = Checkpoint(tmp_path / "run.checkpoint", "stamp")
    interrupted = make_sampler(store, Interrupted)
    with checkpoint, pytest.raises(KeyboardInterrupt):
        train(make_network(), interrupted, SCHEDULE, CPU, checkpoint=checkpoint, **options)
    assert checkpoint.load()["iteration"] == 9

    torch.manual_seed(123)
    fresh, network = make_sampler(store, seed=99), build("srcnn", 2, {"widths": [4]})
    resumed = train(network, fresh, SCHEDULE, CPU, checkpoint=checkpoint, **options)
    assert same_weights(resumed[0], whole[0])
    assert without_seconds(resumed[1]) == without_seconds(whole[1])


def test_a_finished_training_is_not_repeated(store, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.checkpoint", "stamp")
    options = {"checkpoint": checkpoint, "checkpoint_seconds": -1.0}
    first, _ = train(make_network(), make_sampler(store), Schedule(5, 1e-3), CPU, **options)
    second, _ = train(
        make_network(), make_sampler(store, seed=9), Schedule(5, 1e-3), CPU, **options
    )
    assert same_weights(first, second)


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
    assert all(value.isfinite().all() for value in saved["network"].values())


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
