"""Damage between two runs is found, and the printed advice repairs it."""

import shutil

import pandas as pd
import pytest
from faig.base.tables import write_table
from faig.run import manifest
from forks import snakemake

from .conftest import Workflow

RUN = "results/tiny"


@pytest.fixture
def spare(finished, tmp_path) -> Workflow:
    """A copy of the finished run, to damage."""
    folder = shutil.copytree(finished.folder, tmp_path / "copy")
    return Workflow(folder, folder)


def digests(workflow) -> dict[str, str]:
    """SHA-256 of the run's tables, images and weights, by path."""
    files = [p for p in (workflow.folder / RUN).rglob("*") if p.suffix in KINDS]
    return {str(file): manifest.digest(file) for file in files}


KINDS = {".parquet", ".csv", ".h5", ".safetensors", ".png", ".pdf"}


def follow(workflow, output: str) -> None:
    """Call the commands that the output names."""
    commands = [line.split() for line in output.splitlines() if line.startswith("  snakemake ")]
    assert len(commands) == 2
    for _, *arguments in commands:
        status, told = snakemake(arguments, workflow.folder)
        assert status == 0, told


def test_an_undamaged_run(finished):
    output = finished.run("verify").stdout
    assert "files are as they were written" in output


def test_damage_of_every_kind_is_named_and_repaired(spare):
    before = digests(spare)
    folder = spare.folder / RUN
    # damage that went unnoticed: figure and table are made from it
    used = folder / "prediction/small/seed0.parquet"
    write_table(used, pd.read_parquet(used).assign(predicted=True))
    spare.run()
    assert len({*before.items()} - {*digests(spare).items()}) > 1

    cut, flipped = folder / "data/tiny_test.h5", folder / "ranking/small/seed0/random.parquet"
    lost, replaced = folder / "figures/training_small.pdf", folder / "tables/locations.csv"
    recorded = before[str(cut)]
    cut.write_bytes(cut.read_bytes()[:-1])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    lost.unlink()
    replaced.write_text("something,else\n")

    result = spare.run("verify", check=False)
    assert result.returncode
    for path, state, rule in (
        ("prediction/small/seed0.parquet", "changed", "predict"),
        ("data/tiny_test.h5", "changed", "synthesize"),
        ("ranking/small/seed0/random.parquet", "changed", "rank"),
        ("figures/training_small.pdf", "missing", "plot_training"),
        ("tables/locations.csv", "changed", "table_locations"),
    ):
        assert f"{RUN}/{path}: {state}, made by rule {rule}" in result.stdout
    assert "5 of " in result.stdout
    assert recorded in result.stdout
    assert manifest.digest(cut) in result.stdout

    follow(spare, result.stdout)
    assert digests(spare) == before
    assert "files are as they were written" in spare.run("verify").stdout


def test_without_recorded_checksums_nothing_is_said_to_be_right(spare):
    checksums = spare.folder / RUN / "checksums.json"
    checksums.unlink()
    for targets in (["verify"], ["verify"], ["verify", "all"]):
        result = spare.run(*targets, check=False)
        assert result.returncode
        assert "there are no recorded checksums to compare with" in result.stdout
        assert not checksums.exists()


def test_a_quiet_verification_prints_its_result(finished):
    assert "files are as they were written" in finished.run("verify", "--quiet").stdout
