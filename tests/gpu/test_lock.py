"""Two jobs that compute on one GPU never do so at once."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gpu

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
JOB = """
import torch
from faig.run.gpu_lock import claim
print(claim(torch.device("cuda", 0)), flush=True)
torch.ones(1, device="cuda:0")
input()
"""


@pytest.fixture
def start():
    """Start jobs that take the first GPU, and keep it until their input ends."""
    started = []

    def job() -> subprocess.Popen:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([sys.executable, "-c", JOB], cwd=SCRIPTS, **pipes))
        return started[-1]

    yield job
    for process in started:
        process.kill()
        process.communicate()


def test_the_second_job_waits_for_the_first(gpu, start):
    first = start()
    assert first.stdout.readline() == "cuda:0\n"
    second = start()
    assert second.stdout.readline().startswith("waiting for a GPU: other processes have cuda:0")
    first.stdin.write("\n")
    first.stdin.close()
    assert second.stdout.readline() == "cuda:0\n"
    assert first.wait(60) == 0
