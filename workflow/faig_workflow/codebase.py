"""What the workflow knows of its own code, found by reading it: nothing here imports torch.

Rules have a fingerprint of the code that they run among their parameters, so that an edit re-runs
exactly what depends on it; and the names of operators and attribution methods, and their
parameters, are checked while the workflow is read, long before a job would fail on them.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
LIBRARY = SCRIPTS / "faig"

# what cannot change a result, whatever is edited in it: arguments, GPU locks, reuse and checksums
# of results; progress bars; how a job ends that is asked to
NEUTRAL = {
    *(LIBRARY / "run").glob("*.py"),
    LIBRARY / "base/progress.py",
    LIBRARY / "base/signals.py",
}

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def _tree(path: Path) -> ast.Module:
    """The syntax tree of a file, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in _statements(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


@cache
def _module_file(parts: tuple[str, ...]) -> Path | None:
    """The file of a module below scripts/, or None for modules from elsewhere."""
    base = SCRIPTS.joinpath(*parts)
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if parts and candidate.is_file():
            return candidate
    return None


@cache
def _imported_modules(path: Path) -> set[tuple[str, ...]]:
    """Dotted names that a file imports, relative ones made absolute; perhaps more than modules."""
    package = list(path.relative_to(SCRIPTS).parent.parts)
    found: set[tuple[str, ...]] = set()
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = [*start, *(node.module.split(".") if node.module else [])]
            found |= {(*base, alias.name) for alias in node.names} | {tuple(base)}
    return found


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """A node and all statements in it; without expressions, which are nine nodes of ten."""
    yield tree
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        for node in getattr(tree, block, ()):
            yield from _statements(node)


@cache
def dependencies(path: Path) -> frozenset[Path]:
    """A Python file below scripts/ and all files there that it imports, directly or not.

    Those that cannot change a result are left out, with what they alone import.
    """
    found: set[Path] = set()
    queue = [path]
    while queue:
        current = queue.pop()
        if current in found or current in NEUTRAL:
            continue
        found.add(current)
        for module in _imported_modules(current):
            files = (_module_file(module[:n]) for n in range(1, len(module) + 1))
            queue += [file for file in files if file]
    return frozenset(found)


def named_file(name: str) -> Path | None:
    """The file of what the config names, if it lies below scripts/.

    Args:
        name: of a network of ours, see `faig.networks`, or `package.module:name`.
    """
    module = name.split(":")[0] if ":" in name else f"faig.networks.{name}"
    return _module_file(tuple(module.split(".")))


def elsewhere(name: str) -> bool:
    """Whether `package.module:name` may be of an installed package; nothing of it is imported."""
    package = name.partition(":")[0].split(".")[0]
    below = (SCRIPTS / package).is_dir() or _module_file((package,))
    return not below and find_spec(package) is not None


def source_files(script: str, *named: str) -> list[Path]:
    """All files that a script runs and that can change its result, sorted.

    Args:
        script: its name below scripts/, without suffix.
        named: what it imports by name at run time, see `named_file`.
    """
    roots = [SCRIPTS / f"{script}.py", *filter(None, map(named_file, named))]
    return sorted(frozenset().union(*map(dependencies, roots)))


@cache
def fingerprint(script: str, *named: str) -> str:
    """What a script does, as a checksum: the same as long as only its looks change, see `meaning`.

    Args:
        script: as of `source_files`.
        named: as of `source_files`.
    """
    digest = hashlib.sha256()
    for path in source_files(script, *named):
        digest.update(f"{path.relative_to(SCRIPTS).as_posix()}\n{meaning(path)}\n".encode())
    return digest.hexdigest()


@cache
def meaning(path: Path) -> str:
    """A Python file without comments, docstrings and layout: its syntax tree, written out."""
    return ast.unparse(_tree(path))


def networks() -> list[str]:
    """Names of the networks that come with the project."""
    files = (LIBRARY / "networks").glob("*.py")
    return sorted(file.stem for file in files if "Network" in _assigned(file))


def _assigned(path: Path) -> set[str]:
    """Names that a file assigns at its top level."""
    found = (node.targets for node in _tree(path).body if isinstance(node, ast.Assign))
    return {target.id for targets in found for target in targets if isinstance(target, ast.Name)}


class Parameter(NamedTuple):
    """A parameter: its annotation, whether it must be given, its default if that is a constant."""

    annotation: str
    required: bool
    default: object = None


def registered(file: Path, decorator: str) -> dict[str, dict[str, Parameter]]:
    """Functions under a decorator, and their parameters but for the first two.

    Args:
        file: that has them.
        decorator: its name; with or without arguments.

    Returns:
        By function name its parameters by name.
    """
    found = {}
    for node in _tree(file).body:
        if isinstance(node, ast.FunctionDef) and decorator in map(_name, node.decorator_list):
            arguments = list(_arguments(node.args))[2:]
            found[node.name] = {
                a.arg: Parameter(
                    _kind(a),
                    default is None,
                    default.value if isinstance(default, ast.Constant) else None,
                )
                for a, default in arguments
            }
    return found


def _arguments(signature: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Parameters of a function, each with its default if it has one."""
    positional = [*signature.posonlyargs, *signature.args]
    required = len(positional) - len(signature.defaults)
    yield from zip(positional, [None] * required + signature.defaults, strict=True)
    yield from zip(signature.kwonlyargs, signature.kw_defaults, strict=True)


def _kind(argument: ast.arg) -> str:
    return ast.unparse(argument.annotation or ast.Constant(None))


def network_parameters(architecture: str) -> dict[str, Parameter] | None:
    """Parameters of a network below scripts/faig/networks, but for the scale that all have.

    None where its file does not tell them: the class is made elsewhere, or takes what it likes.
    """
    body = _tree(named_file(architecture)).body
    assigned = [n for n in body if isinstance(n, ast.Assign) and "Network" in map(_id, n.targets)]
    classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == _id(assigned[-1].value)]
    inits = [n for c in classes for n in c.body if getattr(n, "name", "") == "__init__"]
    if not inits or inits[0].args.kwarg:
        return None
    arguments = inits[0].args.args[1:] + inits[0].args.kwonlyargs
    return {
        argument.arg: Parameter(_kind(argument), False)
        for argument in arguments
        if argument.arg != "scale"
    }


def _id(node: ast.expr) -> str:
    return getattr(node, "id", "")


def estimates(architecture: str) -> bool:
    """Whether a network of ours has a branch that estimates, itself or by what it is made of."""
    files = dependencies(named_file(architecture))
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "estimate"
        for file in files
        for node in ast.walk(_tree(file))
    )


def _name(decorator: ast.expr) -> str:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return function.attr if isinstance(function, ast.Attribute) else _id(function)


def operators() -> dict[str, dict[str, Parameter]]:
    """Degradation operators and their parameters, see `registered`."""
    found = registered(LIBRARY / "data/operators.py", "operator")
    return {
        # numbers of all images at once are not for the config
        name: {
            p: m._replace(annotation=m.annotation.removesuffix(" | Tensor"))
            for p, m in parameters.items()
        }
        for name, parameters in found.items()
    }


@cache
def degrades(script: str) -> bool:
    """Whether a script makes LR images, for which it runs the operators that the config names."""
    return LIBRARY / "data/degradations.py" in dependencies(SCRIPTS / f"{script}.py")


def methods(file: Path = LIBRARY / "attribution/methods.py") -> dict[str, dict[str, Parameter]]:
    """Attribution methods in a file and their parameters from the config, see `registered`."""
    found = registered(file, "method")
    return {
        name: {p: m for p, m in parameters.items() if p != "seed"}
        for name, parameters in found.items()
    }
