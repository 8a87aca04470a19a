"""Bad input ends in a clear error that names the key or file, before anything is lost."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from forks import snakemake
from PIL import Image

from .conftest import HOME

BASELINE = "results/tiny/models/small/seed0/baseline.safetensors"


def failure(workflow, *targets: str) -> str:
    """Output of a run that must fail, on the way to some files or to the end."""
    result = workflow.run(*targets, check=False)
    assert result.returncode
    return result.stdout


def use_folder(workflow, role: str, folder) -> None:
    dataset = workflow.config["data"][role]
    name = dataset if isinstance(dataset, str) else dataset[0]
    workflow.config["datasets"][name] = {"source": "folder", "path": str(folder)}


def photograph(folder, name: str, side: int = 64) -> None:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(folder / name)


def test_a_wrong_config_stops_at_once_with_all_that_is_wrong(workflow):
    workflow.config |= {"runn": "x", "scale": "two", "noise_seed": "1e-4"}
    output = failure(workflow)
    for words in (
        "unknown key 'runn'",
        "did you mean run",
        "scale: found text 'two'",
        "noise_seed",
        "YAML reads 1e-4 as text",
    ):
        assert words in output
    assert "Traceback" not in output
    assert not (workflow.folder / "results").exists()


COMMAND = re.search(
    r"^PYTHONPATH=.*python -m (\S+) my.yaml$", (HOME / "config/README.md").read_text(), re.MULTILINE
)


@pytest.mark.parametrize(
    ("end", "snakemake_says", "we_say"),
    [
        (b"x:\n\ty: 1\n", "Config file is not valid JSON or YAML", "cannot start any token"),
        (b"x: \x00\n", "Config file is not valid JSON or YAML", "0x0 is not allowed in YAML"),
        (b"x: \xfc\n", "UnicodeDecodeError", "not in UTF-8 (byte 0xfc)"),
    ],
)
def test_where_snakemake_names_no_file_the_documented_command_does(
    tmp_path, end, snakemake_says, we_say
):
    text = (HOME / "tests/config/tiny.yaml").read_bytes()
    (tmp_path / "my.yaml").write_bytes(text + end)
    options = ["--snakefile", str(HOME / "workflow/Snakefile"), "--configfile", "my.yaml"]
    status, output = snakemake([*options, "--dry-run"], tmp_path)
    assert status
    assert snakemake_says in output
    documented = (HOME / "config/README.md").read_text().replace("\n", " ")
    assert snakemake_says in documented
    path = os.pathsep.join(str(HOME / folder) for folder in ("workflow", "scripts"))
    done = subprocess.run(
        [sys.executable, "-m", COMMAND[1], "my.yaml"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    line = (text + end).count(b"\n")
    assert re.fullmatch(rf"my\.yaml, line {line}: .*{re.escape(we_say)}.*\n", done.stderr)


def test_an_empty_folder(workflow, tmp_path):
    (tmp_path / "empty").mkdir()
    use_folder(workflow, "test", tmp_path / "empty")
    output = failure(workflow)
    assert "datasets.tiny_test.path" in output
    assert "holds no image" in output


def test_a_truncated_image(workflow, tmp_path):
    photograph(tmp_path / "photos", "cut.png")
    file = tmp_path / "photos/cut.png"
    file.write_bytes(file.read_bytes()[:2000])
    use_folder(workflow, "test", tmp_path / "photos")
    output = failure(workflow, "results/tiny/data/tiny_test.h5")
    assert "cut.png: unreadable or cut short" in output


def test_an_image_smaller_than_the_patch(workflow, tmp_path):
    photograph(tmp_path / "photos", "small.png", side=14)
    use_folder(workflow, "train", tmp_path / "photos")
    output = failure(workflow, BASELINE)
    assert "training image 'small' is 14 x 14 pixels, smaller than the patch of 16" in output


def test_a_diverging_training(workflow):
    workflow.config["networks"]["small"]["parameters"] = {"features": 16, "blocks": 16}
    workflow.config["training"]["baseline"] |= {"learning_rate": 1.0, "iterations": 40}
    output = failure(workflow, BASELINE)
    assert "the loss became nan by iteration" in output
    assert "set a lower learning_rate" in output


def test_a_damaged_file_is_named(tiny):
    path = tiny.folder / "results/tiny/data/tiny_test.h5"
    copy = path.with_suffix(".whole")
    shutil.copy2(path, copy)
    path.write_bytes(path.read_bytes()[:3000])
    figure = "results/tiny/figures/grid_small.png"  # on which nothing depends but the report
    try:
        output = tiny.run(figure, "--forcerun", "plot_grid", check=False).stdout
        assert "tiny_test.h5: damaged or cut short" in output
        assert "delete it, and the next run makes it again" in output
    finally:
        shutil.move(copy, path)
        tiny.run(figure, "all")
