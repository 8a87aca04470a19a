import inspect
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from faig import report
from faig.evaluation.faithfulness import DELETION, INSERTION, PROPORTIONS
from faig.report.faithfulness_figures import COLUMNS
from faig.report.figures import FIGURES
from faig.report.grid import grid, image_table, most_detailed, restored, strengths
from faig.report.looks import METHODS, OTHERS, label, looks, write
from faig.report.summaries import chosen_per_layer, combine, interval, summarise, with_mixture
from faig.report.text import layer_labels
from toys import SmoothNetwork, noise_image, ordered_ranking, random_pair, write_store

NAMES = [*METHODS, "my_method"]
FILTERS = [  # figures of which filters do what
    "masking", "masking_psnr", "retraining", "locations", "locations_map", "training",
    "prediction", "specificity", "confusion",
]  # fmt: skip
RANKED, INPUTS = ["blur", "noise"], ["bicubic", "blur", "noise", "blur_noise"]
RUN = {"network": "net", "seed": 0}


def rows(values: dict, **lists) -> pd.DataFrame:
    """One row for every combination of the lists' entries, all with the same `values`."""
    index = pd.MultiIndex.from_product(lists.values(), names=lists)
    return index.to_frame(index=False).assign(**values, **RUN)


def ablation(**values) -> pd.DataFrame:
    return rows(
        {"dataset": "test", **values},
        method=NAMES,
        degradation=RANKED,
        proportion=[0.01, 0.1],
        input_degradation=INPUTS,
        image=["a", "b"],
    )


def ranking(order: np.ndarray) -> pd.DataFrame:
    """A ranking of ten filters in two layers, the same for both degradations."""
    columns = {"filter": np.arange(10), "layer": ["first"] * 4 + ["last"] * 6, "rank": order}
    parts = [pd.DataFrame(columns).assign(degradation=name, **RUN) for name in RANKED]
    return pd.concat(parts, ignore_index=True)


def sets(degradations: list[str], ungained: str = "") -> pd.DataFrame:
    """The bench's table of two methods: filters take 80 % of their own gain, 10 % of others."""
    table = rows(
        {"draw": 0, "loss_baseline": 2.0, "loss_target": 1.0, "dataset": "test"},
        method=["faig", "my_method"],
        degradation=degradations,
        direction=[DELETION, INSERTION],
        proportion=list(PROPORTIONS),
        input_degradation=degradations,
        image=["a", "b"],
    )
    own = table["degradation"] == table["input_degradation"]
    table["loss"] = 1 + np.where(own, 0.8, 0.1)
    table.loc[table["image"] == "b", ["loss", "loss_baseline", "loss_target"]] *= 1.1
    table.loc[table["input_degradation"] == ungained, "loss_baseline"] = 0.9
    return table


@pytest.fixture(scope="module")
def tables() -> dict[str, dict]:
    """By figure the tables that it takes."""
    levels = {"dataset": "test", "psnr": 30.0}
    reference = rows(
        levels, model=["baseline", "target"], input_degradation=INPUTS, image=["a", "b"]
    )
    reference["psnr"] += 4 * (reference["model"] == "target")
    masked = ablation(psnr=32.0, gradient_mse=1.0, biases="target")
    masked["gradient_mse"] = np.linspace(0.1, 10, len(masked))
    history = rows({"loss": 0.1, "psnr": 30.0}, iteration=[5, 10], degradation=INPUTS)
    predicted = rows(
        {"dataset": "test", "overlap": 0.4, "threshold": 0.3, "predicted": True},
        image=["a@0,0", "b@0,0"],
        true_degradation=INPUTS,
        degradation=RANKED,
        reference=["ground_truth", "target_output"],
        variant=["paper", "centred"],
    )
    pairs = zip(predicted["degradation"], predicted["true_degradation"], strict=True)
    predicted["present"] = [degradation in true for degradation, true in pairs]
    rankings = {name: ranking(np.arange(10)[::-1]) for name in NAMES}
    return {
        "masking": {"masked": masked},
        "masking_psnr": {"masked": masked, "reference": reference},
        "retraining": {"retrained": ablation(psnr=31.0, part="chosen"), "reference": reference},
        "locations": rankings,
        "locations_map": {"faig": rankings["faig"]},
        "training": {"baseline": history, "target": history},
        "prediction": {"predicted": predicted},
        "confusion": {"predicted": predicted},
        "specificity": {"sets": sets(RANKED)},
    }


