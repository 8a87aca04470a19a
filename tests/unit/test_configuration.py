import copy
from pathlib import Path

import pytest
import yaml
from faig.attribution.methods import METHODS
from faig.data.operators import OPERATORS
from faig.networks import building as networks
from faig_workflow import codebase
from faig_workflow import config as configuration
from faig_workflow.config import ConfigError
from faig_workflow.sections import Sections
from toys import changed

HOME = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((HOME / "config/config.yaml").read_text())
REMOVED = object()


def complaints(*changes: tuple[str, object]) -> list[str]:
    """What is said about the default config with some keys changed, line by line."""
    config = DEFAULT
    for key, value in changes:
        config = changed(config, key, value)
    with pytest.raises(ConfigError) as error:
        configuration.load(config)
    first, *lines = str(error.value).splitlines()
    assert first == "the config is not valid:"
    return lines


def without(section: str, key: str):
    config = copy.deepcopy(DEFAULT)
    part = config
    for name in section.split(".") if section else []:
        part = part[name]
    del part[key]
    return config


@pytest.mark.parametrize("path", sorted((HOME / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_configs_that_come_with_the_project_are_valid(path):
    configuration.load(yaml.safe_load(path.read_text()))


def test_what_is_given_is_kept_and_the_rest_has_its_default():
    given = copy.deepcopy(DEFAULT)
    config = configuration.load(given)
    assert given == DEFAULT
    assert config["scale"] == 2
    assert config["training"]["patch"] == 48
    assert config["device"] == config["precision"] == "auto"
    assert config["training"]["target"]["period"] is None
    assert config["training"]["target"]["minimum_learning_rate"] == 1e-7
    assert config["retraining"]["minimum_learning_rate"] == 1e-7
    assert config["datasets"]["photos_train"]["crop"] is None
    assert config["datasets"]["photos_test"]["crop"] == DEFAULT["datasets"]["photos_test"]["crop"]
    assert config["figures"] == {"dpi": 150, "font_size": 9}


def test_defaults_are_not_shared_between_configs():
    configuration.load(DEFAULT)["seeds"].append(99)
    configuration.load(without("", "seeds"))["seeds"].append(99)
    assert configuration.load(without("", "seeds"))["seeds"] == [0]


MIRROR = {"url": "https://a.org/b.zip", "checksum": "md5:" + "0" * 32}


def archive(*mirrors: dict) -> dict:
    return {"source": "archive", "mirrors": list(mirrors)}


# key, value in place of the default config's, and what the complaint must hold
# fmt: off
MISTAKES = [
    # keys
    ("sacle", 3, ["unknown key 'sacle'", "scale"]),
    ("training.pach", 3, ["training: unknown key 'pach'", "patch"]),
    ("training.target.learningrate", 1, ["training.target", "'learningrate'", "learning_rate"]),
    ("datasets.photos_test.imges", ["a"], ["datasets.photos_test", "'imges'", "images"]),
    # types
    ("training.patch", "48", ["training.patch", "text '48'", "a whole number"]),
    ("training.batch", 2.5, ["training.batch", "2.5", "a whole number"]),
    ("training.batch", True, ["training.batch", "True", "a whole number"]),
    ("seeds", 3, ["seeds", "3", "a list"]),
    ("networks", ["srresnet"], ["networks", "a list", "a section"]),
    ("attribution", None, ["attribution", "nothing", "a section"]),
    ("seeds", [0, "one"], ["seeds[1]", "text 'one'", "a whole number"]),
    # numbers that YAML reads as text
    ("training.baseline.learning_rate", "1e-4", ["1e-4", "as text", "1.0e-4"]),
    ("retraining.learning_rate", "2.0e4", ["2.0e4", "as text", "1.0e-4"]),
    ("degradations.noise", [{"op": "downsample"}, {"op": "gaussian_noise", "sigma": "1e-1"}],
     ["degradations.noise[1].sigma", "1e-1", "as text"]),
    # values
    ("scale", 5, ["scale", "5", "2, 3, 4"]),
    ("device", "gpu", ["device", "'gpu'"]),
    ("precision", "half", ["precision", "'half'", "bfloat16"]),
    ("run", "my run", ["run", "'my run'", "letters, digits and underscores"]),
    ("run", "cache", ["run", "'cache'", "another name"]),
    ("masking.proportions", [0.1, 0], ["masking.proportions[1]", "0", "above 0"]),
    ("masking.proportions", [1.5], ["masking.proportions[0]", "1.5", "at most 1"]),
    ("retraining.proportions", [-0.1], ["retraining.proportions[0]", "-0.1", "above 0"]),
    ("retraining.proportions", [0.1, 0.1], ["retraining.proportions", "no value twice"]),
    ("masking.proportions", [], ["masking.proportions", "at least 1"]),
    ("prediction.proportion", 0, ["prediction.proportion", "above 0"]),
    ("training.baseline.iterations", 0, ["training.baseline.iterations", "at least 1"]),
    ("attribution.degradations", ["blur"], ["attribution.degradations", "at least 2"]),
    ("training.sub_images", {"size": 480, "stride": 241},
     ["training.sub_images.stride", "241", "multiple of the scale 2"]),
    ("training.sub_images", {"size": 32, "stride": 2},
     ["training.sub_images.size", "32", "at least the patch of 48"]),
    ("training.scale", 0, ["training.scale", "above 0"]),
    ("training.patch", 49, ["training.patch", "49", "multiple of the scale 2"]),
    # names
    ("networks.srresnet.architecture", "srresnt", ["srresnet.architecture", "mean srresnet"]),
    ("networks.srcnn.architecture", "xyz", ["networks.srcnn", "'xyz'", "known: dan1"]),
    ("clean", "bicubc", ["clean", "'bicubc'", "did you mean bicubic?"]),
    ("training.target.degradations", ["blurr"], ["training.target.degradations", "mean blur"]),
    ("training.baseline.degradations", ["clean"], ["training.baseline.degradations", "'clean'"]),
    ("attribution.degradations", ["blur", "nois"], ["attribution.degradations", "noise?"]),
    ("degradations.noise", [{"op": "downsample"}, {"op": "jpg"}], ["noise[1]", "mean jpeg?"]),
    ("degradations.noise", [{"op": "downsample", "kernal": "bicubic"}],
     ["degradations.noise[0]", "'kernal'", "did you mean kernel?"]),
    ("degradations.noise", [{"op": "downsample"}, {"op": "jpeg"}],
     ["degradations.noise[1]", "needs the parameter 'quality'"]),
    ("degradations.noise", [{"sigma": 1}], ["degradations.noise[0]", "'op' is missing"]),
    ("degradations.noise", [{"op": "gaussian_noise", "sigma": 0.1}],
     ["degradations.noise", "downsample"]),
    ("attribution.methods.intimf", {}, ["attribution.methods.intimf", "did you mean intinf?"]),
    ("attribution.methods.faig.nods", 8, ["attribution.methods.faig", "'nods'", "nodes?"]),
    ("attribution.methods.random.seed", 1, ["attribution.methods.random", "'seed'"]),
    ("data.train", "photos_trian", ["data.train", "'photos_trian'", "photos_train"]),
    ("data.test", ["set5"], ["data.test", "'set5'"]),
    ("datasets.photos_test.images", ["astronout"], ["photos_test.images", "mean astronaut"]),
    # splits
    ("datasets.photos_test.images", ["china"], ["photos_test.images", "china", "photos_train"]),
    ("datasets.photos_validation.images", ["china"], ["photos_validation.images", "china"]),
    ("datasets.photos_attribution.images", ["china"], ["photos_attribution.images", "china"]),
    ("datasets.photos_test.images", ["rocket"], ["rocket", "photos_attribution"]),
    ("data.test", ["photos_train"], ["data.test", "'photos_train'", "disjoint"]),
    ("data.validation", "photos_train", ["data.validation", "'photos_train'", "disjoint"]),
    # sources
    ("datasets.photos_test", {"source": "packaged"}, ["photos_test", "packaged", "'images'"]),
    ("datasets.photos_test", {"source": "folder"}, ["photos_test", "folder", "'path'"]),
    ("datasets.photos_test", {"source": "archive"}, ["photos_test", "archive", "'mirrors'"]),
    ("datasets.photos_test", archive({**MIRROR, "path": "b.zip"}),
     ["photos_test.mirrors[0]", "one of the keys 'url' and 'path'"]),
    ("datasets.photos_test", archive(MIRROR, {"checksum": MIRROR["checksum"]}),
     ["photos_test.mirrors[1]", "one of the keys 'url' and 'path'"]),
    ("datasets.photos_test", archive({"url": "https://a.org/b.zip"}),
     ["photos_test.mirrors[0]", "'checksum' is missing"]),
    ("datasets.photos_test", archive({**MIRROR, "url": "a.org/b.zip"}),
     ["photos_test.mirrors[0].url", "a.org/b.zip", "begins with http:// or https://"]),
    ("datasets.photos_test", archive({**MIRROR, "url": "https://me:s3cret@a.org/b.zip"}),
     ["photos_test.mirrors[0].url", "password", "~/.netrc"]),
    ("datasets.photos_test", archive({**MIRROR, "checksum": "sha256:" + "0" * 32}),
     ["photos_test.mirrors[0].checksum", "sha256: and 64"]),
    ("datasets.photos_test", {**archive(MIRROR), "path": "b.zip"},
     ["photos_test.path", "one of the mirrors"]),
    ("datasets.photos_test", {"source": "web"}, ["photos_test.source", "'web'", "packaged"]),
    ("datasets.photos_test", {"images": ["coffee"]}, ["photos_test", "'source' is missing"]),
]
# fmt: on


@pytest.mark.parametrize(("key", "value", "parts"), MISTAKES)
def test_a_mistake_is_told_with_its_key_and_what_is_expected(key, value, parts):
    (line,) = complaints((key, value))
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("section", "key"),
    [("", "clean"), ("data", "attribution"), ("training", "target"),
     ("training.target", "iterations"), ("networks.srcnn", "architecture"),
     ("attribution.methods", "faig"), ("masking", "proportions")],
)  # fmt: skip
def test_a_missing_key_is_named(section, key):
    with pytest.raises(ConfigError, match=rf"{section or 'top level'}.*'{key}' is missing"):
        configuration.load(without(section, key))


def test_two_views_of_one_scene_may_not_be_split():
    train = [name for name in DEFAULT["datasets"]["photos_train"]["images"] if "right" not in name]
    lines = complaints(
        ("datasets.photos_train.images", train),
        ("datasets.photos_test.images", ["coffee", "motorcycle_right"]),
    )
    assert any("motorcycle_right" in line and "photos_train" in line for line in lines)


def test_one_folder_may_not_be_on_both_sides():
    source = {"source": "folder", "path": "/data/photos"}
    (line,) = complaints(("datasets.photos_train", source), ("datasets.photos_test", source))
    assert "datasets.photos_test.path" in line


def test_one_archive_has_room_for_both_sides_but_one_folder_in_it_has_not():
    def both(member):
        one = archive({**MIRROR, "member": "Set5/HR"})
        other = archive({"path": "c.zip", "checksum": "md5:" + "1" * 32}, {**MIRROR, **member})
        return ("datasets.photos_train", one), ("datasets.photos_test", other)

    (line,) = complaints(*both({"member": "Set5/HR", "url": "https://c.org/b.zip"}))
    assert "datasets.photos_test.mirrors: the same as that of 'photos_train'" in line
    config = DEFAULT
    for key, value in both({"member": "Set14/HR"}):
        config = changed(config, key, value)
    assert configuration.load(config)["datasets"]["photos_test"]["source"] == "archive"


def test_thresholds_may_not_be_fixed_on_test_images():
    (line,) = complaints(("datasets.photos_test.images", ["flower"]))
    assert "flower" in line
    assert "photos_validation" in line


@pytest.mark.parametrize(
    "changes",
    [
        [("scale", 7), ("seeds", []), ("masking.proportions", [2])],
        [("clean", "none"), ("data.train", "none"), ("networks.srcnn.architecture", "none")],
    ],
)
def test_all_mistakes_are_told_at_once(changes):
    text = "\n".join(complaints(*changes))
    assert all(key in text for key, _ in changes)
    assert text.count("\n") == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("networks.srcnn.architecture", "my_package.networks:Net"),
        ("attribution.methods.weight_change", None),
        ("datasets.photos_test", {"source": "folder", "path": "photos"}),
        ("device", "cuda:3"),
        ("masking.proportions", [1]),
        ("training.baseline.period", 100),
        ("scale", 3),
    ],
)
def test_what_is_allowed(key, value):
    assert configuration.load(changed(DEFAULT, key, value))


