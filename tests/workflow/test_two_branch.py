"""The comparison of two-branch networks with one-branch ones, in the tiny run."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from faig.data.kernels import KernelPCA, kernel_pca
from faig.data.store import ImageStore
from faig.networks.building import build
from faig.networks.weights import load_weights
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn.functional import interpolate

VARIANTS = ["two_branch", "equal_parameters", "equal_operations"]
MODEL = "results/tiny/two_branch/random_blur/dan1/seed0"


@pytest.fixture(scope="module")
def evaluated(finished) -> pd.DataFrame:
    return pd.read_parquet(finished.folder / MODEL / "evaluation.parquet")


def spec(finished, variant: str) -> dict:
    path = finished.folder / f"results/tiny/two_branch/networks/dan1/{variant}.json"
    return json.loads(path.read_text())


def size(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_every_output_is_measured_once(evaluated):
    codes = {"two_branch": {"own", "mean", "true"}}
    for variant, rows in evaluated.groupby("variant"):
        assert set(rows["code"]) == codes.get(variant, {"own"})
    keys = ["variant", "code", "dataset", "image", "sigma"]
    assert not evaluated.duplicated(keys).any()
    assert len(evaluated) == (3 + 1 + 1) * 2 * 2  # outputs, images, sigmas
    assert set(evaluated["sigma"]) == {0.5, 2.0}
    assert set(evaluated["setting"]) == {"random_blur"}
    assert np.isfinite(evaluated[["psnr", "ssim", "psnr_bicubic", "ssim_bicubic"]]).all(axis=None)
    told = evaluated["sigma_error"].notna()
    assert (told == ((evaluated["variant"] == "two_branch") & (evaluated["code"] == "own"))).all()
    assert evaluated.loc[told, "sigma_error"].between(0, 1.5).all()
    assert (evaluated.loc[told, "code_error"] >= 0).all()


def test_bicubic_interpolation_is_the_measure_for_all(finished, evaluated):
    levels = evaluated.groupby(["image", "sigma"])[["psnr_bicubic", "ssim_bicubic"]].nunique()
    assert (levels == 1).all(axis=None)
    store = ImageStore(finished.folder / "results/tiny/two_branch/data/tiny_test.h5")
    row = evaluated[evaluated["sigma"] == 2.0].iloc[0]
    lr, hr = store.lr("random_blur_2", row["image"]), store.hr(row["image"])
    enlarged = interpolate(lr[None] / 255, scale_factor=2, mode="bicubic")[0]
    inside = (slice(None), slice(2, -2), slice(2, -2))
    output, reference = (
        pixels[inside].permute(1, 2, 0).byte().numpy()
        for pixels in ((255 * enlarged.clamp(0, 1)).round(), hr)
    )
    expected = peak_signal_noise_ratio(reference, output)
    assert row["psnr_bicubic"] == pytest.approx(expected, abs=0.01)
    expected = structural_similarity(reference, output, channel_axis=2, gaussian_weights=True)
    assert row["ssim_bicubic"] == pytest.approx(expected, abs=0.02)


def test_controls_cost_what_the_two_branch_network_costs(finished, evaluated):
    specs = {variant: spec(finished, variant) for variant in VARIANTS}
    for variant, own in specs.items():
        assert own["parameters"] == size(build(**own["network"]))
        rows = evaluated[evaluated["variant"] == variant]
        assert set(rows["parameters"]) == {own["parameters"]}
        assert set(rows["multiply_adds"]) == {own["multiply_adds"]}
    assert {own["network"]["parameters"]["features"] for own in specs.values()} == {4}
    wanted, nearest = specs["two_branch"]["parameters"], specs["equal_parameters"]
    for blocks in {max(1, nearest["blocks"] + more) for more in (-1, 1)}:
        other = size(build("srresnet", 2, {"features": 4, "blocks": blocks}))
        assert abs(nearest["parameters"] - wanted) <= abs(other - wanted)


def test_the_network_is_trained_with_the_stored_kernel_code(finished):
    stored = load_weights(finished.folder / "results/tiny/two_branch/kernel_code.safetensors")
    weights = load_weights(finished.folder / MODEL / "two_branch.safetensors")
    assert torch.equal(weights["pca.components"], stored["components"][:, :10])
    expected = kernel_pca(0.2, 2.0, 10)
    torch.testing.assert_close(weights["pca.components"], expected.components)
    own = KernelPCA(stored["mean"], stored["components"][:, :10])
    torch.testing.assert_close(weights["pca.delta"], own.delta)


def test_the_code_is_asked_what_the_filters_are_asked(finished):
    probed = pd.read_parquet(finished.folder / MODEL / "probe.parquet")
    predicted = pd.read_parquet(finished.folder / "results/tiny/prediction/small/seed0.parquet")
    keys = ["dataset", "image", "true_degradation", "degradation", "present"]
    asked = predicted[keys].drop_duplicates().sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(probed[keys].sort_values(keys).reset_index(drop=True), asked)
    assert probed["predicted"].dtype == bool


def test_the_comparison_alone_has_a_report(finished):
    assert finished.plan("two_branch").keys() == {"report_two_branch", "two_branch"}
    finished.run("two_branch")
    report = (finished.folder / "results/tiny/two_branch/report.html").read_text()
    assert "plot_two_branch_knowledge" in report


def test_without_its_section_the_target_says_what_is_missing(workflow):
    workflow.config["two_branch"] = None
    output = workflow.run("two_branch", "--dry-run", check=False).stdout
    assert "two_branch: the config has no section of that name" in output
    assert "config/two-branch.yaml" in output
