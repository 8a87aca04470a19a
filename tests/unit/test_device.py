import pytest
import torch
from faig.base import device
from faig.base.device import Compute, choose_device, choose_precision
from faig.base.errors import InputError
from torch import nn

CPU = torch.device("cpu")


@pytest.fixture
def accelerators(monkeypatch):
    """Pretend that a machine has these accelerators."""

    def pretend(cuda: bool, mps: bool):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 * cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest(accelerators, cuda, mps, expected):
    accelerators(cuda, mps)
    assert choose_device("auto").type == expected


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:1", "mps"])
def test_a_named_device_is_taken(accelerators, name):
    accelerators(True, True)
    assert choose_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_an_absent_device_is_an_error(accelerators, name):
    accelerators(False, False)
    with pytest.raises(InputError, match=f"'{name}'.*none"):
        choose_device(name)


def test_a_number_too_high_is_an_error(accelerators):
    accelerators(True, False)
    with pytest.raises(InputError, match=r"'cuda:2'.*2 GPUs"):
        choose_device("cuda:2")


def test_an_unknown_device_is_an_error():
    with pytest.raises(InputError, match=r"'gpu'.*auto, cpu, cuda, mps"):
        choose_device("gpu")


@pytest.mark.parametrize(
    ("name", "hardware", "expected"),
    [
        ("auto", True, torch.bfloat16),
        ("auto", False, torch.float32),
        ("float32", True, torch.float32),
        ("bfloat16", False, torch.bfloat16),
    ],
)
def test_precision(monkeypatch, name, hardware, expected):
    monkeypatch.setattr(device, "has_bfloat16", lambda _: hardware)
    assert choose_precision(name, CPU) == expected


def test_an_unknown_precision_is_an_error():
    with pytest.raises(InputError, match=r"'float16'.*float32, bfloat16"):
        choose_precision("float16", CPU)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_only_convolutions_run_in_the_precision(precision):
    compute, conv = Compute(CPU, precision), nn.Conv2d(3, 2, 3)
    with compute.autocast():
        output = conv(torch.rand(1, 3, 8, 8))
    assert output.dtype == precision
    output.float().sum().backward()
    assert conv.weight.dtype == conv.weight.grad.dtype == torch.float32


def test_weights_changed_in_place_are_used_at_once():
    compute, conv = Compute(CPU, torch.bfloat16), nn.Conv2d(3, 2, 3, bias=False)
    with compute.autocast():
        conv(torch.rand(1, 3, 8, 8))
        conv.weight.data.zero_()
        assert conv(torch.rand(1, 3, 8, 8)).count_nonzero() == 0


def test_images_are_floats_from_0_to_1():
    pixels = torch.arange(0, 256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(2, 3, -1, -1)
    images = Compute.choose("cpu", "float32").images(pixels)
    assert images.dtype == torch.float32
    assert torch.equal(images, pixels.double().div(255).float())


def test_a_placed_network_computes_the_same():
    conv, x = nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)
    before = conv(x)
    torch.testing.assert_close(Compute(CPU, torch.float32).place(conv)(x), before)


def test_shown_for_people():
    assert str(Compute(CPU, torch.bfloat16)) == "cpu in bfloat16"