def test_every_figure_can_be_asked_for():
    folder = Path(report.__file__).parent
    modules = [import_module(f"faig.report.{f.stem}") for f in folder.glob("*_figures.py")]
    drawn = {
        function
        for module in modules
        for function in vars(module).values()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not function.__name__.startswith("_")
    }
    assert set(FIGURES.values()) == drawn


def texts(figure) -> set[str]:
    return {text.get_text().replace("\n", " ") for text in figure.findobj(matplotlib.text.Text)}


def panel_of(figure, row: int, column: int):
    return next(
        panel
        for panel in figure.axes
        if (panel.get_subplotspec().rowspan.start, panel.get_subplotspec().colspan.start)
        == (row, column)
    )


@pytest.mark.parametrize("name", FILTERS)
def test_every_figure_has_labelled_axes_and_a_title(tables, name):
    figure = FIGURES[name](**tables[name])
    shared = bool(figure.get_supylabel())
    for panel in figure.axes:
        place = panel.get_subplotspec()
        named = panel.get_xlabel() or any(t.get_text() for t in panel.get_xticklabels())
        assert named or not place.is_last_row()
        assert panel.get_ylabel() or shared or not place.is_first_col()
    assert figure.get_suptitle().startswith("net: ")


@pytest.mark.parametrize("name", ["masking", "masking_psnr", "retraining", "locations"])
def test_all_methods_appear_by_their_human_names(tables, name):
    named = {label(method) for method in NAMES}
    assert "FAIG" in named
    assert named <= texts(FIGURES[name](**tables[name]))


def test_a_method_has_one_colour_in_lines_and_bars(tables):
    colour = matplotlib.colors.to_rgba(looks(NAMES, METHODS)["my_method"].colour)
    lines = panel_of(FIGURES["masking"](**tables["masking"]), 0, 0).lines
    bars = panel_of(FIGURES["retraining"](**tables["retraining"]), 0, 0).patches
    assert colour in [matplotlib.colors.to_rgba(line.get_color()) for line in lines]
    assert colour in [bar.get_facecolor() for bar in bars]


def test_an_unknown_name_always_looks_the_same_and_like_no_known_one():
    look = looks(["my_method"], METHODS)["my_method"]
    assert looks(NAMES, METHODS)["my_method"] == look
    assert look.colour not in [known.colour for known in METHODS.values()]


def test_unknown_names_look_different_from_each_other():
    found = looks([f"method_{i}" for i in range(len(OTHERS))], METHODS).values()
    assert set(found) == set(OTHERS)
    many = looks([f"method_{i}" for i in range(3 * len(OTHERS))], METHODS).values()
    for kind in (("colour", "marker"), ("colour", "line"), ("marker", "line")):
        assert len({attrgetter(*kind)(look) for look in many}) == len(many)
    assert len({look.hatch for look in many}) == len(many)


@pytest.mark.parametrize("stage", ["baseline", "target"])
def test_of_a_stage_whose_weights_are_given_no_training_is_drawn(tables, stage):
    both = FIGURES["training"](**tables["training"])
    one = FIGURES["training"](**{stage: tables["training"][stage]})
    assert len(one.axes) == len(both.axes) // 2
    assert {axes.get_title() for axes in one.axes} < {axes.get_title() for axes in both.axes}


def test_masking_draws_the_mean_over_images(tables):
    masked = tables["masking"]["masked"]
    figure = FIGURES["masking"](**tables["masking"])
    own = masked[(masked["degradation"] == "noise") & (masked["input_degradation"] == "blur")]
    expected = own[own["method"] == "faig"].groupby("proportion")["gradient_mse"].mean()
    colour = METHODS["faig"].colour
    drawn = [line for line in panel_of(figure, 1, 0).lines if line.get_color() == colour]
    np.testing.assert_allclose(drawn[0].get_ydata(orig=False), expected)


def test_masked_psnr_lies_between_the_levels_of_target_and_baseline(tables):
    panel = panel_of(FIGURES["masking_psnr"](**tables["masking_psnr"]), 0, 0)
    levels = [line.get_ydata() for line in panel.lines if line.get_color() == "#000000"]
    assert levels == [[34, 34], [30, 30]]
    method = next(line for line in panel.lines if line.get_color() == METHODS["faig"].colour)
    np.testing.assert_allclose(method.get_ydata(orig=False), 32)


