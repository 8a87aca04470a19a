"""Damage between two runs is found, and the printed advice repairs it."""

import pandas as pd
from faig.base.tables import write_table
from faig.run import manifest
from forks import snakemake

RUN = "results/tiny"


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


def test_damage_of_every_kind_is_named_and_repaired(finished):
    before = digests(finished)
    folder = finished.folder / RUN
    # damage that went unnoticed: figure and table are made from it
    used = folder / "prediction/small/seed0.parquet"
    write_table(used, pd.read_parquet(used).assign(predicted=True))
    finished.run()
    assert len({*before.items()} - {*digests(finished).items()}) > 1

    cut, flipped = folder / "data/tiny_test.h5", folder / "ranking/small/seed0/random.parquet"
    lost, replaced = folder / "figures/training_small.pdf", folder / "tables/locations.csv"
    recorded = before[str(cut)]
    cut.write_bytes(cut.read_bytes()[:-1])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    lost.unlink()
    replaced.write_text("something,else\n")

    result = finished.run("verify", check=False)
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

    follow(finished, result.stdout)
    assert digests(finished) == before
    assert "files are as they were written" in finished.run("verify").stdout


def test_without_recorded_checksums_nothing_is_said_to_be_right(finished):
    checksums = finished.folder / RUN / "checksums.json"
    recorded = checksums.read_bytes()
    checksums.unlink()
    for targets in (["verify"], ["verify"], ["verify", "all"]):
        result = finished.run(*targets, check=False)
        assert result.returncode
        assert "there are no recorded checksums to compare with" in result.stdout
        assert not checksums.exists()
    checksums.write_bytes(recorded)


def test_a_quiet_verification_prints_its_result(finished):
    assert "files are as they were written" in finished.run("verify", "--quiet").stdout
