"""Blur kernels as short codes: principal components of isotropic Gaussians.

Two-branch networks know the degradation by such a code.
"""

import torch
from torch import Tensor, nn

from ..base.errors import InputError
from .operators import gaussian_lines

SIZE = 21  # side of a kernel in HR pixels
COMPONENTS = 10  # of a network that is not told how many
SIGMAS = {2: (0.2, 2.0), 3: (0.2, 3.0), 4: (0.2, 4.0)}  # range in HR pixels, by scale


def gaussian_kernels(sigmas: Tensor, size: int = SIZE) -> Tensor:
    """Isotropic Gaussian kernels (N, size, size), each summing to 1, as precise as the sigmas.

    Args:
        sigmas: in HR pixels, (N,); 0 for no blur.
        size: odd, in HR pixels.
    """
    lines = gaussian_lines(sigmas.clamp_min(1e-3), size)  # narrow enough to be one pixel
    return lines[:, :, None] * lines[:, None, :]


class KernelPCA(nn.Module):
    """Principal components of blur kernels: a kernel to its code, and back.

    All it knows are buffers, so that a checkpoint holds them; `load_state_dict` puts other
    components in the place of these.

    Args:
        mean: of the kernels, (size, size).
        components: orthonormal, (size * size, components).
    """

    def __init__(self, mean: Tensor, components: Tensor):
        super().__init__()
        self.register_buffer("mean", mean.float())
        self.register_buffer("components", components.float())
        delta = torch.zeros_like(self.mean)
        delta[len(delta) // 2, len(delta) // 2] = 1
        self.register_buffer("delta", self.encode(delta[None]))  # code of no blur: a first guess

    @classmethod
    def of(cls, kernels: Tensor, components: int) -> "KernelPCA":
        """The components with the largest variance, by singular value decomposition.

        Args:
            kernels: float64 (N, size, size).

        Raises:
            InputError: more components than kernels or their pixels.
        """
        flat = kernels.flatten(1)
        if not 1 <= components <= min(flat.shape):
            raise InputError(
                f"kernel code: found {components} components, expected 1 to {min(flat.shape)}"
            )
        mean = flat.mean(dim=0)
        # the triangular factor has the singular values and right vectors of the whole
        _, triangle = torch.linalg.qr(flat - mean, mode="r")
        vectors = torch.linalg.svd(triangle, full_matrices=False)[2][:components].T
        largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
        return cls(mean.reshape(kernels.shape[1:]), vectors * largest.sign())

    @property
    def size(self) -> int:
        """Side of a kernel."""
        return len(self.mean)

    # products and sums, because autocast would round a matrix product

    def encode(self, kernels: Tensor) -> Tensor:
        """Kernels (N, size, size) to codes (N, components)."""
        difference = (kernels - self.mean).flatten(1)
        return (difference[:, :, None] * self.components).sum(dim=1)

    def encode_blur(self, sigmas: Tensor) -> Tensor:
        """Codes (N, components) of Gaussian kernels, sigmas (N,) in HR pixels, 0 for no blur."""
        return self.encode(gaussian_kernels(sigmas, self.size))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, components) to the nearest kernels (N, size, size) that have them."""
        difference = (codes[:, None] * self.components).sum(dim=2)
        return self.mean + difference.unflatten(1, self.mean.shape)


def kernel_pca(low: float, high: float, components: int, samples: int = 30_000) -> KernelPCA:
    """PCA of sampled isotropic Gaussian kernels, as the two-branch networks' authors do it.

    Args:
        low, high: sigma is uniform between them, in HR pixels; `SIGMAS` has the authors' ranges.
        components: length of the code.
        samples: number of kernels; the same number, the same components.

    Raises:
        InputError: a range that is none, or more components than there can be.
    """
    if not 0 < low < high:
        raise InputError(f"kernel sigma: found {low} to {high}, expected 0 < low < high")
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(samples, generator=generator, dtype=torch.float64)
    return KernelPCA.of(gaussian_kernels(low + (high - low) * uniform), components)


def grid_pca(scale: int, components: int) -> KernelPCA:
    """PCA of kernels on a fixed grid of sigmas: quick, and what a new network starts with."""
    return KernelPCA.of(gaussian_kernels(torch.linspace(*SIGMAS[scale], 200).double()), components)


def kernel_pca_of(network: nn.Module) -> KernelPCA | None:
    """The principal components that a network's code is made of, if it is made of any."""
    pca = getattr(network, "pca", None)
    return pca if isinstance(pca, KernelPCA) else None


def set_kernel_code(network: nn.Module, stored: KernelPCA) -> None:
    """Give a network that uses a kernel code the first of the stored components.

    Raises:
        InputError: it asks for more than there are.
    """
    pca = kernel_pca_of(network)
    if pca is None:
        return
    wanted, there = pca.components.shape[1], stored.components.shape[1]
    if wanted > there:
        raise InputError(f"kernel code: found {there} components stored, the network has {wanted}")
    part = KernelPCA(stored.mean, stored.components[:, :wanted])
    pca.load_state_dict(part.state_dict())
