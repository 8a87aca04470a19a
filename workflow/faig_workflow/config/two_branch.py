"""The comparison of networks with two branches with those of one."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from .. import codebase
from .degradations import Operators, blurred_at_random_once, downsampled_once
from .names import colliding
from .networks import Architecture
from .section import DISTINCT, Count, Name, Positive, Rate, Schedule, Section, Size, Slip

OTHERS = {"data", "networks"}  # folders beside those of the settings


class TwoBranchNetwork(Architecture):
    """A network that estimates the degradation and restores with the estimate."""

    architecture: str = Field(
        description="`ikc`, `dan1`, `dan2`, `dasr`, or your own with the methods `estimate` and "
        "`restore`"
    )

    def slips(self) -> Iterator[Slip]:
        yield from super().slips()
        known = codebase.networks()
        if self.architecture in known and not codebase.estimates(self.architecture):
            yield Slip(
                ("architecture",),
                f"found '{self.architecture}', which has no branch that estimates, expected one of "
                f"{', '.join(filter(codebase.estimates, known))}",
            )


class Control(Section):
    """The one-branch networks of equal cost."""

    features: Count = Field(
        64, description="channels of the SRResNets; their numbers of blocks are found"
    )
    size: Size = Field(
        [160, 240],
        description="height and width in LR pixels at which multiply-adds are counted",
    )


class _Compared(Section):
    networks: dict[Name, TwoBranchNetwork] = Field(min_length=1)
    control: Control = Field(default_factory=Control)
    settings: dict[Name, Operators] = Field(
        min_length=1,
        description="operators of the training inputs, one of them `gaussian_blur` with a range of "
        "`sigma`; each setting is a comparison of its own",
    )
    sigmas: Annotated[list[Positive], Field(min_length=1), *DISTINCT] = Field(
        description="of the blurs in the tests, in HR pixels, different in six digits, in place of "
        "the random ones",
    )


class TwoBranch(Schedule, _Compared):
    """Networks, settings, and one schedule for all trainings."""

    iterations: Count = Field(description="of each training, all phases together")
    learning_rate: Rate = Field(description="Adam's, at the start of each phase or period")

    def slips(self) -> Iterator[Slip]:
        yield from super().slips()
        for name, operators in self.settings.items():
            for text in (*downsampled_once(operators), *blurred_at_random_once(operators)):
                yield Slip(("settings", name), text)
        for name in OTHERS & self.settings.keys():
            text = f"found '{name}', the name of a folder beside those of settings; rename it"
            yield Slip(("settings",), text)
        for text in colliding(self.settings, comparison=True):
            yield Slip(("settings",), text)
        labels = [f"{sigma:g}" for sigma in self.sigmas]
        if len(set(labels)) < len(labels):
            yield Slip(
                ("sigmas",),
                f"found {self.sigmas}, expected no two that are equal in six digits",
            )
