import json
import os
import shlex
import sys
from itertools import product
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import IOFile
from snakemake.logging import logger

# the workflow's own modules and the library are found from any working directory, and from a
# workflow of someone else's that uses this one as a module
HOME = Path(workflow.current_basedir).parent.parent
sys.path[:0] = [str(HOME / "workflow"), str(HOME / "scripts")]

import display
import gpus
import guard
import interrupt
import photographs
from codebase import fingerprint
from faig.base.errors import DiskFull, InputError
from faig.base.provenance import checksum
from faig.data.sources import folder_files
from faig.run import manifest
from faig_workflow import config as configuration
from resources import CPUS, Requests
from sections import Sections

# two config files would be merged key by key, so the default is read only where none is given
if not workflow.configfiles:

    configfile: HOME / "config/config.yaml"


try:
    for path in workflow.configfiles:
        if Path(path).suffix != ".json":  # which Snakemake reads by another parser
            configuration.read_strictly(Path(path))
    config = configuration.load(config)
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None

# folder and terminal are another workflow's where that uses this one as a module
MAIN = workflow.is_main_process and HOME == Path(workflow.basedir).parent
RUNS = MAIN and not workflow.output_settings.dryrun


# the folder's lock, as long as this process lives
LOCKS = []


def start_of_run():
    """Take the folder and the terminal, when jobs are about to be planned."""
    try:
        LOCKS.append(guard.hold(Path.cwd()))
    except (guard.AlreadyRunning, guard.Unusable) as error:
        raise WorkflowError(str(error)) from None
    interrupt.install()
    if not (workflow.output_settings.quiet or workflow.output_settings.verbose):
        display.install(logger)


# `onstart:` would be too late: Snakemake looks for a lock that a killed process left before it
if RUNS:
    display.when_started(logger, start_of_run)

RUN = f"results/{config['run']}"
CHECKSUMS = f"{RUN}/checksums.json"
# trainings of all runs: one that shares data and training with another does not train again.
# Snakemake's own cache forbids `benchmark:`, and would hand on a damaged file to every run
CACHE = "results/cache"
SCRIPTS = os.path.relpath(HOME / "scripts")
ENVIRONMENT = str(HOME / "envs/run.yaml")
section = Sections(config)
request = Requests(config)
GPU = int(config["device"] != "cpu")  # what a job that computes asks for

# on a cluster the scheduler hands out GPUs, and each job has cores of its own
ON_CLUSTER = workflow.remote_exec or bool(workflow.resource_settings.nodes)
LOCAL = workflow.is_main_process and not ON_CLUSTER
limits = workflow.global_resources
# Snakemake limits what it is told a total of
if LOCAL and not workflow.output_settings.dryrun and "gpu" not in limits:
    if found := gpus.total(config["device"]):
        workflow.register_resource("gpu", found)
GPUS = limits["gpu"].value if LOCAL and "gpu" in limits else 0

