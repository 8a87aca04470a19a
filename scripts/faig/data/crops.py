"""Square crops of a dataset's images, the same place at every size."""

from dataclasses import dataclass

from torch import Tensor

from .sources import spread
from .store import ImageStore


@dataclass(frozen=True)
class Crop:
    """A square part of an image, given by its top left corner and side in LR pixels."""

    image: str
    y: int
    x: int
    side: int

    def __str__(self) -> str:
        return f"{self.image}@{self.y},{self.x}"

    def of(self, pixels: Tensor, factor: int = 1) -> Tensor:
        """Cut it out of (..., H, W) pixels that are `factor` times as fine as the LR image."""
        rows, columns = (slice(n * factor, (n + self.side) * factor) for n in (self.y, self.x))
        return pixels[..., rows, columns]


def spread_crops(store: ImageStore, side: int, count: int) -> list[Crop]:
    """Up to `count` crops of each image that do not overlap, evenly spread.

    Args:
        side: in LR pixels; an image smaller than that is taken whole.
        count: how many at most per image.
    """
    scale, result = store.scale, []
    for image in store.names:
        height, width = (n // scale for n in store.hr(image).shape[1:])
        corners = [
            Crop(image, y, x, side)
            for y in range(0, max(height - side, 0) + 1, side)
            for x in range(0, max(width - side, 0) + 1, side)
        ]
        result += spread(corners, count)
    return result


def few_crops(store: ImageStore, side: int, count: int) -> list[Crop]:
    """Up to `count` crops evenly spread over the images, see `spread_crops`."""
    return spread(spread_crops(store, side, max(1, count // len(store.names))), count)
