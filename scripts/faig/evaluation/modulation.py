"""Modulation: a degradation's top filters at strengths from baseline to target, and beyond.

At strength 0 they have the baseline's weights, at 1 the target's; all other weights are the
target's. That is masking (Xie et al. 2021, section 4.2) by degrees.
"""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from ..attribution.gates import Gates
from ..attribution.pair import Pair
from ..attribution.ranking import selection
from .bench import Crops
from .faithfulness import decibels


def modulated(
    pair: Pair, ranking: pd.DataFrame, degradation: str, strength: float, proportion: float
) -> dict[str, Tensor]:
    """The target with a degradation's top filters at a strength.

    Args:
        ranking: columns filter, degradation, rank.
        strength: 0 is the baseline, 1 the target.
        proportion: of the filters, in (0, 1]. At 1 biases and all other parameters go with the
            filters, so that strength 0 is exactly the baseline; else they are the target's.

    Returns:
        Weights by name; buffers are the target's.

    Raises:
        InputError: the ranking knows no such degradation.
    """
    selected = torch.as_tensor(selection(ranking, degradation, proportion))
    if selected.all():
        gates = Gates(pair, others=True)
        return gates.state(torch.full((len(gates),), strength, device=pair.compute.device))
    gates = Gates(pair)
    return gates.state(gates.modulation(selected.to(pair.compute.device), strength))


def modulate(
    pair: Pair,
    rankings: Mapping[str, pd.DataFrame],
    crops: Crops,
    strengths: Sequence[float],
    proportion: float,
) -> pd.DataFrame:
    """What the strength of each degradation's top filters does to every input.

    Args:
        rankings: by method.
        strengths: see `modulated`.
        proportion: of the filters.

    Returns:
        A row per method, degradation, strength and row of the crops with input_degradation,
        dataset, image, and psnr, psnr_baseline, psnr_target (dB, RGB).
    """
    ends = {
        f"psnr_{stage}": decibels(crops.losses(pair, state))
        for stage, state in (("baseline", pair.start), ("target", pair.target))
    }
    tables = []
    for method, ranking in rankings.items():
        for degradation in ranking["degradation"].unique():
            facts = {"method": method, "degradation": degradation}
            for strength in strengths:
                values = ends["psnr_target"]
                if strength != 1:
                    state = modulated(pair, ranking, degradation, strength, proportion)
                    values = decibels(crops.losses(pair, state))
                row = {**facts, "strength": float(strength), "psnr": values, **ends}
                tables.append(crops.rows.assign(**row))
    return pd.concat(tables, ignore_index=True)
