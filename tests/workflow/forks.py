"""Snakemake called in forks of a process that has imported it: a dry run takes a third of the time,
and every other call two seconds less.

Nothing is shared between two calls, unlike between two calls within one process.
"""

import os
import sys
from multiprocessing import get_context
from pathlib import Path

from . import interpreter

CONTEXT = get_context("forkserver")
# Snakemake and the packages that it and the workflow import on every call
PRELOADED = (
    "filelock", "numpy", "PIL.ImageOps", "psutil", "pydantic", "requests",
    "snakemake.cli", "snakemake.report.html_reporter", "snakemake.storage", "tqdm", "yte",
)  # fmt: skip
CONTEXT.set_forkserver_preload(list(PRELOADED))


def snakemake(arguments: list[str], folder: Path) -> tuple[int, str]:
    """Exit status, and standard output and error together, of one call in a folder."""
    output = folder / ".output"
    process = CONTEXT.Process(
        target=_call, args=(arguments, folder, output, dict(os.environ), interpreter.folder())
    )
    process.start()
    process.join()
    text = output.read_text()
    output.unlink()
    return process.exitcode, text


def _call(
    arguments: list[str], folder: Path, output: Path, environment: dict[str, str], python: str
) -> None:
    from snakemake.cli import main

    os.chdir(folder)
    # scripts are called as `python`: forks of the one that runs the tests
    path = os.pathsep.join([python, str(Path(sys.executable).parent), environment["PATH"]])
    os.environ.clear()
    os.environ.update(environment, PATH=path)
    sys.argv = ["snakemake", *arguments]
    with output.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    main(arguments)
