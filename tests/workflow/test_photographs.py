"""The user's own photographs and archives, through the workflow."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from faig.data.sources import packaged_files
from PIL import Image

from .conftest import Workflow

STORE = "results/tiny/data/tiny_test.h5"


def photograph(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def folder(path: str) -> dict:
    return {"source": "folder", "path": path}


def archive(path: Path, *photos: Path) -> dict:
    """Config of a dataset made of a new archive."""
    with zipfile.ZipFile(path, "w") as file:
        for photo in photos:
            file.write(photo, f"photos/{photo.name}")
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    return {"source": "archive", "mirrors": [{"path": str(path), "checksum": f"md5:{digest}"}]}


def test_only_other_photographs_are_stored_again(workflow, tmp_path):
    photos = [
        tmp_path / "-it's y" / name for name in ("{x}.png", "{input.script}.png", "a b'c.png")
    ]
    for i, path in enumerate(photos):
        photograph(path, i)
    workflow.config["datasets"]["tiny_test"] = folder("-it's y")
    workflow.run(STORE)
    for path in photos:
        path.touch()
    assert workflow.plan(STORE) == {}

    older = photos[0].stat().st_mtime - 1e6
    photograph(photos[0], 9)
    os.utime(photos[0], (older, older))
    assert workflow.plan(STORE) == {"synthesize": 1}


def test_the_same_photograph_under_two_names_is_told_and_stops_the_run(workflow, tmp_path):
    (tmp_path / "photos").mkdir()
    china = packaged_files(["china"])["china"]
    Image.open(china).save(tmp_path / "photos/holiday.png")
    photograph(tmp_path / "photos/other.png")
    workflow.config["datasets"]["tiny_test"] = {**folder("photos"), "crop": 64}
    output = workflow.run("all", check=False).stdout
    assert "'china' in 'tiny_train' is 'holiday' in 'tiny_test'" in output
    assert "'other'" not in output
    assert not (tmp_path / "results/tiny/report.html").exists()
    assert not list(tmp_path.glob("results/tiny/logs/evaluate*"))
    # at once: the baseline may be trained beside it, and no more
    assert not list(tmp_path.glob("results/tiny/logs/attribute*"))

    (tmp_path / "photos/holiday.png").unlink()
    planned = workflow.plan("all")
    assert planned["synthesize"] >= 1
    assert planned["compare_photographs"] == planned["report"] == 1


def test_runs_with_other_mirrors_keep_their_own_images(workflow, tmp_path):
    for i, name in enumerate(("first", "second")):
        photograph(tmp_path / f"{name}.png", i)
    configs = [archive(tmp_path / f"{n}.zip", tmp_path / f"{n}.png") for n in ("first", "second")]
    stores = ["results/one/data/tiny_test.h5", "results/two/data/tiny_test.h5"]
    for config, store in zip(configs, stores, strict=True):
        workflow.config["run"] = Path(store).parts[1]
        workflow.config["datasets"]["tiny_test"] = config
        workflow.run(store)
    unpacked = {p.name for p in tmp_path.glob("results/archives/tiny_test-*/*.png")}
    assert unpacked == {"first.png", "second.png"}
    workflow.config["run"], workflow.config["datasets"]["tiny_test"] = "one", configs[0]
    assert workflow.plan(stores[0]) == {}
    (tmp_path / "first.zip").unlink()  # no longer needed
    assert workflow.plan(stores[0]) == {}


def test_a_missing_local_mirror_is_passed_over(workflow, tmp_path):
    photograph(tmp_path / "a.png")
    config = archive(tmp_path / "a.zip", tmp_path / "a.png")
    absent = {**config["mirrors"][0], "path": "absent.zip"}
    workflow.config["datasets"]["tiny_test"] = {**config, "mirrors": [absent]}
    output = workflow.run(STORE, check=False).stdout
    assert "datasets.tiny_test.mirrors: no such file: absent.zip" in output
    assert not list(tmp_path.glob("results/archives/tiny_test*"))

    workflow.config["datasets"]["tiny_test"] = {**config, "mirrors": [absent, *config["mirrors"]]}
    workflow.run(STORE)
    (log,) = tmp_path.glob("results/archives/tiny_test-*.log")
    assert "absent.zip: no such file\ntrying the next mirror" in log.read_text()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_folder_among_photographs_stops_before_the_first_job(workflow, tmp_path, make):
    photograph(tmp_path / "photos/good.png")
    make(tmp_path / "photos/other.png")
    workflow.config["datasets"]["tiny_test"] = folder("photos")
    output = workflow.run(STORE, check=False).stdout
    assert "datasets.tiny_test.path: " in output
    assert "expected an image; rename or remove it" in output
    assert not (tmp_path / "results").exists()


def test_a_folder_in_the_place_of_a_store(workflow, tmp_path):
    photograph(tmp_path / "photos/good.png")
    workflow.config["datasets"]["tiny_test"] = folder("photos")
    workflow.run(STORE)
    (tmp_path / STORE).unlink()
    (tmp_path / STORE).mkdir()
    shutil.copy(tmp_path / "photos/good.png", tmp_path / STORE)
    output = workflow.run(STORE, "--forcerun", "synthesize", check=False).stdout
    assert "tiny_test.h5" in output
    assert "Traceback" not in output
    assert (tmp_path / STORE / "good.png").exists()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (folder("elsewhere"), "path: elsewhere: no such folder"),
        (
            {"source": "archive", "mirrors": [{"path": "a.zip", "checksum": f"md5:{0:032}"}]},
            "mirrors: no such file: a.zip",
        ),
    ],
)
def test_images_that_are_not_there_are_told_though_a_run_was_made_of_others(
    finished, images, message
):
    """Snakemake takes an error of an input function for nothing to be done where files exist."""
    again = Workflow(finished.folder, finished.folder)
    again.config["datasets"]["tiny_test"] = images
    output = again.run("--dry-run", check=False).stdout
    assert f"datasets.tiny_test.{message}" in output
    assert "Job stats" not in output
