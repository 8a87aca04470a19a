"""The workflow is clean by Snakemake's own rules."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from .conftest import HOME


def test_lint(workflow):
    assert "Congratulations" in workflow.run("--lint", check=False).stdout


def test_parsing_does_not_import_torch(workflow):
    """A dry run of a large workflow must stay quick."""
    code = (
        "import sys; sys.path[:0] = ['workflow', 'scripts'];"
        "import faig_workflow.config, faig_workflow.sections, faig_workflow.codebase;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=HOME, check=True)


def test_a_room_of_the_library_knows_only_those_below_it():
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=HOME, env={**os.environ, "PYTHONPATH": "scripts"}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


def test_a_commit_is_checked_as_everything_is():
    hooks = yaml.safe_load((HOME / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    commands = [hook["entry"] for hook in hooks]
    assert (HOME / ".ci/run").read_text().splitlines()[-len(commands) :] == commands
