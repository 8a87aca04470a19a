"""Jobs share out the machine's GPUs: all are used, and none by two jobs."""

import os
from pathlib import Path

import pytest

from .conftest import HOME, Workflow

# each of three jobs tells how many run, half a second after EXPECTED of them have started
SNAKEFILE = """
include: "rules/common.smk"

rule all:
    input: expand("{number}.txt", number=range(3))

rule job:
    output: "{number}.txt"
    threads: THREADS
    resources: gpu=1
    shell:
        "mkdir -p running started && touch running/{wildcards.number} started/{wildcards.number}"
        " && for i in $(seq 99); do"
        " [ $(ls started | wc -l) -lt $EXPECTED ] || break; sleep 0.3; done"
        " && sleep 0.5 && ls running | wc -l > {output} && rm running/{wildcards.number}"
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch) -> Workflow:
    """A workflow of jobs that want a GPU, with the real common part."""
    home = tmp_path / "home"
    (home / "workflow").mkdir(parents=True)
    for path in (HOME / "workflow").iterdir():
        if path.name != "Snakefile":
            (home / "workflow" / path.name).symlink_to(path)
    (home / "workflow/Snakefile").write_text(SNAKEFILE)
    for name in ("scripts", "envs"):
        (home / name).symlink_to(HOME / name)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return Workflow(tmp_path, home)


def pretend_gpus(monkeypatch, folder: Path, count: int) -> None:
    """Let `nvidia-smi` list so many GPUs."""
    command = folder / "bin/nvidia-smi"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\nfor i in $(seq {count}); do echo GPU $i: pretended; done\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")


def assert_at_a_time(expected: int, jobs: Workflow, monkeypatch, *options: str) -> None:
    monkeypatch.setenv("EXPECTED", str(expected))
    jobs.run("--cores", "4", *options)
    found = [int((jobs.folder / f"{number}.txt").read_text()) for number in range(3)]
    assert max(found) == expected


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_jobs_as_gpus(jobs, monkeypatch, tmp_path, count):
    pretend_gpus(monkeypatch, tmp_path, count)
    assert_at_a_time(count, jobs, monkeypatch)


def test_computing_on_the_cpu_runs_two_jobs(jobs, monkeypatch, tmp_path):
    pretend_gpus(monkeypatch, tmp_path, 1)
    jobs.config["device"] = "cpu"
    assert_at_a_time(2, jobs, monkeypatch)


def test_the_users_total_counts(jobs, monkeypatch, tmp_path):
    pretend_gpus(monkeypatch, tmp_path, 3)
    assert_at_a_time(1, jobs, monkeypatch, "--resources", "gpu=1")
