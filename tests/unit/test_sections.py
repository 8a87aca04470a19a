import copy
import fnmatch
from pathlib import Path

import pytest
import yaml
from faig.base.provenance import canonical_json
from faig_workflow import config as configuration
from faig_workflow.sections import Sections
from sections import all_sections
from toys import changed

CONFIG = Path(__file__).parents[2] / "config"
DEFAULT = yaml.safe_load((CONFIG / "config.yaml").read_text())
COMPARISON = yaml.safe_load((CONFIG / "two-branch.yaml").read_text())["two_branch"]
COMPARED = {**DEFAULT, "two_branch": COMPARISON}

ATTRIBUTING = ["quadrature/*", "benchmark/*"]
MEASURING = [*ATTRIBUTING, "training_benchmark/*"]
COMPUTING = [
    f"{rule}/*"
    for rule in (
        "training",
        "health",
        "stability",
        "attribution",
        "ranking",
        "evaluation",
        "masking",
        "faithfulness",
        "retraining",
        "prediction",
        "modulation",
    )
]


def differing(one: dict, other: dict) -> set[str]:
    before, after = all_sections(one), all_sections(other)
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("key", "value", "patterns"),
    [
        ("run", "other", []),
        ("seeds", [0, 1], []),
        ("figures", {"dpi": 300}, ["figures"]),
        ("figures", {"font_size": 10}, ["figures"]),
        ("masking.proportions", [0.02], ["masking/*"]),
        ("masking.refit_biases", True, ["masking/*"]),
        ("faithfulness", {"draws": 9}, ["faithfulness/*"]),
        ("faithfulness", {"crop": 48}, ["faithfulness/*", "modulation/*"]),
        ("modulation", {"strengths": [0, 1]}, ["modulation/*"]),
        ("modulation", {"methods": ["signed"]}, []),
        ("export", {"proportion": 0.1}, ["export/*"]),
        ("export", {"strength": 0.1}, []),
        ("retraining.proportions", [0.02], ["retraining/*"]),
        ("retraining.iterations", 7, ["retraining/*"]),
        ("retraining.rest", True, ["retraining/*"]),
        ("attribution.methods.faig.nodes", 9, ["attribution/*/faig"]),
        ("attribution.methods.intinf.quadrature", "left", ["attribution/*/intinf"]),
        ("attribution.degradations", ["noise", "blur"],
         ["health/*", "stability/*", "attribution/*", "faithfulness/*", "prediction/*",
          "modulation/*", *ATTRIBUTING]),
        (
            "attribution.contrast",
            {"blur": ["noise"]},
            ["ranking/*", "stability/*", "faithfulness/*"],
        ),
        ("attribution.units", "channel",
         ["health/*", "stability/*", "attribution/*", "ranking/*", "faithfulness/*", "masking/*",
          "retraining/*", "prediction/*", "modulation/*", "export/*", "summary"]),
        ("health", {"nodes": 4}, ["health/*"]),
        ("health", {"limits": {"overlap": 0.8}}, ["health/*", "trust"]),
        ("stability", {"crops": 4}, ["stability/*"]),
        ("stability", {"null_target": True}, ["stability/*"]),
        ("baseline_seed", "shared", []),
        ("trust", {"limits": {"specificity": 0.1}}, ["trust"]),
        ("training.baseline.iterations", 7, ["training/*/baseline"]),
        ("training.target.iterations", 7, ["training/*/target"]),
        ("training.target.period", 7, ["training/*/target"]),
        ("training.patch", 64, ["training/*", "retraining/*"]),
        ("training.sub_images", {"size": 64, "stride": 32}, ["training/*", "retraining/*"]),
        ("training.scale", 0.5, ["training/*", "retraining/*"]),
        ("training.validations", 3, ["training/*"]),
        ("training.validation_images", 3, ["training/*"]),
        ("training.target.degradations", ["bicubic", "blur"],
         ["training/*/target", "retraining/*", "training_benchmark/*",
          "synthesis/photos_train"]),
        ("networks.srcnn.parameters", {"widths": [8, 8]}, ["*/srcnn", "*/srcnn/*"]),
        ("networks.srresnet.architecture", "package.module:Net", ["*/srresnet", "*/srresnet/*"]),
        ("prediction.crop", 64, ["prediction/*"]),
        ("prediction.nodes", 9, ["prediction/*"]),
        ("prediction.proportion", 0.02, ["prediction/*"]),
        ("datasets.photos_test.crop", 64, ["synthesis/photos_test"]),
        ("noise_seed", 1, ["synthesis/*"]),
        ("device", "cpu", [*COMPUTING, *MEASURING]),
        ("benchmark.sizes", [[8, 8]], ["benchmark/*"]),
        ("benchmark.reference_nodes", 64, ["quadrature/*"]),
        ("benchmark.nodes", 9, ATTRIBUTING),
        ("benchmark.repetitions", 9, ["benchmark/*", "training_benchmark/*"]),
        ("benchmark.patch", 32, ["training_benchmark/*"]),
        ("benchmark.batch", 8, ["training_benchmark/*"]),
        ("precision", "float32", COMPUTING),
        ("scale", 3, ["synthesis/*", "export/*", *COMPUTING, *MEASURING]),
    ],
)  # fmt: skip
def test_a_key_changes_exactly_the_rules_that_depend_on_it(key, value, patterns):
    found = differing(DEFAULT, changed(DEFAULT, key, value))
    names = all_sections(DEFAULT)
    assert found == {n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns)}


