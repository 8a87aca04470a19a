"""Figures and tables of rankings that are read in parts, and never whole."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from faig.base.errors import InputError
from faig.base.tables import write_table
from faig.report import rankings, tables
from faig.report.location_figures import locations_map
from faig.report.rankings import LOCATED, layer_sizes, read_shown, read_top, with_layers
from faig.report.summaries import chosen_per_layer

SIZES = {"late": 3, "wide": 700, "early": 97}  # in the order of the network, not of the alphabet
RUN = {"network": "net", "seed": 0}


@pytest.fixture
def path(tmp_path):
    """A ranking of all filters, shuffled."""
    rng, filters = np.random.default_rng(0), sum(SIZES.values())
    columns = {"filter": np.arange(filters), "layer": np.repeat([*SIZES], [*SIZES.values()])}
    parts = [
        pd.DataFrame(columns).assign(degradation=name, score=1.0, rank=rng.permutation(filters))
        for name in ("noise", "blur")
    ]
    write_table(tmp_path / "r.parquet", pd.concat(parts).sample(frac=1, random_state=0))
    return tmp_path / "r.parquet"


def whole(path) -> pd.DataFrame:
    return pd.read_parquet(path).assign(**RUN)


def test_only_the_top_is_kept(path):
    top, filters = read_top(path), sum(SIZES.values())
    assert set(top.columns) == {"filter", "layer", "degradation", "rank", "first", "filters"}
    kept = top[top["rank"] < LOCATED * filters]
    assert len(kept) == 2 * LOCATED * filters
    assert len(top) <= len(kept) + 2 * len(SIZES)


@pytest.mark.parametrize("part", [7, 10**6])
def test_the_top_tells_the_layers_of_the_whole(path, monkeypatch, part):
    monkeypatch.setattr(rankings, "PART", part)
    expected = with_layers(whole(path))
    for name, rows in read_top(path).groupby("degradation"):
        own = expected[expected["degradation"] == name]
        assert layer_sizes(rows).to_dict() == layer_sizes(own).to_dict() == SIZES
        assert list(layer_sizes(rows).index) == [*SIZES]


@pytest.mark.parametrize("proportion", [0.0001, 0.01, LOCATED])
def test_the_top_lies_where_that_of_the_whole_does(path, proportion):
    found = chosen_per_layer(read_top(path).assign(**RUN), proportion)
    expected = chosen_per_layer(whole(path), proportion)
    keys = ["degradation", "layer"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )


def test_figures_and_tables_of_the_top_are_those_of_the_whole(path):
    top, all_rows = read_top(path).assign(**RUN), whole(path)
    points = [
        np.concatenate([c.get_offsets() for c in locations_map(table).axes[0].collections[1:]])
        for table in (top, all_rows)
    ]
    np.testing.assert_array_equal(*(np.sort(p, axis=0) for p in points))
    columns = ["network", "seed", "input_degradation", "model", "psnr"]
    reference = pd.DataFrame([("net", 0, "blur", "target", 30.0)], columns=columns)
    assert tables.networks(top, reference)["filters"].tolist() == [sum(SIZES.values())]


def test_a_large_ranking_takes_little_memory(tmp_path):
    filters = 400_000
    columns = {"filter": np.arange(filters), "rank": np.arange(filters), "score": 0.0}
    table = pd.DataFrame(columns).assign(layer="a_layer_of_the_network", degradation="blur")
    write_table(tmp_path / "r.parquet", table)
    before = pa.total_allocated_bytes()
    top = read_top(tmp_path / "r.parquet")
    assert len(top) == LOCATED * filters
    assert top.memory_usage(deep=True).sum() < 0.1 * table.memory_usage(deep=True).sum()
    assert pa.total_allocated_bytes() - before < 10 * top.memory_usage(deep=True).sum()


def test_other_tables_are_read_whole(tmp_path, path):
    table = pd.DataFrame({"rank": [1, 2], "image": ["a", "b"]})
    write_table(tmp_path / "t.parquet", table)
    pd.testing.assert_frame_equal(read_shown(tmp_path / "t.parquet"), table)
    assert "first" in read_shown(path)


def test_a_damaged_ranking_is_named(path):
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"r.parquet: damaged"):
        read_shown(path)
