"""Lists of operators that make LR images of HR images."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from .. import codebase
from ..codebase import Parameter
from .names import bad_object
from .parameters import bad_call
from .section import Section, Slip

# what a range of `gaussian_blur`'s sigma was called before all operators could have one
RENAMED = "random_gaussian_blur"
ITS_PARAMETERS = {
    "size": Parameter("int", True),
    **dict.fromkeys(("low", "high"), Parameter("float", True)),
}


class Operator(Section):
    """An operator and its parameters, which its function tells."""

    model_config = ConfigDict(extra="allow")

    op: str = Field(description="name of the operator")

    @model_validator(mode="after")
    def _draw_from_a_range(self) -> Self:
        parameters = self.model_extra
        if self.op == RENAMED and ITS_PARAMETERS.keys() <= parameters.keys():
            self.op = "gaussian_blur"
            parameters["sigma"] = [parameters.pop("low"), parameters.pop("high")]
        return self

    def slips(self) -> Iterator[Slip]:
        if ":" in self.op:
            return bad_object(self.op, "op", "function")
        known = codebase.operators()
        if self.op == RENAMED:
            known = {RENAMED: ITS_PARAMETERS}
        return bad_call("operator", self.op, self.model_extra, known)


Operators = Annotated[list[Operator], Field(min_length=1)]


def beyond(degradations: Mapping[str, Iterable[Mapping]], clean: str) -> dict[str, list[dict]]:
    """By degradation its operators that clean has not, compared by what they do.

    A number may be written 2 or 2.0, a parameter left out if it has its default.
    """
    known = codebase.operators()

    def whole(operator: Mapping) -> dict:
        parameters = known.get(operator["op"], {}).items()
        return {name: p.default for name, p in parameters if not p.required} | dict(operator)

    meant = {name: list(map(whole, operators)) for name, operators in degradations.items()}
    plain = meant.get(clean, [])
    return {name: [o for o in operators if o not in plain] for name, operators in meant.items()}


def contains(operators: list[dict], others: list[dict]) -> bool:
    """Whether a degradation has all that another has `beyond` clean."""
    return all(operator in operators for operator in others)


def downsampled_once(operators: list[Operator]) -> Iterator[str]:
    """Complain of a list that does not make LR images."""
    reductions = sum(operator.op == "downsample" for operator in operators)
    if reductions == 0:
        yield "has no operator 'downsample': LR would be as large as HR"
    if reductions > 1:
        yield f"found {reductions} operators 'downsample', expected one"


def blurs_at_random(operator: Mapping) -> bool:
    """Whether an operator is the one whose sigma the two-branch comparison draws in training."""
    return operator["op"] == "gaussian_blur" and isinstance(operator["sigma"], list)


def blurred_at_random_once(operators: list[Operator]) -> Iterator[str]:
    """Complain of a list that does not blur as the two-branch comparison does."""
    blurs = sum(
        operator.op == RENAMED or blurs_at_random({"sigma": None, **operator.model_dump()})
        for operator in operators
    )
    if blurs != 1:
        yield (
            f"found {blurs} operators 'gaussian_blur' with a range of sigma, like [0.2, 2.0], "
            "expected one"
        )
