"""Weights that the user gives: right ones are taken, wrong ones are refused by name."""

import io
import runpy
import sys
import warnings
from pathlib import Path

import pytest
import safetensors.torch
import torch
from faig.base.errors import InputError
from faig.networks.building import build, load_state, names
from faig.networks.checkpoints import load_checkpoint
from faig.networks.weights import load_metadata, load_weights, save_weights
from safetensors.torch import save_file

SCRIPTS = Path(__file__).parents[2] / "scripts"

STATE = {"conv.weight": torch.rand(2, 3, 3, 3), "conv.bias": torch.rand(2)}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"params": STATE},
        {"params_ema": STATE, "params": {"conv.bias": torch.zeros(1)}},
        {"params": {f"module.{name}": value.half().double() for name, value in STATE.items()}},
    ],
    ids=["bare", "params", "params_ema first", "module prefix"],
)
def test_checkpoints_of_others(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    state = load_checkpoint(tmp_path / "net.pth")
    assert set(state) == set(STATE)
    for name, value in state.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, STATE[name], atol=1e-3, rtol=1e-3)


class Malicious:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_malicious_pickle_is_refused(tmp_path):
    torch.save({"params": Malicious(tmp_path / "broken_in")}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net\.pth: refused, because reading it could run code"):
        load_checkpoint(tmp_path / "net.pth")
    assert not (tmp_path / "broken_in").exists()


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], {"params": {"a": "b"}}])
def test_a_checkpoint_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(InputError, match="holds no weights"):
        load_checkpoint(tmp_path / "net.pth")


def test_a_truncated_checkpoint_is_named(tmp_path):
    torch.save(STATE, tmp_path / "net.pth")
    data = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "net.pth").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"net\.pth: damaged or cut short"):
        load_checkpoint(tmp_path / "net.pth")


