"""What cannot be right in a config stops while it is read, with key, found and expected."""

import copy
from pathlib import Path

import pytest
import yaml
from faig.data.operators import RESAMPLING
from faig_workflow import codebase
from faig_workflow import config as configuration
from faig_workflow.config import ConfigError, parameters, transplant
from faig_workflow.sections import Sections
from toys import changed

HOME = Path(__file__).parents[2]
TINY = yaml.safe_load((HOME / "tests/config/tiny.yaml").read_text(encoding="utf-8"))

SUM, OTHER_SUM = "md5:" + "0" * 32, "sha256:" + "1" * 64
SMALL = TINY["networks"]["small"]
NETWORK, TWO = "networks.small", "two_branch.networks.dan1"


def blur(**parameters):
    return [{"op": "gaussian_blur", "size": 21, "sigma": 2.0, **parameters}, {"op": "downsample"}]


def after(op, **parameters):
    return [{"op": "downsample"}, {"op": op, **parameters}]


def drawn(low=0.2, high=2.0, size=9):
    spec = {"op": "random_gaussian_blur", "size": size, "low": low, "high": high}
    return [spec, {"op": "downsample"}]


NAN, INF = float("nan"), float("inf")
# fmt: off
SLIPS = [
    # numbers
    ("training.scale", INF, ["training.scale", "inf", "a finite number"]),
    ("two_branch.sigmas", [NAN], ["two_branch.sigmas[0]", "nan", "a finite number"]),
    (f"{NETWORK}.parameters.features", NAN, ["small.parameters.features", "nan", "finite"]),
    ("scale", 2.0, ["scale", "2.0", "2, 3, 4"]),
    ("scale", True, ["scale", "True", "2, 3, 4"]),
    ("training.batch", 2.0, ["training.batch", "2.0", "a whole number"]),
    ("seeds", [0.0], ["seeds[0]", "0.0", "a whole number"]),
    ("seeds", [True], ["seeds[0]", "True", "a whole number"]),
    ("seeds", [-1], ["seeds[0]", "-1", "at least 0"]),
    ("seeds", [2**64], ["seeds[0]", "64 bits"]),
    ("noise_seed", 2**63, ["noise_seed", "64 bits"]),
    ("training.baseline.minimum_learning_rate", 1.0,
     ["training.baseline.minimum_learning_rate", "1.0", "at most the learning_rate of 0.001"]),
    ("training.target.learning_rate", 48, ["target.learning_rate", "48", "at most 1"]),
    ("two_branch.learning_rate", 1.5, ["two_branch.learning_rate", "1.5", "at most 1"]),
    ("retraining.minimum_learning_rate", 0.1, ["retraining.minimum_learning_rate", "0.1"]),
    ("two_branch.minimum_learning_rate", 0.1, ["two_branch.minimum_learning_rate", "0.1"]),
    # methods
    ("attribution.methods.faig.tile", -5, ["methods.faig.tile", "-5", "at least 1"]),
    ("attribution.methods.intinf.tile", 0, ["methods.intinf.tile", "0", "at least 1"]),
    ("attribution.methods.faig.tolerance", NAN, ["faig.tolerance", "nan", "a finite number"]),
    ("attribution.methods.faig.tolerance", 0, ["faig.tolerance", "0", "above 0"]),
    ("attribution.methods.faig.nodes", 10**9, ["faig.nodes", "1000000000", "from 1 to 1000"]),
    ("attribution.methods.faig.nodes", 0, ["faig.nodes", "0", "from 1 to 1000"]),
    ("attribution.methods.faig", {"quadrature": "trapezoid", "nodes": 1}, ["from 2 to 1000"]),
    ("attribution.methods.faig.quadrature", "simpson", ["'simpson'", "one of gauss-legendre"]),
    ("attribution.methods.intinf.quadrature", "adaptive", ["'adaptive'", "intinf.quadrature"]),
    ("prediction.quadrature", "adaptive", ["prediction.quadrature", "'adaptive'"]),
    ("prediction.nodes", 20000, ["prediction.nodes", "20000", "at most 1000"]),
    ("networks.small.align", True, ["networks.small.align", "weights that are given"]),
    ("health.nodes", 20000, ["health.nodes", "20000", "at most 1000"]),
    ("benchmark.curve", {"left": [20000]}, ["curve.left[0]", "20000", "at most 1000"]),
    # degradations
    ("degradations.noise", after("gaussian_noise", sigma=-0.1), ["noise[1].sigma", "-0.1"]),
    ("degradations.noise", after("gaussian_noise", sigma=25), ["noise[1].sigma", "25", "0 to 1"]),
    ("degradations.noise", after("gaussian_noise", sigma=INF), ["noise[1].sigma", "finite"]),
    ("degradations.noise", after("jpeg", quality=0), ["noise[1].quality", "0", "from 1 to 100"]),
    ("degradations.noise", after("jpeg", quality=1000), ["noise[1].quality", "1000"]),
    ("degradations.noise", after("jpeg", quality=90.0), ["noise[1].quality", "a whole number"]),
    ("degradations.blur_noise", after("downsample"), ["blur_noise", "2 operators", "one"]),
    ("degradations.bicubic", [{"op": "downsample", "kernel": "box"}],
     ["degradations.bicubic[0].kernel", "'box'", "one of bicubic, bilinear"]),
    ("degradations.blur", blur(sigma=0), ["blur[0].sigma", "0", "above 0"]),
    ("degradations.blur", blur(sigma=NAN), ["blur[0].sigma", "nan", "finite"]),
    ("degradations.blur", blur(size=20), ["blur[0].size", "20", "an odd number"]),
    ("degradations.blur", blur(size=-3), ["blur[0].size", "-3", "an odd number"]),
    ("two_branch.settings.random_blur", drawn(3.0, 1.0),
     ["random_blur[0].sigma", "[3.0, 1.0]", "lower end first"]),
    ("two_branch.settings.random_blur", drawn(0), ["random_blur[0].sigma[0]", "0", "above 0"]),
    ("two_branch.settings.random_blur", drawn(size=8), ["random_blur[0].size", "8", "odd"]),
    ("degradations.noise", after("jpeg", quality=[30, 101]), ["noise[1].quality[1]", "101"]),
    ("degradations.noise", after("jpeg", quality=[30, 50.5]), ["quality", "a whole number, or a"]),
    ("degradations.noise", after("jpeg", quality=[30, 50, 70]), ["quality", "or a range of two"]),
    ("degradations.blur", blur(size=[7, 21]), ["blur[0].size", "[7, 21]", "an odd number"]),
    ("degradations.bicubic", [{"op": "downsample", "kernel": ["bicubic", "bilinear"]}],
     ["bicubic[0].kernel", "a list", "expected text"]),
    ("degradations.noise", after("mine:darken:x"), ["noise[1].op", "'mine:darken:x'", "function"]),
    ("degradations.noise", after("json:loads"), ["noise[1].op", "a module of Python's"]),
    # networks
    (f"{NETWORK}.parameters.blocks", -1, ["parameters.blocks", "-1", "at least 1"]),
    (f"{NETWORK}.parameters.blocks", True, ["parameters.blocks", "True", "a whole number"]),
    (f"{NETWORK}.parameters.blocks", 1.0, ["parameters.blocks", "1.0", "a whole number"]),
    (f"{NETWORK}.parameters.blocs", 1, ["parameters", "'blocs'", "did you mean blocks?"]),
    (f"{NETWORK}.parameters.scale", 2, ["parameters.scale", "top level"]),
    (NETWORK, {"architecture": "srcnn", "parameters": {"widths": [4, 0]}},
     ["parameters.widths[1]", "0", "at least 1"]),
    (NETWORK, {"architecture": "srcnn", "parameters": {"widths": 4}},
     ["parameters.widths", "4", "a list of whole numbers"]),
    (f"{TWO}.parameters.skip", 1, ["parameters.skip", "1", "true or false"]),
    (f"{TWO}", {"architecture": "srresnet"}, ["dan1.architecture", "'srresnet'", "dan1, dan2"]),
    (f"{TWO}", {"architecture": "srcnn"}, ["dan1.architecture", "'srcnn'", "dan1, dan2"]),
    (f"{NETWORK}.architecture", "a:b:c", ["small.architecture", "'a:b:c'", "module:Class"]),
    (f"{NETWORK}.architecture", "..x:Y", ["small.architecture", "'..x:Y'", "module:Class"]),
    (f"{NETWORK}.architecture", "builtins:dict", ["architecture", "builtins", "of your own"]),
    (f"{NETWORK}.architecture", "os.path:join", ["architecture", "'os'", "of your own"]),
    (f"{NETWORK}.baseline", "", ["small.baseline", "''", "a path"]),
    (f"{NETWORK}.target", "{x}.pth", ["small.target", "'{x}.pth'", "without braces"]),
    # attribution, comparison
    ("attribution.degradations", ["blur", "blur_noise"], ["'blur_noise'", "'blur'", "contain"]),
    ("attribution.degradations", ["bicubic", "noise"], ["'bicubic'", "clean"]),
    ("modulation", {"methods": ["sined"]}, ["modulation.methods", "'sined'", "signed"]),
    ("modulation", {"strengths": [0, 101]}, ["modulation.strengths[1]", "101", "at most 100"]),
    ("transplant", {}, ["transplant.receivers", "'null_target'", "stability.null_target: true"]),
    ("transplant", {"receivers": ["seeds"]}, ["transplant.receivers", "baseline_seed: shared"]),
    ("transplant", {"receivers": ["smal"]}, ["transplant.receivers", "'smal'", "small"]),
    ("transplant", {"receivers": ["small"]}, ["transplant.receivers", "'donors'"]),
    ("transplant", {"receivers": ["small"], "donors": ["smal"]}, ["transplant.donors", "small"]),
    ("export", {"method": "taylor"}, ["export.method", "'taylor'", "faig"]),
    ("export", {"degradation": "blur_noise"}, ["export.degradation", "'blur_noise'", "blur"]),
    ("export", {"network": "smal"}, ["export.network", "'smal'", "small"]),
    ("two_branch.sigmas", [1.0, 1.0000001], ["two_branch.sigmas", "1.0000001", "six digits"]),
    # contrasts
    ("attribution.contrast", {"blur": ["nois"]},
     ["attribution.contrast.blur", "'nois'", "did you mean noise"]),
    ("attribution.contrast", {"blr": ["noise"]}, ["attribution.contrast", "did you mean blur"]),
    ("attribution.contrast", {"blur": ["blur"]}, ["contrast.blur", "'blur'", "noise"]),
    ("attribution.contrast", {"blur": []}, ["contrast.blur", "at least 1"]),
    ("attribution.contrast", {"blur": "noise"}, ["contrast.blur", "a list"]),
    ("attribution", {**TINY["attribution"], "degradations": ["noise", "blur_noise"]},
     ["'blur_noise' has all operators of 'noise'", "attribution.contrast"]),
    ("attribution", {**TINY["attribution"], "degradations": ["noise", "blur_noise"],
                     "contrast": {"blur_noise": ["noise"]}},
     ["'blur_noise' has all operators of 'noise'", "attribution.contrast"]),
    # names and paths
    ("run", "tiny\n", ["run", "tiny", "without control characters"]),
    ("run", "x" * 65, ["run", "at most 64 letters"]),
    ("device", "cuda:1\n", ["device", "without control characters"]),
    ("clean", "x\0", ["clean", "without control characters"]),
    ("datasets.tiny_test", {"source": "folder", "path": "{x}"}, ["path", "'{x}'", "braces"]),
    ("datasets.tiny_test", {"source": "folder", "path": ""}, ["path", "''", "not empty"]),
    # sources
    ("datasets.tiny_test.path", "photos", ["datasets.tiny_test", "'path'", "'packaged'"]),
    ("datasets.tiny_test", {"source": "folder", "path": "a", "images": ["coffee"]},
     ["datasets.tiny_test", "'images'", "'folder'"]),
    # roles
    ("data.attribution", "tiny_validation", ["data.attribution", "'tiny_validation'", "disjoint"]),
    ("data.validation", "tiny_attribution", ["data.attribution", "'tiny_attribution'"]),
    # names of files
    ("networks.psnr_small", SMALL, ["networks", "'psnr_small'", "'small'", "rename"]),
    ("networks.map_small", SMALL, ["networks", "'map_small'", "'small'", "rename"]),
    (f"networks.{'x' * 240}", SMALL, ["networks", "at most 64 letters"]),
    ("datasets." + "x" * 65, {"source": "folder", "path": "a"}, ["datasets", "at most 64 letters"]),
    ("two_branch.settings.sigma_random_blur", drawn(), ["'sigma_random_blur'", "'random_blur'"]),
    ("two_branch.settings.findings_random_blur", drawn(), ["'findings' is part", "rename"]),
    ("two_branch.settings.data", drawn(), ["two_branch.settings", "'data'", "rename"]),
    ("two_branch.settings.networks", drawn(), ["two_branch.settings", "'networks'", "rename"]),
    # sizes that fit in no memory
    ("training.patch", 10**6, ["training.patch", "1000000", "at most 8192", "memory"]),
    ("training.batch", 10**6, ["training.batch", "1000000", "at most 65536", "memory"]),
    ("training", {**TINY["training"], "batch": 60000, "patch": 64},
     ["training.batch", "60000 patches", "100,000,000", "memory"]),
    ("health.crop", 10**6, ["health.crop", "1000000", "at most 8192", "memory"]),
    ("prediction.crop", 10**6, ["prediction.crop", "1000000", "at most 8192", "memory"]),
    ("faithfulness.crop", 10**6, ["faithfulness.crop", "1000000", "at most 8192", "memory"]),
    ("two_branch.control.size", [8, 10**6], ["control.size[1]", "1000000", "at most 8192"]),
    ("benchmark.sizes", [[8, 10**6]], ["benchmark.sizes[0][1]", "1000000", "at most 8192"]),
    ("benchmark.reference_size", [10**6, 8], ["reference_size[0]", "1000000", "memory"]),
    ("benchmark.matrices", [10**6], ["benchmark.matrices[0]", "1000000", "memory"]),
    ("benchmark.patch", 10**6, ["benchmark.patch", "1000000", "memory"]),
    ("benchmark.batch", 10**6, ["benchmark.batch", "1000000", "memory"]),
    ("benchmark", {"batch": 60000, "patch": 64}, ["benchmark.batch", "60000 patches", "memory"]),
    (f"{NETWORK}.parameters.features", 10**9, ["parameters.features", "65536", "memory"]),
    ("degradations.blur", blur(size=10**9 + 1), ["blur[0].size", "from 1 to 999"]),
    ("degradations.noise", after("motion_blur", length=1e6, angle=0), ["length", "1 to 999"]),
    ("degradations.noise", after("rescale", factor=100.0), ["factor", "100.0", "at most 16"]),
]
# fmt: on


