"""A config file, read so that nothing in it is lost or explodes in memory."""

from pathlib import Path

import yaml

from .wording import ConfigError

VALUES = 100_000  # of a config, with all that its aliases repeat


class _Loader(yaml.SafeLoader):
    """Refuses what PyYAML lets pass: keys that are there twice."""

    def compose_mapping_node(self, anchor):
        node, seen = super().compose_mapping_node(anchor), set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key '{key.value}' is there twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return node


def read_strictly(path: Path) -> object:
    """What a YAML file holds.

    Raises:
        ConfigError: it is no YAML in UTF-8, has a key twice, or aliases that repeat too much; names
            file and line.
    """
    data, line = path.read_bytes(), 1
    try:
        loader = _Loader(data.decode("utf-8-sig"))
        node = loader.get_single_node()
        if node is not None and _size(node, {}) > VALUES:
            raise yaml.YAMLError(f"its aliases repeat more than {VALUES} values")
        return None if node is None else loader.construct_document(node)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"not in UTF-8 (byte {data[error.start]:#04x}); save it in that encoding"
    except yaml.reader.ReaderError as error:
        line = data.decode("utf-8-sig")[: error.position].count("\n") + 1
        problem = f"the character {error.character:#x} is not allowed in YAML"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, problem = mark.line + 1 if mark else 1, error.problem
    except yaml.YAMLError as error:
        problem = str(error)
    except RecursionError:
        problem = "cannot be read: nested too deeply"
    except ValueError as error:
        problem = f"cannot be read: {error}"
    raise ConfigError(f"{path}, line {line}: {problem}")


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Values in a part of the file, each as often as aliases repeat it."""
    if id(node) in known:
        if not known[id(node)]:
            raise yaml.MarkedYAMLError(
                problem="a part that contains itself", problem_mark=node.start_mark
            )
        return known[id(node)]
    known[id(node)] = 0  # until it is known, to find what contains itself
    parts = [] if isinstance(node, yaml.ScalarNode) else node.value
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in parts for part in pair]
    known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def typed(value: object) -> object:
    """A value of `--config` as YAML means it; in sections and lists Snakemake takes all as text."""
    if isinstance(value, dict):
        return {key: _read(part) for key, part in value.items()}
    return [_read(part) for part in value] if isinstance(value, list) else value


def _read(part: object) -> object:
    if not isinstance(part, str):
        return typed(part)
    loader = _Loader("")  # text alone: what looks like a section or comment is none
    return loader.construct_object(
        yaml.ScalarNode(loader.resolve(yaml.ScalarNode, part, (True, False)), part)
    )
