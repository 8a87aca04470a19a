"""Permuted twins: hidden channels of one network put into the order of another's.

The hidden channels of a network may stand in any order without a change of its output, so two
networks that were not fine-tuned from each other may do the same in other places. On the straight
line between such weights the loss climbs a barrier. Weight matching (Ainsworth et al. 2023, arXiv
2209.04836) permutes the channels of one towards the weights of the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, fx, nn

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
    state, result = network.state_dict(), []
    for axes in _free_axes(graph, dict(network.named_modules()), state):
        size, *others = {state[name].shape[axis] for name, axis in axes}
        if size > 1 and not others:  # one channel that is added to many has no order
            result.append(Hidden(size, tuple(axes)))
    return result


def _free_axes(
    graph: fx.Graph, modules: Mapping[str, nn.Module], state: Mapping[str, Tensor]
) -> list[list[Axis]]:
    """Axes of a traced network's weights, by the channels that they hold, but for those that stay.

    Tensors that are added to each other have the same channels, and so do the weights of a module
    that is called twice.
    """
    from scipy.cluster.hierarchy import DisjointSet  # slow to import

    alike, fixed = DisjointSet(), set()  # of tensors, by their nodes, and of axes
    for node in graph.nodes:
        module = modules.get(node.target) if node.op == "call_module" else None
        pairs = _pairs(node, module, state)
        if not pairs:
            fixed |= {node, *node.all_input_nodes}
        for element in (node, *chain(*pairs)):
            alike.add(element)
        for pair in pairs:
            alike.merge(*pair)
    groups, held = {}, {alike[node] for node in fixed}
    for element in alike:  # in the order in which they were added
        if isinstance(element, tuple) and alike[element] not in held:
            groups.setdefault(alike[element], []).append(element)
    return [*groups.values()]


def _pairs(
    node: fx.Node, module: nn.Module | None, state: Mapping[str, Tensor]
) -> list[tuple[fx.Node, fx.Node | Axis]]:
    """What has the same channels: a node or its input, and another tensor or an axis of weights.

    Args:
        node: makes a tensor of others.
        module: that it calls, if any.
        state: weights of the network.

    Returns:
        None at all where the node is not known to treat all channels alike.
    """
    inputs, name = node.all_input_nodes, node.target
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and len(inputs) == 1:
        held = [key for key, _ in module.named_parameters()]
        # others take the weight's place where that is made of them, as by weight_norm
        if module.groups > 1 or held not in (["weight"], ["weight", "bias"]):
            return []
        into = int(isinstance(module, nn.Conv2d))
        axes = [(f"{name}.{key}", (1 - into) if key == "weight" else 0) for key in held]
        return [(inputs[0], (f"{name}.weight", into)), *((node, axis) for axis in axes)]
    if isinstance(module, PER_CHANNEL) and len(inputs) == 1:
        held = [key for key in state if key.rpartition(".")[0] == name]
        axes = [(key, 0) for key in held if state[key].ndim == 1 and len(state[key]) > 1]
        return [(node, inputs[0]), *((node, axis) for axis in axes)]
    called = getattr(name, "__name__", name)
    pointwise = node.op in ("call_function", "call_method") and called in POINTWISE_NAMES
    alike = isinstance(module, POINTWISE) or pointwise
    return [(node, other) for other in inputs] if alike else []


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
