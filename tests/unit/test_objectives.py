"""How two-branch networks are taught; see also test_training."""

import copy
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from faig.data.batch import Batch
from faig.data.batches import PatchSampler
from faig.data.degradations import build_degradations
from faig.data.kernels import gaussian_kernels
from faig.networks.building import build
from faig.networks.objectives import Objective, Phase, divide, objective_class
from faig.training.checkpoint import Checkpoint
from faig.training.loop import Run, train
from faig.training.schedule import Schedule
from toys import (
    BICUBIC,
    CPU,
    Interrupted,
    Killed,
    degraded_store,
    make_batch,
    make_sampler,
    photo,
    same,
)

BLUR = [{"op": "gaussian_blur", "size": 9, "sigma": [0.2, 2.0]}, *BICUBIC]
OPERATORS = {"bicubic": BICUBIC, "blur": BLUR}
SMALL = {
    "ikc": {"features": 6, "blocks": 2, "inner": 4, "estimator_features": 4, "loops": 2},
    "dan1": {"features": 6, "blocks": 2, "estimator_features": 4, "estimator_blocks": 1},
    "dan2": {"features": 6, "groups": 1, "blocks": 2, "estimator_features": 4},
    "dasr": {"features": 6, "groups": 2, "blocks": 1, "encoder_features": 3, "queue": 16},
}
# the iteration before which each phase begins, of 30, and what is trained in it
PHASES = {
    "ikc": {0: "restorer", 12: "predictor", 21: "corrector"},
    "dan1": {0: ""},
    "dan2": {0: ""},
    "dasr": {0: "encoder", 5: ""},
}
SCHEDULE = Schedule(iterations=30, learning_rate=2e-3)


def small(architecture: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return build(architecture, 2, {**SMALL[architecture], "skip": True})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    images = {"a": photo(40, 32, 1), "b": photo(36, 48, 2)}
    folder = tmp_path_factory.mktemp("objectives")
    return degraded_store(folder / "train.h5", images, OPERATORS, deterministic=True)


def sampler_of(architecture: str, store, cls=PatchSampler) -> PatchSampler:
    views = objective_class(small(architecture)).views
    return make_sampler(store, cls, OPERATORS, patch=24, views=views)


def test_a_plain_network_learns_by_its_output_alone():
    assert objective_class(build("srresnet", 2, {"features": 4, "blocks": 1})) is Objective
    network = build("srcnn", 2, {"widths": [4]})
    batch = Batch(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 16, 16), torch.zeros(2))
    assert Objective(network)(batch, "all") == F.l1_loss(network(batch.lr), batch.hr)


@pytest.mark.parametrize("architecture", SMALL)
def test_phases_train_their_own_part_only(architecture, store):
    network = small(architecture)
    run = Run(network, SCHEDULE, CPU)
    sampler, begins = sampler_of(architecture, store), PHASES[architecture]
    trained = ""
    for number in range(SCHEDULE.iterations):
        trained = begins.get(number, trained)
        before = {name: value.detach().clone() for name, value in network.named_parameters()}
        run.step(make_batch(sampler, number))
        if number in begins:
            continue  # the network takes the averaged weights
        changed = {n for n, v in network.named_parameters() if not torch.equal(v, before[n])}
        assert changed
        assert all(name.startswith(trained) for name in changed)


@pytest.mark.parametrize("architecture", ["ikc", "dasr"])
def test_a_phase_builds_on_the_average_of_the_one_before(architecture, store):
    network, boundary = small(architecture), list(PHASES[architecture])[1]
    run, sampler = Run(network, SCHEDULE, CPU), sampler_of(architecture, store)
    for number in range(boundary):
        run.step(make_batch(sampler, number))
    average = {name: value.clone() for name, value in run.ema.items()}
    assert not same(average, network.state_dict())
    assert run.rate(boundary - 1) < 0.1 * SCHEDULE.learning_rate
    objective, batch = copy.deepcopy(run.objective), make_batch(sampler, boundary)
    objective.network.load_state_dict(average)
    run.step(batch)
    assert run.rate(boundary) == SCHEDULE.learning_rate
    # average and mean loss begin anew
    for name, value in network.named_parameters():
        torch.testing.assert_close(run.ema[name], torch.lerp(average[name], value, 0.9))
    assert run.mean_loss() == pytest.approx(objective(batch, run.span.phase.name).item())
    first = PHASES[architecture][0]
    if architecture == "ikc":  # what is not trained any more stays there
        own = {n: v for n, v in network.state_dict().items() if n.startswith(first)}
        assert same(own, {name: average[name] for name in own})


def learn(architecture: str, sampler: PatchSampler, **more) -> tuple[dict, list[dict]]:
    """A short training, validated by a sum of all weights."""

    def validate(weights):
        return [{"sum": float(sum(value.double().sum() for value in weights.values()))}]

    return train(
        small(architecture), sampler, SCHEDULE, CPU, validate=validate, validations=6, **more
    )


