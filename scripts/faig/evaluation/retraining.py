"""Re-training: what the chosen filters alone learn, starting from the baseline."""

import copy
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from torch import nn

from ..attribution.filters import FilterIndex
from ..base.device import Compute
from ..data.batches import PatchSampler
from ..data.store import ImageStore
from ..training.checkpoint import Checkpoint
from ..training.loop import train
from ..training.schedule import Schedule
from ..training.validation import evaluate
from .ablation import Choice


def retrain(
    baseline: nn.Module,
    chosen: Iterable[tuple[Choice, Checkpoint]],
    sampler: PatchSampler,
    schedule: Schedule,
    tests: Mapping[str, ImageStore],
    degradations: Sequence[str],
    compute: Compute,
    **units: str,
) -> pd.DataFrame:
    """Train each choice of filters from the baseline, on the same batches; measure the result.

    Args:
        baseline: the network with the baseline's weights, which stay as they are.
        chosen: which filters to train, and where to save and go on from.
        tests: by name of the dataset.
        degradations: of the test images.
        units: what is chosen, see `FilterIndex.of`.

    Returns:
        Columns of the choice, part, dataset, input_degradation, image, psnr (dB).
    """
    rows = []
    # one after another: several networks in one step, stacked by `torch.func.vmap` on shared
    # batches, took 1.1 to 1.4 times as long per network on CPUs
    for choice, checkpoint in chosen:
        network = copy.deepcopy(baseline)
        with checkpoint:
            state, _ = train(
                network,
                sampler,
                schedule,
                compute,
                trainable=FilterIndex.of(network, **units).masks(choice.selected),
                checkpoint=checkpoint,
                label=choice.label,
            )
        for dataset, store in tests.items():
            measured = evaluate(network.eval(), store, degradations, compute, state)
            facts = {**choice.columns, "part": choice.part, "dataset": dataset}
            rows += [{**facts, **row} for row in measured]
    return pd.DataFrame(rows)
