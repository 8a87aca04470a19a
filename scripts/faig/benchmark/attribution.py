"""Benchmark: what an attribution costs, how near that is to the machine's peak, how exact it is.

Two engines run side by side on the same weights and images: `ours` (`attribution.faig`, one pass
for all degradations) and `released` (`released.Search`, the released code's protocol); beside
them, where there is a checkout of the released code, that code itself (`original.Original`).
"""

import inspect
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..attribution.examples import Example, ImageScores, read_examples
from ..attribution.methods import faig
from ..attribution.pair import Pair
from ..attribution.ranking import TOP, discriminative_scores, ranks, top
from ..base.device import Compute, has_bfloat16
from ..base.progress import progress
from ..data.store import ImageStore
from ..evaluation.prediction import overlap
from ..networks.building import build, network_class
from ..networks.cost import peak_gflops, timed
from .original import Original
from .released import STEPS, Search

RULE = "gauss-legendre"  # our engine's

Shape = tuple[int, int]  # height and width in LR pixels


class Load(NamedTuple):
    """Work that is measured: so many images of one shape."""

    shape: Shape
    images: int


@dataclass(frozen=True)
class Source:
    """Where weights and images come from: plain values, so that another process can have it.

    Attributes:
        network: arguments of `networks.build`.
        baseline, target: files of the weights.
        data: images (HDF5), of which the first is taken.
        degradations: whose filters are searched for.
        clean: the degradation that the baseline was trained on.
        device: see `device.choose_device`.
        released: file of the released code that searches for filters in such a network, or None.
    """

    network: Mapping
    baseline: Path
    target: Path
    data: Path
    degradations: Sequence[str]
    clean: str
    device: str = "auto"
    released: Path | None = None

    def pair(self, precision: str) -> Pair:
        """The weights, in a precision of `device.PRECISIONS`."""
        compute = Compute.choose(self.device, precision)
        return Pair.load(self.network, self.baseline, self.target, compute)

    def example(self, shape: Shape) -> Example:
        """The centre of the first image, which is repeated side by side where it is too small."""
        first = next(read_examples(ImageStore(self.data), self.degradations, self.clean))
        scale = first.reference.shape[-1] // first.clean.shape[-1]
        return Example(
            first.name,
            centre(first.reference, shape, scale),
            centre(first.clean, shape),
            {name: centre(pixels, shape) for name, pixels in first.inputs.items()},
        )

    def original(self) -> Original:
        """The released code itself, where there is a file of it."""
        make = network_class(self.network["architecture"])
        parameters = self.network.get("parameters") or {}
        settings = inspect.signature(make).bind(scale=self.network["scale"], **parameters)
        settings.apply_defaults()
        return Original(self.released, self.pair("float32"), make, settings.arguments)

    def precisions(self) -> list[str]:
        """See `fast_precisions`."""
        return fast_precisions(self.device)


def fast_precisions(device: str) -> list[str]:
    """Precisions that the hardware is fast in; for `device` see `device.choose_device`."""
    fast = has_bfloat16(Compute.choose(device).device)
    return ["float32", "bfloat16"] if fast else ["float32"]


