"""The whole config: what is said of the run itself, and all sections."""

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from .. import codebase
from . import wording
from .attribution import (
    RETRAINED,
    Attribution,
    Export,
    Faithfulness,
    Masking,
    Modulation,
    Prediction,
    Retraining,
)
from .benchmark import Benchmark
from .datasets import Data, Dataset, clashes
from .degradations import Operators, beyond, contains, downsampled_once
from .figures import Figures
from .health import Health
from .names import colliding
from .networks import Network
from .section import DISTINCT, Name, Section, Slip, all_slips, expected, refuse
from .stages import missing
from .training import Training
from .transplant import Transplant, misplaced
from .trust import Stability, Trust
from .two_branch import TwoBranch

# folders below results/ that all runs share
SHARED = ("archives", "cache")

# what `protocol: released` sets where the config says nothing else: the paper's released code
# integrates by a left sum of 100 nodes, downsamples bilinearly without antialiasing (cv2.resize
# takes the interpolation as another argument), and takes the gradient of the blue channel
RELEASED_QUADRATURE = {"quadrature": "left", "nodes": 100}
RELEASED_KERNEL = "bilinear"


def _no_float(value: Any) -> Any:
    """2.0 equals 2, but is none of the factors."""
    if isinstance(value, float):
        raise PydanticCustomError("literal_error", "no factor")
    return value


