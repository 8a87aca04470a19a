"""What runs again after a change: exactly what depends on it."""

import ast
import copy
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path

import pytest
from faig_workflow import codebase
from faig_workflow.config.schema import leaf_keys
from PIL import Image

from .conftest import HOME, TINY, Workflow, change

# rules by what they depend on; each set holds what depends on its first rules, too
PLOTS = {
    "plot_health", "plot_masking", "plot_masking_psnr", "plot_grid", "plot_retraining",
    "plot_locations", "plot_locations_map", "plot_training", "plot_prediction",
    "plot_quadrature", "plot_benchmark", "plot_training_benchmark", "plot_two_branch",
    "plot_two_branch_sigma", "plot_two_branch_knowledge", "plot_two_branch_training",
    "plot_faithfulness", "plot_league", "plot_stability", "plot_trust", "plot_modulation",
    "plot_strip",
}  # fmt: skip
COST = {"measure_attribution", "gather_measured", "plot_benchmark"}
SPEED = {"measure_training", "gather_measured", "plot_training_benchmark"}
QUADRATURE = {"measure_quadrature", "plot_quadrature"} | COST
TRUST = {"judge_trust", "plot_trust", "table_trust", "summarize"}
BENCH = {
    "measure_faithfulness", "plot_faithfulness", "plot_league", "table_league", "table_findings",
} | TRUST  # fmt: skip
MASKING = {
    "mask", "plot_masking", "plot_masking_psnr", "table_masking", "table_findings", "summarize",
}  # fmt: skip
RETRAINING = {
    "retrain", "gather_retrained", "plot_retraining", "table_retraining", "table_localisation",
    "table_findings", "summarize",
}  # fmt: skip
KNOWLEDGE = {
    "plot_two_branch_knowledge", "table_two_branch_knowledge", "summarize_two_branch",
}  # fmt: skip
PROBE = {"probe_two_branch"} | KNOWLEDGE
COMPARISON = {
    "evaluate_two_branch", "plot_two_branch", "plot_two_branch_sigma", "table_two_branch",
    "table_two_branch_findings",
} | KNOWLEDGE  # fmt: skip
LEARNING = {"train_two_branch", "plot_two_branch_training"} | COMPARISON | PROBE
SYSTEM = {"match_controls"} | LEARNING
RANDOM_BLUR = {"make_kernel_code"} | LEARNING
COMPARED = {"compare_photographs"}
COMPARED_BLURRED = {"compare_photographs_two_branch"}
BLURRED = {"synthesize_two_branch"} | COMPARED_BLURRED | LEARNING
PREDICTION = {
    "predict", "plot_prediction", "table_prediction", "table_findings", "summarize",
} | KNOWLEDGE  # fmt: skip
EVALUATION = {
    "evaluate", "plot_masking_psnr", "plot_retraining", "table_networks", "table_masking",
    "table_retraining", "table_localisation", "summarize",
}  # fmt: skip
GRID = {"plot_grid"}
STRIP = {"plot_strip"}
MODULATION = {"modulate", "plot_modulation", "table_findings", "summarize"}
MODULATED = {"export_modulated"}
CONTROL = {
    "match_random", "plot_locations", "table_locations",
} | MASKING | BENCH | RETRAINING  # fmt: skip
RANKING = {
    "rank", "plot_locations_map", "table_networks",
} | CONTROL | PREDICTION | MODULATION | GRID | STRIP | MODULATED  # fmt: skip
SIGNED = {
    "take_signed", "rank", "plot_locations", "table_locations",
} | MASKING | BENCH | RETRAINING  # fmt: skip
ATTRIBUTION = {"attribute", "table_completeness", "take_signed"} | RANKING
# figures of rankings carry the verdict on the pair
HEALTH = {
    "check_health", "plot_health", "table_health", "plot_masking", "plot_masking_psnr",
    "plot_faithfulness", "plot_league", "plot_retraining", "plot_locations", "plot_locations_map",
    "plot_prediction", "plot_modulation", "plot_grid", "plot_strip",
    "table_findings", "table_masking", "table_league", "table_retraining", "table_locations",
    "table_prediction", "table_completeness", "table_stability", "table_sanity",
    "table_localisation",
} | TRUST  # fmt: skip
# on the same crops
LOOKS = {"check_pair"} | HEALTH
STABILITY = {"measure_stability", "plot_stability", "table_stability", "table_sanity"} | TRUST
TEST_IMAGES = (
    {"synthesize", "synthesize_two_branch"}
    | COMPARED
    | COMPARED_BLURRED
    | (EVALUATION | MASKING | BENCH | RETRAINING | PREDICTION | GRID | COMPARISON | PROBE)
    | MODULATION
    | STRIP
)
EXPORT = {"export_checkpoint"}
TARGET = (
    {"train_target", "plot_training"}
    | LOOKS | STABILITY | EVALUATION | QUADRATURE | ATTRIBUTION | GRID | EXPORT
)  # fmt: skip
TRAINING = {"train_baseline"} | TARGET
# that the training curve and all after it are made of
IMAGES = {"synthesize"} | COMPARED | TRAINING
TRAINING_IMAGES = IMAGES | SPEED
ALL_IMAGES = TRAINING_IMAGES | BLURRED
ARCHIVE = {"download", "synthesize"}

