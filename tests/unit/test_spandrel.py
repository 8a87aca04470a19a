"""Networks that spandrel recognises: the real package where it is, a stand-in for it everywhere."""

import argparse
import copy
import importlib
import sys
from enum import Enum
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import import_checkpoint
import pytest
import torch
from faig.attribution.pair import Pair
from faig.attribution.tiling import receptive_radius
from faig.base.errors import InputError
from faig.networks.building import build
from faig.networks.weights import load_weights
from faig_workflow import config as configuration
from faig_workflow.config import ConfigError
from faig_workflow.sections import Sections
from test_given_weights import DEFAULT
from torch import nn
from toys import CPU, SmoothNetwork, changed


class Merging(SmoothNetwork):
    """Computes with weights that are made of others in each pass, out of autograd's sight."""

    def __init__(self):
        super().__init__()
        self.source = nn.Parameter(torch.rand(self.last.weight.shape))

    def forward(self, x):
        self.last.weight.data = 2 * self.source.data
        return super().forward(x)


class Twofold(SmoothNetwork):
    """Its output is one of two."""

    def forward(self, x):
        return super().forward(x), x


class Unused(SmoothNetwork):
    """Has weights that do not count."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Conv2d(1, 1, 1)


class UnsupportedModelError(Exception):
    """As spandrel's."""


class Sizes:
    """Stand-in for spandrel's `SizeRequirements`: sides are multiples of 8."""

    def get_padding(self, width: int, height: int) -> tuple[int, int]:
        return -width % 8, -height % 8


class Descriptor:
    """Stand-in for spandrel's `ImageModelDescriptor`, with what we use of it."""

    purpose, input_channels, output_channels, scale = "SR", 3, 3, 2
    architecture, size_requirements = SimpleNamespace(name="Toy"), Sizes()

    def __init__(self, model: nn.Module, state: dict, **facts):
        self.model = model
        model.load_state_dict({key.replace("head.", "first."): v for key, v in state.items()})
        vars(self).update(facts)

    @torch.inference_mode()
    def __call__(self, image):
        output = self.model.eval()(image)
        return (output[0] if isinstance(output, tuple) else output).clamp(0, 1)


@pytest.fixture
def stand_in(monkeypatch) -> dict:
    """Stand-in for the package: recognises what is put here, where `first` may be named `head`."""
    known = {"make": SmoothNetwork}

    class ModelLoader:
        def __init__(self, device):
            assert device == "cpu"

        def load_from_state_dict(self, state):
            if "last.weight" not in state:
                raise UnsupportedModelError
            return Descriptor(known["make"](), state, **known.get("facts", {}))

    module = SimpleNamespace(
        ModelLoader=ModelLoader, UnsupportedModelError=UnsupportedModelError, __version__="0"
    )
    monkeypatch.setitem(sys.modules, "spandrel", module)
    return known


def saved(path, network: nn.Module, **renamed: str) -> dict:
    """A checkpoint, and the network's part of the config."""
    old, new = next(iter(renamed.items()), ("", ""))
    state = {name.replace(old, new): value for name, value in network.state_dict().items()}
    torch.save({"params_ema": state}, path)
    return {"architecture": "spandrel", "scale": 2, "parameters": {"file": str(path)}}


def imported(folder, spec: dict, given: str = "given.pth", **more) -> dict:
    files = {"checkpoint": folder / given, "output": folder / "w.safetensors", "towards": None}
    import_checkpoint.main(argparse.Namespace(config={"network": spec, **more}, **files))
    return load_weights(folder / "w.safetensors")


def test_weights_get_the_names_of_the_network_that_is_recognised(stand_in, tmp_path):
    network = SmoothNetwork()
    spec = saved(tmp_path / "given.pth", network, first="head")
    found = imported(tmp_path, spec)
    assert all(found[name].equal(value) for name, value in network.state_dict().items())
    assert found.keys() == network.state_dict().keys()


