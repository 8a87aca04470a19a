"""Degrading a dataset: in parallel, in bounded memory, and resumable."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from faig.base.errors import InputError
from faig.base.provenance import canonical_json
from faig.base.seeds import derive
from faig.data import synthesis
from faig.data.degradations import build_degradations
from faig.data.pixels import to_float, to_uint8
from faig.data.sources import folder_files
from faig.data.store import ImageStore
from faig.data.synthesis import Recipe, synthesize
from PIL import Image
from toys import photo

SCRIPTS = Path(__file__).parents[2] / "scripts"
BLUR = {"op": "gaussian_blur", "size": 9, "sigma": 2.0}
DOWN = {"op": "downsample"}
NOISE = {"op": "gaussian_noise", "sigma": 0.1}
DEGRADATIONS = {
    "bicubic": [DOWN],
    "blur": [BLUR, DOWN],
    "noise": [DOWN, NOISE],
    "early_noise": [NOISE, DOWN],
}


def config(deterministic: bool = False, seed: int = 0) -> dict:
    source = {"source": "folder", "path": "photos"}
    fixed = {"dataset": source, "degradations": DEGRADATIONS, "scale": 2}
    return {**fixed, "deterministic": deterministic, "seed": seed}


def run(folder: Path, output: Path, cfg: dict, threads: int = 2) -> None:
    degradations = build_degradations(cfg["degradations"], cfg["scale"])
    recipe = Recipe(degradations, cfg["scale"], cfg["seed"], cfg["deterministic"], None)
    synthesize(output, folder_files(folder), recipe, threads, canonical_json(cfg))


# the script, but for the fourth image it takes for ever
STALLING = """
import runpy, sys, time
from faig.data import sources
read = sources.read_cropped
def stall(path, *options):
    time.sleep(1000 * (path.stem == "003"))
    return read(path, *options)
sources.read_cropped = stall
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(folder: Path, output: Path, cfg: dict, code: str = "") -> subprocess.Popen:
    """The same as a process of its own."""
    script = SCRIPTS / "synthesize.py"
    options = ["--folder", folder, "--output", output, "--threads", "2"]
    command = [*(("-c", code) if code else ()), script, "--config", json.dumps(cfg), *options]
    paths = {**os.environ, "PYTHONPATH": str(script.parent)}
    return subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL, env=paths)


def photographs(folder: Path, count: int, height: int = 50, width: int = 70) -> Path:
    folder.mkdir()
    for i in range(count):
        Image.fromarray(photo(height + 2 * i, width, i)).save(folder / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return photographs(tmp_path_factory.mktemp("data") / "photos", 7)


def expected(pixels: np.ndarray, degradation: str, image: str, deterministic: bool) -> np.ndarray:
    """What the library makes of one image."""
    own = build_degradations(DEGRADATIONS, 2)[degradation]
    images = to_float(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    seed = derive(0, "degrade", f"{degradation}/{image}")
    generator = torch.Generator().manual_seed(seed)
    result = own.apply_deterministic(images) if deterministic else own(images, generator)
    return to_uint8(result)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("deterministic", [False, True])
def test_every_image_is_degraded_whatever_the_threads(tmp_path, photos, deterministic):
    for threads in (1, 3):
        run(photos, tmp_path / f"{threads}.h5", config(deterministic), threads)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "3.h5").read_bytes()
    with h5py.File(tmp_path / "1.h5") as file:
        for path in photos.iterdir():
            pixels = np.array(Image.open(path))
            np.testing.assert_array_equal(file[f"hr/{path.stem}"], pixels)
            for name in DEGRADATIONS:
                np.testing.assert_array_equal(
                    file[f"lr/{name}/{path.stem}"], expected(pixels, name, path.stem, deterministic)
                )


def test_equal_deterministic_images_are_stored_once(tmp_path, photos):
    run(photos, tmp_path / "s.h5", config(deterministic=True))
    extents = ImageStore(tmp_path / "s.h5").extents()
    assert extents["lr/noise/003"] == extents["lr/bicubic/003"]
    assert extents["lr/early_noise/003"] == extents["hr/003"]  # nothing comes before the noise
    assert len(set(extents.values())) == 7 * 3  # hr, bicubic, blur


def marks(partial: Path, count: int) -> bytes:
    """Which images an unfinished file marks as finished: its last bytes."""
    data = partial.read_bytes()[-count:] if partial.exists() else b""
    return data if set(data) <= {0, 1} else b""


def kill_in_the_middle(process: subprocess.Popen, partial: Path, count: int) -> None:
    """Kill a run as soon as all but one of its images are finished."""
    while sum(marks(partial, count)) < count - 1:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()


def spoil(partial: Path, key: str) -> None:
    """Make an image in an unfinished file black."""
    with h5py.File(partial) as file:
        offset, size = file[key].id.get_offset(), file[key].size
    with partial.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(size))


