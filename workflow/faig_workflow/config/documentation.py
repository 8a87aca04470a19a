"""What is made from the config's fields: its JSON schema, and the tables of config/README.md.

`PYTHONPATH=workflow:scripts python -m faig_workflow.config.documentation` writes both anew.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from . import schema

HOME = Path(__file__).resolve().parents[3]
README = HOME / "config/README.md"
SCHEMA = HOME / "workflow/schemas/config.schema.yaml"

KINDS = {
    "object": "section",
    "array": "list",
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
}
SIGNS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}

# a table stands between these; the first names the sections and keys that it has
TABLE = re.compile(r"(<!-- keys: ([^\n]*) -->\n).*?(<!-- end -->)", re.DOTALL)


def schema_text() -> str:
    """The schema as a file, for editors and the workflow catalog."""
    head = "# made by python -m faig_workflow.config.documentation\n"
    return head + yaml.safe_dump(schema.schema(), sort_keys=False, allow_unicode=True, width=100)


def readme_text(text: str) -> str:
    """A README with its tables made anew."""
    return TABLE.sub(lambda match: match[1] + table(match[2].split()) + match[3], text)


def table(names: list[str]) -> str:
    """A table of some keys and all that is below them, with `[]` of the sections in a list."""
    lines = ["| key | default | values | meaning |", "|---|---|---|---|"]
    for name, part in documented():
        if any(name == key or name.startswith((f"{key}.", f"{key}[")) for key in names):
            cells = (f"`{name}`", default(part), values(part), part.get("description", ""))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def documented() -> list[tuple[str, dict]]:
    """Names and schemas of the keys that are documented: those that say what they mean."""
    found = []
    for name, part in schema.described():
        if not schema.children(part) or part.get("nullable"):
            found.append((name, part))
            items = schema.resolved(part.get("items", {}))
            if name.endswith("mirrors"):
                found += [(f"{name}[].{key}", child) for key, child in schema.described(items)]
    return found


def default(part: Mapping) -> str:
    """A key's default as YAML has it; nothing where it must be given."""
    if "default" not in part:
        return ""
    value = part["default"]
    if isinstance(value, float) and "e" in repr(value):
        return f"`{value:.1e}`".replace("e-0", "e-")
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def values(part: Mapping, plural: str = "") -> str:
    """What a key may be, in words."""
    items = schema.resolved(part.get("items", {}))
    if "enum" in part:
        words = ", ".join(f"`{value}`" for value in part["enum"])
    elif items and "properties" not in items:
        number = f"{part['minItems']} " if part["minItems"] == part.get("maxItems") else ""
        words = f"list{plural} of {number}{values(items, 's')}"
    else:
        kind = part.get("x-short") or KINDS[part["type"]]
        words = f"{kind}{plural} {bounds(part)}".strip()
    return f"{words}, or `null`" if part.get("nullable") else words


def bounds(part: Mapping) -> str:
    """The range of a number in signs."""
    if "minimum" in part and "maximum" in part:
        return f"from {part['minimum']} to {part['maximum']}"
    return ", ".join(f"{sign} {part[key]}" for key, sign in SIGNS.items() if key in part)


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    README.write_text(readme_text(README.read_text(encoding="utf-8")), encoding="utf-8")