# what the workflow reads of its own code


def test_networks_found_by_reading_are_those_there_are():
    assert codebase.networks() == networks.names()
    assert {"srresnet", "dan1", "dasr"} <= set(networks.names())
    assert "blocks" not in networks.names()  # parts, no network


@pytest.mark.parametrize(
    ("found", "registry"), [(codebase.operators, OPERATORS), (codebase.methods, METHODS)]
)
def test_names_found_by_reading_are_those_registered(found, registry):
    assert set(found()) == set(registry)


def test_parameters_found_by_reading():
    assert codebase.operators()["gaussian_blur"] == {
        "size": ("int", True, None),
        "sigma": ("float", True, None),
    }
    assert codebase.operators()["downsample"] == {"kernel": ("str", False, "bicubic")}
    faig = {name: found[:2] for name, found in codebase.methods()["faig"].items()}
    assert faig == {
        "quadrature": ("str", False),
        "nodes": ("int", False),
        "tolerance": ("float", False),
        "tile": ("int", False),
    }
    assert codebase.methods()["random"] == codebase.methods()["weight_change"] == {}


def test_steps_that_degrade_images_run_the_operators_of_the_config():
    scripts = {path.stem for path in codebase.SCRIPTS.glob("*.py")}
    found = {name for name in scripts if codebase.degrades(name)}
    assert {"synthesize", "train", "retrain", "measure_stability", "measure_training"} <= found
    assert not {"attribute", "rank", "mask", "predict", "plot"} & found


