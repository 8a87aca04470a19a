"""Commands made of the files that rules name."""

import shlex

import pytest
from faig.base.provenance import canonical_json
from faig_workflow import codebase, commands
from snakemake.iocontainers import InputFiles, OutputFiles, Wildcards

WILDCARDS = Wildcards(fromdict={"network": "small", "seed": "0"})


def files(kind, *unnamed, **named):
    """A job's files as Snakemake hands them to functions: a list, of which parts have names."""
    found = kind(toclone=list(unnamed))
    for name, value in named.items():
        start = len(found)
        several = isinstance(value, list)
        found.extend(value if several else [value])
        found._set_name(name, start, end=len(found) if several else None)
    return found


def command(input, output, threads=1, **more) -> list[str]:
    return shlex.split(
        commands.params("rank", "scripts", **more)["command"](WILDCARDS, input, output, threads)
    )


def test_files_are_options_by_their_names():
    input = files(InputFiles, "not told", data=["a.h5", "b.h5"], kernel_code="k", archive=[])
    output = files(OutputFiles, "out.parquet", history="h.parquet")
    assert command(input, output) == [
        "exec", "python", "scripts/rank.py", "--data", "a.h5", "b.h5", "--kernel-code", "k",
        "--history", "h.parquet", "--output", "out.parquet",
    ]  # fmt: skip


def test_one_file_of_a_list_is_an_option_too():
    assert command(files(InputFiles, data=["a.h5"]), files(OutputFiles))[3:] == ["--data", "a.h5"]


def test_words_are_quoted():
    cfg = {"name": "it's {here}; $HOME"}
    found = command(files(InputFiles, data="a b.h5"), files(OutputFiles, "c'd"), cfg=lambda: cfg)
    assert found[3:] == ["--config", canonical_json(cfg), "--data", "a b.h5", "--output", "c'd"]


def test_the_step_gets_its_part_of_the_config_by_wildcards():
    found = commands.params("rank", "scripts", lambda seed, stage="a": {"stage": stage, "of": seed})
    assert found["cfg"](WILDCARDS) == '{"of":"0","stage":"a"}'


@pytest.mark.parametrize(
    ("threads", "more", "expected"),
    [
        (4, {}, ["--threads", "4"]),
        (1, {"tells": "network"}, ["--network", "small"]),
        (1, {"inputs": lambda wildcards, input: ["x"]}, ["x"]),
        (1, {"cache": "kept"}, ["--cache", "kept", "--code", codebase.fingerprint("rank")]),
    ],
)
def test_other_options(threads, more, expected):
    assert command(files(InputFiles), files(OutputFiles), threads, **more)[3:] == expected


def test_code_depends_on_the_networks_that_are_built():
    plain, built = (
        commands.params("attribute", "scripts", builds=builds)["code"](WILDCARDS)
        for builds in (lambda w: [], lambda w: ["srresnet"])
    )
    assert plain != built
