"""Where images come from, and what they are used for."""

import os
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Annotated, Literal

from faig.data.sources import PACKAGED
from pydantic import Field

from . import wording
from .section import DISTINCT, Name, Names, Path, Section, Slip, absent, expected

# photographs of one scene: on both sides of a split they would give the answer away
SAME_SCENE = [{"motorcycle_left", "motorcycle_right"}]

# the key that tells where the images of a source are
SOURCES = {"packaged": "images", "folder": "path", "archive": "mirrors"}


class Mirror(Section):
    """An archive, downloaded or local."""

    url: str = absent(
        pattern="^https?://.",
        json_schema_extra=expected("an address that begins with http:// or https://"),
        description="address to download it from, or",
    )
    path: Path = absent(description="a local archive, relative to the working directory")
    checksum: str = Field(
        pattern="^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$",
        json_schema_extra=expected("md5: and 32, or sha256: and 64 of the digits 0-9 and a-f"),
        description="of the archive",
    )
    member: str = absent(
        min_length=1,
        description="the folder inside it that holds the images, like `benchmark/Set5/HR`; may be "
        "left out where only one folder has images",
    )

    def slips(self) -> Iterator[Slip]:
        if (self.url is None) == (self.path is None):
            yield Slip((), "expected one of the keys 'url' and 'path'")
        if re.search("//[^/]*@", self.url or ""):  # what was found is not told
            yield Slip(
                ("url",),
                "has a user's name or password before the host, which would be written to logs and "
                "results; put them into the file ~/.netrc",
            )


class Dataset(Section):
    """A set of photographs."""

    source: Literal["packaged", "folder", "archive"] = Field(
        description="`packaged`: photographs inside the installed packages; `folder`: all images of"
        " a folder; `archive`: the images in a zip or tar file, downloaded or local",
    )
    images: Annotated[list[str], Field(min_length=1), *DISTINCT] = absent(
        description="for `packaged`: a list of "
        + ", ".join(f"`{name}`" for name in sorted(PACKAGED)),
    )
    path: Path = absent(description="for `folder`: the folder, relative to the working directory")
    mirrors: list[Mirror] = absent(
        min_length=1,
        description="for `archive`: archives; the first that serves is taken, see below",
    )
    crop: int | None = Field(
        None,
        ge=16,
        description="cut at most this many pixels out of the centre, in both directions; `null` for"
        " whole images",
    )

    def slips(self) -> Iterator[Slip]:
        needed = SOURCES[self.source]
        if getattr(self, needed) is None:
            yield Slip((), f"a source '{self.source}' needs the key '{needed}'")
        elif needed == "images":
            for name in self.images:
                if name not in PACKAGED:
                    yield Slip(("images",), wording.unknown("packaged photograph", name, PACKAGED))
        others = [k for k in SOURCES.values() if getattr(self, k) is not None and k != needed]
        if "path" in others and needed == "mirrors":
            yield Slip(("path",), "is for a folder; write a local archive as one of the mirrors")
        elif others:
            yield Slip(
                (),
                f"found {' and '.join(map(repr, others))}, which a source '{self.source}' has no "
                f"use for; it is given by '{needed}' alone",
            )

    def places(self) -> Iterator[tuple[set[str], str | None]]:
        """Where images lie: what tells the folder or archive, and the folder inside it if known.

        Paths are written in one way, and links are followed.
        """
        if self.source == "folder" and self.path is not None:
            yield {os.path.realpath(self.path)}, None
        for mirror in self.mirrors or [] if self.source == "archive" else []:
            path = mirror.path and os.path.realpath(mirror.path)
            told = {mirror.checksum, mirror.url, path} - {None}
            yield told, mirror.member and os.path.normpath(mirror.member)

    def shares(self, other: "Dataset") -> bool:
        """Whether two datasets have a folder in common, that of an archive included."""
        return any(
            bool(one & two) and (inside == within or None in (inside, within))
            for one, inside in self.places()
            for two, within in other.places()
        )


class Data(Section):
    """What the datasets are used for."""

    train: Name | None = Field(
        None, description="the dataset for training and re-training, where there is either"
    )
    validation: Name | None = Field(
        None,
        description="for the training curves, the thresholds of degradation prediction, and "
        "how many filters are enough; without it, that is chosen on the images for attribution",
    )
    attribution: Name = Field(description="on which the filters are searched for")
    test: Names = Field(description="a list of datasets for all that is reported")


def clashes(datasets: Mapping[str, Dataset], data: Data, protocol: str) -> Iterator[Slip]:
    """Roles of datasets that there are not, or that share images with another role."""
    used = {
        role: [name] if isinstance(name, str) else name or []
        for role, name in data.model_dump().items()
    }
    for role, names in used.items():
        for name in names:
            if name not in datasets:
                yield Slip(("data", role), wording.unknown("dataset", name, datasets))
    for role in ("validation", "attribution", "test"):
        for name in used[role]:
            yield from _overlap(datasets, data.train, name, role)
    # thresholds and probes are fitted on the validation set, of filters found on the other
    yield from _overlap(datasets, data.validation, data.attribution, "attribution")
    # the released code searches for filters on the images that it tests them on
    held_out = ["validation"] + ["attribution"] * (protocol == "paper")
    for name, role in product(data.test, held_out):
        yield from _overlap(datasets, getattr(data, role), name, "test")
    for first, second in combinations((n for n in data.test if n in datasets), 2):
        if datasets[first].shares(datasets[second]):
            yield Slip(
                ("data", "test"),
                f"'{first}' and '{second}' are the same images, expected each set once",
            )


def _overlap(
    datasets: Mapping[str, Dataset], first: str | None, second: str, role: str
) -> Iterator[Slip]:
    """Two datasets that share an image, or two photographs of one scene."""
    if first not in datasets or second not in datasets:
        return
    if first == second:
        yield Slip(("data", role), f"'{first}' has another role already; images must be disjoint")
        return
    one, two = (set(datasets[name].images or []) for name in (first, second))
    shared = (one & two) | {n for pair in SAME_SCENE if one & pair and two & pair for n in pair}
    if shared:
        names = ", ".join(sorted(shared))
        yield Slip(
            ("datasets", second, "images"),
            f"{names} also shown in '{first}'; they must be disjoint",
        )
    if datasets[first].shares(datasets[second]):
        yield Slip(
            ("datasets", second, SOURCES[datasets[second].source]),
            f"the same as that of '{first}'; images must be disjoint",
        )
