from dataclasses import replace

import numpy as np
import pytest
import torch
from faig.attribution.methods import Example, attribute
from faig.data.crops import spread_crops
from faig.evaluation.prediction import (
    REFERENCES,
    Settings,
    best_threshold,
    crop_examples,
    normalized,
    overlap,
    predict,
    used_filters,
    with_target_output,
)
from faig.networks.restoring import restore
from hypothesis import given
from hypothesis import strategies as st
from toys import (
    BICUBIC,
    CPU,
    NOISE,
    SmoothNetwork,
    degraded_store,
    photo,
    random_pair,
    write_store,
)


def flags(text: str) -> np.ndarray:
    return np.array([letter == "x" for letter in text])


def balanced_accuracy(overlaps, present, threshold) -> float:
    predicted = np.array(overlaps) > threshold
    present = np.array(present)
    return (predicted[present].mean() + (~predicted[~present]).mean()) / 2


@pytest.mark.parametrize(
    ("own", "other", "score"),
    [
        ("xx..", "xx..", 1),
        ("xx..", "..xx", 0),
        ("xxx.", ".xxx", 2 / 3),
        ("xxxx", "x...", 1),
        ("x...", "....", 0),
    ],
)
def test_overlap(own, other, score):
    assert overlap(flags(own), flags(other)) == pytest.approx(score)


def test_used_filters_are_the_highest_scores():
    scores = np.array([1.0, 9, 3, 0, 7])
    assert used_filters(scores, 0.4, np.zeros(5)).tolist() == flags(".x..x").tolist()


def test_what_is_typical_is_subtracted_as_a_share():
    scores, typical = np.array([60.0, 30, 10, 0]), np.array([0.6, 0.15, 0.1, 0.15])
    assert used_filters(scores, 0.25, typical).tolist() == flags(".x..").tolist()
    assert used_filters(scores, 0.25, 1e6 * typical).tolist() == flags(".x..").tolist()


def test_an_image_that_no_filter_answers_to_has_scores_of_zero():
    assert normalized(np.zeros(3)).tolist() == [0, 0, 0]
    assert normalized(np.array([1.0, 3])).tolist() == [0.25, 0.75]


def test_threshold_separates_what_can_be_separated():
    overlaps, present = [0.1, 0.5, 0.2, 0.9, 0.6], [False, True, False, True, True]
    assert best_threshold(overlaps, present) == pytest.approx((0.2 + 0.5) / 2)


def test_threshold_of_mixed_scores_has_the_best_balanced_accuracy():
    # two of three present above 0.55, all absent below: 5/6, better than any other cut
    overlaps = [0.1, 0.3, 0.5, 0.4, 0.6, 0.8]
    present = [False, False, False, True, True, True]
    threshold = best_threshold(overlaps, present)
    assert threshold == pytest.approx(0.55)
    assert balanced_accuracy(overlaps, present, threshold) == pytest.approx(5 / 6)


def test_a_rare_degradation_counts_as_much_as_a_frequent_one():
    overlaps, present = [0.1] * 9 + [0.5] * 3 + [0.5], [False] * 12 + [True]
    assert 0.1 < best_threshold(overlaps, present) < 0.5


@given(
    st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: len({present for _, present in pairs}) == 2
    )
)
def test_no_threshold_is_better(pairs):
    overlaps, present = [value / 10 for value, _ in pairs], [present for _, present in pairs]
    best = balanced_accuracy(overlaps, present, best_threshold(overlaps, present))
    others = [balanced_accuracy(overlaps, present, n / 10 - 0.05) for n in range(12)]
    assert best >= max(others) - 1e-12


