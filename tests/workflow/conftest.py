"""Running the workflow from a test: in a folder of its own, on a config of its own."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HOME = Path(__file__).resolve().parents[2]
TINY = yaml.safe_load((HOME / "tests/config/tiny.yaml").read_text())


def change(config: dict, dotted: str, value: object) -> None:
    """Set a key of a config, given by its dotted name."""
    *parents, last = dotted.split(".")
    for parent in parents:
        config = config[parent]
    config[last] = value


class Workflow:
    """The workflow in a working directory, with a config that a test may change."""

    def __init__(self, folder: Path, home: Path = HOME):
        self.folder, self.home = folder, home
        self.config = copy.deepcopy(TINY)

    def run(self, *options: str, check: bool = True) -> subprocess.CompletedProcess:
        """Call Snakemake; its standard output and error end up in `stdout`."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config))
        command = [
            sys.executable, "-m", "snakemake",
            "--snakefile", str(self.home / "workflow/Snakefile"),
            "--directory", str(self.folder), "--configfile", str(path), "--cores", "2", *options,
        ]  # fmt: skip
        # scripts are called as `python`: the one that runs the tests
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        result = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and result.returncode:
            pytest.fail(f"snakemake failed:\n{result.stdout[-6000:]}")
        return result

    def planned(self) -> set[str]:
        """Rules that a dry run would execute, `all` left out."""
        output = self.run("--dry-run", "--quiet", "host").stdout
        if "Nothing to be done" in output:
            return set()
        lines = output.split("Job stats:")[1].split("\n\n")[0].splitlines()[3:]
        return {line.split()[0] for line in lines} - {"all", "total"}


@pytest.fixture
def workflow(tmp_path) -> Workflow:
    """A fresh working directory."""
    return Workflow(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workflow:
    """The tiny run, done once. Tests may change its config, and must put it back."""
    workflow = Workflow(tmp_path_factory.mktemp("finished"))
    workflow.output = workflow.run().stdout
    return workflow


@pytest.fixture
def tiny(finished) -> Workflow:
    """The finished tiny run with a config to change, restored after the test."""
    yield finished
    finished.config = copy.deepcopy(TINY)
