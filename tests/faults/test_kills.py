"""The tiny run, killed at random moments, ends as if nothing had happened.

The long drill is done by hand: FAULT_KILLS=30 pytest -s -m drill
"""

import os
import signal

import pytest
from workflow.conftest import Workflow

from .drill import Drill, contents, differing, whole

# the short form; the long one is asked for by the environment
KILLS, SEED = int(os.environ.get("FAULT_KILLS", "4")), int(os.environ.get("FAULT_SEED", "0"))


@pytest.mark.drill
@pytest.mark.timeout(300 + 60 * KILLS)
def test_a_killed_run_ends_as_an_undisturbed_one(finished, tmp_path):
    expected = contents(finished.folder)
    workflow = Workflow(tmp_path)
    for number, kill in enumerate(Drill(workflow, KILLS, SEED).kills(), 1):
        print(f"kill {number} of {KILLS}: {kill}", flush=True)
        assert not differing(whole(contents(tmp_path)), expected)
    workflow.run()
    found = contents(tmp_path)
    assert found.keys() == expected.keys()
    assert not differing(found, expected)
    assert "files are as they were written" in workflow.run("verify").stdout


def test_a_second_snakemake_in_the_folder_is_refused(tmp_path):
    workflow = Workflow(tmp_path)
    first = workflow.start(start_new_session=True)
    try:
        while "jobs to do" not in first.stdout.readline():
            assert first.poll() is None
        second = workflow.run(check=False)
        assert second.returncode
        assert f"already (process {first.pid}" in second.stdout
        assert "Traceback" not in second.stdout
        assert "train_baseline" in workflow.planned()
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
