"""Momentum contrast (He et al. 2020, arXiv 1911.05722): how DASR's encoder is taught."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.errors import InputError

MOMENTUM = 0.999  # share of its own weights that the keys' encoder keeps in each step
TEMPERATURE = 0.07  # that the cosines are divided by


class MomentumContrast(nn.Module):
    """Two patches of one image are alike, patches of other images are not.

    What a patch is like is told by an encoder's embedding. Query patches go through the encoder
    itself, key patches through a copy that follows it slowly; the keys of the last batches stay in
    a queue and serve as those of other images. Only training has use for it: the network keeps
    nothing but the encoder.

    Args:
        encoder: from images to representations (N, D), with a module `embed` from these to
            embeddings (N, D) and the attribute `width`, D. It is shared, not copied.
        queue: number of keys that are kept.
        seed: of the keys that are in the queue at first, which are random.
    """

    def __init__(self, encoder: nn.Module, queue: int, seed: int):
        super().__init__()
        self.query = encoder
        self.key = copy.deepcopy(encoder).requires_grad_(False)
        keys = torch.randn(queue, encoder.width, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("queue", F.normalize(keys, dim=1))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """One step: the keys' encoder follows, the loss, the keys into the queue.

        Args:
            query, key: two patches each of the same images, LR (N, 3, H, W).

        Returns:
            The queries' representations (N, D), for the restorer; and the loss, the cross entropy
            of recognising each query's own key among those of the queue.

        Raises:
            InputError: N does not divide the length of the queue.
        """
        if len(self.queue) % len(query):
            raise InputError(
                f"momentum contrast: a batch of {len(query)} does not divide the queue of "
                f"{len(self.queue)}: set training.batch to a power of two"
            )
        with torch.no_grad():
            self._follow()
            keys = _direction(self.key, self.key(key))
        representation = self.query(query)
        queries = _direction(self.query, representation)
        with torch.autocast(query.device.type, enabled=False):  # cosines are divided by little
            positives = (queries * keys).sum(dim=1, keepdim=True)
            others = queries @ self.queue.clone().T  # it changes before the gradient is taken
            logits = torch.cat([positives, others], dim=1) / TEMPERATURE
        self._enqueue(keys)
        return representation, F.cross_entropy(logits, logits.new_zeros(len(logits)).long())

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the keys' encoder towards the queries' one."""
        pairs = zip(self.key.parameters(), self.query.parameters(), strict=True)
        for average, other in pairs:
            average.lerp_(other, 1 - MOMENTUM)

    @torch.no_grad()
    def _enqueue(self, keys: Tensor) -> None:
        """Put new keys in the place of the oldest."""
        rows = (self.position + torch.arange(len(keys), device=keys.device)) % len(self.queue)
        self.queue[rows] = keys
        self.position.copy_((self.position + len(keys)) % len(self.queue))


def _direction(encoder: nn.Module, representation: Tensor) -> Tensor:
    """Embeddings of length 1, float32 (N, D)."""
    return F.normalize(encoder.embed(representation).float(), dim=1)
