"""Archives of images: fetched from mirrors, checked, and unpacked without trusting them."""

import io
import os
import re
import shutil
import stat
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, NamedTuple

import pooch
import requests
import urllib3
from filelock import FileLock, Timeout
from tqdm import tqdm

from ..base.errors import InputError
from ..base.progress import progress
from .sources import SUFFIXES, unused_note, utf8

TIMEOUT = 30  # seconds without a byte
ANSWER = 120  # seconds until an answer has begun with content, redirections included
LARGEST = 2**37  # bytes of an archive; what has no end must not fill the disk
PATIENCE, SLOWEST = 60, 1024  # seconds in which fewer bytes per second are too slow
PAUSES = (1, 5, 15)  # seconds before further attempts at one mirror
FRUITFUL = 2**20  # bytes after which a broken transfer does not count as an attempt
CHUNK = 2**14
PASSING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)

RATIO = 100  # of unpacked to packed size; photographs hardly shrink, a bomb shrinks a thousandfold
MOST_MEMBERS = 100_000
LONGEST_NAME = 255  # bytes; more fits on no usual file system
LARGEST_HEADER = 2**20  # bytes of what a tar file tells of a member, which are read into memory

HTML = re.compile(rb"[\s\xef\xbb\xbf]*<(!doctype html|html|head|body|!--|\?xml)", re.IGNORECASE)


class Interrupted(InputError):
    """A transfer failed for a reason that may pass."""


def install(mirrors: Sequence[Mapping], downloads: Path, folder: Path) -> None:
    """Make a folder of images from the first archive that serves.

    Args:
        mirrors: of each `url` or `path`, its `checksum` ("md5:…" or "sha256:…"), and `member`, the
            folder inside it, which may be left out where there is only one with images.
        downloads: folder where downloaded archives are kept, under their checksums.
        folder: to make, or to replace; at no time it holds only a part of the images.

    Raises:
        InputError: no archive serves; with the reason for each.
    """
    failures = []
    with _locked(downloads):
        for mirror in mirrors:
            if failures:
                print(f"{failures[-1]}\ntrying the next mirror", flush=True)
            try:
                unpack(_archive(mirror, downloads), folder, mirror.get("member"))
                break
            except InputError as error:
                place = without_password(mirror.get("url") or mirror["path"])
                failures.append(f"{place}: {error}")
        for mirror in mirrors:  # not after each: the next one may hold the same file
            _part(_kept(downloads, mirror["checksum"])).unlink(missing_ok=True)
    if len(failures) == len(mirrors):
        raise InputError(
            "no mirror gave the images:\n  " + "\n  ".join(failures) + "\n"
            "add a mirror with another 'url', or download the archive by hand and give its 'path' "
            "in place of the 'url'"
        )


def without_password(text: str) -> str:
    """A text fit to be shown, with what stands before the hosts of addresses left out."""
    return re.sub(r"//[^/]*@", "//***@", text)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One download at a time: datasets share archives, and a killed run may have left a job."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("waiting for another download to end", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _archive(mirror: Mapping, downloads: Path) -> Path:
    """The verified archive of a mirror."""
    if "url" in mirror:
        return fetch(mirror["url"], mirror["checksum"], downloads)
    path = Path(mirror["path"])
    if not path.is_file():
        raise InputError("no such file")
    verify(path, mirror["checksum"])
    return path


def verify(path: Path, checksum: str) -> None:
    """Check a file's content.

    Raises:
        InputError: it has another checksum; says so if it is an HTML page.
    """
    algorithm = checksum.split(":")[0]
    found = f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"
    if found != checksum:
        what = "an HTML page, not an archive" if _is_html(path) else found
        raise InputError(f"found {what}, expected {checksum}")


