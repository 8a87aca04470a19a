"""The bench: what every ranking's top filters carry, measured on crops of unseen photographs.

Deletion and insertion at all `faithfulness.PROPORTIONS`, the same for random filters of the same
layers (the nulls), and the exact effect of deleting single filters. See `faithfulness` for terms.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..attribution.gates import Gates
from ..attribution.pair import Pair
from ..attribution.ranking import DECILES, TOP, change_deciles, selection, shuffle_within
from ..base.device import Compute
from ..base.progress import progress
from ..data.crops import Crop, few_crops, spread_crops
from ..data.store import ImageStore
from ..networks.cost import peak_gflops
from .faithfulness import DELETION, INSERTION, LIKE_NULL, NULL, NULLS, PROPORTIONS

PEAK_SIDES = (1024, 2048)  # of the matrices whose products measure the machine's peak
AT_ONCE = 32  # crops that go through a network together, for the sake of memory


@dataclass(frozen=True)
class Crops:
    """Equally large crops under several degradations, on the device.

    Attributes:
        rows: facts of each crop under each degradation: input_degradation, dataset, image.
        inputs: LR, float32 in [0, 1], (len(rows), 3, h, w).
        references: HR, float32 in [0, 1], (len(rows), 3, scale h, scale w).
    """

    rows: pd.DataFrame
    inputs: Tensor
    references: Tensor

    @classmethod
    def read(
        cls,
        stores: Sequence[tuple[ImageStore, Sequence[Crop]]],
        degradations: Sequence[str],
        pair: Pair,
    ) -> "Crops":
        """Cut the crops of all stores out of their images, degradation by degradation."""
        cuts = [(store, crop) for store, crops in stores for crop in crops]
        references = [crop.of(store.hr(crop.image), store.scale) for store, crop in cuts]
        rows, inputs = [], []
        for name in degradations:
            for store, crop in cuts:
                facts = {"dataset": store.path.stem, "image": str(crop)}
                rows.append({"input_degradation": name, **facts})
                inputs.append(crop.of(store.lr(name, crop.image)))
        images = (torch.stack(pixels) for pixels in (inputs, references * len(degradations)))
        return cls(pd.DataFrame(rows), *map(pair.compute.images, images))

    @classmethod
    def spread(
        cls,
        stores: Sequence[ImageStore],
        degradations: Sequence[str],
        pair: Pair,
        *,
        crop: int,
        crops_per_image: int,
    ) -> "Crops":
        """Crops of one size, evenly spread over the images of all stores.

        Args:
            crop: side in HR pixels, or that of the smallest image.
            crops_per_image: at most.
        """
        side = min(crop // stores[0].scale, *map(smallest_side, stores))
        cuts = [(store, spread_crops(store, side, crops_per_image)) for store in stores]
        return cls.read(cuts, degradations, pair)

    @classmethod
    def few(
        cls, store: ImageStore, degradations: Sequence[str], pair: Pair, *, crop: int, crops: int
    ) -> "Crops":
        """At most so many crops of one size, evenly spread over the images of a store.

        Args:
            crop: side in HR pixels, or that of the smallest image.
        """
        side = min(crop // store.scale, smallest_side(store))
        return cls.read([(store, few_crops(store, side, crops))], degradations, pair)

    @torch.inference_mode()
    def losses(self, pair: Pair, state: Mapping[str, Tensor]) -> np.ndarray:
        """Mean squared error of every row's output, values in [0, 1]: (len(rows),)."""
        parts = []
        for inputs, references in zip(
            self.inputs.split(AT_ONCE), self.references.split(AT_ONCE), strict=True
        ):
            with pair.compute.autocast():
                output = torch.func.functional_call(pair.network, dict(state), (inputs,))
            parts.append((output.float() - references).square().mean(dim=(1, 2, 3)))
        return torch.cat(parts).cpu().numpy()


