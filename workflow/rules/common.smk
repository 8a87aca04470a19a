import json
import os
import shlex
import sys
from functools import partial
from itertools import product
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import IOFile
from snakemake.logging import logger
from snakemake.utils import update_config

# the workflow's own modules and the library are found from any working directory, and from a
# workflow of someone else's that uses this one as a module
HOME = Path(workflow.current_basedir).parent.parent
sys.path[:0] = [str(HOME / "workflow"), str(HOME / "scripts")]
# no module of another workflow, whose the command line, the folder and the terminal are then
ALONE = HOME == Path(workflow.basedir).parent

from faig.base.errors import DiskFull, InputError
from faig.base.provenance import canonical_json, checksum
from faig.data.sources import folder_files
from faig.run import manifest
from faig_workflow import (
    codebase,
    commands,
    display,
    gpus,
    guard,
    interrupt,
    packages,
    photographs,
)
from faig_workflow import config as configuration
from faig_workflow.config import stages
from faig_workflow.config import transplant as transplants
from faig_workflow.resources import CPUS, TIMES_TWO_BRANCH, Requests
from faig_workflow.sections import Sections

# two config files would be merged key by key, so the default is read only where none is given
if not workflow.configfiles:

    configfile: HOME / "config/config.yaml"


try:
    for path in workflow.configfiles:
        if Path(path).suffix != ".json":  # which Snakemake reads by another parser
            configuration.read_strictly(Path(path))
    if ALONE:
        told = workflow.config_settings.config  # by `--config`
        update_config(config, {k: configuration.typed(v) for k, v in told.items()})
    config = configuration.load(config)
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None

RUN = f"results/{config['run']}"
CHECKSUMS = f"{RUN}/checksums.json"
# trainings of all runs: one that shares data and training with another does not train again.
# Snakemake's own cache forbids `benchmark:`, and would hand on a damaged file to every run
CACHE = "results/cache"
SCRIPTS = os.path.relpath(HOME / "scripts")
section = Sections(config)
request = Requests(config)

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

# stages that the config asks for; rules of others are not there
ASKED = stages.asked(config)

TWO_BRANCH = config["two_branch"] or {"networks": {}, "settings": {}}
SYSTEMS, SETTINGS = list(TWO_BRANCH["networks"]), list(TWO_BRANCH["settings"])
# the two-branch network itself, and the one-branch networks of equal cost
VARIANTS = ["two_branch", "equal_parameters", "equal_operations"]


def names(pattern):
    """A regular expression for some names, or for none at all."""
    return "|".join(pattern) or "(?!)"


CONSTRAINTS = {
    "dataset": r"\w+",
    "network": names(NETWORKS),
    "seed": r"\d+",
    "stage": names(STAGES),
    "method": r"\w+",
    "system": names(SYSTEMS),
    "setting": names(SETTINGS),
    "variant": names(VARIANTS),
}


wildcard_constraints:
    **CONSTRAINTS,


PER_PAIR = "{network}/seed{seed}"
MODEL = f"<run>/models/{PER_PAIR}"
COMPARED = "<comparison>/{setting}/{system}/seed{seed}"


# `per` names a job's log below `logs/<rule>`; a step that is not of a pair says its own
pathvars:
    run=RUN,
    per="{network}.{seed}",
    train=f"data/{config['data']['train']}.h5",
    validation=f"data/{config['data']['validation']}.h5",
    attribution=f"data/{config['data']['attribution']}.h5",
    choosing=f"data/{config['data']['validation'] or config['data']['attribution']}.h5",
    model=MODEL,
    ablation=f"<run>/ablation/{PER_PAIR}",
    faithfulness=f"<run>/faithfulness/{PER_PAIR}",
    rankings=f"<run>/ranking/{PER_PAIR}",
    stability=f"<run>/stability/{PER_PAIR}",
    benchmark="<run>/benchmark",
    comparison="<run>/two_branch",
    compared=COMPARED,


# a step: `use rule step from compute as …` on a GPU or a cluster's node, `… from local as …` here
module compute:
    snakefile:
        "template.smk"
    config:
        {
            "constraints": CONSTRAINTS,
            "local": False,
            "threads": THREADS,
            "resources": request.small(),
        }


module local:
    snakefile:
        "template.smk"
    config:
        {"constraints": CONSTRAINTS, "local": True, "threads": 1, "resources": {}}


# operators of the user's own, which are imported by name at run time
OPERATORS = sorted(
    {
        operator["op"]
        for lists in (config["degradations"], TWO_BRANCH["settings"])
        for operators in lists.values()
        for operator in operators
        if ":" in operator["op"]
    }
)


def step(script, cfg=None, builds=lambda wildcards: (), **more):
    """Params of a step, see `commands.params`."""
    runs = OPERATORS if codebase.degrades(script) else []
    return commands.params(
        script, SCRIPTS, cfg, lambda wildcards: [*builds(wildcards), *runs], **more
    )


def training(stage):
    """Params of a stage of training."""
    cfg = partial(section.training, stage=stage)
    return step("train", cfg, its_network, cache=CACHE)


def its_network(wildcards):
    """Architecture of the network that the step builds."""
    return [config["networks"][wildcards.network]["architecture"]]


def its_method(wildcards):
    """The network that an attribution builds, and its method where that is the user's own."""
    method = config["attribution"]["methods"][wildcards.method] or {}
    return [*its_network(wildcards), *filter(None, [method.get("function")])]


def compared_networks(wildcards):
    """Architectures of a two-branch network and of its controls, which are SRResNets."""
    return [TWO_BRANCH["networks"][wildcards.system]["architecture"], "srresnet"]