class Config(Section):
    """Configuration of a run."""

    run: Name = Field(
        description="name of the run; everything is written below `results/<run>/`",
    )
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1), *DISTINCT] = Field(
        [0],
        description="one training of each network per seed; figures show means over seeds",
    )
    baseline_seed: Literal["own", "shared"] = Field(
        "own",
        description="whether each seed trains a baseline of its own, or all targets are fine-tuned "
        "from that of the first seed; then rankings of different seeds can be compared, and are",
    )
    noise_seed: int = Field(0, ge=0, description="seed of the stored noise on evaluation images")
    device: str = Field(
        "auto",
        pattern="^(auto|cpu|mps|cuda(:[0-9]{1,3})?)$",
        json_schema_extra=expected("auto, cpu, mps, cuda or one GPU like cuda:1"),
        description="`auto` takes CUDA, else MPS, else CPU. With `auto` and `cuda`, every job takes"
        " a free GPU for itself, as many jobs at a time as there are GPUs; `cuda:1` is this one, "
        "for one job at a time",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of convolutions; `auto` is bfloat16 where the hardware has it"
    )
    protocol: Literal["paper", "released"] = Field(
        "paper",
        description="`released` does as the paper's released code does: left sums of 100 nodes, "
        "bilinear downsampling, gradient maps of the blue channel, and the same images allowed for "
        "search and test. It sets what the config leaves open; explicit keys take precedence",
    )
    scale: Annotated[Literal[2, 3, 4], BeforeValidator(_no_float)] = Field(
        2, description="super-resolution factor"
    )

    datasets: dict[Name, Dataset] = Field(min_length=1)
    data: Data
    degradations: dict[Name, Operators] = Field(
        min_length=1,
        description="operators, applied in this order to the HR image; exactly one of them is "
        "`downsample`",
    )
    clean: Name = Field(
        description="the degradation that the baseline is trained on, and from which IntInf's path "
        "starts",
    )
    networks: dict[Name, Network] = Field(min_length=1)
    training: Training | None = Field(
        None, description="the section; without it nothing is trained, and all weights are given"
    )
    attribution: Attribution = Field(default_factory=Attribution)
    health: Health = Field(default_factory=Health)
    stability: Stability = Field(default_factory=Stability)
    trust: Trust = Field(default_factory=Trust)
    masking: Masking | None = Field(None, description="the section; without it nothing is masked")
    retraining: Retraining | None = Field(
        None, description="the section; without it nothing is re-trained"
    )
    prediction: Prediction | None = Field(
        None, description="the section; without it no degradation is predicted"
    )
    faithfulness: Faithfulness = Field(default_factory=Faithfulness)
    modulation: Modulation = Field(default_factory=Modulation)
    export: Export = Field(default_factory=Export)
    transplant: Transplant | None = Field(
        None, description="the section; without it no filters are transplanted"
    )
    two_branch: TwoBranch | None = Field(
        None, description="the section; without it there is no such comparison"
    )
    benchmark: Benchmark = Field(default_factory=Benchmark)
    figures: Figures = Field(default_factory=Figures)

    @model_validator(mode="after")
    def _follow_protocol(self) -> Self:
        """Set all that follows from the protocol; what the config says takes precedence."""
        if self.protocol == "released":
            methods = self.attribution.methods
            for name, known in codebase.methods().items():
                if name in methods and "quadrature" in known:
                    methods[name] = {**RELEASED_QUADRATURE, **(methods[name] or {})}
            settings = self.two_branch.settings if self.two_branch else {}
            for operator in chain(*self.degradations.values(), *settings.values()):
                if operator.op == "downsample":
                    operator.__pydantic_extra__.setdefault("kernel", RELEASED_KERNEL)
        return self

    @model_validator(mode="after")
    def _say_what_is_attributed(self) -> Self:
        if self.attribution.degradations is None:
            self.attribution.degradations = [n for n in self.degradations if n != self.clean]
        return self

    @model_validator(mode="after")
    def _say_what_parts_are_contrasted_with(self) -> Self:
        """Where a mixture's contrast is named, its parts' leave it out, if they are not named."""
        section = self.attribution
        for name, others in self._containing().items():
            rest = [n for n in section.degradations if n not in {name, *others}]
            if rest and others and name not in section.contrast and others <= set(section.contrast):
                section.contrast[name] = rest
        return self

    @model_validator(mode="after")
    def _say_what_is_retrained(self) -> Self:
        if self.retraining and self.retraining.methods is None:
            ranked = [*self.attribution.methods, "matched_random"]
            self.retraining.methods = [name for name in RETRAINED if name in ranked]
        return self

    @model_validator(mode="after")
    def _say_what_is_exported(self) -> Self:
        section = self.export
        section.network = section.network or next(iter(self.networks))
        section.degradation = section.degradation or next(iter(self.attribution.degradations), None)
        return self

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        """All checks that need several keys, of all sections, so that all is told at once."""
        refuse(all_slips(self))
        return self

    def slips(self) -> Iterator[Slip]:
        if self.run in SHARED:
            yield Slip(
                ("run",), f"found '{self.run}', which all runs share; give the run another name"
            )
        for text in colliding(self.networks):
            yield Slip(("networks",), text)
        yield from clashes(self.datasets, self.data, self.protocol)
        for name, operators in self.degradations.items():
            for text in downsampled_once(operators):
                yield Slip(("degradations", name), text)
        yield from self._unknown_degradations()
        whole = self.model_dump(warnings="none")
        yield from missing(whole)
        yield from misplaced(whole)
        yield from self._unranked()
        yield from self._contrasted()
        yield from self._mixed()
        for place, length in self.training.lengths() if self.training else ():
            if length % self.scale:
                yield Slip(
                    ("training", *place),
                    f"found {length}, expected a multiple of the scale {self.scale}",
                )

    def _unranked(self) -> Iterator[Slip]:
        """Methods, degradations and networks of which there is no ranking."""
        methods = [*self.attribution.methods, "matched_random"]
        for place, names in {
            ("retraining", "methods"): self.retraining.methods if self.retraining else (),
            ("modulation", "methods"): self.modulation.methods,
            ("transplant", "methods"): self.transplant.methods if self.transplant else (),
            ("export", "method"): [self.export.method],
        }.items():
            for name in names:
                if name not in methods:
                    yield Slip(place, wording.unknown("method that is ranked", name, methods))
        for key, name, known in (
            ("network", self.export.network, self.networks),
            ("degradation", self.export.degradation, self.attribution.degradations),
        ):
            if name and name not in known:
                kind = "ranked degradation" if key == "degradation" else key
                yield Slip(("export", key), wording.unknown(kind, name, known))

    def _unknown_degradations(self) -> Iterator[Slip]:
        uses = {
            ("clean",): [self.clean],
            ("attribution", "degradations"): self.attribution.degradations,
        }
        for stage, section in self.training.stages() if self.training else ():
            uses["training", stage, "degradations"] = section.degradations
        for place, names in uses.items():
            for name in names:
                if name not in self.degradations:
                    yield Slip(place, wording.unknown("degradation", name, self.degradations))

    def _contrasted(self) -> Iterator[Slip]:
        """Contrasts of or with degradations that are not ranked."""
        section = self.attribution
        for name, others in section.contrast.items():
            place = ("attribution", "contrast")
            if name not in section.degradations:
                text = wording.unknown("ranked degradation", name, section.degradations)
                yield Slip(place, text)
                continue
            possible = [n for n in section.degradations if n != name]
            for other in others:
                if other not in possible:
                    kind = f"degradation to contrast '{name}' with,"
                    yield Slip((*place, name), wording.unknown(kind, other, possible))

    def _beyond(self) -> dict[str, list[dict]]:
        """Operators of each ranked degradation that clean has not."""
        told = {n: [o.model_dump() for o in given] for n, given in self.degradations.items()}
        found = beyond(told, self.clean)
        return {name: found[name] for name in self.attribution.degradations if name in found}

    def _containing(self) -> dict[str, set[str]]:
        """By ranked degradation the others that have all its operators beyond clean."""
        told = {name: operators for name, operators in self._beyond().items() if operators}
        return {
            name: {n for n in told if n != name and contains(told[n], operators)}
            for name, operators in told.items()
        }

    def _mixed(self) -> Iterator[Slip]:
        """Degradations whose filters cannot be told from each other's."""
        place, names = ("attribution", "degradations"), self.attribution.degradations
        if not {self.clean, *names} <= set(self.degradations):
            return
        if len(names) < 2:
            text = "expected two degradations or more besides clean, which are told from each other"
            yield Slip(("degradations",), f"found {len(names)}, {text}")
        for name, operators in self._beyond().items():
            if not operators:
                yield Slip(place, f"'{name}' has no operator that clean, '{self.clean}', has not")
        contrast, containing = self.attribution.contrast, self._containing()
        for name, others in containing.items():
            for other in others:
                equal = name in containing[other]
                apart = other in contrast and other not in contrast.get(name, [other])
                if name < other if equal else not apart:
                    yield Slip(
                        place,
                        f"'{other}' has all operators of '{name}', expected degradations that do "
                        "not contain each other, or a contrast of the mixture in "
                        "attribution.contrast, and none with it",
                    )
