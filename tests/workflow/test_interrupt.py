"""Requests to end: to Snakemake's process alone, as from a notebook, or to all, as from SLURM."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import torch

from .conftest import Workflow

TRAINING = "results/tiny/models/small/seed0/baseline"
LOG = "results/tiny/logs/train_baseline/small.0.log"
OUTPUT = "output.txt"


@contextmanager
def training(folder: Path) -> Iterator[tuple[subprocess.Popen, list[psutil.Process]]]:
    """Snakemake in a session of its own, and its jobs' processes, while a network is trained."""
    workflow = Workflow(folder)
    workflow.config["training"]["baseline"]["iterations"] = 10**6
    log, output = folder / LOG, folder / OUTPUT
    with output.open("w") as file:
        process = workflow.start(f"{TRAINING}.safetensors", stdout=file, start_new_session=True)
        try:
            while not (log.exists() and "%|" in log.read_text()):
                assert process.poll() is None, output.read_text()
                time.sleep(0.1)
            yield process, psutil.Process(process.pid).children(recursive=True)
        finally:
            for left in psutil.process_iter():
                with suppress(ProcessLookupError, psutil.NoSuchProcess):  # it has ended meanwhile
                    if os.getsid(left.pid) == process.pid:
                        left.kill()


def assert_saved(folder: Path, request: str) -> None:
    """The training's log says that it has ended on request, and a checkpoint holds its work."""
    iteration = torch.load(folder / f"{TRAINING}.checkpoint", weights_only=True)["iteration"]
    assert iteration > 0
    assert f"stopped by {request} at iteration {iteration}: saved" in (folder / LOG).read_text()


@pytest.mark.timeout(120)
def test_sigint_to_snakemake_alone_ends_its_jobs_which_save_their_work(tmp_path):
    with training(tmp_path) as (snakemake, jobs):
        assert jobs
        os.kill(snakemake.pid, signal.SIGINT)
        assert snakemake.wait(timeout=30)
        assert not any(job.is_running() for job in jobs)
    assert_saved(tmp_path, "SIGINT")


@pytest.mark.timeout(120)
def test_snakemake_waits_until_a_script_that_is_told_to_end_has_saved_its_work(tmp_path):
    with training(tmp_path) as (snakemake, jobs):
        jobs[-1].suspend()  # its work takes long to save
        os.killpg(snakemake.pid, signal.SIGTERM)  # as SLURM sends it: to all processes
        while "Will exit after finishing" not in (tmp_path / OUTPUT).read_text():
            time.sleep(0.1)
        with pytest.raises(subprocess.TimeoutExpired):  # SLURM kills what is left when it ends
            snakemake.wait(timeout=3)
        jobs[-1].resume()
        assert snakemake.wait(timeout=30)
    assert_saved(tmp_path, "SIGTERM")


@pytest.mark.parametrize("option", ["--lint", "--list", "--summary"])
def test_what_runs_no_job_takes_no_folder(workflow, option):
    workflow.run(option, check=False)
    assert not list((workflow.folder / ".snakemake").glob("running*"))
