from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from faig.attribution.filters import FilterIndex
from faig.attribution.methods import attribute
from faig.attribution.pair import Pair
from faig.attribution.tiling import receptive_radius
from faig.base.device import Compute
from faig.base.errors import InputError
from faig.benchmark.released import Search
from faig.comparison.controls import matched_blocks
from faig.data.batch import Batch
from faig.data.kernels import (
    SIGMAS,
    KernelPCA,
    gaussian_kernels,
    grid_pca,
    kernel_pca,
    set_kernel_code,
)
from faig.data.operators import gaussian_kernel
from faig.evaluation.ablation import Choice, mask
from faig.networks import cost
from faig.networks.building import build, load_state
from faig.networks.contrast import MOMENTUM, TEMPERATURE, MomentumContrast
from faig.networks.dasr import Encoder
from faig.networks.objectives import objective_class
from faig.networks.restoring import restore
from faig.networks.weights import load_weights, save_weights
from faig.training.loop import Run
from faig.training.schedule import Schedule
from torch import nn
from toys import CPU, example

SMALL = {
    "ikc": {"features": 6, "blocks": 2, "inner": 4, "estimator_features": 4, "loops": 2},
    "dan1": {"features": 6, "blocks": 2, "estimator_features": 4, "estimator_blocks": 1},
    "dan2": {
        "features": 6,
        "groups": 2,
        "blocks": 1,
        "estimator_features": 4,
        "estimator_blocks": 1,
    },
    "dasr": {"features": 6, "groups": 2, "blocks": 1, "encoder_features": 3, "code": 5},
}
ITERATIVE = ["ikc", "dan1", "dan2"]
ESTIMATORS = {
    "ikc": ("predictor", "corrector"),
    "dan1": ("estimator",),
    "dan2": ("estimator",),
    "dasr": ("encoder",),
}


def small(architecture: str, scale: int = 2, **more) -> nn.Module:
    return build(architecture, scale, {**SMALL[architecture], **more})


def full(architecture: str) -> nn.Module:
    """The paper's size, without any numbers in it."""
    with torch.device("meta"):
        return build(architecture, 2)


def state_of(architecture: str, seed: int, **more) -> dict[str, torch.Tensor]:
    """Fresh weights, and statistics as a training leaves them."""
    torch.manual_seed(seed)
    network = small(architecture, **more).train()
    with torch.no_grad():
        network(torch.rand(4, 3, 9, 9))
    return {name: value.clone() for name, value in network.state_dict().items()}


