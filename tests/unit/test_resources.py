"""What jobs ask a cluster for grows with what they have to do."""

import pytest
from faig_workflow import config as configuration
from resources import Requests
from test_sections import COMPARISON, DEFAULT
from toys import changed

RULES = [name for name in vars(Requests) if name[0] != "_" and name != "resources"]
MEASURING = {"measure_quadrature", "measure_attribution", "measure_training"}
# a key, a larger value, and the rules that have more to do or to hold in memory
GROWTH = {
    "training.baseline.iterations": (10**6, {"train_baseline"}),
    "training.target.iterations": (10**6, {"train_target"}),
    "training.batch": (10**4, {"train_baseline", "train_target", "retrain"}),
    "training.validations": (10**4, {"train_baseline", "train_target"}),
    "retraining.iterations": (10**6, {"retrain"}),
    "retraining.proportions": ([i / 1000 for i in range(1, 900)], {"retrain"}),
    "masking.proportions": ([i / 1000 for i in range(1, 900)], {"mask"}),
    "attribution.methods.faig.nodes": (500, {"attribute"}),
    "faithfulness": ({"filters": 10**6}, {"measure_faithfulness"}),
    "health": ({"nodes": 1000, "crops": 10**4}, {"check_health"}),
    "prediction.nodes": (200, {"predict"}),
    "prediction.crops_per_image": (10**3, {"predict", "probe_two_branch"}),
    "two_branch": (
        {**COMPARISON, "iterations": 10**6},
        {"train_two_branch", "evaluate_two_branch"},
    ),
    "benchmark": ({"reference_nodes": 10**5, "repetitions": 99}, MEASURING),
    "datasets.photos_attribution.crop": (None, {"attribute"}),
    "datasets.photos_test.crop": (None, {"mask"}),
}


def asked(config: dict, attempt: int = 1) -> dict[str, dict[str, int]]:
    """Resources by rule."""
    requests = Requests(configuration.load(config))
    return {
        rule: {name: ask({}, attempt) for name, ask in requests.resources(rule).items()}
        for rule in RULES
    }


@pytest.mark.parametrize("key", GROWTH)
def test_what_grows_with_a_key(key):
    value, expected = GROWTH[key]
    before, after = asked(DEFAULT), asked(changed(DEFAULT, key, value))
    assert {rule for rule in RULES if after[rule] != before[rule]} == expected
    for rule in expected:
        assert all(after[rule][name] >= before[rule][name] for name in ("runtime", "mem_mb"))


def test_every_attempt_asks_for_more():
    once, thrice = asked(DEFAULT), asked(DEFAULT, attempt=3)
    assert thrice == {rule: {k: 3 * v for k, v in own.items()} for rule, own in once.items()}


def large() -> dict:
    """The paper's scale: 1,000,000 iterations on DIV2K."""
    mirror = {"path": "DIV2K.zip", "checksum": "md5:" + "0" * 32}
    archive = {"source": "archive", "mirrors": [mirror]}
    config = changed(DEFAULT, "training.patch", 64)
    config = changed(config, "training.baseline.iterations", 1_000_000)
    return changed(config, "datasets.photos_train", archive)


def test_the_papers_training_takes_less_than_a_day():
    own = asked(large())["train_baseline"]
    assert 6 * 60 < own["runtime"] < 24 * 60
    assert 10_000 < own["mem_mb"] < 32_000


def test_a_cpu_takes_longer():
    slow, fast = asked(changed(large(), "device", "cpu")), asked(large())
    assert slow["train_baseline"]["runtime"] > 5 * fast["train_baseline"]["runtime"]
    assert slow["train_baseline"]["mem_mb"] == fast["train_baseline"]["mem_mb"]
