"""Downloads from a real server on this machine, which does all that servers do wrong."""

import gzip
import hashlib
import io
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import time
import warnings
import zipfile
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from faig.base.errors import InputError
from faig.data import archives
from faig.data.archives import fetch, install, unpack
from filelock import FileLock

SCRIPTS = Path(__file__).parents[2] / "scripts"
NOISE = np.random.default_rng(0).bytes(100_000)  # does not compress, like photographs
IMAGES = {"a.png": NOISE[:60_000], "b.JPG": NOISE[60_000:]}
PAGE = b"\n<!DOCTYPE html>\n<html><body>Please log in</body></html>"


def zip_of(files: dict[str, bytes], compression=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def tar_of(files: dict[str, bytes | tarfile.TarInfo], compression: str = "") -> bytes:
    """A tar file; what is given as a `TarInfo` is a member without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as file:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                file.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> dict[str, tarfile.TarInfo]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return {name: info}


def checksum(data: bytes, algorithm: str = "md5") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


ARCHIVE = zip_of({f"set/{name}": content for name, content in IMAGES.items()})
MD5 = checksum(ARCHIVE)
KEPT = MD5.replace(":", "-")


# what the server may answer: functions of the request's handler


def whole(data: bytes = ARCHIVE, ranges: bool = True, announce: bool = True):
    """The file, or the rest of it if the client asks for that."""

    def answer(handler):
        start = int((handler.headers["Range"] or "bytes=0-")[6:-1]) if ranges else 0
        if start >= len(data):
            return handler.send_error(416)
        handler.send_response(206 if start else 200)
        if announce:
            handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start:])

    return answer


def encoded(handler, accepted_only: bool):
    """The archive with an encoding in its head, and truly compressed if the client accepts that."""
    accepted = "gzip" in handler.headers["Accept-Encoding"]
    data = gzip.compress(ARCHIVE) if accepted else ARCHIVE
    if accepted_only and not accepted:
        return whole()(handler)
    headers(200, Content_Encoding="x-gzip", Content_Length=str(len(data)))(handler)
    handler.wfile.write(data)


def cut(length: int, then=lambda handler: None):
    """The first bytes (of the rest) of the archive, though all are announced."""

    def answer(handler):
        start = int((handler.headers["Range"] or "bytes=0-")[6:-1])
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(ARCHIVE) - start))
        handler.end_headers()
        handler.wfile.write(ARCHIVE[start : start + length])
        then(handler)

    return answer


def wait(handler) -> None:
    handler.server.closing.wait(10)


def trickle(handler) -> None:
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b"x")


def drip(handler) -> None:
    """A head that never ends: a byte now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    trickle(handler)


def flood(handler) -> None:
    """Content that never ends."""
    while not handler.server.closing.is_set():
        handler.wfile.write(NOISE)


def headers(status: int, **values: str):
    def answer(handler):
        handler.send_response(status)
        for name, value in values.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


class Server:
    """An HTTP server on a port of its own.

    Attributes:
        answers: by path what to answer, to one request after another; the last one for ever.
        requests: path and range of every request.
    """

    def __init__(self):
        self.answers, self.requests = {}, []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.http.closing = threading.Event()
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=[0.01], daemon=True).start()

    def handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append((self.path, self.headers["Range"]))
                answers = server.answers[self.path]
                with suppress(BrokenPipeError, ConnectionResetError):
                    (answers.pop(0) if len(answers) > 1 else answers[0])(self)

            def log_message(self, *_):
                pass

        return Handler

    def gives(self, path: str, *answers) -> str:
        """Set the answers of a path; returns its address."""
        self.answers[path] = list(answers)
        return self.address + path

    def close(self):
        self.http.closing.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(archives, "PAUSES", (0, 0, 0))
    server = Server()
    yield server
    server.close()