NARROW = [{"op": "random_gaussian_blur", "size": 21, "low": 0.5, "high": 1}, {"op": "downsample"}]


@pytest.mark.parametrize(
    ("key", "value", "patterns"),
    [
        ("two_branch.networks.dan1.parameters", {"features": 8}, ["match/dan1"]),
        ("two_branch.control.features", 24, ["match/*"]),
        ("two_branch.control.size", [8, 8], ["match/*"]),
        ("two_branch.sigmas", [1], ["comparison/*", "learning/*", "images/*"]),
        ("two_branch.iterations", 7, ["learning/*"]),
        ("two_branch.learning_rate", 0.5, ["learning/*"]),
        ("two_branch.settings.blur", NARROW, ["learning/blur", "images/photos_train"]),
        ("prediction.crop", 64, ["comparison/*", "probe", "prediction/*"]),
        ("noise_seed", 1, ["images/*", "synthesis/*"]),
    ],
)
def test_a_key_changes_exactly_the_rules_of_the_comparison_that_depend_on_it(key, value, patterns):
    found = differing(COMPARED, changed(COMPARED, key, value))
    names = all_sections(COMPARED)
    wanted = {n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns)}
    if "sigmas" in key:
        wanted -= {"images/photos_train"}  # there sigmas are drawn
    assert found == wanted


def test_a_random_blur_by_its_former_name_is_a_range_of_sigma():
    """What is trained with it is bit for bit the same, as it is the same."""
    former = [{"op": "random_gaussian_blur", "size": 21, "low": 0.2, "high": 2.0}]
    config = changed(COMPARED, "two_branch.settings.blur", [*former, {"op": "downsample"}])
    assert differing(COMPARED, config) == set()


def test_tests_have_a_fixed_blur_where_training_has_a_random_one():
    section = Sections(configuration.load(COMPARED))
    train, test = (
        section.two_branch_synthesis(name)["degradations"]
        for name in ("photos_train", "photos_test")
    )
    assert train == COMPARED["two_branch"]["settings"]
    blurs = {name: operators[0] for name, operators in test.items() if "noise" not in name}
    assert blurs["blur_0.4"] == {"op": "gaussian_blur", "size": 21, "sigma": 0.4}
    assert list(blurs) == [f"blur_{sigma:g}" for sigma in COMPARED["two_branch"]["sigmas"]]
    assert test["blur_noise_2"][2] == train["blur_noise"][2]


