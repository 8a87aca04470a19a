"""Rankings as figures and tables show them: their top filters, and how many there are per layer.

A ranking has a row per filter and degradation, perhaps more than memory holds. So a file is read in
parts, of which no more is kept than is shown.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..attribution.ranking import number
from ..base.files import readable
from ..base.tables import read_table

LOCATED = 0.05  # proportion of the filters whose places are shown, as in the paper
COLUMNS = ["filter", "layer", "degradation", "rank"]
PART = 2**18  # rows that are read at once


def read_shown(path: str | Path) -> pd.DataFrame:
    """A table of a run: of a ranking its top, of any other all.

    Raises:
        InputError: the file is missing, damaged or cut short.
    """
    return read_top(path) if is_ranking(path) else read_table(path)


def is_ranking(path: str | Path) -> bool:
    """Whether a table is one.

    Raises:
        InputError: the file is missing, damaged or cut short.
    """
    with readable(path):
        return set(COLUMNS) <= set(pq.read_schema(path).names)


def count(path: str | Path) -> int:
    """Rows of a table.

    Raises:
        InputError: see `is_ranking`.
    """
    with readable(path):
        return pq.read_metadata(path).num_rows


def read_top(
    path: str | Path,
    proportion: float = LOCATED,
    more: Sequence[str] = (),
    filters: Iterable[int] = (),
) -> pd.DataFrame:
    """The top of a ranking, and the first filter of every layer.

    Args:
        more: columns.
        filters: that are wanted wherever they rank.

    Returns:
        Columns filter, layer, degradation, rank, more, and those of `with_layers`, in the file's
        order.
    """
    with readable(path):
        layers = _layers(pq.ParquetFile(path))
        limit = number(layers["filters"].sum(), proportion)
        wanted = (pc.field("rank") < limit) | pc.field("filter").isin(
            [*layers["first"].tolist(), *filters]
        )
        rows = pq.read_table(path, columns=[*COLUMNS, *more], filters=wanted).to_pandas()
    return rows.join(layers, on="layer")


def _layers(file: pq.ParquetFile) -> pd.DataFrame:
    """By layer `first`, the lowest number of its filters, and `filters`, how many there are."""
    keys = ["layer", "degradation"]
    parts = [
        pa.Table.from_batches([batch])
        .group_by(keys)
        .aggregate([("filter", "min"), ("filter", "count")])
        .to_pandas()
        for batch in file.iter_batches(PART, columns=["filter", *keys])
    ]
    found = pd.concat(parts).groupby(keys, sort=False)
    found = found.agg(first=("filter_min", "min"), filters=("filter_count", "sum"))
    return found.groupby("layer", sort=False).first()  # of whichever degradation: all have all


def with_layers(ranking: pd.DataFrame) -> pd.DataFrame:
    """Add what is known of each filter's layer, where it is not there.

    Args:
        ranking: rankings of pairs, columns network, seed, degradation, layer, filter; whole, or
            their top.

    Returns:
        With the columns first, lowest number of a filter of the same layer, and filters, how many
        the layer has.
    """
    if "filters" in ranking:
        return ranking
    of_layer = ranking.groupby(["network", "seed", "degradation", "layer"], sort=False)["filter"]
    return ranking.assign(first=of_layer.transform("min"), filters=of_layer.transform("size"))


def layer_sizes(rows: pd.DataFrame) -> pd.Series:
    """Number of filters by layer, from the first to the last.

    Args:
        rows: of one pair and degradation, with the columns of `with_layers`.
    """
    return rows.sort_values("first").drop_duplicates("layer").set_index("layer")["filters"]