def library_modules(script: str, *architectures: str) -> set[str]:
    """The library's files that a script depends on, without folder and suffix."""
    files = codebase.source_files(script, *architectures)
    assert all(path.is_file() for path in files)
    inside = [path.relative_to(codebase.SCRIPTS) for path in files]
    return {path.with_suffix("").as_posix().removeprefix("faig/") for path in inside}


@pytest.mark.parametrize(
    ("script", "needed", "unneeded"),
    [
        (
            "train",
            {"train", "training/loop", "networks/building", "data/store", "base/metrics"},
            {"attribution/methods"},
        ),
        (
            "attribute",
            {"attribution/methods", "attribution/quadrature", "attribution/pair"},
            {"training/loop", "evaluation/ablation"},
        ),
        (
            "rank",
            {"attribution/ranking", "evaluation/choosing", "networks/building"},
            {"attribution/methods", "evaluation/league", "training/loop"},
        ),
        (
            "synthesize",
            {"data/operators", "data/sources"},
            {"networks/building", "training/loop"},
        ),
        (
            "predict",
            {"evaluation/prediction", "attribution/methods", "attribution/quadrature"},
            {"training/loop"},
        ),
    ],
)
def test_a_script_depends_on_what_it_imports_and_nothing_else(script, needed, unneeded):
    found = library_modules(script)
    assert needed <= found
    assert not unneeded & found
    assert {"__init__", script} <= found


