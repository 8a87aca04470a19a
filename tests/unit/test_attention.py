"""Networks with attention, beside independent computations; heads and rows as units."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from faig.attribution.filters import FilterIndex
from faig.attribution.methods import attribute
from faig.attribution.pair import Pair
from faig.base.errors import InputError
from faig.networks.building import build, load_state
from faig.networks.swinir import SwinBlock, WindowAttention
from torch import nn
from toys import CPU, UNITS, example, substituted

SWINIR = {"features": 6, "depths": [2], "heads": 3, "window": 4}
RCAN = {"features": 4, "groups": 1, "blocks": 1, "reduction": 2}


def drawn(module: nn.Module, seed: int, size: float = 0.3) -> dict[str, torch.Tensor]:
    """Weights of a module, each changed at random."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: value + size * torch.randn(value.shape, generator=generator)
        for name, value in module.state_dict().items()
    }


@pytest.mark.parametrize(
    ("architecture", "scale", "millions"),
    [("rcan", 2, 15.44), ("rcan", 4, 15.59), ("swinir", 2, 0.878), ("swinir", 4, 0.897)],
)
def test_networks_have_their_papers_sizes(architecture, scale, millions):
    """The paper of SwinIR leaves out the scores of offsets."""
    parameters = build(architecture, scale).named_parameters()
    count = sum(value.numel() for name, value in parameters if not name.endswith("table"))
    assert round(count / 1e6, 2 if architecture == "rcan" else 3) == millions


def both(*modules: str) -> set[str]:
    return {f"{module}.{kind}" for module in modules for kind in ("weight", "bias")}


def test_rcan_is_named_as_in_basicsr():
    block = "body.0.residual_group.0.rcab"
    parts = [f"{block}.{n}" for n in ("0", "2", "3.attention.1", "3.attention.3")]
    ends = ["conv_first", "body.0.conv", "conv_after_body", "upsample.0", "upsample.2", "conv_last"]
    assert set(build("rcan", 4, RCAN).state_dict()) == both(*parts, *ends)


def test_swinir_is_named_as_in_the_released_code():
    ends = ["conv_first", "patch_embed.norm", "norm", "conv_after_body", "upsample.0"]
    expected = both(*ends, "layers.0.conv")
    for n in range(2):
        block = f"layers.0.residual_group.blocks.{n}"
        parts = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
        expected |= both(*(f"{block}.{part}" for part in parts))
        expected.add(f"{block}.attn.relative_position_bias_table")
    assert set(build("swinir", 2, SWINIR).state_dict()) == expected


def test_what_a_published_checkpoint_stores_beside_the_weights_is_left_out():
    network = build("swinir", 2, SWINIR)
    state = drawn(network, 1)
    block = "layers.0.residual_group.blocks.1"
    index, mask = torch.zeros(16, 16, dtype=torch.long), torch.zeros(64, 16, 16)
    given = {f"{block}.attn.relative_position_index": index, f"{block}.attn_mask": mask, **state}
    load_state(network, given, "net.pth")
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    with pytest.raises(InputError, match="the network has no extra"):
        load_state(network, {"extra": mask, **state}, "net.pth")


@pytest.mark.parametrize(
    ("architecture", "parameters", "words"),
    [
        ("swinir", {"features": 10, "heads": 4}, "features: found 10, .* multiple of the 4 heads"),
        ("rcan", {"features": 8}, "reduction: found 16, expected at most the 8 features"),
    ],
)
def test_sizes_that_do_not_fit_are_named(architecture, parameters, words):
    with pytest.raises(InputError, match=words):
        build(architecture, 2, parameters)


