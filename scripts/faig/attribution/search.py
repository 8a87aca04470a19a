"""Sets of filters found by searching over gates, on all images at once.

Both searches look for the filters without which one degradation's gain is lost and the others'
stay: one takes filters step by step, the other learns a gate for each, and is an upper bound on
what rankings can find. Images are taken whole.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ..base.progress import progress
from .examples import Example
from .gates import GateModel, Gates
from .pair import Pair
from .ranking import largest_contrast

OPEN, CLOSED = 2.0, -5.0  # logits that the gates of chosen and of other filters start from
CHOSEN = 0.01  # proportion of the filters that are chosen in the beginning


class Losses:
    """Losses of all images by degradation, as functions of the gates of the filters.

    Args:
        pair: baseline and target; biases are always the target's.
        examples: all with the same degradations.
    """

    def __init__(self, pair: Pair, examples: Sequence[Example]):
        self.gates, self.device = Gates(pair), pair.compute.device
        names = list(examples[0].inputs)
        self.models = [[GateModel(self.gates, e, name) for e in examples] for name in names]
        with torch.no_grad():
            ends = [
                [sum(model.of_state(state).item() for model in models) for models in self.models]
                for state in (pair.start, pair.target)
            ]
        self.baseline, self.gains = np.array(ends[0]), np.subtract(*ends)

    def shares(self, row: int, gates: Tensor) -> Iterator[Tensor]:
        """Restored share of a degradation, differentiable in the gates.

        Yields:
            What each image adds to it, so that one after the other can be propagated back.
        """
        gain = self.gains[row]
        for k, model in enumerate(self.models[row]):
            constant = self.baseline[row] / gain if k == 0 else 0.0
            yield constant - model.of_state(self.gates.state(gates)) / gain

    def slopes(self, gates: Tensor) -> Tensor:
        """What deleting each filter would add to the loss, to first order.

        Args:
            gates: float (filters,).

        Returns:
            (degradations, filters), sums over images.
        """
        rows = []
        for models in self.models:
            total = torch.zeros_like(gates)
            for model in models:
                point = gates.clone().requires_grad_()
                total -= torch.autograd.grad(model(point[None])[0], point)[0]
            rows.append(total)
        return torch.stack(rows)


def greedy_order(losses: Losses, rounds: int, proportion: float, beta: float) -> Tensor:
    """Take the filters by their first-order effect, found anew after each round.

    Args:
        losses: of a pair.
        rounds: in which as many filters are taken as make the chosen ones grow evenly in the
            logarithm of their number.
        proportion: of the filters that are taken by rounds; the rest follow by the last one.
        beta: weight of the other degradations, see `largest_contrast`.

    Returns:
        Scores in (0, 1], the earlier taken the higher, (degradations, filters).
    """
    count = len(losses.gates)
    sizes = np.geomspace(max(1, count // 1000), max(1, proportion * count), rounds)
    sizes = [*np.unique(sizes.round().astype(int)), count]
    result = np.empty((len(losses.models), count))
    for row in progress(range(len(result)), "greedy", len(result), "degradation"):
        order: list[int] = []
        for size in sizes:
            gates = torch.ones(count, device=losses.device)
            gates[order] = 0
            if size < count or not order:
                slopes = losses.slopes(gates).double().cpu().numpy()
                contrast = largest_contrast(slopes, losses.gains, beta)[row]
            contrast[order] = -np.inf
            best = np.argsort(-contrast, kind="stable")
            order += best[: size - len(order)].tolist()
        result[row, order] = 1 - np.arange(count) / count
    return torch.from_numpy(result).float()


def learned_gates(
    losses: Losses, start: Tensor, steps: int, learning_rate: float, sparsity: float
) -> Tensor:
    """Learn for every degradation which filters to delete, by Adam on the logits s of gates.

    Minimises |f_D(1 - sigmoid(s))| + mean over D' of |1 - f_D'(1 - sigmoid(s))| + sparsity times
    the mean of sigmoid(s), where f is the restored share.

    Args:
        losses: of a pair.
        start: scores whose top filters are chosen in the beginning, (degradations, filters).
        steps: of Adam.
        learning_rate: of Adam.
        sparsity: weight of the number of filters.

    Returns:
        sigmoid(s), (degradations, filters).
    """
    count = len(losses.gates)
    result = []
    for row, scores in enumerate(start):
        chosen = scores.argsort(descending=True, stable=True)[: max(1, round(CHOSEN * count))]
        logits = torch.full((count,), CLOSED, device=losses.device)
        logits[chosen.to(losses.device)] = OPEN
        logits.requires_grad_()
        optimizer = torch.optim.Adam([logits], lr=learning_rate)
        for _ in progress(range(steps), "learned gates", steps, "step"):
            optimizer.zero_grad()
            (sparsity * torch.sigmoid(logits).mean()).backward()
            for other in range(len(start)):
                _push(losses, logits, other, wanted=float(other != row), of=len(start) - 1)
            optimizer.step()
        result.append(torch.sigmoid(logits.detach()).cpu())
    return torch.stack(result)


def _push(losses: Losses, logits: Tensor, row: int, *, wanted: float, of: int) -> None:
    """Add the gradient of |f - wanted|, divided by the number of other degradations if one."""
    deleted = torch.sigmoid(logits.detach())
    gates = (1 - deleted).requires_grad_()
    gradient, share = torch.zeros_like(gates), 0.0
    for part in losses.shares(row, gates):
        gradient += torch.autograd.grad(part, gates)[0]
        share += part.item()
    weight = 1 / of if wanted else 1.0
    logits.grad -= weight * np.sign(share - wanted) * deleted * (1 - deleted) * gradient
