"""The target `benchmark`, on the tiny run."""

import pandas as pd
import pytest

COLUMNS = [
    "network", "engine", "precision", "device", "image_pixels", "nodes", "seconds_per_image",
    "evaluations_per_second", "gflops", "peak_gflops", "memory_mb", "ratio",
    "overlap_top1_blur", "overlap_top1_noise", "rank_correlation",
]  # fmt: skip


@pytest.fixture(scope="module")
def table(finished) -> pd.DataFrame:
    finished.run("benchmark")
    return pd.read_parquet(finished.folder / "results/tiny/benchmark/attribution.parquet")


def test_table_keeps_the_contract(table):
    assert set(COLUMNS) <= set(table.columns)
    assert not table[COLUMNS].isna().any().any()
    assert set(table["engine"]) == {"ours", "released"}


def test_ratio_is_that_of_the_seconds(table):
    for _, rows in table.groupby(["image_pixels", "images"]):
        released = rows.loc[rows["engine"] == "released", "seconds_per_image"].item()
        assert (rows["ratio"] * rows["seconds_per_image"] / released).between(0.999, 1.001).all()


def test_figures_are_drawn(finished, table):
    for name in ("benchmark_small", "quadrature_small"):
        assert (finished.folder / f"results/tiny/figures/{name}.png").exists()