def test_imports_from_the_package_above_are_followed():
    found = codebase.dependencies(codebase.LIBRARY / "networks/building.py")
    assert {"errors.py"} <= {path.name for path in found}


def test_a_script_depends_on_the_network_that_it_builds_only():
    assert "networks/srcnn" not in library_modules("train", "srresnet")
    assert "networks/srresnet" in library_modules("train", "srresnet")
    assert library_modules("train", "elsewhere.module:Net") == library_modules("train")


def test_a_network_brings_the_parts_that_it_is_made_of():
    dasr, dan1 = (library_modules("train", network) for network in ("dasr", "dan1"))
    assert dan1 - library_modules("train") == {
        "networks/dan1",
        "networks/alternating",
        "networks/blocks",
    }
    assert dasr - dan1 == {"networks/dasr", "networks/contrast"}


def released(**changes) -> dict:
    """The default config under the released code's protocol, nothing said of the quadrature."""
    config = {**copy.deepcopy(DEFAULT), "protocol": "released", **changes}
    config["attribution"]["methods"] = {"faig": {}, "intinf": None, "random": {}}
    config["retraining"]["methods"] = ["faig", "random"]
    return config


def test_the_released_protocol_sets_what_the_config_leaves_open():
    config = configuration.load(released())
    methods = config["attribution"]["methods"]
    assert methods["faig"] == methods["intinf"] == {"quadrature": "left", "nodes": 100}
    assert methods["random"] == {}
    for operators in config["degradations"].values():
        assert {"op": "downsample", "kernel": "bilinear"} in operators
    assert Sections(config).masking("srresnet")["channel"] == "blue"
    assert Sections(configuration.load(DEFAULT)).masking("srresnet")["channel"] == "grey"


