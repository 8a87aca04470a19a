"""Masked networks whose biases are refitted keep each changed channel's mean response."""

import pytest
import torch
from faig.attribution.pair import Pair
from faig.evaluation.refitting import Refit
from torch import nn
from toys import CPU, random_state, same

IMAGES = torch.rand(4, 3, 10, 10, generator=torch.Generator().manual_seed(0))


class Deep(nn.Module):
    """One layer of each kind that has channels."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3)
        self.grouped = nn.Conv2d(6, 4, 3, groups=2)
        self.up = nn.ConvTranspose2d(4, 6, 4, stride=2, groups=2)
        self.mix = nn.Linear(6, 5)
        self.plain = nn.Conv2d(5, 3, 3, bias=False)

    def forward(self, x):
        x = self.up(torch.tanh(self.grouped(torch.relu(self.first(x)))))
        return self.plain(self.mix(x.movedim(1, -1)).movedim(-1, 1))


def pair_of(network: nn.Module) -> Pair:
    return Pair.of(network, random_state(network, 1), random_state(network, 2), CPU)


def masked(pair: Pair, **channels: list[int]) -> dict:
    """The target with the baseline's weights in some output channels of some layers."""
    state = {name: value.clone() for name, value in pair.target.items()}
    for layer, chosen in channels.items():
        state[f"{layer}.weight"][chosen] = pair.baseline[f"{layer}.weight"][chosen]
    return state


def responses(pair: Pair, state: dict) -> dict[str, torch.Tensor]:
    """Mean output of every channel, by layer."""
    found = {}
    for name, module in pair.network.named_children():
        dim = -1 if isinstance(module, nn.Linear) else 1

        def note(module, args, output, name=name, dim=dim):
            found[name] = output.movedim(dim, 0).flatten(1).mean(dim=1)

        module.register_forward_hook(note)
    with torch.no_grad():
        torch.func.functional_call(pair.network, state, (IMAGES,))
    for module in pair.network.children():
        module._forward_hooks.clear()
    return found


def test_the_bias_of_one_convolution_moves_by_the_difference_of_its_means():
    pair = pair_of(nn.Sequential(nn.Conv2d(3, 4, 3)))
    state = masked(pair, **{"0": [1, 3]})
    result = Refit(pair, IMAGES)(state)
    assert torch.equal(result["0.weight"], state["0.weight"])
    mean = IMAGES.unfold(2, 3, 1).unfold(3, 3, 1).mean(dim=(0, 2, 3))  # what a kernel sees
    change = pair.target["0.weight"] - pair.baseline["0.weight"]
    expected = (change * mean).sum(dim=(1, 2, 3))
    moved = result["0.bias"] - pair.target["0.bias"]
    torch.testing.assert_close(moved[[1, 3]], expected[[1, 3]])
    assert (moved[[0, 2]] == 0).all()


@pytest.mark.parametrize(
    "channels",
    [
        {"first": [0, 2], "grouped": [1, 3], "mix": [4]},
        {"first": [0, 1, 2, 3, 4, 5], "mix": [0, 1]},
    ],
)
def test_all_changed_channels_of_a_deep_network_keep_their_means(channels):
    pair = pair_of(Deep())
    state = masked(pair, **channels)
    result = Refit(pair, IMAGES)(state)
    kept, lost, wanted = (responses(pair, s) for s in (result, state, pair.target))
    for layer, chosen in channels.items():
        torch.testing.assert_close(kept[layer][chosen], wanted[layer][chosen])
        assert not torch.isclose(lost[layer][chosen], wanted[layer][chosen]).any()
    changed = {f"{layer}.bias" for layer in channels}
    rest = {name: value for name, value in result.items() if name not in changed}
    assert same(rest, {name: state[name] for name in rest})
    # other channels of the changed layers keep the bias that they had
    others = [c for c in range(6) if c not in channels["first"]]
    assert torch.equal(result["first.bias"][others], state["first.bias"][others])


def test_channels_of_a_grouped_transposed_convolution_are_those_of_its_groups():
    pair = pair_of(Deep())
    state = {name: value.clone() for name, value in pair.target.items()}
    state["up.weight"][3, 1] = pair.baseline["up.weight"][3, 1]  # of the second group
    result = Refit(pair, IMAGES)(state)
    moved = result["up.bias"] != pair.target["up.bias"]
    assert moved.tolist() == [False] * 4 + [True, False]
    torch.testing.assert_close(responses(pair, result)["up"], responses(pair, pair.target)["up"])


def test_a_network_that_is_not_masked_and_layers_without_bias_stay_as_they_are():
    pair = pair_of(Deep())
    refit = Refit(pair, IMAGES)
    assert same(refit(pair.target), dict(pair.target))
    state = masked(pair, plain=[0])
    assert same(refit(state), state)
    assert not any(module._forward_hooks for module in pair.network.modules())


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(torch.tanh(self.conv(x)))


def test_a_layer_that_runs_twice_is_refitted_by_what_it_sees_first():
    pair = pair_of(Twice())
    moved = Refit(pair, IMAGES)(masked(pair, conv=[0]))["conv.bias"] - pair.target["conv.bias"]
    change = (pair.target["conv.weight"] - pair.baseline["conv.weight"])[0, :, 0, 0]
    expected = (change * IMAGES.mean(dim=(0, 2, 3))).sum()
    torch.testing.assert_close(moved, torch.stack([expected, *torch.zeros(2)]))
