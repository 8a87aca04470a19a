"""What the tests of the whole workflow share."""

import os
import shutil
import signal

import pytest
from filelock import FileLock
from workflow.conftest import Workflow, own_copy

# a shell that starts the tests in the background makes them deaf to Ctrl-C, and with them all
# that they start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workflow:
    """The tiny run, done once, beside a copy of the code.

    Tests may change its config and the code, and must put them back.
    """
    folder = tmp_path_factory.getbasetemp()
    # processes that share the tests make it once, and get a copy each
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    original, output = shared / "finished", shared / "finished.txt"
    with FileLock(shared / "finished.lock"):
        if not output.exists():
            shutil.rmtree(original, ignore_errors=True)
            original.mkdir()
            output.write_text(own_copy(original).run().stdout)
    copy = shutil.copytree(original, folder / "copy_of_finished")
    workflow = Workflow(copy, copy)
    workflow.output = output.read_text()
    return workflow
