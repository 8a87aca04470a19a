"""Figure of both stages of training."""

import pandas as pd
from matplotlib.figure import Figure

from .looks import DEGRADATIONS, Look, looks
from .panels import band, empty_figure, iteration_axis, legend, line_handles, log_values, title


def training(baseline: pd.DataFrame | None = None, target: pd.DataFrame | None = None) -> Figure:
    """Validation PSNR on every degradation and loss, through both stages of training.

    Lines are means over seeds, bands reach from the least to the greatest.

    Args:
        baseline: columns iteration, loss, degradation, psnr (dB); None if it was given.
        target: the same.
    """
    stages = {"baseline": baseline, "target, from the baseline": target}
    stages = {stage: table for stage, table in stages.items() if table is not None}
    known = next(iter(stages.values()))
    figure = empty_figure(4.6)
    options = {"sharex": "col", "sharey": "row", "height_ratios": [2, 1], "squeeze": False}
    axes = figure.subplots(2, len(stages), **options)
    styles = looks(known["degradation"].unique(), DEGRADATIONS)
    for (curve, loss), (stage, table) in zip(axes.T, stages.items(), strict=True):
        for degradation, look in styles.items():
            band(curve, table[table["degradation"] == degradation], "psnr", look)
        once = table.drop_duplicates(["seed", "iteration"])
        band(loss, once, "loss", Look("#000000", "."))
        curve.set_title(stage)
        iteration_axis(loss)
    log_values(axes[1, 0], (1, 2, 3, 5))
    axes[0, 0].set_ylabel("validation PSNR (dB)")
    axes[1, 0].set_ylabel("L1 training loss")
    title(figure, known, "training")
    legend(figure, line_handles(styles))
    return figure
