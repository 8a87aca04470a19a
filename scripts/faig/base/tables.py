"""Parquet tables between the steps, with what they were made from in their metadata."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .files import atomic_path, readable
from .provenance import canonical_json


def write_table(path: str | Path, table: pd.DataFrame, metadata: Mapping | None = None) -> None:
    """Write a Parquet table; `metadata` goes into the file as JSON, see `read_metadata`."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    entry = {b"faig": canonical_json(metadata or {}).encode()}
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **entry})
    with atomic_path(path) as temporary:
        pq.write_table(arrow, temporary)


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table.

    Args:
        columns: that are needed, where not all are.

    Raises:
        InputError: the file is missing, damaged or cut short.
    """
    with readable(path):
        return pd.read_parquet(path, columns=columns)


def read_metadata(path: str | Path) -> dict:
    """The metadata that `write_table` put into a file."""
    with readable(path):
        return json.loads((pq.read_schema(path).metadata or {}).get(b"faig", b"{}"))
