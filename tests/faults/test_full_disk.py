"""A full disk ends in a clear error, and after making room the run goes on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from workflow.conftest import Workflow

from .drill import contents, differing

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small disk"
    ),
]


@pytest.fixture
def small_disk(finished, tmp_path) -> Workflow:
    """A copy of the finished run whose results lie on a disk that holds little more."""
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    results = tmp_path / "results"
    shutil.move(results, tmp_path / "copy")
    results.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64m", "tmpfs"]
    mounted = subprocess.run(["mount", *options, results], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr}")
    shutil.copytree(tmp_path / "copy", results, dirs_exist_ok=True)
    shutil.rmtree(results / "cache")  # or nothing would be trained again
    yield Workflow(tmp_path, tmp_path)
    subprocess.run(["umount", "--lazy", results], check=True)


def fill(folder: Path) -> Path:
    """A file that leaves no room on the disk, but for what Snakemake deletes: a log or two."""
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free))
    return filler


# what each kind of file is written by: the one that finds no room, and the job's outputs
JOBS = {
    "HDF5": ("data/tiny_test.h5", ["data/tiny_test.h5"]),
    "checkpoint": (
        "models/small/seed0/target.checkpoint",
        ["models/small/seed0/target.safetensors", "models/small/seed0/target_history.parquet"],
    ),
    "Parquet": ("prediction/small/seed0.parquet", ["prediction/small/seed0.parquet"]),
}


def test_a_full_disk(small_disk, finished):
    results = small_disk.folder / "results"
    for file, names in JOBS.values():
        outputs = [f"results/tiny/{name}" for name in names]
        for output in outputs:
            (small_disk.folder / output).unlink()
        filler = fill(results)
        result = small_disk.run(*outputs, check=False)
        assert result.returncode
        expected = f"error: results/tiny/{file}: no space left on the disk; make room"
        assert expected in result.stdout, result.stdout
        assert "Traceback" not in result.stdout[result.stdout.index("Error in rule") :]
        assert not [output for output in outputs if (small_disk.folder / output).exists()]
        filler.unlink()
        small_disk.run(*outputs)
    small_disk.run()
    assert not differing(contents(small_disk.folder), contents(finished.folder))