def left(folder: Path) -> list[str]:
    """All that lies in a folder, locks left out."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != ".lock")
    return sorted(found)


def unpacked(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def failure(url: str, expected: str, downloads: Path) -> str:
    """What is said where the only mirror does not serve."""
    with pytest.raises(InputError) as error:
        install([{"url": url, "checksum": expected}], downloads, downloads / "set")
    return str(error.value)


# fetching


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_is_downloaded_once_and_kept_by_its_checksum(server, tmp_path, algorithm):
    url, expected = server.gives("/a.zip", whole()), checksum(ARCHIVE, algorithm)
    for _ in range(2):
        path = fetch(url, expected, tmp_path)
        assert path == tmp_path / expected.replace(":", "-")
        assert path.read_bytes() == ARCHIVE
    assert server.requests == [("/a.zip", None)]
    path.write_bytes(ARCHIVE[:-1])
    assert fetch(url, expected, tmp_path).read_bytes() == ARCHIVE
    assert left(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ([headers(500), headers(503), whole()], [None] * 3),
        ([headers(302, Location="/b.zip"), whole()], [None] * 2),
        ([lambda h: (headers(302, Location="/b.zip")(h), flood(h)), whole()], [None] * 2),
        ([whole(announce=False)], [None]),
        ([partial(encoded, accepted_only=True)], [None]),
        ([partial(encoded, accepted_only=False)], [None]),
        ([cut(50_000), whole()], [None, "bytes=49152-"]),
        ([cut(50_000), whole(ranges=False)], [None, "bytes=49152-"]),
        ([cut(50_000), headers(500), whole()], [None, "bytes=49152-", "bytes=49152-"]),
    ],
)
def test_what_may_pass_is_tried_again_from_where_it_stopped(server, tmp_path, answers, requests):
    url = server.gives("/a.zip", *answers)
    server.answers["/b.zip"] = server.answers["/a.zip"]
    assert fetch(url, MD5, tmp_path).read_bytes() == ARCHIVE
    assert [asked for _, asked in server.requests] == requests
    assert left(tmp_path) == [KEPT]


def cookie(handler) -> None:
    """The archive for those who come with the cookie that the way here gave them."""
    given = handler.headers["Cookie"] == "visitor=1"
    (whole() if given else headers(403))(handler)


def test_cookies_of_a_redirection_are_kept(server, tmp_path):
    server.gives("/b.zip", cookie)
    url = server.gives("/a.zip", headers(302, Location="/b.zip", Set_Cookie="visitor=1"))
    assert fetch(url, MD5, tmp_path).read_bytes() == ARCHIVE


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (whole(PAGE), "an HTML page"),
        (headers(404), "404 Not Found"),
        (headers(503), "503 Service"),
        (lambda handler: None, "no answer"),
        (headers(302, Location="ftp://me:s3cret@host/"), "cannot be downloaded"),
        (headers(302, Location="/a.zip"), "30 redirects"),
    ],
)
def test_a_password_in_an_address_is_never_told(server, tmp_path, capfd, answer, words):
    url = server.gives("/a.zip", answer).replace("//", "//me:s3cret@")
    with pytest.raises(InputError) as error:
        install([{"url": url, "checksum": MD5}] * 2, tmp_path / "kept", tmp_path / "set")
    assert words in str(error.value)
    said = "".join(capfd.readouterr()) + str(error.value)
    assert "//***@127.0.0.1" in said
    assert "s3cret" not in said


def needs_password(handler) -> None:
    given = handler.headers["Authorization"] == "Basic bWU6czNjcmV0"
    (whole() if given else headers(401))(handler)


def test_a_password_may_lie_in_the_file_made_for_that(server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    url = server.gives("/a.zip", needs_password)
    assert fetch(url, MD5, tmp_path).read_bytes() == ARCHIVE


def test_a_connection_that_breaks_often_still_gets_there(server, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FRUITFUL", 16_384)
    url = server.gives("/a.zip", cut(17_000))
    assert fetch(url, MD5, tmp_path).read_bytes() == ARCHIVE
    assert len(server.requests) > 1 + len(archives.PAUSES)


@pytest.mark.parametrize("part", [b"of another file", ARCHIVE + b"more"])
def test_a_wrong_part_left_by_a_killed_run_does_no_harm(server, tmp_path, part):
    (tmp_path / f"{KEPT}.part").write_bytes(part)
    assert fetch(server.gives("/a.zip", whole()), MD5, tmp_path).read_bytes() == ARCHIVE
    assert left(tmp_path) == [KEPT]


def test_a_complete_part_left_by_a_killed_run_is_enough(server, tmp_path):
    (tmp_path / f"{KEPT}.part").write_bytes(ARCHIVE)
    assert fetch(server.gives("/a.zip", whole()), MD5, tmp_path).read_bytes() == ARCHIVE
    assert len(server.requests) == 1


BROKEN = {
    "wrong content": (whole(b"x" * 50), 1, [checksum(b"x" * 50), MD5]),
    "HTML page": (whole(PAGE), 1, ["an HTML page, not an archive", MD5]),
    "not found": (headers(404), 1, ["the server answers 404 Not Found"]),
    "forbidden": (headers(403), 1, ["the server answers 403 Forbidden"]),
    "server's trouble": (headers(502), 4, ["the server answers 502 Bad Gateway"]),
    "cut short": (cut(100), 4, [f"broke off after 0 of {len(ARCHIVE):,} bytes"]),
    "closed at once": (lambda handler: None, 4, ["no answer", "Remote"]),
    "full stop": (cut(20_000, wait), 4, ["broke off after", f"of {len(ARCHIVE):,} bytes"]),
    "drop by drop": (cut(20_000, trickle), 4, ["slower than 90000 bytes per second"]),
    "drop by drop, no end told": (
        lambda handler: (headers(200)(handler), trickle(handler)), 4, ["slower than 90000"]),
    "circles": (headers(302, Location="/a.zip"), 31, ["cannot be downloaded", "30 redirects"]),
    "a head without end": (drip, 4, ["no answer within 0.3 seconds"]),
    "content without end": (
        lambda handler: (headers(200)(handler), flood(handler)), 1, ["more than 1.00MB"]),
    "too much announced": (headers(200, Content_Length="1000001"), 1, ["more than 1.00MB"]),
    "no number": (headers(200, Content_Length="many"), 1, ["cannot be downloaded", "'many'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_pass_is_told_and_leaves_nothing(server, tmp_path, monkeypatch, case):
    answer, requests, words = BROKEN[case]
    if case == "full stop":
        monkeypatch.setattr(archives, "TIMEOUT", 0.5)
    if case == "a head without end":
        monkeypatch.setattr(archives, "ANSWER", 0.3)
    monkeypatch.setattr(archives, "LARGEST", 1_000_000)
    if case.startswith("drop"):
        monkeypatch.setattr(archives, "PATIENCE", 0.15)
        monkeypatch.setattr(archives, "SLOWEST", 90_000)
    begin = time.monotonic()
    message = failure(server.gives("/a.zip", answer), MD5, tmp_path)
    assert time.monotonic() - begin < 9
    for word in words:
        assert word in message
    assert len(server.requests) == requests
    assert left(tmp_path) == []


def test_a_host_that_is_not_there(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.zip"
        assert re.search(r"no answer \(.*refused", failure(url, MD5, tmp_path))
    assert left(tmp_path) == []


# room


@contextmanager
def small_files(limit: int):
    """Files may not grow beyond `limit` bytes; the system says so as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [50_000, 99_000])  # the latter in the last buffer
