"""Networks by name, and given weights."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .. import codebase
from . import wording
from .names import bad_object
from .parameters import bad_call, sizes
from .section import Path, Section, Slip, expected

RECOGNISED = "spandrel"  # the architecture that is whichever the baseline's weights are of


class Architecture(Section):
    """A network's class and what it is built with."""

    architecture: str = Field(
        description='a name from the table below, or `"package.module:Class"` for your own, outside'
        " Python's own modules",
    )
    parameters: dict[str, Any] = Field(
        {},
        description="arguments of the class, see the table below, all numbers at least 1; without "
        "them, the network has its paper's size",
    )

    def slips(self) -> Iterator[Slip]:
        if ":" in self.architecture:
            yield from bad_object(self.architecture, "architecture", "class")
        elif self.architecture not in codebase.networks():
            yield Slip(
                ("architecture",),
                wording.unknown("network", self.architecture, codebase.networks()),
            )
        else:
            yield from self._bad_parameters()

    def _bad_parameters(self) -> Iterator[Slip]:
        """What a network of ours cannot be built with."""
        without_scale = {name: value for name, value in self.parameters.items() if name != "scale"}
        if len(without_scale) < len(self.parameters):
            yield Slip(
                ("parameters", "scale"),
                "found here, expected at the top level only, for all networks",
            )
        known = codebase.network_parameters(self.architecture)
        if known is None:
            return
        slips = bad_call("network", self.architecture, without_scale, {self.architecture: known})
        for name, value in without_scale.items():
            if name in known:
                slips = [*slips, *(s._replace(place=(name, *s.place)) for s in sizes(value))]
        for slip in slips:
            yield slip._replace(place=("parameters", *slip.place))


class Checkpoint(Section):
    """Weights of others; a path alone stands for its `file`."""

    file: Path = Field(
        description="`.safetensors`, `.pth` as BasicSR writes it, or `.param` of ncnn, its `.bin` "
        "beside it; relative to the working directory, or to the package",
    )
    package: str | None = Field(
        None,
        pattern="^[A-Za-z_][A-Za-z0-9_]*$",
        json_schema_extra=expected("a package's name as Python imports it", "name"),
        description="an installed package that has the file; none of its code runs",
    )
    prefix: str = Field(
        "",
        description="of the names of tensors that are taken, without the dot after it; all others "
        "are left out",
    )
    rename: dict[str, str] = Field(
        {},
        description="names of modules or tensors in the file, after the prefix, with those that the"
        " network has for them",
    )

    def slips(self) -> Iterator[Slip]:
        if self.package and (
            PurePath(self.file).is_absolute() or ".." in PurePath(self.file).parts
        ):
            yield Slip(("file",), wording.wrong(self.file, f"a path inside '{self.package}'"))


def _from_path(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


Given = Annotated[Checkpoint, BeforeValidator(_from_path, json_schema_input_type=Path | Checkpoint)]


class Network(Architecture):
    """A network whose filters are searched for."""

    baseline: Given | None = Field(
        None,
        description="a checkpoint to take as the baseline instead of training it: its path or "
        "these keys",
    )
    target: Given | None = Field(None, description="likewise for the target")
    align: bool = Field(
        False,
        description="whether the hidden channels of a given baseline are put where the given "
        "target has them (weight matching, arXiv 2209.04836), which changes no output; `snakemake "
        "health` says where it helps",
    )

    def slips(self) -> Iterator[Slip]:
        yield from super().slips()
        if self.architecture == RECOGNISED:
            yield from self._not_recognised()
        if self.align and not (self.baseline and self.target):
            yield Slip(
                ("align",),
                "found true, which is for weights that are given; expected the keys 'baseline' and "
                "'target' beside it",
            )

    def _not_recognised(self) -> Iterator[Slip]:
        """What leaves open by which weights the network is recognised."""
        if not self.baseline:
            text = f"'baseline' is missing: weights by which '{RECOGNISED}' recognises the network"
            yield Slip((), text)
        if self.parameters:
            words = f"none: '{RECOGNISED}' finds them in the baseline's weights"
            yield Slip(("parameters",), wording.wrong(self.parameters, words))
