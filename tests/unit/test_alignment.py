"""Planted permutations of hidden channels are undone exactly, and nothing else is moved."""

import argparse

import import_checkpoint
import pytest
import torch
from faig.networks.alignment import hidden_channels, match, permute
from faig.networks.building import build
from faig.networks.weights import load_weights, save_weights
from torch import nn
from toys import FEATURES, SmoothNetwork, permuted, random_state

NETWORKS = {
    "srcnn": {"widths": [8, 12, 8]},
    "srresnet": {"features": 8, "blocks": 2},
    "upconv7": {},
    "rcan": {"features": 8, "groups": 2, "blocks": 2, "reduction": 2},
}


class Untraceable(SmoothNetwork):
    """Asks its input for a number."""

    def forward(self, x):
        return super().forward(x) if x.mean() > 0 else x


class Recurrent(nn.Module):
    """One convolution is called twice, and one channel is added to many."""

    def __init__(self):
        super().__init__()
        self.first, self.middle = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 1)
        self.gate, self.last = nn.Conv2d(6, 1, 1), nn.Conv2d(6, 3, 1)

    def forward(self, x):
        x = torch.relu(self.middle(torch.relu(self.middle(self.first(x)))))
        return self.last(x + self.gate(x))


def shuffled(network: nn.Module, state: dict, seed: int = 0) -> dict:
    generator = torch.Generator().manual_seed(seed)
    for hidden in hidden_channels(network):
        state = permute(state, hidden, torch.randperm(hidden.size, generator=generator))
    return state


def output(network: nn.Module, state: dict, image: torch.Tensor) -> torch.Tensor:
    return torch.func.functional_call(network.eval(), state, (image,))


@pytest.mark.parametrize("name", NETWORKS)
def test_hidden_channels_may_stand_in_any_order(name):
    network = build(name, 2, NETWORKS[name])
    state = dict(network.state_dict())
    groups = hidden_channels(network)
    assert groups
    axes = [axis for hidden in groups for axis in hidden.axes]
    assert len(axes) == len(set(axes))
    image = torch.rand(1, 3, 24, 24)
    other = shuffled(network, state)
    assert not all(other[key].equal(state[key]) for key in state)
    torch.testing.assert_close(output(network, other, image), output(network, state, image))


def test_the_order_of_colours_is_not_free():
    """The image's own channels, and those that a pixel shuffle puts in their places."""
    (hidden,) = hidden_channels(SmoothNetwork(features=FEATURES))
    assert hidden.size == FEATURES
    assert set(hidden.axes) == {("first.weight", 0), ("first.bias", 0), ("last.weight", 1)}


def test_of_a_transformer_no_channels_are_moved():
    network = build("swinir", 2, {"features": 4, "depths": [1], "heads": 2})
    assert hidden_channels(network) == []


def test_a_layer_that_is_called_twice_keeps_its_function():
    network, image = Recurrent(), torch.rand(1, 3, 8, 8)
    state = dict(network.state_dict())
    other = shuffled(network, state)
    torch.testing.assert_close(output(network, other, image), output(network, state, image))


@pytest.mark.parametrize(
    "norm", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm, nn.utils.spectral_norm]
)
@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_channels_of_weights_that_are_made_of_others_stay(norm):
    network = nn.Sequential(nn.Conv2d(3, 6, 1), nn.Conv2d(6, 5, 1), nn.Conv2d(5, 4, 1))
    network.append(nn.Conv2d(4, 3, 1))
    norm(network[0])
    assert [hidden.size for hidden in hidden_channels(network)] == [5, 4]


def test_channels_that_are_added_stay_together():
    """The trunk of a residual network is one group, and each block's inside another."""
    groups = hidden_channels(build("srresnet", 2, {"features": 8, "blocks": 3}))
    trunk = next(hidden for hidden in groups if ("conv_first.weight", 0) in hidden.axes)
    assert {("body.2.conv2.weight", 0), ("upconv1.weight", 1)} <= set(trunk.axes)
    assert len(groups) == 1 + 3 + 1  # and conv_hr's


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_permutation_is_undone_exactly(ends, seed):
    """That of a target that was fine-tuned from the baseline, and had its channels permuted."""
    baseline, target = ends
    order = torch.randperm(FEATURES, generator=torch.Generator().manual_seed(seed))
    twin = permuted(target, order.tolist())
    found, moved = match(SmoothNetwork(features=FEATURES), baseline, twin)
    expected = permuted(baseline, order.tolist())
    assert all(found[name].equal(expected[name]) for name in baseline)
    assert moved == int((order != torch.arange(FEATURES)).sum())


@pytest.mark.parametrize("name", ["srcnn", "srresnet"])
def test_every_group_of_a_deep_network_is_undone(name):
    network = build(name, 2, NETWORKS[name])
    state = random_state(network, 0)
    near = {key: value + 0.02 * torch.randn_like(value) for key, value in state.items()}
    found, moved = match(network, shuffled(network, state, seed=3), near)
    assert all(found[key].equal(state[key]) for key in state)
    assert moved > 0


@pytest.mark.parametrize(("size", "expected"), [(0.1, 0), (10, 2)])
def test_an_order_is_that_of_all_weights_together(size, expected):
    """The first layer alone would exchange the channels, the others alone would not."""
    network = SmoothNetwork(features=2)
    state = random_state(network, 0)
    state["first.weight"] *= size
    towards = {**state, "first.weight": state["first.weight"].flip(0)}
    assert match(network, state, towards)[1] == expected


def test_what_stands_right_is_not_moved(ends):
    baseline, target = ends
    found, moved = match(SmoothNetwork(features=FEATURES), baseline, target)
    assert moved == 0
    assert all(found[name].equal(baseline[name]) for name in baseline)


def test_an_imported_baseline_takes_the_order_of_the_target(tmp_path):
    network = {"architecture": "srcnn", "scale": 2, "parameters": {"widths": [8, 12, 8]}}
    module = build(**network)
    state = random_state(module, 0)
    twin = shuffled(module, state, seed=3)
    for name, weights in (("baseline", state), ("target", twin)):
        save_weights(tmp_path / f"{name}.safetensors", weights, {})
    found = tmp_path / "found.safetensors"
    given = {"config": {"network": network}, "checkpoint": tmp_path / "baseline.safetensors"}
    import_checkpoint.main(
        argparse.Namespace(**given, towards=tmp_path / "target.safetensors", output=found)
    )
    assert all(value.equal(twin[name]) for name, value in load_weights(found).items())
    import_checkpoint.main(argparse.Namespace(**given, towards=None, output=found))
    assert all(value.equal(state[name]) for name, value in load_weights(found).items())


def test_of_a_network_that_cannot_be_traced_nothing_is_moved():
    network = Untraceable(features=FEATURES)
    assert hidden_channels(network) == []
    assert match(network, random_state(network, 0), random_state(network, 1))[1] == 0
