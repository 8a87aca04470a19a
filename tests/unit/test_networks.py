import pytest
import torch
from faig.base.errors import InputError
from faig.networks.building import build, load_state, names
from faig.networks.restoring import restore
from toys import CPU, SmoothNetwork, random_state

SMALL = {
    "srresnet": {"features": 4, "blocks": 2},
    "srcnn": {"widths": [4, 6]},
    "rcan": {"features": 4, "groups": 1, "blocks": 1, "reduction": 2},
    "swinir": {"features": 4, "depths": [2], "heads": 2, "window": 8},
}


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("architecture", SMALL)
@pytest.mark.parametrize("size", [(7, 5), (16, 9)])
def test_output_is_larger_by_the_scale(architecture, scale, size):
    network = build(architecture, scale, SMALL[architecture])
    output = network(torch.rand(2, 3, *size))
    assert output.shape == (2, 3, size[0] * scale, size[1] * scale)


# spandrel's are in files, see test_spandrel.py
@pytest.mark.parametrize("architecture", sorted({*names()} - {"spandrel"}))
def test_every_network_is_built_by_its_name(architecture):
    assert build(architecture, 2)(torch.rand(1, 3, 8, 8)).shape == (1, 3, 16, 16)


def test_srresnet_is_named_as_in_basicsr():
    layers = ["conv_first", "upconv1", "conv_hr", "conv_last"]
    layers += [f"body.{n}.conv{k}" for n in range(2) for k in (1, 2)]
    expected = {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    assert set(build("srresnet", 2, SMALL["srresnet"]).state_dict()) == expected


def test_srresnet_has_the_papers_size():
    network = build("srresnet", 2)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(1.37e6, rel=0.005)


def test_srcnn_is_named_and_shaped_as_in_the_paper():
    weights = {
        name: tuple(value.shape[:2])
        for name, value in build("srcnn", 2).state_dict().items()
        if name.endswith("weight")
    }
    shapes = [(64, 3), (128, 64), *[(128, 128)] * 4, (512, 128), (128, 128), (3, 128)]
    numbers = [0, 2, 4, 6, 8, 10, 12, 15, 17]
    assert weights == {f"features.{n}.weight": s for n, s in zip(numbers, shapes, strict=True)}


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        ("srresnet", SMALL["srresnet"]),
        *((name, {**SMALL[name], "skip": True}) for name in ("srcnn", "rcan", "swinir")),
    ],
)
def test_networks_with_a_skip_start_near_the_enlarged_input(architecture, parameters, scale):
    x = torch.rand(1, 3, 8, 8)
    enlarged = torch.nn.functional.interpolate(x, scale_factor=scale, mode="bilinear")
    output = build(architecture, scale, parameters)(x)
    assert (output - enlarged).abs().mean() < 0.01


def test_a_users_own_class_is_found():
    assert isinstance(build("toys:SmoothNetwork", 2, {"features": 3}), SmoothNetwork)


@pytest.mark.parametrize(
    ("architecture", "parameters", "message"),
    [
        ("srresnt", {}, "'srresnt'.*srresnet"),
        ("srresnet", {"blokcs": 3}, "srresnet.*'blokcs'"),
        ("toys:Absent", {}, "toys:Absent"),
        ("no_such_module:Net", {}, "no_such_module"),
    ],
)
def test_what_cannot_be_built_is_named(architecture, parameters, message):
    with pytest.raises(InputError, match=message):
        build(architecture, 2, parameters)


class Tied(SmoothNetwork):
    """Has its last layer under a second name."""

    def __init__(self, scale: int):
        super().__init__(scale)
        self.again = self.last


def test_a_tensor_under_two_names_is_refused():
    with pytest.raises(InputError, match=r"'last\.weight' and 'again\.weight' are the same"):
        build(f"{__name__}:Tied", 2)


def test_loaded_weights_are_the_networks():
    network = SmoothNetwork()
    state = random_state(network, 5)
    load_state(network, state, "w.safetensors")
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_weights_of_another_shape_are_named():
    state = build("srresnet", 2, {"features": 4, "blocks": 2}).state_dict()
    with pytest.raises(InputError) as error:
        load_state(build("srresnet", 2, {"features": 8, "blocks": 2}), state, "w.safetensors")
    for part in ("w.safetensors", "conv_first.weight", "(8, 3, 3, 3)", "(4, 3, 3, 3)"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("own_blocks", "given_blocks", "lacking", "name"),
    [(2, 1, "file", "body.1.conv1.weight"), (1, 2, "network", "body.1.")],
)
def test_weights_that_only_one_side_has_are_named(own_blocks, given_blocks, lacking, name):
    own, given = (
        build("srresnet", 2, {"features": 4, "blocks": n}) for n in (own_blocks, given_blocks)
    )
    with pytest.raises(InputError, match=rf"4 entries differ: the {lacking} has no .*{name}"):
        load_state(own, given.state_dict(), "w.safetensors")


def test_restored_images_are_in_8_bit_steps():
    network, pixels = SmoothNetwork(), torch.randint(256, (2, 3, 6, 5), dtype=torch.uint8)
    state = random_state(network, 1, size=1.0)
    load_state(network, state, "")
    expected = (network(pixels / 255).clamp(0, 1) * 255).round()
    assert expected.min() == 0
    assert expected.max() == 255
    result = restore(network, pixels, CPU)
    assert result.dtype == torch.float32
    assert torch.equal(result, (result * 255).round() / 255)
    assert (result * 255 - expected).abs().max() < 1.01  # a rounding may fall to the other side
    assert (result * 255 - expected).abs().mean() < 0.01


def test_restoring_with_other_weights_leaves_the_networks_own():
    network, pixels = SmoothNetwork(), torch.randint(256, (1, 3, 6, 5), dtype=torch.uint8)
    own = {name: value.clone() for name, value in network.state_dict().items()}
    other = random_state(network, 7)
    with_other = restore(network, pixels, CPU, other)
    assert all(torch.equal(value, own[name]) for name, value in network.state_dict().items())
    assert torch.equal(with_other, restore(load_state(network, other, ""), pixels, CPU))
