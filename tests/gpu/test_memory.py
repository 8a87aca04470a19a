"""Images that a GPU has no memory for are taken in tiles: the same as in tests/unit, for real."""

import pytest
import torch
from faig.attribution.examples import Example
from faig.attribution.methods import faig
from faig.attribution.pair import Pair
from faig.base.device import Compute
from faig.networks.building import build

pytestmark = pytest.mark.gpu

SIDE = 768  # LR pixels


@pytest.fixture
def large() -> Example:
    """One image of random pixels."""
    pixels = torch.randint(256, (1, 3, 2 * SIDE, 2 * SIDE), dtype=torch.uint8)
    lr = pixels[..., ::2, ::2].contiguous()
    return Example("a", pixels, lr, {"blur": lr.flip(-1), "noise": lr.flip(-2)})


def scores(pair: Pair, example: Example) -> torch.Tensor:
    (found,) = faig(pair, [example], nodes=1, tile=SIDE)
    return found.scores.cpu()


def test_tiles_take_the_place_of_images_too_large(gpu, strict_float32, large, capsys):
    torch.manual_seed(0)
    networks = [build("srresnet", 2, {"features": 16, "blocks": 4}) for _ in range(2)]
    states = [network.state_dict() for network in networks]
    pair = Pair.of(networks[0], *states, Compute(gpu, torch.float32))
    expected = scores(pair, large)
    assert "out of memory" not in capsys.readouterr().out
    needed = torch.cuda.max_memory_reserved(gpu)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(gpu).total_memory
    try:
        torch.cuda.set_per_process_memory_fraction(0.6 * needed / total, gpu)
        found = scores(pair, large)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, gpu)
    assert "out of memory on an LR image of 768 x 768 pixels" in capsys.readouterr().out
    torch.testing.assert_close(found, expected, rtol=0.01, atol=1e-3 * expected.abs().max().item())
