"""One Snakemake at a time in a folder, and nothing in the way of the next one after a kill.

Snakemake's own lock is a file, which a killed process leaves behind. The lock here is held by the
operating system, which frees it when the process ends in whatever way.
"""

import os
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

# in the environment of a run's jobs: the folder that they belong to
MARK = "FAIG_WORKFLOW_FOLDER"


class AlreadyRunning(RuntimeError):
    """Another Snakemake runs in this folder; the message names it."""


class Unusable(RuntimeError):
    """Nothing can be written in this folder; the message says why."""


def hold(folder: Path, patience: float = 60) -> FileLock | None:
    """Take a folder for this process, and remove what a killed one left behind in it.

    Args:
        folder: the workflow's working directory.
        patience: seconds that jobs of a killed Snakemake have to save their work.

    Returns:
        The lock, held as long as this object lives; None on a file system that has no locks, where
        Snakemake's own lock is left to do what it can.

    Raises:
        AlreadyRunning: it is taken.
        Unusable: nothing can be written there.
    """
    state, results = folder / ".snakemake", folder / "results"
    for path in (folder, state, results):
        if path.exists() and not path.is_dir():
            raise Unusable(f"{path}: is a file, expected a folder; move it away")
        if path.exists() and not os.access(path, os.W_OK):
            raise Unusable(f"{path}: no permission to write there, which the workflow must")
    state.mkdir(exist_ok=True)
    holder = state / "running.txt"
    # a marker file in its place would outlive a killed process, and be believed on other machines
    lock = FileLock(state / "running.lock", fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        who = holder.read_text(encoding="utf-8").strip() if holder.exists() else "just started"
        raise AlreadyRunning(
            f"Snakemake is running in {folder} already ({who}); wait until it ends, or stop it. "
            "A dry run (-n) is possible meanwhile"
        ) from None
    except OSError as error:
        print(
            f"warning: {lock.lock_file} cannot be locked ({error}): start no second Snakemake here"
        )
        return None
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    holder.write_text(
        f"process {os.getpid()} on {socket.gethostname()} since {since}\n", encoding="utf-8"
    )
    shutil.rmtree(state / "locks", ignore_errors=True)  # of a process that is no more
    stop(left_behind(folder), patience)
    os.environ[MARK] = str(folder)
    return lock


def left_behind(folder: Path) -> list[psutil.Process]:
    """Jobs on this machine of a Snakemake in this folder, which must itself have ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder):
                found.append(process)
        except psutil.Error:  # someone else's, or gone
            continue
    return [process for process in found if process.pid != os.getpid()]


def stop(processes: list[psutil.Process], patience: float) -> None:
    """End processes: a training saves its state when it is asked to end."""
    if processes:
        numbers = ", ".join(str(process.pid) for process in processes)
        print(f"stopping jobs that a killed Snakemake left behind: {numbers}", flush=True)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=patience)[1]:
        process.kill()
    psutil.wait_procs(processes, timeout=patience)
