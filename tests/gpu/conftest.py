"""The device of these tests: a GPU, or a CPU in its place that rounds in another way.

`pytest -m gpu` needs a GPU, and is skipped without. `FAIG_TEST_DEVICE=cpu pytest -m gpu` runs the
same on the CPU with other convolutions than the reference's: what can be checked without a GPU.
"""

import os

import pytest
import torch
from workflow.conftest import Workflow


@pytest.fixture(scope="session")
def device() -> str:
    """What the tests run on: `cuda` or `cpu`."""
    chosen = os.environ.get("FAIG_TEST_DEVICE", "cuda")
    if chosen == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU: torch finds no CUDA device on this machine")
    return chosen


@pytest.fixture
def gpu(device) -> torch.device:
    """A GPU, not a CPU in its place."""
    if device != "cuda":
        pytest.skip("what only a GPU does: FAIG_TEST_DEVICE is 'cpu'")
    return torch.device("cuda", 0)


@pytest.fixture
def strict_float32(device, monkeypatch):
    """Convolutions that round as those of a CPU; on a CPU others than usual, without oneDNN."""
    if device == "cuda":
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
        monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    else:
        monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)


@pytest.fixture(scope="session")
def on_cpu(device, tmp_path_factory) -> Workflow:
    """The tiny run on the CPU in float32, that the device is compared with."""
    workflow = Workflow(tmp_path_factory.mktemp("on_cpu"))
    workflow.config |= {"device": "cpu", "precision": "float32"}
    workflow.run()
    return workflow
