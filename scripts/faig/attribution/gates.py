"""Gates: networks between baseline and target, one number per filter.

theta(m) = baseline + m * (target - baseline), with a gate m_j for every *unit* j: those of the
pair's index in their order, and behind them, if wanted, every parameter that belongs to none of
them, such as biases, element by element. All gates 1 is the target, all 0 the baseline. Masking
(Xie et al. 2021, section 4.2) is m = 1 outside the chosen filters and 0 on them, insertion the
opposite, modulation by lambda is lambda on them, interpolation of whole networks (Wang et al. 2019,
arXiv 1811.10515) is one lambda for all.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .examples import Example
from .pair import Pair


class Gates:
    """The networks between a pair's two ends.

    Args:
        pair: baseline and target.
        others: whether parameters that belong to no unit of the index, such as biases, have gates
            of their own, one per element; else they are those of the target, as in the paper's
            experiments.
    """

    def __init__(self, pair: Pair, *, others: bool = False):
        device, start = pair.compute.device, len(pair.index)
        self.pair = pair
        self._places = {name: place.to(device) for name, place in pair.index.places.items()}
        rest = dict(pair.network.named_parameters()).keys() - self._places.keys() if others else ()
        for name in sorted(rest):
            shape = pair.target[name].shape
            numbers = torch.arange(start, start + shape.numel(), device=device)
            self._places[name] = numbers.reshape(shape)
            start += shape.numel()
        self._count = start

    def __len__(self) -> int:
        return self._count

    def state(self, gates: Tensor) -> dict[str, Tensor]:
        """The network at some gates; differentiable in them.

        Args:
            gates: float (len(self),), on the pair's device; 0 and 1 give exactly the weights of
                the baseline and the target, any other number lies on the line through them.

        Returns:
            Weights by name; those without gates are shared with the target.
        """
        if gates.shape != (len(self),):
            raise ValueError(f"gates must have shape ({len(self)},), not {tuple(gates.shape)}")
        result = dict(self.pair.target)
        for name, place in self._places.items():
            gate = gates[place]
            baseline, target = self.pair.baseline[name], self.pair.target[name]
            change = target - baseline
            # from the nearer end, so that both ends are exact
            from_target, from_baseline = target + (gate - 1) * change, baseline + gate * change
            result[name] = torch.where(gate >= 0.5, from_target, from_baseline)
        return result

    def deletion(self, selected: Tensor) -> Tensor:
        """Gates that put the baseline's weights into the selected filters of the target.

        Args:
            selected: boolean (filters,), on the pair's device.
        """
        return self.modulation(selected, 0.0)

    def modulation(self, selected: Tensor, strength: float) -> Tensor:
        """Gates that put the selected filters of the target at a strength.

        Args:
            selected: boolean (filters,), on the pair's device.
            strength: 0 is the baseline's weights, 1 the target's, any other number lies on the
                line through both.
        """
        return self._open(torch.where(selected, strength, 1.0), 1.0)

    def insertion(self, selected: Tensor) -> Tensor:
        """Gates that put the target's weights into the selected filters of the baseline.

        Parameters without gates of their own are the target's.
        """
        return self._open(selected, 0.0)

    def _open(self, filters: Tensor, others: float) -> Tensor:
        rest = torch.full((len(self) - len(filters),), others, device=filters.device)
        return torch.cat([filters.float(), rest])


class GateModel(nn.Module):
    """From gates to the loss on one degraded image, a module on which captum's methods run.

    captum's `IntegratedGradients(model).attribute(ones, baselines=zeros)` is minus the method
    `signed`: it explains the loss of the target minus that of the baseline.

    Args:
        gates: of a pair.
        example: the image, its reference and its degraded versions.
        degradation: the one that is restored.
    """

    def __init__(self, gates: Gates, example: Example, degradation: str):
        super().__init__()
        self.gates = gates
        images = gates.pair.compute.images
        self.reference, self.image = images(example.reference), images(example.inputs[degradation])

    def forward(self, gates: Tensor) -> Tensor:
        """Squared error summed over the image, (B,), for gates (B, len(self.gates))."""
        return torch.stack([self.of_state(self.gates.state(row)) for row in gates])

    def of_state(self, state: Mapping[str, Tensor]) -> Tensor:
        """The same of weights by name; a scalar."""
        with self.gates.pair.compute.autocast():
            output = torch.func.functional_call(self.gates.pair.network, dict(state), self.image)
        return (output.float() - self.reference).square().sum()