def test_retraining_draws_the_gain_over_the_baseline(tables):
    panel = panel_of(FIGURES["retraining"](**tables["retraining"]), 0, 1)
    np.testing.assert_allclose([bar.get_height() for bar in panel.patches], 1)


def test_mixtures_are_told_from_single_degradations(tables):
    table = with_mixture(tables["prediction"]["predicted"])
    assert set(table[table["mixture"]]["true_degradation"]) == {"blur_noise"}
    assert table["correct"].equals(table["present"])  # everything was predicted to be there


def numbers(panel) -> list[int]:
    return [int(text.get_text()) for text in panel.texts]


def test_a_specificity_matrix_has_the_share_of_each_gain_that_each_choice_takes():
    figure = FIGURES["specificity"](sets(["blur", "noise", "jpeg"]))
    for panel in figure.axes:
        assert numbers(panel) == [80, 10, 10, 10, 80, 10, 10, 10, 80]


@pytest.mark.parametrize("name", ["specificity", "faithfulness"])
def test_degradations_without_a_gain_are_left_out_with_a_sentence(name):
    figure = FIGURES[name](sets(["blur", "noise", "jpeg"], ungained="noise"))
    assert "as the target gains nothing there: noise." in figure.get_suptitle()
    shown = {text for text in texts(figure) if "noise" in text} - {
        figure.get_suptitle().replace("\n", " ")
    }
    assert not shown
    assert "Left out" not in FIGURES[name](sets(RANKED)).get_suptitle()
    nothing = FIGURES[name](sets(["blur"], ungained="blur"))
    assert nothing.axes
    assert "Left out" not in nothing.get_suptitle()


def test_a_league_has_a_column_of_panels_for_what_could_be_measured():
    """Of a single degradation there is no specificity."""
    numbers = {"removed": 0.8, "removed_other": 0.1, "inserted": 0.5, "spearman": 0.6}
    one = rows({**numbers, "specificity": np.nan}, method=["faig", "random"], degradation=["blur"])
    panels = FIGURES["league"](one).axes
    assert [panel.get_xlabel() for panel in panels] == [
        COLUMNS[name] for name in ("removed", "inserted", "spearman")
    ]
    assert len(FIGURES["league"](one.assign(specificity=0.7)).axes) == len(COLUMNS)
    nothing = one.assign(**dict.fromkeys(numbers, np.nan))
    assert len(FIGURES["league"](nothing).axes) == len(COLUMNS)


def test_a_confusion_matrix_has_how_often_each_degradation_is_predicted(tables):
    table = tables["confusion"]["predicted"].copy()
    mine = (table["true_degradation"] == "noise") & (table["image"] == "a@0,0")
    table["predicted"] = table["present"] & ~mine
    panel = panel_of(FIGURES["confusion"](table), 0, 0)
    names = [tick.get_text() for tick in panel.get_yticklabels()]
    assert names == ["bicubic", "blur", "noise", "blur + noise"]  # mixtures last
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["blur", "noise", "none"]
    assert numbers(panel) == [0, 0, 100, 100, 0, 0, 0, 50, 50, 100, 100, 0]
    assert len(panel.patches) == 4  # frames where a degradation is present


def test_chosen_filters_are_counted_by_layer():
    order = np.array([9, 8, 0, 7, 1, 2, 6, 5, 4, 3])
    table = chosen_per_layer(ranking(order), 0.4)
    blur = table[table["degradation"] == "blur"]
    assert blur["layer"].tolist() == ["first", "last"]
    assert blur["filters"].tolist() == [4, 6]
    assert blur["chosen"].tolist() == [1, 3]
    assert blur["share"].tolist() == [25, 75]


def test_interval_of_few_values_is_the_standard_error():
    assert interval([3.0]) == (3, 3)
    low, high = interval([1.0, 2, 3, 4])
    assert (low + high) / 2 == pytest.approx(2.5)
    assert (high - low) / 2 == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2)


def test_interval_of_many_values_agrees_with_the_normal_one_and_never_changes():
    values = np.random.default_rng(0).normal(5, 2, 400)
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    np.testing.assert_allclose(
        interval(values), values.mean() + half * np.array([-1, 1]), rtol=0.01
    )
    assert interval(values) == interval(values)


