"""How good an image is, and how much an output changed. Images: (N, 3, H, W), values in [0, 1]."""

import torch
from torch import Tensor


def crop_border(images: Tensor, border: int) -> Tensor:
    """Leave out `border` pixels on each side, where padding disturbs the network."""
    return images[..., border : images.shape[-2] - border, border : images.shape[-1] - border]


def psnr(output: Tensor, reference: Tensor, border: int = 0) -> Tensor:
    """Peak signal-to-noise ratio of each image on RGB, in dB: float64 (N,)."""
    difference = crop_border(output, border).double() - crop_border(reference, border).double()
    return -10 * torch.log10(difference.square().mean(dim=(1, 2, 3)))


# luminance of RGB in [0, 1] as the field takes PSNR of it: ITU-R BT.601 in studio range, over 255
LUMINANCE = 65.481 / 255, 128.553 / 255, 24.966 / 255


def psnr_y(output: Tensor, reference: Tensor, border: int = 0) -> Tensor:
    """As `psnr`, on luminance (the Y of YCbCr) alone, which a shift of colour hardly touches."""
    difference = crop_border(output, border).double() - crop_border(reference, border).double()
    weights = difference.new_tensor(LUMINANCE).reshape(1, 3, 1, 1)
    difference = (difference * weights).sum(dim=1)
    return -10 * torch.log10(difference.square().mean(dim=(1, 2)))


def ssim(output: Tensor, reference: Tensor, border: int = 0) -> Tensor:
    """Structural similarity of each image on RGB (Gaussian window, sigma 1.5): float (N,)."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    return structural_similarity_index_measure(
        crop_border(output, border),
        crop_border(reference, border),
        data_range=1.0,
        reduction="none",
    )


# ITU-R BT.601 luma, and the channel that the released code takes for grey (OpenCV reads BGR)
GREY_WEIGHTS = {"grey": (0.299, 0.587, 0.114), "blue": (0.0, 0.0, 1.0)}


def gradient_map(images: Tensor, channel: str = "grey") -> Tensor:
    """Magnitude of the central differences of the grey image: (N, H - 2, W - 2).

    Args:
        images: values in [0, 1].
        channel: `grey` (luma), or `blue` as in the released code.
    """
    weights = images.new_tensor(GREY_WEIGHTS[channel]).reshape(1, 3, 1, 1)
    grey = (images * weights).sum(dim=1)
    vertical = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    horizontal = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    return torch.sqrt(vertical**2 + horizontal**2 + 1e-6)


def gradient_mse(output: Tensor, reference: Tensor, channel: str = "grey") -> Tensor:
    """Mean squared difference of the gradient maps x 1000 (the paper's figure 5): float (N,)."""
    difference = gradient_map(output, channel) - gradient_map(reference, channel)
    return 1000 * difference.square().mean(dim=(1, 2))
