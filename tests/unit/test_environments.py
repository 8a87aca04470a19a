"""The environment files agree, so that a result does not depend on which of them was installed."""

import re
from pathlib import Path

import pytest
import yaml

ENVS = Path(__file__).parents[2] / "envs"


def pins(lines: list[str]) -> dict[str, str]:
    """Versions by package; options left out."""
    wanted = [line for line in lines if line and not line.startswith(("#", "-"))]
    return dict(re.fullmatch(r"([a-z0-9-]+)==([\w.]+)", line).groups() for line in wanted)


def requirements(name: str) -> dict[str, str]:
    """Pins of a pip file, and of those that it refers to."""
    lines = (ENVS / name).read_text().splitlines()
    found = pins(lines)
    for line in lines:
        if line.startswith("-r "):
            more = requirements(line[3:])
            assert not set(found) & set(more), "a package is pinned twice"
            found |= more
    return found


def test_every_pip_file_has_the_pins_of_the_run():
    run = requirements("run.txt").items()
    assert {"torch", "snakemake"} <= dict(run).keys()
    for path in ENVS.glob("*.txt"):
        assert run <= requirements(path.name).items()
    assert requirements("cpu.txt").items() == run
    assert requirements("slurm.txt").items() <= requirements("test.txt").items()


@pytest.mark.parametrize("name", ["run.yaml", "cpu.yaml"])
def test_every_conda_environment_has_the_pins_of_the_run(name):
    python, pip, packages = yaml.safe_load((ENVS / name).read_text())["dependencies"]
    assert (python, pip, list(packages)) == ("python=3.11", "pip", ["pip"])
    assert pins(packages["pip"]) == requirements("run.txt")
    # the build of torch is the only difference
    options = [line for line in packages["pip"] if line.startswith("-")]
    pip_file = (ENVS / name).with_suffix(".txt").read_text().splitlines()
    assert options == [line for line in pip_file if line.startswith("--")]


def test_all_environment_files_are_checked():
    assert {path.name for path in ENVS.glob("*.yaml")} == {"run.yaml", "cpu.yaml"}
