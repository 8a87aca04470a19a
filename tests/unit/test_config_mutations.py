"""Whatever is done to one leaf of a config: it is accepted, or refused in words."""

import random
from pathlib import Path

import yaml
from faig_workflow import config as configuration
from mutations import leaves, mutated

HOME = Path(__file__).parents[2]
TINY = yaml.safe_load((HOME / "tests/config/tiny.yaml").read_text(encoding="utf-8"))
SEED, MUTATIONS = 20240613, 600
VALUES = [
    None, True, False, 0, 1, -1, 2, 3, 16, 10**9, 2**63, 10**400, 0.0, 2.0, -0.1, 0.5, 1e300,
    float("nan"), float("inf"), float("-inf"), "", "x", "blur", "a\n", "\0", "{x}", "..x:Y", "1e-4",
    "é" * 300, [], [0], [None], [[1]], ["blur", "blur"], {}, {"op": "x"}, {"x": 1}, {1: 2},
    {None: 1},
    [{"op": "downsample"}], {"op": 3}, [{"op": None}], b"x", {1, 2}, yaml.safe_load("2020-01-01"),
]  # fmt: skip


def test_a_mutation_is_accepted_or_refused_but_never_a_traceback():
    print(f"seed {SEED}")
    draw = random.Random(SEED)
    paths, refused = list(leaves(TINY)), 0
    for _ in range(MUTATIONS):
        path, value = draw.choice(paths), draw.choice(VALUES)
        print(path, repr(value)[:60])
        try:
            configuration.load(mutated(TINY, path, value))
        except configuration.ConfigError:
            refused += 1
    assert MUTATIONS / 2 < refused < MUTATIONS
