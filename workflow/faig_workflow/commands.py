"""The command of a step, made of the files that its rule names.

A rule's inputs and outputs have the names of its script's options; an output without a name is the
script's `--output`.
"""

import inspect
import shlex
from collections.abc import Callable, Iterable, Mapping

from faig.base.provenance import canonical_json

from . import codebase


def words(files, others: str | None = None) -> list[str]:
    """`--name path ...` for each file or list of files with a name.

    Args:
        files: a job's `input` or `output`, as Snakemake hands it to functions.
        others: name of those without one, which are left out otherwise.
    """
    named = {
        name: [value] if isinstance(value, str) else list(value) for name, value in files.items()
    }
    with_a_name = {path for paths in named.values() for path in paths}
    if others:
        named[others] = [path for path in files if path not in with_a_name]
    found = []
    for name, paths in named.items():
        if paths:
            found += [f"--{name.replace('_', '-')}", *paths]
    return found


def given(function: Callable, wildcards) -> object:
    """Call a function whose parameters, but for those with a default, are named like wildcards."""
    parameters = inspect.signature(function).parameters.values()
    return function(**{p.name: wildcards[p.name] for p in parameters if p.default is p.empty})


def params(
    script: str,
    folder: str,
    cfg: Callable[..., Mapping] | None = None,
    builds: Callable[[Mapping], Iterable[str]] = lambda wildcards: (),
    inputs: Callable = lambda wildcards, input: words(input),
    tells: str | None = None,
    cache: str | None = None,
) -> dict[str, Callable]:
    """Params of a rule that runs a script.

    Snakemake runs a job again if a param has changed: an edit of the code changes `code`, an edit
    of what the step takes from the config `cfg`. The paths in `command` must not: Snakemake
    compares no param of a function that takes `input`.

    Args:
        script: its name, without folder and suffix.
        folder: where it lies, from the working directory.
        cfg: function of wildcards: the step's part of the config, see `sections`.
        builds: function of the wildcards: what the script imports by name, see
            `codebase.source_files`.
        inputs: function of wildcards and input: options that name the inputs, if not `words`.
        tells: a wildcard that the script takes as an option.
        cache: folder of results that runs share, for a script that takes `--cache` and `--code`.
    """

    def code(wildcards):
        return codebase.fingerprint(script, *builds(wildcards))

    def section(wildcards):
        return canonical_json(given(cfg, wildcards))

    def command(wildcards, input, output, threads):
        # in place of the shell, which a scheduler's SIGTERM would end at once: Snakemake would take
        # the job for ended, and the scheduler kill a script that is still saving its work
        found = ["exec", "python", f"{folder}/{script}.py"]
        if cfg:
            found += ["--config", section(wildcards)]
        if threads > 1:
            found += ["--threads", str(threads)]
        if tells:
            found += [f"--{tells}", wildcards[tells]]
        if cache:
            found += ["--cache", cache, "--code", code(wildcards)]
        return shlex.join([*found, *inputs(wildcards, input), *words(output, "output")])

    return {"command": command, "code": code} | ({"cfg": section} if cfg else {})