MODEL = "results/{run}/models/small/seed0"
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
    "protocol": ({"protocol": "released"}, TRAINING_IMAGES | PROBE),
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
            {"import_checkpoint"} | TARGET - trained - {"plot_training"},
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
        f"trust.limits.{name}": ({"trust": {"limits": {name: 0.25}}}, TRUST)
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
    "health.limits.gain": ({"health.limits": {"gain": 1}}, HEALTH),
    "health.limits.barrier_doubtful": ({"health.limits": {"barrier_doubtful": 0.2}}, HEALTH),
    "health.limits.barrier_unfit": ({"health.limits": {"barrier_unfit": 2}}, HEALTH),
    "health.limits.monotony": ({"health.limits": {"monotony": 0.5}}, HEALTH),
    "health.limits.cancellation_doubtful": (
        {"health.limits": {"cancellation_doubtful": 9}},
        HEALTH,
    ),
    "health.limits.cancellation_unfit": ({"health.limits": {"cancellation_unfit": 40}}, HEALTH),
    "health.limits.completeness": ({"health.limits": {"completeness": 0.1}}, HEALTH),
    "health.limits.overlap": ({"health.limits": {"overlap": 0.5}}, HEALTH),
    "attribution.methods.*": (
        {"attribution.methods.faig.nodes": 3},
        ATTRIBUTION - {"take_signed"},
    ),
    "faithfulness.crop": ({"faithfulness.crop": 48}, BENCH | MODULATION),
    "faithfulness.crops_per_image": ({"faithfulness.crops_per_image": 2}, BENCH | MODULATION),
    "faithfulness.draws": ({"faithfulness.draws": 3}, BENCH),
    "faithfulness.filters": ({"faithfulness.filters": 5}, BENCH),
    "modulation.methods": ({"modulation": {"methods": ["signed"]}}, MODULATION),
    "modulation.proportion": ({"modulation": {"proportion": 0.1}}, MODULATION | STRIP),
    "modulation.strengths": ({"modulation": {"strengths": [0, 1]}}, MODULATION | STRIP),
    # these name another file
    "export.network": ({"export": {"network": "small"}}, set()),  # as before
    "export.degradation": ({"export": {"degradation": "noise"}}, MODULATED),
    "export.method": ({"export": {"method": "signed"}}, MODULATED),
    "export.strength": ({"export": {"strength": 0.25}}, MODULATED),
    "export.proportion": ({"export": {"proportion": 0.1}}, MODULATED),
    "export.format": ({"export": {"format": "safetensors"}}, MODULATED),
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
    "figures.dpi": ({"figures": {"dpi": 80}}, PLOTS),
    "figures.font_size": ({"figures": {"font_size": 8}}, PLOTS),
}

MIRROR = {"path": "same.zip", "checksum": "sha256:" + "0" * 64}
# the same for a run on an archive, of which only the images and the given weights are made
ARCHIVE_CHANGES = {
    "datasets.*.mirrors": ({"datasets.photos.mirrors": [MIRROR]}, ARCHIVE),
}