def test_the_kernel_code_covers_all_settings():
    wider = changed(COMPARED, "two_branch.settings.narrow", NARROW)
    wider["two_branch"]["settings"]["blur"] = NARROW
    wider["two_branch"]["settings"]["blur_noise"] = [{**NARROW[0], "high": 3.0}, NARROW[1]]
    section = Sections(configuration.load(wider))
    assert section.kernel_code() == {"low": 0.5, "high": 3.0}


def test_the_scale_multiplies_every_length_of_training():
    config = changed(changed(DEFAULT, "training.scale", 0.01), "training.target.period", 300)
    section = Sections(configuration.load(config))
    target = section.training("srcnn", "0", "target")["schedule"]
    assert (target["iterations"], target["period"]) == (10, 3)
    retraining = section.retraining("srcnn", "0", "faig")["schedule"]
    assert (retraining["iterations"], retraining["period"]) == (2, None)
    section = Sections(configuration.load(changed(DEFAULT, "training.scale", 1e-6)))
    assert section.training("srcnn", "0", "target")["schedule"]["iterations"] == 1


@pytest.mark.parametrize(("scale", "patch"), [(2, 64), (3, 63)])
def test_timed_patches_are_a_multiple_of_the_scale(scale, patch):
    section = Sections(configuration.load(changed(DEFAULT, "scale", scale)))
    assert section.training_benchmark("srcnn")["patch"] == patch


def test_an_operators_parameter_changes_what_is_trained_and_degraded_with_it():
    blur = [{"op": "gaussian_blur", "size": 21, "sigma": 1.0}, {"op": "downsample"}]
    found = differing(DEFAULT, changed(DEFAULT, "degradations.blur", blur))
    assert {"synthesis/photos_train", "training/srcnn/target", "retraining/srcnn"} <= found
    assert not {"training/srcnn/baseline", "attribution/srcnn/faig", "masking/srcnn"} & found


def reversed_keys(value):
    """The same config, every section written in the opposite order."""
    if isinstance(value, dict):
        return {key: reversed_keys(part) for key, part in reversed(value.items())}
    return [reversed_keys(part) for part in value] if isinstance(value, list) else value


def test_the_order_of_keys_does_not_matter():
    assert reversed_keys(DEFAULT) == DEFAULT
    assert differing(DEFAULT, reversed_keys(DEFAULT)) == set()


def test_swapping_two_values_matters():
    one = changed(changed(DEFAULT, "training.patch", 32), "training.batch", 16)
    other = changed(changed(DEFAULT, "training.patch", 16), "training.batch", 32)
    assert {"training/srcnn/baseline", "retraining/srresnet"} <= differing(one, other)


def test_a_null_target_is_trained_as_long_on_clean_input():
    section = Sections(configuration.load(DEFAULT))
    target, null = (section.training("srcnn", "0", n) for n in ("target", "null"))
    assert list(null["degradations"]) == ["bicubic"]
    assert null["schedule"] == target["schedule"]


def test_figures_see_only_their_own_needs():
    section = Sections(configuration.load(DEFAULT))
    assert section.figures() == {"style": configuration.load(DEFAULT)["figures"]}
    assert section.grid("srresnet") != section.grid("srcnn")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["ra", "rt", "ru", "rv", "va", "vt", "vu", "at", "au"]),
        ({"protocol": "released"}, ["ra", "rt", "ru", "rv", "va", "vt", "vu"]),
        ({"protocol": "released", "data.attribution": "t"}, ["rt", "ru", "rv", "vt", "vu"]),
        ({"data.attribution": "v"}, ["rt", "ru", "rv", "vt", "vu"]),
    ],
)
def test_pairs_of_datasets_that_must_be_disjoint(changes, expected):
    roles = {"train": "r", "validation": "v", "attribution": "a", "test": ["t", "u"]}
    config = {**configuration.load(DEFAULT), "data": roles}
    for key, value in changes.items():
        config = changed(config, key, value)
    section = Sections(config)
    pairs = section.disjoint()["disjoint"]
    assert sorted(map("".join, pairs)) == sorted(expected)
    pairs = section.two_branch_disjoint()["disjoint"]
    assert sorted(map("".join, pairs)) == ["rt", "ru", "rv", "vt", "vu"]