@pytest.mark.parametrize("count", [1, 3, 4, 100])
def test_crops_lie_inside_and_do_not_overlap(tmp_path, count):
    images = {"wide": photo(48, 100), "square": photo(40, 40)}
    store = write_store(tmp_path / "s.h5", images, {"x": images})
    crops = spread_crops(store, 10, count)
    for image, pixels in images.items():
        height, width = (n // 2 for n in pixels.shape[:2])
        own = [crop for crop in crops if crop.image == image]
        assert len(own) == min(count, (height // 10) * (width // 10))
        covered = torch.zeros(height, width)
        for crop in own:
            part = crop.of(covered)
            assert part.shape == (10, 10)
            part += 1
        assert covered.max() == 1


def test_an_image_smaller_than_the_crop_is_taken_whole(tmp_path):
    images = {"small": photo(12, 40)}
    store = write_store(tmp_path / "s.h5", images, {"x": images})
    crops = spread_crops(store, 10, 9)
    assert [crop.of(torch.zeros(6, 20)).shape for crop in crops] == [(6, 10), (6, 10)]
    (whole,) = spread_crops(store, 50, 9)
    assert torch.equal(whole.of(store.hr("small"), 2), store.hr("small"))


def test_crop_examples_show_one_place_at_every_size(tmp_path):
    operators = {"bicubic": BICUBIC, "noise": NOISE}
    store = degraded_store(tmp_path / "s.h5", {"a": photo(24, 36)}, operators)
    crops = spread_crops(store, 6, 4)
    made = list(crop_examples(store, crops, ["noise", "bicubic"], clean="bicubic"))
    assert [true for true, _ in made] == ["noise", "bicubic"] * len(crops)
    assert len({ex.name for _, ex in made}) == len(crops)
    places = [crop for crop in crops for _ in range(2)]
    for crop, (true, ex) in zip(places, made, strict=True):
        y, x = crop.y, crop.x
        assert list(ex.inputs) == [true]
        lr = store.lr(true, "a")[:, y : y + 6, x : x + 6]
        assert torch.equal(ex.inputs[true], lr[None])
        assert torch.equal(ex.clean, store.lr("bicubic", "a")[None, :, y : y + 6, x : x + 6])
        hr = store.hr("a")[:, 2 * y : 2 * y + 12, 2 * x : 2 * x + 12]
        assert torch.equal(ex.reference, hr[None])


def test_target_output_replaces_only_the_reference():
    pair = random_pair(SmoothNetwork())
    pixels = torch.randint(256, (1, 3, 6, 6), dtype=torch.uint8)
    given = Example("a", torch.zeros(1, 3, 12, 12, dtype=torch.uint8), pixels, {"noise": pixels})
    result = with_target_output(pair, given)
    output = restore(pair.network, pixels, CPU, pair.target)
    assert result.reference.dtype == torch.uint8
    assert torch.equal(result.reference / 255, output)
    assert result.inputs == given.inputs
    assert result.name == "a"


@pytest.fixture
def stores(tmp_path):
    """Images to calibrate on, and to test with."""
    operators = {"bicubic": BICUBIC, "noise": NOISE, "more_noise": NOISE}
    return [
        degraded_store(tmp_path / f"{name}.h5", {name: photo(24, 24, seed)}, operators)
        for seed, name in enumerate(("known", "test"))
    ]


def test_overlaps_are_those_of_crops_seen_with_each_reference_less_what_is_typical(stores):
    pair, conditions = random_pair(SmoothNetwork()), {"bicubic": [], "noise": ["noise"]}
    selected = {"noise": np.arange(len(pair.index)) % 3 == 0}
    settings = Settings(conditions, "bicubic", 12, 2, 0.2, {"nodes": 2})
    table = predict(pair, selected, stores[0], {"test": stores[1]}, settings)

    def scores(store, reference):
        for _, crop in crop_examples(store, spread_crops(store, 6, 2), conditions, "bicubic"):
            crop = with_target_output(pair, crop) if reference == "target_output" else crop
            yield next(attribute("faig", pair, [crop], {"nodes": 2}, 0)).scores[0].numpy()

    for reference in REFERENCES:
        mean = np.mean([normalized(known) for known in scores(stores[0], reference)], axis=0)
        for variant, typical in (("paper", 0 * mean), ("centred", mean)):
            rows = table[(table["reference"] == reference) & (table["variant"] == variant)]
            used = [used_filters(found, 0.2, typical) for found in scores(stores[1], reference)]
            assert rows["overlap"].tolist() == [overlap(each, selected["noise"]) for each in used]


def test_thresholds_come_from_single_degradations_of_the_calibration_images(stores):
    pair = random_pair(SmoothNetwork())
    selected = {
        "noise": np.arange(len(pair.index)) % 3 == 0,
        "blur": np.arange(len(pair.index)) < 9,
    }
    conditions = {"bicubic": ["blur"], "noise": ["noise"], "more_noise": ["noise", "blur"]}
    settings = Settings(conditions, "bicubic", 12, 2, 0.2, {"nodes": 2})
    table = predict(pair, selected, stores[0], {"test": stores[1]}, settings)
    assert len(table) == 2 * 2 * 2 * 3 * 2  # references, variants, crops, inputs, degradations
    assert (table["predicted"] == (table["overlap"] > table["threshold"])).all()
    mixed = table[table["true_degradation"] == "more_noise"]
    assert mixed["present"].all()
    # a mixture among the calibration images changes no threshold
    alone = replace(settings, conditions={k: v for k, v in conditions.items() if len(v) < 2})
    without = predict(pair, selected, stores[0], {"test": stores[1]}, alone)
    keys = ["reference", "variant", "degradation"]
    thresholds = [t.groupby(keys)["threshold"].unique().map(list) for t in (table, without)]
    assert thresholds[0].equals(thresholds[1])


def test_a_mixture_that_is_ranked_has_a_threshold_of_its_own(tmp_path):
    operators = {"bicubic": BICUBIC, "noise": NOISE, "more_noise": NOISE}
    store = degraded_store(tmp_path / "s.h5", {"a": photo(24, 24)}, operators)
    pair = random_pair(SmoothNetwork())
    numbers = np.arange(len(pair.index))
    selected = {"noise": numbers % 3 == 0, "more_noise": numbers < 9}
    conditions = {"bicubic": [], "noise": ["noise"], "more_noise": ["noise", "more_noise"]}
    settings = Settings(conditions, "bicubic", 12, 1, 0.2, {"nodes": 2})
    table = predict(pair, selected, store, {"test": store}, settings)
    assert np.isfinite(table["threshold"]).all()
    own = table[table["degradation"] == "more_noise"]
    assert set(own.loc[own["present"], "true_degradation"]) == {"more_noise"}
