"""The target `benchmark`, on the tiny run."""

from pathlib import Path

import pandas as pd
import pytest

COLUMNS = [
    "network", "engine", "precision", "device", "image_pixels", "nodes", "seconds_per_image",
    "evaluations_per_second", "gflops", "peak_gflops", "memory_mb", "ratio",
    "overlap_top1_blur", "overlap_top1_noise", "rank_correlation",
]  # fmt: skip

TRAINING_COLUMNS = [
    "network", "loop", "precision", "device", "batch", "patch", "iterations_per_second",
    "gflops", "peak_gflops", "images_per_second", "ratio", "real_to_fixed",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(complete) -> Path:
    return complete.workflow.folder / "results/tiny"


@pytest.fixture
def table(folder) -> pd.DataFrame:
    return pd.read_parquet(folder / "benchmark/attribution.parquet")


@pytest.fixture
def training(folder) -> pd.DataFrame:
    return pd.read_parquet(folder / "benchmark/training.parquet")


def test_table_keeps_the_contract(table):
    assert set(COLUMNS) <= set(table.columns)
    assert not table[COLUMNS].isna().any().any()
    assert set(table["engine"]) == {"ours", "released"}


def test_ratio_is_that_of_the_seconds(table):
    for _, rows in table.groupby(["image_pixels", "images"]):
        released = rows.loc[rows["engine"] == "released", "seconds_per_image"].item()
        assert (rows["ratio"] * rows["seconds_per_image"] / released).between(0.999, 1.001).all()


def test_training_table_keeps_the_contract(training):
    assert set(TRAINING_COLUMNS) <= set(training.columns)
    assert not training[TRAINING_COLUMNS].isna().any().any()
    assert set(training["loop"]) == {"ours", "reference"}
    assert set(zip(training["batch"], training["patch"], strict=True)) == {(2, 16)}


def test_figures_are_drawn(folder):
    for name in ("benchmark_small", "quadrature_small", "training_benchmark_small"):
        assert (folder / f"figures/{name}.png").exists()
