"""How many GPUs jobs can have on this machine; asked without torch, whose import takes seconds."""

import os
import re
import subprocess
from itertools import takewhile

# CUDA ignores all entries of CUDA_VISIBLE_DEVICES from the first that names no device
_DEVICE = re.compile(r"\s*(\d+|(GPU|MIG)-\S+)\s*")


def visible() -> int:
    """Number of GPUs that a job started here sees."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return sum(1 for _ in takewhile(_DEVICE.fullmatch, named.split(",")))
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):  # no driver, or one that hangs
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def total(device: str) -> int:
    """How many jobs can have a GPU of their own at a time; 0 where jobs need none.

    Args:
        device: the config's `device`.
    """
    if device != "auto" and not device.startswith("cuda"):
        return 0
    return min(visible(), 1) if ":" in device else visible()
