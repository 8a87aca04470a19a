"""The workflow is clean by Snakemake's own rules, and its documentation is complete."""

import subprocess
import sys

import configuration
import pytest

from .conftest import HOME


def test_lint(workflow):
    assert "Congratulations" in workflow.run("--lint", check=False).stdout


def test_parsing_does_not_import_torch(workflow):
    """A dry run of a large workflow must stay quick."""
    code = (
        "import sys; sys.path[:0] = ['workflow', 'scripts'];"
        "import configuration, sections, codebase;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=HOME, check=True)


@pytest.mark.parametrize("key", sorted(configuration.leaf_keys()))
def test_every_key_is_documented(key):
    assert f"`{key}`" in (HOME / "config/README.md").read_text()
