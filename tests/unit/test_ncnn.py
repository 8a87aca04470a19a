"""Weights of ncnn are read as PyTorch has them, and what cannot be read is named."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from faig.base.errors import InputError
from faig.networks.building import build, load_state
from faig.networks.checkpoints import load_checkpoint
from faig.networks.ncnn import FLOAT16, FLOAT32, INT8
from torch import nn


def tagged(value: torch.Tensor, tag: int) -> bytes:
    kind = {FLOAT16: np.float16, FLOAT32: np.float32}[tag]
    data = value.detach().numpy().astype(kind).tobytes()
    return struct.pack("<I", tag) + data + bytes(-len(data) % 4)


def plain(value: torch.Tensor) -> bytes:
    return value.detach().numpy().astype(np.float32).tobytes()


def convolution(name: str, layer: nn.Conv2d, tag: int = FLOAT32) -> tuple[str, bytes]:
    """A convolution's line and numbers, as ncnn's tools write them."""
    out, (height, width) = layer.out_channels, layer.kernel_size
    line = f"Convolution {name} 1 1 a b 0={out} 1={width} 11={height} 5=1 6={layer.weight.numel()}"
    line += " 9=2 -23310=1,0.100000"
    return line, tagged(layer.weight, tag) + plain(layer.bias)


def transposed(name: str, layer: nn.ConvTranspose2d) -> tuple[str, bytes]:
    """ncnn has the output channels of each group first."""
    weight = layer.weight.unflatten(0, (layer.groups, -1)).transpose(1, 2).flatten(0, 1)
    kind = "Deconvolution" if layer.groups == 1 else "DeconvolutionDepthWise"
    numbers = f"1={layer.kernel_size[0]} 5=1 6={weight.numel()} 7={layer.groups}"
    line = f"{kind} {name} 1 1 b c 0={layer.out_channels} {numbers}"
    return line, tagged(weight, FLOAT32) + plain(layer.bias)


def linear(name: str, layer: nn.Linear) -> tuple[str, bytes]:
    line = f"InnerProduct {name} 1 1 c d 0={layer.out_features} 1=1 2={layer.weight.numel()}"
    return line, tagged(layer.weight, FLOAT16) + plain(layer.bias)


def write(folder: Path, *parts: tuple[str, bytes], magic: int = 7767517) -> Path:
    lines = ["Input data 0 1 a 0=8 1=8 2=3", *(line for line, _ in parts)]
    text = "\n".join([str(magic), f"{len(lines)} {len(lines)}", *lines])
    (folder / "net.param").write_text(text + "\n")
    (folder / "net.bin").write_bytes(b"".join(data for _, data in parts))
    return folder / "net.param"


CONV = nn.Conv2d(3, 5, (1, 3))


@pytest.mark.parametrize("groups", [1, 2])
def test_layers_are_read_as_pytorch_has_them(tmp_path, groups):
    layers = {
        "first": CONV,
        "up": nn.ConvTranspose2d(4, 6, 3, groups=groups),
        "last": nn.Linear(3, 2),
    }
    path = write(
        tmp_path,
        convolution("first", layers["first"], FLOAT16),
        transposed("up", layers["up"]),
        linear("last", layers["last"]),
    )
    state = load_checkpoint(path)
    expected = nn.ModuleDict(layers).state_dict()
    assert list(state) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(state[name], value, atol=1e-3, rtol=1e-3)


def test_the_network_of_waifu2x_takes_its_names(tmp_path):
    network = build("upconv7", 2)
    parts = [
        (transposed if isinstance(layer, nn.ConvTranspose2d) else convolution)(name, layer)
        for name, layer in network.named_children()
    ]
    loaded = load_state(build("upconv7", 2), load_checkpoint(write(tmp_path, *parts)), "net.param")
    x = torch.rand(1, 3, 9, 7)
    assert network(x).shape == (1, 3, 18, 14)
    torch.testing.assert_close(loaded(x), network(x))


def test_upconv7_enlarges_twice_only():
    with pytest.raises(InputError, match="'upconv7': scale is 4, expected 2"):
        build("upconv7", 4)


def unknown(tmp_path: Path) -> Path:
    return write(tmp_path, ("LSTM rnn 1 1 a b 0=5", b""))


def shortened(tmp_path: Path) -> Path:
    path = write(tmp_path, convolution("first", CONV))
    binary = path.with_suffix(".bin")
    binary.write_bytes(binary.read_bytes()[:-4])
    return path


def lengthened(tmp_path: Path) -> Path:
    return write(tmp_path, convolution("first", CONV), ("ReLU r 1 1 b c", bytes(8)))


def whole(tmp_path: Path) -> Path:
    line, data = convolution("first", CONV)
    return write(tmp_path, (line, struct.pack("<I", INT8) + data[4:]))


def another_magic(tmp_path: Path) -> Path:
    return write(tmp_path, convolution("first", CONV), magic=7767516)


def cut(tmp_path: Path) -> Path:
    path = write(tmp_path, convolution("first", CONV))
    path.write_text(path.read_text()[:60])
    return path


def alone(tmp_path: Path) -> Path:
    path = write(tmp_path, convolution("first", CONV))
    path.with_suffix(".bin").unlink()
    return path


def empty(tmp_path: Path) -> Path:
    path = write(tmp_path)
    path.write_text("")
    return path


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (unknown, r"net\.param: layer 'rnn' is a LSTM, whose weights are not known"),
        (shortened, r"net\.bin: too short for the layers"),
        (lengthened, r"net\.bin: 8 bytes more than the layers"),
        (whole, r"net\.bin: weights are 8-bit whole numbers; expected float16 or float32"),
        (another_magic, r"net\.param: begins with '7767516', expected 7767517"),
        (cut, r"net\.param: (no layers of ncnn|has 1 layers, and says 2)"),
        (alone, r"net\.bin: no such file; expected beside the \.param file"),
        (empty, r"net\.param: begins with ''"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, broken, message):
    with pytest.raises(InputError, match=message) as caught:
        load_checkpoint(broken(tmp_path))
    assert "delete" not in str(caught.value)
