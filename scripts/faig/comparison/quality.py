"""Quality of two-branch and one-branch networks, and what knowing the blur is worth to them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.device import Compute
from ..base.metrics import psnr, ssim
from ..base.progress import progress
from ..data.crops import Crop
from ..data.kernels import kernel_pca_of
from ..data.pixels import quantize
from ..data.store import ImageStore
from ..networks.restoring import restore
from .probes import number_probe
from .two_branch import embed_crops, estimate, restore_given


class Plain:
    """A network as it is; the embedding of its images, if any, is not looked at.

    Args:
        network: see `two_branch.load`.
    """

    def __init__(self, network: nn.Module, compute: Compute):
        self.network, self.compute = network, compute

    def outputs(self, pixels: Tensor, sigma: float) -> Iterator[tuple[dict, Tensor]]:
        """SR images of one LR image uint8 (1, 3, H, W), with columns that tell them apart."""
        yield {"code": "own"}, restore(self.network, pixels, self.compute)


class Conditioned(Plain):
    """A two-branch network, also with the embedding of a typical image, and with the true one.

    Args:
        calibration: images in all `sigmas`, for what is typical and for the probe of the sigma.
        crops: of these images.
        sigmas: of the blur (HR pixels) by degradation.
    """

    def __init__(
        self,
        network: nn.Module,
        compute: Compute,
        calibration: ImageStore,
        crops: Sequence[Crop],
        sigmas: Mapping[str, float],
    ):
        super().__init__(network, compute)
        found = [embed_crops(network, calibration, crops, name, compute) for name in sigmas]
        self.known = np.repeat(list(sigmas.values()), len(crops))
        self.probe = number_probe().fit(np.concatenate(found), self.known)
        mean = np.concatenate(found).mean(axis=0, keepdims=True)
        self.mean = torch.from_numpy(mean).to(compute.device)
        self.pca = kernel_pca_of(network)
        if self.pca:
            true = self._true(list(sigmas.values()))
            self.length = true.square().sum(dim=1).mean().sqrt()

    def _true(self, sigmas: list[float]) -> Tensor:
        return self.pca.encode_blur(torch.tensor(sigmas, device=self.compute.device))

    def outputs(self, pixels: Tensor, sigma: float) -> Iterator[tuple[dict, Tensor]]:
        """As `Plain.outputs`; `own` with the errors of what the network says of the blur."""
        found = estimate(self.network, pixels, self.compute)
        told = self.probe.predict(found.cpu().numpy())[0].clip(self.known.min(), self.known.max())
        errors = {"sigma_error": abs(told - sigma)}
        if self.pca:
            true = self._true([sigma])
            errors["code_error"] = float((found - true).norm() / self.length)
            yield {"code": "true"}, restore_given(self.network, pixels, true, self.compute)
        yield {"code": "own", **errors}, restore(self.network, pixels, self.compute)
        yield {"code": "mean"}, restore_given(self.network, pixels, self.mean, self.compute)


def compare(
    variants: Sequence[tuple[dict, Plain]],
    stores: Iterable[ImageStore],
    sigmas: Mapping[str, float],
    setting: str,
) -> pd.DataFrame:
    """PSNR and SSIM of all variants on all test images, see `measure`.

    Args:
        setting: name of the degradation in training.

    Returns:
        Columns of the variants, setting, dataset, image, sigma (HR pixels), psnr,
        psnr_bicubic (dB), ssim, ssim_bicubic; code (which embedding was used: `own`, `mean`,
        `true`); sigma_error (HR pixels) and code_error (relative) of the network's estimate, NaN
        where there is none.
    """
    rows = [row for store in stores for row in measure(variants, store, sigmas)]
    table = pd.DataFrame(rows).assign(setting=setting)
    for column in ("code_error", "sigma_error"):
        table[column] = table.get(column, np.nan)  # no network of the kind that has one
    return table


def measure(
    variants: Sequence[tuple[dict, Plain]], store: ImageStore, sigmas: Mapping[str, float]
) -> Iterator[dict]:
    """Quality of every output for every image and blur, beside bicubic interpolation.

    Args:
        variants: columns that tell a network apart, and the network; all on one device.
    """
    compute, scale = variants[0][1].compute, store.scale
    pairs = [(image, name) for image in store.names for name in sigmas]
    for image, name in progress(pairs, store.path.stem, len(pairs), "image"):
        pixels, sigma = store.lr(name, image)[None], sigmas[name]
        reference = compute.images(store.hr(image)[None])
        plain = F.interpolate(
            compute.images(pixels), scale_factor=scale, mode="bicubic", align_corners=False
        )
        compared = quality(quantize(plain), reference, scale)
        facts = {"dataset": store.path.stem, "image": image, "sigma": sigma}
        facts |= {f"{key}_bicubic": value for key, value in compared.items()}
        for variant, network in variants:
            for columns, output in network.outputs(pixels, sigma):
                yield {**variant, **facts, **columns, **quality(output, reference, scale)}


def quality(output: Tensor, reference: Tensor, border: int) -> dict[str, float]:
    """PSNR (dB) and SSIM of one image."""
    return {f.__name__: f(output, reference, border).item() for f in (psnr, ssim)}
