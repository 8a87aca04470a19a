"""What the tests of the whole workflow share."""

import pytest
from workflow.conftest import Workflow, own_copy


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workflow:
    """The tiny run, done once, beside a copy of the code.

    Tests may change its config and the code, and must put them back.
    """
    workflow = own_copy(tmp_path_factory.mktemp("finished"))
    workflow.output = workflow.run().stdout
    return workflow
