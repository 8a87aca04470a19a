"""SwinIR, light: attention in shifted windows (Liang et al. 2021, arXiv 2108.10257)."""

from collections.abc import Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.errors import InputError
from .blocks import conv, enlarged, image_mean, start_at_zero

APART = -100.0  # added to the score of pixels that do not see each other, as published


class WindowAttention(nn.Module):
    """Attention among the pixels of a window, with a learned score for each offset and head.

    Its output is the sum of what the heads give, each by its own rows of `qkv`, scores of offsets
    and columns of `proj`, and of the bias of `proj`.

    Args:
        features: channels of input and output, a multiple of `heads`.
        heads: of the attention.
        window: side in pixels.
    """

    # where the heads lie in a parameter, see `FilterIndex.of`
    head_axes = MappingProxyType(
        {"qkv.weight": 0, "qkv.bias": 0, "proj.weight": 1, "relative_position_bias_table": 1}
    )

    def __init__(self, features: int, heads: int, window: int):
        super().__init__()
        self.num_heads, self.head_dim = heads, features // heads
        offsets = (2 * window - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.register_buffer("offsets", _offsets(window), persistent=False)
        self.qkv = nn.Linear(features, 3 * features)
        self.proj = nn.Linear(features, features)

    def forward(self, x: Tensor, apart: Tensor | None) -> Tensor:
        """Tokens of windows (images x windows, pixels, features) to the same shape.

        Args:
            apart: added to the scores, (windows, pixels, pixels); None for nothing.
        """
        queries, keys, values = (
            self.qkv(x).unflatten(-1, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        )
        scores = queries * self.head_dim**-0.5 @ keys.transpose(-2, -1)
        scores = scores + self.relative_position_bias_table[self.offsets].permute(2, 0, 1)
        if apart is not None:
            scores = (scores.unflatten(0, (-1, len(apart))) + apart[:, None]).flatten(0, 1)
        return self.proj((scores.softmax(-1) @ values).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two linear layers for each pixel."""

    def __init__(self, features: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(features, hidden)
        self.fc2 = nn.Linear(hidden, features)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class SwinBlock(nn.Module):
    """Attention in windows, shifted in every second block, then a layer for each pixel."""

    def __init__(self, features: int, heads: int, window: int, shift: int, mlp_ratio: int):
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(features)
        self.attn = WindowAttention(features, heads, window)
        self.norm2 = nn.LayerNorm(features)
        self.mlp = Mlp(features, mlp_ratio * features)

    def forward(self, x: Tensor, apart: Tensor) -> Tensor:
        """Features (N, H, W, C), sides multiples of the window, to the same shape.

        Args:
            apart: of shifted windows, see `apart_in_windows`.
        """
        shift = self.shift
        moved = self.norm1(x).roll((-shift, -shift), (1, 2))
        attended = self.attn(_windows(moved, self.window), apart if shift else None)
        x = x + _image(attended, self.window, x.shape).roll((shift, shift), (1, 2))
        return x + self.mlp(self.norm2(x))


class SwinGroup(nn.Module):
    """Blocks, a convolution, and a skip around them."""

    def __init__(self, features: int, depth: int, heads: int, window: int, mlp_ratio: int):
        super().__init__()
        shifts = [window // 2 * (k % 2) for k in range(depth)]
        blocks = [SwinBlock(features, heads, window, shift, mlp_ratio) for shift in shifts]
        self.residual_group = nn.ModuleDict({"blocks": nn.ModuleList(blocks)})
        self.conv = conv(features, features)

    def forward(self, x: Tensor, apart: Tensor) -> Tensor:
        y = x
        for block in self.residual_group["blocks"]:
            y = block(y, apart)
        return x + _convolved(self.conv, y)


class SwinIR(nn.Module):
    """SwinIR with one pixel shuffle from features to the image, the paper's light variant.

    Weights are named as in the released code, so that published checkpoints fit. Unlike there, no
    blocks are left out at random in training, and linear layers start from torch's larger weights,
    from which small networks learn in far fewer iterations. Images are padded to whole windows by
    reflection below and to the right, so that the output depends on where windows lie.

    Args:
        scale: 2, 3 or 4.
        features: channels, a multiple of `heads`.
        depths: blocks of each group.
        heads: of each attention.
        window: side of the windows in LR pixels.
        mlp_ratio: hidden channels of the layers for each pixel, in multiples of `features`.
        skip: add the bilinearly enlarged input to the output, and start from it; the paper's
            network has none.
    """

    # what the released code stores beside the weights, and this one makes itself
    computed_buffers = ("relative_position_index", "attn_mask")

    def __init__(
        self,
        scale: int = 2,
        features: int = 60,
        depths: Sequence[int] = (6, 6, 6, 6),
        heads: int = 6,
        window: int = 8,
        mlp_ratio: int = 2,
        skip: bool = False,
    ):
        super().__init__()
        if features % heads:
            raise InputError(
                f"features: found {features}, expected a multiple of the {heads} heads"
            )
        self.scale, self.window, self.skip = scale, window, skip
        self.register_buffer("mean", image_mean(), persistent=False)
        self.conv_first = conv(3, features)
        self.patch_embed = nn.ModuleDict({"norm": nn.LayerNorm(features)})
        self.layers = nn.ModuleList(
            SwinGroup(features, depth, heads, window, mlp_ratio) for depth in depths
        )
        self.norm = nn.LayerNorm(features)
        self.conv_after_body = conv(features, features)
        self.upsample = nn.Sequential(conv(features, 3 * scale**2), nn.PixelShuffle(scale))
        if skip:
            start_at_zero(self.upsample[0])

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        first = self.conv_first(_padded(x, self.window) - self.mean)
        y = self.patch_embed["norm"](first.permute(0, 2, 3, 1))
        apart = apart_in_windows(*y.shape[1:3], self.window, self.window // 2).to(y)
        for group in self.layers:
            y = group(y, apart)
        features = first + self.conv_after_body(self.norm(y).permute(0, 3, 1, 2))
        output = self.upsample(features)[..., : self.scale * height, : self.scale * width]
        return output + (enlarged(x, self.scale) if self.skip else self.mean)


def _convolved(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution of features (N, H, W, C)."""
    return conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _padded(x: Tensor, window: int) -> Tensor:
    """Images (N, 3, H, W) with sides that are multiples of the window."""
    height, width = x.shape[-2:]
    below, right = -height % window, -width % window
    mode = "reflect" if below < height and right < width else "replicate"
    return F.pad(x, (0, right, 0, below), mode=mode)


def _windows(x: Tensor, window: int) -> Tensor:
    """Features (N, H, W, C) window by window, (N x windows, pixels, C)."""
    rows = x.unflatten(2, (-1, window)).unflatten(1, (-1, window))
    return rows.transpose(2, 3).flatten(3, 4).flatten(0, 2)


def _image(windows: Tensor, window: int, shape: Sequence[int]) -> Tensor:
    """What `_windows` made of features of this shape, (N, H, W, C)."""
    count, height, width, channels = shape
    grid = windows.reshape(count, height // window, width // window, window, window, channels)
    return grid.transpose(2, 3).reshape(count, height, width, channels)


def _offsets(window: int) -> Tensor:
    """Number of the offset between any two pixels of a window, integers (pixels, pixels)."""
    pixels = torch.arange(window**2)
    row, column = pixels // window, pixels % window
    down, right = (each[:, None] - each + window - 1 for each in (row, column))
    return down * (2 * window - 1) + right


def apart_in_windows(height: int, width: int, window: int, shift: int) -> Tensor:
    """What keeps pixels apart that are neighbours only since the image was rolled by the shift.

    Returns:
        0 or `APART`, float32 (windows, pixels, pixels).
    """
    last = [
        (torch.arange(size) >= size - window).int() + (torch.arange(size) >= size - shift)
        for size in (height, width)
    ]
    regions = 3 * last[0][:, None] + last[1]
    regions = _windows(regions[None, ..., None], window)[..., 0]
    return APART * (regions[:, :, None] != regions[:, None]).float()


Network = SwinIR
