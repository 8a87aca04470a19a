"""Every stage of the tiny run that computes, on the device, from the CPU's inputs.

A stage is a script with the arguments of the CPU's run, but for the device. It is started in this
process, since importing torch and waking the GPU take longer than the work. What it writes is
compared with what the CPU wrote, which is then put back, so that no stage passes on its rounding.
"""

import json
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from faig.run import gpu_lock
from forks import snakemake
from workflow.conftest import Workflow

from .comparing import distances

pytestmark = pytest.mark.gpu

# how far numbers may be apart, as a share of the largest of their column, and the share of words
# that may differ, by script
TOLERANCES = {
    # ranks of filters that score almost the same
    "rank": 0.02,
    "predict": 0.05,
    "measure_stability": 0.05,
    "measure_faithfulness": 0.05,
    # steps of Adam turn rounding of the smallest gradients into steps of full size
    "train": 0.2,
    # patches are made noisy on the device, by its own random numbers
    "retrain": 0.2,
}
TOLERANCE = 0.005  # of all others
# orders of the tiny run's few filters, whose effects are as small as rounding
UNDECIDED = {"spearman"}
COMPARED = (".parquet", ".safetensors")


def commands(workflow) -> list[list[str]]:
    """Scripts and arguments of the stages of a run that compute on a device, each once."""
    options = ("all", "--dry-run", "--printshellcmds", "--forceall")
    status, output = snakemake(workflow.arguments(*options), workflow.folder)
    assert status == 0, output
    shell = re.findall(r"^Shell command: python (.*) > \S+ 2>&1$", output, re.MULTILINE)
    found = {line: shlex.split(line) for line in shell}
    return [words for words in found.values() if "device" in option(words, "--config", "{}")]


def option(words: list[str], name: str, default: str) -> str:
    """The value of an option."""
    return words[words.index(name) + 1] if name in words else default


def on_device(words: list[str], device: str) -> list[str]:
    """The same on another device, with nothing taken from what other runs made."""
    place = words.index("--config") + 1
    config = json.loads(words[place]) | {"device": device}
    words = [*words[:place], json.dumps(config), *words[place + 1 :]]
    for name in ("--cache", "--code"):
        if name in words:
            place = words.index(name)
            words = words[:place] + words[place + 2 :]
    return words


def results(folder: Path) -> dict[Path, int]:
    """Files that can be compared, and when they were written."""
    files = (f for f in folder.rglob("*") if f.suffix in COMPARED)
    return {file.relative_to(folder): file.stat().st_mtime_ns for file in files}


def test_every_stage_finds_what_the_cpu_finds(
    on_cpu, device, strict_float32, monkeypatch, tmp_path
):
    folder = shutil.copytree(on_cpu.folder, tmp_path / "run")
    monkeypatch.chdir(folder)
    # the lock of a GPU is this process's to its end: see test_lock.py
    monkeypatch.setattr(gpu_lock, "claim", lambda chosen: chosen)
    threads, stages = torch.get_num_threads(), commands(on_cpu)
    assert len(stages) > 25
    wrong, compared = [], 0
    for words in stages:
        before, script = results(folder), Path(words[0]).stem
        path = str((on_cpu.folder / words[0]).resolve())
        monkeypatch.setattr(sys, "argv", [path, *on_device(words[1:], device)])
        runpy.run_path(path, run_name="__main__")
        for file, time in results(folder).items():
            if time == before.get(file):
                continue
            compared += 1
            expected = on_cpu.folder / file
            apart = distances(folder / file, expected)
            limit = TOLERANCES.get(script, TOLERANCE)
            far = {n: d for n, d in apart.items() if d > limit and n not in UNDECIDED}
            wrong += [f"{file}: {n} by {d:.2g}" for n, d in far.items()]
            print(f"{script}: {file} by at most {max(apart.values(), default=0):.2g}")
            shutil.copy2(expected, folder / file)
    torch.set_num_threads(threads)
    assert not wrong, "\n".join(wrong)
    assert compared > 25


def test_the_benchmark_tells_the_share_of_the_devices_peak(device, tmp_path):
    workflow = Workflow(tmp_path)
    workflow.config["device"] = device
    workflow.run("benchmark")
    for name in ("attribution", "training"):
        table = pd.read_parquet(tmp_path / f"results/tiny/benchmark/{name}.parquet")
        share = table["gflops"] / table["peak_gflops"]
        assert share.between(0, 1, inclusive="neither").all(), share
        expected = torch.cuda.get_device_name() if device == "cuda" else "cpu"
        assert set(table["device"]) == {expected}
