"""What runs again after a change of the config: exactly what depends on it."""

import copy
from collections import defaultdict

import pytest
from faig_workflow.config.schema import leaf_keys
from sections import all_sections

from .conftest import TINY, change
from .reruns import (
    ALL_IMAGES,
    ARCHIVE,
    ATTRIBUTION,
    BENCH,
    BLURRED,
    COMPARED,
    COMPARISON,
    COST,
    EXPORT,
    GRID,
    HEALTH,
    IMAGES,
    LEARNING,
    LOOKS,
    MASKING,
    MODULATED,
    MODULATION,
    PLOTS,
    PREDICTION,
    PROBE,
    QUADRATURE,
    RANDOM_BLUR,
    RANKING,
    RETRAINING,
    SPEED,
    STABILITY,
    STRIP,
    SYSTEM,
    TARGET,
    TEST_IMAGES,
    TRAINING,
    TRAINING_IMAGES,
    TRANSPLANT,
    TRUST,
)

MORE = {"source": "packaged", "images": ["coffee"], "crop": 96}

RANDOM_OPERATORS = [{"op": "random_gaussian_blur", "size": 9, "low": 0.3, "high": 2.0}]

# by key of the config: what to change, and what that re-runs besides the end of the run
CHANGES = {
    "run": ({"run": "other"}, ALL_IMAGES | SYSTEM | RANDOM_BLUR),
    "seeds": (
        {"seeds": [0, 1]},
        TRAINING - QUADRATURE - GRID - STRIP - EXPORT - MODULATED - {"check_pair"} | LEARNING,
    ),
    "baseline_seed": (
        {"seeds": [0, 1], "baseline_seed": "shared"},
        TARGET - QUADRATURE - GRID - STRIP - EXPORT - MODULATED - {"check_pair"}
        | {"compare_seeds"}
        | LEARNING,
    ),
    "noise_seed": ({"noise_seed": 1}, ALL_IMAGES),
    "device": ({"device": "cpu"}, TRAINING | SPEED | LEARNING),
    "precision": ({"precision": "bfloat16"}, TRAINING | LEARNING),
    "protocol": ({"protocol": "released"}, ALL_IMAGES),
    "scale": ({"scale": 4}, ALL_IMAGES | SYSTEM),
    "datasets.*.source": (
        {"datasets.tiny_test": {"source": "folder", "path": "photos"}},
        TEST_IMAGES,
    ),
    "datasets.*.path": (
        {"datasets.tiny_test": {"source": "folder", "path": "photos"}},
        TEST_IMAGES,
    ),
    "datasets.*.images": ({"datasets.tiny_test.images": ["astronaut"]}, TEST_IMAGES),
    "datasets.*.crop": (
        {"datasets.tiny_attribution.crop": 48},
        {"synthesize"} | COMPARED | LOOKS | STABILITY | ATTRIBUTION | QUADRATURE,
    ),
    "data.train": ({"datasets.more": MORE, "data.train": "more"}, ALL_IMAGES),
    "data.validation": ({"datasets.more": MORE, "data.validation": "more"}, IMAGES | BLURRED),
    "data.attribution": (
        {"datasets.more": MORE, "data.attribution": "more"},
        {"synthesize"} | COMPARED | LOOKS | STABILITY | ATTRIBUTION | QUADRATURE,
    ),
    "data.test": ({"datasets.more": MORE, "data.test": ["more"]}, TEST_IMAGES),
    "degradations.*": ({"degradations.more": [{"op": "downsample"}]}, IMAGES | PROBE),
    # every other one of the run has an operator that is attributed, so a new one is made
    "clean": (
        {"degradations.more": [{"op": "downsample", "kernel": "bilinear"}], "clean": "more"},
        IMAGES | PROBE | LOOKS | STABILITY | ATTRIBUTION | QUADRATURE,
    ),
    "networks.*.architecture": (
        {"networks.small": {"architecture": "srcnn"}},
        TRAINING | SPEED,
    ),
    "networks.*.parameters": ({"networks.small.parameters.features": 5}, TRAINING | SPEED),
    **{
        f"networks.*.{stage}.{key}": (
            {f"networks.small.{stage}": {"file": "given.pth"} | given},
            {"import_checkpoint"} | TARGET - trained,
        )
        for stage, trained in (("baseline", set()), ("target", {"train_target"}))
        for key, given in (
            ("file", {}),
            ("package", {"package": "yaml", "file": "__init__.py"}),
            ("prefix", {"prefix": "generator"}),
            ("rename.*", {"rename": {"head": "conv_first"}}),
        )
    },
    "networks.*.align": (
        {f"networks.small.{stage}": "given.pth" for stage in ("baseline", "target")}
        | {"networks.small.align": True},
        {"import_checkpoint"} | TARGET - {"train_target", "plot_training"},
    ),
    "training.patch": ({"training.patch": 20}, TRAINING | LEARNING),
    "training.batch": ({"training.batch": 3}, TRAINING | LEARNING),
    "training.sub_images.size": ({"training.sub_images.size": 32}, TRAINING | LEARNING),
    "training.sub_images.stride": ({"training.sub_images.stride": 16}, TRAINING | LEARNING),
    "training.scale": ({"training.scale": 2.0}, TRAINING | LEARNING),
    "training.validations": ({"training.validations": 1}, TRAINING | LEARNING),
    "training.validation_images": ({"training.validation_images": 3}, TRAINING | LEARNING),
    "training.baseline.degradations": ({"training.baseline.degradations": ["blur"]}, TRAINING),
    "training.baseline.iterations": ({"training.baseline.iterations": 5}, TRAINING),
    "training.baseline.learning_rate": ({"training.baseline.learning_rate": 0.1}, TRAINING),
    "training.baseline.period": ({"training.baseline.period": 2}, TRAINING),
    "training.baseline.minimum_learning_rate": (
        {"training.baseline.minimum_learning_rate": 0},
        TRAINING,
    ),
    "training.target.degradations": (
        {"training.target.degradations": ["bicubic", "blur", "noise"]},
        TRAINING_IMAGES,
    ),
    "training.target.iterations": ({"training.target.iterations": 5}, TARGET),
    "training.target.learning_rate": ({"training.target.learning_rate": 0.1}, TARGET),
    "training.target.period": ({"training.target.period": 2}, TARGET),
    "training.target.minimum_learning_rate": (
        {"training.target.minimum_learning_rate": 0},
        TARGET,
    ),
    "attribution.degradations": (
        {"attribution.degradations": ["noise", "blur"]},
        LOOKS | STABILITY | ATTRIBUTION | QUADRATURE | PROBE,
    ),
    "attribution.contrast.*": (
        {"attribution.contrast": {"blur": ["noise"]}},
        RANKING | STABILITY,
    ),
    # then signed scores are no longer found in FAIG's pass
    "attribution.units": ({"attribution.units": "channel"}, LOOKS | STABILITY | ATTRIBUTION),
    "attribution.biases": ({"attribution.biases": "units"}, LOOKS | STABILITY | ATTRIBUTION),
    "attribution.images": ({"attribution.images": "auto"}, ATTRIBUTION - {"take_signed"}),
    "attribution.agreement": (
        {"attribution.images": "auto", "attribution.agreement": 0.9},
        ATTRIBUTION - {"take_signed"},
    ),
    "stability.crop": ({"stability.crop": 16}, STABILITY),
    "stability.crops": ({"stability.crops": 1}, STABILITY),
    "stability.nodes": ({"stability.nodes": 4}, STABILITY),
    "stability.null_target": ({"stability.null_target": True}, {"train_null"} | STABILITY),
    **{
        f"trust.limits.{name}": ({f"trust.limits.{name}": 0.25}, TRUST)
        for name in (
            "stability_green",
            "stability_amber",
            "sanity_green",
            "sanity_amber",
            "specificity",
            "effects_green",
            "effects_amber",
        )
    },
    "health.crop": ({"health.crop": 16}, LOOKS),
    "health.crops": ({"health.crops": 1}, LOOKS),
    "health.points": ({"health.points": 4}, HEALTH),
    "health.nodes": ({"health.nodes": 3}, HEALTH),
    "health.limits.gain": ({"health.limits.gain": 1}, HEALTH),
    "health.limits.barrier_doubtful": ({"health.limits.barrier_doubtful": 0.2}, HEALTH),
    "health.limits.barrier_unfit": ({"health.limits.barrier_unfit": 2}, HEALTH),
    "health.limits.monotony": ({"health.limits.monotony": 0.5}, HEALTH),
    "health.limits.cancellation_doubtful": (
        {"health.limits.cancellation_doubtful": 9},
        HEALTH,
    ),
    "health.limits.cancellation_unfit": ({"health.limits.cancellation_unfit": 40}, HEALTH),
    "health.limits.completeness": ({"health.limits.completeness": 0.1}, HEALTH),
    "health.limits.overlap": ({"health.limits.overlap": 0.5}, HEALTH),
    "attribution.methods.*": (
        {"attribution.methods.faig.nodes": 3},
        ATTRIBUTION - {"take_signed"},
    ),
    "faithfulness.crop": ({"faithfulness.crop": 48}, BENCH | MODULATION),
    "faithfulness.crops_per_image": ({"faithfulness.crops_per_image": 2}, BENCH | MODULATION),
    "faithfulness.draws": ({"faithfulness.draws": 3}, BENCH),
    "faithfulness.filters": ({"faithfulness.filters": 5}, BENCH),
    "modulation.methods": ({"modulation.methods": ["signed"]}, MODULATION),
    "modulation.proportion": ({"modulation.proportion": 0.1}, MODULATION | STRIP),
    "modulation.strengths": ({"modulation.strengths": [0, 1]}, MODULATION | STRIP),
    **{
        f"transplant.{key}": (
            {"stability.null_target": True, "transplant": given},
            {"train_null"} | STABILITY | TRANSPLANT,
        )
        for key, given in (
            ("receivers", {"receivers": ["null_target"]}),
            ("donors", {"donors": ["small"]}),
            ("methods", {"methods": ["signed"]}),
            ("proportions", {"proportions": [0.1]}),
        )
    },
    # these name another file
    "export.network": ({"export.network": "small"}, set()),  # as before
    "export.degradation": ({"export.degradation": "noise"}, MODULATED),
    "export.method": ({"export.method": "signed"}, MODULATED),
    "export.strength": ({"export.strength": 0.25}, MODULATED),
    "export.proportion": ({"export.proportion": 0.1}, MODULATED),
    "export.format": ({"export.format": "safetensors"}, MODULATED),
    "masking.refit_biases": ({"masking.refit_biases": True}, MASKING),
    "masking.proportions": ({"masking.proportions": [0.05, 0.1]}, MASKING),
    "retraining.methods": ({"retraining.methods": ["faig"]}, RETRAINING - {"retrain"}),
    "retraining.proportions": ({"retraining.proportions": [0.05, 0.1]}, RETRAINING),
    "retraining.rest": ({"retraining.rest": True}, RETRAINING),
    "retraining.iterations": ({"retraining.iterations": 3}, RETRAINING),
    "retraining.learning_rate": ({"retraining.learning_rate": 0.1}, RETRAINING),
    "retraining.period": ({"retraining.period": 1}, RETRAINING),
    "retraining.minimum_learning_rate": ({"retraining.minimum_learning_rate": 0}, RETRAINING),
    "prediction.proportion": ({"prediction.proportion": 0.1}, PREDICTION),
    "prediction.crop": ({"prediction.crop": 48}, PREDICTION | COMPARISON | PROBE),
    "prediction.crops_per_image": (
        {"prediction.crops_per_image": 1},
        PREDICTION | COMPARISON | PROBE,
    ),
    "prediction.quadrature": ({"prediction.quadrature": "left"}, PREDICTION),
    "prediction.nodes": ({"prediction.nodes": 3}, PREDICTION),
    "two_branch.networks.*.architecture": (
        {"two_branch.networks.dan1.architecture": "dan2"},
        SYSTEM,
    ),
    "two_branch.networks.*.parameters": (
        {"two_branch.networks.dan1.parameters.features": 5},
        SYSTEM,
    ),
    "two_branch.control.features": ({"two_branch.control.features": 5}, SYSTEM),
    "two_branch.control.size": ({"two_branch.control.size": [8, 8]}, SYSTEM),
    "two_branch.settings.*": (
        {"two_branch.settings.random_blur": [*RANDOM_OPERATORS, {"op": "downsample"}]},
        BLURRED | RANDOM_BLUR,
    ),
    "two_branch.sigmas": ({"two_branch.sigmas": [1.0]}, BLURRED),
    "two_branch.iterations": ({"two_branch.iterations": 5}, LEARNING),
    "two_branch.learning_rate": ({"two_branch.learning_rate": 0.1}, LEARNING),
    "two_branch.period": ({"two_branch.period": 2}, LEARNING),
    "two_branch.minimum_learning_rate": ({"two_branch.minimum_learning_rate": 0}, LEARNING),
    "benchmark.nodes": ({"benchmark.nodes": 3}, QUADRATURE),
    "benchmark.reference_size": ({"benchmark.reference_size": [8, 16]}, QUADRATURE),
    "benchmark.reference_nodes": ({"benchmark.reference_nodes": 8}, QUADRATURE),
    "benchmark.curve.*": ({"benchmark.curve.left": [2]}, QUADRATURE),
    "benchmark.released": ({"benchmark.released": "checkout"}, QUADRATURE),
    "benchmark.patch": ({"benchmark.patch": 20}, SPEED),
    "benchmark.batch": ({"benchmark.batch": 3}, SPEED),
    "benchmark.repetitions": ({"benchmark.repetitions": 2}, COST | SPEED),
    "benchmark.sizes": ({"benchmark.sizes": [[8, 8]]}, COST),
    "benchmark.images": ({"benchmark.images": [1]}, COST),
    "benchmark.matrices": ({"benchmark.matrices": [32]}, COST | SPEED),
    "figures.dpi": ({"figures.dpi": 80}, PLOTS),
    "figures.font_size": ({"figures.font_size": 8}, PLOTS),
}

