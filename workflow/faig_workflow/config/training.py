"""How baseline and target are trained."""

from collections.abc import Iterator

from pydantic import Field

from .section import Batch, Count, Names, Positive, Schedule, Section, Side, Slip, too_large


class SubImages(Section):
    """Overlapping parts of the images."""

    size: int = Field(ge=16, description="side of a part in HR pixels")
    stride: Count = Field(description="HR pixels from one part to the next")


class _Inputs(Section):
    degradations: Names = Field(
        description="of the training inputs, one per patch with equal probability"
    )


class Baseline(Schedule, _Inputs):
    """The baseline's training."""


class Target(Schedule, _Inputs):
    """The target's training."""

    degradations: Names = Field(
        description="the same for the target, which starts from the baseline"
    )


class Training(Section):
    """What trainings and re-trainings share, and both stages."""

    patch: Side = Field(64, description="side of the HR patches in pixels")
    batch: Batch = Field(16, description="patches per iteration")
    sub_images: SubImages | None = Field(
        None,
        description="take patches from overlapping parts of the images, drawn uniformly, as the "
        "released training does: `{size: 480, stride: 240}`; `null`: from whole images, each as "
        "often as any other",
    )
    scale: Positive = Field(
        1.0,
        description="multiplies the iterations and periods of all trainings and re-trainings: "
        "`0.01` tries a long config out",
    )
    validations: Count = Field(10, description="points of the training curve")
    validation_images: Count = Field(
        8,
        description="images of the validation set that they are measured on, evenly spread",
    )
    baseline: Baseline | None = Field(
        None, description="the section, of a network whose baseline is not given"
    )
    target: Target | None = Field(
        None, description="the section, of a network whose target is not given, and for re-training"
    )

    def stages(self) -> Iterator[tuple[str, _Inputs]]:
        """Names and sections of the stages that there are."""
        found = {"baseline": self.baseline, "target": self.target}
        return ((name, stage) for name, stage in found.items() if stage)

    def lengths(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Keys and values of lengths in HR pixels."""
        yield ("patch",), self.patch
        for name, length in self.sub_images or ():
            yield ("sub_images", name), length

    def slips(self) -> Iterator[Slip]:
        yield from too_large(self.batch, self.patch)
        if self.sub_images and self.sub_images.size < self.patch:
            yield Slip(
                ("sub_images", "size"),
                f"found {self.sub_images.size}, expected at least the patch of {self.patch}",
            )
