"""What a training step learns from."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """What a training step learns from; float32, on the device.

    Attributes:
        lr: (N, 3, patch / r, patch / r), values in [0, 1].
        hr: (N, 3, patch, patch), values in [0, 1].
        blur: sigma of the Gaussian blur of each patch in HR pixels, 0 for none, (N,).
    """

    lr: Tensor
    hr: Tensor
    blur: Tensor
