"""The config: read, checked against the schema, completed by its defaults, checked for sense.

Every complaint names the key, what was found and what is expected.
"""

import copy
import os
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, permutations, product
from pathlib import Path

import codebase
import ranges
import wording
import yaml
from faig.attribution.quadrature import RULES
from faig.data.sources import PACKAGED
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from wording import ConfigError

SCHEMA = yaml.safe_load(
    (Path(__file__).parent / "schemas/config.schema.yaml").read_text(encoding="utf-8")
)

# photographs of one scene: on both sides of a split they would give the answer away
SAME_SCENE = [{"motorcycle_left", "motorcycle_right"}]


# what `protocol: released` sets where the config says nothing else: the paper's released code
# integrates by a left sum of 100 nodes, downsamples bilinearly without antialiasing (cv2.resize
# takes the interpolation as another argument), and takes the gradient of the blue channel
RELEASED_QUADRATURE = {"quadrature": "left", "nodes": 100}
RELEASED_DOWNSAMPLING = {"kernel": "bilinear"}


# the operator whose sigma the two-branch comparison draws in training and fixes in tests
RANDOM_BLUR = "random_gaussian_blur"

# folders below results/ that all runs share
SHARED = ("archives", "cache")


def _same_kind(_validator, options: list, value: object, _schema) -> Iterator[ValidationError]:
    if not any(type(value) is type(option) and value == option for option in options):
        yield ValidationError("not an option")


# 2.0 and true are no whole numbers, as they are not in the library
Validator = validators.extend(
    Draft202012Validator,
    {"enum": _same_kind},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def load(config: Mapping) -> dict:
    """Check a config as read from YAML and complete it by the schema's defaults.

    Raises:
        ConfigError: with everything that is wrong.
    """
    complaints = list(wording.told(ranges.unusable(config)))
    if not complaints:
        complaints = [wording.complaint(error) for error in Validator(SCHEMA).iter_errors(config)]
    if not complaints:
        config = _with_protocol(_with_defaults(copy.deepcopy(dict(config)), SCHEMA))
        complaints = list(_nonsense(config))
    if complaints:
        raise ConfigError("the config is not valid:\n" + "\n".join(f"  {c}" for c in complaints))
    return config


def _resolve(schema: Mapping) -> Mapping:
    while "$ref" in schema:
        target = SCHEMA["$defs"][schema["$ref"].split("/")[-1]]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _with_defaults(value: object, schema: Mapping) -> object:
    """The value with the defaults of all keys that it leaves out, at every depth."""
    schema = _resolve(schema)
    if not isinstance(value, dict):
        return value
    for key, own in schema.get("properties", {}).items():
        own = _resolve(own)
        if key not in value and "default" in own:
            value[key] = copy.deepcopy(own["default"])
        if key in value:
            value[key] = _with_defaults(value[key], own)
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        for key in value:
            if key not in schema.get("properties", {}):
                value[key] = _with_defaults(value[key], others)
    return value


def _with_protocol(config: dict) -> dict:
    """The config with all that follows from its protocol; what it says itself takes precedence."""
    if config["protocol"] == "released":
        methods = config["attribution"]["methods"]
        for name, known in codebase.methods().items():
            if name in methods and "quadrature" in known:
                methods[name] = {**RELEASED_QUADRATURE, **(methods[name] or {})}
        for operators in config["degradations"].values():
            for i, spec in enumerate(operators):
                if spec["op"] == "downsample":
                    operators[i] = {**RELEASED_DOWNSAMPLING, **spec}
    return config


def leaf_keys(schema: Mapping = SCHEMA, prefix: str = "") -> Iterator[str]:
    """Dotted names of all keys that hold values; `*` stands for a name of the user's own."""
    schema = _resolve(schema)
    children = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), Mapping):
        children["*"] = schema["additionalProperties"]
    if not children:
        yield prefix
    for key, child in children.items():
        yield from leaf_keys(child, f"{prefix}.{key}" if prefix else key)