def test_the_two_branch_comparison_follows_the_protocol_too():
    given = yaml.safe_load((HOME / "config/two-branch.yaml").read_text())
    config = configuration.load({**released(), "two_branch": given["two_branch"]})
    for operators in config["two_branch"]["settings"].values():
        assert {"op": "downsample", "kernel": "bilinear"} in operators


def test_explicit_keys_take_precedence_over_the_protocol():
    given = released()
    given["attribution"]["methods"]["faig"] = {"nodes": 12}
    given["degradations"]["bicubic"] = [{"op": "downsample", "kernel": "bicubic"}]
    config = configuration.load(given)
    assert config["attribution"]["methods"]["faig"] == {"quadrature": "left", "nodes": 12}
    assert config["degradations"]["bicubic"] == [{"op": "downsample", "kernel": "bicubic"}]


def test_only_the_released_protocol_searches_on_test_images():
    roles = {**DEFAULT["data"], "attribution": "photos_test"}
    assert configuration.load(released(data=roles))
    with pytest.raises(configuration.ConfigError, match="images must be disjoint"):
        configuration.load({**DEFAULT, "data": roles})


# two branches or one


COMPARISON = yaml.safe_load((HOME / "config/two-branch.yaml").read_text())["two_branch"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "networks.dan1.architecture",
            "dan3",
            "two_branch.networks.dan1.architecture: unknown network 'dan3'; did you mean dan2 or",
        ),
        ("networks", REMOVED, "two_branch: the key 'networks' is missing"),
        ("control.features", 0, "two_branch.control.features: found 0, expected a number of at"),
        ("sigmas", [0], "two_branch.sigmas[0]: found 0, expected a number above 0"),
        (
            "settings.blur",
            [{"op": "gaussian_blur", "size": 21, "sigma": 2}, {"op": "downsample"}],
            "two_branch.settings.blur: found 0 operators 'gaussian_blur' with a range of sigma",
        ),
        (
            "settings.blur",
            [{"op": "random_gaussian_blur", "size": 21, "low": 0.2}, {"op": "downsample"}],
            "two_branch.settings.blur[0]: operator 'random_gaussian_blur' needs the",
        ),
        (
            "settings.blur",
            [{"op": "random_gaussian_blur", "size": 21, "low": 0.2, "high": 2}],
            "two_branch.settings.blur: has no operator 'downsample'",
        ),
    ],
)
def test_a_wrong_comparison_is_explained(key, value, message):
    section = copy.deepcopy(COMPARISON)
    *path, last = key.split(".")
    part = section
    for name in path:
        part = part[name]
    if value is REMOVED:
        del part[last]
    else:
        part[last] = value
    assert any(line.strip().startswith(message) for line in complaints(("two_branch", section)))
