"""One job at a time on a GPU, by locks of the operating system."""

import os
import tempfile
import time
from pathlib import Path

import torch
from filelock import FileLock, Timeout

# locks of the GPUs that this process has claimed; the system frees them, however the process ends
_claims: list[FileLock] = []


def claim(device: torch.device) -> torch.device:
    """Take a GPU for the rest of this process: no other one that claims gets it meanwhile.

    Args:
        device: see `faig.base.device.choose_device`. `cuda` takes the first free GPU, `cuda:1`
            this one; waits as long as there is none. Other devices are shared, and returned as
            they are.

    Returns:
        The device, a GPU with its number.
    """
    if device.type != "cuda":
        return device
    numbers = range(torch.cuda.device_count()) if device.index is None else [device.index]
    told = False
    while True:
        for number in numbers:
            lock = _gpu_lock(number)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            _claims.append(lock)
            return torch.device("cuda", number)
        if not told:
            names = ", ".join(f"cuda:{n} ({torch.cuda.get_device_name(n)})" for n in numbers)
            print(f"waiting for a GPU: other processes have {names}", flush=True)
            told = True
        time.sleep(1)


def _gpu_lock(number: int) -> FileLock:
    """The lock of a GPU, named by its UUID: numbers depend on CUDA_VISIBLE_DEVICES."""
    folder = Path(tempfile.gettempdir(), f"faig-gpus-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    return FileLock(folder / f"{torch.cuda.get_device_properties(number).uuid}.lock")