@pytest.mark.parametrize("rule", ["training", "attribution", "retraining"])
def test_seeds_are_told_apart(rule):
    section = Sections(configuration.load(DEFAULT))
    more = {"training": ["baseline"], "attribution": ["faig"], "retraining": ["faig"]}[rule]
    texts = [getattr(section, rule)("srcnn", seed, *more) for seed in ("0", "1")]
    assert [text["seed"] for text in texts] == [0, 1]


@pytest.mark.parametrize(
    ("name", "place", "written"),
    [
        ("blur", 0, {}),
        ("blur_noise", 0, {"sigma": 2}),
        ("blur", 1, {"kernel": "bicubic"}),
        ("bicubic", 0, {"kernel": "bicubic"}),
    ],
)
def test_a_mixture_contains_the_degradations_that_it_is_made_of(name, place, written):
    """However the same operator is written."""
    operators = copy.deepcopy(DEFAULT["degradations"][name])
    operators[place] |= written
    section = Sections(configuration.load(changed(DEFAULT, f"degradations.{name}", operators)))
    assert section.prediction("srcnn")["conditions"] == {
        "bicubic": [],
        "blur": ["blur"],
        "noise": ["noise"],
        "blur_noise": ["blur", "noise"],
    }


def test_a_ranked_mixture_takes_its_parts_out_of_their_contrasts_with_it():
    """Blur under noise, told from noise: what the parts are contrasted with follows."""
    config = changed(DEFAULT, "attribution.degradations", ["blur", "noise", "blur_noise"])
    config = changed(config, "attribution.contrast", {"blur_noise": ["noise"]})
    section = Sections(configuration.load(config))
    contrast = section.ranking("srcnn")["contrast"]
    assert contrast == {"blur_noise": ["noise"], "blur": ["noise"], "noise": ["blur"]}
    conditions = section.prediction("srcnn")["conditions"]
    assert conditions["blur_noise"] == ["blur", "noise", "blur_noise"]


def test_only_localising_methods_have_the_rest_of_the_filters_retrained():
    section = Sections(configuration.load(changed(DEFAULT, "retraining.rest", True)))
    methods = ("faig", "matched_random", "random")
    found = [section.retraining("srcnn", "0", name)["rest"] for name in methods]
    assert found == [True, True, False]


@pytest.mark.parametrize(("images", "expected"), [("all", {}), ("auto", {"blur": ["noise"]})])
def test_scores_depend_on_contrasts_where_these_tell_how_many_images_are_enough(images, expected):
    config = changed(DEFAULT, "attribution.contrast", {"blur": ["noise"]})
    section = Sections(configuration.load(changed(config, "attribution.images", images)))
    assert section.attribution("srcnn", "0", "faig")["contrast"] == expected


def test_transplants_are_compared_with_as_many_draws_as_masking():
    config = DEFAULT | {"transplant": {}, "stability": {"null_target": True}}
    section = Sections(configuration.load(config | {"faithfulness": {"draws": 7}}))
    assert section.transplant("srcnn", "0")["draws"] == 7


def test_canonical_text_is_one_per_value():
    assert canonical_json({"b": [2, 1], "a": None}) == canonical_json({"a": None, "b": [2, 1]})
    assert canonical_json({"b": [2, 1]}) != canonical_json({"b": [1, 2]})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"methods": {"faig": {}, "signed": None}}, True),
        ({"methods": {"faig": {}}}, False),
        ({"methods": {"faig": {"nodes": 8}, "signed": {"nodes": 4}}}, False),
        ({"images": "auto"}, False),
    ],
)
def test_faig_and_signed_take_one_pass_where_they_integrate_alike(changes, expected):
    own = {**DEFAULT["attribution"], **changes}
    section = Sections(configuration.load({**DEFAULT, "attribution": own, "retraining": None}))
    assert section.one_pass() == expected