def stored(folder, datasets):
    """Files of some datasets, each once."""
    return expand(f"{folder}/data/{{dataset}}.h5", dataset=dict.fromkeys(datasets))


FIRST_MODEL = f"<run>/models/{{network}}/seed{SEEDS[0]}"
SHARED = config["baseline_seed"] == "shared"
# targets of different baselines share no filter that could be compared
AGREED = (
    ["<run>/stability/{network}/seeds.parquet"] if SHARED and len(SEEDS) > 1 else []
)
# where a seed's weights lie, by stage
MODELS = {"baseline": FIRST_MODEL if SHARED else MODEL, "target": MODEL}
PAIR = {stage: f"{folder}/{stage}.safetensors" for stage, folder in MODELS.items()}
# what is trained from the baseline alone lies beside it
NULL = f"{MODELS['baseline']}/null.safetensors"
WITH_NULL = {"null": NULL} if config["stability"]["null_target"] else {}

# networks whose filters are put into others
DONORS = list(dict.fromkeys(donor for donor, _ in transplants.pairs(config)))


def receivers(wildcards):
    """Weights that take a network's filters, see `config.transplant`."""
    next_seed = SEEDS[(SEEDS.index(int(wildcards.seed)) + 1) % len(SEEDS)]
    special = {
        transplants.NULL: (NULL, wildcards.network, wildcards.seed),
        transplants.SEEDS: (PAIR["target"], wildcards.network, next_seed),
    }
    found = []
    for name in transplants.receivers(config, wildcards.network):
        path, network, seed = special.get(name, (PAIR["target"], name, wildcards.seed))
        found.append(path.format(network=network, seed=seed))
    return found


def baselines_of_receivers(wildcards):
    """What each of these was fine-tuned from."""
    return [
        PAIR["baseline"].format(
            network=name if name in NETWORKS else wildcards.network, seed=wildcards.seed
        )
        for name in transplants.receivers(config, wildcards.network)
    ]


TRAINING_DATA = stages.used_for_training(config)
TEST_DATA = stored("<run>", TESTS)
FIRST_PAIR = {stage: f"{FIRST_MODEL}/{stage}.safetensors" for stage in STAGES}
# what is measured on demand: cost of attribution at the nodes that are exact enough, and speed
MEASURED = [
    *["quadrature", "attribution"] * ("exactness" in ASKED),
    *["training"] * ("speed" in ASKED),
]
# the strength as Python writes a number; so is the wildcard
EXPORTED = (
    "<run>/export/{network}/{method}.{degradation}.{strength:.6g}.{format}".format(
        **config["export"]
    )
)
SPEC = "<comparison>/networks/{system}/{variant}.json"
ALL_RANKINGS = expand(
    "<rankings>/{method}.parquet", method=RANKINGS, allow_missing=True
)


def require_made(message, word, *outputs):
    """Complain about a source of the user's own that is not there, unless all was made of it.

    Where an output is there, and the command that made it had the same word for this source, somebody
    moved it away since: as an input that is missing, Snakemake leaves the output as it is. It would do
    so for any error, too, where the config named another source then: what is no `Exception` ends it.
    """
    there = [path for path in outputs if os.path.exists(path)]
    if not there:
        raise WorkflowError(message)
    for path in there:
        noted = workflow.persistence.metadata(IOFile(path))
        if noted and word not in shlex.split(noted.shellcmd or ""):
            sys.exit(f"error: {message}")


# stages whose weights the user gives, by network; all others are trained
GIVEN = {
    (name, stage): network[stage]
    for name, network in config["networks"].items()
    for stage in STAGES
    if network[stage]
}


def aligned(wildcards):
    """Whether these weights are put in the order of the target's hidden channels."""
    return (
        wildcards.stage == "baseline" and config["networks"][wildcards.network]["align"]
    )


def checkpoint_path(wildcards, stage):
    """The file that a network's weights are taken from."""
    network, seed = wildcards.network, wildcards.seed
    if (network, stage) not in GIVEN:
        return []
    given = GIVEN[network, stage]
    try:
        path = str(packages.given_file(given))
        if os.path.exists(path):
            return path
        message = f"no such file: {path}"
    except InputError as error:
        path, message = given["file"], error
    made = f"{RUN}/models/{network}/seed{seed}/{stage}.safetensors"
    require_made(f"networks.{network}.{stage}: {message}", path, made)
    return path


def given_checkpoint(wildcards):
    """The file that these weights are taken from."""
    return checkpoint_path(wildcards, wildcards.stage)


def given_numbers(wildcards):
    """What lies beside a checkpoint of ncnn and belongs to it."""
    path = Path(given_checkpoint(wildcards) or "")
    return [str(path.with_suffix(".bin"))] if path.suffix == ".param" else []


def target_checkpoint(wildcards):
    """The file of the target whose order a baseline's channels are put in."""
    return checkpoint_path(wildcards, "target") if aligned(wildcards) else []


def trained(stage):
    """Networks of which this stage is trained."""
    return names(stages.trained(config, stage))


# where the released code searches for filters, by architecture of the network
RELEASED = {
    "srresnet": "analysis/tools/srresnet/faig.py",
    "srcnn": "analysis/tools/srcnn_style/faig.py",
}


def released(wildcards):
    """The user's checkout of it, if the config names one and it knows the network."""
    checkout = config["benchmark"]["released"]
    (architecture,) = its_network(wildcards)
    if not checkout or architecture not in RELEASED:
        return []
    path = Path(checkout, RELEASED[architecture])
    if not path.is_file():
        raise WorkflowError(
            f"benchmark.released: no such file: {path}; expected a checkout of the released code: "
            "git clone https://github.com/TencentARC/FAIG"
        )
    return str(path)
