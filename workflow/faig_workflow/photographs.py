"""Whether the user's own photographs are those of the last run, whatever their dates say.

Snakemake compares dates: a photograph replaced by an older one would not be noticed, and one that
was only touched would train every network again. So a rule that reads photographs is told their
digest. Files are read again only after a change that the file system knows of.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from faig.base.errors import InputError
from faig.base.files import atomic_path
from faig.base.provenance import canonical_json, checksum

KEPT = Path(".snakemake/photographs.json")


def digest(paths: Iterable[str]) -> str:
    """SHA-256 of files' names and contents; remembers the contents' in the working directory.

    Raises:
        InputError: a file cannot be read.
    """
    kept = _read()
    current = {path: _entry(path, kept.get(path)) for path in paths}
    if current.items() - kept.items():
        # without it, the next call reads the files again
        with suppress(OSError, InputError), atomic_path(KEPT) as temporary:
            temporary.write_text(canonical_json(kept | current), encoding="utf-8")
    return checksum(canonical_json([[path, sha256] for path, (_, sha256) in current.items()]))


def _read() -> dict[str, tuple[str, str]]:
    """By path what the file system knew of a file, and the digest of its content then."""
    try:
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
        return {path: (str(stamp), str(sha256)) for path, (stamp, sha256) in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # of no use: all is read again
        return {}


def _entry(path: str, kept: tuple[str, str] | None) -> tuple[str, str]:
    try:
        status = Path(path).stat()
        # the last of these changes even where a program sets the others back
        facts = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        stamp = " ".join(map(str, facts))
        return kept if kept and kept[0] == stamp else (stamp, checksum(Path(path)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
