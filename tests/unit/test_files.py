import errno

import pytest
from faig.base.errors import DiskFull
from faig.base.files import atomic_path


def test_interrupted_writing_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_and_fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"


def test_finished_writing_replaces_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "new"


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in (".file.txt.123.tmp", ".other.txt.123.tmp"):
        (tmp_path / name).write_text("half")
    with atomic_path(tmp_path / "file.txt") as temporary:
        temporary.write_text("whole")
    assert {p.name for p in tmp_path.iterdir()} == {"file.txt", ".other.txt.123.tmp"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "no room"),
        OSError(errno.EDQUOT, "quota"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        RuntimeError("a library's own"),
    ],
)
def test_a_full_disk_is_told_as_such(tmp_path, error):
    def write():
        with atomic_path(tmp_path / "file.txt"):
            cause = OSError(errno.ENOSPC, "no room") if "library" in str(error) else None
            raise error from cause

    with pytest.raises(DiskFull, match=r"file\.txt: no space left on the disk; make room"):
        write()


def test_another_error_of_the_disk_is_told_as_it_is(tmp_path):
    def write():
        with atomic_path(tmp_path / "file.txt"):
            raise OSError(errno.EIO, "broken")

    with pytest.raises(OSError, match="broken"):
        write()
