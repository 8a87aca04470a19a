"""Transplant: the filters of one target put into another network of the same baseline.

The donor's *change*, its target minus the baseline both share, is added to the chosen filters of
the receiver: theta_receiver + m * (theta_donor - theta_baseline), with a gate m_j for every filter.
Adding changes of weights is task arithmetic (Ilharco et al. 2023, arXiv 2212.04089), here by
filters. A receiver that never learned a skill tells whether the filters carry it on their own; one
that has learned others, whether the skills live side by side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..attribution.gates import Gates
from ..attribution.pair import Pair
from ..attribution.ranking import selection, shuffle_within
from ..base.errors import InputError
from ..base.progress import progress
from .bench import Crops
from .faithfulness import RANDOM_FILTERS, TOP_FILTERS


def require_one_baseline(
    donor: Mapping[str, Tensor], receiver: Mapping[str, Tensor], names: tuple[str, str]
) -> None:
    """Refuse to put filters into a network that comes from elsewhere.

    Args:
        donor, receiver: weights by name of the baselines of both.
        names: of both networks, in the config.

    Raises:
        InputError: they differ, or are of different architectures.
    """
    keys = sorted(donor.keys() | receiver.keys())
    other = [key for key in keys if not _equal(donor.get(key), receiver.get(key))]
    if other:
        first, second = (f"networks.{name}.baseline" for name in names)
        raise InputError(
            f"{first} and {second} differ in {len(other)} of {len(keys)} tensors, the first being "
            f"'{other[0]}'; expected targets of one baseline: filters of another one have other "
            "places. Give both networks the same 'baseline', without 'align', or change "
            "transplant.donors or transplant.receivers"
        )


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and torch.equal(one.cpu(), other.cpu())


def grafted(pair: Pair, receiver: Mapping[str, Tensor]) -> Pair:
    """From the receiver, the pair's baseline in what follows, to it with the donor's whole change.

    Args:
        pair: the donor and the baseline of both.
        receiver: weights by name, on any device.

    Returns:
        A pair whose gates say which filters are transplanted; buffers are the receiver's.
    """
    weights = {name: value.to(pair.compute.device) for name, value in receiver.items()}
    trained = {name for name, _ in pair.network.named_parameters()}
    whole = {
        name: value - pair.change[name] if name in trained else value
        for name, value in weights.items()
    }
    return replace(pair, baseline=weights, target=whole)


def transplanted(graft: Pair, selected: np.ndarray) -> dict[str, Tensor]:
    """The receiver with the donor's change in some filters.

    Args:
        graft: see `grafted`.
        selected: boolean (filters,). With all of them go biases and all other parameters, which
            otherwise stay the receiver's.
    """
    if selected.all():
        return dict(graft.target)
    gates = Gates(graft, others=True)
    return gates.state(gates.insertion(torch.as_tensor(selected, device=graft.compute.device)))


def transplant(
    pair: Pair,
    receiver: Mapping[str, Tensor],
    rankings: Mapping[str, pd.DataFrame],
    crops: Crops,
    proportions: Sequence[float],
    draws: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """What a receiver gains and loses by each degradation's top filters of a donor.

    Args:
        pair: the donor and the baseline of both.
        receiver: weights by name.
        rankings: by method, of the donor's filters.
        crops: on which the loss is measured.
        proportions: of the filters.
        draws: of random filters, as many in each layer as the top ones.

    Returns:
        A row per set of filters and row of the crops with method, degradation, proportion, filters
        (`top` or `random`), draw, input_degradation, dataset, image, and loss, loss_receiver,
        loss_donor (mean squared errors of values in [0, 1]): with the filters, without them, and
        of the donor itself.
    """
    graft = grafted(pair, receiver)
    ends = {
        "loss_receiver": crops.losses(graft, graft.baseline),
        "loss_donor": crops.losses(pair, pair.target),
    }
    sets = list(_sets(pair, rankings, proportions, draws, rng))
    tables = [
        crops.rows.assign(**facts, loss=crops.losses(graft, transplanted(graft, selected)), **ends)
        for facts, selected in progress(sets, "sets of filters", len(sets), "set")
    ]
    return pd.concat(tables, ignore_index=True)


def _sets(
    pair: Pair,
    rankings: Mapping[str, pd.DataFrame],
    proportions: Sequence[float],
    draws: int,
    rng: np.random.Generator,
) -> Iterator[tuple[dict, np.ndarray]]:
    """Facts of a set of filters, and which they are."""
    for method, ranking in rankings.items():
        for degradation, proportion in product(ranking["degradation"].unique(), proportions):
            top = selection(ranking, degradation, proportion)
            facts = {"method": method, "degradation": degradation, "proportion": proportion}
            yield {**facts, "filters": TOP_FILTERS, "draw": 0}, top
            if top.all():  # then there are no others to take in their place
                continue
            for draw in range(draws):
                shuffled = top[shuffle_within(pair.index.layer_numbers, rng)]
                yield {**facts, "filters": RANDOM_FILTERS, "draw": draw}, shuffled