def test_a_write_that_fails_ends_a_download_without_a_trace(server, tmp_path, limit):
    url = server.gives("/a.zip", whole())
    with small_files(limit):
        message = failure(url, MD5, tmp_path)
    assert f"cannot write to {tmp_path} (File too large): 100kB are needed, " in message
    assert "are free; make room there" in message
    assert left(tmp_path) == []


def test_a_write_that_fails_ends_unpacking_without_a_trace(tmp_path):
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    words = r"cannot write to .*too large\): 100kB are needed"
    with small_files(50_000), pytest.raises(InputError, match=words):
        unpack(tmp_path / "a.zip", tmp_path / "set")
    assert left(tmp_path) == ["a.zip"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system takes rights that this user has not")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("announce", [True, False])
def test_a_full_disk_ends_a_download_without_a_trace(server, small_disk, announce):
    large = zip_of({"a.png": NOISE * 2})
    url = server.gives("/a.zip", whole(large, announce=announce))
    needed = "200kB are needed, 131kB are free" if announce else "are free; make room there"
    message = failure(url, checksum(large), small_disk)
    assert f"cannot write to {small_disk} (No space left on device): " in message
    assert needed in message
    assert left(small_disk) == []


def test_a_full_disk_ends_unpacking_without_a_trace(tmp_path, small_disk):
    (tmp_path / "a.zip").write_bytes(zip_of({"a.png": NOISE, "b.png": NOISE}))
    with pytest.raises(InputError, match="200kB are needed, 131kB are free"):
        unpack(tmp_path / "a.zip", small_disk / "set")
    assert left(small_disk) == []


# unpacking


@pytest.mark.parametrize("compression", ["zip", "", "gz", "bz2", "xz"])
def test_images_of_one_folder_are_unpacked_and_nothing_else(tmp_path, compression):
    files = {f"./all/set/HR/{name}": content for name, content in IMAGES.items()}
    files |= {"./all/set/HR/.hidden.png": b"1", "./all/set/HR/Thumbs.db": b"2"}
    files |= {"./all/set/LR/a.png": b"3", "__MACOSX/all/set/HR/._a.png": b"4", "README": b"5"}
    data = zip_of(files) if compression == "zip" else tar_of(files, compression)
    (tmp_path / "archive").write_bytes(data)
    for member in ("all/set/HR", "./all/set/HR/"):
        unpack(tmp_path / "archive", tmp_path / "set", member)
        assert unpacked(tmp_path / "set") == IMAGES
    unpack(tmp_path / "archive", tmp_path / "set", "all/set/LR")
    assert unpacked(tmp_path / "set") == {"a.png": b"3"}
    assert left(tmp_path) == ["archive", "set", "set/a.png"]


def test_a_zip_file_with_backslashes_has_folders_too(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_of({"set\\HR\\a.png": b"1", "set\\LR\\a.png": b"2"}))
    unpack(tmp_path / "a.zip", tmp_path / "set", "set/HR")
    assert unpacked(tmp_path / "set") == {"a.png": b"1"}


def test_the_only_folder_with_images_needs_no_name(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_of({"readme.txt": b"", **IMAGES}))
    unpack(tmp_path / "a.zip", tmp_path / "set")
    assert unpacked(tmp_path / "set") == IMAGES


def test_a_linked_folder_leads_nowhere(tmp_path):
    (tmp_path / "deep").mkdir()
    link = special("images", tarfile.SYMTYPE, "..")
    (tmp_path / "a.tar").write_bytes(tar_of({**link, "images/evil.png": b"content"}))
    unpack(tmp_path / "a.tar", tmp_path / "deep/set")
    assert left(tmp_path) == ["a.tar", "deep", "deep/set", "deep/set/evil.png"]


def zip_with_link() -> bytes:
    info = zipfile.ZipInfo("a.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zip_of({info: b"../secret"})


def lying_zip() -> bytes:
    """A bomb whose headers tell a size of 10 bytes."""
    size = 5_000_000
    return zip_of({"a.png": bytes(size)}).replace(size.to_bytes(4, "little"), b"\x0a\0\0\0")


def tar_with_header(kind: bytes, size: int, content: bytes) -> bytes:
    """A compressed tar file that begins with extra facts on its first member."""
    info = tarfile.TarInfo("extra")
    info.type, info.size = kind, size
    padding = bytes(-len(content) % 512)
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + content + padding + tar_of(IMAGES))


def zip_twice(first: str, second: str) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as file:
        warnings.simplefilter("ignore")  # of one name twice
        for name in (first, second):
            file.writestr(name, NOISE[:99])
    return buffer.getvalue()


def tar_twice(first: str, second: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name in (first, second):
            file.addfile(tarfile.TarInfo(name))
    return buffer.getvalue()


ONE_FILE = "are one file; not unpacked, for one of them would be lost"
HEADERS = {  # of tar files, each larger than what is read of it
    "pax": tarfile.XHDTYPE,
    "global pax": tarfile.XGLTYPE,
    "long name": tarfile.GNUTYPE_LONGNAME,
    "long link": tarfile.GNUTYPE_LONGLINK,
}
BAD_ARCHIVES = {
    "zip, one name twice": (zip_twice("d/a.png", "d/a.png"), ONE_FILE),
    "zip, both separators": (zip_twice("d/a.png", "d\\a.png"), r"'d/a.png' and 'd\a.png' are one"),
    "zip, a point": (zip_twice("d/a.png", "./d/a.png"), "'d/a.png' and './d/a.png' are one file"),
    "zip, two slashes": (zip_twice("d/a.png", "d//a.png"), ONE_FILE),
    "tar, one name twice": (tar_twice("d/a.png", "d/a.png"), ONE_FILE),
    "tar, a point": (tar_twice("d/a.png", "./d/a.png"), ONE_FILE),
    "zip, long name": (zip_of({f"{'n' * 300}.png": b"1"}), "a name of 304 bytes, expected at most"),
    "tar, long name": (tar_of({f"{'ж' * 150}.png": b"1"}), "a name of 304 bytes, expected at most"),
    "tar, name in Latin-1": (tar_of({"x\udcff.png": b"1"}), "x\\xff.png' is not UTF-8; rename it"),
    **{
        f"tar.gz, {name} of a gigabyte": (tar_with_header(kind, 2**30, b""), "a bomb; not unpacked")
        for name, kind in HEADERS.items()
    },
    "zip, parent": (zip_of({"../evil.png": b"1"}), "'../evil.png' leads out of the folder"),
    "zip, deep parent": (zip_of({"a/../../evil.png": b"1"}), "leads out of the folder"),
    "zip, root": (zip_of({"/tmp/evil.png": b"1"}), "leads out of the folder"),
    "zip, backslash": (zip_of({"..\\evil.png": b"1"}), "leads out of the folder"),
    "zip, drive": (zip_of({"C:evil.png": b"1"}), "leads out of the folder"),
    "tar, parent": (tar_of({"../evil.png": b"1"}), "'../evil.png' leads out of the folder"),
    "tar, root": (tar_of({"/tmp/evil.png": b"1"}), "leads out of the folder"),
    "tar, other file": (tar_of({"a.png": b"1", "../.bashrc": b"1"}), "leads out of the folder"),
    "zip, link": (zip_with_link(), "'a.png' is a link or a device"),
    "tar, link": (tar_of(special("a.png", tarfile.SYMTYPE, "../secret")), "is a link"),
    "tar, hard link": (tar_of(special("a.png", tarfile.LNKTYPE, "/etc/passwd")), "is a link"),
    "tar, device": (tar_of(special("a.png", tarfile.CHRTYPE)), "is a link or a device"),
    "tar, pipe": (tar_of(special("a.png", tarfile.FIFOTYPE)), "is a link or a device"),
    "zip, bomb": (zip_of({"a.png": bytes(5_000_000)}), "would unpack to 5.00MB or more: a bomb"),
    "zip, many small bombs": (zip_of({f"{i}.png": bytes(99_999) for i in range(9)}), "a bomb"),
    "tar.gz, bomb": (tar_of({"a.png": bytes(5_000_000)}, "gz"), "5.00MB or more: a bomb"),
    "tar.bz2, bomb": (tar_of({"a.png": bytes(5_000_000)}, "bz2"), "5.00MB or more: a bomb"),
    "zip, hidden bomb": (lying_zip(), "cannot be unpacked (BadZipFile: Bad CRC-32"),
    "zip, flipped": (ARCHIVE.replace(NOISE[100:110], bytes(10)), "cannot be unpacked"),
    "zip, cut": (ARCHIVE[:50_000], "cannot be unpacked (BadZipFile"),
    "tar, cut": (tar_of(IMAGES)[:90_000], "cannot be unpacked"),
    "tar.gz, cut": (tar_of(IMAGES, "gz")[:90_000], "cannot be unpacked"),
    "text": (b"nothing to unpack", "found something else, expected a zip or tar archive"),
    "page": (PAGE, "found an HTML page, expected a zip or tar archive"),
    "empty": (b"", "expected a zip or tar archive"),
    "no images": (zip_of({"a.txt": b""}), "its folders with images are: none"),
    "two folders": (zip_of({"a/1.png": b"", "b/1.png": b""}), "'a', 'b'; name one with 'member'"),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_a_bad_archive_is_told_and_leaves_nothing(tmp_path, case):
    content, words = BAD_ARCHIVES[case]
    folder = tmp_path / "outer/set"
    folder.mkdir(parents=True)
    (folder / "old.png").touch()
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(InputError) as error:
        unpack(tmp_path / "archive", folder)
    assert words in str(error.value)
    assert left(tmp_path) == ["archive", "outer", "outer/set", "outer/set/old.png"]


def test_a_wrong_member_is_told_with_those_there_are(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_of({"a/HR/1.png": b"", "b/HR/1.png": b""}))
    with pytest.raises(InputError, match="'a/HR', 'b/HR'; 'a' is none of them"):
        unpack(tmp_path / "a.zip", tmp_path / "set", "a")


def test_what_lies_beside_the_images_is_told(tmp_path, capsys):
    beside = ("set/b.heic", "set/notes.txt", "set/.hidden", "other/c.txt")
    files = {**{f"set/{n}": c for n, c in IMAGES.items()}, **dict.fromkeys(beside, b"1")}
    (tmp_path / "a.zip").write_bytes(zip_of(files))
    unpack(tmp_path / "a.zip", tmp_path / "set")
    said = capsys.readouterr().out
    assert f"{tmp_path}/a.zip: not used, for images are .png" in said
    assert said.endswith(".webp: b.heic, notes.txt\n")


def test_too_many_files_are_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 9)
    (tmp_path / "a.zip").write_bytes(zip_of({f"{i}.png": b"1" for i in range(10)}))
    with pytest.raises(InputError, match="more than 9 files"):
        unpack(tmp_path / "a.zip", tmp_path / "set")


@pytest.mark.parametrize("data", [zip_of(IMAGES), tar_of(IMAGES), tar_of(IMAGES, "gz")])
def test_no_damage_whatever_leaves_half_a_folder(tmp_path, data):
    """Bytes overwritten at random, mostly in the headers at both ends."""
    random = np.random.default_rng(0)
    failures = 0
    for _ in range(60):
        damaged = bytearray(data)
        for place in (random.exponential(150, size=4).astype(int)) * random.choice([-1, 1], 4):
            damaged[place] = random.integers(256)
        (tmp_path / "archive").write_bytes(damaged)
        try:
            unpack(tmp_path / "archive", tmp_path / "set")
        except InputError:
            failures += 1
            assert left(tmp_path) == ["archive"]
        else:
            assert left(tmp_path / "set")
            for path in (tmp_path / "set").iterdir():
                path.unlink()
            (tmp_path / "set").rmdir()
    assert failures > 5


# the whole


def test_mirrors_are_tried_in_order_and_differ_in_all(server, tmp_path, capsys):
    other = tar_of({f"HR/{name}": content for name, content in IMAGES.items()}, "gz")
    mirrors = [
        {"url": server.gives("/gone.zip", headers(404)), "checksum": MD5},
        {"url": server.gives("/page.zip", whole(PAGE)), "checksum": MD5},
        {"path": str(tmp_path / "absent.zip"), "checksum": MD5},
        {"url": server.gives("/a.zip", whole()), "checksum": MD5, "member": "HR"},
        {"url": server.gives("/b", whole(other)), "checksum": checksum(other), "member": "HR"},
        {"url": server.gives("/never", whole()), "checksum": MD5},
    ]
    install(mirrors, tmp_path / "kept", tmp_path / "set")
    assert unpacked(tmp_path / "set") == IMAGES
    assert [path for path, _ in server.requests] == ["/gone.zip", "/page.zip", "/a.zip", "/b"]
    text = capsys.readouterr().out
    assert "/gone.zip: the server answers 404 Not Found\ntrying the next mirror" in text
    assert "absent.zip: no such file" in text
    assert "/a.zip: its folders with images are: 'set'; 'HR' is none of them" in text
    assert f"images unpacked to {tmp_path}/set: 2" in text


def test_a_mirror_goes_on_where_another_with_the_same_file_stopped(server, tmp_path):
    part = tmp_path / f"kept/{KEPT}.part"
    part.parent.mkdir()
    part.write_bytes(ARCHIVE[:1000])
    urls = [
        server.gives("/gone", headers(404)),
        server.gives("/cut", cut(17_000), headers(404)),
        server.gives("/whole", whole()),
    ]
    install([{"url": u, "checksum": MD5} for u in urls], tmp_path / "kept", tmp_path / "set")
    assert server.requests == [
        ("/gone", "bytes=1000-"),
        ("/cut", "bytes=1000-"),
        ("/cut", "bytes=17384-"),
        ("/whole", "bytes=17384-"),
    ]
    assert left(tmp_path / "kept") == [KEPT]


def test_a_smaller_archive_may_find_room_where_another_did_not(server, tmp_path):
    small = zip_of({"a.png": NOISE[:9_000]})
    mirrors = [
        {"url": server.gives("/a.zip", whole()), "checksum": MD5},
        {"url": server.gives("/small.zip", whole(small)), "checksum": checksum(small)},
    ]
    with small_files(50_000):
        install(mirrors, tmp_path / "kept", tmp_path / "set")
    assert left(tmp_path / "kept") == [checksum(small).replace(":", "-")]


def test_if_no_mirror_serves_the_reasons_are_told_and_what_to_do(server, tmp_path):
    (tmp_path / "local.zip").write_bytes(b"wrong")
    mirrors = [
        {"path": str(tmp_path / "local.zip"), "checksum": MD5},
        {"url": server.gives("/page.zip", whole(PAGE)), "checksum": MD5},
    ]
    with pytest.raises(InputError) as error:
        install(mirrors, tmp_path / "kept", tmp_path / "set")
    first, *reasons, last = str(error.value).splitlines()
    assert first == "no mirror gave the images:"
    assert reasons == [
        f"  {tmp_path}/local.zip: found {checksum(b'wrong')}, expected {MD5}",
        f"  {server.address}/page.zip: found an HTML page, not an archive, expected {MD5}",
    ]
    assert "'url'" in last
    assert "'path'" in last
    assert left(tmp_path) == ["kept", "local.zip"]


def start(mirrors: list[dict], folder: Path) -> subprocess.Popen:
    """Run the script, as the workflow does."""
    command = [
        sys.executable, SCRIPTS / "download.py", "--config", json.dumps({"mirrors": mirrors}),
        "--downloads", "kept", "--output", "set",
    ]  # fmt: skip
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    with (folder / "log").open("w") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)


def test_a_killed_download_goes_on_in_the_next_run(server, tmp_path):
    url = server.gives("/a.zip", cut(70_000, wait), whole())
    mirrors = [{"url": url, "checksum": MD5}]
    part = tmp_path / f"kept/{KEPT}.part"
    process = start(mirrors, tmp_path)
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size >= 65_536):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert left(tmp_path) == ["kept", f"kept/{KEPT}.part", "log"]
    assert start(mirrors, tmp_path).wait() == 0
    assert unpacked(tmp_path / "set") == IMAGES
    assert server.requests == [("/a.zip", None), ("/a.zip", "bytes=65536-")]
    assert left(tmp_path) == ["kept", f"kept/{KEPT}", "log", "set", "set/a.png", "set/b.JPG"]
    log = (tmp_path / "log").read_text()
    assert f"{url}: downloading from byte 65,536 on\n" in log
    assert "downloading: 100%" in log
    assert "images unpacked to set: 2\n" in log
    assert "\r" not in log


