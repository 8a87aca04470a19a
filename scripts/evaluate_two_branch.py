"""Measure a two-branch network and its one-branch controls, and what knowing the blur is worth."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from faig.base.metrics import psnr, ssim
from faig.base.progress import progress
from faig.base.tables import write_table
from faig.comparison.two_branch import crop_codes, estimate, load, number_probe, restore_told
from faig.data.degradations import quantize
from faig.data.kernels import kernel_pca_of
from faig.data.store import ImageStore
from faig.evaluation.prediction import crops_of
from faig.networks.building import read_spec
from faig.networks.restoring import restore
from faig.run import cli
from torch import Tensor


class Plain:
    """A network as it is; the code of its images, if any, is nobody's business.

    Args:
        network: see `faig.two_branch.load`.
    """

    def __init__(self, network, compute):
        self.network, self.compute = network, compute

    def outputs(self, pixels: Tensor, sigma: float) -> Iterator[tuple[dict, Tensor]]:
        """SR images of one LR image uint8 (1, 3, H, W), with columns that tell them apart."""
        yield {"code": "own"}, restore(self.network, pixels, self.compute)


class Conditioned(Plain):
    """A two-branch network, also with the code of a typical image, and with the true one.

    Args:
        calibration: images in all `sigmas`, for what is typical and for the probe of the sigma.
        cfg: keys sigmas (by degradation), crop, crops_per_image.
    """

    def __init__(self, network, compute, calibration: ImageStore, cfg: dict):
        super().__init__(network, compute)
        crops = crops_of(calibration, cfg)
        codes = [crop_codes(network, calibration, crops, name, compute) for name in cfg["sigmas"]]
        told = np.repeat(list(cfg["sigmas"].values()), len(crops))
        self.probe, self.known = number_probe().fit(np.concatenate(codes), told), told
        mean = np.concatenate(codes).mean(axis=0, keepdims=True)
        self.mean = torch.from_numpy(mean).to(compute.device)
        self.pca = kernel_pca_of(network)
        if self.pca:
            true = self._true(list(cfg["sigmas"].values()))
            self.length = true.square().sum(dim=1).mean().sqrt()

    def _true(self, sigmas: list[float]) -> Tensor:
        return self.pca.encode_blur(torch.tensor(sigmas, device=self.compute.device))

    def outputs(self, pixels: Tensor, sigma: float) -> Iterator[tuple[dict, Tensor]]:
        """As `Plain.outputs`; `own` with the errors of what the network says of the blur."""
        code = estimate(self.network, pixels, self.compute)
        told = self.probe.predict(code.cpu().numpy())[0].clip(self.known.min(), self.known.max())
        errors = {"sigma_error": abs(told - sigma)}
        if self.pca:
            true = self._true([sigma])
            errors["code_error"] = float((code - true).norm() / self.length)
            yield {"code": "true"}, restore_told(self.network, pixels, true, self.compute)
        yield {"code": "own", **errors}, restore(self.network, pixels, self.compute)
        yield {"code": "mean"}, restore_told(self.network, pixels, self.mean, self.compute)


def measure(variants: list[tuple[dict, Plain]], store: ImageStore, sigmas: dict) -> Iterator[dict]:
    """PSNR (dB) and SSIM of every output for every image and blur, beside bicubic interpolation.

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
        for own, network in variants:
            for columns, output in network.outputs(pixels, sigma):
                yield {**own, **facts, **columns, **quality(output, reference, scale)}


def quality(output: Tensor, reference: Tensor, border: int) -> dict[str, float]:
    """PSNR and SSIM of one image."""
    return {f.__name__: f(output, reference, border).item() for f in (psnr, ssim)}


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    variants = []
    for path, weights in zip(args.specs, args.weights, strict=True):
        spec = read_spec(path)
        network = load(spec, weights, compute)
        if path.stem == "two_branch":
            network = Conditioned(network, compute, ImageStore(args.calibration), cfg)
        else:
            network = Plain(network, compute)
        cost = {key: spec[key] for key in ("blocks", "parameters", "multiply_adds")}
        variants.append(({"variant": path.stem, **cost}, network))
    rows = [row for path in args.data for row in measure(variants, ImageStore(path), cfg["sigmas"])]
    table = pd.DataFrame(rows).assign(setting=cfg["setting"])
    for column in ("code_error", "sigma_error"):
        table[column] = table.get(column, np.nan)  # no network of the kind that has one
    print(table.pivot_table("psnr", ["variant", "code"], "sigma", sort=False))
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--specs", "what each variant is (JSON, named by it)", nargs="+")
    cli.path(parser, "--weights", "their weights (safetensors), in the same order", nargs="+")
    cli.path(parser, "--calibration", "images to fit the probe and the mean code on (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
