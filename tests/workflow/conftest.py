"""Running the workflow from a test: in a folder of its own, on a config of its own."""

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from forks import snakemake
from PIL import Image

HOME = Path(__file__).resolve().parents[2]
TINY = yaml.safe_load((HOME / "tests/config/tiny.yaml").read_text())
MODEL = "results/{run}/models/small/seed0"


def change(config: dict, dotted: str, value: object) -> None:
    """Set a key of a config, given by its dotted name; sections that it lacks are added."""
    *parents, last = dotted.split(".")
    for parent in parents:
        config = config.setdefault(parent, {})
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


def made_once(factory, name: str, make: Callable[[Path], str]) -> tuple[Path, str]:
    """A folder, made once for all processes that share the tests: a copy of it, for this one alone.

    Args:
        factory: pytest's `tmp_path_factory`.
        name: of the folder.
        make: fills the empty folder; what it returns is kept, and returned beside the copy.
    """
    own = factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    original, output = common / name, common / f"{name}.txt"
    with FileLock(common / f"{name}.lock"):
        if not output.exists():
            shutil.rmtree(original, ignore_errors=True)
            original.mkdir()
            output.write_text(make(original))
    return shutil.copytree(original, own / f"copy_of_{name}"), output.read_text()


class Planner:
    """A finished run, and what it would do again after a change.

    Args:
        workflow: with the config of the run.
        targets: what the run made, with `{run}` for its name.
    """

    def __init__(self, workflow: Workflow, *targets: str):
        self.workflow, self.targets = workflow, targets

    def named_targets(self) -> list[str]:
        return [target.format(run=self.workflow.config["run"]) for target in self.targets]

    def planned(self) -> set[str]:
        return self.workflow.planned(*self.named_targets())

    def after(self, changes: dict) -> set[str]:
        """Rules that run again after some keys of the config changed."""
        before = copy.deepcopy(self.workflow.config)
        try:
            for key, value in changes.items():
                change(self.workflow.config, key, value)
            return self.planned()
        finally:
            self.workflow.config = before

    def after_edit(self, edit: Callable[[str], str], *files: str) -> set[str]:
        """Rules that run again after files below scripts/ were edited, text by text."""
        paths = [self.workflow.home / "scripts" / file for file in files]
        texts = [path.read_text() for path in paths]
        try:
            for path, text in zip(paths, texts, strict=True):
                path.write_text(edit(text))
            return self.planned()
        finally:
            for path, text in zip(paths, texts, strict=True):
                path.write_text(text)


@pytest.fixture(scope="session")
def complete(finished, tmp_path_factory) -> Planner:
    """The finished tiny run with all that it makes on demand; beside it, files to be named.

    Tests may change its config and the code, and must put them back.
    """
    demanded = [f"{MODEL}/baseline.pth", f"{MODEL}/target.pth", "benchmark", "check", "export"]

    def make(folder: Path) -> str:
        shutil.copytree(finished.folder, folder, dirs_exist_ok=True)
        run = Planner(Workflow(folder, folder), *demanded)
        output = run.workflow.run(*run.named_targets()).stdout
        (folder / "photos").mkdir()
        Image.linear_gradient("L").save(folder / "photos/grey.png")
        shutil.copy(folder / run.named_targets()[0], folder / "given.pth")
        released = folder / "checkout/analysis/tools/srresnet/faig.py"
        released.parent.mkdir(parents=True)
        released.touch()
        return output

    folder, _ = made_once(tmp_path_factory, "complete", make)
    return Planner(Workflow(folder, folder), "all", *demanded)


@pytest.fixture(scope="session")
def archived(complete) -> Planner:
    """A run in the same folder whose test images come from an archive, its weights from files."""
    folder = complete.workflow.folder
    archive = folder / "photos.zip"
    shutil.make_archive(str(archive.with_suffix("")), "zip", folder, "photos")
    shutil.copy(archive, folder / "same.zip")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    workflow = Workflow(folder, folder)
    workflow.config |= {"run": "archived", "data": {**TINY["data"], "test": ["photos"]}}
    workflow.config["datasets"]["photos"] = {
        "source": "archive",
        "mirrors": [{"path": "photos.zip", "checksum": f"sha256:{digest}"}],
    }
    workflow.config["networks"]["small"]["baseline"] = "given.pth"
    run = Planner(workflow, "results/{run}/data/photos.h5", f"{MODEL}/baseline.safetensors")
    workflow.run(*run.named_targets())
    return run


@pytest.fixture
def workflow(tmp_path) -> Workflow:
    """A fresh working directory."""
    return Workflow(tmp_path)


@pytest.fixture
def tiny(finished) -> Workflow:
    """The finished tiny run with a config to change, restored after the test."""
    yield finished
    finished.config = copy.deepcopy(TINY)
