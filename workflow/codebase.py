"""What the workflow knows of its own code, found by reading it: nothing here imports torch.

Rules list the code that they run as inputs, so that an edit re-runs exactly what depends on it; and
the names of operators and attribution methods, and their parameters, are checked while the workflow
is read, long before a job would fail on them.
"""

import ast
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
LIBRARY = SCRIPTS / "faig"


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _module_file(parts: list[str]) -> Path | None:
    """The file of a module below scripts/, or None for modules from elsewhere."""
    base = SCRIPTS.joinpath(*parts)
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if parts and candidate.is_file():
            return candidate
    return None


def _imported_modules(path: Path) -> set[tuple[str, ...]]:
    """Dotted names that a file imports, relative ones made absolute; perhaps more than modules."""
    package = list(path.relative_to(SCRIPTS).parent.parts)
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = [*start, *(node.module.split(".") if node.module else [])]
            found |= {(*base, alias.name) for alias in node.names} | {tuple(base)}
    return found


@cache
def dependencies(path: Path) -> frozenset[Path]:
    """A Python file below scripts/ and all files there that it imports, directly or not."""
    found: set[Path] = set()
    queue = [path]
    while queue:
        current = queue.pop()
        if current in found:
            continue
        found.add(current)
        for module in _imported_modules(current):
            files = (_module_file(list(module[:n])) for n in range(1, len(module) + 1))
            queue += [file for file in files if file]
    return frozenset(found)


def network_file(architecture: str) -> Path | None:
    """The file of a network, if it lies below scripts/; see `faig.networks`."""
    module = architecture.split(":")[0] if ":" in architecture else f"faig.networks.{architecture}"
    return _module_file(module.split("."))


def code(script: str, architecture: str | None = None) -> list[str]:
    """All files that a script runs, as paths relative to the working directory, sorted.

    Args:
        script: its name below scripts/, without suffix.
        architecture: of the network that it builds; networks are imported by name at run time.
    """
    files = set(dependencies(SCRIPTS / f"{script}.py"))
    extra = network_file(architecture) if architecture else None
    if extra:
        files |= dependencies(extra)
    return sorted(os.path.relpath(file) for file in files)


def networks() -> list[str]:
    """Names of the networks that come with the project."""
    files = (LIBRARY / "networks").glob("*.py")
    return sorted(file.stem for file in files if "Network" in _assigned(file))


def _assigned(path: Path) -> set[str]:
    """Names that a file assigns at its top level."""
    found = (node.targets for node in _tree(path).body if isinstance(node, ast.Assign))
    return {target.id for targets in found for target in targets if isinstance(target, ast.Name)}


class Parameter(NamedTuple):
    """A keyword-only parameter: its annotation, and whether it must be given."""

    annotation: str
    required: bool


def registered(module: str, decorator: str) -> dict[str, dict[str, Parameter]]:
    """Functions under a decorator, and their keyword-only parameters.

    Args:
        module: file in scripts/faig, without suffix.
        decorator: its name; with or without arguments.

    Returns:
        By function name its parameters by name.
    """
    found = {}
    for node in _tree(LIBRARY / f"{module}.py").body:
        if isinstance(node, ast.FunctionDef) and decorator in map(_name, node.decorator_list):
            arguments = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            found[node.name] = {
                argument.arg: Parameter(ast.unparse(argument.annotation), default is None)
                for argument, default in arguments
            }
    return found


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(called, "id", "")


def operators() -> dict[str, dict[str, Parameter]]:
    """Degradation operators and their parameters, see `registered`."""
    return registered("data/degradations", "operator")


def methods() -> dict[str, dict[str, Parameter]]:
    """Attribution methods and their parameters from the config, see `registered`."""
    found = registered("attribution/methods", "method")
    return {name: {p: m for p, m in own.items() if p != "seed"} for name, own in found.items()}
