"""What the tests of the whole workflow share."""

import signal

import pytest
from workflow.conftest import Workflow, made_once, own_copy

# a shell that starts the tests in the background makes them deaf to Ctrl-C, and with them all
# that they start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workflow:
    """The tiny run, done once, beside a copy of the code.

    Tests may change its config and the code, and must put them back.
    """
    folder, output = made_once(tmp_path_factory, "finished", lambda f: own_copy(f).run().stdout)
    workflow = Workflow(folder, folder)
    workflow.output = output
    return workflow
