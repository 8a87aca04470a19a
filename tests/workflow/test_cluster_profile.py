"""The SLURM profile, read without a cluster: what a dry run says that jobs would ask for."""

import re

import pytest
import yaml

from .conftest import HOME, Workflow

PROFILE = HOME / "workflow/profiles/slurm"
CODE = "".join(path.read_text() for path in sorted((HOME / "workflow/rules").glob("*.smk")))
REQUEST = re.compile(r'request\.resources\("(\w+)"\)')


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> dict[str, dict[str, int]]:
    """Threads and resources by rule that the default run submits, and its comparison."""
    workflow = Workflow(tmp_path_factory.mktemp("profile"))
    default, comparison = (
        yaml.safe_load((HOME / f"config/{name}.yaml").read_text())
        for name in ("config", "two-branch")
    )
    workflow.config = {**default, "two_branch": comparison["two_branch"]}
    return submitted(workflow)


def submitted(workflow: Workflow) -> dict[str, dict[str, int]]:
    """Threads and resources of the rules that are submitted, from a dry run of everything.

    A dry run does not tell local rules from others: they are those without a request. And it
    shows no more threads than it has cores.
    """
    options = ("--workflow-profile", str(PROFILE), "--cores", "64", "all", "benchmark")
    output = workflow.run("--dry-run", *options).stdout
    found = {}
    for rule, block in re.findall(r"^rule (\w+):\n((?:    .*\n)+)", output, flags=re.MULTILINE):
        asked = {name: int(n) for name, n in re.findall(r"\b(gpu|runtime|mem_mb)=(\d+)", block)}
        threads = re.search(r"threads: (\d+)", block)
        found[rule] = {"gpu": 0, **asked, "threads": int(threads.group(1)) if threads else 1}
    return {rule: found[rule] for rule in REQUEST.findall(CODE)}


def row(rule: str, asked: dict[str, int]) -> str:
    """A rule's line of the table in the profile's README."""
    memory = f"{asked['mem_mb'] / 1000:.1f} GB"
    return f"| `{rule}` | {asked['threads']} | {asked['gpu']} | {memory} | {asked['runtime']} min |"


def test_readme_tells_what_each_rule_asks_for(jobs):
    table = re.findall(r"^\| `.*", (PROFILE / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(table) == sorted(row(rule, asked) for rule, asked in jobs.items())


def test_every_rule_is_local_or_has_a_request_of_its_own():
    rules = re.split(r"^ *rule(?= \w+:|:)", CODE, flags=re.MULTILINE)[1:]
    assert len(rules) > 20
    for rule in rules:
        asked = REQUEST.findall(rule)
        assert asked in ([], [rule.split(":")[0].strip()])
        if "shell:" in rule:
            assert ("localrule: True" in rule) != bool(asked), rule


def test_a_run_on_the_cpu_asks_for_no_gpu(workflow):
    workflow.config["device"] = "cpu"
    assert {asked["gpu"] for asked in submitted(workflow).values()} == {0}


def test_arrays_are_of_rules_that_are_submitted(jobs):
    profile = yaml.safe_load((PROFILE / "config.yaml").read_text())
    assert set(profile["slurm-array-jobs"].split(",")) <= set(jobs)


def test_the_profile_keeps_what_the_default_one_sets():
    both = [
        yaml.safe_load((HOME / f"workflow/profiles/{name}/config.yaml").read_text())
        for name in ("default", "slurm")
    ]
    assert both[0].items() <= both[1].items()