class Bench:
    """Losses of masked networks on one set of crops; no mask is evaluated twice.

    Args:
        pair: baseline and target.
        crops: on the pair's device.
    """

    def __init__(self, pair: Pair, crops: Crops):
        self.pair, self.crops = pair, crops
        self._gates = Gates(pair, others=True)  # biases go with the network that is changed
        self.baseline = crops.losses(pair, pair.start)
        self.target = crops.losses(pair, pair.target)
        self._known: dict[tuple[str, bytes], np.ndarray] = {}

    @property
    def evaluations(self) -> int:
        """Crops that went through a network."""
        return (2 + len(self._known)) * len(self.crops.rows)

    def losses(self, direction: str, selected: np.ndarray) -> np.ndarray:
        """Loss of every row with the selected filters deleted from the target, or inserted into
        the baseline; biases are those of the network that is changed.
        """
        key = direction, np.packbits(selected).tobytes()
        if key not in self._known:
            filters = torch.as_tensor(selected, device=self.pair.compute.device)
            deletion = direction == DELETION
            gates = (self._gates.deletion if deletion else self._gates.insertion)(filters)
            self._known[key] = self.crops.losses(self.pair, self._gates.state(gates))
        return self._known[key]

    def table(self, direction: str, selected: np.ndarray, **facts) -> pd.DataFrame:
        """The rows of one set of filters: facts, those of `Crops.rows`, loss and both ends'."""
        return self.crops.rows.assign(
            **facts,
            direction=direction,
            loss=self.losses(direction, selected),
            loss_baseline=self.baseline,
            loss_target=self.target,
        )

    def curves(self, rankings: Mapping[str, pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Deletion and insertion of every ranking's top filters, a table per set.

        Args:
            rankings: by method, tables with the columns filter, degradation, rank.
        """
        for method, ranking in rankings.items():
            for degradation in ranking["degradation"].unique():
                for proportion in PROPORTIONS:
                    selected = selection(ranking, degradation, proportion)
                    facts = {"method": method, "degradation": degradation, "draw": 0}
                    for direction in (DELETION, INSERTION):
                        yield self.table(direction, selected, proportion=proportion, **facts)

    def nulls(
        self, ranking: pd.DataFrame, draws: int, rng: np.random.Generator
    ) -> Iterator[pd.DataFrame]:
        """Deletion and insertion of random filters, of each group as many as in the top 1 %.

        Groups are the layers, and the filters of a layer that changed alike.
        """
        layers, change = self.pair.index.layer_numbers, self.pair.size_of_change.cpu().numpy()
        groups = {NULL: layers, LIKE_NULL: change_deciles(layers, change)}
        generators = (rng, *rng.spawn(1))  # what is drawn later from `rng` depends on one null
        for (null, group_numbers), generator in zip(groups.items(), generators, strict=True):
            for degradation in ranking["degradation"].unique():
                selected = selection(ranking, degradation, TOP)
                facts = {"method": null, "degradation": degradation, "proportion": TOP}
                for draw in range(draws):
                    shuffled = selected[shuffle_within(group_numbers, generator)]
                    for direction in (DELETION, INSERTION):
                        yield self.table(direction, shuffled, draw=draw, **facts)

    def effects(self, filters: Sequence[int]) -> Iterator[pd.DataFrame]:
        """Deletion of single filters: their exact effect is loss - loss_target."""
        for number in filters:
            selected = np.zeros(len(self.pair.index), bool)
            selected[number] = True
            yield self.table(DELETION, selected, filter=number)


def stratified_sample(pair: Pair, count: int, rng: np.random.Generator) -> np.ndarray:
    """Filters from every layer and every decile of the change of weights inside it.

    Args:
        count: about how many; at least one of each layer, at most all.

    Returns:
        Filter numbers, ascending.
    """
    index, change = pair.index, pair.size_of_change.cpu().numpy()
    chosen = []
    for layer in range(len(index.layers)):
        members = np.flatnonzero(index.layer_numbers == layer)
        wanted = min(len(members), max(1, round(count * len(members) / len(index))))
        ordered = members[np.argsort(change[members], kind="stable")]
        strata = np.array_split(ordered, min(DECILES, wanted))
        shares = np.array_split(np.arange(wanted), len(strata))
        for stratum, share in zip(strata, shares, strict=True):
            chosen.append(rng.choice(stratum, size=min(len(share), len(stratum)), replace=False))
    return np.sort(np.concatenate(chosen))


def smallest_side(store: ImageStore) -> int:
    """The smallest height or width of a store's images, in LR pixels."""
    extents = store.extents()
    sides = (extents[store.hr_key(image)] for image in store.names)
    return min(min(extent.height, extent.width) for extent in sides) // store.scale


def bench(
    pair: Pair,
    rankings: Mapping[str, pd.DataFrame],
    stores: Sequence[ImageStore],
    degradations: Sequence[str],
    *,
    crop: int,
    crops_per_image: int,
    draws: int,
    filters: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure all rankings of one network.

    Args:
        rankings: by method; nulls take as many filters of each layer, and of its filters that
            changed alike, as `faig` does, or the first method if there is no `faig`.
        stores: test images.
        degradations: of the input: the ranked ones and the clean one.
        crop: side in HR pixels, or that of the smallest image, so that all crops are of one size.
        draws: of each null.
        filters: about how many are deleted one by one. Their effects are small, and are measured
            in float32 whatever the pair's precision.

    Returns:
        Losses by set of filters, with the columns of `league.Measured`; losses without single
        filters, with the columns filter, input_degradation, dataset, image, loss, loss_target.
    """
    crops = Crops.spread(stores, degradations, pair, crop=crop, crops_per_image=crops_per_image)
    measured, started = Bench(pair, crops), time.monotonic()
    null = rankings.get("faig", next(iter(rankings.values())))
    jobs = chain(measured.curves(rankings), measured.nulls(null, draws, rng))
    kinds = sum(table["degradation"].nunique() for table in rankings.values())
    total = 2 * (kinds * len(PROPORTIONS) + len(NULLS) * null["degradation"].nunique() * draws)
    sets = list(progress(jobs, "sets of filters", total, "set"))
    exact = replace(pair, compute=Compute(pair.compute.device, torch.float32))
    single, sample = Bench(exact, crops), stratified_sample(pair, filters, rng)
    effects = list(progress(single.effects(sample), "single filters", len(sample), "filter"))
    count, seconds = measured.evaluations + single.evaluations, time.monotonic() - started
    print(f"{count} crops through a network, {speed(pair, crops, count / seconds)}")
    return pd.concat(sets, ignore_index=True), pd.concat(effects, ignore_index=True)


def speed(pair: Pair, crops: Crops, rate: float) -> str:
    """How fast crops go through the network, beside what the machine could do, in words.

    Args:
        rate: crops per second.
    """
    with FlopCounterMode(display=False) as counter:
        crops.losses(pair, pair.target)
    reached = rate * counter.get_total_flops() / len(crops.rows) / 1e9
    peak = peak_gflops(pair.compute, PEAK_SIDES)
    return (
        f"{rate:.0f} per second: {reached:.1f} GFLOP/s, {reached / peak:.0%} of the "
        f"{peak:.0f} of the fastest matrix product"
    )
