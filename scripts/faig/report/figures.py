"""All figures that are drawn from tables, by the names that they are asked for.

A figure is a function. Its arguments are tables, named as its parameters are, with the columns
`network` and `seed` (see `summaries.combine`) and rows of one network; it returns a figure whose
means go over images and seeds. Whiskers are those of `summaries.interval`.
"""

from collections.abc import Callable, Mapping

import pandas as pd
from matplotlib.figure import Figure

from . import (
    ablation_figures,
    benchmark_figures,
    faithfulness_figures,
    health_figures,
    location_figures,
    modulation_figures,
    prediction_figures,
    training_figures,
    transplant_figures,
    trust_figures,
    two_branch_figures,
)
from .panels import say_unfit
from .summaries import taken

FIGURES: dict[str, Callable[..., Figure]] = {
    "masking": ablation_figures.masking,
    "masking_psnr": ablation_figures.masking_psnr,
    "retraining": ablation_figures.retraining,
    "locations": location_figures.locations,
    "locations_map": location_figures.locations_map,
    "trust": trust_figures.trust,
    "stability": trust_figures.stability,
    "health": health_figures.health,
    "faithfulness": faithfulness_figures.faithfulness,
    "specificity": faithfulness_figures.specificity,
    "league": faithfulness_figures.league,
    "modulation": modulation_figures.modulation,
    "transplant": transplant_figures.transplant,
    "training": training_figures.training,
    "prediction": prediction_figures.prediction,
    "confusion": prediction_figures.confusion,
    "benchmark": benchmark_figures.attribution,
    "quadrature": benchmark_figures.quadrature,
    "training_benchmark": benchmark_figures.training,
    "two_branch": two_branch_figures.two_branch,
    "two_branch_sigma": two_branch_figures.two_branch_sigma,
    "two_branch_knowledge": two_branch_figures.two_branch_knowledge,
    "two_branch_training": two_branch_figures.two_branch_training,
}


def draw(name: str, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """A figure by its name; of a pair that cannot be attributed, it says so.

    Args:
        tables: those that the figure is drawn from; and `health`, which may tell that the pair of
            networks is unfit.
    """
    arguments, health = taken(FIGURES[name], tables)
    figure = FIGURES[name](**arguments)
    if health is not None:
        say_unfit(figure, health)
    return figure
