"""How far two files of results are apart: tables, weights."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

MEASURED = re.compile("seconds|memory|time|date|gflops")  # columns that no two runs agree in


def columns(path: Path) -> dict[str, np.ndarray]:
    """The columns of a table, or the tensors of weights."""
    if path.suffix == ".safetensors":
        return load_file(path)
    table = pd.read_parquet(path)
    return {name: table[name].to_numpy() for name in table if not MEASURED.search(name)}


def distance(one: np.ndarray, two: np.ndarray) -> float:
    """How far two columns are apart, 0 where they are the same.

    Of numbers the largest difference, as a share of the largest of the column's absolute values;
    of anything else the share of the rows that differ.
    """
    if one.shape != two.shape:
        return np.inf
    if not one.size:
        return 0.0
    if one.dtype.kind not in "fiu":
        return float(np.mean(one != two))
    one, two = one.astype(float), two.astype(float)
    known = np.isfinite(two)
    if not np.array_equal(known, np.isfinite(one)):
        return np.inf
    largest = np.abs(two[known]).max(initial=0.0)
    return float(np.abs(one[known] - two[known]).max(initial=0.0) / max(largest, 1e-12))


def distances(found: Path, expected: Path) -> dict[str, float]:
    """How far each column or tensor of a file is from that of another one."""
    one, two = columns(found), columns(expected)
    names = dict.fromkeys([*one, *two])
    return {n: distance(one[n], two[n]) if n in one and n in two else np.inf for n in names}
