import pytest
import torch
from faig.attribution.tiling import Tiler, receptive_radius, tiles
from faig.base.errors import InputError
from faig.networks.building import build
from torch import nn


class GlobalNetwork(nn.Module):
    """Every output pixel depends on the whole image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.conv(x) * x.mean(dim=(2, 3), keepdim=True)


@pytest.mark.parametrize(("height", "width", "side"), [(10, 7, 4), (8, 8, 8), (5, 13, 3)])
def test_cores_cover_the_image_once(height, width, side):
    covered = torch.zeros(height, width, dtype=torch.int)
    for tile in tiles(height, width, side, margin=2):
        top, bottom, left, right = tile.core
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize(
    ("network", "radius"),
    [
        (nn.Conv2d(3, 3, 5, padding=2), 2),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 7, padding=3)), 4),
        (nn.Conv2d(3, 3, 3, padding=4, dilation=4), 4),
        # first convolution, 2 x 3 in blocks, the one before the pixel shuffle, and less than one
        # pixel each of the two behind it
        (build("srresnet", 2, {"features": 4, "blocks": 3}), 9),
    ],
)
def test_receptive_radius(network, radius):
    assert receptive_radius(network) == radius


@pytest.mark.parametrize(
    "network",
    [
        GlobalNetwork(),
        nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.Conv2d(4, 48, 1), nn.PixelShuffle(4)),
        nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 48, 3, padding=1), nn.PixelShuffle(4)),
    ],
)
def test_a_global_network_or_one_with_strides_has_no_tiles(network):
    with pytest.raises(InputError, match="cannot be cut into tiles"):
        receptive_radius(network)


def test_a_network_may_have_a_single_number():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gain = nn.Conv2d(3, 3, 5, padding=2), nn.Parameter(torch.tensor(0.5))

        def forward(self, x):
            return self.gain * self.conv(x)

    assert receptive_radius(Scaled()) == 2


def test_the_network_is_left_as_it_was():
    network = build("srcnn", 2, {"widths": [4, 4]})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    receptive_radius(network)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("side", [5, 16, 29])
@pytest.mark.parametrize("scale", [2, 3])
def test_tiles_add_up_to_the_whole(side, scale):
    torch.manual_seed(0)
    network = build("srresnet", scale, {"features": 4, "blocks": 1}).double()
    image = torch.rand(1, 3, 29, 23, dtype=torch.float64)
    reference = torch.rand(1, 3, 29 * scale, 23 * scale, dtype=torch.float64)
    parameters = list(network.parameters())
    whole = (network(image) - reference).square().sum()
    expected = torch.autograd.grad(whole, parameters)

    parts = Tiler(network, side).cut((29, 23))
    assert len(parts) == -(-29 // side) * -(-23 // side)
    losses, gradients = 0.0, [torch.zeros_like(p) for p in parameters]
    for tile in parts:
        output = tile.output(network(tile.input(image)), scale)
        loss = (output - tile.reference(reference, scale)).square().sum()
        losses += loss.item()
        for total, part in zip(gradients, torch.autograd.grad(loss, parameters), strict=True):
            total += part
    assert losses == pytest.approx(whole.item(), rel=1e-12)
    for total, gradient in zip(gradients, expected, strict=True):
        torch.testing.assert_close(total, gradient, rtol=1e-9, atol=1e-12)