@pytest.mark.parametrize(("key", "value", "words"), SLIPS)
def test_it_is_refused_in_one_line(key, value, words):
    with pytest.raises(ConfigError) as error:
        configuration.load(changed(TINY, key, value))
    _, line = str(error.value).splitlines()
    assert [word for word in words if word not in line] == [], line


def test_kernels_are_those_of_the_library():
    assert set(parameters.KERNELS) == set(RESAMPLING)


FINE = [
    ("attribution.methods.faig", {"quadrature": "adaptive", "tolerance": 0.001}),
    ("attribution.methods.signed", {"quadrature": "adaptive"}),
    ("attribution.methods.faig.nodes", 1000),
    ("degradations.noise", after("jpeg", quality=100)),
    ("degradations.noise", after("gaussian_noise", sigma=1)),
    ("degradations.noise", after("gaussian_noise", sigma=[0, 0.1])),
    ("degradations.noise", after("jpeg", quality=[30, 90])),
    ("degradations.noise", after("mine.operators:darken", factor=[0.2, 0.5])),
    (f"{NETWORK}.baseline", None),
    (f"{NETWORK}.architecture", "my_package.networks:Net"),
    (NETWORK, {"architecture": "srcnn", "parameters": {"widths": [4, 4], "skip": True}}),
    (TWO, {"architecture": "mine:Net", "parameters": {"anything": [True, None, "x"]}}),
    ("run", "x" * 64),
    ("seeds", [2**63 - 1]),
    ("networks.psnr_other", SMALL),
    ("networks.sigma_small", SMALL),
    ("two_branch.settings.psnr_random_blur", drawn()),
    ("training", {**TINY["training"], "batch": 512, "patch": 256, "sub_images": None}),
    ("datasets.tiny_test.crop", 10**6),
    ("datasets.tiny_test", {"source": "folder", "path": "Fotos für x"}),
]


