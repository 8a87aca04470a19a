"""Checksums of a run's files, recorded when they were made: what was damaged since is found.

A manifest is a JSON file that has one `Entry` by path.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..base.errors import InputError
from ..base.files import atomic_path

STAMP = ".snakemake_timestamp"  # what the workflow leaves in a folder that it made


@dataclass(frozen=True)
class Entry:
    """A file or folder as it was made.

    Attributes:
        rule: what made it.
        made: its modification time then, in seconds.
        sha256: its `digest`; None if it was changed before that could be recorded.
    """

    rule: str
    made: float
    sha256: str | None


def digest(path: Path) -> str | None:
    """SHA-256 of a file as `sha256sum` gives it, or of a folder's files; None if missing.

    Reads everything, about 1 s per GB from a fast disk.
    """
    if path.is_dir():
        whole = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file() and p.name != STAMP):
            whole.update(f"{file.relative_to(path)}\n{digest(file)}\n".encode())
        return whole.hexdigest()
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def modified(path: Path) -> float:
    """Modification time of a file, or of a folder that the workflow made, in seconds."""
    stamp = path / STAMP
    return (stamp if stamp.exists() else path).lstat().st_mtime


def read(manifest: Path) -> dict[str, Entry]:
    """The entries by path; none if there is no such file.

    Raises:
        InputError: the manifest is damaged, or cannot be read.
    """
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))
        return {name: Entry(**facts) for name, facts in entries.items()}
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        raise InputError(f"{manifest}: is a folder, expected a file; move it away") from None
    except OSError as error:
        raise InputError(f"{manifest}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{manifest}: damaged ({error}); delete it, and the next run records what is there"
        ) from None


def write(manifest: Path, entries: Mapping[str, Entry]) -> None:
    """Write a manifest, whole or not at all."""
    texts = {name: asdict(entry) for name, entry in sorted(entries.items())}
    with atomic_path(manifest) as temporary:
        temporary.write_text(json.dumps(texts, indent=1), encoding="utf-8")


def record(
    manifest: Path, made: Iterable[tuple[str, str, float]], needed: Collection[str] = ()
) -> None:
    """Bring a manifest up to date.

    Args:
        made: path, rule and modification time when it was made, of all that there is; what the
            manifest knows already is left as it is, without reading it.
        needed: all paths that the run needs, to forget others that were deleted; none to forget
            nothing.
    """
    entries = read(manifest)
    kept = {
        name: entry
        for name, entry in entries.items()
        if not needed or name in needed or Path(name).exists()
    }
    for name, rule, time in made:
        if name not in kept or kept[name].made != time:
            untouched = modified(Path(name)) == time
            kept[name] = Entry(rule, time, digest(Path(name)) if untouched else None)
    if kept != entries:
        write(manifest, kept)


@dataclass(frozen=True)
class Damage:
    """A path that is not as it was made: its entry, and the digest found.

    None is found of what is missing or cannot be read.
    """

    path: str
    entry: Entry
    found: str | None

    def __str__(self) -> str:
        state = "changed"
        if self.found is None:
            state = "cannot be read" if os.path.lexists(self.path) else "missing"
        recorded = self.entry.sha256 or "none: it was changed before that could be recorded"
        return (
            f"{self.path}: {state}, made by rule {self.entry.rule}\n"
            f"  sha256 recorded: {recorded}\n"
            f"  sha256 found:    {self.found or 'none'}"
        )


def damaged(entries: Mapping[str, Entry]) -> list[Damage]:
    """All paths that are not as they were made."""
    found = ((name, entry, _digest_or_none(Path(name))) for name, entry in entries.items())
    return [Damage(*facts) for facts in found if facts[2] is None or facts[2] != facts[1].sha256]


def _digest_or_none(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None
