"""Which methods find a skill that is planted in known filters, beside changes that mislead."""

import numpy as np
import pytest
import torch
from faig.attribution.examples import Example
from faig.attribution.methods import METHODS, attribute
from faig.attribution.pair import Pair
from faig.attribution.ranking import CONTRASTS, ranks
from faig.attribution.search import Losses
from torch import nn
from toys import CPU

LOST = 60  # what "dark" takes from the red channel, and "green" from the green one
PLANT = {"dark": {3, 4}, "green": {12, 13}}  # each adds three eighths of it
CANCELS = 16  # changes a kernel whose elements cancel on flat images
HINDERS = {
    "dark": 17,
    "green": 19,
}  # adds three quarters to the blue channel, where nothing was lost

SIGNED = {
    *("signed", "taylor", "taylor_baseline", "taylor_middle", "taylor_ends", "taylor_second"),
    "greedy",
}
SIZES = {"faig", "fisher", "molchanov"}  # cannot tell what helps from what hinders
BLIND = {"intinf", "intinf_contrast", "weight_change", "random"}  # never see the loss
LESS_DEGRADED = {"conductance"}  # on the way from the clean image, the target mends too much


class Planted(nn.Module):
    """A convolution that sees the image and, in two channels each, which degradation it has."""

    def __init__(self):
        super().__init__()
        self.mend = nn.Conv2d(7, 3, 3, padding=1, padding_mode="replicate", bias=False)

    def forward(self, x):
        low = (x[:, :2].mean(dim=(2, 3), keepdim=True) < 0.2).float().expand_as(x[:, :2])
        known = torch.cat([x, low.repeat_interleave(2, dim=1)], dim=1)
        return nn.functional.interpolate(self.mend(known), scale_factor=2)


@pytest.fixture(scope="module")
def pair():
    baseline = torch.zeros(3, 7, 3, 3)
    baseline[[0, 1, 2], [0, 1, 2], 1, 1] = 1
    target = baseline.clone()
    kernels = target.view(21, 3, 3)
    for number in (*PLANT["dark"], *PLANT["green"]):
        kernels[number, 1, 1] = 3 / 8 * LOST / 255
    for number in HINDERS.values():
        kernels[number, 1, 1] = 3 / 4 * LOST / 255
    kernels[CANCELS, 1, 0], kernels[CANCELS, 1, 2] = 0.5, -0.5
    return Pair.of(Planted(), {"mend.weight": baseline}, {"mend.weight": target}, CPU)


@pytest.fixture(scope="module")
def examples():
    found = []
    for k in range(2):
        plain = torch.full((1, 3, 6, 6), 70 + 5 * k, dtype=torch.uint8)
        inputs = {name: plain.clone() for name in PLANT}
        inputs["dark"][:, 0] -= LOST
        inputs["green"][:, 1] -= LOST
        found.append(
            Example(f"p{k}", plain.repeat_interleave(2, 2).repeat_interleave(2, 3), plain, inputs)
        )
    return found


def ranking(name: str, pair, examples) -> dict[str, list[int]]:
    """Filters by degradation, best first."""
    results = list(attribute(name, pair, examples, {}, 0))
    scores = np.mean([result.scores.double().numpy() for result in results], axis=0)
    gains = None
    if results[0].gains is not None:
        gains = np.mean([result.gains for result in results], axis=0)
    contrasted = CONTRASTS[METHODS[name].contrast](scores, gains)
    return {d: np.argsort(ranks(row)).tolist() for d, row in zip(PLANT, contrasted, strict=True)}


def test_every_method_is_measured():
    assert set(METHODS) == SIGNED | SIZES | BLIND | LESS_DEGRADED | {"learned_gates"}


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_methods_with_a_sign_find_the_plant_and_nothing_else(name, pair, examples):
    for degradation, order in ranking(name, pair, examples).items():
        assert set(order[:2]) == PLANT[degradation]
        assert order.index(HINDERS[degradation]) > 2


@pytest.mark.parametrize("name", sorted(SIZES))
def test_methods_without_a_sign_take_what_hinders_for_help(name, pair, examples):
    for degradation, order in ranking(name, pair, examples).items():
        assert set(order[:3]) == {*PLANT[degradation], HINDERS[degradation]}
        assert order[0] == HINDERS[degradation]


@pytest.mark.parametrize("name", sorted(BLIND | LESS_DEGRADED))
def test_methods_that_look_at_something_else_miss_the_plant(name, pair, examples):
    found = ranking(name, pair, examples)
    assert any(set(found[degradation][:2]) != PLANT[degradation] for degradation in PLANT)


def test_learned_gates_take_the_one_filter_without_which_the_gain_is_lost(pair, examples):
    """What hinders stays, so half of the plant makes up the whole gain."""
    for degradation, order in ranking("learned_gates", pair, examples).items():
        assert order[0] in PLANT[degradation]
        losses, gates = Losses(pair, examples), torch.ones(21)
        gates[order[0]] = 0
        shares = [sum(part.item() for part in losses.shares(row, gates)) for row in range(2)]
        own = list(PLANT).index(degradation)
        assert shares[own] == pytest.approx(0.13, abs=0.05)
        assert shares[1 - own] == pytest.approx(1, abs=1e-3)


def test_elements_that_cancel_are_a_large_change_without_effect(pair, examples):
    changed, signed = (
        next(iter(attribute(name, pair, examples, {}, 0))).scores[0]
        for name in ("weight_change", "signed")
    )
    assert changed[CANCELS] > 0.5
    assert signed[CANCELS].abs() < 1e-3 * signed[list(PLANT["dark"])].min()
