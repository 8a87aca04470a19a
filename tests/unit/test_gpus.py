import pytest
from faig_workflow import gpus


@pytest.fixture
def listed(monkeypatch, tmp_path):
    """A machine whose `nvidia-smi -L` prints these lines, or that has none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def pretend(lines: list[str], status: int = 0):
        path = tmp_path / "nvidia-smi"
        prints = "".join(f"echo '{line}'\n" for line in lines)
        path.write_text(f"#!/bin/sh\n{prints}exit {status}\n")
        path.chmod(0o755)

    return pretend


LISTED = ["GPU 0: NVIDIA A (UUID: GPU-12)", "GPU 1: NVIDIA A (UUID: GPU-34)"]


def test_the_driver_lists_them(listed):
    listed(LISTED)
    assert gpus.visible() == 2


def test_there_are_none_without_a_driver(listed):
    assert gpus.visible() == gpus.total("cuda:1") == 0


def test_there_are_none_with_a_broken_driver(listed):
    listed(["NVIDIA-SMI has failed: no communication with the NVIDIA driver"], status=9)
    assert gpus.visible() == 0


@pytest.mark.parametrize(
    ("named", "expected"),
    [("", 0), ("-1", 0), ("NoDevFiles", 0), ("0", 1), ("1, 0,3", 3), ("0,-1,1", 1),
     ("GPU-12ab,MIG-34cd", 2)],
)  # fmt: skip
def test_the_environment_hides_devices(listed, monkeypatch, named, expected):
    listed(LISTED)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpus.visible() == expected


@pytest.mark.parametrize(
    ("device", "expected"), [("auto", 2), ("cuda", 2), ("cuda:1", 1), ("cpu", 0), ("mps", 0)]
)
def test_jobs_at_a_time(listed, device, expected):
    listed(LISTED)
    assert gpus.total(device) == expected