# by script, what an edit re-runs besides the report
SCRIPTS = {
    "attribute": ATTRIBUTION,
    "check_health": HEALTH,
    "check_pair": {"check_pair"},
    "compare_photographs": COMPARED | COMPARED_BLURRED,
    "compare_seeds": set(),  # of one seed, none
    "download": ARCHIVE,
    "evaluate": EVALUATION,
    "evaluate_two_branch": COMPARISON,
    "export_checkpoint": EXPORT,
    "export_modulated": MODULATED,
    "import_checkpoint": {"import_checkpoint"},
    "gather": {
        "gather_retrained", "plot_retraining", "table_retraining", "table_localisation",
        "table_findings", "summarize", "gather_measured",
    },
    "make_kernel_code": RANDOM_BLUR,
    "make_table": {
        "table_networks", "table_health", "table_stability", "table_sanity", "table_trust",
        "table_league", "table_masking", "table_retraining", "table_localisation",
        "table_locations", "table_prediction", "table_completeness", "summarize",
        "table_two_branch", "table_two_branch_knowledge", "summarize_two_branch",
        "table_findings", "table_two_branch_findings",
    },
    "judge_trust": TRUST,
    "mask": MASKING,
    "modulate": MODULATION,
    "match_controls": SYSTEM,
    "match_random": CONTROL,
    "measure_attribution": COST,
    "measure_faithfulness": BENCH,
    "measure_stability": STABILITY,
    "measure_quadrature": QUADRATURE | {"gather_measured"},
    "measure_training": SPEED,
    "plot": PLOTS - GRID - STRIP,
    "plot_grid": GRID,
    "plot_strip": STRIP,
    "predict": PREDICTION,
    "probe_two_branch": PROBE,
    "rank": RANKING,
    "retrain": RETRAINING,
    "summarize": {"summarize"},
    "summarize_two_branch": {"summarize_two_branch"},
    "take_signed": SIGNED,
    "synthesize": ALL_IMAGES,
    "train": TRAINING | LEARNING,
    "verify": set(),
}  # fmt: skip
# what only the run on an archive has
ARCHIVE_SCRIPTS = {"download", "import_checkpoint"}


class Planner:
    """A finished run, and what it would do again after a change.

    Args:
        workflow: with the config of the run.
        targets: what the run made, with `{run}` for its name.
    """

    def __init__(self, workflow: Workflow, *targets: str):
        self.workflow, self.targets = workflow, targets

    def named_targets(self) -> list[str]:
        return [target.format(run=self.workflow.config["run"]) for target in self.targets]

    def planned(self) -> set[str]:
        return self.workflow.planned(*self.named_targets())

    def after(self, changes: dict) -> set[str]:
        """Rules that run again after some keys of the config changed."""
        before = copy.deepcopy(self.workflow.config)
        try:
            for key, value in changes.items():
                change(self.workflow.config, key, value)
            return self.planned()
        finally:
            self.workflow.config = before

    def after_edit(self, edit: Callable[[str], str], *files: str) -> set[str]:
        """Rules that run again after files below scripts/ were edited, text by text."""
        paths = [self.workflow.home / "scripts" / file for file in files]
        texts = [path.read_text() for path in paths]
        try:
            for path, text in zip(paths, texts, strict=True):
                path.write_text(edit(text))
            return self.planned()
        finally:
            for path, text in zip(paths, texts, strict=True):
                path.write_text(text)


def add_line(text: str) -> str:
    return f"{text}\nEDITED = True\n"


def change_looks(text: str) -> str:
    """The same code with other docstrings, one at the top even of a file without, and layout."""
    tree = ast.parse(text)
    other = ast.Expr(ast.Constant("Another docstring."))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            node is tree or ast.get_docstring(node)
        ):
            node.body = [other, *node.body[ast.get_docstring(node) is not None :]]
    return f"# a comment\n{ast.unparse(tree)}\n"


@pytest.fixture(scope="module")
def complete(finished) -> Planner:
    """The tiny run with all that it makes on demand; beside it, files for changes to name."""
    exported = [f"{MODEL}/{stage}.pth" for stage in ("baseline", "target")]
    run = Planner(finished, "all", "benchmark", "check", "export", *exported)
    finished.run(*run.named_targets())
    (finished.folder / "photos").mkdir()
    Image.linear_gradient("L").save(finished.folder / "photos/grey.png")
    shutil.copy(finished.folder / run.named_targets()[-1], finished.folder / "given.pth")
    released = finished.folder / "checkout/analysis/tools/srresnet/faig.py"
    released.parent.mkdir(parents=True)
    released.touch()
    return run


@pytest.fixture(scope="module")
def archived(complete) -> Planner:
    """A run in the same folder whose test images come from an archive, its weights from files."""
    folder = complete.workflow.folder
    archive = folder / "photos.zip"
    shutil.make_archive(str(archive.with_suffix("")), "zip", folder, "photos")
    shutil.copy(archive, folder / "same.zip")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    workflow = Workflow(folder, folder)
    workflow.config |= {"run": "archived", "data": {**TINY["data"], "test": ["photos"]}}
    workflow.config["datasets"]["photos"] = {
        "source": "archive",
        "mirrors": [{"path": "photos.zip", "checksum": f"sha256:{digest}"}],
    }
    workflow.config["networks"]["small"]["baseline"] = "given.pth"
    run = Planner(workflow, "results/{run}/data/photos.h5", f"{MODEL}/baseline.safetensors")
    workflow.run(*run.named_targets())
    return run


def test_every_key_has_a_row():
    assert not CHANGES.keys() & ARCHIVE_CHANGES.keys()
    assert CHANGES.keys() | ARCHIVE_CHANGES.keys() == set(leaf_keys())


