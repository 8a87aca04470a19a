"""Running the workflow from a test: in a folder of its own, on a config of its own."""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .forks import snakemake

HOME = Path(__file__).resolve().parents[2]
TINY = yaml.safe_load((HOME / "tests/config/tiny.yaml").read_text())


def change(config: dict, dotted: str, value: object) -> None:
    """Set a key of a config, given by its dotted name."""
    *parents, last = dotted.split(".")
    for parent in parents:
        config = config[parent]
    config[last] = value


def own_copy(folder: Path) -> "Workflow":
    """A workflow in a folder that holds a copy of the code, which a test may edit."""
    for name in ("workflow", "scripts", "envs"):
        shutil.copytree(HOME / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Workflow(folder, folder)


class Workflow:
    """The workflow in a working directory, with a config that a test may change."""

    def __init__(self, folder: Path, home: Path = HOME):
        self.folder, self.home = folder, home
        self.config = copy.deepcopy(TINY)

    def arguments(self, *options: str) -> list[str]:
        """Snakemake's arguments, the config written where they say."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config))
        return [
            "--snakefile", str(self.home / "workflow/Snakefile"),
            "--directory", str(self.folder), "--configfile", str(path), "--cores", "2", *options,
        ]  # fmt: skip

    def start(self, *options: str, stdout=subprocess.PIPE, **more) -> subprocess.Popen:
        """Start Snakemake; its standard output and error both go to `stdout`."""
        # scripts are called as `python`: the one that runs the tests
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *self.arguments(*options)],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            **more,
        )

    def run(self, *options: str, check: bool = True) -> subprocess.CompletedProcess:
        """Call Snakemake; its standard output and error end up in `stdout`."""
        arguments = self.arguments(*options)
        status, output = snakemake(arguments, self.folder)
        if check and status:
            pytest.fail(f"snakemake failed:\n{output[-6000:]}")
        return subprocess.CompletedProcess(arguments, status, output)

    def plan(self, *targets: str) -> dict[str, int]:
        """Number of jobs that a dry run would execute, by rule."""
        status, output = snakemake(
            self.arguments(*targets, "--dry-run", "--quiet", "host"), self.folder
        )
        if status:
            pytest.fail(f"the dry run failed:\n{output[-6000:]}")
        if "Nothing to be done" in output:
            return {}
        lines = output.split("Job stats:")[1].split("\n\n")[0].splitlines()[3:]
        counts = {rule: int(count) for rule, count in map(str.split, lines)}
        del counts["total"]
        return counts

    def planned(self, *targets: str) -> set[str]:
        """Rules that a dry run would execute, those without a command left out."""
        return self.plan(*targets).keys() - {"all", "benchmark", "check", "export"}


@pytest.fixture
def workflow(tmp_path) -> Workflow:
    """A fresh working directory."""
    return Workflow(tmp_path)


@pytest.fixture
def tiny(finished) -> Workflow:
    """The finished tiny run with a config to change, restored after the test."""
    yield finished
    finished.config = copy.deepcopy(TINY)