@pytest.mark.parametrize(("key", "value"), FINE)
def test_what_can_be_right_is_not_refused(key, value):
    assert configuration.load(changed(TINY, key, value))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (
            "class A:\n def __init__(self, scale, n: int, more=True): ...\nNetwork = A",
            {"n", "more"},
        ),
        ("class A:\n def __init__(self, *, scale=2, n: int): ...\nNetwork = A", {"n"}),
        ("class A:\n def __init__(self, **rest): ...\nNetwork = A", None),
        ("class A(B): ...\nNetwork = A", None),
        ("Network = make()", None),
    ],
)
def test_a_network_is_checked_as_far_as_its_file_tells(tmp_path, monkeypatch, code, found):
    path = tmp_path / "mine.py"
    path.write_text(code)
    monkeypatch.setattr(codebase, "named_file", lambda name: path)
    parameters = codebase.network_parameters("srresnet")
    assert (parameters if parameters is None else set(parameters)) == found
    given = {"n": 3, "more": True} if found == {"n", "more"} else {"n": 3}
    config = changed(TINY, TWO, {"architecture": "mine:Net"})
    assert configuration.load(changed(config, f"{NETWORK}.parameters", given))


def with_twin(own: dict, **twin) -> dict:
    """The tiny config with another network, put into by the first."""
    config = changed(TINY, "networks.twin", {**SMALL, **twin})
    return changed(config, "transplant", {"receivers": ["twin"], **own})


