from faig.base import progress as module
from faig.base.progress import progress


def test_items_pass_through_unchanged():
    assert list(progress(iter("abc"), "work", 3, "it")) == ["a", "b", "c"]


def test_a_log_has_lines_and_the_label(capsys):
    list(progress(range(3), "training", 10, "it", done=7))
    text = capsys.readouterr().err
    assert "\r" not in text
    assert text.isascii()
    lines = [line for line in text.split("\n") if line.strip()]
    assert all(line.startswith("training: ") and len(line) <= 80 for line in lines)
    assert " 7/10 " in lines[0]
    assert " 10/10 " in lines[-1]


def test_a_fast_loop_does_not_flood_the_log(capsys):
    list(progress(range(10_000), "work", 10_000, "it"))
    assert capsys.readouterr().err.count("\n") < 10


def test_a_terminal_is_overwritten_in_place(capsys, monkeypatch):
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    list(progress(range(3), "work", 3, "it"))
    assert "\r" in capsys.readouterr().err


def test_bytes_are_counted_by_hand_and_scaled(capsys):
    bar = progress(None, "download", 2_000_000, "B", done=500_000)
    bar.update(1_500_000)
    bar.close()
    lines = [line for line in capsys.readouterr().err.split("\n") if line.strip()]
    assert " 500k/2.00M " in lines[0]
    assert " 2.00M/2.00M " in lines[-1]