def test_groups_are_summarised_in_the_order_of_appearance():
    table = pd.DataFrame({"name": ["b", "a", "b"], "value": [1.0, 5, 3]})
    result = summarise(table, ["name"], "value")
    assert result["name"].tolist() == ["b", "a"]
    assert result["mean"].tolist() == [2, 5]
    assert result["low"].tolist() == [1, 5]


def test_tables_of_one_name_are_combined_with_network_and_seed():
    table = pd.DataFrame({"x": [1]})
    found = combine([("a", "net", "0", table), ("b", "net", "0", table), ("a", "m", 1, table)])
    assert found["a"].to_dict("list") == {"x": [1, 1], "network": ["net", "m"], "seed": [0, 1]}
    assert len(found["b"]) == 1


def test_files_are_bit_identical_whatever_the_users_settings(tables, tmp_path):
    contents = []
    for k, colour in enumerate(("white", "red")):
        paths = [Path(tmp_path / f"{k}.{kind}") for kind in ("png", "pdf")]
        with matplotlib.rc_context({"figure.facecolor": colour, "lines.linewidth": 7 * k}):
            write(lambda: FIGURES["masking"](**tables["masking"]), paths, font_size=9, dpi=50)
            assert matplotlib.rcParams["figure.facecolor"] == colour
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    assert b"CreationDate" not in contents[0][1]


def test_most_detailed_part_is_found_on_the_step_grid():
    pixels = np.full((40, 60, 3), 128, np.uint8)
    pixels[13:23, 31:41] = np.random.default_rng(0).integers(0, 256, (10, 10, 3))
    y, x = most_detailed(pixels, 14, 2)
    assert y % 2 == x % 2 == 0
    assert y <= 13 <= 23 <= y + 14
    assert x <= 31 <= 41 <= x + 14
    assert most_detailed(pixels, 40, 2)[0] == 0


def test_grid_shows_every_image_with_its_text():
    image = np.zeros((8, 8, 3), np.uint8)
    cells = {"input": (image[::2, ::2], ""), "target": (image, "30.00 dB")}
    health = pd.DataFrame(
        {"input_degradation": ["blur"], "verdict": ["unfit"], "reason": ["a hill"]}
    )
    figure = grid({"blur input": cells, "noise input": cells}, "net: photo", health)
    assert "UNFIT PAIR" in figure.get_suptitle()
    assert figure.get_suptitle().endswith("blur: a hill")
    assert len(figure.axes) == 4
    assert {"blur input", "noise input", "input", "target", "30.00 dB"} <= texts(figure)


def test_a_dollar_in_an_images_name_is_no_formula(tmp_path):
    name = "100%_$x^$"
    lr = {degradation: {name: noise_image(8, 8)} for degradation in RANKED}
    store = write_store(tmp_path / "test.h5", {name: noise_image(16, 16)}, lr)
    pair = random_pair(SmoothNetwork())
    shown = pair, store, "faig", ordered_ranking(pair)
    health = pd.DataFrame({"input_degradation": ["blur"], "verdict": "healthy", "reason": ""})
    for title, rows in (restored(*shown), strengths(*shown, [0.5], 0.01)):
        grid(rows, title, health).savefig(tmp_path / "grid.png")
        assert set(image_table(title, rows)["title"].str.slice(stop=len(name))) == {name}


def test_of_many_layers_the_blocks_are_named():
    parts = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    blocks = [f"layers.{g}.residual_group.blocks.{b}" for g in range(2) for b in range(3)]
    layers = ["first", *(f"{block}.{part}" for block in blocks for part in parts), "last"]
    own = {range(1 + 4 * k, 5 + 4 * k): f"layers.{k // 3}.{k % 3}" for k in range(6)}
    # beside a block no room is left for the single layer in front of it
    assert layer_labels(layers, 9) == own | {range(25, 26): "last"}
    assert list(layer_labels(layers, 5).values()) == ["layers.0", "layers.1", "last"]


def test_where_there_is_room_all_layers_are_named():
    assert list(layer_labels(["b.0.x.1.c", "b.0.x.2"], 9).values()) == ["b.0.1.c", "b.0.2"]
    assert list(layer_labels(["a.0.x.1", "a.0.y.1"], 9).values()) == ["a.0.x.1", "a.0.y.1"]
    found = layer_labels([f"net.{k}" for k in range(4)], 3)
    assert found == {range(1): "net.0", range(2, 3): "net.2"}
