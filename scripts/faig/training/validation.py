"""PSNR of a network on a dataset."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from ..base.device import Compute
from ..base.metrics import psnr
from ..data.store import ImageStore
from ..networks.restoring import restore


def evaluate(
    network: nn.Module,
    store: ImageStore,
    degradations: Sequence[str],
    compute: Compute,
    state: Mapping[str, Tensor] | None = None,
    images: Sequence[str] | None = None,
) -> list[dict]:
    """PSNR of a dataset's images under every degradation.

    Args:
        state: weights to use instead of the network's own.
        images: which; None for all.

    Returns:
        Rows with input_degradation, image, psnr (dB, RGB, `scale` border pixels left out).
    """
    rows = []
    border = store.scale
    for image in images or store.names:
        reference = compute.images(store.hr(image)[None])
        for degradation in degradations:
            pixels = store.lr(degradation, image)[None]
            output = restore(network, pixels, compute, state)
            value = psnr(output, reference, border).item()
            rows.append({"input_degradation": degradation, "image": image, "psnr": value})
    return rows
