"""Super-resolving images with a network, as a user would save them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..base.device import Compute
from ..data.pixels import quantize


@torch.inference_mode()
def restore(
    network: nn.Module,
    pixels: Tensor,
    compute: Compute,
    state: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Super-resolve images as a user would save them: clipped and rounded to 8 bits.

    Args:
        network: placed on the device of `compute`.
        pixels: LR images, uint8 (N, 3, H, W).
        state: weights to use instead of the network's own, on the same device.

    Returns:
        SR images, float32 (N, 3, scale H, scale W), values k / 255, on the device.
    """
    images = compute.images(pixels)
    with compute.autocast():
        output = torch.func.functional_call(network, dict(state or {}), (images,))
    return quantize(output.float())
