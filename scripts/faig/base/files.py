"""Files are written whole or not at all."""

import errno
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DiskFull, InputError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; move it in place when the block ends well.

    What a killed process left there half written is removed.

    Raises:
        DiskFull: the disk is full. What there was at `path` is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except Exception as error:
        if is_full(error):
            raise DiskFull(
                f"{path}: no space left on the disk; make room, and the next run goes on"
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def is_full(error: BaseException | None) -> bool:
    """Whether a full disk or a quota is behind an error; libraries tell it in their own ways."""
    while error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def readable(path: str | Path, *, ours: bool = True) -> Iterator[None]:
    """Turn a reader's own error into one that says which file, and what to do.

    Args:
        ours: whether a step of the workflow made the file: what the user gave is never to be
            deleted.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError) as error:
        if Path(path).is_dir():
            remedy = "; move it away" if ours else ""
            raise InputError(f"{path}: is a folder, expected a file{remedy}") from None
        if isinstance(error, PermissionError):
            raise InputError(f"{path}: no permission to read it") from None
        remedy = "delete it, and the next run makes it again" if ours else "take another copy of it"
        raise InputError(f"{path}: damaged or cut short ({error}); {remedy}") from None
