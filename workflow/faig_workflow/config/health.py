"""Whether a pair of networks can be attributed."""

from pydantic import Field

from .section import Count, NotNegative, Number, Section, Side


class Limits(Section):
    """Beyond which a pair is doubtful or unfit."""

    gain: NotNegative = Field(
        2,
        description="standard errors over the crops; a smaller gain is doubtful, no gain is unfit. "
        "About a 95 % interval",
    )
    barrier_doubtful: NotNegative = Field(
        0.5,
        description="gains by which the loss on the line rises above the chord between its ends. A "
        "pair of the default run whose loss only rises has 0.3; published pairs that were "
        "fine-tuned from each other have 0.1 to 0.7",
    )
    barrier_unfit: NotNegative = Field(
        1,
        description="a loss that only rises from target to baseline cannot exceed it. Published "
        "pairs whose weights are not connected reach 24: there FAIG describes the barrier, not the "
        "skill",
    )
    monotony: Number = Field(
        0.8,
        ge=-1,
        le=1,
        description="gain divided by all ups and downs of the loss on the line, 1 where it only "
        "rises; below it is doubtful: at 0.8 the loss falls by an eighth of a gain on its way up",
    )
    cancellation_doubtful: Number = Field(
        10,
        ge=1,
        description="sum of the sizes of all filters' signed shares divided by the size of their "
        "sum. Pairs of the default run have 3 to 7",
    )
    cancellation_unfit: Number = Field(
        50,
        ge=1,
        description="a published pair whose rankings were useless at a completeness error of 0.3 % "
        "has 89",
    )
    completeness: NotNegative = Field(
        0.02, description="error relative to the gain, above which the nodes are suspected"
    )
    overlap: Number = Field(
        0.9,
        ge=0,
        le=1,
        description="share of the top 1 % of the filters that half the nodes must find; where they "
        "do, more nodes would not change the ranking, however large the completeness error",
    )


class Health(Section):
    """A few crops on the line between baseline and target."""

    crop: Side = Field(48, description="side of the HR crops in pixels")
    crops: Count = Field(12, description="at most, evenly spread over the images")
    points: int = Field(
        9, ge=3, description="on the line where the loss is measured, both ends included"
    )
    nodes: int = Field(
        8,
        ge=2,
        le=1000,
        description="of the quadrature (Gauss-Legendre), which is also done with half as many",
    )
    limits: Limits = Field(default_factory=Limits)
