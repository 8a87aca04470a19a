"""What a plan costs grows with its jobs, and our part of it stays small: calls are counted."""

import pstats
import subprocess
import sys

import pytest

from .conftest import HOME, Workflow

SEEDS = 12
MINE = tuple(str(HOME / folder) for folder in ("workflow", "scripts"))


@pytest.fixture(scope="module")
def planned(tmp_path_factory) -> tuple[int, pstats.Stats]:
    """Number of jobs of a large plan, and what was called to make it."""
    workflow = Workflow(tmp_path_factory.mktemp("growth"))
    workflow.config["seeds"] = list(range(SEEDS))
    del workflow.config["two_branch"]
    profile = workflow.folder / "calls"
    words = ["-m", "cProfile", "-o", str(profile), "-m", "snakemake"]
    options = workflow.arguments("--dry-run", "--quiet", "host")
    result = subprocess.run(
        [sys.executable, *words, *options], cwd=workflow.folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    (total,) = {
        line for line in (result.stdout + result.stderr).splitlines() if line.startswith("total ")
    }
    return int(total.split()[1]), pstats.Stats(str(profile))


def calls(stats: pstats.Stats, *names: str, without: str = " ") -> int:
    """How often functions of ours were called: of these names, or all but those of one file."""
    return sum(
        entry[1]
        for (file, _, name), entry in stats.stats.items()
        if file.startswith(MINE) and not file.endswith(without) and (not names or name in names)
    )


def test_the_plan_is_large(planned):
    jobs, _ = planned
    assert jobs > 300


def test_code_is_read_once_however_many_jobs_run_it(planned):
    _, stats = planned
    files = len(list((HOME / "scripts").rglob("*.py")))
    assert 0 < calls(stats, "meaning") <= files
    assert calls(stats, "_tree") <= files + len(list((HOME / "workflow").rglob("*.py")))


def test_a_job_takes_few_texts_of_the_config(planned):
    jobs, stats = planned
    assert jobs < calls(stats, "canonical_json") < 4 * jobs
    assert calls(stats, "fingerprint") < 100


def test_a_job_takes_few_calls_of_ours(planned):
    jobs, stats = planned
    reading = calls(stats) - calls(stats, without="codebase.py")
    assert reading > 1000  # once, however many jobs
    assert calls(stats, without="codebase.py") / jobs < 100
