"""The worked examples of CONTRIBUTING.md work."""

import re

import pandas as pd
import pytest
import yaml

from .conftest import HOME, Workflow, own_copy

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (HOME / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
PLACE = re.compile(r"# (at the end of )?(\S+)\n")
METHODS = ("faig", "magnitude")


def merge(config: dict, extra: dict) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            merge(config[key], value)
        else:
            config[key] = value


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Workflow:
    """A copy of the code with all additions, run up to the added step."""
    home = tmp_path_factory.mktemp("extended")
    workflow = own_copy(home)
    for language, text in BLOCKS:
        if language == "python":
            appended, place = PLACE.match(text).groups()
            assert (home / place).exists() == bool(appended), place
            with (home / place).open("a") as file:
                file.write("\n\n" + text)
        elif language == "yaml":
            merge(workflow.config, yaml.safe_load(text))
    del workflow.config["networks"]["small"]
    workflow.config["training"]["target"]["degradations"].append("dark")
    workflow.config["attribution"]["degradations"].append("dark")
    workflow.run(*(f"results/tiny/agreement/shallow/seed0/{name}.parquet" for name in METHODS))
    return workflow


def read(workflow: Workflow, folder: str, method: str) -> pd.DataFrame:
    return pd.read_parquet(
        workflow.folder / f"results/tiny/{folder}/shallow/seed0/{method}.parquet"
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_added_network_degradation_and_method_are_ranked(extended, method):
    table = read(extended, "ranking", method)
    assert set(table["degradation"]) == {"blur", "noise", "dark"}
    assert set(table["layer"]) == {"conv1", "conv2"}


def test_the_added_step_compares_rankings(extended):
    with_itself = read(extended, "agreement", "faig")
    assert list(with_itself["degradation"]) == ["blur", "noise", "dark"]
    assert set(with_itself["agreement"]) == {1}
    with_another = read(extended, "agreement", "magnitude")["agreement"]
    assert with_another.between(0, 1).all()
    assert with_another.mean() < 1
