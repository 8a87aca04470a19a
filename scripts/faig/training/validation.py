"""PSNR of a network on a dataset."""

import copy
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from torch import Tensor, nn

from ..base.device import Compute
from ..base.metrics import psnr
from ..data.sources import spread
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


def validator(
    network: nn.Module,
    store: ImageStore,
    count: int,
    degradations: Sequence[str],
    compute: Compute,
) -> Callable[[Mapping[str, Tensor]], list[dict]]:
    """What `loop.train` validates with: from weights to the mean PSNR per degradation.

    Args:
        network: which the weights are of; copied, because training changes it.
        count: images to validate on, evenly spread over the store's.
    """
    shadow = compute.place(copy.deepcopy(network)).eval()
    images = spread(store.names, count)

    def validate(state: Mapping[str, Tensor]) -> list[dict]:
        rows = evaluate(shadow, store, degradations, compute, state, images)
        means = pd.DataFrame(rows).groupby("input_degradation", sort=False)["psnr"].mean()
        return [{"degradation": name, "psnr": value} for name, value in means.items()]

    return validate