def saved(content, **options) -> bytes:
    """What `torch.save` writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def flipped() -> bytes:
    """A checkpoint with one bit of a weight changed."""
    content = {"conv.weight": torch.arange(64.0)}
    data, raw = bytearray(saved(content)), content["conv.weight"].numpy().tobytes()
    place = bytes(data).index(raw) + 100
    data[place] ^= 1
    return bytes(data)


def one_weight(value) -> bytes:
    return saved({"conv.weight": torch.as_tensor(value)})


def scripted() -> bytes:
    """A network saved as a program."""
    with warnings.catch_warnings(action="ignore"):
        buffer = io.BytesIO()
        torch.jit.save(torch.jit.trace(torch.nn.Conv2d(1, 2, 3), torch.ones(1, 1, 3, 3)), buffer)
    return buffer.getvalue()


def unusual(kind: str) -> bytes:
    """A tensor that torch itself calls experimental or outdated."""
    with warnings.catch_warnings(action="ignore"):
        value = {
            "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            "quantized": lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        }[kind]()
        return saved({"a": value})


CONV = torch.ones(2, 1, 3, 3)
REFUSED = {
    "NaN": (one_weight([1, float("nan")]), "'conv.weight' holds values that are NaN"),
    "infinite": (one_weight([1, float("inf")]), "'conv.weight' holds values that are infinite"),
    "overflow": (
        one_weight(torch.tensor([1e300], dtype=torch.float64)),
        "'conv.weight' holds values that are infinite or too large for float32",
    ),
    "twice": (saved({"a": CONV, "module.a": 2 * CONV}), "'a' is there twice"),
    "sparse": (saved({"a": CONV[:, 0, 0].to_sparse()}), "'a' is a sparse tensor"),
    "quantized": (unusual("quantized"), "'a' is a quantized tensor"),
    "nested": (unusual("nested"), "'a' is a nested"),
    "meta": (saved({"a": CONV.to("meta")}), "'a' is a tensor without values"),
    "TorchScript": (scripted(), "a TorchScript program; save the weights alone"),
    "misnamed": (safetensors.torch.save({"a": CONV}), "holds safetensors; rename it"),
    "numbers for names": (saved({0: CONV}), "a tensor is named 0"),
    "nothing": (saved({}), "holds no weights"),
    "bit flipped": (flipped(), "damaged or cut short .*checksum"),
    "empty": (b"", "is empty"),
    "text": (b"These are no weights at all.\n", "no checkpoint, it begins with b'These are no w"),
    "large file": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "a pointer of git-lfs",
    ),
    "old format, cut": (
        saved({"a": CONV}, _use_new_zipfile_serialization=False)[:-40],
        "damaged or cut short",
    ),
    "pickle of nothing known": (b"\x80\x02}q\x00.", "damaged or cut short|holds no weights"),
}


@pytest.mark.filterwarnings("ignore:TypedStorage")
@pytest.mark.parametrize("case", REFUSED)
def test_wrong_checkpoints_are_refused_by_name(tmp_path, case):
    data, message = REFUSED[case]
    path = tmp_path / "net.pth"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"net\.pth: {message}") as caught:
        load_checkpoint(path)
    assert "delete" not in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert path.read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"no tensors", b"\xff" * 99, b"\x08" + bytes(7) + b"{}"])
def test_damaged_safetensors_of_the_user_are_never_ours_to_delete(tmp_path, data):
    (tmp_path / "net.safetensors").write_bytes(data)
    with pytest.raises(InputError, match=r"net\.safetensors: ") as caught:
        load_checkpoint(tmp_path / "net.safetensors")
    assert "delete" not in str(caught.value)


def test_a_checkpoint_called_safetensors_is_named(tmp_path):
    (tmp_path / "net.safetensors").write_bytes(saved(STATE))
    with pytest.raises(InputError, match=r"holds a PyTorch checkpoint; rename it to net\.pth"):
        load_checkpoint(tmp_path / "net.safetensors")


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_a_folder_is_named(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"is a folder, expected a file$"):
        load_checkpoint(tmp_path / name)


@pytest.mark.parametrize("start", [b"7767517\n75 83\n", b"Gk0\x01" + bytes(4)])
@pytest.mark.parametrize("name", ["net.pth", "net.bin"])
def test_weights_of_ncnn_under_another_name_are_known(tmp_path, name, start):
    (tmp_path / name).write_bytes(start)
    with pytest.raises(InputError, match=r"looks like weights of ncnn; name their \.param file"):
        load_checkpoint(tmp_path / name)


def test_a_part_of_a_checkpoint_and_other_names(tmp_path):
    content = {f"net.generator.{name}": value for name, value in STATE.items()}
    torch.save({**content, "net.critic.weight": torch.ones(1)}, tmp_path / "net.pth")
    state = load_checkpoint(tmp_path / "net.pth", prefix="net.generator")
    assert list(state) == list(STATE)
    state = load_checkpoint(tmp_path / "net.pth", "net.generator", {"conv": "body.0"})
    assert list(state) == ["body.0.weight", "body.0.bias"]
    state = load_checkpoint(tmp_path / "net.pth", "net.generator", {"conv.bias": "offset"})
    assert list(state) == ["conv.weight", "offset"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prefix": "generator"}, "prefix: 'generator' fits no name; .* there: conv.weight"),
        ({"rename": {"con": "body"}}, "rename: 'con' fits no name"),
        (
            {"rename": {"conv.bias": "conv.weight"}},
            "'conv.weight' is there twice, as 'conv.weight'",
        ),
    ],
)
def test_names_that_fit_nothing_are_told(tmp_path, options, message):
    torch.save(STATE, tmp_path / "net.pth")
    with pytest.raises(InputError, match=rf"net\.pth: {message}"):
        load_checkpoint(tmp_path / "net.pth", **options)


def test_a_refused_pickle_names_what_it_would_run_and_no_way_round(tmp_path):
    torch.save({"params": Malicious(tmp_path / "x")}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"than weights \(.*open") as caught:
        load_checkpoint(tmp_path / "net.pth")
    assert "weights_only" not in str(caught.value)


def test_old_format_and_suffix_in_capitals_are_taken(tmp_path):
    torch.save(STATE, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(STATE, tmp_path / "net.SAFETENSORS")
    for name in ("old.pth", "net.SAFETENSORS"):
        state = load_checkpoint(tmp_path / name)
        assert all(torch.equal(state[key], STATE[key]) for key in STATE)


class Counting(torch.nn.Module):
    """A network with a counter, by batch normalisation."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3)
        self.norm = torch.nn.BatchNorm2d(2)


