"""A run that shares data and training with another one does not train again."""

import shutil

import pandas as pd
import pytest

from .conftest import change

TRAININGS = ["train_baseline/small.0", "train_target/small.0", "retrain/small.0.weight_change"]
WEIGHTS = [f"models/small/seed0/{stage}.safetensors" for stage in ("baseline", "target")]
TABLES = [f"models/small/seed0/{stage}_history.parquet" for stage in ("baseline", "target")]
RETRAINED = "ablation/small/seed0/retrain/weight_change.parquet"


@pytest.fixture
def again(tiny):
    """Do the trainings of the tiny config under another name, and return the folder of the run."""
    folder = tiny.folder / "results/again"

    def run(*files: str):
        tiny.config["run"] = folder.name
        tiny.run(*(f"results/again/{file}" for file in files))
        return folder

    yield run
    shutil.rmtree(folder)


def logs(folder) -> list[str]:
    paths = [folder / "logs" / f"{training}.log" for training in TRAININGS]
    return [path.read_text() for path in paths if path.exists()]


def test_a_second_run_does_not_train_and_has_the_same_results(tiny, again):
    change(tiny.config, "attribution.methods.faig.nodes", 3)
    first, second = tiny.folder / "results/tiny", again(WEIGHTS[1], RETRAINED)
    assert all("it/s" in log for log in logs(first))
    for log in logs(second):
        assert "taken from results/cache/" in log
        assert "it/s" not in log
    for file in [*WEIGHTS, *TABLES, RETRAINED]:
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_another_training_is_not_mistaken_for_it(tiny, again):
    change(tiny.config, "training.target.iterations", 3)
    baseline, target = logs(again(WEIGHTS[1]))
    assert "taken from" in baseline
    assert "taken from" not in target


def test_without_the_cache_the_results_are_the_same(tiny, again):
    cache = tiny.folder / "results/cache"
    shutil.move(cache, away := cache.with_name("away"))
    try:
        first, second = tiny.folder / "results/tiny", again(WEIGHTS[1])
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        shutil.move(away, cache)
    assert all("it/s" in log for log in logs(second))
    for file in WEIGHTS:
        assert (first / file).read_bytes() == (second / file).read_bytes()
    for file in TABLES:  # which tell the time, too
        pd.testing.assert_frame_equal(
            *(pd.read_parquet(run / file).drop(columns="seconds") for run in (first, second))
        )
