"""Another workflow, in a folder of its own, uses this one as a module."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from forks import snakemake

from .conftest import HOME, TINY

SNAKEFILE = f"""
module faig:
    snakefile:
        {str(HOME / "workflow/Snakefile")!r}
    config:
        config


use rule * from faig as faig_*


rule all:
    default_target: True
    input:
        "results/tiny/tables/summary.txt",
"""
DATA = "results/tiny/data/tiny_test.h5"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with the other workflow, and with its config, which is the tiny one."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    return tmp_path


def test_its_rules_are_planned_under_other_names(folder):
    options = ["--configfile", "config.json", "--cores", "2", "--dry-run", "--quiet", "host"]
    status, output = snakemake(options, folder)
    assert status == 0, output
    for rule in ("faig_train_target", "faig_rank", "faig_match_random", "faig_summarize"):
        assert f"rule {rule}:" in output
    assert "faig_report" not in output
    _, listed = snakemake(["--configfile", "config.json", "--list"], folder)
    assert "faig_rank" in listed
    assert "faig_verify" not in listed  # nothing records checksums of another workflow's files


def test_the_command_line_is_the_other_workflows(folder):
    inner = SNAKEFILE.replace("        config\n", '        config["inner"]\n')
    (folder / "Snakefile").write_text(inner)
    (folder / "config.json").write_text(json.dumps({"inner": TINY}))
    options = ["--configfile", "config.json", "--config", "run=other", "--cores", "1", "--dry-run"]
    status, output = snakemake(options, folder)
    assert status == 0, output
    assert "results/other" not in output


def test_one_rule_is_taken_alone_and_changed(folder):
    parts = SNAKEFILE.split("use rule * from faig as faig_*")
    own = "use rule synthesize from faig as own_synthesize with:\n    threads: 1\n    priority: 7\n"
    (folder / "Snakefile").write_text(own.join(parts).replace("tables/summary.txt", "data/a.h5"))
    status, output = snakemake(["--configfile", "config.json", "--list"], folder)
    assert status == 0, output
    assert output.split()[-2:] == ["all", "own_synthesize"]


@pytest.mark.parametrize("snakefile", ["Snakefile", HOME / "workflow/Snakefile"])
def test_a_key_that_is_there_twice_is_told_with_its_line(folder, snakefile):
    text = (HOME / "tests/config/tiny.yaml").read_text(encoding="utf-8")
    (folder / "twice.yaml").write_text(text + "run: other\n", encoding="utf-8")
    options = ["--snakefile", str(snakefile), "--configfile", "twice.yaml", "--dry-run"]
    status, output = snakemake(options, folder)
    assert status != 0
    line = text.count("\n") + 1
    assert f"twice.yaml, line {line}: the key 'run' is there twice" in output
    assert "Traceback" not in output


def test_it_runs_and_leaves_folder_and_terminal_to_the_other_workflow(folder):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    result = subprocess.run(
        [sys.executable, "-m", "snakemake", "--configfile", "config.json", "--cores", "1", DATA],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (folder / DATA).is_file()
    assert not list((folder / ".snakemake").glob("running*"))
    assert "1 of 1 steps (100%) done" in result.stderr