def _nonsense(config: dict) -> Iterator[str]:
    """Complaints that a schema cannot make: names that lead nowhere, splits that overlap."""
    if config["run"] in SHARED:
        yield f"run: found '{config['run']}', which all runs share; give the run another name"
    yield from _bad_datasets(config)
    yield from _bad_degradations(config)
    yield from _bad_networks("networks", config["networks"])
    if config["two_branch"]:
        yield from _bad_two_branch(config["two_branch"])
    for name, parameters in config["attribution"]["methods"].items():
        key = f"attribution.methods.{name}"
        yield from _bad_call(key, name, parameters or {}, codebase.methods(), "attribution method")
        yield from _bad_quadrature(key, parameters or {}, codebase.methods().get(name, {}))
    yield from _bad_quadrature("prediction", config["prediction"], {})
    yield from _bad_schedules(config)
    yield from _bad_patches(config["training"], config["scale"])


def _bad_networks(key: str, networks: Mapping) -> Iterator[str]:
    for name, network in networks.items():
        architecture, parameters = network["architecture"], network["parameters"]
        if ":" in architecture:
            yield from wording.told(ranges.class_name(f"{key}.{name}.architecture", architecture))
        elif architecture not in codebase.networks():
            yield wording.unknown(
                f"{key}.{name}.architecture", architecture, codebase.networks(), "network"
            )
        else:
            yield from _bad_parameters(f"{key}.{name}.parameters", architecture, parameters)


def _bad_parameters(key: str, architecture: str, parameters: Mapping) -> Iterator[str]:
    """Complaints about what a network of ours is built with."""
    if "scale" in parameters:
        yield f"{key}.scale: found here, expected at the top level only, for all networks"
    own = {name: value for name, value in parameters.items() if name != "scale"}
    known = {architecture: codebase.network_parameters(architecture)}
    if known[architecture] is None:
        return
    yield from _bad_call(key, architecture, own, known, "network")
    for name, value in own.items():
        if name in known[architecture]:
            yield from wording.told(ranges.sizes(f"{key}.{name}", value))


def _bad_two_branch(section: dict) -> Iterator[str]:
    yield from _bad_networks("two_branch.networks", section["networks"])
    for name, network in section["networks"].items():
        architecture = network["architecture"]
        if architecture in codebase.networks() and not codebase.estimates(architecture):
            two = ", ".join(filter(codebase.estimates, codebase.networks()))
            yield (
                f"two_branch.networks.{name}.architecture: found '{architecture}', which has no "
                f"branch that estimates, expected one of {two}"
            )
    labels = [f"{sigma:g}" for sigma in section["sigmas"]]
    if len(set(labels)) < len(labels):
        yield (
            f"two_branch.sigmas: found {section['sigmas']}, expected no two that are equal in six "
            "digits"
        )
    for name, operators in section["settings"].items():
        key = f"two_branch.settings.{name}"
        yield from _bad_operators(key, operators)
        blurs = [spec for spec in operators if spec["op"] == RANDOM_BLUR]
        if len(blurs) != 1:
            yield f"{key}: found {len(blurs)} operators '{RANDOM_BLUR}', expected one"


def _bad_patches(training: dict, scale: int) -> Iterator[str]:
    parts = training["sub_images"] or {}
    lengths = {"patch": training["patch"], **{f"sub_images.{k}": v for k, v in parts.items()}}
    for key, length in lengths.items():
        if length % scale:
            yield f"training.{key}: found {length}, expected a multiple of the scale {scale}"
    if parts and parts["size"] < training["patch"]:
        yield (
            f"training.sub_images.size: found {parts['size']}, expected at least the patch of "
            f"{training['patch']}"
        )


def _bad_quadrature(key: str, parameters: Mapping, known: Mapping) -> Iterator[str]:
    rule, nodes = parameters.get("quadrature", "gauss-legendre"), parameters.get("nodes", 8)
    if _fits(rule, "str") and _fits(nodes, "int"):
        yield from wording.told(
            ranges.quadrature(key, rule, nodes, "tolerance" in known, list(RULES))
        )