CORES = CPUS if ON_CLUSTER else workflow.resource_settings.cores or 2
# two jobs side by side use the cores better than one job on all of them: small convolutions
# scale badly, and every job starts on one thread; and all GPUs must find a job
THREADS = CORES if ON_CLUSTER else max(1, CORES // max(2, GPUS))

NETWORKS = list(config["networks"])
METHODS = list(config["attribution"]["methods"])
RANKINGS = [*METHODS, "matched_random"]
TESTS = config["data"]["test"]
SEEDS = config["seeds"]
STAGES = ["baseline", "target"]

TWO_BRANCH = config["two_branch"] or {"networks": {}, "settings": {}}
SYSTEMS, SETTINGS = list(TWO_BRANCH["networks"]), list(TWO_BRANCH["settings"])
# the two-branch network itself, and the one-branch networks of equal cost
VARIANTS = ["two_branch", "equal_parameters", "equal_operations"]
COMPARISON = f"{RUN}/two_branch"
SPEC = f"{COMPARISON}/networks/{{system}}/{{variant}}.json"
COMPARED = f"{COMPARISON}/{{setting}}/{{system}}/seed{{seed}}"


wildcard_constraints:
    dataset=r"\w+",
    network=r"\w+",
    seed=r"\d+",
    stage="|".join(STAGES),
    method=r"\w+",


def names(pattern):
    """A regular expression for some names, or for none at all."""
    return "|".join(pattern) or "(?!)"


def program(script, architectures=lambda wildcards: ()):
    """Path of a script, and fingerprint of the code that it runs: params of what runs it.

    An edit of the code changes the fingerprint, and that runs again what has it. The path must not:
    Snakemake compares no parameter of a function that takes `input`, so it may be another one,
    absolute or relative, where nothing else has changed.

    Args:
        script: its name, without folder and suffix.
        architectures: function of the wildcards: those of the networks that it builds.
    """
    return {
        "script": lambda wildcards, input: f"{SCRIPTS}/{script}.py",
        "code": lambda wildcards: fingerprint(script, *architectures(wildcards)),
    }


def network_program(script):
    """The same for a script that builds the wildcard's network."""
    return program(script, lambda w: [config["networks"][w.network]["architecture"]])


def compared_program(script):
    """The same for a script that builds a two-branch network and its controls."""
    # controls are SRResNets
    return program(
        script, lambda w: [TWO_BRANCH["networks"][w.system]["architecture"], "srresnet"]
    )


def per_seed(pattern, **more):
    """Expand a pattern over networks and seeds."""
    return expand(pattern, network=NETWORKS, seed=SEEDS, **more)


FAITHFULNESS = f"{RUN}/faithfulness/{{network}}/seed{{seed}}"
MODEL = f"{RUN}/models/{{network}}/seed{{seed}}"
PAIR = {stage: f"{MODEL}/{stage}.safetensors" for stage in STAGES}


# what says that no photograph is in two datasets. It stops the report and stands beside the first
# training, not before it: as an input of trainings, other test images would train a network again
COMPARED_PHOTOGRAPHS = f"{RUN}/data/disjoint.json"
TRAINING_DATA = [config["data"]["train"], config["data"]["validation"]]


def dataset_files(wildcards):
    """Image files that a dataset is made of, where they are the user's own."""
    dataset = config["datasets"][wildcards.dataset]
    if dataset["source"] != "folder":
        return []
    try:
        return [str(path) for path in folder_files(dataset["path"]).values()]
    except InputError as error:
        raise WorkflowError(f"datasets.{wildcards.dataset}.path: {error}") from None


def dataset_digest(wildcards):
    """What tells a photograph replaced by another, even by one with an older date."""
    try:
        return photographs.digest(dataset_files(wildcards))
    except InputError as error:
        raise WorkflowError(f"datasets.{wildcards.dataset}: {error}") from None


def archive_folder(dataset):
    """Where an archive's images lie: for other mirrors, in another run, somewhere else."""
    return f"results/archives/{dataset}-{checksum(section.download(dataset))[:8]}"


# input functions, unlike those of parameters, are called before the first job
def dataset_archive(wildcards):
    """The folder that an archive is unpacked to; a bad folder of the user's own stops here."""
    if config["datasets"][wildcards.dataset]["source"] == "archive":
        return archive_folder(wildcards.dataset)
    dataset_files(wildcards)
    return []


def local_mirrors(wildcards):
    """None of them as an input: checksums tell what they hold. All missing, they stop here."""
    mirrors = config["datasets"][wildcards.dataset]["mirrors"]
    absent = [
        m["path"] for m in mirrors if "path" in m and not Path(m["path"]).exists()
    ]
    unpacked = Path(archive_folder(wildcards.dataset)).exists()
    if len(absent) == len(mirrors) and not unpacked:
        raise WorkflowError(
            f"datasets.{wildcards.dataset}.mirrors: no such file: {', '.join(absent)}"
        )
    return []


def dataset_folder(wildcards):
    """Option that tells the script where the images lie."""
    dataset = config["datasets"][wildcards.dataset]
    where = dataset_archive(wildcards) or dataset.get("path")
    # with an equals sign a name may begin with a hyphen
    return f"--folder={shlex.quote(where)}" if where else ""


def dataset_threads(wildcards):
    """Threads that degrade a dataset: all for the user's own, perhaps large; packaged are small."""
    return 1 if config["datasets"][wildcards.dataset]["source"] == "packaged" else CORES


# stages whose weights the user gives, by network; all others are trained
GIVEN = {
    (name, stage): network[stage]
    for name, network in config["networks"].items()
    for stage in STAGES
    if network[stage]
}


def trained(stage):
    """Networks of which this stage is trained."""
    return names(name for name in NETWORKS if (name, stage) not in GIVEN)


def labels(name, network):
    """How the report lists a figure or table."""
    return {"figure": name.replace("_", " "), "network": network}


def all_seeds(pattern):
    return expand(pattern, seed=SEEDS, allow_missing=True)


def first_seed(pattern):
    return expand(pattern, seed=SEEDS[0], allow_missing=True)


def table_options(input, networks, seeds=SEEDS):
    """Options that tell plot.py and make_table.py which table is what."""
    runs = list(product(networks, seeds))
    return " ".join(
        f"--table {name} {network} {seed} {shlex.quote(path)}"
        for name, paths in input.items()
        for (network, seed), path in zip(runs, paths, strict=True)
    )


def all_variants(pattern):
    return expand(pattern, variant=VARIANTS, allow_missing=True)


def comparison_tables(names):
    """Inputs of a figure or table of one setting, by the names that plot.py knows them by."""
    patterns = {
        "evaluated": f"{COMPARED}/evaluation.parquet",
        "probed": f"{COMPARED}/probe.parquet",
        **{variant: f"{COMPARED}/{variant}_history.parquet" for variant in VARIANTS},
    }
    own = {
        name: expand(patterns[name], system=SYSTEMS, seed=SEEDS, allow_missing=True)
        for name in names
        if name in patterns
    }
    return own | (
        {"predicted": per_seed(*PREDICTED.values())} if "predicted" in names else {}
    )


def comparison_options(input):
    """Options that tell plot.py and make_table.py which table is what."""
    networks = {"predicted": NETWORKS}
    return " ".join(
        table_options({name: paths}, networks.get(name, SYSTEMS))
        for name, paths in input.items()
    )


def two_branch_report(wildcards):
    """The report of the comparison, if the config asks for one."""
    if not SETTINGS:
        raise WorkflowError(
            "two_branch: the config has no section of that name; "
            "config/two-branch.yaml shows one, config/README.md explains it"
        )
    return rules.report_two_branch.output


# what a run that makes a report ends with, by the rule that makes it
SUMMARIES = {
    "report": ("tables/summary.txt", "report.html"),
    "report_two_branch": ("two_branch/summary.txt", "two_branch/report.html"),
}


def planned_reports():
    """Rules of the reports that this run makes."""
    return SUMMARIES.keys() & {job.rule.name for job in workflow.dag.jobs}


def planned_outputs():
    """All outputs of this run if it leads to a report; nothing if it has another target."""
    if not planned_reports():
        return set()
    return {str(path) for job in workflow.dag.jobs for path in job.output}


def print_summary():
    """Show the answer of the run, and where the rest of it lies."""
    for name in planned_reports():
        summary, report = (Path(RUN, path) for path in SUMMARIES[name])
        if summary.exists() and report.exists():
            print(summary.read_text(encoding="utf-8"))
            print(f"report: {report}")


def made_files():
    """Path, rule and modification time of all outputs that are there, as Snakemake noted them."""
    workflow.persistence.deactivate_cache()  # it lacks the job that ended last
    for folder in (RUN, "results/archives"):
        for path in map(str, Path(folder).rglob("*")):
            noted = workflow.persistence.metadata(IOFile(path))
            if noted and noted.endtime:
                yield path, noted.rule, noted.endtime


# files are read as soon as a run ends, or before the next one where it was killed: damage between
# two runs is never recorded as the truth
def record_checksums(needed=()):
    """Bring the checksums up to date with what was made."""
    verified = "verify" in {job.rule.name for job in workflow.dag.jobs}
    if verified and not Path(CHECKSUMS).exists():
        return  # what is verified must not be recorded just before
    try:
        manifest.record(Path(CHECKSUMS), made_files(), needed)
    except (DiskFull, OSError) as error:  # the results themselves are safe
        print(
            f"warning: {CHECKSUMS} is not up to date ({error}); the next run makes up for it"
        )
    except InputError as error:
        raise WorkflowError(str(error)) from None
