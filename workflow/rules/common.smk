import json
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# the workflow's own modules and the library are found from any working directory
HOME = Path(workflow.basedir).parent
sys.path[:0] = [str(HOME / "workflow"), str(HOME / "scripts")]

import configuration
from codebase import code
from faig.errors import InputError
from faig.sources import folder_files
from sections import Sections

# two config files would be merged key by key, so the default is read only where none is given
if not workflow.configfiles:

    configfile: HOME / "config/config.yaml"


try:
    config = configuration.load(config)
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None

RUN = f"results/{config['run']}"
SCRIPTS = os.path.relpath(HOME / "scripts")
ENVIRONMENT = str(HOME / "envs/run.yaml")
section = Sections(config)
# two jobs side by side use the cores better than one job on all of them: small convolutions
# scale badly, and every job starts on one thread
THREADS = max(1, (workflow.resource_settings.cores or 2) // 2)

NETWORKS = list(config["networks"])
METHODS = list(config["attribution"]["methods"])
RANKINGS = [*METHODS, "matched_random"]
TESTS = config["data"]["test"]
STAGES = ["baseline", "target"]


wildcard_constraints:
    dataset=r"\w+",
    network=r"\w+",
    seed=r"\d+",
    stage="|".join(STAGES),
    method=r"\w+",


def names(pattern):
    """A regular expression for some names, or for none at all."""
    return "|".join(pattern) or "(?!)"


def network_code(script):
    """Input function: all files that a script runs when it builds the wildcard's network."""
    return lambda wildcards: code(
        script, config["networks"][wildcards.network]["architecture"]
    )


def per_seed(pattern, **more):
    """Expand a pattern over networks and seeds."""
    return expand(pattern, network=NETWORKS, seed=config["seeds"], **more)


MODEL = f"{RUN}/models/{{network}}/seed{{seed}}"
PAIR = {stage: f"{MODEL}/{stage}.safetensors" for stage in STAGES}
