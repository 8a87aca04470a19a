import pytest
from faig.run.reuse import Reusable

CONTENT = {"weights": b"0123456789", "history": b"abc"}


@pytest.fixture
def reusable(tmp_path):
    """The files of a run, by run and key."""

    def make(run: str, key: str = "key", cache="cache") -> Reusable:
        files = [tmp_path / run / name for name in CONTENT]
        return Reusable(cache and tmp_path / cache, key, files)

    return make


def write(made: Reusable) -> None:
    for file in made.files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(CONTENT[file.name])


@pytest.fixture
def kept(reusable) -> Reusable:
    """What a first run made and kept."""
    first = reusable("first")
    first.ensure(lambda: write(first))
    return first


def test_another_run_gets_the_same_files(kept, reusable, capsys):
    second = reusable("second")
    second.ensure(lambda: pytest.fail("made again"))
    assert {file.name: file.read_bytes() for file in second.files} == CONTENT
    assert f"taken from {kept.entry}" in capsys.readouterr().out


def test_whoever_may_read_the_cache_may_read_what_is_in_it(reusable, tmp_path):
    shared = tmp_path / "cache"
    shared.mkdir()
    shared.chmod(0o775)
    made = reusable("first")
    made.ensure(lambda: write(made))
    assert made.entry.stat().st_mode == shared.stat().st_mode


def test_another_key_gets_nothing(kept, reusable):
    second = reusable("second", key="other")
    assert not second.fetch()
    assert not any(file.exists() for file in second.files)


def test_runs_do_not_share_what_happens_to_their_files(kept, reusable):
    second = reusable("second")
    second.fetch()
    with second.files[0].open("r+b") as file:
        file.write(b"damaged")
    assert reusable("third").fetch()
    assert kept.files[0].read_bytes() == CONTENT["weights"]


def flip(path) -> None:
    path.write_bytes(b"\x00" + path.read_bytes()[1:])


def truncate(path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [flip, truncate, lambda path: path.unlink()])
@pytest.mark.parametrize("name", [*CONTENT, "checksums.json"])
def test_a_damaged_entry_is_made_again(kept, reusable, capsys, name, damage):
    damage(kept.entry / name)
    second = reusable("second")
    assert not second.fetch()
    assert not any(file.exists() for file in second.files)
    assert "damaged" in capsys.readouterr().out
    write(second)
    second.keep()
    assert reusable("third").fetch()


def test_a_job_killed_while_it_keeps_leaves_no_entry(reusable, monkeypatch):
    first = reusable("first")
    write(first)
    first.files[1].unlink()  # ends it in the middle
    first.keep()
    assert not first.entry.exists()
    assert not reusable("second").fetch()


def test_two_jobs_can_keep_the_same(kept, reusable, capsys):
    second = reusable("second")
    write(second)
    second.keep()
    assert "warning" not in capsys.readouterr().out
    assert list(kept.entry.parent.iterdir()) == [kept.entry]
    assert reusable("third").fetch()


def test_a_run_goes_on_where_nothing_can_be_kept(reusable, tmp_path, capsys):
    (tmp_path / "cache").write_text("a file in the place of the folder")
    first = reusable("first")
    write(first)
    first.keep()
    assert "warning: not kept" in capsys.readouterr().out
    assert first.files[0].read_bytes() == CONTENT["weights"]


def test_without_a_cache_nothing_is_reused(reusable):
    first = reusable("first", cache=None)
    write(first)
    first.keep()
    assert not reusable("second", cache=None).fetch()
