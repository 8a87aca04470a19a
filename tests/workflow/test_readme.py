"""The worked examples of the README work."""

import re

import pandas as pd
import pytest
import yaml

from .conftest import HOME, Workflow, own_copy

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (HOME / "README.md").read_text(), flags=re.DOTALL)


def merge(config: dict, extra: dict) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            merge(config[key], value)
        else:
            config[key] = value


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Workflow:
    """A copy of the code with all of the README's additions, run up to the rankings."""
    home = tmp_path_factory.mktemp("extended")
    workflow = own_copy(home)
    for language, text in BLOCKS:
        if language == "python":
            place = re.match(r"# (?:at the end of )?(\S+)", text).group(1)
            with (home / place).open("a") as file:
                file.write("\n\n" + text)
        elif language == "yaml" and text.startswith("# config"):
            merge(workflow.config, yaml.safe_load(text))
    del workflow.config["networks"]["small"]
    workflow.config["training"]["target"]["degradations"].append("dark")
    workflow.config["attribution"]["degradations"].append("dark")
    workflow.run(
        "results/tiny/ranking/shallow/seed0/faig.parquet",
        "results/tiny/ranking/shallow/seed0/magnitude.parquet",
    )
    return workflow


def test_the_added_network_degradation_and_method_are_ranked(extended):
    for method in ("faig", "magnitude"):
        path = extended.folder / f"results/tiny/ranking/shallow/seed0/{method}.parquet"
        table = pd.read_parquet(path)
        assert set(table["degradation"]) == {"blur", "noise", "dark"}
        assert set(table["layer"]) == {"conv1", "conv2"}


def test_both_commands_of_the_readme_name_existing_files():
    commands = [text for language, text in BLOCKS if language == "bash"]
    for command in commands:
        for name in re.findall(r"-[rc] (\S+)", command):
            assert (HOME / name).is_file()
    assert any("snakemake --cores all" in command for command in commands)
    assert any(command.rstrip().endswith("pytest") for command in commands)
