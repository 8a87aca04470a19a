"""Building a network by its name in the config, and putting weights into it."""

import difflib
import importlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from ..base.errors import InputError
from ..base.objects import imported
from .weights import load_weights

LISTED = 8  # names in a message, of each kind


def names() -> list[str]:
    """Names of the networks that come with the project."""
    files = (f.stem for f in Path(__file__).parent.glob("*.py") if f.stem != "__init__")
    return sorted(name for name in files if hasattr(_module(name), "Network"))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__package__}.{name}")


def network_class(architecture: str) -> type[nn.Module]:
    """The class named `architecture`: a file of this package, or `"package.module:Class"`."""
    if ":" in architecture:
        return imported("network", architecture)
    if architecture not in names():
        near = difflib.get_close_matches(architecture, names())
        raise InputError(
            f"unknown network '{architecture}'; known: {', '.join(near or names())}, "
            'or "package.module:Class"'
        )
    return _module(architecture).Network


def build(architecture: str, scale: int, parameters: Mapping | None = None) -> nn.Module:
    """Build a network with fresh weights, drawn from torch's global generator.

    Raises:
        InputError: no such network, a parameter that it does not take, its constructor fails, or
            the network has one tensor under two names.
    """
    cls = network_class(architecture)
    arguments = {"scale": scale, **(parameters or {})}
    try:
        inspect.signature(cls).bind(**arguments)
    except TypeError as error:
        raise InputError(f"network '{architecture}': {error}") from None
    try:
        network = cls(**arguments)
    except InputError:
        raise
    except Exception as error:  # of a class of the user's own, any
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise InputError(
            f"network '{architecture}' cannot be built with {given}: "
            f"{type(error).__name__}: {error}"
        ) from error
    _require_single_names(network, architecture)
    return network


def _require_single_names(network: nn.Module, architecture: str) -> None:
    """Complain about a tensor with two names: files and masks of weights have one for each."""
    first: dict[int, str] = {}
    for name, value in network.state_dict(keep_vars=True).items():
        if first.setdefault(id(value), name) != name:
            raise InputError(
                f"network '{architecture}': '{first[id(value)]}' and '{name}' are the same tensor, "
                "expected one name for each: keep it under one name and call that twice, or make "
                "two of it"
            )


def translated(architecture: str, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
    """Weights of a user's file by the names that the network has for them.

    The file of a network may have a function `translate(state, source)` that gives them; all others
    take names as they are.

    Raises:
        InputError: of that function.
    """
    translate = None if ":" in architecture else getattr(_module(architecture), "translate", None)
    return translate(state, source) if translate else state


@torch.no_grad()
def require_scale(network: nn.Module, scale: int, name: str) -> None:
    """Complain about a network that does not make an image larger by the scale.

    Args:
        name: of the network in the config, for the message.

    Raises:
        InputError: names the sizes, or the network's own error.
    """
    height, width = 24, 16
    expected = (1, 3, scale * height, scale * width)
    training = network.training
    try:
        found = tuple(network.eval()(torch.full((1, 3, height, width), 0.5)).shape)
    except Exception as error:  # of a class of the user's own, any
        raise InputError(
            f"network '{name}' fails on an RGB image of {height} x {width} pixels: "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        network.train(training)
    if found != expected:
        raise InputError(
            f"network '{name}': makes {found} of an image (1, 3, {height}, {width}), expected "
            f"{expected}: its size times the config's scale, {scale}"
        )


def read_spec(path: Path) -> dict:
    """What `match_controls.py` wrote of one variant of a system.

    Returns:
        Keys network (arguments of `build`), blocks (of a control; None), parameters
        (number), multiply_adds (per LR pixel).
    """
    return json.loads(path.read_text(encoding="utf-8"))


def load_network(architecture: Mapping, weights: Path) -> nn.Module:
    """A network with weights from a file (safetensors).

    Args:
        architecture: arguments of `build`.

    Raises:
        InputError: weights of another architecture, or a damaged file.
    """
    return load_state(build(**architecture), load_weights(weights), str(weights))


def load_state(network: nn.Module, state: Mapping[str, Tensor], source: str) -> nn.Module:
    """Put weights into a network.

    Tensors whose last name is in the network's attribute `computed_buffers` are left out: other
    software stores them beside the weights, and the network makes them itself.

    Args:
        source: where the weights came from, for the error message.

    Raises:
        InputError: names or shapes differ, or numbers of another kind are given (whole ones for
            weights); names the first that do.
    """
    computed = getattr(network, "computed_buffers", ())
    state = {k: v for k, v in state.items() if k.rpartition(".")[2] not in computed}
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in state.items()}
    if expected != given:
        raise InputError(
            f"{source}: weights of another architecture than {type(network).__name__} as "
            f"configured; {_differences(expected, given)}"
        )
    for name, value in network.state_dict().items():
        if value.is_floating_point() != state[name].is_floating_point():
            raise InputError(
                f"{source}: {name}: expected {_kind(value)}, found {_kind(state[name])}"
            )
    network.load_state_dict(state)
    return network


def _differences(expected: Mapping[str, tuple], given: Mapping[str, tuple]) -> str:
    """Names and shapes that a network and a file do not share, in words."""
    kinds = {
        "the network has no": [f"{name} {given[name]}" for name in given if name not in expected],
        "the file has no": [f"{name} {expected[name]}" for name in expected if name not in given],
        "of another shape:": [
            f"{name}: network {expected[name]}, file {given[name]}"
            for name in expected
            if expected[name] != given.get(name, expected[name])
        ],
    }
    count = sum(map(len, kinds.values()))
    told = [f"{words} {_first(names)}" for words, names in kinds.items() if names]
    return f"{count} entries differ: {'; '.join(told)}"


def _first(names: list[str]) -> str:
    rest = [f"and {len(names) - LISTED} more"] if len(names) > LISTED else []
    return ", ".join([*names[:LISTED], *rest])


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
