"""Modulation leads from baseline to target by degrees, in tables and in exported checkpoints."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from faig.attribution.pair import Pair
from faig.base.tables import write_table
from faig.evaluation.bench import Crops
from faig.evaluation.modulation import modulate, modulated
from faig.networks.building import build, load_state
from faig.networks.checkpoints import load_checkpoint
from faig.networks.weights import save_weights
from faig.report.figures import FIGURES
from toys import CPU, SmoothNetwork, ordered_ranking, random_pair, random_state, same

SCRIPTS = Path(__file__).parents[2] / "scripts"
STRENGTHS = [-0.5, 0, 0.5, 1, 1.5]


@pytest.fixture
def pair():
    return random_pair(SmoothNetwork())


@pytest.fixture
def crops(pair):
    generator = torch.Generator().manual_seed(0)
    names = ["blur", "blur", "noise", "noise"]
    facts = {"input_degradation": names, "dataset": "s", "image": ["a", "b", "a", "b"]}
    return Crops(
        pd.DataFrame(facts),
        torch.rand(4, 3, 8, 8, generator=generator),
        torch.rand(4, 3, 16, 16, generator=generator),
    )


@pytest.mark.parametrize("biases", ["target", "units"])
@pytest.mark.parametrize(("strength", "end"), [(0, "baseline"), (1, "target")])
def test_all_units_end_at_exactly_the_baseline_and_the_target(strength, end, biases):
    pair = random_pair(SmoothNetwork(), biases=biases)
    state = modulated(pair, ordered_ranking(pair), "blur", strength, 1)
    assert same(state, getattr(pair, end))


def test_only_the_top_filters_are_modulated_and_biases_stay_the_targets(pair):
    state = modulated(pair, ordered_ranking(pair), "blur", 0.25, 1 / len(pair.index))
    weight = pair.index.layers[0].parameter
    moved = state[weight] != pair.target[weight]
    assert moved[0, 0].all()
    assert moved.sum() == moved[0, 0].numel()
    expected = torch.lerp(pair.baseline[weight], pair.target[weight], 0.25)
    torch.testing.assert_close(state[weight][0, 0], expected[0, 0])
    rest = {name: value for name, value in state.items() if name != weight}
    assert same(rest, {name: pair.target[name] for name in rest})


@pytest.mark.parametrize("strength", [0.5, 1.5])
def test_effects_are_those_of_the_modulated_network(pair, crops, strength):
    table = modulate(pair, {"faig": ordered_ranking(pair)}, crops, STRENGTHS, 0.1)
    assert len(table) == 2 * len(STRENGTHS) * 4
    row = table.query("degradation == 'noise' and strength == @strength").iloc[1]
    state = modulated(pair, ordered_ranking(pair), "noise", strength, 0.1)
    with torch.no_grad():
        output = torch.func.functional_call(pair.network, state, (crops.inputs[1:2],))
    error = (output - crops.references[1:2]).square().mean().item()
    assert row["psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-4)
    whole = table[table["strength"] == 1]
    assert (whole["psnr"] == whole["psnr_target"]).all()


def test_the_figure_has_a_curve_per_input_and_ends_marked(pair, crops):
    table = modulate(pair, {"faig": ordered_ranking(pair)}, crops, STRENGTHS, 0.1)
    figure = FIGURES["modulation"](table.assign(network="net", seed=0))
    assert len(figure.axes) == 2
    for panel in figure.axes:
        curves = [line for line in panel.lines if len(line.get_xdata()) == len(STRENGTHS)]
        assert len(curves) == 2
        for curve in curves:
            assert curve.get_ydata()[STRENGTHS.index(1)] == 0


SPEC = {"architecture": "srresnet", "scale": 2, "parameters": {"features": 4, "blocks": 1}}


def export(tmp_path, monkeypatch, strength: float, proportion: float, suffix: str) -> dict:
    """Run the script in this process; the checkpoint, baseline and target by these names."""
    network, states = build(**SPEC), {}
    for seed, stage in enumerate(("baseline", "target")):
        states[stage] = random_state(network, seed)
        save_weights(tmp_path / f"{stage}.safetensors", states[stage], {})
    pair = random_pair(network)
    write_table(tmp_path / "faig.parquet", ordered_ranking(pair), {})
    output = tmp_path / f"out.{suffix}"
    cfg = {"network": SPEC, "units": {}, "degradation": "noise", "strength": strength}
    words = ["--config", json.dumps({**cfg, "proportion": proportion}), "--output", str(output)]
    words += ["--ranking", str(tmp_path / "faig.parquet")]
    for stage in states:
        words += [f"--{stage}", str(tmp_path / f"{stage}.safetensors")]
    monkeypatch.setattr(sys, "argv", ["export", *words])
    runpy.run_path(str(SCRIPTS / "export_modulated.py"), run_name="__main__")
    return {"checkpoint": load_checkpoint(output), "path": output, **states}


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize(("strength", "end"), [(0.0, "baseline"), (1.0, "target")])
def test_exported_ends_are_those_of_the_pair_bit_by_bit(
    tmp_path, monkeypatch, suffix, strength, end
):
    found = export(tmp_path, monkeypatch, strength, 1, suffix)
    assert same(found["checkpoint"], found[end])


def test_an_exported_network_gives_the_modulated_output_and_keeps_the_order_of_its_keys(
    tmp_path, monkeypatch
):
    found = export(tmp_path, monkeypatch, 0.5, 0.1, "pth")
    network = build(**SPEC)
    assert list(torch.load(found["path"], weights_only=True)["params_ema"]) == list(
        network.state_dict()
    )
    load_state(network, found["checkpoint"], "out.pth")
    pair = Pair.of(build(**SPEC), found["baseline"], found["target"], CPU)
    state = modulated(pair, ordered_ranking(pair), "noise", 0.5, 0.1)
    image = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        expected = torch.func.functional_call(pair.network, state, (image,))
        assert torch.equal(network.eval()(image), expected)
    assert not same(found["checkpoint"], found["target"])
