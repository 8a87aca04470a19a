"""The worked examples of CONTRIBUTING.md work."""

import re

import pandas as pd
import pytest
import yaml

from .conftest import HOME, Workflow, own_copy

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (HOME / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
PLACE = re.compile(r"# (at the end of )?(\S+)\n")


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
    workflow.run("results/tiny/agreement/shallow/seed0/magnitude.parquet")
    return workflow


def read(workflow: Workflow, folder: str, method: str) -> pd.DataFrame:
    return pd.read_parquet(
        workflow.folder / f"results/tiny/{folder}/shallow/seed0/{method}.parquet"
    )


@pytest.mark.parametrize("method", ["faig", "magnitude"])
def test_the_added_network_degradation_and_method_are_ranked(extended, method):
    table = read(extended, "ranking", method)
    assert set(table["degradation"]) == {"blur", "noise", "dark"}
    assert set(table["layer"]) == {"conv1", "conv2"}


def test_an_edit_of_the_added_method_reruns_its_attribution_and_what_follows(extended):
    file, target = extended.folder / "scripts/my_methods.py", "results/tiny/ranking/shallow/seed0"
    text = file.read_text()
    try:
        file.write_text(text.replace("** power", "** (2 * power)"))
        assert extended.planned(f"{target}/magnitude.parquet") == {"attribute", "rank"}
        assert extended.planned(f"{target}/faig.parquet") == set()
    finally:
        file.write_text(text)


def test_the_added_step_compares_rankings(extended):
    both = read(extended, "ranking", "faig").merge(
        read(extended, "ranking", "magnitude"), on=["degradation", "filter"]
    )
    chosen = round(0.05 * both["filter"].nunique())
    first, second = both["rank_x"] < chosen, both["rank_y"] < chosen
    expected = (first & second).groupby(both["degradation"]).sum() / chosen
    table = read(extended, "agreement", "magnitude").set_index("degradation")
    assert table["agreement"].to_dict() == pytest.approx(expected.to_dict())
