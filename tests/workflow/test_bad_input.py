"""Bad input ends in a clear error that names the key or file, before anything is lost."""

import shutil

import numpy as np
from PIL import Image

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
    workflow.config["training"]["baseline"]["learning_rate"] = 1.0e30
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
