"""What the documentation tells a newcomer to do can be done."""

import re
import shlex

import pytest
import yaml

from .conftest import HOME, Workflow

PAGES = [
    HOME / "README.md", HOME / "CONTRIBUTING.md", HOME / "CHANGELOG.md", *HOME.glob("*/README.md"),
    *HOME.glob("workflow/profiles/*/README.md"), *HOME.glob("scripts/faig/*/README.md"),
]  # fmt: skip
NAMES = [str(path.relative_to(HOME)) for path in PAGES]
README = (HOME / "README.md").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_commands_name_existing_files(path):
    for command in blocks("bash", path.read_text()):
        for name in re.findall(r"(?:-[rc]|--configfile|--workflow-profile) (\S+)", command):
            assert (HOME / name).exists(), name


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_lead_to_files(path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_readme_is_short_and_has_both_commands():
    assert len(README.splitlines()) <= 150
    commands = [text.strip() for text in blocks("bash") if "pip install" in text]
    assert [command.rpartition("&& ")[2] for command in commands] == [
        "snakemake --cores all",
        "pytest -n 2",
    ]
    for command in commands:
        assert "-c envs/lock.txt" in command


def test_readme_names_what_the_paper_config_downloads():
    datasets = yaml.safe_load((HOME / "config/paper.yaml").read_text())["datasets"]
    sentence = re.search(r"`config/paper.yaml` downloads (.*?) and runs", README, re.DOTALL).group(
        1
    )
    assert set(re.findall(r"\w+", sentence)) - {"and"} == {n.split("_")[0] for n in datasets}


def test_a_network_with_a_weakened_skill_is_exported_by_the_command(workflow: Workflow):
    commands = blocks("bash", (HOME / "config/README.md").read_text())
    (command,) = (text for text in commands if "export" in text)
    words = shlex.split(command.removeprefix("snakemake --cores all"))
    assert "export/small/faig.noise.0.5.pth" in workflow.run(*words, "--dry-run").stdout


def test_own_images_and_own_checkpoints_are_planned(workflow: Workflow):
    images, networks = map(yaml.safe_load, blocks("yaml"))
    workflow.config["datasets"] |= images["datasets"]
    for role in ("train", "test"):
        workflow.config["data"][role] = images["data"][role]
    published = networks["networks"]["published"]
    datasets = images["datasets"] | networks["datasets"]
    files = [f"{dataset['path']}/a.png" for dataset in datasets.values()]
    for name in [*files, published["baseline"], published["target"]]:
        (workflow.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (workflow.folder / name).touch()
    assert {"train_baseline", "train_target"} <= workflow.planned()
    workflow.config = networks
    planned = workflow.planned()
    assert "import_checkpoint" in planned
    assert not planned & {"train_baseline", "train_target", "mask", "retrain", "predict"}


def test_a_config_without_training_is_short():
    """Beyond paths, and the lines that only open a section for them, no more than 12 lines."""
    _, text = blocks("yaml")
    lines = [line for line in text.splitlines() if not re.search(r"path:|baseline:|target:", line)]
    assert len(lines) <= 12
