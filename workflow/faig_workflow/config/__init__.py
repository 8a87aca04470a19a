"""The config: read, checked key by key and for sense, completed by its defaults.

A key is one field of a section (`run.Config` and those below it): its type and range, its default,
and what it means. Schema, the tables of config/README.md and complaints are made from that.
"""

from .degradations import beyond, blurs_at_random, contains
from .loading import load
from .strict import read_strictly, typed
from .wording import ConfigError

__all__ = ["ConfigError", "beyond", "blurs_at_random", "contains", "load", "read_strictly", "typed"]
