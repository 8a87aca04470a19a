import numpy as np
import pytest
import torch
from faig.attribution.filters import FilterIndex
from faig.base.errors import InputError
from faig.networks.building import build
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from toys import UNITS


def mixed_network() -> nn.Module:
    """Convolutions of every kind, and parameters and buffers that are no filters."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 1),
        nn.BatchNorm2d(4),
        nn.Sequential(
            nn.Conv2d(4, 6, 3, groups=2, padding=1),
            nn.Conv2d(6, 6, 5, groups=6, padding=2),
            nn.Conv2d(6, 4, 3, stride=2, dilation=2, padding=2),
        ),
        nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1),
        nn.ConvTranspose2d(6, 4, 3, groups=2),
        nn.Conv2d(4, 3, (1, 3), bias=False),
    )


def kernel(network: nn.Module, layer: str, out_channel: int, in_channel: int) -> torch.Tensor:
    """The kernel between two channels, looked up by the layout that torch documents."""
    conv = network.get_submodule(layer)
    outs, ins = conv.out_channels // conv.groups, conv.in_channels // conv.groups
    if isinstance(conv, nn.ConvTranspose2d):
        return conv.weight[in_channel, out_channel % outs]
    return conv.weight[out_channel, in_channel % ins]


@st.composite
def convolutions(draw):
    sizes = st.integers(1, 3)
    groups = draw(sizes)
    ins, outs = groups * draw(sizes), groups * draw(sizes)
    options = {
        "kernel_size": (draw(sizes), draw(sizes)),
        "stride": draw(sizes),
        "dilation": draw(sizes),
        "groups": groups,
        "bias": False,
    }
    return draw(st.sampled_from([nn.Conv2d, nn.ConvTranspose2d]))(ins, outs, **options)


@given(conv=convolutions())
def test_filter_connects_the_channels_it_is_addressed_by(conv):
    index = FilterIndex.of(conv)
    columns = index.columns()
    assert len(index) == conv.out_channels * conv.in_channels // conv.groups
    one_channel_each = torch.eye(conv.in_channels)[:, :, None, None].expand(-1, -1, 12, 12)
    for number in columns["filter"]:
        mask = index.masks(np.arange(len(index)) == number)["weight"]
        conv.weight.data = mask.float().expand_as(conv.weight).contiguous()
        connected = conv(one_channel_each).abs().amax(dim=(2, 3)) > 0
        address = [columns["in_channel"][number], columns["out_channel"][number]]
        assert connected.nonzero().tolist() == [address]


def test_reduce_is_the_sum_over_the_addressed_kernels():
    network = mixed_network()
    index = FilterIndex.of(network)
    columns = index.columns()
    addresses = zip(*(columns[c] for c in ("layer", "out_channel", "in_channel")), strict=True)
    expected = [kernel(network, *address).sum().item() for address in addresses]
    assert index.reduce(network.state_dict()).tolist() == pytest.approx(expected, abs=1e-5)


def test_layers_are_in_the_order_of_the_network():
    network = mixed_network()
    index = FilterIndex.of(network)
    names = [n for n, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert [layer.name for layer in index.layers] == names
    assert index.columns()["layer"].tolist() == [names[n] for n in index.layer_numbers]


def test_a_choice_of_everything_masks_all_of_the_kernels_and_nothing_else():
    index = FilterIndex.of(mixed_network())
    masks = index.masks(np.ones(len(index), bool))
    assert list(masks) == [layer.parameter for layer in index.layers]
    assert all(mask.all() for mask in masks.values())


@given(seed=st.integers(0, 999), share=st.floats(0.01, 0.99))
def test_a_choice_masks_exactly_its_kernels(seed, share):
    network = mixed_network()
    index = FilterIndex.of(network)
    selected = np.random.default_rng(seed).random(len(index)) < share
    weights = {name: network.get_parameter(name) for name in index.places}
    masked = {n: m.expand_as(weights[n]).float() for n, m in index.masks(selected).items()}
    elements = index.reduce({name: torch.ones_like(value) for name, value in weights.items()})
    expected = torch.where(torch.from_numpy(selected), elements, torch.zeros(()))
    assert torch.equal(index.reduce(masked), expected)


@pytest.mark.parametrize(
    "selected", [np.zeros(5, bool), np.zeros((6, 1), bool), np.zeros(6, int), np.zeros(6)]
)
def test_a_choice_of_another_shape_or_type_is_refused(selected):
    index = FilterIndex.of(nn.Conv2d(2, 3, 3))
    with pytest.raises(ValueError, match=r"boolean of shape \(6,\)"):
        index.masks(selected)


@pytest.mark.parametrize(
    ("architecture", "parameters", "filters"),
    [("srresnet", {"features": 64, "blocks": 16}, 151_936), ("srcnn", {}, 156_224)],
)
def test_the_papers_number_of_filters(architecture, parameters, filters):
    assert len(FilterIndex.of(build(architecture, 2, parameters))) == filters


def test_a_network_without_convolutions_has_no_filters_and_says_so():
    with pytest.raises(InputError, match="Sequential has no 2-D convolution and no linear layer"):
        FilterIndex.of(nn.Sequential(nn.PReLU(), nn.LayerNorm(3)))


def test_a_row_of_a_linear_layer_is_a_filter_and_normalisations_go_as_biases_do():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(2, 3), nn.LayerNorm(3))
    for biases, own in (("target", [("0", 0, 0), ("0", 1, 0)]), ("units", [("0", 0, -1)])):
        columns = FilterIndex.of(network, "kernel", biases).columns()
        keys = ("layer", "out_channel", "in_channel")
        found = list(zip(*(columns[key] for key in keys), strict=True))
        assert set(own) <= set(found)
        assert [unit for unit in found if unit[0] == "1"][:3] == [("1", n, -1) for n in range(3)]
        assert ("2", 0, -1) in found or biases == "target"
        assert len(found) == (2 + 3 if biases == "target" else 4 + 6 + 3)


def everything() -> nn.Module:
    """Layers of many kinds, with parameters that belong to no channel, too."""
    network = nn.Sequential(
        mixed_network(), nn.Linear(3, 5), nn.LayerNorm(5), nn.PReLU(), nn.MultiheadAttention(4, 2)
    )
    network.register_parameter("gain", nn.Parameter(torch.tensor(1.0)))
    return network


@pytest.mark.parametrize("units", UNITS)
def test_with_biases_every_element_belongs_to_one_unit(units):
    network = everything()
    index = FilterIndex.of(network, units, "units")
    ones = {name: torch.ones_like(value) for name, value in network.named_parameters()}
    sizes = index.reduce(ones)
    assert sizes.min() >= 1
    assert sizes.sum() == sum(value.numel() for value in ones.values())
    assert set(index.places) == set(ones)


@pytest.mark.parametrize("units", UNITS)
def test_without_them_biases_and_norms_shifts_stay(units):
    network = everything()
    changed = set(FilterIndex.of(network, units, "target").places)
    assert not any(name.endswith("bias") for name in changed)
    convolutions = {layer.parameter for layer in FilterIndex.of(network).layers}
    assert changed == convolutions if units == "kernel" else changed > convolutions


@given(conv=convolutions())
def test_a_channel_makes_one_channel_of_the_output(conv):
    index = FilterIndex.of(conv, "channel")
    columns = index.columns()
    assert columns["out_channel"].tolist() == list(range(conv.out_channels))
    assert set(columns["in_channel"]) == {-1}
    image = torch.ones(1, conv.in_channels, 12, 12)
    for number in columns["filter"]:
        mask = index.masks(columns["filter"] == number)["weight"]
        conv.weight.data = mask.float().expand_as(conv.weight).contiguous()
        made = conv(image).abs().amax(dim=(0, 2, 3)) > 0
        assert made.nonzero().flatten().tolist() == [columns["out_channel"][number]]


def test_a_channels_bias_and_scale_go_with_it():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(2, 3))
    index = FilterIndex.of(network, "channel", "units")
    columns = index.columns()
    assert columns["layer"].tolist() == ["0"] * 4 + ["1"] * 4 + ["2"] * 3
    addresses = zip(columns["layer"], columns["out_channel"], strict=True)
    for number, (layer, channel) in enumerate(addresses):
        for name, mask in index.masks(np.arange(len(index)) == number).items():
            chosen = mask.flatten().nonzero().flatten().tolist()
            assert chosen == ([channel] if name.startswith(layer) else [])


def test_beside_kernels_a_bias_is_a_unit_of_its_own():
    columns = FilterIndex.of(nn.Conv2d(2, 2, 3), "kernel", "units").columns()
    addresses = list(zip(columns["out_channel"], columns["in_channel"], strict=True))
    assert addresses == [(0, 0), (0, 1), (1, 0), (1, 1), (0, -1), (1, -1)]


def test_a_layer_is_one_unit():
    index = FilterIndex.of(mixed_network(), "layer")
    columns = index.columns()
    assert columns["layer"].tolist() == [layer.name for layer in index.layers]
    assert set(columns["out_channel"]) == set(columns["in_channel"]) == {-1}


def test_a_network_without_convolutions_has_channels_and_layers():
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    assert len(FilterIndex.of(network, "channel")) == 8
    assert len(FilterIndex.of(network, "layer")) == 2
    with pytest.raises(InputError, match="no weights"):
        FilterIndex.of(nn.Sequential(nn.ReLU()), "channel")
