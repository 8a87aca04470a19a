"""How far the rankings of a pair can be trusted."""

from pydantic import Field

from .section import Count, Number, Section, Side


class Stability(Section):
    """A few crops on which a pair is attributed in several ways, and broken on purpose."""

    crop: Side = Field(48, description="side of the HR crops in pixels")
    crops: Count = Field(12, description="at most, evenly spread over the images")
    nodes: int = Field(
        8,
        ge=2,
        le=1000,
        description="of the quadrature (Gauss-Legendre), which is also done with half as many",
    )
    null_target: bool = Field(
        False,
        description="whether the baseline is also fine-tuned on `clean` input for as many "
        "iterations as the target: a target without a skill, whose ranking should be another one",
    )


class TrustLimits(Section):
    """Where a light of the trust card changes; those of the path are `health.limits`."""

    stability_green: Number = Field(
        0.6,
        ge=-1,
        le=1,
        description="agreement of the top 1 % that halves of the images predict for all; "
        "*substantial* by the grades of Landis and Koch (1977, doi 10.2307/2529310) for agreement "
        "beyond chance; below it amber",
    )
    stability_amber: Number = Field(
        0.4, ge=-1, le=1, description="the same, *moderate*; below it red"
    )
    sanity_green: Number = Field(
        0.2,
        ge=-1,
        le=1,
        description="agreement of the top 1 % with that of a broken pair, at most *slight*; above "
        "it amber",
    )
    sanity_amber: Number = Field(
        0.4, ge=-1, le=1, description="the same, at most *fair*; above it red"
    )
    specificity: Number = Field(
        0.05,
        ge=0,
        le=1,
        description="p-value of the specificity against random filters of the same layers; above "
        "it amber, above 0.5 red",
    )
    effects_green: Number = Field(
        0.5,
        ge=-1,
        le=1,
        description="rank correlation of the scores with the exact effects of deleting single "
        "filters, a large effect by Cohen (1988); below it amber",
    )
    effects_amber: Number = Field(
        0.3, ge=-1, le=1, description="the same, a medium effect; below it red"
    )


class Trust(Section):
    """The trust card."""

    limits: TrustLimits = Field(default_factory=TrustLimits)