@pytest.fixture(scope="module")
def undisturbed(store):
    """The same from beginning to end, once for each architecture."""
    return cache(lambda architecture: learn(architecture, sampler_of(architecture, store)))


@pytest.mark.parametrize(
    ("architecture", "end"),
    [
        *(("ikc", end) for end in (7, 12, 15, 28)),
        *(("dasr", end) for end in (3, 5, 11)),
        ("dan1", 9),
        ("dan2", 9),
    ],
)
def test_training_goes_on_in_the_middle_of_every_phase(
    architecture, end, store, undisturbed, tmp_path
):
    whole, history = undisturbed(architecture)
    checkpoint = Checkpoint(tmp_path / "c", "stamp")
    interrupted = sampler_of(architecture, store, Interrupted)
    interrupted.end = end
    with checkpoint, pytest.raises(Killed):
        learn(architecture, interrupted, checkpoint=checkpoint, checkpoint_seconds=-1.0)
    assert checkpoint.load()["iteration"] == end
    torch.manual_seed(5)
    resumed, again = learn(architecture, sampler_of(architecture, store), checkpoint=checkpoint)
    assert same(resumed, whole)
    assert [{**row, "seconds": 0} for row in again] == [{**row, "seconds": 0} for row in history]


@pytest.mark.parametrize("architecture", SMALL)
def test_what_is_learned_does_get_better(architecture, store):
    """The loss of every phase falls."""
    schedule = Schedule(iterations=100, learning_rate=3e-3)
    _, history = train(
        small(architecture),
        sampler_of(architecture, store),
        schedule,
        CPU,
        validate=lambda weights: [{}],
        validations=20,
    )
    by_phase: dict[str, list[float]] = {}
    for row in history:
        by_phase.setdefault(row["phase"], []).append(row["loss"])
    assert len(by_phase) == len(PHASES[architecture])
    for losses in by_phase.values():
        losses = losses[1:]  # contrast is easy until its queue is full
        half = len(losses) // 2
        assert sum(losses[half:]) / len(losses[half:]) < sum(losses[:half]) / half


def test_ikcs_corrector_learns_from_every_correction():
    network = small("ikc").eval()
    batch = Batch(torch.rand(2, 3, 12, 12), torch.rand(2, 3, 24, 24), torch.tensor([0.5, 1.5]))
    true = network.pca.encode_blur(batch.blur)
    errors = [F.mse_loss(found, true) for _, found in network.unfold(batch.lr)[1:]]
    assert len(errors) == 2
    loss = objective_class(network)(network)(batch, "corrector")
    torch.testing.assert_close(loss, sum(errors) / 2)
    assert not torch.isclose(loss, errors[-1], rtol=1e-4)


def test_iterations_are_shared_out_to_phases():
    phases = (Phase("a", 0.5), Phase("b", 0.3), Phase("c", 0.2))
    assert [span[1:] for span in divide(phases, 10)] == [(0, 5), (5, 8), (8, 10)]
    assert [(p.phase.name, p.first, p.last) for p in divide(phases, 1)][-1][2] == 1
    for iterations in range(1, 40):
        spans = divide(phases, iterations)
        assert spans[-1].last == iterations
        assert [s.first for s in spans] == [0, *(s.last for s in spans[:-1])]
        assert all(s.first < s.last for s in spans)


# what a batch says of its blur


def test_batches_tell_the_blur_of_every_patch(store):
    fixed = [{"op": "gaussian_blur", "size": 9, "sigma": 1.5}, *BICUBIC]
    blur = make_batch(make_sampler(store, operators=OPERATORS, batch=64), 0).blur
    drawn = blur[blur > 0]
    assert 10 < len(drawn) < 54
    assert 0.2 <= drawn.min() < 0.5 < 1.7 < drawn.max() <= 2.0
    assert len(drawn.unique()) == len(drawn)
    known = build_degradations({"blur": fixed}, 2)["blur"]
    prepared = known.apply_deterministic(torch.rand(2, 3, 16, 16))
    assert known.apply_stochastic(prepared, torch.Generator())[1] == 1.5


def test_views_of_a_scene_are_degraded_alike(store):
    batch = make_batch(make_sampler(store, operators=OPERATORS, batch=16, views=2), 3)
    assert batch.lr.shape == (32, 3, 8, 8)
    assert batch.hr.shape == (32, 3, 16, 16)
    first, second = batch.blur.chunk(2)
    assert torch.equal(first, second)
    assert 1 < len(first.unique()) < 16
    one, other = batch.hr.chunk(2)
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_true_code_is_that_of_the_drawn_kernel():
    pca = small("dan1").pca
    sigmas = torch.tensor([0.7, 1.9])
    expected = pca.encode(gaussian_kernels(sigmas).float())
    torch.testing.assert_close(pca.encode_blur(sigmas), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(pca.encode_blur(torch.zeros(1)), pca.delta, atol=1e-6, rtol=1e-5)
