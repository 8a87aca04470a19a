"""What attribution methods take and give: images with their degraded versions, and scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..data.store import ImageStore


@dataclass(frozen=True)
class Example:
    """One image and its degraded versions.

    Attributes:
        name: the image's.
        reference: what the output is compared with, uint8 (1, 3, scale H, scale W).
        clean: the LR image as the baseline was trained on, uint8 (1, 3, H, W).
        inputs: per degradation the LR image, uint8 (1, 3, H, W); their order is that of the
            scores' rows.
    """

    name: str
    reference: Tensor
    clean: Tensor
    inputs: Mapping[str, Tensor]


@dataclass(frozen=True)
class ImageScores:
    """What a method says about one image.

    Attributes:
        name: the image's.
        scores: float32 (degradations, filters); of signed methods negative where a filter hinders.
        completeness: relative error of the completeness identity per degradation, float
            (degradations,); None for methods that have no such identity.
        nodes: quadrature nodes that were used; None for methods that need none.
        gains: L(baseline) - L(target) per degradation, float (degradations,); None for methods
            whose scores are no part of a gain.
        passes: forward and backward passes through the network, of each degradation.
        signed: the scores of `signed` from the same passes, (degradations, filters); of `faig`.
    """

    name: str
    scores: Tensor
    completeness: np.ndarray | None = None
    nodes: int | None = None
    gains: np.ndarray | None = None
    passes: float = 0.0
    signed: Tensor | None = None


def read_examples(
    store: ImageStore,
    degradations: Sequence[str],
    clean: str,
    images: Sequence[str] | None = None,
) -> Iterator[Example]:
    """The images of a dataset one by one, with the ground truth as reference.

    Args:
        clean: name of the degradation that the baseline was trained on.
        images: names of those that are read, all if not given.
    """
    for image in store.names if images is None else images:
        inputs = {name: store.lr(name, image)[None] for name in degradations}
        yield Example(image, store.hr(image)[None], store.lr(clean, image)[None], inputs)
