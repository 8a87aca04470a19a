"""A request to end that reaches Snakemake's process alone, as from a service or a notebook."""

import os
import signal
import time

import psutil
import pytest
import torch

from .conftest import Workflow

TRAINING = "results/tiny/models/small/seed0/baseline"


@pytest.mark.timeout(120)
def test_sigint_to_snakemake_alone_ends_its_jobs_which_save_their_work(tmp_path):
    workflow = Workflow(tmp_path)
    workflow.config["training"]["baseline"]["iterations"] = 10**6
    log = tmp_path / "results/tiny/logs/train_baseline/small.0.log"
    with (tmp_path / "output.txt").open("w") as output:
        process = workflow.start(f"{TRAINING}.safetensors", stdout=output, start_new_session=True)
        try:
            while not (log.exists() and "%|" in log.read_text()):
                assert process.poll() is None, (tmp_path / "output.txt").read_text()
                time.sleep(0.1)
            jobs = psutil.Process(process.pid).children(recursive=True)
            assert jobs
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(timeout=30)
            assert not any(job.is_running() for job in jobs)
        finally:
            for left in psutil.process_iter():
                if os.getsid(left.pid) == process.pid:
                    left.kill()
    told = log.read_text()
    content = torch.load(tmp_path / f"{TRAINING}.checkpoint", weights_only=True)
    assert content["iteration"] > 0
    assert f"stopped by SIGINT at iteration {content['iteration']}: saved" in told


@pytest.mark.parametrize("option", ["--lint", "--list", "--summary"])
def test_what_runs_no_job_takes_no_folder(workflow, option):
    workflow.run(option, check=False)
    assert not list((workflow.folder / ".snakemake").glob("running*"))
