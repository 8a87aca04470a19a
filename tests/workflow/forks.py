"""Snakemake called in forks of a process that has imported it: a dry run takes a third of the time.

Nothing is shared between two calls, unlike between two calls within one process.
"""

import os
from multiprocessing import get_context
from pathlib import Path

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["snakemake.cli", "jsonschema", "numpy"])


def snakemake(arguments: list[str], folder: Path) -> tuple[int, str]:
    """Exit status, and standard output and error together, of one call in a folder."""
    output = folder / ".output"
    process = CONTEXT.Process(target=_call, args=(arguments, folder, output))
    process.start()
    process.join()
    text = output.read_text()
    output.unlink()
    return process.exitcode, text


def _call(arguments: list[str], folder: Path, output: Path) -> None:
    from snakemake.cli import main

    os.chdir(folder)
    with output.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    main(arguments)