def test_networks_of_one_architecture_and_baseline_give_each_other_filters():
    loaded = configuration.load(with_twin({}))
    assert transplant.pairs(loaded) == [("small", "twin")]
    both = {"receivers": ["small", "twin"], "donors": ["small", "twin"]}
    assert transplant.pairs(configuration.load(with_twin(both))) == [
        ("small", "twin"),
        ("twin", "small"),
    ]


@pytest.mark.parametrize(
    ("twin", "words"),
    [
        ({"parameters": {"features": 5, "blocks": 1}}, "networks.twin.parameters is not that of"),
        ({"baseline": "given.pth"}, "one has a 'baseline' that is given"),
    ],
)
def test_networks_that_can_have_no_baseline_in_common_are_refused(twin, words):
    with pytest.raises(ConfigError, match=words):
        configuration.load(with_twin({}, **twin))


def equal_operators():
    config = changed(TINY, "degradations.same", TINY["degradations"]["blur"])
    return changed(config, "attribution.degradations", ["blur", "same"])


def test_degradations_of_equal_operators_are_not_told_apart():
    with pytest.raises(ConfigError, match="'same' has all operators of 'blur'"):
        configuration.load(equal_operators())


def sources(first: dict, second: dict, role: str) -> dict:
    """The tiny config whose test set and dataset of another role come from there."""
    config = copy.deepcopy(TINY)
    config["datasets"] |= {"one": first, "two": second}
    config["data"]["test"] = ["two"]
    if role == "test":
        config["data"]["test"] = ["one", "two"]
    else:
        config["data"][role] = "one"
    return config


