"""Which stages a config asks for, and what they need of it: rules and checks go by this."""

from collections.abc import Iterator, Mapping

from .section import Slip

BOTH = ("data.train", "data.validation")
# keys that a stage needs, by stage; what all of them need has no place here
NEEDS = {
    "baseline": ("training", "training.baseline", *BOTH),
    "target": ("training", "training.target", *BOTH),
    "null_target": ("training", "training.target", *BOTH),
    "masking": (),
    "retraining": ("training", "training.target", "data.train"),
    "prediction": ("data.validation",),
    "transplant": (),
    "exactness": (),
    "two_branch": ("training", "prediction", *BOTH),
    "speed": (),
}
# that a summary says were left out
WORDS = {
    "training": "training",
    "masking": "masking",
    "retraining": "re-training",
    "prediction": "prediction",
    "exactness": "the curves of exactness",
    "validation": "validation images (those of attribution tell how many filters are enough)",
}


def trained(config: Mapping, stage: str) -> list[str]:
    """Networks of which the config gives no weights for `baseline` or `target`."""
    return [name for name, network in config["networks"].items() if not network[stage]]


def asked(config: Mapping) -> set[str]:
    """The stages of `NEEDS` that a config asks for; a section that is there asks for its own.

    Args:
        config: completed by its defaults; sections may be missing that a stage needs.
    """
    found = {stage for stage in ("baseline", "target") if trained(config, stage)}
    found |= {name for name in NEEDS if config.get(name)}
    if config["stability"]["null_target"]:
        found.add("null_target")
    if config["benchmark"]["curve"]:
        found.add("exactness")
    if config["training"] and config["training"]["target"] and config["data"]["train"]:
        found.add("speed")  # of training, on demand
    return found


def left_out(config: Mapping) -> list[str]:
    """Stages that the config does not ask for, in words."""
    stages = asked(config)
    if stages & {"baseline", "target"}:
        stages.add("training")
    if config["data"]["validation"]:
        stages.add("validation")
    return [words for stage, words in WORDS.items() if stage not in stages]


def used_for_training(config: Mapping) -> list[str]:
    """Datasets for training and validation that a stage reads; ranking reads validation images."""
    needed = {key for stage in asked(config) for key in NEEDS[stage]}
    roles = [*["train"] * ("data.train" in needed), "validation"]
    return [name for role in roles if (name := config["data"][role])]


def missing(config: Mapping) -> Iterator[Slip]:
    """Keys that a stage needs and the config lacks: each once, with all that needs it."""
    needed: dict[str, list[str]] = {}
    stages = asked(config)
    for stage in (stage for stage in NEEDS if stage in stages):
        for key in NEEDS[stage]:
            needed.setdefault(key, []).append(_reason(config, stage))
    absent = []
    for key, reasons in needed.items():
        *place, last = key.split(".")
        if ".".join(place) in absent or _value(config, key) is not None:
            continue
        absent.append(key)
        yield Slip(
            tuple(place), f"the key '{last}' is missing, which is needed: {'; '.join(reasons)}"
        )


def _reason(config: Mapping, stage: str) -> str:
    """Why a stage runs, for somebody who may not want it."""
    if stage == "null_target":
        return "stability.null_target is true"
    if stage not in ("baseline", "target"):
        return f"there is a section '{stage}'"
    return f"networks.{trained(config, stage)[0]} has no '{stage}', so that it is trained"


def _value(config: Mapping, key: str) -> object:
    for part in key.split("."):
        config = config[part]
    return config
