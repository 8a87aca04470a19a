"""Masking that keeps each channel's mean response: what it takes then is no shift of colour.

The baseline's weights in some filters change the mean of a channel, which all later layers and the
output's colour inherit. A new bias of the channel takes that back, and leaves what varies from
place to place: the channel's mean over given images is that of the target again (mean ablation is
the same idea for activations). Layers are refitted in the order in which they run, each on what the
refitted ones before it put out.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ..attribution.pair import Pair

KINDS = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


class Refit:
    """Refits biases of masked networks of one pair.

    A layer that runs several times in a pass is refitted at the first, and one that has no bias
    is left as it is.

    Args:
        pair: baseline and target.
        inputs: LR images of one size, values in [0, 1], (N, 3, h, w), on the pair's device.
    """

    def __init__(self, pair: Pair, inputs: Tensor):
        self._network, self._target, self._inputs = pair.network, pair.target, inputs
        self._layers = {
            name: module
            for name, module in pair.network.named_modules()
            if isinstance(module, KINDS)
            and {f"{name}.weight", f"{name}.bias"} <= pair.target.keys()
        }
        self._means: dict[str, Tensor] = {}

        def note(name: str, output: Tensor) -> None:
            self._means.setdefault(name, self._mean(name, output))

        self._run(pair.target, note)

    def __call__(self, masked: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A masked network whose changed channels have the target's mean response.

        Args:
            masked: weights by name; a channel is changed if its weights are not the target's.
        """
        shifts: dict[str, Tensor] = {}

        def refit(name: str, output: Tensor) -> Tensor | None:
            if name not in shifts:
                shift = self._means[name] - self._mean(name, output)
                shifts[name] = torch.where(self._changed(name, masked), shift, 0).to(output.dtype)
            return output + self._along_channels(name, shifts[name], output)

        self._run(masked, refit)
        biases = {f"{name}.bias": shift for name, shift in shifts.items()}
        return {**masked, **{key: masked[key] + shift for key, shift in biases.items()}}

    @torch.inference_mode()
    def _run(self, state: Mapping[str, Tensor], act: Callable[[str, Tensor], Tensor | None]):
        """One pass; what `act` returns for a layer's output, if anything, takes its place."""
        hooks = [
            module.register_forward_hook(lambda module, args, output, name=name: act(name, output))
            for name, module in self._layers.items()
        ]
        try:
            torch.func.functional_call(self._network, dict(state), (self._inputs,))
        finally:
            for hook in hooks:
                hook.remove()

    def _channels(self, name: str) -> int:
        """Which dimension of a layer's output the channels are."""
        return -1 if isinstance(self._layers[name], nn.Linear) else 1

    def _mean(self, name: str, output: Tensor) -> Tensor:
        """Over all but the channels, float64 (channels,)."""
        return output.movedim(self._channels(name), 0).flatten(1).double().mean(dim=1)

    def _along_channels(self, name: str, values: Tensor, output: Tensor) -> Tensor:
        shape = [1] * output.ndim
        shape[self._channels(name)] = len(values)
        return values.reshape(shape)

    def _changed(self, name: str, masked: Mapping[str, Tensor]) -> Tensor:
        """Channels whose weights differ from the target's, boolean (channels,)."""
        module, key = self._layers[name], f"{name}.weight"
        differs = masked[key] != self._target[key]
        if isinstance(module, nn.ConvTranspose2d):  # (in, out / groups, h, w)
            parts = differs.flatten(2).any(dim=2).unflatten(0, (module.groups, -1))
            return parts.any(dim=1).flatten()
        return differs.flatten(1).any(dim=1)