def folder(path) -> dict:
    return {"source": "folder", "path": str(path)}


def archive(checksum=SUM, **mirror) -> dict:
    return {"source": "archive", "mirrors": [{"checksum": checksum, **mirror}]}


URL = "https://a.org/b.zip"
# fmt: off
SAME = [
    (folder("x"), folder("x/")),
    (folder("x"), folder("y/../x")),
    (folder("x"), folder("link")),
    (archive(url=URL), archive(OTHER_SUM, url=URL)),
    (archive(path="x.zip"), archive(OTHER_SUM, path="./x.zip")),
    (archive(url=URL), archive(url=URL, member="a")),
    (archive(url=URL, member="a"), archive(url=URL, member="./a/")),
]
# fmt: on


@pytest.mark.parametrize("role", ["train", "validation", "attribution", "test"])
@pytest.mark.parametrize(("first", "second"), SAME)
def test_one_source_written_in_two_ways_is_one(tmp_path, monkeypatch, first, second, role):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to("x")
    with pytest.raises(ConfigError, match=r"the same (as that of 'one'|images)"):
        configuration.load(sources(first, second, role))


def test_two_folders_of_an_archive_are_two_sources():
    first, second = (archive(url=URL, member=member) for member in "ab")
    assert configuration.load(sources(first, second, "train"))


