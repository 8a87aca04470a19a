"""How long things take."""

from collections.abc import Iterator
from typing import Annotated, Literal

from faig.attribution.quadrature import RULES
from pydantic import Field

from .section import (
    DISTINCT,
    FITS,
    Batch,
    Count,
    Counts,
    Nodes,
    Path,
    Section,
    Side,
    Size,
    Slip,
    too_large,
)

Tried = Annotated[list[Annotated[int, Field(ge=2, le=1000)]], Field(min_length=1)]

Matrix = Annotated[int, Field(ge=1, le=65_536, json_schema_extra=FITS)]


class Benchmark(Section):
    """Exactness of the quadrature, cost of attribution, speed of training."""

    nodes: Nodes = Field(8, description="Gauss-Legendre nodes of our engine")
    repetitions: Count = Field(3, description="of every timing; the median counts")
    sizes: Annotated[list[Size], Field(min_length=1), *DISTINCT] = Field(
        [[40, 60], [80, 120], [160, 240]],
        description="heights and widths of the images, in LR pixels",
    )
    images: Annotated[Counts, *DISTINCT] = Field(
        [1, 2, 4],
        description="numbers of images to attribute one after another, at the smallest size; larger"
        " sizes take one",
    )
    matrices: Annotated[list[Matrix], Field(min_length=1)] = Field(
        [1024, 2048, 4096],
        description="sides of the matrix products that measure the machine's peak; the fastest "
        "counts",
    )
    patch: Side = Field(
        64,
        description="side of the HR patches in pixels with which training is timed, rounded down to"
        " a multiple of the scale",
    )
    batch: Batch = Field(16, description="patches per iteration of the training that is timed")
    reference_size: Size = Field(
        [40, 40],
        description="height and width in LR pixels of the image on which exactness is measured",
    )
    reference_nodes: int = Field(
        512,
        ge=1,
        le=100_000,
        description="midpoint nodes that everything is compared with",
    )
    curve: dict[Literal[tuple(RULES)], Tried] | None = Field(
        {
            "gauss-legendre": [2, 4, 8, 16, 32],
            "left": [4, 8, 16, 32],
            "midpoint": [2, 4, 8, 16, 32],
            "trapezoid": [2, 4, 8, 16, 32],
        },
        description="numbers of nodes to try, per quadrature rule; `null` for no such figure, nor "
        "the cost of attribution, which is compared at equal exactness",
    )
    released: Path | None = Field(
        None,
        description="a checkout of the paper's released code (github.com/TencentARC/FAIG), which is"
        " then measured, too, for networks `srresnet` and `srcnn` of its own sizes",
    )

    def slips(self) -> Iterator[Slip]:
        return too_large(self.batch, self.patch)