def test_target_and_baseline_are_one_network_with_their_own_weights(stand_in, tmp_path):
    baseline, target = SmoothNetwork(), SmoothNetwork()
    spec = saved(tmp_path / "baseline.pth", baseline, first="head")
    saved(tmp_path / "target.pth", target)
    for stage in ("baseline", "target"):
        imported(tmp_path, spec, f"{stage}.pth")
        (tmp_path / "w.safetensors").rename(tmp_path / f"{stage}.safetensors")
    pair = Pair.load(spec, *(tmp_path / f"{s}.safetensors" for s in ("baseline", "target")), CPU)
    assert type(pair.network) is SmoothNetwork
    assert pair.change["first.weight"].equal(baseline.first.weight - target.first.weight)
    image = torch.rand(1, 3, 8, 16)
    assert torch.func.functional_call(pair.network, dict(pair.target), image).equal(target(image))


@pytest.mark.parametrize("size", [(8, 16), (9, 15), (3, 5), (30, 8)])
def test_images_of_any_size_are_padded_and_cut(stand_in, tmp_path, size):
    original = SmoothNetwork()
    network = copy.deepcopy(build(**saved(tmp_path / "net.pth", original))).eval()
    image = torch.rand(1, 3, *size)
    output, expected = network(image), original(image)
    assert output.shape == expected.shape
    inner = (..., slice(2 * size[0] - 4), slice(2 * size[1] - 4))  # that see no border
    torch.testing.assert_close(output[inner], expected[inner])


def test_images_are_not_cut_into_tiles(stand_in, tmp_path):
    with pytest.raises(InputError, match=r"SmoothNetwork: .* cannot be cut into tiles"):
        receptive_radius(build(**saved(tmp_path / "net.pth", SmoothNetwork())))


REFUSED = {
    "scale": ({"facts": {"scale": 4}}, r"recognised as Toy for scale 4, expected scale 2"),
    "inpainting": ({"facts": {"purpose": "Inpainting"}}, r"purpose Inpainting, .* expected a netw"),
    "faces": ({"facts": {"purpose": "FaceSR"}}, "purpose FaceSR"),
    "denoising": ({"facts": {"purpose": "Restoration", "scale": 1}}, "Restoration, scale 1"),
    "grey": ({"facts": {"input_channels": 1}}, r"1 channels in, 3 out\); .* RGB"),
    "unknown": ({"state": {"a.b": torch.ones(1)}}, "recognises no network in it; .* are a.b.*pref"),
    "wrong weights": ({"state": {"last.weight": torch.ones(1)}}, "cannot build the network: Runti"),
    "merging": ({"make": Merging}, "Toy, which cannot be attributed: .* on 'source', which"),
    "twofold": ({"make": Twofold}, "Toy, which spandrel uses in a way of its own"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_attributed_is_refused(stand_in, tmp_path, kind):
    change, words = REFUSED[kind]
    network = change.get("make", SmoothNetwork)()
    spec = saved(tmp_path / "given.pth", network)
    if "state" in change:
        torch.save(change["state"], tmp_path / "given.pth")
    stand_in.update(change)
    with pytest.raises(InputError, match=rf"given\.pth: .*{words}"):
        imported(tmp_path, spec)


def test_weights_that_do_not_count_are_no_hindrance(stand_in, tmp_path):
    stand_in["make"] = Unused
    assert "spare.weight" in imported(tmp_path, saved(tmp_path / "given.pth", Unused()))


def test_what_to_install_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    advice = r"ModuleNotFoundError.*; install it, .* pip install --no-deps -r envs/spandrel\.txt"
    with pytest.raises(InputError, match=rf"network 'spandrel': the package cannot be .*{advice}"):
        build(**saved(tmp_path / "net.pth", SmoothNetwork()))


# the config


def loaded(**network) -> dict:
    config = changed(copy.deepcopy(DEFAULT), "networks.real", network)
    return configuration.load({**config, "networks": {"real": config["networks"]["real"]}})


def test_every_step_knows_the_weights_that_the_network_is_recognised_by():
    baseline = {"file": "a.pth", "prefix": "generator"}
    config = loaded(architecture="spandrel", baseline=baseline, target="b.pth")
    section = Sections(config)
    for told in (section.imported("real", "target"), section.attribution("real", "0", "faig")):
        assert told["network"]["parameters"] == {"file": "a.pth", "prefix": "generator"}


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({}, ["networks.real", "'baseline' is missing", "recognises"]),
        ({"target": "b.pth"}, ["networks.real", "'baseline' is missing"]),
        ({"baseline": "a.pth", "parameters": {"features": 8}}, ["real.parameters", "none"]),
    ],
)
def test_what_leaves_the_network_open_is_told(network, words):
    with pytest.raises(ConfigError) as error:
        loaded(architecture="spandrel", **network)
    assert [word for word in words if word not in str(error.value)] == []


