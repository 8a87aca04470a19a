"""Files that runs share: made once, kept in a cache, copied to every run that needs the same."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ..base.files import atomic_path
from ..base.provenance import canonical_json, checksum

CHECKSUMS = "checksums.json"


class Reusable:
    """Files that follow entirely from what their key stands for.

    Copies, so that no run depends on the cache or on another run; with checksums, so that a file
    damaged in the cache is not handed on.

    Args:
        cache: folder of the cache, made when it is needed; None: nothing is found or kept.
        key: checksum of everything that the files are made from, `provenance.checksum`.
        files: where they belong; in the cache they have the same names.

    Attributes:
        key: also of what is saved on the way to them, for nothing else may go on from it.
    """

    def __init__(self, cache: Path | None, key: str, files: Sequence[Path]):
        self.key, self.entry, self.files = key, cache and cache / key, files

    def ensure(self, make: Callable[[], None]) -> None:
        """Put the files in place: those made before, else by `make`, and then they are kept."""
        if not self.fetch():
            make()
            self.keep()

    def fetch(self) -> bool:
        """Put the files in place if they were made before; whether they were."""
        if not self.entry or not self.entry.exists():
            return False
        if not self._whole():
            print(f"warning: {self.entry} is damaged, and is made again", flush=True)
            shutil.rmtree(self.entry, ignore_errors=True)
            return False
        for file in self.files:
            with atomic_path(file) as temporary:
                shutil.copyfile(self.entry / file.name, temporary)
        print(f"made before, taken from {self.entry}", flush=True)
        return True

    def _whole(self) -> bool:
        try:
            expected = json.loads((self.entry / CHECKSUMS).read_text(encoding="utf-8"))
            return expected == {f.name: checksum(self.entry / f.name) for f in self.files}
        except (OSError, ValueError):
            return False

    def keep(self) -> None:
        """Copy the files, which are in place now, into the cache: all at once, or not at all.

        Without room for them there is a warning: the run has its files, and goes on.
        """
        if not self.entry:
            return
        try:
            self.entry.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(
                dir=self.entry.parent, prefix=".", ignore_cleanup_errors=True
            ) as folder:
                for file in self.files:
                    shutil.copyfile(file, Path(folder, file.name))
                sums = {file.name: checksum(file) for file in self.files}
                Path(folder, CHECKSUMS).write_text(canonical_json(sums), encoding="utf-8")
                # others who share the cache may read it, as far as they may read the cache
                Path(folder).chmod(self.entry.parent.stat().st_mode & 0o777)
                Path(folder).rename(self.entry)
        except OSError as error:
            if not self.entry.exists():  # else another job was faster, with the same files
                print(f"warning: not kept for other runs: {error}", flush=True)