def _is_html(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(HTML.match(file.read(512)))


def _kept(downloads: Path, checksum: str) -> Path:
    return downloads / checksum.replace(":", "-")


def _part(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.part")


def fetch(url: str, checksum: str, downloads: Path) -> Path:
    """Download a file, or take the one that was downloaded before.

    A transfer that breaks off goes on where it stopped, also that of a killed run or of another
    address. What has come so far lies in a `.part` file beside.

    Returns:
        Its place in `downloads`, with the right checksum.

    Raises:
        InputError: it cannot be had.
    """
    kept = _kept(downloads, checksum)
    if kept.exists():
        try:
            verify(kept, checksum)
            print(f"{without_password(url)}: downloaded before", flush=True)
            return kept
        except InputError as error:
            print(f"{kept}: {error}; downloading it again", flush=True)
    _download(url, checksum, _part(kept))
    os.replace(_part(kept), kept)
    return kept


def _download(url: str, checksum: str, part: Path) -> None:
    """Attempts until one succeeds, or too many in a row brought nothing."""
    pauses = iter(PAUSES)
    while True:
        before = _size(part)
        try:
            return _attempt(url, checksum, part)
        except Interrupted as error:
            if _size(part) - before >= FRUITFUL:
                pauses = iter(PAUSES)
            pause = next(pauses, None)
            if pause is None:
                raise
            print(f"{without_password(url)}: {error}; trying again in {pause} s", flush=True)
            time.sleep(pause)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _attempt(url: str, checksum: str, part: Path) -> None:
    """Complete `part` by one request, and check it.

    Raises:
        Interrupted: another attempt may succeed.
        InputError: none will.
    """
    resumed = _size(part)
    start = f" from byte {resumed:,} on" if resumed else ""
    print(f"{without_password(url)}: downloading{start}", flush=True)
    _transfer(url, part, resumed)
    try:
        verify(part, checksum)
    except InputError as error:
        part.unlink()
        if resumed:  # perhaps by what was there before
            raise Interrupted(str(error)) from None
        raise


def _transfer(url: str, part: Path, start: int) -> None:
    """Append to `part` what the file at `url` holds from byte `start` on."""
    # compressed on the way, sizes and ranges would be of something else
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    transfer = _Transfer(part)
    download = pooch.HTTPDownloader(
        chunk_size=CHUNK, timeout=TIMEOUT, headers=headers, hooks={"response": transfer.begin}
    )
    try:
        transfer.run(lambda: download(url, transfer, None))
    except InputError:
        raise
    except (requests.RequestException, OSError, ValueError) as error:
        complete = start and _status(error) == 416  # no byte from there on
        if not (complete or transfer.slow):
            raise transfer.failure(error) from None
    finally:
        transfer.end()
    if transfer.slow:
        raise Interrupted(f"slower than {SLOWEST} bytes per second")


def _status(error: Exception) -> int | None:
    """Of the server's answer, if that is what went wrong."""
    return error.response.status_code if isinstance(error, requests.HTTPError) else None


class _Transfer:
    """What pooch writes to in one transfer: shows progress, and ends what is too slow.

    Attributes:
        received: bytes of the file so far, those of earlier transfers included.
        needed: bytes that this transfer brings; None if the server does not tell.
        total: bytes of the whole file, likewise.
        begun: whether the server has answered with content.
        slow: whether the transfer was ended for that.
        answered: set when content begins to come, or when it is known that none will.
        ended: set when nothing may be written any more.
    """

    def __init__(self, part: Path):
        self.part, self.file, self.bar = part, part.open("ab"), None
        self.received, self.needed, self.total = 0, None, None
        self.begun, self.slow = False, False
        self.answered, self.ended = threading.Event(), threading.Event()

    def run(self, download: Callable[[], None]) -> None:
        """Call a download that writes to this.

        A thread does so, which is left behind if no answer comes in time: looking up a name and
        reading the head of an answer know limits of time only for each of their steps.
        """
        failed = []

        def work() -> None:
            try:
                download()
            except Exception as error:
                failed.append(error)
            finally:
                self.answered.set()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        if not self.answered.wait(ANSWER):
            raise Interrupted(f"no answer within {ANSWER} seconds")
        thread.join()
        if failed:
            raise failed[0]

    def begin(self, response: requests.Response, **_) -> None:
        """Called with the head of every answer, before its content is read."""
        if self.ended.is_set():
            raise InputError("answered too late")
        if response.is_redirect:  # its content would be read whatever its size
            original = response.raw
            original.close()
            response.raw = urllib3.HTTPResponse(
                io.BytesIO(),
                preload_content=False,
                original_response=getattr(original, "_original_response", None),  # its cookies
            )
        if response.status_code not in (200, 206):
            return  # a redirection, or an error that pooch will raise
        # some servers call a .gz file's content an encoding; then it would be unpacked on the way
        response.raw.headers.pop("content-encoding", None)
        if response.status_code == 200:
            self.file.truncate(0)  # the server sends the file from its start
        self.begun, self.received = True, self.file.seek(0, os.SEEK_END)
        if "content-length" in response.headers:
            self.needed = int(response.headers["content-length"])
            self.total = self.received + self.needed
            self._require_size(self.total)
            _require_space(self.part.parent, self.needed)
        self.bar = progress(None, "downloading", self.total, "B", self.received)
        threading.Thread(target=self._watch, args=[response.raw], daemon=True).start()
        self.answered.set()

    def _require_size(self, size: int) -> None:
        if size > LARGEST:
            raise InputError(f"more than {tqdm.format_sizeof(LARGEST, 'B')}; not downloaded")

    def write(self, data: bytes) -> None:
        self._require_size(self.received + len(data))
        self.file.write(data)
        self.received += len(data)
        self.bar.update(len(data))

    def flush(self) -> None:
        self.file.flush()

    def _watch(self, raw) -> None:
        """Close the connection when next to nothing comes; a timeout sees only a full stop."""
        before = self.received
        while not self.ended.wait(PATIENCE):
            if self.received - before < SLOWEST * PATIENCE:
                self.slow = True
                with suppress(ValueError, RuntimeError):  # it has just ended by itself
                    raw.shutdown()
                return
            before = self.received

    def end(self) -> None:
        self.ended.set()
        if self.bar is not None:
            self.bar.close()
        with suppress(OSError):  # a full disk again, which the last write has told
            self.file.close()

    def failure(self, error: Exception) -> InputError:
        """An error written for people; `Interrupted` if it may pass."""
        status = _status(error)
        if status:
            passing = status >= 500 or status in (408, 425, 429)
            kind = Interrupted if passing else InputError
            return kind(f"the server answers {status} {error.response.reason}")
        if isinstance(error, PASSING) and not self.begun:
            reason = getattr(error.args[0], "reason", error)
            return Interrupted(f"no answer ({without_password(str(reason))})")
        if isinstance(error, PASSING):
            of = "" if self.total is None else f" of {self.total:,}"
            return Interrupted(f"the transfer broke off after {self.received:,}{of} bytes")
        if isinstance(error, OSError) and error.errno:
            self.end()
            self.part.unlink()  # a smaller archive may find room
            return _no_space(self.part.parent, self.needed, error)
        return InputError(f"cannot be downloaded ({without_password(str(error))})")


def _require_space(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed:
        raise _no_space(folder, needed)


def _no_space(folder: Path, needed: int | None, error: OSError | None = None) -> InputError:
    reason = error.strerror if error else "No space left on device"
    free = tqdm.format_sizeof(shutil.disk_usage(folder).free, "B")
    of = "" if needed is None else f"{tqdm.format_sizeof(needed, 'B')} are needed, "
    return InputError(f"cannot write to {folder} ({reason}): {of}{free} are free; make room there")


class Member(NamedTuple):
    """A file in an archive.

    Attributes:
        size: unpacked, in bytes, as the archive tells.
        regular: false for links and devices.
        open: returns its content as a readable file.
    """

    name: str
    size: int
    regular: bool
    open: Callable[[], IO[bytes]]

    @property
    def path(self) -> PurePosixPath:
        return PurePosixPath(self.name.replace("\\", "/"))


class _BoundedTarInfo(tarfile.TarInfo):
    """A member of a tar file whose long names and other extra facts are of bounded size."""

    EXTRA = (
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    )

    def _proc_member(self, tarfile):  # what tarfile says to override
        if self.type in self.EXTRA and self.size > LARGEST_HEADER:
            size = tqdm.format_sizeof(self.size, "B")
            raise InputError(f"has a header of {size}: a bomb; not unpacked")
        return super()._proc_member(tarfile)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[Member]]:
    """All members that are not folders, of a zip file or a tar file (compressed or not)."""
    with archive.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped:
        with zipfile.ZipFile(archive) as file:
            yield (
                Member(
                    info.filename,
                    info.file_size,
                    not stat.S_ISLNK(info.external_attr >> 16),
                    partial(file.open, info),
                )
                for info in file.infolist()
                if not info.is_dir()
            )
    else:
        with _opened_tar(archive) as file:
            yield (
                Member(info.name, info.size, info.isreg(), partial(file.extractfile, info))
                for info in file
                if not info.isdir()
            )


def _opened_tar(archive: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, tarinfo=_BoundedTarInfo)
    except tarfile.TarError:
        what = "an HTML page" if _is_html(archive) else "something else"
        raise InputError(f"found {what}, expected a zip or tar archive") from None


def unpack(archive: Path, folder: Path, member: str | None = None) -> None:
    """Unpack the images of one folder in an archive; only their content and last names are used.

    Args:
        folder: to make, or to replace; it appears when it is complete.
        member: the folder in the archive; None for the only one that has images.

    Raises:
        InputError: damaged, not to be trusted, without such images, or the disk is full.
    """
    temporary = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)  # left by a killed run
    temporary.mkdir(parents=True)
    try:
        with _readable(), _members(archive) as members:
            images, others = _images(_trusted(members, archive.stat().st_size), member)
            _write(images, temporary)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    print(f"images unpacked to {folder}: {len(images)}", flush=True)
    if others:
        print(f"{archive}: {unused_note(others)}", flush=True)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a damaged archive fails in many ways, all alike to us
        raise InputError(f"cannot be unpacked ({type(error).__name__}: {error})") from None


def _trusted(members: Iterable[Member], packed: int) -> Iterator[Member]:
    """The same members, as long as nothing is wrong with them all together.

    Args:
        packed: size of the archive in bytes.
    """
    unpacked = 0
    for number, member in enumerate(members, 1):
        path = PureWindowsPath(member.name)  # knows both kinds of separators, and drives
        if path.anchor or ".." in path.parts:
            raise InputError(f"its member '{member.name}' leads out of the folder; not unpacked")
        unpacked += member.size
        if unpacked > RATIO * packed:
            sizes = [tqdm.format_sizeof(size, "B") for size in (packed, unpacked)]
            raise InputError(f"{sizes[0]} would unpack to {sizes[1]} or more: a bomb; not unpacked")
        if number > MOST_MEMBERS:
            raise InputError(f"holds more than {MOST_MEMBERS:,} files; not unpacked")
        yield member


def _images(members: Iterable[Member], folder: str | None) -> tuple[list[Member], list[str]]:
    """The images of one folder, files that begin with a point left out; and names of its others."""
    found: dict[PurePosixPath, list[Member]] = {}
    others: dict[PurePosixPath, list[str]] = {}
    for member in members:
        path = member.path
        if path.name.startswith("."):
            continue
        if path.suffix.lower() in SUFFIXES:
            found.setdefault(path.parent, []).append(member)
        else:
            others.setdefault(path.parent, []).append(ascii(path.name)[1:-1])
    if folder is None and len(found) == 1:
        (chosen,) = found
    elif folder is not None and PurePosixPath(folder) in found:
        chosen = PurePosixPath(folder)
    else:
        names = ", ".join(sorted(f"'{path}'" for path in found)[:20]) or "none"
        asked = "name one with 'member'" if folder is None else f"'{folder}' is none of them"
        raise InputError(f"its folders with images are: {names}; {asked}")
    _require_files(found[chosen])
    return found[chosen], others.get(chosen, [])


def _require_files(images: Sequence[Member]) -> None:
    """Complain about images that cannot all lie as files in one folder."""
    seen: dict[str, str] = {}
    for image in images:
        name = image.path.name
        if not image.regular:
            raise InputError(f"its member '{image.name}' is a link or a device; not unpacked")
        if name in seen:
            raise InputError(
                f"its members '{seen[name]}' and '{image.name}' are one file; not unpacked, "
                "for one of them would be lost"
            )
        if (length := len(utf8(name).encode())) > LONGEST_NAME:
            raise InputError(
                f"its member '{name[:20]}…' has a name of {length} bytes, expected at most "
                f"{LONGEST_NAME}; not unpacked"
            )
        seen[name] = image.name


def _write(images: Sequence[Member], folder: Path) -> None:
    needed = sum(image.size for image in images)
    _require_space(folder.parent, needed)
    try:
        for image in progress(images, "unpacking", len(images), "image"):
            with image.open() as source, (folder / image.path.name).open("xb") as target:
                shutil.copyfileobj(source, target)
    except OSError as error:
        if error.errno is None:  # of a decompressor
            raise
        raise _no_space(folder.parent, needed, error) from None
