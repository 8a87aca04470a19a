"""A first look at a pair, in seconds: do the weights fit, is there a gain, are they related?"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ..attribution.examples import Example
from ..attribution.pair import Pair
from ..base.metrics import psnr
from ..networks.restoring import restore

# correlation of a layer's weights below which target and baseline share little more than a shape:
# pairs fine-tuned from each other that were measured have .6 to .96, unrelated ones .3 and less
RELATED = 0.5


def gains(pair: Pair, crops: Sequence[Example]) -> pd.DataFrame:
    """What the target is better at than the baseline.

    Args:
        crops: all with the same inputs.

    Returns:
        A row per input with input_degradation, psnr_baseline, psnr_target and gain (dB, mean over
        the crops), and standard_error of the gain (NaN of one crop).
    """
    rows = []
    for name in crops[0].inputs:
        values = np.array([_psnr_of_both(pair, crop, name) for crop in crops])
        baseline, target = values.mean(axis=0)
        differences = values[:, 1] - values[:, 0]
        error = differences.std(ddof=1) / np.sqrt(len(crops)) if len(crops) > 1 else np.nan
        levels = {"psnr_baseline": baseline, "psnr_target": target, "gain": target - baseline}
        rows.append({"input_degradation": name, **levels, "standard_error": error})
    return pd.DataFrame(rows)


def _psnr_of_both(pair: Pair, crop: Example, name: str) -> list[float]:
    """PSNR of baseline and target on one crop, as many border pixels left out as the scale."""
    reference = pair.compute.images(crop.reference)
    border = crop.reference.shape[-1] // crop.inputs[name].shape[-1]
    outputs = (
        restore(pair.network, crop.inputs[name], pair.compute, state)
        for state in (pair.baseline, pair.target)
    )
    return [psnr(output, reference, border).item() for output in outputs]


def related(pair: Pair) -> pd.DataFrame:
    """How much the target's weights are still those of the baseline, layer by layer.

    Returns:
        A row per convolution with layer, filters (their number), correlation (of all weights of
        target and baseline; NaN where one is constant) and change (norm of the difference over
        that of the baseline).
    """
    rows = []
    for layer in pair.index.layers:
        ends = [
            state[layer.parameter].double().flatten().cpu().numpy()
            for state in (pair.baseline, pair.target)
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = np.corrcoef(*ends)[0, 1]
            change = np.linalg.norm(ends[1] - ends[0]) / np.linalg.norm(ends[0])
        facts = {"layer": layer.name, "filters": layer.size}
        rows.append({**facts, "correlation": correlation, "change": change})
    return pd.DataFrame(rows)


def warnings(gained: pd.DataFrame, layers: pd.DataFrame, clean: str) -> Iterator[str]:
    """What speaks against attributing this pair, in words.

    Args:
        gained: see `gains`.
        layers: see `related`.
        clean: name of the input without a degradation, on which no gain is expected.
    """
    for row in gained[gained["input_degradation"] != clean].itertuples():
        if not row.gain > 2 * np.nan_to_num(row.standard_error):
            yield (
                f"{row.input_degradation}: the target is no better than the baseline "
                f"({row.gain:+.2f} dB): there is nothing to attribute"
            )
    if (layers["change"] == 0).all():
        yield "target and baseline have the same weights: is one file given twice?"
    strange = layers[layers["correlation"] < RELATED]
    if len(strange):
        yield (
            f"{len(strange)} of {len(layers)} layers have weights that hardly correlate with the "
            f"baseline's (below {RELATED:g}; {strange['layer'].iloc[0]}: "
            f"{strange['correlation'].iloc[0]:.2f}): is the target fine-tuned from this baseline?"
        )


def report(pair: Pair, crops: Sequence[Example], network: str, clean: str) -> str:
    """All of the above as text.

    Args:
        crops: see `gains`.
        network: its name.
        clean: see `warnings`.
    """
    gained, layers = gains(pair, crops), related(pair)
    lines = [f"{network}: {len(pair.index):,} filters in {len(layers)} layers, {len(crops)} crops"]
    for table in (gained, layers):
        lines += ["", table.to_string(index=False, float_format="{:.3f}".format)]
    told = [f"WARNING: {text}" for text in warnings(gained, layers, clean)]
    lines += ["", *(told or ["nothing speaks against attributing it"])]
    return "\n".join(lines) + "\n"
