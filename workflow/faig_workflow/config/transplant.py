"""Whose filters are put into which networks."""

from collections.abc import Iterator, Mapping
from itertools import product

from pydantic import Field

from . import wording
from .section import Names, Proportions, Section, Slip

# receivers that are no network of the config
NULL, SEEDS = "null_target", "seeds"


class Transplant(Section):
    """The top filters of each degradation, put into another network of the same baseline."""

    receivers: Names = Field(
        [NULL],
        description="networks that take the filters: `null_target`, the baseline fine-tuned on "
        "`clean` input only, which needs `stability.null_target`; `seeds`, the target of the next "
        "seed, which needs `baseline_seed: shared`; or a network of the config",
    )
    donors: Names | None = Field(
        None,
        description="networks whose targets give the filters; `null` for all that are no receivers",
    )
    methods: Names = Field(["faig"], description="whose top filters are transplanted")
    proportions: Proportions = Field(
        [0.01, 0.03, 0.1, 0.3, 1],
        description="of the filters. At `1` biases and all else go with them; else they stay the "
        "receiver's",
    )


def pairs(config: Mapping) -> list[tuple[str, str]]:
    """Donors and receivers, of a config that is completed by its defaults."""
    section = config["transplant"]
    if not section:
        return []
    donors = section["donors"] or [
        name for name in config["networks"] if name not in section["receivers"]
    ]
    return [pair for pair in product(donors, section["receivers"]) if len(set(pair)) == 2]


def receivers(config: Mapping, donor: str) -> list[str]:
    """Who takes a donor's filters."""
    return [receiver for giver, receiver in pairs(config) if giver == donor]


def misplaced(config: Mapping) -> Iterator[Slip]:
    """Donors and receivers that are not there, or have no baseline in common."""
    section, networks = config["transplant"], config["networks"]
    if not section:
        return
    unknown = False
    for key, known in (("donors", [*networks]), ("receivers", [NULL, SEEDS, *networks])):
        for name in section[key] or ():
            if name not in known:
                unknown = True
                yield Slip(("transplant", key), wording.unknown(key[:-1], name, known))
    if NULL in section["receivers"] and not config["stability"]["null_target"]:
        yield _missing(f"'{NULL}'", "stability.null_target: true")
    if SEEDS in section["receivers"] and (
        config["baseline_seed"] != "shared" or len(config["seeds"]) < 2
    ):
        yield _missing(f"'{SEEDS}'", "baseline_seed: shared, and two seeds or more")
    if unknown:
        return
    if not pairs(config):
        yield _missing("no network that is no receiver", "the key 'donors'")
    for donor, receiver in pairs(config):
        if receiver in networks:
            yield from _unlike(donor, receiver, networks)


def _unlike(donor: str, receiver: str, networks: Mapping) -> Iterator[Slip]:
    """What two networks must have in common, as far as the config tells."""
    one, other = networks[donor], networks[receiver]
    for key in ("architecture", "parameters"):
        if one[key] != other[key]:
            yield Slip(
                ("transplant", "receivers"),
                f"found '{receiver}', whose networks.{receiver}.{key} is not that of its donor "
                f"'{donor}'; expected networks of one architecture",
            )
    if bool(one["baseline"]) != bool(other["baseline"]):
        yield Slip(
            ("transplant", "receivers"),
            f"of '{donor}' and '{receiver}' one has a 'baseline' that is given, the other one that "
            "is trained; expected the same baseline for both",
        )


def _missing(found: str, needed: str) -> Slip:
    return Slip(("transplant", "receivers"), f"found {found}, expected beside it {needed}")