def test_no_temporary_folder_is_needed(server, tmp_path, monkeypatch):
    """A full or missing one is no reason to fail."""
    monkeypatch.setenv("TMPDIR", "/dev/null")
    mirrors = [{"url": server.gives("/a.zip", whole()), "checksum": MD5}]
    assert start(mirrors, tmp_path).wait() == 0
    assert unpacked(tmp_path / "set") == IMAGES


def test_a_run_killed_while_unpacking_leaves_nothing_to_the_next(tmp_path):
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    kill = "lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    code = (
        "import os, shutil, signal; from pathlib import Path;"
        "from faig.data.archives import unpack;"
        f"shutil.copyfileobj = {kill}; unpack(Path('a.zip'), Path('set'))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    assert done.returncode == -signal.SIGKILL
    assert left(tmp_path) != ["a.zip"]
    assert not (tmp_path / "set").exists()
    unpack(tmp_path / "a.zip", tmp_path / "set")
    assert left(tmp_path) == ["a.zip", "set", "set/a.png", "set/b.JPG"]


def test_jobs_that_share_an_archive_take_turns_and_download_it_once(server, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(archives, "print", lambda text, **_: said.append(text), raising=False)
    mirrors = [{"url": server.gives("/a.zip", whole()), "checksum": MD5}]
    folders = [tmp_path / "set0", tmp_path / "set1"]
    (tmp_path / "kept").mkdir()
    with FileLock(tmp_path / "kept/.lock"):
        jobs = [
            threading.Thread(target=install, args=[mirrors, tmp_path / "kept", folder], daemon=True)
            for folder in folders
        ]
        for job in jobs:
            job.start()
        deadline = time.monotonic() + 10
        while said.count("waiting for another download to end") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert server.requests == []
    for job in jobs:
        job.join(10)
    assert len(server.requests) == 1
    assert [unpacked(folder) for folder in folders] == [IMAGES, IMAGES]
