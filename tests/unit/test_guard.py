import errno
import fcntl
import os
import subprocess
import sys

import pytest
from faig_workflow import guard

HOLD = """
import pathlib
from faig_workflow import guard
lock = guard.hold(pathlib.Path({folder!r}))
"""


def start(code: str, **environment) -> subprocess.Popen:
    """Another process, which has said 'ready' and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}\nprint('ready', flush=True)\nimport time; time.sleep(60)"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture(autouse=True)
def unmarked(monkeypatch):
    """The mark that `hold` leaves in the environment goes with the test."""
    monkeypatch.setenv(guard.MARK, "")


def test_the_second_is_refused_and_told_of_the_first(tmp_path):
    other = start(HOLD.format(folder=str(tmp_path)))
    try:
        with pytest.raises(guard.AlreadyRunning, match=f"process {other.pid} on .* since"):
            guard.hold(tmp_path)
    finally:
        other.kill()
        other.wait()


def test_a_killed_process_leaves_nothing_in_the_way(tmp_path):
    other = start(HOLD.format(folder=str(tmp_path)))
    (tmp_path / ".snakemake/locks").mkdir()
    (tmp_path / ".snakemake/locks/0.output.lock").write_text("results/a\n")
    other.kill()
    other.wait()
    with guard.hold(tmp_path):
        assert not (tmp_path / ".snakemake/locks").exists()


def test_jobs_left_behind_may_save_and_are_stopped(tmp_path):
    saves = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('saved')))"
    own = start(saves, **{guard.MARK: str(tmp_path)})
    stubborn = start(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        **{guard.MARK: str(tmp_path)},
    )
    others = start("", **{guard.MARK: str(tmp_path / "elsewhere")})
    try:
        with guard.hold(tmp_path, patience=2):
            assert own.stdout.read() == "saved\n"
            assert stubborn.poll() is not None
            assert others.poll() is None
    finally:
        for process in (own, stubborn, others):
            process.kill()
            process.wait()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_of(tmp_path, monkeypatch, capsys, number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    own = tmp_path / ".snakemake/locks/0.output.lock"
    own.parent.mkdir(parents=True)
    own.touch()
    assert guard.hold(tmp_path) is None
    assert "running.lock cannot be locked" in capsys.readouterr().out
    assert own.exists()


@pytest.mark.parametrize("name", [".snakemake", "results"])
def test_a_file_in_place_of_a_folder_is_named(tmp_path, name):
    (tmp_path / name).write_text("")
    with pytest.raises(guard.Unusable, match=rf"/{name}: is a file, expected a folder"):
        guard.hold(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(guard.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(guard.Unusable, match=f"{tmp_path}: no permission to write there"):
        guard.hold(tmp_path)
    assert not list(tmp_path.iterdir())