@pytest.mark.parametrize("key", CHANGES)
def test_a_changed_key_reruns_what_depends_on_it(complete, key):
    changes, expected = CHANGES[key]
    assert complete.after(changes) == expected | {"record_config", "report"}


@pytest.mark.parametrize("key", ARCHIVE_CHANGES)
def test_a_changed_key_of_an_archive_reruns_what_depends_on_it(archived, key):
    changes, expected = ARCHIVE_CHANGES[key]
    assert archived.after(changes) == expected


def test_order_of_keys_does_not_matter(tiny, complete):
    tiny.config = dict(reversed(tiny.config.items()))
    assert complete.planned() <= {"record_config", "report"}


# what cannot change a result: arguments, GPU locks, reuse, checksums; progress; ends on demand
NEUTRAL = ["faig.run", "faig.base.progress", "faig.base.signals"]


@cache
def modules(script: str) -> set[str]:
    """Files below scripts/ that a script imports, itself included, found in its byte code."""
    finder = ModuleFinder([str(HOME / "scripts")], excludes=NEUTRAL)
    finder.run_script(str(HOME / f"scripts/{script}.py"))
    return found_files(finder)


@cache
def modules_of_network(name: str) -> set[str]:
    """The same for a network's file."""
    finder = ModuleFinder([str(HOME / "scripts")], excludes=NEUTRAL)
    finder.import_hook(f"faig.networks.{name}")
    return found_files(finder)


def found_files(finder: ModuleFinder) -> set[str]:
    files = {module.__file__ for module in finder.modules.values()}
    return {os.path.relpath(file, HOME / "scripts") for file in files if file}


FILES = sorted(str(p.relative_to(HOME / "scripts")) for p in (HOME / "scripts").rglob("*.py"))


def test_every_script_has_a_row():
    assert {f"{script}.py" for script in SCRIPTS} == {file for file in FILES if "/" not in file}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_fingerprint_of_a_script_is_of_all_that_it_imports(script):
    """Python's own list of what a script imports is the judge."""
    assert _relative(codebase.code(script)) == modules(script)


@pytest.mark.parametrize("network", codebase.networks())
def test_the_fingerprint_of_a_network_is_of_all_that_it_imports(network):
    """Networks are imported by name while a script runs."""
    found = _relative(codebase.code("mask", network))
    assert found == modules("mask") | modules_of_network(network)


def _relative(paths: Iterable[Path]) -> set[str]:
    return {str(path.relative_to(codebase.SCRIPTS)) for path in paths}


@pytest.mark.parametrize("script", sorted(SCRIPTS.keys() - ARCHIVE_SCRIPTS))
def test_an_edit_of_a_script_reruns_what_depends_on_it(complete, script):
    expected = SCRIPTS[script]
    reported = (
        {"report"} if expected - (COST | SPEED | EXPORT | MODULATED | {"check_pair"}) else set()
    )
    assert complete.after_edit(add_line, f"{script}.py") == expected | reported


# what follows from an edit of some files of the library, besides the report
EDITS = {
    "faig/base/progress.py": set(),
    "faig/run/cli.py": set(),
    "faig/run/gpu_lock.py": set(),
    "faig/run/reuse.py": set(),
    "faig/report/looks.py": PLOTS,
    # the trainings, too: their histories tell the PSNR of validation images
    "faig/base/metrics.py": TRAINING | LEARNING,
    # the two timings, too: their scripts import modules that import it
    "faig/attribution/methods.py": ATTRIBUTION | STABILITY | QUADRATURE | SPEED,
    "faig/training/loop.py": TRAINING | LEARNING | SPEED,
    "faig/networks/dasr.py": set(),  # in no run here
    "faig/networks/dan1.py": SYSTEM,
    "faig/networks/srresnet.py": TRAINING | SPEED | SYSTEM,
}


@pytest.mark.parametrize("file", EDITS)
def test_an_edit_of_the_library_reruns_what_depends_on_it(complete, file):
    assert complete.after_edit(add_line, file) - {"report"} == EDITS[file]


def test_looks_of_the_code_rerun_nothing(archived, complete):
    assert complete.after_edit(change_looks, *FILES) == set()
    assert archived.after_edit(change_looks, *FILES) == set()


@pytest.mark.parametrize("script", sorted(ARCHIVE_SCRIPTS))
def test_an_edit_reruns_what_depends_on_it_in_a_run_on_an_archive(archived, script):
    assert archived.after_edit(add_line, f"{script}.py") == SCRIPTS[script]


def test_touching_files_reruns_nothing(archived, complete):
    for path in (complete.workflow.home / "scripts").rglob("*.py"):
        os.utime(path)
    assert complete.planned() == set()
    assert archived.planned() == set()
