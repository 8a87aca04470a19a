"""A config file is read so that nothing in it is lost; what is wrong is told with its line."""

import pytest
import yaml
from faig_workflow.config import ConfigError, read_strictly, typed
from faig_workflow.config.__main__ import problem

BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"run: a\nscale: 2\nrun: b\n", 3, "the key 'run' is there twice"),
        (b"a:\n  b: 1\n  c: {d: 1, d: 2}\n", 3, "the key 'd' is there twice"),
        (b"run: a\nx:\n\ty: 1\n", 3, "'\\\\t'"),
        (b"run: a\nx: \x00\n", 2, "0x0 is not allowed"),
        ("run: a\nx: für\n".encode("latin-1"), 2, "not in UTF-8"),
        ("run: a\n".encode("utf-16"), 1, "not in UTF-8"),
        (BOMB.encode(), 1, "aliases repeat more than"),
        (b"x: 1\na: &a [*a]\n", 2, "contains itself"),
        (b"[" * 5000, 1, "cannot be read"),
        (b"a: 1\nb: !!python/object:os.system {}\n", 2, "could not determine a constructor"),
        (b"a: 2020-13-45\n", 1, "cannot be read"),
    ],
)
def test_it_is_refused_with_file_and_line(tmp_path, text, line, words):
    path = tmp_path / "mine.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=rf"mine\.yaml, line {line}: .*{words}") as error:
        read_strictly(path)
    assert problem(path) == str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeffrun: für\n",
        "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: *a\n",  # what is merged may be given anew
        "a: {1: x, 'b': y}\n",
    ],
)
def test_what_is_right_is_read_as_yaml_reads_it(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_strictly(path) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "mine.yaml: holds no keys"),
        ("- run", "mine.yaml: holds no keys"),
        ("run: [x]", "mine.yaml: the config is not valid:\n  run: found a list ['x']"),
    ],
)
def test_a_file_that_can_be_read_is_checked_as_a_run_checks_it(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert problem(path).startswith(str(tmp_path / words))


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert problem(tmp_path / "mine.yaml") == f"{tmp_path}/mine.yaml: No such file or directory"


def test_what_the_command_line_says_is_read_as_a_file_would_be():
    given = {"a": ["1", "0.5", "null"], "b": {"c": "true", "d": "text"}}
    assert typed(given) == {"a": [1, 0.5, None], "b": {"c": True, "d": "text"}}
    assert typed(["a: b", "[", "#1"]) == ["a: b", "[", "#1"]
    assert typed("1") == "1"  # which Snakemake reads by itself
