"""Small images, stores and networks that the tests share."""

import copy

import numpy as np
import pandas as pd
import torch
from faig.attribution.examples import Example
from faig.attribution.filters import FilterIndex
from faig.attribution.pair import Pair
from faig.attribution.ranking import ranks
from faig.base.device import Compute
from faig.data.batch import Batch
from faig.data.batches import PatchSampler
from faig.data.degradations import Degradation, build_degradations
from faig.data.pixels import to_float, to_uint8
from faig.data.store import ImageStore, ImageWriter
from torch import nn

CPU = Compute(torch.device("cpu"), torch.float32)
BICUBIC = [{"op": "downsample"}]
BLUR = [{"op": "gaussian_blur", "size": 21, "sigma": 2.0}, *BICUBIC]
NOISE = [{"op": "downsample"}, {"op": "gaussian_noise", "sigma": 0.1}]
OPERATORS = {"bicubic": BICUBIC, "noise": NOISE}
RANKED = ["blur", "noise"]
UNITS = ["kernel", "channel", "head", "layer"]
FEATURES = 8  # of the planted pairs


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture of random waves, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width, :1][:2]
    frequency, phase = rng.uniform(0.1, 0.9, (2, 3)), rng.uniform(0, 6, 3)
    waves = np.sin(frequency[0] * y + phase) + np.sin(frequency[1] * x - phase)
    return np.round((waves + 2) / 4 * 255).astype(np.uint8)


def noise_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Independent pixels, uint8 (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_store(path, hr: dict, lr: dict, scale: int = 2) -> ImageStore:
    """A store of HR and LR images given as arrays, `lr` by degradation and image."""
    stored = {
        image: {f"hr/{image}": pixels, **{f"lr/{name}/{image}": lr[name][image] for name in lr}}
        for image, pixels in hr.items()
    }
    with ImageWriter.open(path, {"scale": scale}, shapes_of(stored), {}, "") as writer:
        for image, pixels in stored.items():
            writer.write(image, pixels)
    return ImageStore(path)


def shapes_of(stored: dict) -> dict:
    """Heights and widths of arrays by image and key."""
    return {image: {k: a.shape[:2] for k, a in own.items()} for image, own in stored.items()}


def degraded_store(
    path, hr: dict, operators: dict, scale: int = 2, deterministic=False
) -> ImageStore:
    """A store of HR images and what lists of operators make of them."""
    lr = {}
    for name, specs in operators.items():
        degradation, generator = Degradation(specs, scale), torch.Generator().manual_seed(1)
        lr[name] = {}
        for image, pixels in hr.items():
            images = to_float(torch.from_numpy(pixels).permute(2, 0, 1)[None])
            if deterministic:
                result = degradation.apply_deterministic(images)
            else:
                result = degradation(images, generator)
            lr[name][image] = to_uint8(result)[0].permute(1, 2, 0).numpy()
    return write_store(path, hr, lr, scale)


class SmoothNetwork(nn.Module):
    """Two convolutions with a smooth activation, times `scale`."""

    def __init__(self, scale: int = 2, features: int = 4):
        super().__init__()
        self.first = nn.Conv2d(3, features, 3, padding=1)
        self.last = nn.Conv2d(features, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x):
        return self.shuffle(self.last(torch.tanh(self.first(x))))


class PartlyUsedNetwork(SmoothNetwork):
    """Has a layer that its output does not depend on, as published networks do."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Conv2d(2, 2, 3)


def same(one: dict, other: dict) -> bool:
    """Whether weights are equal bit by bit."""
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def substituted(state: dict, other: dict, index: FilterIndex, selected: np.ndarray) -> dict:
    """A state with the selected units of another one."""
    mixed = {n: torch.where(m, other[n], state[n]) for n, m in index.masks(selected).items()}
    return {**state, **mixed}


def random_state(network: nn.Module, seed: int, size: float = 0.2) -> dict[str, torch.Tensor]:
    """Random weights for a network."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: size * torch.randn(value.shape, generator=generator)
        for name, value in network.state_dict().items()
    }


def random_pair(network: nn.Module, **units: str) -> Pair:
    """A network with unrelated baseline and target weights."""
    return Pair.of(network, random_state(network, 1), random_state(network, 2), CPU, **units)


def ordered_ranking(pair) -> pd.DataFrame:
    """The first filters are best for blur, the last for noise."""
    score = np.arange(len(pair.index), dtype=float)
    parts = [
        pd.DataFrame({**pair.index.columns(), "score": own, "rank": ranks(own)}).assign(
            degradation=name
        )
        for name, own in {"blur": -score, "noise": score}.items()
    ]
    return pd.concat(parts, ignore_index=True)


def example(name: str = "a", inputs=("blur", "noise"), side: int = 8, scale: int = 2) -> Example:
    """Random pixels for every role; the same for the same name."""
    generator = torch.Generator().manual_seed(sum(name.encode()))

    def draw(n):
        return torch.randint(256, (1, 3, n, n), generator=generator, dtype=torch.uint8)

    reference, clean = draw(scale * side), draw(side)
    return Example(name, reference, clean, {degradation: draw(side) for degradation in inputs})


def training_store(path) -> ImageStore:
    """Two images to train on, plain and to be made noisy."""
    images = {"a": photo(24, 32, 1), "b": photo(20, 24, 2)}
    return degraded_store(path, images, OPERATORS, deterministic=True)


def make_sampler(store, cls=PatchSampler, operators=OPERATORS, **more) -> PatchSampler:
    """Batches of four small patches, or as `more` says."""
    options = {"patch": 16, "batch": 4, "seed": 0, "compute": CPU, **more}
    return cls(store, build_degradations(operators, 2), **options)


class Killed(Exception):
    """In place of SIGKILL."""


class Interrupted(PatchSampler):
    """Stops the training at its tenth batch, or that numbered `end`, as a kill would."""

    end = 9

    def batches(self, first, last):
        for number, batch in enumerate(super().batches(first, last), first):
            if number == self.end:
                raise Killed
            yield batch


def make_batch(sampler: PatchSampler, number: int) -> Batch:
    """The batch with this number."""
    return next(sampler.batches(number, number + 1))


def changed(config: dict, key: str, value: object) -> dict:
    """A copy of a config with the value of one dotted key replaced."""
    config = copy.deepcopy(config)
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    section[last] = value
    return config


def trained(network, crops, inputs, steps: int, rate: float) -> dict:
    """The network's weights after some steps on these inputs."""
    optimizer = torch.optim.Adam(network.parameters(), rate)
    images = [CPU.images(torch.cat([crop.inputs[name] for crop in crops])) for name in inputs]
    reference = CPU.images(torch.cat([crop.reference for crop in crops]))
    for _ in range(steps):
        optimizer.zero_grad()
        sum((network(image) - reference).square().sum() for image in images).backward()
        optimizer.step()
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def permuted(state: dict, order: list[int]) -> dict:
    """The same function, its hidden channels in another order."""
    return {
        "first.weight": state["first.weight"][order],
        "first.bias": state["first.bias"][order],
        "last.weight": state["last.weight"][:, order],
        "last.bias": state["last.bias"],
    }


def twinned(state: dict, apart: float) -> dict:
    """The same function, each hidden channel cut in two whose outputs cancel but for the old one.

    Args:
        apart: what one half has too much, and the other too little.
    """
    last = state["last.weight"] / 2
    return {
        "first.weight": torch.cat(2 * [state["first.weight"]]),
        "first.bias": torch.cat(2 * [state["first.bias"]]),
        "last.weight": torch.cat([last + apart, last - apart], dim=1),
        "last.bias": state["last.bias"],
    }
