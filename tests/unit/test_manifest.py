import hashlib
import os

import pytest
from faig.base.errors import InputError
from faig.run import manifest


@pytest.fixture
def made(tmp_path, monkeypatch) -> list[tuple[str, str, float]]:
    """Two files and a folder, and what is known of when they were made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("one", "two", "folder/three", f"folder/{manifest.STAMP}"):
        (tmp_path / name).write_text(name)
    return [(name, "rule", manifest.modified(tmp_path / name)) for name in ("one", "two", "folder")]


@pytest.fixture
def recorded(made, tmp_path):
    """The manifest of these."""
    path = tmp_path / "checksums.json"
    manifest.record(path, made)
    return path


def damage(path) -> dict[str, str | None]:
    """Damaged paths, and the digests found."""
    return {found.path: found.found for found in manifest.damaged(manifest.read(path))}


def test_untouched_files_are_as_they_were_made(recorded):
    assert len(manifest.read(recorded)) == 3
    assert damage(recorded) == {}


def test_the_digest_is_that_of_sha256sum(recorded):
    assert manifest.read(recorded)["one"].sha256 == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("content", [b"on", b"onE", b"", b"one "])
def test_a_changed_file_is_found_whatever_its_time(recorded, tmp_path, content):
    file = tmp_path / "one"
    time = file.stat().st_mtime_ns
    file.write_bytes(content)
    os.utime(file, ns=(time, time))
    assert damage(recorded) == {"one": hashlib.sha256(content).hexdigest()}


def test_a_missing_file_is_found(recorded, tmp_path):
    (tmp_path / "two").unlink()
    assert damage(recorded) == {"two": None}


@pytest.mark.parametrize("name", ["folder/three", "folder/four"])
def test_a_changed_folder_is_found(recorded, tmp_path, name):
    (tmp_path / name).write_text("changed")
    assert list(damage(recorded)) == ["folder"]


def test_damage_is_not_recorded_as_the_truth(recorded, made, tmp_path):
    (tmp_path / "one").write_text("damaged")
    manifest.record(recorded, made)
    assert list(damage(recorded)) == ["one"]


def test_a_file_changed_before_it_was_recorded_is_damaged(made, tmp_path):
    (tmp_path / "one").write_text("damaged")
    os.utime(tmp_path / "one", (1, 1))
    path = tmp_path / "checksums.json"
    manifest.record(path, made)
    assert list(damage(path)) == ["one"]


def test_a_file_made_again_is_recorded_again(recorded, made, tmp_path):
    (tmp_path / "one").write_text("another")
    os.utime(tmp_path / "one", (1, 1))
    manifest.record(recorded, [("one", "rule", 1.0), *made[1:]])
    assert damage(recorded) == {}
    assert manifest.read(recorded)["one"].sha256 == hashlib.sha256(b"another").hexdigest()


def test_only_deleted_files_that_nothing_needs_are_forgotten(recorded, made, tmp_path):
    (tmp_path / "one").unlink()
    manifest.record(recorded, made[1:])
    assert list(damage(recorded)) == ["one"]
    manifest.record(recorded, made[1:], needed=["one", "two"])
    assert list(damage(recorded)) == ["one"]
    manifest.record(recorded, made[1:], needed=["two"])
    assert manifest.read(recorded).keys() == {"two", "folder"}


@pytest.mark.parametrize("text", ["{", "[]", '{"one": 3}', '{"one": {"rule": "r"}}'])
def test_a_damaged_manifest_is_named(tmp_path, text):
    path = tmp_path / "checksums.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"checksums\.json: damaged"):
        manifest.read(path)


def test_a_folder_in_place_of_the_manifest_is_named(tmp_path):
    (tmp_path / "checksums.json").mkdir()
    with pytest.raises(InputError, match=r"checksums\.json: is a folder, expected a file"):
        manifest.read(tmp_path / "checksums.json")


def test_what_cannot_be_read_is_told_and_the_rest_is_looked_at(recorded, tmp_path, monkeypatch):
    (tmp_path / "two").unlink()
    read = manifest.digest

    def refuse(path):
        if path.name == "one":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(manifest, "digest", refuse)
    first, second = map(str, manifest.damaged(manifest.read(recorded)))
    assert first.startswith("one: cannot be read")
    assert second.startswith("two: missing")
