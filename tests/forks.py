"""Snakemake and scripts in forks of a process that has imported their packages, which is most of
what a dry run or a tiny job does.

Called as a program this is that process. The `python` and `snakemake` of `commands()` do no more
than ask it for a fork with the same arguments, folder, environment and standard streams, and end as
that does. The workflow, its scripts and the library are read anew in each fork; nothing is shared
between two.
"""

import atexit
import gc
import importlib
import multiprocessing.process
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

HERE = Path(sys.executable).parent
PRELOADED = (
    "bokeh.plotting", "filelock", "fontTools.subset", "h5py", "matplotlib.backends.backend_pdf",
    "matplotlib.pyplot", "numpy", "pandas", "PIL.ImageOps", "psutil", "pyarrow.dataset",
    "pyarrow.parquet", "pydantic", "requests", "safetensors.torch", "scipy.stats",
    "sklearn.datasets", "snakemake.cli", "snakemake.report.html_reporter", "snakemake.storage",
    "smart_open", "torch", "torch._dynamo", "tqdm", "yte",
)  # fmt: skip

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

CLIENT = """#!{python} -IS
import os, signal, socket, sys
if sys.argv[1].startswith("-"):
    os.execv({python!r}, sys.argv)
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    environment = [f"{{k}}={{v}}" for k, v in os.environ.items()]
    words = [os.getcwd(), str(len(sys.argv[1:])), *sys.argv[1:], *environment]
    message = "\\0".join(words).encode(errors="surrogateescape")
    socket.send_fds(server, [len(message).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(message)
    script = int.from_bytes(server.recv(4), "big")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os.kill(script, number))
    status = server.recv(1)
sys.exit(status[0] if status else 1)
"""


@cache
def commands() -> str:
    """A folder of both commands; the process that forks ends with the one that asked first."""
    folder = Path(mkdtemp(prefix="forks"))
    address, python = str(folder / "socket"), folder / "python"
    python.write_text(CLIENT.format(python=sys.executable, address=address))
    (folder / "snakemake").write_text(f'#!/bin/sh\nexec {python} {HERE / "snakemake"} "$@"\n')
    for command in (python, folder / "snakemake"):
        command.chmod(0o755)
    # it reads its standard input, which ends when this process does; libraries count threads when
    # they are imported, and Snakemake tells a job of one thread so
    server = subprocess.Popen(
        [sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, **dict.fromkeys(THREADS, "1")},
    )  # fmt: skip
    server.stdout.readline()
    return str(folder)


def snakemake(arguments: Sequence[str], folder: Path) -> tuple[int, str]:
    """Exit status, and standard output and error together, of one call in a folder."""
    return call(["snakemake", *arguments], folder)


def call(command: Sequence[str | Path], folder: Path) -> tuple[int, str]:
    """The same of any command that starts with `snakemake`, or with `python` and a script."""
    path = os.pathsep.join([commands(), str(HERE), os.environ["PATH"]])
    done = subprocess.run(
        [*command], cwd=folder, env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def serve(address: str) -> None:
    """Answer each connection by a fork, which goes on where this function returns."""
    for name in PRELOADED:
        importlib.import_module(name)
    sys.modules["snakemake.cli"].get_argument_parser()  # looks for plugins, once
    gc.freeze()  # or a fork's garbage collector would write to, and so copy, all their pages
    gc.set_threshold(100_000)  # a tenth of a dry run would be spent on what it has yet to use
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in ready:
                shutil.rmtree(Path(address).parent)
                sys.exit()
            connection, _ = door.accept()
            if os.fork() == 0:
                door.close()
                break
            connection.close()
    attend(connection)


def attend(connection: socket.socket) -> None:
    """Read what is to be run, run it in a fork, and tell its number and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    message = b""
    while len(message) < int.from_bytes(head, "big"):
        message += connection.recv(1 << 16)
    place, count, *words = message.decode(errors="surrogateescape").split("\0")
    if script := os.fork():
        connection.sendall(script.to_bytes(4, "big"))
        _, status = os.waitpid(script, 0)
        connection.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(place)
    multiprocessing.process.ORIGINAL_DIR = place  # from which processes of its own find the script
    os.environ.clear()
    os.environ.update(word.split("=", 1) for word in words[int(count) :])
    sys.argv = words[: int(count)]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)


def run() -> int:
    """Run the script that the arguments name; its exit status."""
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ending:
        if ending.code and not isinstance(ending.code, int):
            raise
        return ending.code or 0
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
    ending = run()
    # an interpreter's own end takes down all that was imported, which takes as long as most jobs
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ending)
