"""Permuted twins: hidden channels of one network put into the order of another's.

The hidden channels of a network may stand in any order without a change of its output, so two
networks that were not fine-tuned from each other may do the same in other places. On the straight
line between such weights the loss climbs a barrier. Weight matching (Ainsworth et al. 2023, arXiv
2209.04836) permutes the channels of one towards the weights of the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.parametrize import is_parametrized

ROUNDS = 50  # of coordinate descent, at most; a handful is the rule

# what works on each channel alike, and so leaves them where they are
POINTWISE = (
    *(nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.Identity),
    *(nn.Dropout, nn.Dropout2d, nn.Upsample, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
)
POINTWISE_NAMES = {
    *("relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu", "elu", "interpolate"),
    *("dropout", "add", "sub", "mul", "truediv", "relu_", "leaky_relu_", "clamp", "neg"),
}
PER_CHANNEL = (nn.BatchNorm2d, nn.PReLU)  # their parameters have a number for each channel
Axis = tuple[str, int]  # a parameter or buffer, and its dimension


@dataclass(frozen=True)
class Hidden:
    """Channels that may be put in another order, all axes alike.

    Attributes:
        size: how many.
        axes: of the weights that hold them.
    """

    size: int
    axes: tuple[Axis, ...]


def hidden_channels(network: nn.Module) -> list[Hidden]:
    """The groups of hidden channels that a network's output does not tell the order of.

    Found by tracing the network. Channels that meet an operation that is not known to treat all
    alike, such as a pixel shuffle, keep their places.

    Returns:
        None at all where the network cannot be traced.
    """
    try:
        graph = fx.symbolic_trace(network).graph
    except Exception:  # whatever a network's own code does with a tensor that has no values
        return []
    return _Groups(network).of(graph)


class _Groups:
    """Channels by the tensors that carry them, joined where tensors are added to each other."""

    def __init__(self, network: nn.Module):
        self.modules = dict(network.named_modules())
        self.parents: list[int] = []
        self.axes: dict[int, list[Axis]] = {}
        self.sizes: dict[int, int] = {}
        self.fixed: set[int] = set()
        self.of_node: dict[fx.Node, int] = {}

    def of(self, graph: fx.Graph) -> list[Hidden]:
        for node in graph.nodes:
            self.of_node[node] = self._visit(node)
        fixed = {self._root(number) for number in self.fixed}
        joined: dict[int, list[Axis]] = {}
        for number, axes in self.axes.items():
            joined.setdefault(self._root(number), []).extend(axes)
        return [
            Hidden(self.sizes[number], tuple(dict.fromkeys(axes)))
            for number, axes in joined.items()
            if number not in fixed and self.sizes.get(number, 0) > 1
        ]

    def _new(self, *, fixed: bool = False) -> int:
        number = len(self.parents)
        self.parents.append(number)
        if fixed:
            self.fixed.add(number)
        return number

    def _root(self, number: int) -> int:
        while self.parents[number] != number:
            number = self.parents[number]
        return number

    def _join(self, numbers: list[int]) -> int:
        first, *rest = map(self._root, numbers)
        for number in rest:
            number = self._root(number)
            if number != first:
                self.parents[number] = first
                self.axes.setdefault(first, []).extend(self.axes.pop(number, []))
                size = self.sizes.setdefault(first, self.sizes.get(number, 0))
                if number in self.fixed or size != self.sizes.get(number, size):
                    self.fixed.add(first)  # one channel that is added to many, too
        return first

    def _note(self, number: int, size: int, *axes: Axis) -> None:
        # a module that is called twice has its channels in two places
        known = [n for n, noted in self.axes.items() if set(noted) & set(axes)]
        number = self._join([number, *known])
        if self.sizes.setdefault(number, size) != size:
            self.fixed.add(number)
        self.axes.setdefault(number, []).extend(axes)

    def _visit(self, node: fx.Node) -> int:
        inputs = [self.of_node[other] for other in node.all_input_nodes]
        module = self.modules.get(node.target) if node.op == "call_module" else None
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and len(inputs) == 1:
            return self._convolution(str(node.target), module, inputs[0])
        if isinstance(module, PER_CHANNEL) and len(inputs) == 1:
            for name, value in (*module.named_parameters(), *module.named_buffers()):
                if value.ndim == 1 and len(value) > 1:
                    self._note(inputs[0], len(value), (f"{node.target}.{name}", 0))
            return inputs[0]
        called = getattr(node.target, "__name__", node.target)
        pointwise = node.op in ("call_function", "call_method") and called in POINTWISE_NAMES
        if inputs and (isinstance(module, POINTWISE) or pointwise):
            return self._join(inputs)
        self.fixed |= set(inputs)
        return self._new(fixed=True)

    def _convolution(self, name: str, module: nn.Module, given: int) -> int:
        transposed = isinstance(module, nn.ConvTranspose2d)
        result = self._new()
        if module.groups > 1 or is_parametrized(module):
            self.fixed |= {given, result}
            return result
        out, into = (1, 0) if transposed else (0, 1)
        self._note(given, module.in_channels, (f"{name}.weight", into))
        bias = [(f"{name}.bias", 0)] if module.bias is not None else []
        self._note(result, module.out_channels, (f"{name}.weight", out), *bias)
        return result


def permute(
    state: Mapping[str, Tensor], hidden: Hidden, order: Tensor | list[int]
) -> dict[str, Tensor]:
    """The same function with the channels of one group in another order."""
    result, order = dict(state), torch.as_tensor(order)
    for name, axis in hidden.axes:
        result[name] = result[name].index_select(axis, order.to(result[name].device))
    return result


def match(
    network: nn.Module, state: Mapping[str, Tensor], towards: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], int]:
    """Put a network's hidden channels in the order in which its weights are most like others.

    One group after the other gets the order of the largest inner product, all others held, until
    none changes.

    Args:
        network: whose structure is read; its weights do not count.
        state: weights that are permuted.
        towards: weights that they should be like.

    Returns:
        The permuted weights, and how many channels stand elsewhere.
    """
    groups = hidden_channels(network)
    # places of the original channels
    places = [torch.arange(hidden.size) for hidden in groups]
    result = dict(state)
    for _ in range(ROUNDS):
        changed = False
        for number, hidden in enumerate(groups):
            order = _best_order(hidden, result, towards)
            if order is not None:
                result, changed = permute(result, hidden, order), True
                places[number] = places[number][order]
        if not changed:
            break
    moved = sum(int((each != torch.arange(len(each))).sum()) for each in places)
    return result, moved


def _best_order(
    hidden: Hidden, state: Mapping[str, Tensor], towards: Mapping[str, Tensor]
) -> Tensor | None:
    """The order that brings one group's weights nearest to others; None if it is the present."""
    from scipy.optimize import linear_sum_assignment  # slow to import

    likeness = torch.zeros(hidden.size, hidden.size, dtype=torch.float64)
    for name, axis in hidden.axes:
        mine, other = (_rows(each[name], axis) for each in (state, towards))
        likeness += other @ mine.T
    _, order = linear_sum_assignment(likeness.numpy(), maximize=True)
    order = torch.as_tensor(order)
    present = torch.arange(hidden.size)
    gain = likeness[present, order].sum() - likeness.trace()
    return order if gain > 1e-9 * likeness.abs().sum() else None


def _rows(value: Tensor, axis: int) -> Tensor:
    """The weights of each channel along an axis, float64 (channels, rest), on the CPU."""
    moved = value.detach().cpu().double().movedim(axis, 0)
    return moved.reshape(value.shape[axis], -1)