MIRROR = {"path": "same.zip", "checksum": "sha256:" + "0" * 64}
# the same for a run on an archive, of which only the images and the given weights are made
ARCHIVE_CHANGES = {
    "datasets.*.mirrors": ({"datasets.photos.mirrors": [MIRROR]}, ARCHIVE),
}


def test_every_key_has_a_row():
    assert not CHANGES.keys() & ARCHIVE_CHANGES.keys()
    assert CHANGES.keys() | ARCHIVE_CHANGES.keys() == set(leaf_keys())


def neighbours() -> dict[str, list[str]]:
    """Keys beside each other in the config that should re-run the same, by a name for them all."""
    groups = defaultdict(list)
    for key, (changes, expected) in CHANGES.items():
        alone = changes.keys() == {key}
        section, _, name = key.rpartition(".") if alone else (key, "", "")
        groups[section, frozenset(expected)].append((key, name))
    return {
        f"{section}.{','.join(name for _, name in keys)}".strip("."): [key for key, _ in keys]
        for (section, _), keys in groups.items()
    }


def taken_alike(keys: list[str]) -> list[dict]:
    """Changes of these keys, those in one that exactly the same steps take from the config.

    All in one, they re-run no more than the steps do, and each of them no less.
    """
    found, before = defaultdict(dict), all_sections(TINY).items()
    for key in keys:
        changes, _ = CHANGES[key]
        config = copy.deepcopy(TINY)
        for name, value in changes.items():
            change(config, name, value)
        steps = frozenset(name for name, _ in before ^ all_sections(config).items())
        # without a step, it changes which files there are
        found[steps or key].update(changes)
    return list(found.values())


NEIGHBOURS = neighbours()


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_changed_key_reruns_what_depends_on_it(complete, name):
    keys = NEIGHBOURS[name]
    _, expected = CHANGES[keys[0]]
    for changes in taken_alike(keys):
        assert complete.after(changes) == expected | {"record_config", "report"}, changes


@pytest.mark.parametrize("key", ARCHIVE_CHANGES)
def test_a_changed_key_of_an_archive_reruns_what_depends_on_it(archived, key):
    changes, expected = ARCHIVE_CHANGES[key]
    assert archived.after(changes) == expected


def test_order_of_keys_does_not_matter(tiny, complete):
    tiny.config = dict(reversed(tiny.config.items()))
    assert complete.planned() <= {"record_config", "report"}
