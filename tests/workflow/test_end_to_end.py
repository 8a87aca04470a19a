"""The tiny run, from photographs to the report."""

import re
from pathlib import Path

import h5py
import pandas as pd
import pytest

from .conftest import HOME

CONTRACT = {
    "models/small/seed0/baseline_history.parquet": "iteration loss lr seconds degradation psnr",
    "models/small/seed0/target_history.parquet": "iteration loss lr seconds degradation psnr",
    "attribution/small/seed0/faig.parquet": (
        "layer out_channel in_channel filter degradation score"
    ),
    "ranking/small/seed0/faig.parquet": (
        "filter layer out_channel in_channel degradation score rank"
    ),
    "ranking/small/seed0/matched_random.parquet": (
        "filter layer out_channel in_channel degradation score rank"
    ),
    "ablation/small/seed0/reference.parquet": "model input_degradation dataset image psnr",
    "ablation/small/seed0/mask.parquet": (
        "method degradation proportion input_degradation dataset image psnr psnr_target"
        " psnr_y psnr_y_target gradient_mse biases"
    ),
    "ablation/small/seed0/retrain.parquet": (
        "method degradation proportion input_degradation dataset image psnr"
    ),
    "faithfulness/small/seed0/sets.parquet": (
        "method degradation draw direction proportion input_degradation dataset image loss"
        " loss_baseline loss_target"
    ),
    "faithfulness/small/seed0/effects.parquet": (
        "filter input_degradation dataset image loss loss_target"
    ),
    "modulation/small/seed0.parquet": (
        "method degradation strength input_degradation dataset image psnr psnr_baseline psnr_target"
    ),
    "prediction/small/seed0.parquet": (
        "image dataset true_degradation degradation overlap threshold predicted reference"
    ),
}


@pytest.fixture(scope="module")
def results(finished) -> Path:
    return finished.folder / "results/tiny"


@pytest.mark.parametrize("file", CONTRACT)
def test_tables_keep_the_contract(results, file):
    table = pd.read_parquet(results / file)
    assert set(CONTRACT[file].split()) <= set(table.columns)
    assert len(table)
    assert not table.isna().any().any()


def test_health_tells_the_path_on_every_input_and_the_rest_where_it_is_attributed(results):
    table = pd.read_parquet(results / "health/small/seed0.parquet")
    always = ["loss", "position", "gain", "gain_error", "barrier", "verdict", "reason", "advice"]
    assert not table[always].isna().any().any()
    points = table.groupby("input_degradation", sort=False)["alpha"].apply(tuple)
    assert points.to_dict() == dict.fromkeys(["blur", "noise", "bicubic"], (0, 0.5, 1))
    ranked = table["input_degradation"].isin(["blur", "noise"])
    assert table["attributed"].equals(ranked)
    for name in ("cancellation", "completeness", "overlap"):
        assert table[name].notna().equals(ranked)


def test_images_keep_the_contract(results):
    with h5py.File(results / "data/tiny_test.h5") as file:
        assert set(file["lr"]) == {"bicubic", "blur", "noise", "blur_noise"}
        assert file["hr/astronaut"].shape == (64, 64, 3)
        assert file["lr/noise/astronaut"].shape == (32, 32, 3)
        assert {"config", "checksum", "seed", "scale", "versions"} <= set(file.attrs)
    with h5py.File(results / "data/tiny_train.h5") as file:
        assert file.attrs["deterministic"]
        # without its noise, the noisy image is the clean one
        assert (file["lr/noise/china"][:] == file["lr/bicubic/china"][:]).all()


def test_every_ranking_is_complete(results):
    for path in (results / "ranking/small/seed0").glob("*.parquet"):
        for _, rows in pd.read_parquet(path).groupby("degradation"):
            assert sorted(rows["rank"]) == list(range(len(rows)))


def test_matched_random_has_as_many_filters_in_each_layer(results):
    tables = [
        pd.read_parquet(results / f"ranking/small/seed0/{name}.parquet")
        for name in ("faig", "matched_random")
    ]
    for chosen in (0, 5, 50):
        counts = [
            table[table["rank"] <= chosen].groupby(["degradation", "layer"]).size()
            for table in tables
        ]
        pd.testing.assert_series_equal(*counts)


def test_summary_answers_the_question(finished):
    for word in ("health: ", "blur", "noise", "FAIG", "small", "report.html"):
        assert word in finished.output


def test_report_holds_figures_and_tables(results):
    html = (results / "report.html").read_text()
    assert len(html) > 100_000
    for name in (
        "health_small.png",
        "masking_small.png",
        "league_small.png",
        "grid_small.png",
        "strip_small.png",
        "prediction_small.png",
        "explorer.html",
        "masking.csv",
    ):
        assert name in html
    # pictures of the landing page, which a script takes from the results
    shown = re.findall(r'<img alt=\\"\w+\.png\\" src=\\"(\S+)\\"', html)
    assert [Path(path).name for path in shown] == ["grid_small.png", "trust_small.png"]
    assert all(f'"{path}": {{' in html for path in shown)
    # Chromium shows no frame of more than 2 MB without
    assert html.rstrip().endswith((HOME / "workflow/report/scripts.html").read_text().rstrip())


def test_figures_come_as_png_and_pdf(results):
    stems = {path.stem for path in (results / "figures").glob("*.png")}
    assert len(stems) >= 6
    assert stems == {path.stem for path in (results / "figures").glob("*.pdf")}


def test_no_temporary_file_is_left(results):
    names = [path.name for path in results.rglob("*")]
    assert not [n for n in names if n.endswith((".tmp", ".checkpoint", ".previous"))]


def test_a_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in finished.run().stdout


def test_the_output_has_a_line_per_job(finished):
    jobs = int(re.search(r"^(\d+) jobs to do$", finished.output, flags=re.MULTILINE)[1])
    assert finished.output.count(": done in ") == jobs - 1  # the target `all` does nothing
    summary = (finished.folder / "results/tiny/tables/summary.txt").read_text()
    assert len(finished.output.splitlines()) - len(summary.splitlines()) < 2 * jobs


def test_snakemakes_full_text_is_in_its_log(finished):
    path = re.search(r"Complete log\(s\): (\S+)", finished.output)[1]
    assert "reason: Missing output files" in Path(path).read_text()


def test_quiet_is_quiet(finished):
    table = "results/tiny/tables/summary.txt"
    output = finished.run(table, "--forcerun", "summarize", "--quiet").stdout
    assert "jobs to do" not in output
    assert "done in" not in output