# methods in files of the user's own

MINE = """
from faig.attribution import methods
from faig.attribution.methods import method


@method(contrast="none")
def magnitude(pair, examples, power: int = 1, *, norm: str, anything=None, seed=0): ...


@methods.method(contrast="none")
def other(pair, examples): ...


def plain(pair, examples): ...
"""


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Files of the user's own below scripts/."""
    folder = tmp_path / "scripts"
    (folder / "mine").mkdir(parents=True)
    (folder / "faig").symlink_to(codebase.LIBRARY)
    (folder / "mine/methods.py").write_text(MINE)
    (folder / "my_methods.py").write_text(MINE)
    (folder / "slip.py").write_text("def magnitude(:\n")
    monkeypatch.setattr(codebase, "SCRIPTS", folder)
    codebase._module_file.cache_clear()
    yield folder
    codebase._module_file.cache_clear()


def with_method(name, function, **parameters):
    return changed(TINY, f"attribution.methods.{name}", {"function": function, **parameters})


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        ("my_methods:magnitude", {"norm": "l2"}),
        ("mine.methods:magnitude", {"norm": "l2", "power": -1, "anything": [None]}),
        ("my_methods:other", {}),
        ("yaml:anything", {"that": "is", "not": "read"}),
    ],
)
def test_methods_of_other_files_are_known_by_a_name_of_their_own(scripts, function, parameters):
    config = configuration.load(with_method("my_own", function, **parameters))
    assert config["attribution"]["methods"]["my_own"] == {"function": function, **parameters}
    told = Sections(config).attribution("small", "0", "my_own")
    assert (told["method"], told["parameters"]) == (function, parameters)


# fmt: off
REFUSED = [
    ("x", "my_methods", {}, ["methods.x.function", "'my_methods'", "package.module:function"]),
    ("x", 3, {}, ["methods.x.function", "'3'", "package.module:function"]),
    ("x", None, {}, ["methods.x.function", "package.module:function"]),
    ("x", "random:random", {}, ["methods.x.function", "module of Python's"]),
    ("x", "my_metods:magnitude", {}, ["x.function", "my_metods", "no such module"]),
    ("x", "mine.metods:magnitude", {}, ["x.function", "mine.metods", "no such module"]),
    ("x", "my_methods:magnitud", {},
     ["x.function", "under @method in scripts/my_methods.py", "magnitude, other"]),
    ("x", "my_methods:plain", {}, ["x.function", "'my_methods:plain'", "under @method"]),
    ("x", "slip:magnitude", {}, ["x.function", "scripts/slip.py cannot be read", "line 1"]),
    ("x", "my_methods:magnitude", {}, ["methods.x:", "needs the parameter 'norm'"]),
    ("x", "my_methods:magnitude", {"norm": "l2", "pwer": 2}, ["methods.x:", "mean power?"]),
    ("x", "my_methods:magnitude", {"norm": 2}, ["methods.x.norm", "2", "text"]),
    ("x", "my_methods:magnitude", {"norm": "l2", "seed": 1}, ["methods.x:", "'seed'"]),
    ("faig", "my_methods:other", {}, ["methods.faig:", "a name that the project"]),
    ("matched_random", "my_methods:other", {}, ["matched_random:", "a name that"]),
    ("health", "my_methods:other", {}, ["methods.health:", "a name that the project"]),
    ("my-own", "my_methods:other", {}, ["attribution.methods:", "'my-own'", "underscores"]),
]
# fmt: on


@pytest.mark.parametrize(("name", "function", "parameters", "words"), REFUSED)
def test_methods_of_other_files_that_cannot_be_used_are_refused(
    scripts, name, function, parameters, words
):
    with pytest.raises(ConfigError) as error:
        configuration.load(with_method(name, function, **parameters))
    _, line = str(error.value).splitlines()
    assert [word for word in words if word not in line] == [], line


def test_what_an_attribution_runs_follows_from_its_own_methods_file(scripts):
    assert codebase.named_file("mine.methods:magnitude") == scripts / "mine/methods.py"
    assert codebase.named_file("yaml:anything") is None
    assert codebase.elsewhere("yaml:anything")
    assert not codebase.elsewhere("my_methods.deeper:magnitude")
