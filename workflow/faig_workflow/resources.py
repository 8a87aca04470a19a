"""What jobs ask a cluster for: one of three classes, and for a training time by its length.

The classes are generous, for a slow GPU and networks as large as the paper's: who asks for too much
waits a little longer. A job that runs out of time or memory is tried again with more, and a
training goes on from its checkpoint. All jobs of one rule ask for the same, because SLURM gives the
jobs of an array what the first of them asks for.
"""

import math
from collections.abc import Callable, Mapping

CPUS = 4  # of a job that computes

# minutes and megabytes: of torch with a GPU on some images; and on whole datasets in all
# degradations, as many and as large images as in DIV2K
SMALL, LARGE = (120, 6000), (720, 32000)
TRAINING_MEGABYTES = 16000

# of training: LR pixels through the paper's networks, forward and backward, in a minute; a step
# takes as long as STEP pixels, however small its batch
START, PIXELS_ON_GPU, PIXELS_ON_CPU = 10, 15e6, 1.5e6
STEP = 5000
TIMES_TWO_BRANCH = 24  # the cost of the papers' networks: loops of many blocks, on two patches

Request = dict[str, Callable | int]


class Requests:
    """The requests of one checked config (`faig_workflow.config.load`), for `resources`."""

    def __init__(self, config: Mapping):
        self._config, self._on_cpu = config, config["device"] == "cpu"
        self.gpu = int(not self._on_cpu)  # what a job that computes asks for

    def small(self) -> Request:
        """Some images."""
        return self._request(*SMALL)

    def large(self) -> Request:
        """Whole datasets."""
        return self._request(*LARGE)

    def training(self, iterations: int, times: float = 1) -> Request:
        """A training of a length that the config gives, so many times as costly as usual."""
        settings = self._config["training"]
        pixels = max(STEP, settings["batch"] * settings["patch"] ** 2 / self._config["scale"] ** 2)
        minutes = pixels / (PIXELS_ON_CPU if self._on_cpu else PIXELS_ON_GPU)  # of one step
        length = START + times * iterations * settings["scale"] * minutes
        return self._request(length, TRAINING_MEGABYTES)

    def _request(self, minutes: float, megabytes: int) -> Request:
        return {"runtime": _growing(minutes), "mem_mb": _growing(megabytes), "gpu": self.gpu}


def _growing(amount: float) -> Callable:
    """A resource that is asked for once at the first attempt, twice at the second, …"""
    return lambda wildcards, attempt: math.ceil(amount) * attempt
