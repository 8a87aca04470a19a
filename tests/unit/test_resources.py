"""What jobs ask a cluster for."""

import pytest
from faig_workflow import config as configuration
from faig_workflow.resources import START, Requests
from test_sections import DEFAULT
from toys import changed

CLASSES = {
    "small": lambda requests: requests.small(),
    "large": lambda requests: requests.large(),
    "training": lambda requests: requests.training(1_000_000),
}


def asked(name: str, attempt: int = 1, **changes) -> dict[str, int]:
    """Minutes, megabytes and GPUs of a class, under a changed config."""
    config = DEFAULT
    for key, value in changes.items():
        config = changed(config, key.replace("__", "."), value)
    request = CLASSES[name](Requests(configuration.load(config)))
    return {key: ask({}, attempt) if callable(ask) else ask for key, ask in request.items()}


@pytest.mark.parametrize("name", CLASSES)
def test_every_attempt_asks_for_more_time_and_memory(name):
    once, thrice = asked(name), asked(name, attempt=3)
    assert thrice == {"runtime": 3 * once["runtime"], "mem_mb": 3 * once["mem_mb"], "gpu": 1}


def test_the_papers_training_takes_less_than_a_day():
    assert 6 * 60 < asked("training", training__patch=64)["runtime"] < 24 * 60


@pytest.mark.parametrize(("key", "value"), [("training__batch", 10**4), ("training__scale", 3.0)])
def test_a_longer_training_asks_for_more_time(key, value):
    assert asked("training", **{key: value})["runtime"] > asked("training")["runtime"]
    assert asked("small", **{key: value}) == asked("small")


def test_a_network_that_costs_more_asks_for_as_much_more_time():
    requests = Requests(configuration.load(DEFAULT))
    once, often = (requests.training(10**6, n)["runtime"]({}, 1) - START for n in (1, 24))
    assert often == pytest.approx(24 * once, rel=0.01)


def test_training_on_the_cpu_takes_longer():
    slow, fast = asked("training", device="cpu"), asked("training")
    assert slow["runtime"] > 5 * fast["runtime"]
    assert slow["mem_mb"] == fast["mem_mb"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_run_on_the_cpu_asks_for_no_gpu(name):
    assert asked(name, device="cpu")["gpu"] == 0