def test_counters_stay_whole_numbers(tmp_path):
    network = Counting()
    network.norm.num_batches_tracked += 7
    torch.save(network.state_dict(), tmp_path / "net.pth")
    loaded = load_state(Counting(), load_checkpoint(tmp_path / "net.pth"), "net.pth")
    assert loaded.norm.num_batches_tracked == 7


@pytest.mark.parametrize("kind", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers_are_refused(tmp_path, kind):
    state = dict(Counting().state_dict())
    state["conv.weight"] = torch.ones(2, 1, 3, 3).to(kind)
    torch.save(state, tmp_path / "net.pth")
    loaded = load_checkpoint(tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net\.pth: conv\.weight: expected float32, found"):
        load_state(Counting(), loaded, "net.pth")


SMALL = {
    "srresnet": {"features": 4, "blocks": 2},
    "srcnn": {"widths": [4, 6]},
    "ikc": {"features": 6, "blocks": 2, "inner": 4, "estimator_features": 4, "loops": 2},
    "dan1": {"features": 6, "blocks": 2, "estimator_features": 4, "estimator_blocks": 1},
    "dan2": {"features": 6, "groups": 1, "blocks": 2, "estimator_features": 4},
    "dasr": {"features": 6, "groups": 2, "blocks": 1, "encoder_features": 3, "queue": 16},
    "upconv7": {},
    "rcan": {"features": 4, "groups": 1, "blocks": 2, "reduction": 2},
    "swinir": {"features": 4, "depths": [1, 2], "heads": 2},
}


def test_all_networks_are_exported_in_these_tests():
    assert set(SMALL) == set(names()) - {"spandrel"}  # whose networks are in files


@pytest.mark.parametrize("architecture", SMALL)
def test_an_exported_checkpoint_has_the_order_of_the_module(tmp_path, monkeypatch, architecture):
    spec = {"architecture": architecture, "scale": 2, "parameters": SMALL[architecture]}
    network = build(**spec)
    weights, output = tmp_path / "w.safetensors", tmp_path / "w.pth"
    save_weights(weights, network.state_dict(), {"config": {"network": spec}})
    export(monkeypatch, weights, output)

    content = torch.load(output, weights_only=True)["params_ema"]
    assert list(content) == list(network.state_dict())
    assert all(torch.equal(content[k], v) for k, v in network.state_dict().items())


def export(monkeypatch, weights: Path, output: Path) -> None:
    """Run the script in this process."""
    arguments = ["export", "--weights", str(weights), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", arguments)
    runpy.run_path(str(SCRIPTS / "export_checkpoint.py"), run_name="__main__")


def test_trained_weights_that_are_not_finite_are_named(tmp_path):
    save_weights(tmp_path / "w.safetensors", {"a": torch.tensor([float("nan")])}, {})
    with pytest.raises(InputError, match=r"w\.safetensors: 'a' holds values that are NaN"):
        load_weights(tmp_path / "w.safetensors")


def test_what_weights_were_made_with_is_read_back(tmp_path):
    save_weights(tmp_path / "w.safetensors", STATE, {"config": {"scale": 2}})
    assert load_metadata(tmp_path / "w.safetensors") == {"config": {"scale": 2}}
