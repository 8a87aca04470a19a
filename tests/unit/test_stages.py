"""A config asks for stages by the sections that it has, and needs what these need, no more."""

import copy
from pathlib import Path

import pytest
import yaml
from faig_workflow import config as configuration
from faig_workflow.config import ConfigError, stages
from faig_workflow.sections import Sections

HOME = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((HOME / "config/config.yaml").read_text())
GIVEN = {"baseline": "a.pth", "target": "b.pth"}
OPTIONAL = ("training", "masking", "retraining", "prediction")


def changed_config(given=GIVEN, without=(), **sections) -> dict:
    """The default config with weights that are given, and some keys left out."""
    config = copy.deepcopy(DEFAULT) | sections
    for network in config["networks"].values():
        network |= given
    for key in without:
        *parents, last = key.split(".")
        part = config
        for name in parents:
            part = part[name]
        del part[last]
    return config


def complaints(config: dict) -> list[str]:
    with pytest.raises(ConfigError) as error:
        configuration.load(config)
    return str(error.value).splitlines()[1:]


def test_a_config_without_training_is_short():
    config = configuration.load(
        changed_config(without=[*OPTIONAL, "data.train", "data.validation"])
    )
    assert stages.asked(config) == {"exactness"}
    assert stages.left_out(config)[:4] == ["training", "masking", "re-training", "prediction"]
    assert "validation images" in stages.left_out(config)[4]
    assert stages.used_for_training(config) == []
    pairs = Sections(config).disjoint()
    assert pairs == {"disjoint": [("photos_attribution", "photos_test")]}


@pytest.mark.parametrize("key", OPTIONAL)
def test_nothing_is_as_good_as_no_key(key):
    rest = [name for name in OPTIONAL if name != key]
    one = changed_config(without=rest, **{key: None})
    assert configuration.load(one) == configuration.load(changed_config(without=OPTIONAL))


def test_curves_of_exactness_are_left_out():
    config = configuration.load(changed_config(benchmark={"curve": None}))
    assert stages.left_out(config) == ["training", "the curves of exactness"]


def test_all_is_asked_for_by_default():
    config = configuration.load(DEFAULT)
    assert stages.left_out(config) == []
    assert stages.used_for_training(config) == ["photos_train", "photos_validation"]


def test_training_images_that_nothing_reads_are_not_used():
    config = configuration.load(changed_config(without=["retraining", "masking"]))
    assert stages.used_for_training(config) == ["photos_validation"]


# fmt: off
MISSING = [  # weights that are given, keys that are missing, and words of the only complaint
    ({}, ["training"], ["(top level): the key 'training'", "networks.srresnet has no 'baseline'",
                        "section 'retraining'"]),
    ({"baseline": "a.pth"}, ["training.target"], ["training: the key 'target'",
                                                  "networks.srresnet has no 'target'"]),
    ({"target": "b.pth"}, ["training.baseline"], ["training: the key 'baseline'", "so that it is"]),
    (GIVEN, ["training"], ["(top level): the key 'training'", "there is a section 'retraining'"]),
    (GIVEN, ["training.target"], ["training: the key 'target'", "section 'retraining'"]),
    (GIVEN, ["data.train"], ["data: the key 'train'", "there is a section 'retraining'"]),
    (GIVEN, ["data.validation"], ["data: the key 'validation'", "section 'prediction'"]),
]
# fmt: on


@pytest.mark.parametrize(("given", "without", "words"), MISSING)
def test_what_is_missing_is_told_once_with_what_needs_it(given, without, words):
    (line,) = complaints(changed_config(given, without))
    assert [word for word in words if word not in line] == [], line


def test_every_missing_key_is_named_once():
    lines = complaints(changed_config({}, ["training", "data.train", "data.validation"]))
    keys = ["training", "train", "validation"]
    assert [sum(f"the key '{key}' is missing" in line for line in lines) for key in keys] == [1] * 3
    assert len(lines) == 3


def test_a_baseline_that_is_given_needs_no_training_of_one():
    config = changed_config({"baseline": "a.pth"}, ["training.baseline"])
    assert stages.asked(configuration.load(config)) >= {"target", "retraining", "speed"}


def test_two_branches_need_their_own_sections():
    comparison = yaml.safe_load((HOME / "config/two-branch.yaml").read_text())["two_branch"]
    lines = complaints(changed_config(GIVEN, OPTIONAL, two_branch=comparison))
    assert len(lines) == 2
    assert all("there is a section 'two_branch'" in line for line in lines)
