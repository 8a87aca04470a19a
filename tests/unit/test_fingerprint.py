"""A fingerprint of code changes with what the code does, and with nothing else."""

from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path

import pytest
from faig_workflow import codebase

BEFORE = '''"""Of a module."""

import math


class Circle:
    """Of a class."""

    def area(self, radius: float) -> float:
        """Of a function."""
        return math.pi * radius**2  # a comment


async def nothing():
    """All that there is."""
'''


@pytest.fixture
def meaning(tmp_path):
    """The meaning of a text as a file, read anew."""

    def of(text: str) -> str:
        path = tmp_path / "module.py"
        path.write_text(text)
        codebase.meaning.cache_clear()
        codebase._tree.cache_clear()
        return codebase.meaning(path)

    return of


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", ""),
        ("import math", "# why\nimport math"),
        ('"""Of a module."""\n', ""),
        ("Of a class.", "Of another class."),
        ('        """Of a function."""\n', ""),
        ('"""All that there is."""', "pass"),
        ("math.pi * radius**2", "(\n            math.pi\n            * radius ** 2\n        )"),
        ("\n\n\n", "\n\n"),
    ],
)
def test_looks_do_not_matter(meaning, old, new):
    assert old in BEFORE
    assert meaning(BEFORE.replace(old, new)) == meaning(BEFORE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("radius**2", "radius**3"),
        ("radius**2", "(radius + 0) ** 2"),
        ("import math", "import math as math"),
        (": float)", ": float = 1)"),
        ('"""All that there is."""', 'return """All that there is."""'),
        ("async def", "def"),
    ],
)
def test_what_is_done_matters(meaning, old, new):
    assert old in BEFORE
    assert meaning(BEFORE.replace(old, new)) != meaning(BEFORE)


def test_scripts_and_networks_have_fingerprints_of_their_own():
    calls = [("rank",), ("train",), ("train", "srresnet"), ("train", "dan1"), ("mask", "srresnet")]
    assert len({codebase.fingerprint(*call) for call in calls}) == len(calls)
    assert codebase.fingerprint("train", "elsewhere.module:Net") == codebase.fingerprint("train")


def test_what_computes_depends_on_the_device():
    """`cli`, which chooses it, does not count."""
    computing = [
        path.stem for path in codebase.SCRIPTS.glob("*.py") if "cli.compute(" in path.read_text()
    ]
    assert len(computing) > 5
    for script in computing:
        assert codebase.LIBRARY / "base/device.py" in codebase.source_files(script), script


# what cannot change a result: arguments, GPU locks, reuse, checksums; progress; ends on demand
NEUTRAL = ["faig.run", "faig.base.progress", "faig.base.signals"]


@cache
def modules(script: str) -> set[Path]:
    """Files below scripts/ that a script imports, itself included, found in its byte code."""
    finder = ModuleFinder([str(codebase.SCRIPTS)], excludes=NEUTRAL)
    finder.run_script(str(codebase.SCRIPTS / f"{script}.py"))
    return found_files(finder)


@cache
def modules_of_network(name: str) -> set[Path]:
    """The same for a network's file."""
    finder = ModuleFinder([str(codebase.SCRIPTS)], excludes=NEUTRAL)
    finder.import_hook(f"faig.networks.{name}")
    return found_files(finder)


def found_files(finder: ModuleFinder) -> set[Path]:
    return {Path(module.__file__) for module in finder.modules.values() if module.__file__}


@pytest.mark.parametrize("script", sorted(p.stem for p in codebase.SCRIPTS.glob("*.py")))
def test_the_fingerprint_of_a_script_is_of_all_that_it_imports(script):
    """Python's own list of what a script imports is the judge."""
    assert set(codebase.source_files(script)) == modules(script)


@pytest.mark.parametrize("network", codebase.networks())
def test_the_fingerprint_of_a_network_is_of_all_that_it_imports(network):
    """Networks are imported by name while a script runs."""
    found = set(codebase.source_files("mask", network))
    assert found == modules("mask") | modules_of_network(network)