def test_a_killed_run_goes_on_where_it_was(tmp_path, photos, capsys):
    killed, partial = tmp_path / "killed.h5", tmp_path / ".killed.h5.partial"
    kill_in_the_middle(start(photos, killed, config(), STALLING), partial, 7)
    assert not killed.exists()
    assert list(marks(partial, 7)) == [1, 1, 1, 0, 1, 1, 1]
    for name in ("spoilt", "other"):
        shutil.copy(partial, tmp_path / f".{name}.h5.partial")

    run(photos, tmp_path / "whole.h5", config())
    assert "going on" not in capsys.readouterr().out
    run(photos, killed, config())
    assert "going on from an unfinished file with 6 images" in capsys.readouterr().out
    assert killed.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert [path.suffix for path in tmp_path.glob(".killed*")] == [".lock"]

    # what is finished is not made again: spoilt in between, it stays so
    spoil(tmp_path / ".spoilt.h5.partial", "hr/004")
    run(photos, tmp_path / "spoilt.h5", config())
    assert not ImageStore(tmp_path / "spoilt.h5").hr("004").any()

    # nor is anything taken from a run with another config
    run(photos, tmp_path / "other.h5", config(seed=1))
    run(photos, tmp_path / "fresh.h5", config(seed=1))
    assert (tmp_path / "other.h5").read_bytes() == (tmp_path / "fresh.h5").read_bytes()
    assert (tmp_path / "other.h5").read_bytes() != killed.read_bytes()


@pytest.mark.parametrize("change", ["nothing", "pixels", "name", "code"])
def test_nothing_is_taken_from_a_run_on_anything_else(tmp_path, capsys, monkeypatch, change):
    folder, output = photographs(tmp_path / "photos", 7), tmp_path / "s.h5"
    cut = folder / "005.png"
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-300])
    with pytest.raises(InputError, match=r"005\.png: unreadable or cut short"):
        run(folder, output, config(), threads=1)
    assert sum(marks(tmp_path / ".s.h5.partial", 7)) >= 5

    if change == "pixels":
        cut.write_bytes(whole)
    if change == "name":
        cut.rename(folder / "0055.png")
    if change == "code":
        monkeypatch.setattr(synthesis, "MODULES", [Path(__file__)])
    with nullcontext() if change == "pixels" else pytest.raises(InputError):
        run(folder, output, config())
    assert ("going on" in capsys.readouterr().out) == (change == "nothing")


def test_after_an_error_no_more_images_are_made(tmp_path):
    folder = photographs(tmp_path / "photos", 30)
    (folder / "000.png").write_bytes((folder / "000.png").read_bytes()[:-300])
    with pytest.raises(InputError, match=r"000\.png: unreadable or cut short"):
        run(folder, tmp_path / "s.h5", config(), threads=1)
    assert sum(marks(tmp_path / ".s.h5.partial", 30)) < 15


def peak_memory(process: subprocess.Popen) -> float:
    """Of a process, when it has ended, in MB."""
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss / (1e3 if sys.platform == "linux" else 1e6)


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    processes = []
    for count in (16, 56):  # the first few alone do not always run side by side
        folder = photographs(tmp_path / str(count), 1, 600, 600)
        for i in range(1, count):
            shutil.copy(folder / "000.png", folder / f"{i:03d}.png")
        cfg = {**config(), "degradations": {"bicubic": [DOWN]}}
        processes.append(start(folder, tmp_path / f"{count}.h5", cfg))
    few, many = map(peak_memory, processes)
    assert many - few < 25, "40 more images, 54 MB in 8 bits"