def reached(value: torch.Tensor, module: nn.Module) -> bool:
    """Whether any gradient of a tensor's sum gets to a module's parameters."""
    parameters = list(module.parameters())
    gradients = torch.autograd.grad(
        value.sum(), parameters, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return any(bool(gradient.any()) for gradient in gradients)


# output


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("architecture", SMALL)
@pytest.mark.parametrize("size", [(7, 5), (1, 2)])
def test_output_is_larger_by_the_scale(architecture, scale, size):
    network = small(architecture, scale).eval()
    lr = torch.rand(2, 3, *size)
    assert network(lr).shape == (2, 3, size[0] * scale, size[1] * scale)
    code = network.estimate(lr)
    assert code.shape == (2, 12 if architecture == "dasr" else 10)
    assert network.restore(lr, code).shape == network(lr).shape


@pytest.mark.parametrize("architecture", SMALL)
def test_fourfold_networks_enlarge_twice_by_two(architecture):
    modules = small(architecture, 4).modules()
    factors = [m.upscale_factor for m in modules if isinstance(m, nn.PixelShuffle)]
    assert factors == [2, 2]


@pytest.mark.parametrize("architecture", SMALL)
def test_images_of_a_batch_do_not_mix(architecture):
    network, lr = small(architecture).eval(), torch.rand(3, 3, 8, 7)
    alone = torch.cat([network(image[None]) for image in lr])
    torch.testing.assert_close(network(lr), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", SMALL)
def test_the_code_makes_a_difference(architecture):
    network, lr = small(architecture).eval(), torch.rand(1, 3, 8, 8)
    code = network.estimate(lr)
    other = network.restore(lr, code + 1)
    assert (other - network.restore(lr, code)).abs().mean() > 1e-4


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("architecture", SMALL)
def test_with_a_skip_they_start_as_the_enlarged_input(architecture, scale):
    network, lr = small(architecture, scale, skip=True).eval(), torch.rand(1, 3, 8, 8)
    enlarged = F.interpolate(lr, scale_factor=scale, mode="bilinear")
    torch.testing.assert_close(network(lr), enlarged, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", SMALL)
def test_low_precision_hardly_changes_the_output(architecture):
    network, lr = small(architecture).eval(), torch.rand(1, 3, 8, 8)
    low = Compute(torch.device("cpu"), torch.bfloat16)
    with low.autocast():
        output, code = network(lr).float(), network.estimate(lr)
    assert code.dtype == torch.float32
    assert (output - network(lr)).abs().max() < 0.05


def test_ikc_is_clamped_but_starts_inside():
    network, lr = small("ikc").eval(), torch.rand(1, 3, 8, 8)
    assert 0.01 < network(lr).min() < network(lr).max() < 0.99
    with torch.no_grad():
        network.restorer.tail.output.bias.copy_(torch.tensor([-9.0, 0.5, 9.0]))
    assert network(lr)[:, 0].max() == 0
    assert network(lr)[:, 2].min() == 1


# cost: the numbers are those of networks built from the authors' code


@pytest.mark.parametrize(
    ("architecture", "parts", "whole"),
    [
        ("ikc", {"restorer": 4.09, "predictor": 0.431, "corrector": 0.650}, 5.17),
        ("dan1", {"restorer": 3.89, "estimator": 0.289}, 4.18),
        ("dan2", {"restorer": 4.30, "estimator": 0.242}, 4.54),
        ("dasr", {"encoder": 1.28}, 5.82),  # one encoder; the keys' copy is not in it
        ("srresnet", {}, 1.37),
    ],
)
def test_parameters_in_millions(architecture, parts, whole):
    network = full(architecture)
    found = {name: cost.parameters(getattr(network, name)) for name in parts}
    assert {name: f"{n / 1e6:#.3g}" for name, n in found.items()} == {
        name: f"{n:#.3g}" for name, n in parts.items()
    }
    assert f"{cost.parameters(network) / 1e6:.2f}" == f"{whole:.2f}"


class SFTMDAlone(nn.Module):
    """IKC's restorer with a given code."""

    def __init__(self):
        super().__init__()
        self.network = full("ikc")

    def forward(self, lr):
        return self.network.restore(lr, lr.new_zeros(1, 10))


@pytest.mark.parametrize(
    ("make", "millions"),
    [
        (SFTMDAlone, "4.12"),  # 4.13 if the products of features and scales are counted too
        (lambda: full("dan1"), "16.6"),
        (lambda: full("dan2"), "16.4"),
        (lambda: full("dasr"), "2.60"),
        (lambda: full("srresnet"), "1.48"),
    ],
)
def test_multiply_adds_per_lr_pixel_in_millions(make, millions):
    assert f"{cost.multiply_adds(make(), 48, 64) / (48 * 64) / 1e6:#.3g}" == millions


def test_every_loop_costs():
    one, two, four = (cost.multiply_adds(small("dan1", loops=loops), 8, 8) for loops in (1, 2, 4))
    assert two == 2 * one
    assert four == 4 * one


def test_multiply_adds_of_a_convolution_and_of_a_batch_of_sizes():
    conv = nn.Conv2d(3, 8, 5, padding=2, stride=2)
    assert cost.multiply_adds(conv, 9, 6) == 5 * 3 * 8 * 3 * 25
    assert cost.multiply_adds(nn.Conv2d(3, 6, 3, groups=3, padding=1), 4, 5) == 20 * 6 * 9
    assert conv.weight.device.type == "cpu"


@pytest.mark.parametrize(
    ("architecture", "expected"), [("dan1", (54, 221)), ("dasr", (76, 31)), ("srresnet", (16, 16))]
)
def test_matched_blocks(architecture, expected):
    assert matched_blocks(full(architecture), 64, 64) == expected


def test_no_other_number_of_blocks_is_nearer():
    network = small("dasr", features=10)
    counts = cost.parameters, lambda n: cost.multiply_adds(n, 8, 8)
    for own, count in zip(matched_blocks(network, 8, 8, features=6), counts, strict=True):
        near = [build("srresnet", 2, {"features": 6, "blocks": own + k}) for k in (-1, 0, 1)]
        distances = [abs(count(other) - count(network)) for other in near]
        assert min(distances) == distances[1]


def test_matched_blocks_are_one_at_least():
    assert matched_blocks(small("dasr"), 8, 8) == (1, 1)


# loops


@pytest.mark.parametrize("architecture", ITERATIVE)
def test_the_last_loop_is_the_output(architecture):
    network, lr = small(architecture).eval(), torch.rand(2, 3, 6, 5)
    steps = network.unfold(lr)
    assert len(steps) == {"ikc": 3}.get(architecture, 4)
    assert torch.equal(steps[-1][0], network(lr))
    assert torch.equal(steps[-1][1], network.estimate(lr))
    assert not torch.equal(steps[0][0], steps[1][0])


@pytest.mark.parametrize("architecture", ["dan1", "dan2"])
def test_dan_restores_with_the_code_of_the_loop_before(architecture):
    network, lr = small(architecture).eval(), torch.rand(2, 3, 6, 5)
    steps = network.unfold(lr)
    codes = [network.pca.delta.expand(2, -1), *(code for _, code in steps)]
    for (sr, _), code in zip(steps, codes, strict=False):
        assert torch.equal(sr, network.restore(lr, code))


def test_ikc_restores_with_the_code_that_it_corrected():
    network, lr = small("ikc").eval(), torch.rand(2, 3, 6, 5)
    steps = network.unfold(lr)
    assert torch.equal(steps[0][1], network.predictor(lr))
    for (sr, code), (_, corrected) in pairwise(steps):
        assert torch.equal(sr, network.restore(lr, code))
        assert torch.equal(corrected, network.corrector(sr, code))


def test_the_first_look_at_an_image_is_blind_to_its_colour():
    network, image = small("ikc"), torch.rand(1, 3, 12, 12)
    shifted = image + torch.rand(1, 3, 1, 1)
    for first in (network.predictor.body[0], network.corrector.on_image[0]):
        inside = [first(x)[..., 2:-2, 2:-2] for x in (image, shifted)]
        assert inside[0].abs().max() > 0.1
        assert torch.allclose(*inside, atol=1e-5)


@pytest.mark.parametrize("architecture", ITERATIVE)
def test_in_training_no_gradient_passes_between_branches_and_loops(architecture):
    network, lr = small(architecture).train(), torch.rand(1, 3, 8, 8)
    (_, code), (sr, last_code) = network.unfold(lr)[-2:]
    estimators = [getattr(network, name) for name in ESTIMATORS[architecture]]
    assert reached(sr, network.restorer)
    assert not any(reached(sr, module) for module in estimators)
    assert not reached(last_code, network.restorer)
    assert reached(last_code, estimators[-1])

    parameters = list(network.restorer.parameters())
    given = last_code if architecture == "ikc" else code
    expected = torch.autograd.grad(network.restore(lr, given.detach()).sum(), parameters)
    found = torch.autograd.grad(sr.sum(), parameters)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("architecture", ["dan1", "dan2"])
def test_in_training_the_last_loop_alone_takes_memory(architecture):
    kept = []
    for loops in (1, 3):
        network, sizes = small(architecture, loops=loops).train(), []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda value, sizes=sizes: sizes.append(value.nbytes), lambda _: None
        ):
            network.unfold_estimates(torch.rand(1, 3, 8, 8))
        kept.append(sum(sizes))
    assert kept[1] == kept[0] > 0


@pytest.mark.parametrize("architecture", SMALL)
def test_in_evaluation_the_gradient_is_that_of_the_output(architecture):
    network, lr = small(architecture).eval().double(), torch.rand(1, 3, 6, 6).double()
    for name in (*ESTIMATORS[architecture], "restorer"):
        parameter = next(iter(getattr(network, name).parameters()))
        gradient = torch.autograd.grad(network(lr).sum(), parameter)[0].flatten()
        largest, step = gradient.abs().argmax(), 1e-4
        values = []
        for change in (step, -2 * step):
            parameter.data.view(-1)[largest] += change
            values.append(network(lr).sum().item())
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx(gradient[largest].item(), rel=1e-3)
        assert slope != 0


def test_dan2_estimates_a_kernel():
    network, lr = small("dan2").eval(), torch.rand(2, 3, 6, 5)
    for (_, kernel), (_, code) in zip(
        network.unfold_estimates(lr), network.unfold(lr), strict=True
    ):
        assert kernel.shape == (2, 21, 21)
        assert kernel.min() > 0
        torch.testing.assert_close(kernel.sum(dim=(1, 2)), torch.ones(2))
        assert torch.equal(code, network.pca.encode(kernel))


# kernel codes


def test_kernels_are_those_of_the_degradation():
    line = gaussian_kernel(21, 1.3)
    (kernel,) = gaussian_kernels(torch.tensor([1.3]))
    torch.testing.assert_close(kernel.float(), line[:, None] * line)


@pytest.mark.parametrize(
    ("pca", "high"),
    [(kernel_pca(0.2, 2.0, 10, samples=2000), 2.0), *((grid_pca(s, 10), s) for s in (2, 3, 4))],
)
def test_a_kernel_survives_its_code(pca, high):
    kernels = gaussian_kernels(torch.linspace(0.2, high, 37).double()).float()
    codes = pca.encode(kernels)
    assert codes.shape == (37, 10)
    assert codes[:, 0].std() > 0.1
    torch.testing.assert_close(pca.decode(codes), kernels, rtol=0, atol=2e-5)
    torch.testing.assert_close(pca.encode(pca.decode(codes)), codes, rtol=0, atol=1e-5)


def test_fewer_components_lose_more_and_the_first_ones_are_the_same():
    kernels = gaussian_kernels(torch.linspace(0.2, 4.0, 50).double()).float()
    three, two = grid_pca(4, 3), grid_pca(4, 2)
    torch.testing.assert_close(three.components[:, :2], two.components)
    errors = [(p.decode(p.encode(kernels)) - kernels).square().sum() for p in (three, two)]
    assert 0 < errors[0] < errors[1] / 2


def test_components_are_orthonormal_and_explain_the_most():
    generator = torch.Generator().manual_seed(3)
    kernels = torch.rand(40, 5, 5, generator=generator).double()
    pca = KernelPCA.of(kernels, 4)
    torch.testing.assert_close(pca.components.T @ pca.components, torch.eye(4))
    codes = pca.encode(kernels.float())
    torch.testing.assert_close(codes.mean(dim=0), torch.zeros(4), rtol=0, atol=1e-6)
    covariance = torch.cov(kernels.flatten(1).T)
    largest = torch.linalg.eigvalsh(covariance).flip(0)[:4]
    torch.testing.assert_close(codes.var(dim=0).double(), largest, rtol=1e-4, atol=0)
    places = pca.components.abs().argmax(dim=0, keepdim=True)
    assert (pca.components.gather(0, places) > 0).all()  # the same from every library


def test_sampled_components_are_the_same_again():
    one, again = (kernel_pca(0.2, 2.0, 10, samples=300) for _ in range(2))
    assert torch.equal(one.components, again.components)


def test_a_network_takes_the_first_of_stored_components():
    stored, network = kernel_pca(0.5, 1.5, 12, samples=300), small("dan1")
    set_kernel_code(network, stored)
    assert torch.equal(network.pca.components, stored.components[:, :10])
    assert torch.equal(network.pca.mean, stored.mean)
    torch.testing.assert_close(network.pca.delta, stored.delta[:, :10])
    with pytest.raises(InputError, match="found 4 components stored, the network has 10"):
        set_kernel_code(network, kernel_pca(0.5, 1.5, 4, samples=300))
    set_kernel_code(small("dasr"), stored)  # knows no kernels


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_delta_kernel_has_the_code_of_the_sharpest_gaussian(scale):
    pca = grid_pca(scale, 10)
    sharpest = pca.encode(gaussian_kernels(torch.tensor([SIGMAS[scale][0]])).float())
    torch.testing.assert_close(pca.delta, sharpest, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kernel_pca(2.0, 0.2, 10), "found 2.0 to 0.2"),
        (lambda: kernel_pca(0.0, 2.0, 10), "0 < low < high"),
        (lambda: kernel_pca(0.2, 2.0, 10, samples=5), "10 components, expected 1 to 5"),
        (lambda: grid_pca(2, 201), "201 components, expected 1 to 200"),
    ],
)
def test_what_has_no_components_is_told(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("architecture", ITERATIVE)
def test_a_training_can_bring_its_own_components(architecture, tmp_path):
    trained = small(architecture)
    trained.pca.load_state_dict(kernel_pca(0.5, 1.5, 10, samples=200).state_dict())
    save_weights(tmp_path / "w.safetensors", trained.state_dict(), {})
    loaded = load_weights(tmp_path / "w.safetensors")
    fresh = load_state(small(architecture), loaded, "w.safetensors")
    assert torch.equal(fresh.pca.components, trained.pca.components)
    assert not torch.equal(fresh.pca.components, grid_pca(2, 10).components)
    lr = torch.rand(1, 3, 5, 5)
    assert torch.equal(fresh.eval()(lr), trained.eval()(lr))


@pytest.mark.parametrize("architecture", ITERATIVE)
def test_components_do_not_depend_on_the_seed_of_the_weights(architecture):
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        states.append(small(architecture).state_dict())
    assert torch.equal(states[0]["pca.components"], states[1]["pca.components"])
    assert not torch.equal(states[0]["restorer.fusion.weight"], states[1]["restorer.fusion.weight"])


# momentum contrast


def contrast() -> MomentumContrast:
    return MomentumContrast(Encoder(2), queue=8, seed=0)


def patches(count: int = 4) -> torch.Tensor:
    return torch.rand(count, 3, 6, 6)


def test_the_queue_is_a_ring_of_directions():
    module = contrast()
    torch.testing.assert_close(module.queue.norm(dim=1), torch.ones(8))
    before = module.queue.clone()
    module(patches(), patches())
    first = module.queue.clone()
    assert torch.equal(first[4:], before[4:])
    assert not (first[:4] == before[:4]).all(dim=1).any()
    module(patches(), patches())
    second = module.queue.clone()
    assert torch.equal(second[:4], first[:4])
    assert not (second[4:] == first[4:]).all(dim=1).any()
    assert module.position == 0
    module(patches(2), patches(2))
    assert torch.equal(module.queue[2:], second[2:])
    assert module.position == 2
    torch.testing.assert_close(module.queue.norm(dim=1), torch.ones(8))


def test_a_queue_goes_on_over_its_end():
    module = contrast()
    module(patches(2), patches(2))
    before = module.queue.clone()
    module(patches(8), patches(8))
    assert module.position == 2
    assert not (module.queue == before).all(dim=1).any()


def test_keys_are_what_the_followers_embedding_says():
    module, key = contrast(), patches()
    module(patches(), key)
    with torch.no_grad():
        expected = F.normalize(module.key.embed(module.key(key)), dim=1)
    torch.testing.assert_close(module.queue[:4], expected)


@pytest.mark.parametrize("batch", [3, 16])
def test_a_batch_must_divide_the_queue(batch):
    module = contrast()
    before = module.queue.clone()
    with pytest.raises(InputError, match=rf"batch of {batch} does not divide the queue of 8"):
        module(patches(batch), patches(batch))
    assert torch.equal(module.queue, before)


def test_the_keys_encoder_follows_slowly_and_learns_nothing():
    module = contrast()
    with torch.no_grad():
        for parameter in module.query.parameters():
            parameter.add_(1.0)
    start = [parameter.clone() for parameter in module.key.parameters()]
    _, loss = module(patches(), patches())
    loss.backward()
    ends = zip(start, module.key.parameters(), module.query.parameters(), strict=True)
    for first, own, other in ends:
        torch.testing.assert_close(own, MOMENTUM * first + (1 - MOMENTUM) * other)
        assert own.grad is None
        assert other.grad is not None


def test_the_loss_is_the_cross_entropy_of_the_own_key():
    module, query, key = contrast(), patches(), patches()
    with torch.no_grad():
        queries, keys = (
            F.normalize(encoder.embed(encoder(images)), dim=1)
            for encoder, images in ((module.query, query), (module.key, key))
        )
        own = (queries * keys).sum(dim=1) / TEMPERATURE
        others = queries @ module.queue.T / TEMPERATURE
    expected = -(own - torch.logsumexp(torch.cat([own[:, None], others], dim=1), dim=1)).mean()
    representation, loss = module(query, key)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(representation, module.query(query))


def test_the_contrast_teaches_the_networks_own_encoder_and_nothing_else_stays():
    network = small("dasr").train()
    names = set(network.state_dict())
    module = MomentumContrast(network.encoder, 8, seed=0)
    module(patches(), patches())[1].backward()
    assert all(parameter.grad is not None for parameter in network.encoder.parameters())
    assert set(network.state_dict()) == names
    assert not any("queue" in name or "key" in name for name in names)


def test_the_queue_at_first_depends_on_the_seed_alone():
    network, queues = small("dasr"), []
    for seed in (1, 1, 2):
        torch.rand(3)  # what else was drawn does not count
        queues.append(objective_class(network)(network, seed).contrast.queue)
    assert torch.equal(queues[0], queues[1])
    assert not torch.equal(queues[0], queues[2])


def test_the_authors_queue():
    assert (full("dasr").queue, MOMENTUM, TEMPERATURE) == (8192, 0.999, 0.07)


# the rest of the project


@pytest.mark.parametrize("architecture", SMALL)
def test_filters_are_kernels_and_rows_of_linear_layers(architecture):
    network = small(architecture)
    index = FilterIndex.of(network)
    state = network.state_dict()
    linear = {name for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    for layer in index.layers:
        dimensions = 1 if layer.name in linear else 2
        assert state[layer.parameter].shape[:dimensions].numel() == layer.size
    rows = sum(len(state[f"{name}.weight"]) for name in linear)
    kernels = sum(v.shape[0] * v.shape[1] for v in state.values() if v.ndim == 4)
    assert len(index) == rows + kernels


def test_made_kernels_are_no_filters():
    network = small("dasr")
    layers = {layer.name for layer in FilterIndex.of(network).layers}
    assert "restorer.body.0.body.0.dynamic1.mix" in layers
    modules = dict(network.named_modules())
    makers = [modules[name] for name in layers if "kernels" in name]
    assert all(isinstance(maker, nn.Linear) for maker in makers)


@pytest.mark.parametrize("architecture", SMALL)
def test_faig_is_complete(architecture):
    """On the whole network, all loops and both branches, buffers those of the target."""
    baseline, target = state_of(architecture, 1), state_of(architecture, 2)
    pair = Pair.of(small(architecture), baseline, target, CPU)
    (result,) = attribute("faig", pair, [example()], {"nodes": 24}, 0)
    assert result.completeness.max() < 0.02
    scores = result.scores.numpy()
    for name in ("restorer", *ESTIMATORS[architecture]):
        own = [layer.name.startswith(name) for layer in pair.index.layers]
        assert scores[:, np.array(own)[pair.index.layer_numbers]].sum() > 0
    for name, value in pair.network.named_buffers():
        if name in target:
            assert torch.equal(value, target[name])


def test_statistics_along_the_path_are_the_targets():
    """The same whatever the network and the baseline held."""
    baseline, target = state_of("dasr", 1), state_of("dasr", 2)
    mixed = {name: target[name] if "running" in name else v for name, v in baseline.items()}
    results = []
    for start, seed in ((baseline, 5), (mixed, 6)):
        network = small("dasr")
        load_state(network, state_of("dasr", seed), "")
        (result,) = attribute("faig", Pair.of(network, start, target, CPU), [example()], {}, 0)
        results.append(result.scores)
    assert torch.equal(*results)


@pytest.mark.parametrize("method", ["intinf", "weight_change"])
@pytest.mark.parametrize("architecture", ["dan1", "dasr"])
def test_other_methods_take_networks_with_buffers(architecture, method):
    states = state_of(architecture, 1), state_of(architecture, 2)
    pair = Pair.of(small(architecture), *states, CPU)
    (result,) = attribute(method, pair, [example()], {}, 0)
    assert result.scores.shape == (2, len(pair.index))
    assert torch.isfinite(result.scores).all()
    assert result.scores.sum() > 0


@pytest.mark.parametrize("architecture", ["dan1", "dasr"])
def test_masking_leaves_all_but_filters_the_targets(architecture):
    baseline, target = state_of(architecture, 1), state_of(architecture, 2)
    pair = Pair.of(small(architecture), baseline, target, CPU)
    masked = mask(pair, Choice("faig", "blur", 1.0, np.ones(len(pair.index), bool)))
    filters = {layer.parameter for layer in pair.index.layers}
    for name, value in masked.items():
        assert torch.equal(value, (baseline if name in filters else target)[name])
    pixels = torch.randint(256, (1, 3, 7, 6), dtype=torch.uint8)
    output = restore(pair.network, pixels, CPU, masked)
    expected = restore(load_state(small(architecture), masked, "").eval(), pixels, CPU)
    assert torch.equal(output, expected)
    assert not torch.equal(output, restore(pair.network, pixels, CPU, target))


@pytest.mark.parametrize("architecture", ["dan1", "dasr"])
def test_checkpoints_hold_buffers_as_they_are(architecture, tmp_path):
    state = state_of(architecture, 1)
    save_weights(tmp_path / "w.safetensors", state, {})
    loaded = load_weights(tmp_path / "w.safetensors")
    assert loaded.keys() == state.keys()
    for name, value in loaded.items():
        assert value.dtype == state[name].dtype
        assert torch.equal(value, state[name])


def batch() -> Batch:
    return Batch(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 16, 16), 2 * torch.rand(4))


# what the first phase of the training leaves as it is
UNTAUGHT = {
    "ikc": ("pca", "predictor", "corrector"),
    "dan1": ("pca",),
    "dan2": ("pca",),
    "dasr": ("restorer",),
}


@pytest.mark.parametrize("architecture", SMALL)
def test_the_average_follows_statistics_and_keeps_components(architecture):
    network = small(architecture)
    run = Run(network, Schedule(60, 1e-3), CPU)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    expected = dict(start)
    for number in range(3):
        run.step(batch())
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                expected[name] = expected[name].lerp(value, 9 / (10 + number))
            else:
                expected[name] = torch.tensor(number + 1)
    assert run.ema.keys() == start.keys()
    for name, value in run.ema.items():
        torch.testing.assert_close(value, expected[name])
        untaught = any(part in name for part in UNTAUGHT[architecture])
        assert torch.equal(value, start[name]) == untaught, name


@pytest.mark.parametrize(("architecture", "part"), [("dan1", "estimator"), ("dasr", "encoder")])
def test_chosen_filters_learn_in_both_branches_and_nothing_else_changes(architecture, part):
    network = small(architecture)
    index = FilterIndex.of(network)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    own = [layer.name.startswith(part) for layer in index.layers]
    run = Run(network, Schedule(5, 1e-3), CPU, index.masks(np.array(own)[index.layer_numbers]))
    for _ in range(2):
        run.step(batch())
    changed = {n for n, value in network.state_dict().items() if not torch.equal(value, start[n])}
    chosen = {layer.parameter for layer, inside in zip(index.layers, own, strict=True) if inside}
    assert changed
    assert changed <= chosen


@pytest.mark.parametrize("architecture", ["dan1", "dasr"])
def test_the_plain_protocol_takes_the_gradient_of_the_output(architecture):
    states, lr = (state_of(architecture, 1), state_of(architecture, 2)), torch.rand(1, 3, 6, 6)
    reference = torch.rand(1, 3, 12, 12)
    found = Search(partial(small, architecture), *states, {"blur": lr}, reference).gradient(
        0, "blur"
    )
    network = load_state(small(architecture), states[1], "").eval()
    error = (network(lr) - reference).square().sum()
    parameters = dict(network.named_parameters())
    expected = torch.autograd.grad(error, list(parameters.values()), materialize_grads=True)
    for name, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(found[name], gradient)


@pytest.mark.parametrize("architecture", SMALL)
def test_images_are_not_cut_into_tiles(architecture):
    with pytest.raises(InputError, match="cannot be cut into tiles"):
        receptive_radius(small(architecture))


@pytest.mark.parametrize(
    ("architecture", "parameters", "message"),
    [
        ("dan1", {"blokcs": 3}, "dan1.*'blokcs'"),
        ("dan1", {"loops": 0}, "loops: found 0, expected a whole number of 1 or more"),
        ("dan2", {"groups": -1}, "groups: found -1"),
        ("dan2", {"code": 0}, "code: found 0"),
        ("ikc", {"inner": 0}, "inner: found 0"),
        ("ikc", {"loops": 2.5}, "loops: found 2.5"),
        ("dasr", {"encoder_features": 0}, "encoder_features: found 0"),
        ("dasr", {"loops": 2}, "dasr.*'loops'"),
        ("blocks", {}, "unknown network 'blocks'"),
    ],
)
def test_what_cannot_be_built_is_named(architecture, parameters, message):
    with pytest.raises(InputError, match=message):
        build(architecture, 2, parameters)
