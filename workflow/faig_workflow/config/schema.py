"""The JSON schema of the config, and how to find one's way in it.

Complaints, the tables of config/README.md and the tests read what a key may be from here.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pydantic.json_schema import GenerateJsonSchema

from .run import Config

KINDS = {
    "object": "a section of keys",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}
# of a section that a text may stand for
BOTH = (("expected", KINDS["object"]), ("short", "section"))
BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "of at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}


class _Plain(GenerateJsonSchema):
    """Without titles, which only repeat the keys."""

    def field_title_should_be_set(self, schema) -> bool:
        return False


@cache
def schema() -> dict:
    return Config.model_json_schema(schema_generator=_Plain)


def resolved(part: Mapping) -> dict:
    """A part of the schema with what it refers to; one that may be null has `nullable`.

    A section that a text may stand for, its first key, is the section, with both in words.
    """
    part = dict(part)
    if "anyOf" in part:
        options = part.pop("anyOf")
        *short, option = (option for option in options if option != {"type": "null"})
        words = (
            {f"x-{key}": f"{short[0][f'x-{key}']} or {kind}" for key, kind in BOTH} if short else {}
        )
        part = {**resolved(option), **part, **words, "nullable": {"type": "null"} in options}
    if "$ref" in part:
        part = {**resolved(schema()["$defs"][part.pop("$ref").split("/")[-1]]), **part}
    return part


def children(part: Mapping) -> dict[str, dict]:
    """Schemas of a section's keys; `*` stands for names of the user's own."""
    found = dict(part.get("properties", {}))
    others = [part.get("additionalProperties"), *part.get("patternProperties", {}).values()]
    if others := [other for other in others if isinstance(other, Mapping)]:
        found["*"] = others[0]
    if "*" in found and "description" in part:  # of the section, which holds for all in it
        meaning = {key: part[key] for key in ("description", "default") if key in part}
        found["*"] = {**meaning, **found["*"]}
    return {name: resolved(child) for name, child in found.items()}


def at(place: Sequence[str | int]) -> dict:
    """The schema of the value at a place of the config; empty where all is allowed."""
    part = schema()
    for step in place:
        if isinstance(step, int):
            part = resolved(part.get("items", {}))
        else:
            below = children(part)
            part = below.get(step, below.get("*", {}))
    return part


def described(part: Mapping | None = None, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Dotted names and schemas of all keys, sections before what is in them; none in lists."""
    for key, child in children(schema() if part is None else part).items():
        name = f"{prefix}.{key}" if prefix else key
        yield name, child
        yield from described(child, name)


def leaf_keys() -> Iterator[str]:
    """Dotted names of all keys that hold values."""
    return (name for name, part in described() if not children(part))


def kind(part: Mapping) -> str:
    """What a value must be, in words, without its range."""
    if "enum" in part:
        return f"one of {', '.join(map(str, part['enum']))}"
    words = part.get("x-expected") or KINDS[part["type"]]
    return f"{words} or nothing" if part.get("nullable") else words


def length(part: Mapping) -> str:
    """How many values a list or section must have."""
    least = part.get("minItems") or part.get("minProperties")
    return f"{least} values" if least == part.get("maxItems") else f"at least {least}"


def bounds(part: Mapping) -> str:
    """The range of a number in words."""
    return " and ".join(f"{word} {part[key]}" for key, word in BOUNDS.items() if key in part)
