"""The workflow on a real SLURM cluster: faults in two runs, and the same results as without."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from faig_workflow.resources import CPUS
from faults.drill import contents, differing

from . import cluster
from .cluster import Cluster, Unavailable, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(2400)]

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1]
PROFILE = HOME / "workflow/profiles/slurm"
ITERATIONS = 1500  # under the brake far more than the test has time for, without it seconds
LOG = "results/tiny/logs/train_target/braked.0.log"
BROKEN = "results/tiny/data/broken.h5"
ENVIRONMENT = {
    **os.environ,
    # scripts are called as `python`: the one that runs the tests
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "PYTHONPATH": str(HERE),  # the network
}


def drill_config() -> dict:
    """The tiny run with fewer jobs, and a network whose training waits for the test."""
    config = yaml.safe_load((HOME / "tests/config/tiny.yaml").read_text())
    config["networks"] = {"braked": {"architecture": "braked:Braked"}}
    config["training"]["target"]["iterations"] = ITERATIONS
    config["attribution"]["methods"] = {"faig": {"nodes": 2}, "random": {}}
    config["retraining"]["methods"] = ["faig"]
    config["two_branch"] = config["benchmark"]["curve"] = None
    return config


class Run:
    """Snakemake on the cluster, in the background; as a context, it is ended in any case."""

    def __init__(self, folder: Path, config: dict, *options: str):
        (folder / "config.json").write_text(json.dumps(config))
        command = [
            sys.executable, str(HERE / "snakemake_polling.py"),
            "--snakefile", str(HOME / "workflow/Snakefile"), "--workflow-profile", str(PROFILE),
            "--directory", str(folder), "--configfile", str(folder / "config.json"),
            "--default-resources", "slurm_account=none", "slurm_partition=gpu",
            "--set-resources", "synthesize:slurm_partition=cpu", *options,
        ]  # fmt: skip
        self.output = folder / "snakemake.out"
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=ENVIRONMENT,
            stdout=self.output.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *exception) -> None:
        self.process.kill()
        self.process.wait()
        if any(exception):
            print(self.output.read_text()[-8000:])

    def wait(self, seconds: float) -> str:
        """Its output, after it has ended by itself; its exit status is `process.returncode`."""
        self.process.wait(seconds)
        return self.output.read_text()


class Training:
    """The target's training as it goes from job to job, and from iteration to iteration."""

    def __init__(self, folder: Path):
        self.log, self.passes = folder / LOG, folder / "passes"

    def job(self) -> dict[str, str]:
        """Its running job."""
        own = [job for job in all_jobs() if "train_target" in job["Comment"]]
        running = [job for job in own if job["JobState"] == "RUNNING"]
        return running[-1] if running else {}

    def text(self) -> str:
        """What the last attempt has printed."""
        return self.log.read_text() if self.log.exists() else ""

    def slowed(self) -> int:
        """How often the network has been applied under the brake, in all attempts."""
        return self.passes.stat().st_size if self.passes.exists() else 0

    def start(self) -> tuple[dict[str, str], int]:
        """The job of the next attempt, once it trains, and the iteration that it goes on from."""
        wait_for(lambda: re.search(r"target: +\d+%", self.text()), "the training", 600)
        job = wait_for(self.job, "the training's job")
        before = self.slowed()
        wait_for(lambda: self.slowed() > before + 3, "some iterations", 120)
        resumed = re.search(r"target: going on from iteration (\d+)", self.text())
        return job, int(resumed.group(1)) if resumed else 0

    def disturb(self, deed: Callable[[dict], None]) -> tuple[int | None, dict[str, str], int]:
        """Do something to the running job, and wait for the next attempt; see `start`.

        Returns:
            The iteration at which the job saved its work and ended, None if it could not; and the
            next attempt.
        """
        job = self.job()
        log = self.log.rename(self.log.with_suffix(f".before_{deed.__name__}"))
        deed(job)
        started = self.start()
        return saved_at(log.read_text()), *started


def saved_at(text: str) -> int | None:
    """The iteration at which an attempt was asked to end and saved its work, as its log says."""
    found = re.search(r"stopped by SIGTERM at iteration (\d+): saved", text)
    return int(found.group(1)) if found else None


def all_jobs() -> list[dict[str, str]]:
    """What SLURM knows of every job since the cluster is up, oldest first."""
    lines = cluster.call("scontrol", "--oneliner", "show", "jobs").splitlines()
    found = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines if "JobId=" in line]
    return sorted(found, key=lambda job: (int(job["JobId"]), job["StartTime"]))


def rule(job: dict[str, str]) -> str:
    """The rule that a job runs."""
    return re.match(r"rule_(\w+?)(_wildcards_|$)", job["Comment"]).group(1)


