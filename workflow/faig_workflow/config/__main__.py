"""Check config files: `PYTHONPATH=workflow:scripts python -m faig_workflow.config my.yaml ...`.

Snakemake reads a config before the workflow does, and does not say which line it fails on.
"""

import sys
from pathlib import Path

from . import ConfigError, load, read_strictly


def problem(path: Path) -> str | None:
    """What is wrong with a config file, if anything is."""
    try:
        config = read_strictly(path)
        if not isinstance(config, dict):
            return f"{path}: holds no keys"
        load(config)
    except OSError as error:
        return f"{path}: {error.strerror}"
    except ConfigError as error:
        return str(error) if str(error).startswith(str(path)) else f"{path}: {error}"


if __name__ == "__main__":
    problems = [found for argument in sys.argv[1:] if (found := problem(Path(argument)))]
    sys.exit("\n".join(problems) or None)
