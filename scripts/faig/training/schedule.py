"""How long and how fast to train."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        iterations: number of steps.
        learning_rate: Adam's learning rate at the start of each period.
        period: iterations of one cosine period (the paper: 250,000); None for one period in all.
        minimum_learning_rate: learning rate at the end of a period.
    """

    iterations: int
    learning_rate: float
    period: int | None = None
    minimum_learning_rate: float = 1e-7

    def rate(self, iteration: int) -> float:
        """Learning rate of a step, counted from 0: cosine annealing with warm restarts."""
        period = self.period or self.iterations
        cosine = (1 + math.cos(math.pi * (iteration % period) / period)) / 2
        lowest = self.minimum_learning_rate
        return lowest + (self.learning_rate - lowest) * cosine
