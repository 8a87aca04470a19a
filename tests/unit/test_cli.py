import argparse
import json
import runpy
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from faig.base.errors import InputError
from faig.run import cli

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run_main(main, arguments: list[str], monkeypatch, **options) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *arguments])
    cli.run(main, cli.parser("What it does.", **options))


def fail(args):
    raise InputError(f"{args.config['file']}: no such file")


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_every_script_explains_itself(script, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(script), run_name="__main__")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "--config JSON" in text
    assert ("--output" in text) == (script.stem != "verify")  # which writes no file


@pytest.mark.parametrize("name", ["faig", *sorted(path.stem for path in SCRIPTS.glob("*.py"))])
def test_no_script_hides_a_package_of_its_name(name):
    """The folder comes first on the import path of every script in it, and of all they import."""
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() != SCRIPTS]
    assert name not in sys.stdlib_module_names
    assert PathFinder.find_spec(name, elsewhere) is None


def test_a_users_mistake_ends_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPTS / "gather.py", "--tables", "absent.parquet", "--output", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "error: absent.parquet: no such file\n"
    assert list(tmp_path.iterdir()) == []


def test_other_errors_keep_their_traceback(monkeypatch):
    def broken(args):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_main(broken, [], monkeypatch)


def test_config_is_read_as_json(monkeypatch):
    seen = []
    config = {"seed": 1, "names": ["a", None]}
    run_main(lambda args: seen.append(args.config), ["--config", json.dumps(config)], monkeypatch)
    assert seen == [config]


def test_broken_json_is_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stop:
        run_main(fail, ["--config", '{"seed": 1'], monkeypatch)
    assert stop.value.code == 2
    assert "not valid JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "message"), [({"device": "gpu"}, "'gpu'"), ({"precision": "half"}, "'half'")]
)
def test_a_wrong_device_is_a_users_mistake(config, message, monkeypatch):
    with pytest.raises(SystemExit) as stop:
        run_main(cli.compute, ["--config", json.dumps(config)], monkeypatch, computes=True)
    assert str(stop.value).startswith("error: ")
    assert message in str(stop.value)


def test_a_result_is_reused_only_if_all_that_it_is_made_from_is_the_same(tmp_path, monkeypatch):
    data = tmp_path / "data"

    def entry(config="{}", pixels="1 2 3", code="12ab", torch="2.13.0"):
        data.write_text(pixels)
        monkeypatch.setattr(cli, "version", {"torch": torch}.get)
        args = argparse.Namespace(cache=tmp_path / "cache", code=code)
        return cli.reusable(args, [config, data], [tmp_path / "weights"]).entry

    changed = [{"config": "[]"}, {"pixels": "1 2 4"}, {"code": "34cd"}, {"torch": "2.14.0"}]
    assert entry() == entry()
    assert len({entry(), *(entry(**one) for one in changed)}) == 1 + len(changed)