def _bad_schedules(config: dict) -> Iterator[str]:
    schedules = {
        "training.baseline": config["training"]["baseline"],
        "training.target": config["training"]["target"],
        "retraining": config["retraining"],
        "two_branch": config["two_branch"],
    }
    for key, schedule in schedules.items():
        if schedule and schedule["minimum_learning_rate"] > schedule["learning_rate"]:
            yield (
                f"{key}.minimum_learning_rate: found {schedule['minimum_learning_rate']}, expected "
                f"at most the learning_rate of {schedule['learning_rate']}"
            )


def _bad_datasets(config: dict) -> Iterator[str]:
    datasets, roles = config["datasets"], config["data"]
    for name, dataset in datasets.items():
        yield from _bad_source(f"datasets.{name}", dataset)
    used = {role: [name] if isinstance(name, str) else name for role, name in roles.items()}
    for role, names in used.items():
        for name in names:
            if name not in datasets:
                yield wording.unknown(f"data.{role}", name, list(datasets), "dataset")
    for role in ("validation", "attribution", "test"):
        for name in used[role]:
            yield from _overlap(datasets, roles["train"], name, role)
    # the released code searches for filters on the images that it tests them on
    held_out = ["validation"] + ["attribution"] * (config["protocol"] == "paper")
    for name, role in product(used["test"], held_out):
        yield from _overlap(datasets, roles[role], name, "test")
    for first, second in combinations((n for n in used["test"] if n in datasets), 2):
        if _share(datasets[first], datasets[second]):
            yield f"data.test: '{first}' and '{second}' are the same images, expected each set once"


# the key that tells where the images of a source are
SOURCES = {"packaged": "images", "folder": "path", "archive": "mirrors"}


def _bad_source(key: str, dataset: dict) -> Iterator[str]:
    needed = SOURCES[dataset["source"]]
    if not dataset.get(needed):
        yield f"{key}: a source '{dataset['source']}' needs the key '{needed}'"
    elif needed == "images":
        for name in dataset["images"]:
            if name not in PACKAGED:
                yield wording.unknown(f"{key}.images", name, list(PACKAGED), "packaged photograph")
    elif needed == "mirrors":
        for i, mirror in enumerate(dataset["mirrors"]):
            if ("url" in mirror) == ("path" in mirror):
                yield f"{key}.mirrors[{i}]: expected one of the keys 'url' and 'path'"
            if re.search("//[^/]*@", mirror.get("url", "")):  # what was found is not told
                yield (
                    f"{key}.mirrors[{i}].url: has a user's name or password before the host, which "
                    "would be written to logs and results; put them into the file ~/.netrc"
                )
    if "path" in dataset and needed == "mirrors":
        yield f"{key}.path: is for a folder; write a local archive as one of the mirrors"
    elif others := [k for k in SOURCES.values() if k in dataset and k != needed]:
        yield (
            f"{key}: found {' and '.join(map(repr, others))}, which a source "
            f"'{dataset['source']}' has no use for; it is given by '{needed}' alone"
        )


def _overlap(datasets: dict, first: str, second: str, role: str) -> Iterator[str]:
    """Complain if two datasets share an image, or two photographs of one scene."""
    if first not in datasets or second not in datasets:
        return
    if first == second:
        yield f"data.{role}: '{first}' has another role already; images must be disjoint"
        return
    one, two = (set(datasets[name].get("images") or []) for name in (first, second))
    shared = (one & two) | {n for pair in SAME_SCENE if one & pair and two & pair for n in pair}
    if shared:
        names = ", ".join(sorted(shared))
        yield f"datasets.{second}.images: {names} also shown in '{first}'; they must be disjoint"
    if _share(datasets[first], datasets[second]):
        key = f"datasets.{second}.{SOURCES[datasets[second]['source']]}"
        yield f"{key}: the same as that of '{first}'; images must be disjoint"


def _share(first: dict, second: dict) -> bool:
    """Whether two datasets have a folder in common, that of an archive included."""
    return any(
        bool(one & two) and (inside == within or None in (inside, within))
        for one, inside in _places(first)
        for two, within in _places(second)
    )


