import numpy as np
import pytest
import torch
from faig.base.metrics import gradient_mse, psnr, psnr_y, ssim
from scipy import ndimage
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


@pytest.fixture
def pairs():
    """Three smooth images and noisy versions of them, (3, 3, 40, 48)."""
    rng = np.random.default_rng(0)
    images = ndimage.gaussian_filter(rng.random((3, 3, 40, 48)), (0, 0, 2, 2))
    images = (images - images.min()) / np.ptp(images)
    noisy = np.clip(images + rng.normal(0, [[[[0.02]]], [[[0.05]]], [[[0.1]]]], images.shape), 0, 1)
    return torch.tensor(noisy, dtype=torch.float32), torch.tensor(images, dtype=torch.float32)


def uncropped(image: torch.Tensor, border: int) -> np.ndarray:
    """(3, H, W) tensor to an (H, W, 3) array without its border."""
    array = image.permute(1, 2, 0).numpy()
    return array[border:-border, border:-border] if border else array


def gradient_mse_by_loops(output: np.ndarray, reference: np.ndarray, weights) -> float:
    def gradient_map(image):
        grey = np.tensordot(weights, image.astype(np.float64), 1)
        result = np.empty((grey.shape[0] - 2, grey.shape[1] - 2))
        for y in range(1, grey.shape[0] - 1):
            for x in range(1, grey.shape[1] - 1):
                v, h = grey[y + 1, x] - grey[y - 1, x], grey[y, x + 1] - grey[y, x - 1]
                result[y - 1, x - 1] = np.sqrt(v**2 + h**2 + 1e-6)
        return result

    return 1000 * np.mean((gradient_map(output) - gradient_map(reference)) ** 2)


@pytest.mark.parametrize("border", [0, 2, 5])
def test_psnr_agrees_with_scikit_image(pairs, border):
    expected = [
        peak_signal_noise_ratio(uncropped(b, border), uncropped(a, border), data_range=1)
        for a, b in zip(*pairs, strict=True)
    ]
    assert psnr(*pairs, border).tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("border", [0, 3])
def test_psnr_of_luminance_agrees_with_scikit_image(pairs, border):
    expected = [
        peak_signal_noise_ratio(
            *(rgb2ycbcr(uncropped(image, border))[..., 0] for image in (b, a)), data_range=255
        )
        for a, b in zip(*pairs, strict=True)
    ]
    assert psnr_y(*pairs, border).tolist() == pytest.approx(expected, abs=1e-3)


def test_ssim_agrees_with_scikit_image(pairs):
    # scikit-image leaves the 5 pixels at the border out of the mean, we reflect the image there:
    # in a frame that both images share, only the number of pixels differs
    framed = [torch.nn.functional.pad(images, [16] * 4, value=0.5) for images in pairs]
    height, width = framed[0].shape[2:]
    pixels, inside = height * width, (height - 10) * (width - 10)
    theirs = [
        structural_similarity(
            uncropped(b, 0),
            uncropped(a, 0),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=2,
            data_range=1,
        )
        for a, b in zip(*framed, strict=True)
    ]
    expected = [1 - (1 - value) * inside / pixels for value in theirs]
    assert ssim(*framed).tolist() == pytest.approx(expected, abs=1e-5)


def test_ssim_leaves_the_border_out(pairs):
    cropped = [images[..., 3:-3, 3:-3] for images in pairs]
    assert torch.equal(ssim(*pairs, 3), ssim(*cropped))


@pytest.mark.parametrize(
    ("channel", "weights"), [("grey", (0.299, 0.587, 0.114)), ("blue", (0, 0, 1))]
)
def test_gradient_mse_agrees_with_loops(pairs, channel, weights):
    expected = [
        gradient_mse_by_loops(a.numpy(), b.numpy(), weights) for a, b in zip(*pairs, strict=True)
    ]
    assert gradient_mse(*pairs, channel).tolist() == pytest.approx(expected, rel=1e-4)


def test_identical_images(pairs):
    _, images = pairs
    assert gradient_mse(images, images).tolist() == [0, 0, 0]
    assert psnr(images, images).tolist() == [float("inf")] * 3
    assert ssim(images, images).tolist() == pytest.approx([1, 1, 1])


def test_brightness_alone_changes_no_gradient(pairs):
    _, images = pairs
    assert gradient_mse(images * 0.5, images * 0.5 + 0.25).max() < 1e-6
