"""Lists of operators that make LR images of HR images."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import ConfigDict, Field

from .. import codebase
from .parameters import bad_call
from .section import Section, Slip

# the operator whose sigma the two-branch comparison draws in training and fixes in tests
RANDOM_BLUR = "random_gaussian_blur"


class Operator(Section):
    """An operator and its parameters, which its function tells."""

    model_config = ConfigDict(extra="allow")

    op: str = Field(description="name of the operator")

    def slips(self) -> Iterator[Slip]:
        return bad_call("operator", self.op, self.model_extra, codebase.operators())


Operators = Annotated[list[Operator], Field(min_length=1)]


def downsampled_once(operators: list[Operator]) -> Iterator[str]:
    """Complain of a list that does not make LR images."""
    reductions = sum(operator.op == "downsample" for operator in operators)
    if reductions == 0:
        yield "has no operator 'downsample': LR would be as large as HR"
    if reductions > 1:
        yield f"found {reductions} operators 'downsample', expected one"


def blurred_at_random_once(operators: list[Operator]) -> Iterator[str]:
    """Complain of a list that does not blur as the two-branch comparison does."""
    blurs = sum(operator.op == RANDOM_BLUR for operator in operators)
    if blurs != 1:
        yield f"found {blurs} operators '{RANDOM_BLUR}', expected one"