# the package itself


@pytest.fixture(scope="module")
def spandrel():
    """The real package; where torchvision is missing, with a stand-in for it.

    Spandrel takes three names of it, for networks that are none for super-resolution.
    """
    if not find_spec("spandrel"):
        pytest.skip("spandrel is not installed: pip install --no-deps -r envs/spandrel.txt")
    before = set(sys.modules)
    try:
        importlib.import_module("torchvision")
    except Exception:  # of another build than torch's, too
        for name in set(sys.modules) - before:
            del sys.modules[name]
        for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional"):
            module = sys.modules[name] = ModuleType(name)
            module.__spec__, module.__path__ = ModuleSpec(name, None), []
        module.InterpolationMode = Enum("InterpolationMode", "NEAREST BILINEAR")
        module.rotate = module.normalize = None
    yield importlib.import_module("spandrel")
    for name in set(sys.modules) - before:
        if name.startswith(("torchvision", "spandrel")):
            del sys.modules[name]


def of_real(architecture: str, name: str, **parameters) -> nn.Module:
    module = importlib.import_module(f"spandrel.architectures.{architecture}")
    return getattr(module, name)(**parameters)


def real_esrgan_names(state: dict, blocks: int) -> dict:
    """Weights of ESRGAN as Real-ESRGAN's authors name them."""
    ends = {"model.0": "conv_first", f"model.1.sub.{blocks}": "conv_body", "model.3": "conv_up1",
            "model.5": "conv_hr", "model.7": "conv_last"}  # fmt: skip
    found = {}
    for name, value in state.items():
        layer, _, kind = name.rpartition(".")
        inner = layer.replace("model.1.sub.", "body.").replace("RDB", "rdb").removesuffix(".0")
        found[f"{ends.get(layer, inner)}.{kind}"] = value
    return found


def test_real_esrgan_is_recognised_by_its_own_names(spandrel, tmp_path):
    network = of_real("ESRGAN", "ESRGAN", num_filters=4, num_blocks=1, scale=2).eval()
    state = real_esrgan_names(network.state_dict(), 1)
    assert "body.0.rdb1.conv1.weight" in state
    torch.save({"params_ema": state}, tmp_path / "given.pth")
    spec = saved(tmp_path / "other.pth", network)
    spec["parameters"]["file"] = str(tmp_path / "given.pth")
    found = imported(tmp_path, spec)
    assert all(found[name].equal(value) for name, value in network.state_dict().items())
    image = torch.rand(1, 3, 9, 12)
    assert build(**spec).eval()(image).equal(network(image))


def test_attention_in_windows_takes_images_of_any_size(spandrel, tmp_path):
    sizes = {"img_size": 16, "window_size": 8, "embed_dim": 4, "depths": [1], "num_heads": [1]}
    network = of_real("SwinIR", "SwinIR", upscale=2, upsampler="pixelshuffledirect", **sizes)
    spec = saved(tmp_path / "given.pth", network)
    assert imported(tmp_path, spec).keys() == network.state_dict().keys()
    image = torch.rand(1, 3, 16, 24)
    torch.testing.assert_close(build(**spec).eval()(image), network.eval()(image))
    assert build(**spec)(torch.rand(1, 3, 5, 11)).shape == (1, 3, 10, 22)


def test_span_which_merges_its_weights_is_refused(spandrel, tmp_path):
    network = of_real("SPAN", "SPAN", num_in_ch=3, num_out_ch=3, feature_channels=4, upscale=2)
    spec = saved(tmp_path / "given.pth", network)
    with pytest.raises(InputError, match=r"as SPAN, which cannot .* 'conv_1\.sk\.weight'"):
        imported(tmp_path, spec)


def test_a_network_of_another_purpose_is_named(spandrel, tmp_path):
    spec = saved(tmp_path / "given.pth", of_real("SCUNet", "SCUNet", dim=16, config=[1] * 7))
    with pytest.raises(InputError, match=r"as SCUNet \(purpose Restoration, scale 1, 3 chan"):
        build(**spec)
