import matplotlib
import numpy as np
import pandas as pd
import pytest
from faig.report.figures import FIGURES
from faig.report.looks import VARIANTS, label, looks
from faig.report.summaries import answers, difference, per_image, summarise_paired, with_code
from faig.report.two_branch_figures import KINDS, SYSTEMS, _who_looks
from test_figures import texts

COMPARISONS = [name for name in FIGURES if name.startswith("two_branch")]
NETWORKS = ["ikc", "dasr", "my_system"]
OVER = {  # PSNR over the two-branch network, dB
    ("two_branch", "own"): 0.0,
    ("two_branch", "mean"): -0.5,
    ("two_branch", "true"): 0.25,
    ("equal_parameters", "own"): -0.1,
    ("equal_operations", "own"): 0.2,
}
HARD = {"a": -2.0, "b": 0.0, "c": 2.0}  # what the images differ by, dB
SIGMAS = [1.0, 2.0, 4.0]
PHASES = {"restorer": [10, 20], "predictor": [30], "corrector": [40, 50]}


def evaluated_on(networks: list[str]) -> pd.DataFrame:
    """Two-branch networks 3 dB above bicubic interpolation; DASR is told no true code."""
    keys = {"network": networks, "run": list(OVER), "image": list(HARD), "sigma": SIGMAS}
    table = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    table[["variant", "code"]] = table.pop("run").to_list()
    table = table[(table["network"] != "dasr") | (table["code"] != "true")].reset_index(drop=True)
    over = [OVER[run] for run in zip(table["variant"], table["code"], strict=True)]
    bicubic = 25 + table["image"].map(HARD) - 0.1 * table["sigma"]
    cost = 1 + table["network"].map(networks.index)
    return table.assign(
        seed=0,
        setting="random_blur",
        dataset="test",
        parameters=1_000_000 * cost,
        multiply_adds=1_000_000 * 9**cost,
        psnr=bicubic + 3 + over,
        psnr_bicubic=bicubic,
        sigma_error=(0.25 * table["sigma"]).where(with_code(table)),
    )


def asked_about(network: str, said: list[bool]) -> pd.DataFrame:
    """One crop with and without blur; the answers to whether it is there."""
    table = pd.DataFrame({"true_degradation": ["blur", "bicubic"], "present": [True, False]})
    fixed = {"network": network, "seed": 0, "dataset": "test", "image": "a@0,0"}
    return table.assign(predicted=said, degradation="blur", **fixed)


