"""Where a GPU's memory does not suffice, images are taken in tiles, and the log says so."""

import pytest
import torch
from faig.attribution.methods import METHODS, attribute
from faig.base.errors import InputError
from toys import SmoothNetwork, example, random_pair

TILED = [name for name, make in METHODS.items() if "tile" in (make.__kwdefaults__ or {})]


class Cramped(SmoothNetwork):
    """Runs out of memory on more than so many pixels at once."""

    room = 10**9

    def forward(self, x):
        on_gpu = x.dtype == torch.float32  # its receptive field is measured in float64 on the CPU
        if on_gpu and x.shape[-1] * x.shape[-2] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


def scores(name: str, pair, examples) -> list[torch.Tensor]:
    return [found.scores for found in attribute(name, pair, examples, {}, 0)]


@pytest.mark.parametrize("name", TILED)
def test_tiles_take_the_place_of_images_too_large(name, capsys):
    pair, examples = random_pair(Cramped()), [example(name, side=36) for name in "ab"]
    expected = scores(name, pair, examples)
    assert capsys.readouterr().out == ""
    pair.network.room = 24**2
    found = scores(name, pair, examples)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5 * two.abs().max().item())
    (line,) = capsys.readouterr().out.splitlines()  # once for all images
    assert "out of memory on an LR image of 36 x 36 pixels" in line
    assert "tiles of 18" in line


def test_too_little_memory_for_any_tile_is_an_error():
    pair = random_pair(Cramped())
    pair.network.room = 4
    with pytest.raises(InputError, match=r"36 x 36 pixels even in tiles of 18.*device: cpu"):
        scores("faig", pair, [example(side=36)])
