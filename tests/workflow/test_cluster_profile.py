"""The SLURM profile, read without a cluster: what a dry run says that jobs would ask for."""

import re

import pytest
import yaml

from .conftest import HOME, Workflow, own_copy

PROFILE = HOME / "workflow/profiles/slurm"
CODE = "".join(path.read_text() for path in sorted((HOME / "workflow/rules").glob("*.smk")))
SUBMITTED = re.findall(r"use rule step from compute as (\w+) with:", CODE)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> dict[str, dict[str, int]]:
    """Threads and resources by rule that the default run submits, and its comparison."""
    workflow = Workflow(tmp_path_factory.mktemp("profile"))
    default, comparison = (
        yaml.safe_load((HOME / f"config/{name}.yaml").read_text())
        for name in ("config", "two-branch")
    )
    workflow.config = {**default, "two_branch": comparison["two_branch"]}
    workflow.config |= {"stability": {"null_target": True}, "transplant": {}}
    return submitted(workflow)


def submitted(workflow: Workflow) -> dict[str, dict[str, int]]:
    """Threads and resources of the rules that are submitted, from a dry run of everything.

    A dry run does not tell local rules from others. And it shows no more threads than it has cores.
    """
    options = ("--workflow-profile", str(PROFILE), "--cores", "64", "all", "benchmark", "check")
    output = workflow.run("--dry-run", *options).stdout
    found = {}
    for rule, block in re.findall(r"^rule (\w+):\n((?:    .*\n)+)", output, flags=re.MULTILINE):
        asked = {name: int(n) for name, n in re.findall(r"\b(gpu|runtime|mem_mb)=(\d+)", block)}
        threads = re.search(r"threads: (\d+)", block)
        found[rule] = {**asked, "threads": int(threads.group(1)) if threads else 1}
    return {rule: found[rule] for rule in SUBMITTED if rule in found}


def test_every_rule_that_is_submitted_says_whether_it_needs_a_gpu(jobs):
    assert set(jobs) == set(SUBMITTED)
    assert all("gpu" in asked for asked in jobs.values())


def test_all_other_rules_run_where_snakemake_does(tmp_path, workflow):
    """Only Snakemake itself knows; on a cluster it would submit what is not local."""
    copy = own_copy(tmp_path)
    with (tmp_path / "workflow/Snakefile").open("a") as file:
        file.write('\nprint("local:", *sorted(workflow._localrules), file=sys.stderr)\n')
    local = set(re.search(r"^local: (.*)$", copy.run("--list").stdout, re.MULTILINE)[1].split())
    others = workflow.planned("all", "benchmark", "two_branch") - set(SUBMITTED)
    assert others - {"two_branch"} <= local
    assert not local & set(SUBMITTED)


def row(rules: list[str], asked: dict[str, int]) -> str:
    """The line of the table in the profile's README for rules that ask for the same."""
    names = ", ".join(f"`{rule}`" for rule in sorted(rules))
    memory = f"{asked['mem_mb'] // 1000} GB"
    return f"| {names} | {asked['threads']} | {asked['gpu']} | {memory} | {asked['runtime']} min |"


def test_readme_tells_what_each_rule_asks_for(jobs):
    table = re.findall(r"^\| `.*", (PROFILE / "README.md").read_text(), flags=re.MULTILINE)
    alike: dict[tuple, list[str]] = {}
    for rule, asked in jobs.items():
        alike.setdefault(tuple(sorted(asked.items())), []).append(rule)
    expected = sorted(row(rules, dict(asked)) for asked, rules in alike.items())
    assert sorted(table) == expected, "\n".join(expected)


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
