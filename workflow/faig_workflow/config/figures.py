"""Looks of the figures."""

from pydantic import Field

from .section import Number, Section


class Figures(Section):
    """What all figures have in common."""

    dpi: int = Field(150, ge=50, le=600, description="of the PNG files")
    font_size: Number = Field(9, ge=4, le=24, description="in points")