def trained(networks: list[str], phases: dict[str, list[int]]) -> pd.DataFrame:
    rows = [
        {"network": network, "seed": seed, "phase": phase, "iteration": iteration}
        | {"degradation": degradation, "psnr": psnr + seed, "loss": 1 / iteration}
        for network in networks
        for seed in (0, 1)
        for phase, iterations in phases.items()
        for iteration in iterations
        for degradation, psnr in (("narrow", 30.0), ("wide", 26.0))
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module", params=[1, 3], ids=["one", "three"])
def tables(request) -> dict[str, dict]:
    """By figure the tables that it takes, of one or of several networks."""
    networks = NETWORKS[: request.param]
    evaluated = evaluated_on(networks)
    probed = pd.concat([asked_about(network, [True, False]) for network in networks])
    plain = {kind: trained(networks, {"all": [25, 50]}) for kind in KINDS if "equal" in kind}
    return {
        "two_branch": {"evaluated": evaluated},
        "two_branch_sigma": {"evaluated": evaluated},
        "two_branch_knowledge": {
            "evaluated": evaluated,
            "probed": probed,
            "predicted": asked_about("plain", [True, True]).assign(
                reference="target_output", variant="paper"
            ),
        },
        "two_branch_training": {"two_branch": trained(networks, PHASES), **plain},
    }


def drawn(panel, look) -> list:
    """Lines of a panel that have markers and a look's colour."""
    colour = matplotlib.colors.to_rgba(look.colour)
    return [
        line
        for line in panel.lines
        if matplotlib.colors.to_rgba(line.get_color()) == colour
        and line.get_marker() == look.marker
    ]


def handles(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_figure_has_labelled_axes_and_a_title(tables, name):
    figure = FIGURES[name](**tables[name])
    for panel in figure.axes:
        place = panel.get_subplotspec()
        named = panel.get_xlabel() or any(t.get_text() for t in panel.get_xticklabels())
        assert named or not place.is_last_row()
        assert panel.get_ylabel() or not place.is_first_col()
    assert "seed" in figure.get_suptitle() + "".join(panel.get_title() for panel in figure.axes)


@pytest.mark.parametrize("name", COMPARISONS)
def test_systems_appear_by_their_human_names(tables, name):
    networks = tables["two_branch"]["evaluated"]["network"].unique()
    assert label("dasr") == "DASR"
    assert {label(network) for network in networks} <= texts(FIGURES[name](**tables[name]))


def test_each_panel_pairs_a_network_with_the_control_of_the_same_cost(tables):
    figure = FIGURES["two_branch"](**tables["two_branch"])
    for panel, control in zip(figure.axes, ("equal_parameters", "equal_operations"), strict=True):
        points = drawn(panel, SYSTEMS["ikc"])
        level = 28 - 0.1 * np.mean(SIGMAS)
        values = [line.get_ydata(orig=False).item() for line in points]
        assert values == pytest.approx([level, level + OVER[control, "own"]])
        filled, hollow = (line.get_markerfacecolor() for line in points)
        assert (filled, hollow) == (SYSTEMS["ikc"].colour, "white")


def test_a_cost_axis_is_logarithmic_only_where_costs_reach_far():
    figure = FIGURES["two_branch"](evaluated_on(NETWORKS))
    assert [panel.get_xscale() for panel in figure.axes] == ["linear", "log"]


@pytest.mark.parametrize(("level", "near"), [(20.0, False), (27.6, True)])
def test_bicubic_interpolation_is_a_line_only_near_the_networks(level, near):
    figure = FIGURES["two_branch"](evaluated_on(["ikc"]).assign(psnr_bicubic=level))
    for panel in figure.axes:
        dashed = [line for line in panel.lines if line.get_linestyle() == "--"]
        assert len(dashed) == near
        assert all(line.get_ydata()[0] == pytest.approx(level) for line in dashed)
    assert f"bicubic interpolation: {level:.2f} dB" in handles(figure)


def test_gains_and_differences_are_drawn_for_every_code(tables):
    figure = FIGURES["two_branch_sigma"](**tables["two_branch_sigma"])
    gain, over = (
        next(p for p in figure.axes if p.get_subplotspec().rowspan.start == row and p.lines)
        for row in (0, 1)
    )
    for (variant, code), value in OVER.items():
        look = KINDS[variant if code == "own" else f"{code}_code"]
        for panel, expected in ((gain, 3 + value), (over, value)):
            (line,) = drawn(panel, look)
            np.testing.assert_allclose(line.get_ydata(orig=False), expected, atol=1e-9)
            np.testing.assert_allclose(line.get_xdata(orig=False), SIGMAS, atol=0.1)


def test_a_code_that_nobody_was_told_is_not_in_the_legend():
    shown = handles(FIGURES["two_branch_sigma"](evaluated_on(["dasr"])))
    assert label("mean_code") in shown
    assert label("true_code") not in shown


def test_errors_and_answers_stand_beside_those_of_no_knowledge(tables):
    figure = FIGURES["two_branch_knowledge"](**tables["two_branch_knowledge"])
    width, answer = figure.axes
    np.testing.assert_allclose([bar.get_height() for bar in width.patches], 0.25 * np.mean(SIGMAS))
    blind = np.abs(SIGMAS - np.mean(SIGMAS)).mean()
    assert [blind, blind] in [pytest.approx(list(line.get_ydata())) for line in width.lines]
    assert [50, 50] in [list(line.get_ydata()) for line in answer.lines]
    *probes, filters = (bar.get_height() for bar in answer.patches)
    assert probes == [100] * len(width.patches)
    assert filters == 50  # who says yes to everything knows nothing


def test_one_branch_networks_may_be_missing(tables):
    given = {**tables["two_branch_knowledge"], "predicted": None}
    figure = FIGURES["two_branch_knowledge"](**given)
    assert not any("filters" in text for text in handles(figure))
    assert len(figure.axes[1].patches) == len(figure.axes[0].patches)


def test_variants_of_one_network_share_its_colour_but_no_hatch():
    rows = [(f"{net}, {v}", net, v) for net in ("plain", "other") for v in VARIANTS]
    found = _who_looks(pd.DataFrame(rows, columns=["who", "network", "variant"]))
    assert found["plain, paper"].colour == found["plain, centred"].colour
    assert found["plain, paper"].colour == looks(["plain", "other"], SYSTEMS)["plain"].colour
    assert len({look.hatch for look in found.values()}) == len(rows)


def test_every_phase_is_a_line_of_its_own_and_begins_where_the_last_one_ended(tables):
    figure = FIGURES["two_branch_training"](**tables["two_branch_training"])
    loss = next(p for p in figure.axes if p.get_subplotspec().is_last_row())
    lines = [list(line.get_xdata()) for line in loss.lines if line.get_marker() == "."]
    assert lines == list(PHASES.values())
    assert set(PHASES) <= {text.get_text() for text in loss.texts}
    assert [text.get_position()[0] for text in loss.texts] == [0, 20, 30]
    assert loss.get_yscale() == "log"


def test_a_training_in_one_phase_is_not_divided(tables):
    given = tables["two_branch_training"]
    figure = FIGURES["two_branch_training"](**{**given, "two_branch": given["equal_parameters"]})
    assert not any(panel.texts for panel in figure.axes)


def test_validation_is_averaged_over_degradations_and_seeds(tables):
    curve = FIGURES["two_branch_training"](**tables["two_branch_training"]).axes[0]
    for kind in ("two_branch", "equal_parameters", "equal_operations"):
        (line,) = drawn(curve, KINDS[kind])
        np.testing.assert_allclose(line.get_ydata(), 28.5)


def test_an_image_counts_once():
    table = pd.DataFrame({"dataset": "test", "image": ["a", "a", "b"], "psnr": [1.0, 3, 4]})
    table = table.assign(variant="own", blocks=np.nan)
    result = per_image(table, ["variant", "blocks"], ["psnr"])
    assert result["psnr"].tolist() == [2, 4]


def test_the_interval_of_a_comparison_leaves_out_what_images_differ_by():
    images = per_image(evaluated_on(["ikc"]), ["variant", "code"], ["psnr"])
    means = summarise_paired(images, ["variant", "code"], "psnr")
    np.testing.assert_allclose(means["high"] - means["low"], 0, atol=1e-9)
    expected = images.groupby(["variant", "code"], sort=False)["psnr"].mean()
    np.testing.assert_allclose(means["mean"], expected)


def test_difference_is_taken_within_the_same_keys():
    table = pd.DataFrame(
        {"image": ["a", "b", "a", "c"], "model": ["x", "x", "y", "y"], "psnr": [1.0, 2, 5, 7]}
    )
    result = difference(table, "psnr", table["model"] == "x", ["image"])
    np.testing.assert_array_equal(result, [0, 0, 4, np.nan])


def test_answers_are_balanced_and_need_no_ground_truth():
    with_truth, without = (
        asked_about("plain", said).assign(reference=reference, variant="paper")
        for reference, said in (("ground_truth", [True, False]), ("target_output", [False, False]))
    )
    often = pd.concat([asked_about("ikc", [True, True])] * 3)  # of three seeds, say
    table = answers(often, pd.concat([with_truth, without])).set_index("network")
    rates = ["detected", "false_alarms", "balanced_accuracy"]
    assert table.loc["ikc", ["variant", *rates]].tolist() == ["two_branch", 100, 100, 50]
    assert table.loc["plain", ["variant", *rates]].tolist() == ["paper", 0, 0, 50]