def _places(dataset: dict) -> Iterator[tuple[set[str], str | None]]:
    """Where images lie: what tells the folder or archive, and the folder inside it if known.

    Paths are written in one way, and links are followed.
    """
    if dataset["source"] == "folder" and "path" in dataset:
        yield {os.path.realpath(dataset["path"])}, None
    if dataset["source"] == "archive":
        for mirror in dataset.get("mirrors", []):
            path, member = mirror.get("path"), mirror.get("member")
            told = {mirror["checksum"], mirror.get("url"), path and os.path.realpath(path)}
            yield told - {None}, member and os.path.normpath(member)


def _bad_degradations(config: dict) -> Iterator[str]:
    known = list(config["degradations"])
    for name, operators in config["degradations"].items():
        yield from _bad_operators(f"degradations.{name}", operators)
    uses = {
        "clean": [config["clean"]],
        "training.baseline.degradations": config["training"]["baseline"]["degradations"],
        "training.target.degradations": config["training"]["target"]["degradations"],
        "attribution.degradations": config["attribution"]["degradations"],
    }
    for key, names in uses.items():
        for name in names:
            if name not in known:
                yield wording.unknown(key, name, known, "degradation")
    if {config["clean"], *uses["attribution.degradations"]} <= set(known):
        yield from _mixed(config["degradations"], config["clean"], config["attribution"])


def _mixed(degradations: Mapping, clean: str, attribution: Mapping) -> Iterator[str]:
    """Complain of degradations whose filters cannot be told from each other's."""
    key, plain = "attribution.degradations", degradations[clean]
    beyond = {
        name: [spec for spec in degradations[name] if spec not in plain]
        for name in attribution["degradations"]
    }
    for name, own in beyond.items():
        if not own:
            yield f"{key}: '{name}' has no operator that clean, '{clean}', has not"
    told = {name: own for name, own in beyond.items() if own}
    for name, other in permutations(told, 2):
        equal = len(told[name]) == len(told[other])
        if all(spec in told[other] for spec in told[name]) and not (equal and name > other):
            yield (
                f"{key}: '{other}' has all operators of '{name}', expected degradations that do "
                "not contain each other"
            )


def _bad_operators(key: str, operators: list[dict]) -> Iterator[str]:
    for i, spec in enumerate(operators):
        parameters = {name: value for name, value in spec.items() if name != "op"}
        yield from _bad_call(
            f"{key}[{i}]", spec["op"], parameters, codebase.operators(), "operator"
        )
    reductions = sum(spec["op"] == "downsample" for spec in operators)
    if reductions == 0:
        yield f"{key}: has no operator 'downsample': LR would be as large as HR"
    if reductions > 1:
        yield f"{key}: found {reductions} operators 'downsample', expected one"


def _bad_call(key: str, name: str, parameters: Mapping, known: Mapping, kind: str) -> Iterator[str]:
    if name not in known:
        yield wording.unknown(key, name, list(known), kind)
        return
    wrong = []
    for parameter, value in parameters.items():
        if parameter not in known[name]:
            wrong.append(
                wording.unknown(key, parameter, list(known[name]), f"parameter of '{name}'")
            )
        elif not _fits(value, expected := known[name][parameter].annotation):
            found, hint = wording.found_value(value), wording.number_hint(value)
            wrong.append(f"{key}.{parameter}: found {found}, expected {WORDS[expected]}{hint}")
    for parameter, facts in known[name].items():
        if facts.required and parameter not in parameters:
            wrong.append(f"{key}: {kind} '{name}' needs the parameter '{parameter}'")
    yield from wrong or wording.told(ranges.numbers(key, name, parameters))


WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "Sequence[int]": "a list of whole numbers",
}


def _fits(value: object, annotation: str) -> bool:
    """Whether a value from the config suits a parameter's annotation; unknown ones suit all."""
    if annotation == "Sequence[int]":
        return isinstance(value, list) and value != [] and all(_fits(n, "int") for n in value)
    kinds = {"int": int, "float": (int, float), "str": str, "bool": bool}
    if annotation not in kinds:
        return True
    return isinstance(value, kinds[annotation]) and isinstance(value, bool) <= (
        annotation == "bool"
    )
