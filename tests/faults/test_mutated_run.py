"""What the check of the config accepts also runs to its end.

With other values: FAULT_SEED=5 pytest -s -m drill tests/faults/test_mutated_run.py
"""

import copy
import os
import random

import pytest
from faig_workflow import config as configuration
from mutations import leaves, mutated
from workflow.conftest import TINY, Workflow

SEED, TRIES = int(os.environ.get("FAULT_SEED", "2")), 6
# right for some keys, wrong for most, and quick to compute with
VALUES = [
    None, True, False, 0, 1, -1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 48, 0.0, 0.01, -0.1, 0.25, 0.5, 0.9,
    1.5, "left", "midpoint", "gauss-legendre", "bfloat16", "bilinear", "faig", ["blur"],
    ["noise", "blur"], ["faig"], [0.01, 0.5], [1], [[8, 8]], [],
]  # fmt: skip
# other images and other weights are other tests'; weights that a high rate has spoilt are refused
LEFT_OUT = {"run", "datasets", "data", "parameters", "learning_rate", "minimum_learning_rate"}


def changed(config: dict, draw: random.Random) -> tuple[dict, list[str]]:
    """A config that is accepted, with as many other values as that allows, and what they are."""
    # no section is left out as a whole
    paths = [path for path in leaves(config) if len(path) > 1 and not LEFT_OUT & set(path)]
    told = []
    draw.shuffle(paths)
    for path in paths:
        for value in draw.sample(VALUES, TRIES):
            try:
                found = mutated(config, path, value)
                configuration.load(copy.deepcopy(found))
            except (configuration.ConfigError, KeyError, IndexError, TypeError):
                continue
            config = found
            told.append(f"{'.'.join(map(str, path))}: {value!r}")
            break
    return config, told


@pytest.mark.drill
def test_whatever_the_check_accepts_runs_to_its_end(tmp_path):
    workflow = Workflow(tmp_path)
    workflow.config, told = changed(TINY, random.Random(SEED))
    print(f"seed {SEED}", *told, sep="\n")
    assert len(told) > 20
    workflow.run()
