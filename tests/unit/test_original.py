"""The released code, by a stand-in of its interface: files, imports, arguments, result."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from faig.attribution.methods import faig
from faig.base.errors import InputError
from faig.benchmark import attribution as benchmark
from faig.benchmark.attribution import (
    Checkout,
    Load,
    Source,
    attribution_table,
    contrast,
    quadrature_table,
    seconds_per_image,
)
from faig.benchmark.original import load
from faig.benchmark.released import STEPS
from faig.networks.building import build
from faig.networks.weights import save_weights
from toys import BICUBIC, BLUR, NOISE, degraded_store, photo, random_state

HEAD = """
import cv2
import torch
from tqdm import tqdm
from basicsr.utils.img_util import img2tensor
{imports}

def faig(img1, img2, gt_img, baseline_model_path, target_model_path, total_step, {more}):
    ends = [torch.load(p)["params_ema"] for p in (baseline_model_path, target_model_path)]
    names = {names}

    def scores(image):
        sums = {{name: 0 for name in names}}
        for step in range(total_step):
            net = {make}
            at = step / total_step
            net.load_state_dict({{k: at * ends[0][k] + (1 - at) * ends[1][k] for k in ends[0]}})
            ((net(image) - gt_img) ** 2).sum().backward()
            for name in names:
                sums[name] = sums[name] + net.get_parameter(name).grad / total_step
        parts = [((ends[0][n] - ends[1][n]) * sums[n]).abs().sum((2, 3)) for n in names]
        return torch.cat([part.flatten() for part in parts])

    return (scores(img1) - scores(img2)).numpy()
"""
SRRESNET = {
    "imports": "from basicsr.archs.srresnet_arch import MSRResNet",
    "more": "conv_name_list, scale",
    "names": "conv_name_list",
    "make": "MSRResNet(num_in_ch=3, num_out_ch=3, num_feat=4, num_block=1, upscale=scale)",
}
SRCNN = {
    "imports": "from archs.srcnn_style_arch import srcnn_style_net",
    "more": "conv_index",
    "names": '[f"features.{i}.weight" for i in conv_index]',
    "make": "srcnn_style_net(scale=2)",
}
NETWORKS = {
    "srresnet": ({"features": 4, "blocks": 1}, SRRESNET),
    "srcnn": ({"widths": [4, 4]}, SRCNN),
}


def source_of(folder: Path, architecture: str, kinds=("blur", "noise"), **changes) -> Source:
    """A pair of networks, an image, and a checkout that knows them."""
    parameters, text = NETWORKS[architecture]
    network = {"architecture": architecture, "scale": 2, "parameters": parameters}
    paths = [folder / f"{stage}.safetensors" for stage in ("baseline", "target")]
    for seed, path in enumerate(paths):
        save_weights(path, random_state(build(**network), seed, 0.1), {})
    file = folder / "faig.py"
    file.write_text(HEAD.format(**{**text, **changes}))
    operators = {"bicubic": BICUBIC, "blur": BLUR, "noise": NOISE}
    degraded_store(folder / "data.h5", {"a": photo(32, 32)}, operators)
    return Source(network, *paths, folder / "data.h5", list(kinds), "bicubic", "cpu", file)


@pytest.fixture
def source(tmp_path) -> Source:
    return source_of(tmp_path, "srresnet")


@pytest.mark.parametrize("architecture", NETWORKS)
def test_scores_are_those_of_our_left_sum(tmp_path, architecture):
    source = source_of(tmp_path, architecture)
    example = source.example((8, 8))
    (ours,) = faig(source.pair("float32"), [example], quadrature="left", nodes=7)
    found, expected = source.original().scores(example, 7), contrast(ours)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


def test_of_three_degradations_the_others_are_averaged(tmp_path):
    source = source_of(tmp_path, "srresnet", ("blur", "noise", "bicubic"))
    example = source.example((8, 8))
    (ours,) = faig(source.pair("float32"), [example], quadrature="left", nodes=2)
    expected = contrast(ours)
    found = source.original().scores(example, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


def test_tables_have_the_released_code_beside_all_others(source, monkeypatch):
    # measured in processes of their own, see test_benchmark.py
    monkeypatch.setattr(benchmark, "peak_memory", lambda make, source, loads: [1.0] * len(loads))
    quadrature = quadrature_table(source, (8, 8), {"left": [4]}, nodes=2, reference=8)
    own, left = (
        quadrature[(quadrature["rule"] == rule) & (quadrature["nodes"] == STEPS)]
        for rule in ("original", "left")
    )
    assert list(own["overlap_top1_original"]) == [1, 1]
    assert list(left["overlap_top1_original"]) == [1, 1]
    assert list(own["overlap_top1"]) == list(left["overlap_top1"])

    costs = attribution_table(
        source, [Load((8, 8), 1)], quadrature, nodes=2, repetitions=1, matrices=[16]
    )
    assert list(costs["engine"]) == ["released", *["ours"] * len(source.precisions()), "original"]
    seconds = costs["seconds_per_image"]
    np.testing.assert_allclose(costs["ratio_original"], seconds.iloc[-1] / seconds)
    assert costs["ratio_original"].iloc[-1] == 1
    assert costs.iloc[-1][["overlap_top1_blur", "rank_correlation", "gflops"]].notna().all()


def test_what_is_done_once_does_not_count_as_often_as_the_steps(source, monkeypatch):
    seconds = {"begin": 3.0, "run": 5.0}
    monkeypatch.setattr(benchmark, "timed", lambda work, device: seconds[work.func.__name__])
    monkeypatch.setattr(Checkout, "warm", lambda self, examples: None)
    (found,) = seconds_per_image([Checkout(source)], [source.example((8, 8))], 1)
    assert found == pytest.approx(3 + 2 * STEPS / Checkout.steps)


def test_without_a_checkout_nothing_tells_of_it(source):
    table = quadrature_table(
        replace(source, released=None), (8, 8), {"left": [4]}, nodes=2, reference=8
    )
    assert "overlap_top1_original" not in table
    assert "original" not in set(table["rule"])


def test_modules_stand_in_while_the_file_is_read_only(tmp_path, monkeypatch):
    file = tmp_path / "faig.py"
    file.write_text(
        "import json\nfrom one.two import three\nfaig = lambda: 0\ndef faig(): return three, json\n"
    )
    ours = sys.modules["json"]
    before = dict(sys.modules)
    function = load(file, {"one.two.three": 3, "json.dumps": None})
    assert sys.modules == before
    three, stood_in = function()
    assert three == 3
    assert stood_in is not ours


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no such file"),
        ("def other(): pass", "has no function 'faig'"),
        ("faig = 3", "has no function 'faig'"),
        ("import one_that_is_nowhere", "cannot be read as Python: No module named"),
        ("def faig(:", "cannot be read as Python: "),
    ],
)
def test_another_folder_is_refused(tmp_path, text, says):
    file = tmp_path / "faig.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=f"{re.escape(str(file))}: {says}.*benchmark.released"):
        load(file, {})


def test_other_arguments_are_refused(tmp_path):
    source = source_of(tmp_path, "srresnet", more="conv_name_list, scale, blue")
    with pytest.raises(InputError, match=r"faig.py: faig\(\) takes blue; expected none but"):
        source.original().scores(source.example((8, 8)), 1)


def test_networks_of_another_size_are_refused(tmp_path):
    source = source_of(tmp_path, "srresnet", make="MSRResNet(num_feat=64, num_block=16)")
    with pytest.raises(InputError, match="makes networks with features 64, found 4 in the config"):
        source.original().scores(source.example((8, 8)), 1)
