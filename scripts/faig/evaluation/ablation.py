"""Ablations: what happens without the chosen filters, and what they alone can learn."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..attribution.gates import Gates
from ..attribution.pair import Pair
from ..attribution.ranking import selection
from ..base.metrics import gradient_mse, psnr, psnr_y
from ..data.store import ImageStore
from ..networks.restoring import restore


@dataclass(frozen=True)
class Choice:
    """A set of filters and how it was chosen.

    Attributes:
        method: name of the ranking.
        degradation: the one whose filters they are.
        proportion: of all filters, in (0, 1].
        selected: boolean (filters,).
        part: `chosen` for these, `rest` for all others.
    """

    method: str
    degradation: str
    proportion: float
    selected: np.ndarray
    part: str = "chosen"

    @property
    def label(self) -> str:
        """The choice in one word."""
        words = f"{self.method}.{self.degradation}.{self.proportion}"
        return words if self.part == "chosen" else f"{words}.{self.part}"

    @property
    def rest(self) -> "Choice":
        """All filters but these."""
        return replace(self, selected=~self.selected, part="rest")

    @property
    def columns(self) -> dict:
        """The choice as columns of a table."""
        return {
            "method": self.method,
            "degradation": self.degradation,
            "proportion": self.proportion,
        }


def choices(rankings: Mapping[str, pd.DataFrame], proportions: Iterable[float]) -> list[Choice]:
    """The top filters of every ranking, for every degradation and proportion.

    Args:
        rankings: by method, tables with the columns filter, degradation, rank.
    """
    proportions = list(proportions)
    return [
        Choice(method, degradation, proportion, selection(table, degradation, proportion))
        for method, table in rankings.items()
        for degradation in table["degradation"].unique()
        for proportion in proportions
    ]


def mask(pair: Pair, choice: Choice) -> dict[str, Tensor]:
    """The target's weights with the chosen filters of the baseline (the paper's section 4.2).

    Biases are those of the target.
    """
    selected = torch.as_tensor(choice.selected, device=pair.compute.device)
    gates = Gates(pair)
    return gates.state(gates.deletion(selected))


def measure_masking(
    pair: Pair,
    masked: Iterable[tuple[Choice, Mapping[str, Tensor]]],
    store: ImageStore,
    image: str,
    degradations: Iterable[str],
    channel: str = "grey",
) -> Iterator[dict]:
    """Effect of masking on one image (the paper's figures 4 and 5).

    Args:
        masked: choices with their `mask`ed weights.
        degradations: of the input.
        channel: of the gradient map, see `metrics.gradient_map`.

    Yields:
        Rows with the columns of a choice, input_degradation, image, psnr and psnr_target (dB, RGB,
        `scale` border pixels left out), psnr_y and psnr_y_target (of luminance), gradient_mse
        (between masked and target output, x 1000).
    """
    masked = list(masked)
    border = store.scale
    reference = pair.compute.images(store.hr(image)[None])
    for degradation in degradations:
        pixels = store.lr(degradation, image)[None]
        whole = restore(pair.network, pixels, pair.compute, pair.target)
        ends = {
            "psnr_target": psnr(whole, reference, border).item(),
            "psnr_y_target": psnr_y(whole, reference, border).item(),
        }
        for choice, state in masked:
            output = restore(pair.network, pixels, pair.compute, state)
            yield {
                **choice.columns,
                "input_degradation": degradation,
                "image": image,
                "psnr": psnr(output, reference, border).item(),
                "psnr_y": psnr_y(output, reference, border).item(),
                **ends,
                "gradient_mse": gradient_mse(output, whole, channel).item(),
            }