@contextmanager
def timed(what: str):
    """Print how long something took."""
    start = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - start:.0f} s")


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Cluster:
    """The cluster; without it, all tests here are skipped."""
    try:
        running = Cluster(tmp_path_factory.mktemp("cluster") / "slurm")
        with timed("cluster up"):
            running.__enter__()
    except Unavailable as error:
        warnings.warn(f"NOT TESTED on a SLURM cluster: {error}", stacklevel=1)
        pytest.skip(str(error))
    try:
        yield running
    finally:
        running.__exit__()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The working directory of all runs on the cluster, with the brake on."""
    folder = tmp_path_factory.mktemp("on_cluster")
    (folder / "brake").touch()
    return folder


@pytest.fixture(scope="module")
def interrupted(up, folder) -> dict:
    """The first run: one job fails, and Ctrl-C comes in the middle of a training."""
    config = drill_config()
    (folder / "photos").mkdir()
    (folder / "photos/torn.png").write_bytes(b"no picture")
    config["datasets"]["broken"] = {"source": "folder", "path": "photos"}
    training = Training(folder)
    target = "results/tiny/models/braked/seed0/target.safetensors"
    options = ("--retries", "0", target, BROKEN)
    with timed("first run"), Run(folder, config, *options) as run:
        training.start()
        wait_for(lambda: "Error in rule synthesize" in run.output.read_text(), "the failure", 90)
        run.process.send_signal(signal.SIGINT)
        output = run.wait(300)
        left = cluster.jobs("pending,running")  # others may still be saving
        wait_for(lambda: not cluster.jobs("completing"), "the training to be saved", 30)
    return {
        "status": run.process.returncode,
        "output": output,
        "left": left,
        "log": training.text(),
    }


@pytest.fixture(scope="module")
def local(tmp_path_factory, interrupted) -> Path:
    """The same run without a cluster, with as many threads; begun beside the second run."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "config.json").write_text(json.dumps(drill_config()))
    threads = min(CPUS, len(os.sched_getaffinity(0)))
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", str(HOME / "workflow/Snakefile"),
        "--configfile", "config.json", "--cores", str(2 * threads),
    ]  # fmt: skip
    with (folder / "snakemake.out").open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT
        )
    yield folder
    process.kill()


@pytest.fixture(scope="module")
def finished(up, folder, interrupted, local) -> dict:
    """The second run: it goes on, a training is disturbed in three ways, and all is done."""

    def kill(job):
        cluster.call("scancel", job["JobId"])

    def crash(job):
        up.crash("g1")
        wait_for(lambda: not training.job(), "SLURM to miss the node", 90)
        up.start("g1")

    def run_out_of_time(job):
        limits.append(job["TimeLimit"])
        cluster.call("scontrol", "update", f"JobId={job['JobId']}", "EndTime=now+1")

    training, limits, attempts, saved = Training(folder), [], [], []
    training.log.unlink()
    with timed("second run"), Run(folder, drill_config()) as run:
        with timed("until the training"):
            attempts.append(training.start())
        for deed in (kill, crash, run_out_of_time):
            with timed(deed.__name__):
                iteration, *attempt = training.disturb(deed)
            saved.append(iteration)
            attempts.append(attempt)
        limits.append(attempts[-1][0]["TimeLimit"])
        (folder / "brake").unlink()
        with timed("the rest"):
            output = run.wait(2000)
    assert run.process.returncode == 0, output[-8000:]
    return {"attempts": attempts, "saved": saved, "limits": limits, "jobs": all_jobs()}


def test_a_failing_job_shows_its_log(interrupted):
    name = "results/tiny/logs/synthesize/broken.log"
    _, _, after = interrupted["output"].partition(f"Logfile {name}:")
    assert "torn.png" in after[:1000]


def test_interrupting_leaves_no_job(interrupted):
    assert interrupted["status"] != 0
    assert interrupted["left"] == []


def test_an_interrupted_training_is_saved(interrupted, finished):
    assert saved_at(interrupted["log"]) == finished["attempts"][0][1] > 0


def test_every_attempt_goes_on_from_the_last(finished):
    interrupt, kill, crash, timeout = (iteration for _, iteration in finished["attempts"])
    assert finished["saved"] == [kill, None, timeout]
    assert interrupt < kill <= crash < timeout < ITERATIONS


def test_slurm_starts_a_job_again_after_a_crash_and_snakemake_after_all_else(finished):
    interrupt, kill, crash, timeout = (job["JobId"] for job, _ in finished["attempts"])
    assert kill == crash
    assert len({interrupt, kill, timeout}) == 3
    assert finished["attempts"][2][0]["Restarts"] == "1"


def test_a_job_out_of_time_gets_more(finished):
    minutes = [int(h) * 60 + int(m) for h, m, _ in (x.split(":") for x in finished["limits"])]
    assert minutes[1] > minutes[0]


def test_jobs_that_compute_ask_for_a_gpu_and_get_it_alone(finished):
    gpu = [job for job in finished["jobs"] if "gpu" in job.get("TresPerJob", "")]
    assert {rule(job) for job in finished["jobs"]} - {rule(job) for job in gpu} == {"synthesize"}
    assert {"train_baseline", "attribute", "mask", "retrain", "predict"} <= {rule(j) for j in gpu}
    ran = sorted((j["StartTime"], j["EndTime"]) for j in gpu if j["StartTime"] != "Unknown")
    assert all(end <= start for (_, end), (start, _) in pairwise(ran))


def test_jobs_that_start_together_are_submitted_as_arrays(finished):
    arrays = [rule(job) for job in finished["jobs"] if "ArrayTaskId" in job]
    assert arrays.count("attribute") == 2


def test_results_are_those_of_a_local_run(folder, finished, local):
    wait_for((local / "results/tiny/report.html").exists, "the local run")
    here, there = contents(folder), contents(local)
    assert set(here) == set(there)
    assert not differing(here, there)
    assert len(here) > 40
