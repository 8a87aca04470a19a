"""Where the arithmetic runs: device, precision and threads."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")


def choose_device(name: str = "auto") -> torch.device:
    """The device to compute on; `auto` takes CUDA, else MPS, else the CPU."""
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, present in available.items() if present)
    kind = name.split(":")[0]
    if kind not in available:
        raise InputError(f"device: found '{name}', expected one of {', '.join(DEVICES)}")
    if not available[kind]:
        raise InputError(f"device: '{name}' was asked for, but torch finds none on this machine")
    device = torch.device(name)
    if kind == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise InputError(f"device: found '{name}', but torch finds {count} GPUs, from cuda:0 on")
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The data type of convolutions; `auto` is bfloat16 where the hardware has it."""
    if name not in PRECISIONS:
        raise InputError(f"precision: found '{name}', expected one of {', '.join(PRECISIONS)}")
    if name == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return getattr(torch, name)


@dataclass(frozen=True)
class Compute:
    """A device and the precision of its convolutions.

    Parameters, their gradients, and all sums stay float32; only convolutions run in `precision`.
    """

    device: torch.device
    precision: torch.dtype

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> "Compute":
        """Resolve the config's names, see `choose_device` and `choose_precision`."""
        chosen = choose_device(device)
        return cls(chosen, choose_precision(precision, chosen))

    def autocast(self) -> AbstractContextManager:
        """Context in which convolutions run in `precision`.

        Autocast can cache cast weights; it may not here, because weights change in place.
        """
        enabled = self.precision != torch.float32
        return torch.autocast(self.device.type, self.precision, enabled, cache_enabled=False)

    def place(self, network: nn.Module) -> nn.Module:
        """Move a network to the device, in the memory layout that convolutions run fastest in."""
        return network.to(self.device, memory_format=torch.channels_last)

    def images(self, pixels: Tensor) -> Tensor:
        """8-bit images (N, 3, H, W) to the device, float32 in [0, 1], channels last."""
        moved = pixels.to(self.device, non_blocking=True).float() / 255
        return moved.contiguous(memory_format=torch.channels_last)

    def __str__(self) -> str:
        return f"{self.device} in {str(self.precision).removeprefix('torch.')}"
