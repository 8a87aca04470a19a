"""What the sections of the config are made of: kinds of values, and checks that need several."""

from collections.abc import Iterable, Iterator
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError


class Slip(NamedTuple):
    """What is wrong, and where below the section that tells it."""

    place: tuple[str | int, ...]
    text: str


class Section(BaseModel):
    """A section of keys; 2.0 and true are no whole numbers, and no key is unknown."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def slips(self) -> Iterator[Slip]:
        """What keys that are right each for itself get wrong together."""
        yield from ()


def all_slips(value: object, place: tuple = ()) -> Iterator[Slip]:
    """The slips of a section and of all sections in it, with their places from the top."""
    if isinstance(value, Section):
        for slip in value.slips():
            yield slip._replace(place=(*place, *slip.place))
    if isinstance(value, Section | dict):
        parts = iter(value) if isinstance(value, Section) else value.items()
    else:
        parts = enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield from all_slips(part, (*place, step))


def refuse(slips: Iterable[Slip]) -> None:
    """Raise all slips at once, if there are any."""
    errors = [
        InitErrorDetails(
            type=PydanticCustomError("slip", "{text}", {"text": slip.text}),
            loc=slip.place,
            input=None,
        )
        for slip in slips
    ]
    if errors:
        raise ValidationError.from_exception_data("config", errors)


def absent(**field) -> object:
    """A key that has no default: where it is not given, it is not there."""
    return Field(default_factory=type(None), exclude_if=lambda value: value is None, **field)


def _as_written(value, handler):
    """Check a value, and keep it: 2 stays a whole number where any number will do."""
    handler(value)
    return value


def _no_value_twice(values: list) -> list:
    if any(value in values[:i] for i, value in enumerate(values)):
        raise PydanticCustomError("twice", "no value twice")
    return values


def expected(words: str, short: str = "") -> dict[str, str]:
    """What a pattern asks for, in words, and in a word or two for tables."""
    return {"x-expected": words, "x-short": short or words}


Name = Annotated[
    str,
    Field(
        pattern="^[A-Za-z0-9_]{1,64}$",
        json_schema_extra=expected("a name of at most 64 letters, digits and underscores", "name"),
    ),
]
Path = Annotated[
    str,
    Field(
        pattern="^[^{}]+$",
        json_schema_extra=expected("a path without braces, which is not empty", "path"),
    ),
]
DISTINCT = (AfterValidator(_no_value_twice), Field(json_schema_extra={"uniqueItems": True}))
Names = Annotated[list[Name], Field(min_length=1), *DISTINCT]

Number = Annotated[float, WrapValidator(_as_written)]
Positive = Annotated[float, Field(gt=0), WrapValidator(_as_written)]
NotNegative = Annotated[float, Field(ge=0), WrapValidator(_as_written)]
Proportion = Annotated[float, Field(gt=0, le=1), WrapValidator(_as_written)]
# what Adam adds to a weight in one step; with more, losses are soon no numbers
Rate = Annotated[float, Field(gt=0, le=1), WrapValidator(_as_written)]
Strength = Annotated[float, Field(ge=-100, le=100), WrapValidator(_as_written)]
Proportions = Annotated[list[Proportion], Field(min_length=1), *DISTINCT]

FITS = {"x-reason": "more fits in no memory"}
SIDE, BATCH, PIXELS = 8192, 65_536, 10**8

Count = Annotated[int, Field(ge=1)]
Counts = Annotated[list[Count], Field(min_length=1)]
# sides of a crop, patch or image in pixels
Side = Annotated[int, Field(ge=16, le=SIDE, json_schema_extra=FITS)]
LargerSide = Annotated[int, Field(ge=32, le=SIDE, json_schema_extra=FITS)]
Batch = Annotated[int, Field(ge=1, le=BATCH, json_schema_extra=FITS)]
Nodes = Annotated[int, Field(ge=1, le=1000)]  # no loss on a line needs as many
Size = Annotated[
    list[Annotated[int, Field(ge=8, le=SIDE, json_schema_extra=FITS)]],
    Field(min_length=2, max_length=2),
]


def too_large(batch: int, patch: int) -> Iterator[Slip]:
    """A batch that no machine holds, though each of its patches may be right."""
    if batch * patch**2 > PIXELS:
        yield Slip(
            ("batch",),
            f"found {batch} patches of {patch} x {patch} pixels, expected at most {PIXELS:,} pixels"
            f" in a batch: {FITS['x-reason']}",
        )


class Schedule(Section):
    """A training's steps and learning rate."""

    iterations: Count = Field(description="steps")
    learning_rate: Rate = Field(description="Adam's, at the start of a period")
    period: Count | None = Field(
        None, description="iterations of one cosine period; `null` for one in all"
    )
    minimum_learning_rate: NotNegative = Field(1.0e-7, description="at the end of a period")

    def slips(self) -> Iterator[Slip]:
        yield from super().slips()
        if self.minimum_learning_rate > self.learning_rate:
            yield Slip(
                ("minimum_learning_rate",),
                f"found {self.minimum_learning_rate}, expected at most the learning_rate of "
                f"{self.learning_rate}",
            )