def centre(pixels: Tensor, shape: Shape, scale: int = 1) -> Tensor:
    """The central part of an image, which is repeated side by side where it is too small.

    Args:
        pixels: (1, 3, scale H, scale W).
        shape: of the part, in LR pixels.
    """
    sides = [n // scale for n in pixels.shape[-2:]]
    repeats = [math.ceil(wanted / n) for wanted, n in zip(shape, sides, strict=True)]
    pixels = pixels.tile(1, 1, *repeats)
    y, x = (
        scale * ((n * k - wanted) // 2) for n, k, wanted in zip(sides, repeats, shape, strict=True)
    )
    return pixels[..., y : y + scale * shape[0], x : x + scale * shape[1]].contiguous()


# ---- the engines


class Ours:
    """Our engine: Gauss-Legendre, every weight of the path made once for all degradations.

    Attributes:
        evaluations: forward and backward passes; a forward pass alone, of which the completeness
            error takes two per degradation, counts a third.
        share: how much of them `run` does.
        begin: does what is done once for these images, whatever the share; or None.
    """

    name, rule, share, begin = "ours", RULE, 1.0, None

    def __init__(self, source: Source, precision: str, nodes: int):
        self.precision, self.nodes = precision, nodes
        self.pair = source.pair(precision)
        self.evaluations = (nodes + 2 / 3) * len(source.degradations)

    def run(self, examples: Sequence[Example], position: float) -> None:
        """Attribute some images."""
        self._scores(examples, self.nodes)

    def warm(self, examples: Sequence[Example]) -> None:
        """The same with one node, which takes as much memory."""
        self._scores(examples, 1)

    def _scores(self, examples: Sequence[Example], nodes: int) -> None:
        for _ in faig(self.pair, examples, quadrature=self.rule, nodes=nodes):
            pass


class Released:
    """The released protocol. All of its steps cost the same, so that only one is timed at once.

    The attributes are those of `Ours`.
    """

    name, rule, precision, nodes, share = "released", "left", "float32", STEPS, 1 / STEPS
    begin = None

    def __init__(self, source: Source):
        self.pair = source.pair(self.precision)
        self.build = partial(build, **source.network)
        self.evaluations = STEPS * len(source.degradations) ** 2

    def run(self, examples: Sequence[Example], position: float) -> None:
        """One step of every image for all searches, at a position in [0, 1) of the path."""
        for example in examples:
            inputs = {name: self._image(pixels) for name, pixels in example.inputs.items()}
            reference = self._image(example.reference)
            search = Search(self.build, self.pair.baseline, self.pair.target, inputs, reference)
            search.integrals([int(position * STEPS)])

    def warm(self, examples: Sequence[Example]) -> None:
        """One step."""
        self.run(examples, 0.0)

    def _image(self, pixels: Tensor) -> Tensor:
        return pixels.to(self.pair.compute.device).float() / 255


class Checkout:
    """The released code itself, of which a few steps from the target on are timed at once.

    The attributes are those of `Ours`.
    """

    name, rule, precision, nodes, steps = "original", "original", "float32", STEPS, 4
    share = steps / STEPS

    def __init__(self, source: Source):
        self.original = source.original()
        self.pair = self.original.pair
        kinds = len(source.degradations)
        self.evaluations = 2 * STEPS * kinds * (kinds - 1)

    def run(self, examples: Sequence[Example], position: float) -> None:
        """A few steps of every image for all searches."""
        self._scores(examples, self.steps)

    def begin(self, examples: Sequence[Example]) -> None:
        """No step: files are read, and scores made of nothing."""
        self._scores(examples, 0)

    def warm(self, examples: Sequence[Example]) -> None:
        """One step."""
        self._scores(examples, 1)

    def _scores(self, examples: Sequence[Example], steps: int) -> None:
        for example in examples:
            self.original.scores(example, steps)


Engine = Ours | Released | Checkout


def engine_makers(source: Source, nodes: int) -> list[Callable[[], Engine]]:
    """All engines that this machine is fast in, not yet made; the released protocol first."""
    ours = [partial(Ours, source, precision, nodes) for precision in source.precisions()]
    checkout = [partial(Checkout, source)] if source.released else []
    return [partial(Released, source), *ours, *checkout]


# ---- cost


def device_name(device: torch.device) -> str:
    """What a device is called in tables."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def seconds_per_image(
    engines: Sequence[Engine], examples: Sequence[Example], repetitions: int
) -> list[float]:
    """Median time of each engine, in seconds per image.

    The engines take turns, so that what else the machine does disturbs all alike. The released
    protocol's steps are timed at places spread evenly over the path, and scaled to all of them.
    """
    times = [[] for _ in engines]
    for engine in engines:
        engine.warm(examples[:1])
    for repetition in range(repetitions):
        position = (repetition + 0.5) / repetitions
        for engine, found in zip(engines, times, strict=True):
            found.append(_whole_seconds(engine, examples, position) / len(examples))
    return [float(np.median(found)) for found in times]


def _whole_seconds(engine: Engine, examples: Sequence[Example], position: float) -> float:
    """Time of all evaluations, by that of a share of them."""
    device = engine.pair.compute.device
    once = timed(partial(engine.begin, examples), device) if engine.begin else 0.0
    return once + (timed(partial(engine.run, examples, position), device) - once) / engine.share


def flop_per_pixel(pair: Pair) -> float:
    """Floating-point operations of one forward and backward pass per LR pixel.

    Two for each multiply-add of the convolutions, as torch counts them.
    """
    side = 32  # LR pixels
    image = torch.zeros(1, 3, side, side, device=pair.compute.device)
    with FlopCounterMode(display=False) as counter:
        output = pair.network(image)
        parameters = list(pair.network.parameters())
        torch.autograd.grad(output.sum(), parameters, materialize_grads=True)
    return counter.get_total_flops() / side**2


def peak_memory(make: Callable[[], Engine], source: Source, loads: Sequence[Load]) -> list[float]:
    """Peak memory of an engine for growing loads, in MB beyond what it has when loaded.

    Measured in a process of its own, which has done nothing else: allocated by torch on CUDA,
    resident elsewhere.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_peaks, make, source, loads, torch.get_num_threads()).result()


def _peaks(
    make: Callable[[], Engine], source: Source, loads: Sequence[Load], threads: int
) -> list[float]:
    torch.set_num_threads(threads)
    engine, found = make(), []
    device = engine.pair.compute.device
    before = _highest(device)
    for load in loads:
        engine.warm([source.example(load.shape)] * load.images)
        found.append(_highest(device) - before)
    return found


def _highest(device: torch.device) -> float:
    """The most memory that this process ever had, in MB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage counts the parent process in
        line = next(
            n for n in status.read_text(encoding="utf-8").splitlines() if n.startswith("VmHWM")
        )
        return int(line.split()[1]) * 1024 / 1e6
    import resource  # not on every system

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


# ---- exactness


def contrast(result: ImageScores) -> np.ndarray:
    """Discriminative scores of one image, (degradations, filters)."""
    return discriminative_scores(result.scores.double().cpu().numpy())


def agreement(found: np.ndarray, expected: np.ndarray) -> tuple[list[float], list[float]]:
    """How far two rankings agree.

    Args:
        found, expected: discriminative scores, (degradations, filters).

    Returns:
        Per degradation the overlap of the top filters, and Spearman's rank correlation.
    """
    from scipy.stats import spearmanr  # slow to import

    pairs = list(zip(found, expected, strict=True))
    overlaps = [overlap(top(ranks(one), TOP), top(ranks(two), TOP)) for one, two in pairs]
    return overlaps, [float(spearmanr(one, two).statistic) for one, two in pairs]


class Quadrature(NamedTuple):
    """A quadrature rule, its number of nodes, and a precision."""

    rule: str
    nodes: int
    precision: str


def quadratures(
    rules: Mapping[str, Sequence[int]], nodes: int, precisions: Sequence[str]
) -> list[Quadrature]:
    """Quadratures to try: all in float32, our engine's in every precision, the released one."""
    ours = [Quadrature(RULE, n, p) for p in precisions for n in {*rules.get(RULE, []), nodes}]
    others = [Quadrature(rule, n, "float32") for rule, numbers in rules.items() for n in numbers]
    return sorted({*ours, *others, Quadrature("left", STEPS, "float32")})


def quadrature_table(
    source: Source, shape: Shape, rules: Mapping[str, Sequence[int]], nodes: int, reference: int
) -> pd.DataFrame:
    """How exact every quadrature rule is on one image.

    Args:
        shape: of the image.
        rules: numbers of nodes to try per rule.
        nodes: our engine's.
        reference: nodes of the midpoint rule, in float32, that all are compared with.

    Returns:
        Rows with rule, nodes, precision, image_pixels (LR), degradation, overlap_top1,
        rank_correlation, completeness (relative error), seconds (per image), default (whether it
        is our engine's quadrature), the reference first. With the released code, its own (rule
        "original", which tells no completeness) last, and how far all agree with it:
        overlap_top1_original.
    """
    example, precisions = source.example(shape), source.precisions()
    pairs = {precision: source.pair(precision) for precision in precisions}
    order = [Quadrature("midpoint", reference, "float32"), *quadratures(rules, nodes, precisions)]
    results = []
    for quadrature in progress(order, "quadrature", len(order), "rule"):
        start = time.perf_counter()
        pair = pairs[quadrature.precision]
        rule = {"quadrature": quadrature.rule, "nodes": quadrature.nodes}
        (result,) = faig(pair, [example], **rule)
        seconds = time.perf_counter() - start
        results.append((quadrature, contrast(result), result.completeness, seconds))
    if source.released:
        results.append(original_result(source, example))
    expected, rows = results[0][1], []
    for quadrature, found, completeness, seconds in results:
        facts = zip(example.inputs, *agreement(found, expected), completeness, strict=True)
        rows += [(*quadrature, math.prod(shape), *row, seconds) for row in facts]
    columns = ["degradation", "overlap_top1", "rank_correlation", "completeness", "seconds"]
    table = pd.DataFrame(rows, columns=[*Quadrature._fields, "image_pixels", *columns])
    table = table.assign(default=(table["rule"] == RULE) & (table["nodes"] == nodes))
    if not source.released:
        return table
    original = results[-1][1]
    overlaps = [share for _, found, *_ in results for share in agreement(found, original)[0]]
    return table.assign(overlap_top1_original=overlaps)


def original_result(source: Source, example: Example) -> tuple:
    """What the released code finds: quadrature, scores, no completeness error, seconds."""
    original, start = source.original(), time.perf_counter()
    scores = original.scores(example, STEPS)
    seconds = time.perf_counter() - start
    unknown = np.full(len(scores), np.nan)
    return Quadrature(Checkout.rule, STEPS, Checkout.precision), scores, unknown, seconds


def exactness(quadrature: pd.DataFrame, engine: Engine) -> dict[str, float]:
    """What a quadrature table says about an engine: overlap_top1_*, rank_correlation."""
    keys = ["rule", "nodes", "precision"]
    rows = quadrature.set_index(keys).loc[[(engine.rule, engine.nodes, engine.precision)]]
    overlaps = zip(rows["degradation"], rows["overlap_top1"], strict=True)
    return {
        **{f"overlap_top1_{name}": value for name, value in overlaps},
        "rank_correlation": rows["rank_correlation"].mean(),
    }


# ---- both together


def attribution_table(
    source: Source,
    loads: Sequence[Load],
    quadrature: pd.DataFrame,
    *,
    nodes: int,
    repetitions: int,
    matrices: Sequence[int],
) -> pd.DataFrame:
    """What one image costs either engine, and how exact it is.

    Args:
        loads: growing.
        quadrature: see `quadrature_table`, with the same `nodes`.
        nodes: our engine's.
        repetitions: of every timing, of which the median is taken.
        matrices: sides of the matrices that the machine's peak is measured with.

    Returns:
        Rows with engine, precision, device, threads, nodes, filters, image_pixels (LR), images,
        seconds_per_image, evaluations_per_second, gflops, peak_gflops, memory_mb, ratio (the
        released protocol's seconds / these), overlap_top1_<degradation>, rank_correlation; with the
        released code, rows of it and ratio_original (its seconds / these).
    """
    makers = engine_makers(source, nodes)
    memories = [peak_memory(make, source, loads) for make in makers]
    engines = [make() for make in makers]
    flop, rows, peaks = flop_per_pixel(engines[0].pair), [], {}
    for k, load in enumerate(progress(loads, "timing", len(loads), "load")):
        examples = [source.example(load.shape)] * load.images
        times, pixels = seconds_per_image(engines, examples, repetitions), math.prod(load.shape)
        # between the timings, since the machine's speed may vary
        for engine in engines[1 : 1 + len(source.precisions())]:
            now = peak_gflops(engine.pair.compute, matrices)
            peaks[engine.precision] = max(now, peaks.get(engine.precision, 0))
        for engine, memory, seconds in zip(engines, memories, times, strict=True):
            rate = engine.evaluations / seconds
            costs = {
                "image_pixels": pixels,
                "images": load.images,
                "seconds_per_image": seconds,
                "evaluations_per_second": rate,
                "gflops": rate * flop * pixels / 1e9,
                "memory_mb": memory[k],
                "ratio": times[0] / seconds,
                **({"ratio_original": times[-1] / seconds} if source.released else {}),
            }
            rows.append({**describe(engine), **costs, **exactness(quadrature, engine)})
    table = pd.DataFrame(rows)
    return table.assign(peak_gflops=table["precision"].map(peaks))


def describe(engine: Engine) -> dict:
    """Columns that tell an engine and where it ran."""
    return {
        "engine": engine.name,
        "precision": engine.precision,
        "device": device_name(engine.pair.compute.device),
        "threads": torch.get_num_threads(),
        "nodes": engine.nodes,
        "filters": len(engine.pair.index),
    }
