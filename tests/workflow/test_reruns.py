"""What runs again after a change: exactly what depends on it."""

import os
import shutil

import pytest

from .conftest import HOME, Workflow, change

PLOTS = {
    "plot_masking", "plot_masking_psnr", "plot_grid", "plot_retraining", "plot_locations",
    "plot_locations_map", "plot_training", "plot_prediction", "plot_quadrature",
}  # fmt: skip
END = {"record_config", "report"}
MASKING = {"mask", "plot_masking", "plot_masking_psnr", "table_masking", "summarize"}
RETRAINING = {
    "retrain", "gather_retrained", "plot_retraining", "table_retraining", "summarize",
}  # fmt: skip
PREDICTION = {"predict", "plot_prediction", "table_prediction", "summarize"}
RANKING = {
    "rank", "match_random", "plot_grid", "plot_locations", "plot_locations_map",
    "table_locations", "table_networks",
} | MASKING | RETRAINING | PREDICTION  # fmt: skip
ATTRIBUTION = {"attribute", "table_completeness"} | RANKING
QUADRATURE = {"measure_quadrature", "plot_quadrature"}
TARGET = {"train_target", "evaluate", "plot_training"} | QUADRATURE | ATTRIBUTION
TRAINING = {"train_baseline"} | TARGET

CHANGES = {
    "figures": ({"dpi": 80}, PLOTS),
    "masking.proportions": ([0.05, 0.1], MASKING),
    "retraining.proportions": ([0.05, 0.1], RETRAINING),
    "retraining.iterations": (3, RETRAINING),
    "prediction.crops_per_image": (1, PREDICTION),
    "attribution.methods.faig.nodes": (3, ATTRIBUTION),
    "benchmark.nodes": (3, QUADRATURE),
    "training.target.iterations": (5, TARGET),
    "training.baseline.iterations": (5, TRAINING),
}


@pytest.mark.parametrize("key", CHANGES)
def test_a_changed_key_reruns_what_depends_on_it(tiny, key):
    value, expected = CHANGES[key]
    change(tiny.config, key, value)
    assert tiny.planned() == expected | END


def test_order_of_keys_does_not_matter(tiny):
    tiny.config = dict(reversed(tiny.config.items()))
    assert tiny.planned() <= END


@pytest.fixture(scope="module")
def own_code(finished, tmp_path_factory) -> Workflow:
    """The finished run beside a copy of the code that a test may edit."""
    home = tmp_path_factory.mktemp("home")
    for name in ("workflow", "scripts", "envs"):
        shutil.copytree(HOME / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    workflow = Workflow(home, home)
    workflow.run()
    return workflow


def test_touching_files_reruns_nothing(own_code):
    for path in (own_code.home / "scripts").rglob("*.py"):
        os.utime(path)
    assert own_code.planned() == set()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("scripts/rank.py", RANKING | {"report"}),
        ("scripts/faig/prediction.py", PREDICTION | QUADRATURE | {"plot_grid", "report"}),
        ("scripts/faig/networks/srcnn.py", set()),  # the tiny run has no such network
    ],
)
def test_an_edit_reruns_what_depends_on_it(own_code, file, expected):
    path = own_code.home / file
    text = path.read_text()
    path.write_text(text + "\nEDITED = True\n")
    try:
        assert own_code.planned() == expected
    finally:
        path.write_text(text)
