"""A run that is killed again and again, and what must be the same as if it had not been."""

import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd
from workflow.conftest import Workflow

RUN = "results/tiny"
# written by Snakemake or a shell, which does not write a file whole or not at all
NOT_ATOMIC = {"config.json", "report.html"}
# locks, what tells of times (the report shows when each job ran), or is not made by every run
LEFT_OUT = (
    "*/.*", "report.html", "checksums.json", "logs/*", "usage/*", "*.pth",
    "figures/benchmark_*",
    "benchmark/attribution.parquet", "benchmark/*/attribution.parquet",
    "benchmark/quadrature.parquet", "benchmark/training.parquet", "benchmark/*/training.parquet",
    "figures/training_benchmark_*",
)  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    """Digests of the files of a run, by path, some left out; see `LEFT_OUT`.

    Tables are compared without the column of seconds that some have.
    """
    root = folder / RUN
    paths = {str(p.relative_to(root)): p for p in root.rglob("*") if p.is_file()}
    return {
        name: _digest(path)
        for name, path in paths.items()
        if not any(fnmatch(name, pattern) for pattern in LEFT_OUT)
    }


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".parquet" and "seconds" in (table := pd.read_parquet(path)):
        content = table.drop(columns="seconds").to_csv().encode()
    return hashlib.sha256(content).hexdigest()


def whole(found: dict[str, str]) -> dict[str, str]:
    """Of the files that there are in the middle of a run, those that must be whole."""
    unfinished = (".tmp", ".lock", ".checkpoint", ".previous", ".partial")
    return {
        name: digest
        for name, digest in found.items()
        if name not in NOT_ATOMIC and not name.endswith(unfinished)
    }


def differing(found: dict[str, str], expected: dict[str, str]) -> set[str]:
    """Paths of the files found that are not as expected, or are not expected at all."""
    return {name for name, digest in found.items() if digest != expected.get(name)}


class Drill:
    """Starts the workflow and kills it at random moments, spread over the whole run.

    Args:
        workflow: in a fresh folder of its own.
        kills: how many.
        seed: of the moments, and of whether only the main process is killed or its jobs as well.
    """

    def __init__(self, workflow: Workflow, kills: int, seed: int):
        self.workflow = workflow
        self.random = random.Random(seed)
        jobs = sum(workflow.plan().values()) - 1  # the last one ends the run
        self.moments = sorted(self.random.randrange(jobs) for _ in range(kills))
        self.logs: list[Path] = []

    def kills(self) -> Iterator[str]:
        """Kill at each moment, and say what was done.

        Raises:
            RuntimeError: the run ended by itself before that.
        """
        for moment in self.moments:
            delay, orphans = self.random.uniform(0, 4), self.random.random() < 0.25
            self.logs.append(self.workflow.folder / f"start{len(self.logs)}.log")
            with self.logs[-1].open("w") as log:
                process = self.workflow.start(stdout=log, start_new_session=True)
            while self.done() < moment:
                self._check(process)
                time.sleep(0.05)
            time.sleep(delay)
            self._check(process)
            (os.kill if orphans else os.killpg)(process.pid, signal.SIGKILL)
            process.wait()
            which = "main process" if orphans else "all processes"
            yield f"{which}, {self.done()} jobs done, {delay:.1f} s later"

    def done(self) -> int:
        """Number of jobs that were done, over all starts."""
        return sum(log.read_text().count(": done in ") for log in self.logs)

    def _check(self, process: subprocess.Popen) -> None:
        if process.poll() is not None:
            raise RuntimeError(f"the run ended by itself:\n{self.logs[-1].read_text()}")