def attended(block: SwinBlock, x: torch.Tensor) -> torch.Tensor:
    """What a block's attention gives, pixel by pixel: x is (H, W, C), normalised."""
    attn, window, shift = block.attn, block.window, block.shift
    height, width, features = x.shape
    dim, offset = attn.head_dim, window - 1
    places = [(i, j) for i in range(height) for j in range(width)]
    # windows of the image itself begin `shift` pixels later than those of the unshifted block
    start = (window - shift) % window
    of_window = {p: ((p[0] + start) // window, (p[1] + start) // window) for p in places}
    q, k, v = attn.qkv(x).split(features, dim=-1)
    result = torch.zeros_like(x)
    for p in places:
        seen = [o for o in places if of_window[o] == of_window[p]]
        for head in range(attn.num_heads):
            own = slice(head * dim, (head + 1) * dim)
            keys, values = (torch.stack([each[o][own] for o in seen]) for each in (k, v))
            numbers = [
                (p[0] - o[0] + offset) * (2 * window - 1) + p[1] - o[1] + offset for o in seen
            ]
            bias = attn.relative_position_bias_table[numbers, head]
            shares = (keys @ q[p][own] / dim**0.5 + bias).exp()
            result[p][own] = shares @ values / shares.sum()
    return attn.proj(result)


@pytest.mark.parametrize("shift", [0, 2])
@torch.no_grad()
def test_pixels_see_those_of_their_window_and_no_others(shift):
    block = SwinBlock(6, 3, 4, shift, 2).double()
    block.load_state_dict(drawn(block, 3))
    image = torch.rand(2, 8, 12, 6, dtype=torch.float64)
    network = build("swinir", 2, SWINIR)
    masks = []
    handle = network.layers[0].register_forward_pre_hook(lambda _, given: masks.append(given[1]))
    network(torch.rand(1, 3, 8, 12))
    handle.remove()
    found = block(image, masks[0].double())[1]
    y = image[1] + attended(block, block.norm1(image[1]))
    torch.testing.assert_close(found, y + block.mlp(block.norm2(y)))


@torch.no_grad()
def test_images_are_padded_to_whole_windows_by_reflection():
    network, image = build("swinir", 3, SWINIR), torch.rand(1, 3, 9, 6)
    network.load_state_dict(drawn(network, 1, 0.1))
    padded = torch.cat([image, image[..., [-2, -3]]], dim=-1)
    padded = torch.cat([padded, padded[..., [-2, -3, -4], :]], dim=-2)
    assert padded.shape[-2:] == (12, 8)
    torch.testing.assert_close(network(image), network(padded)[..., :27, :18])
    assert network(image[..., :2, :1]).shape == (1, 3, 6, 3)


class TorchsAttention(nn.Module):
    """The attention that comes with torch, over all of a sequence."""

    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(6, 3, batch_first=True)

    def forward(self, x):
        return self.attn(x, x, x, need_weights=False)[0]


class OwnAttention(nn.Module):
    """Ours, in windows of four pixels."""

    def __init__(self):
        super().__init__()
        self.attn = WindowAttention(6, 3, 2)

    def forward(self, x):
        return self.attn(x, None)


@pytest.mark.parametrize(
    ("kind", "projection"), [(TorchsAttention, "attn.out_proj"), (OwnAttention, "attn.proj")]
)
@torch.no_grad()
def test_a_heads_weights_make_its_part_of_the_output(kind, projection):
    """Where one head is the baseline's, its part is, and the others' are the target's."""
    network, x = kind().double(), torch.rand(2, 4, 6, dtype=torch.float64)
    target, baseline = drawn(network, 1), drawn(network, 2)
    index = FilterIndex.of(network, "head", "units")
    assert index.columns()["out_channel"].tolist() == [0, 1, 2, -1]  # the projection's bias
    assert {layer.name for layer in index.layers} == {"attn"}

    def output(state):
        return torch.func.functional_call(network, state, (x,))

    def part(state, head):
        columns = torch.zeros(6, dtype=torch.float64)
        columns[2 * head : 2 * head + 2] = 1
        bias, weight = state[f"{projection}.bias"], state[f"{projection}.weight"]
        return output({**state, f"{projection}.weight": weight * columns}) - bias

    for head in range(3):
        mixed = substituted(target, baseline, index, np.arange(4) == head)
        expected = output(target) - part(target, head) + part(baseline, head)
        torch.testing.assert_close(output(mixed), expected)


def test_scores_of_offsets_are_channels_by_head():
    index = FilterIndex.of(WindowAttention(6, 3, 2), "channel")
    own = [layer for layer in index.layers if "relative" in layer.parameter]
    assert [layer.out_channel.tolist() for layer in own] == [[0, 1, 2]]
    assert len(index) == 3 + 18 + 6


class Pixelwise(nn.Module):
    """A linear layer for each pixel, behind the enlarged image."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(3, 3)

    def forward(self, x):
        enlarged = F.interpolate(x, scale_factor=2)
        return self.mix(enlarged.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def test_rows_of_a_linear_layer_have_the_scores_of_the_closed_form():
    network, image = Pixelwise(), example()
    states = [drawn(network, seed) for seed in (1, 2)]
    states[0]["mix.bias"] = states[1]["mix.bias"]
    pair = Pair.of(network, *states, CPU)
    assert pair.index.columns()["in_channel"].tolist() == [-1, -1, -1]
    (result,) = attribute("faig", pair, [image], {}, 0)
    reference = image.reference.double() / 255
    for row, pixels in enumerate(image.inputs.values()):
        x = F.interpolate(pixels.double() / 255, scale_factor=2)
        errors = []
        for state in (*states, {k: (states[0][k] + states[1][k]) / 2 for k in states[0]}):
            weight, bias = state["mix.weight"].double(), state["mix.bias"].double()
            output = torch.einsum("oc,nchw->nohw", weight, x) + bias[:, None, None]
            errors.append(output - reference)
        squares = [error.square().sum(dim=(0, 2, 3)) for error in errors]
        torch.testing.assert_close(
            result.signed[row].double(), squares[0] - squares[1], rtol=1e-4, atol=1e-3
        )
        # the loss is quadratic, so that its gradient half way is the mean on the line
        gradient = 2 * torch.einsum("nohw,nchw->oc", errors[2], x)
        change = (states[0]["mix.weight"] - states[1]["mix.weight"]).double()
        expected = (gradient * change).abs().sum(1)
        torch.testing.assert_close(result.scores[row].double(), expected, rtol=1e-4, atol=1e-3)


@pytest.fixture(scope="module")
def swinir():
    network = build("swinir", 2, {**SWINIR, "window": 2})
    state = network.state_dict()
    ends = ({**state, **drawn(network, seed, 0.05)} for seed in (1, 2))
    return Pair.of(network, *ends, CPU)


@pytest.mark.parametrize("units", UNITS)
def test_scores_of_all_units_of_a_transformer_sum_to_the_gain(swinir, units):
    pair = replace(swinir, units=units, biases="units")
    (result,) = attribute("signed", pair, [example()], {"nodes": 6}, 0)
    sums = result.scores.double().sum(dim=1).numpy()
    np.testing.assert_allclose(sums, result.gains, rtol=0.02)


def test_a_transformer_has_second_derivatives(swinir):
    (result,) = attribute("taylor_second", swinir, [example()], {}, 0)
    assert result.scores.isfinite().all()


@pytest.mark.parametrize(("architecture", "own"), [("swinir", SWINIR), ("rcan", RCAN)])
def test_images_for_networks_with_attention_are_not_cut(architecture, own):
    pair = Pair.of(network := build(architecture, 2, own), *[network.state_dict()] * 2, CPU)
    pair = replace(pair, baseline=drawn(network, 1))
    with pytest.raises(InputError, match="cannot be cut into tiles"):
        list(attribute("faig", pair, [example()], {"tile": 4}, 0))
