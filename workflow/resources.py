"""What the jobs of each rule ask a cluster for: time and memory, from the sizes in the config.

The estimates are generous, for a slow GPU and for networks as large as the paper's: who asks for
too much waits a little longer. A job that runs out of either is tried again with more, and a
training goes on from its checkpoint. All jobs of one rule ask for the same, because SLURM gives the
jobs of an array what the first of them asks for.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from faig.evaluation.faithfulness import PROPORTIONS

CPUS = 4  # of a job that computes
MINUTES = 5  # to start Python, torch and the GPU from a busy shared file system, and to write
MEGABYTES = 6000  # of torch with a GPU, and of one large image

# LR pixels through the paper's networks, forward and backward, in a minute; a step of training
# takes as long as STEP pixels, however small its batch
PIXELS_ON_GPU, PIXELS_ON_CPU = 15e6, 1.5e6
STEP = 5000
FORWARD = 1 / 3  # of the cost of forward and backward
FILTERS = 160_000  # of the paper's networks

# images of a folder or an archive are taken to be as many and as large as DIV2K's
TRAINING_IMAGES, OTHER_IMAGES = 800, 100
LARGE = 2040 * 1356  # pixels

TWO_BRANCH = 12  # times the cost of the paper's networks; DAN's four loops of 40 blocks
VARIANTS = 3  # the two-branch network and its two controls

NODES = {"nodes": 8, "quadrature": "gauss-legendre"}  # where a method's parameters say nothing
STEPS_TIMED = 500  # in one repetition of the benchmark of training
ADAPTIVE = 8  # times the first number of nodes


class Request(NamedTuple):
    """What a job needs beyond its start.

    Attributes:
        pixels: of LR images, through a network forward and backward, or work that takes as long.
        megabytes: held in memory all at once.
    """

    pixels: float
    megabytes: float = 0


class Requests:
    """The requests of one checked config (`faig_workflow.config.load`), by rule."""

    def __init__(self, config: Mapping):
        self.config = config
        self.area = config["scale"] ** 2  # HR pixels per LR pixel

    def resources(self, rule: str) -> dict[str, Callable]:
        """A rule's runtime (minutes) and mem_mb for Snakemake, which grow with every attempt."""
        request = getattr(self, rule)()
        speed = PIXELS_ON_CPU if self.config["device"] == "cpu" else PIXELS_ON_GPU
        return {
            "runtime": _growing(MINUTES + request.pixels / speed),
            "mem_mb": _growing(MEGABYTES + request.megabytes),
        }

    def synthesize(self) -> Request:
        """The largest dataset in all degradations, on the CPU."""
        pixels = max(self._pixels(name) for name in self.config["datasets"])
        return Request(pixels * len(self.config["degradations"]))

    def train_baseline(self) -> Request:
        """The schedule, the validations, and the training images in memory."""
        return self._training("baseline")

    def train_target(self) -> Request:
        """As the baseline."""
        return self._training("target")

    def attribute(self) -> Request:
        """The method with the most nodes."""
        methods = self.config["attribution"]["methods"].values()
        nodes = max(self._nodes(parameters or {}) for parameters in methods)
        images = self._pixels(self.config["data"]["attribution"]) / self.area
        return Request(images * len(self._ranked) * nodes)

    def check_health(self) -> Request:
        """Some crops on the line between target and baseline."""
        own = self.config["health"]
        passes = own["points"] * FORWARD + 1.5 * own["nodes"]  # and half the nodes
        pixels = own["crops"] * own["crop"] ** 2 / self.area
        return Request(pixels * (len(self._ranked) + 1) * passes)

    def train_two_branch(self) -> Request:
        """The schedule and the validations, of two patches of each scene at most."""
        own = self._two_branch
        images = self._pixels(self.config["data"]["validation"]) / self.area
        validations = self.config["training"]["validations"] * images * len(own["sigmas"]) * FORWARD
        steps = 2 * self._steps(own["iterations"])
        return Request(TWO_BRANCH * (steps + validations), self._training_megabytes)

    def evaluate_two_branch(self) -> Request:
        """Every variant on the test images at all sigmas; the two-branch one with three codes."""
        passes = (VARIANTS + 2) * len(self._two_branch["sigmas"]) / len(self.config["degradations"])
        return Request(TWO_BRANCH * passes * self._test_pixels)

    def probe_two_branch(self) -> Request:
        """The code of every crop that the filters are asked about."""
        return Request(TWO_BRANCH * self._crops * self._crop_area * FORWARD)

    def evaluate(self) -> Request:
        """Baseline and target on the test images."""
        return Request(2 * self._test_pixels)

    def mask(self) -> Request:
        """Every masked network, and the target, on the test images."""
        rankings = len(self.config["attribution"]["methods"]) + 1  # and matched_random
        masked = rankings * len(self._ranked) * len(self.config["masking"]["proportions"])
        return Request((masked + 1) * self._test_pixels)

    def measure_faithfulness(self) -> Request:
        """Every set of filters, the null's draws and single filters on the crops."""
        own, images = self.config["faithfulness"], self.config["data"]["test"]
        inputs = len(self._ranked) + 1
        crops = sum(map(self._images, images)) * own["crops_per_image"] * inputs
        rankings = len(self.config["attribution"]["methods"]) + 1  # and matched_random
        sets = 2 * len(self._ranked) * (rankings * len(PROPORTIONS) + own["draws"])
        area = own["crop"] ** 2 / self.area
        return Request((sets + 3 * own["filters"]) * crops * area * FORWARD)

    def retrain(self) -> Request:
        """A training and an evaluation for every choice of one method's filters."""
        own = self.config["retraining"]
        choices = len(self._ranked) * len(own["proportions"])
        each = self._steps(own["iterations"]) + self._test_pixels
        return Request(choices * each, self._training_megabytes)

    def predict(self) -> Request:
        """FAIG of every crop in every degradation by two references, all kept until the end."""
        scored = 2 * self._crops
        nodes = self._nodes(self.config["prediction"])
        return Request(scored * self._crop_area * nodes, scored * FILTERS * 4 / 1e6)  # float32

    def plot_grid(self) -> Request:
        """One test image through a handful of networks."""
        networks = 2 + len(self._ranked)
        return Request(networks * len(self.config["degradations"]) * LARGE / self.area * FORWARD)

    def measure_quadrature(self) -> Request:
        """All rules and numbers of nodes that are tried, at most in two precisions."""
        own = self.config["benchmark"]
        tried = 2 * (sum(map(sum, own["curve"].values())) + own["nodes"] + 100)
        evaluations = (own["reference_nodes"] + tried) * len(self._ranked)
        return Request(evaluations * max(STEP, math.prod(own["reference_size"])))

    def measure_attribution(self) -> Request:
        """Both protocols, repeated, on images of all sizes."""
        own = self.config["benchmark"]
        sizes = sorted(math.prod(size) for size in own["sizes"])
        pixels = sum(own["images"]) * max(STEP, sizes[0]) + sum(sizes[1:])
        evaluations = 2 * 100 * len(self._ranked) + 2 * own["nodes"] * len(self._ranked)
        return Request((own["repetitions"] + 2) * evaluations * pixels)

    def measure_training(self) -> Request:
        """Steps of three loops, repeated; the plain one may take several times as long as ours."""
        own = self.config["benchmark"]
        step = max(STEP, own["batch"] * own["patch"] ** 2 / self.area)
        return Request(own["repetitions"] * STEPS_TIMED * step)

    @property
    def _crops(self) -> int:
        """Crops of validation and test images that prediction looks at, in all degradations."""
        own, data = self.config["prediction"], self.config["data"]
        images = sum(self._images(name) for name in (data["validation"], *data["test"]))
        return images * own["crops_per_image"] * len(self.config["degradations"])

    @property
    def _crop_area(self) -> float:
        """LR pixels of a crop."""
        return self.config["prediction"]["crop"] ** 2 / self.area

    @property
    def _two_branch(self) -> dict:
        return self.config["two_branch"] or {"iterations": 0, "sigmas": []}

    @property
    def _ranked(self) -> list[str]:
        return self.config["attribution"]["degradations"]

    def _images(self, name: str) -> int:
        dataset = self.config["datasets"][name]
        if dataset["source"] == "packaged":
            return len(dataset["images"])
        return TRAINING_IMAGES if name == self.config["data"]["train"] else OTHER_IMAGES

    def _pixels(self, name: str) -> int:
        """HR pixels of a dataset."""
        crop = self.config["datasets"][name]["crop"]
        return self._images(name) * (min(LARGE, crop**2) if crop else LARGE)

    @property
    def _test_pixels(self) -> float:
        """One network on all test images in all degradations."""
        images = sum(self._pixels(name) for name in self.config["data"]["test"]) / self.area
        return images * len(self.config["degradations"]) * FORWARD

    @property
    def _training_megabytes(self) -> float:
        """HR and degraded training images, 8-bit RGB."""
        copies = 1 + len(self.config["degradations"]) / self.area
        return self._pixels(self.config["data"]["train"]) * 3 * copies / 1e6

    def _steps(self, iterations: int) -> float:
        own = self.config["training"]
        return iterations * max(STEP, own["batch"] * own["patch"] ** 2 / self.area)

    def _training(self, stage: str) -> Request:
        own = self.config["training"]
        images = self._pixels(self.config["data"]["validation"]) / self.area
        validations = own["validations"] * images * len(self.config["degradations"]) * FORWARD
        return Request(
            self._steps(own[stage]["iterations"]) + validations, self._training_megabytes
        )

    def _nodes(self, parameters: Mapping) -> int:
        own = {**NODES, **parameters}
        return own["nodes"] * (ADAPTIVE if own["quadrature"] == "adaptive" else 1)


def _growing(amount: float) -> Callable:
    """A resource that is asked for once at the first attempt, twice at the second, …"""
    return lambda wildcards, attempt: math.ceil(amount) * attempt
