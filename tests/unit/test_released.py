import numpy as np
import pytest
import torch
from faig.attribution.examples import Example
from faig.attribution.methods import faig
from faig.attribution.pair import Pair
from faig.attribution.ranking import discriminative_scores, ranks
from faig.benchmark.released import STEPS, Search
from faig.networks.building import build
from toys import CPU, SmoothNetwork, example, random_state


def scores(search: Search) -> torch.Tensor:
    """Discriminative score of every filter by the whole protocol, float32 (inputs, filters)."""
    totals = search.integrals(range(STEPS))
    importance = {key: per_filter(search, total) for key, total in totals.items()}
    found = []
    for wanted in search.inputs:
        others = [importance[wanted, given] for given in search.inputs if given != wanted]
        found.append(importance[wanted, wanted] - torch.stack(others).mean(0))
    return torch.stack(found)


def per_filter(search: Search, integral) -> torch.Tensor:
    parts = []
    for name, module in search.build().named_modules():
        if isinstance(module, torch.nn.Conv2d):
            key = f"{name}.weight"
            change = (search.baseline[key] - search.target[key]) * integral[key]
            parts.append(change.abs().sum(dim=(2, 3)).flatten())
    return torch.cat(parts)


def search_of(make, pair: Pair, ex: Example) -> Search:
    def plain(values):
        return {name: value.float().contiguous() for name, value in values.items()}

    inputs = plain({name: pixels / 255 for name, pixels in ex.inputs.items()})
    reference = ex.reference.float() / 255
    return Search(make, plain(pair.baseline), plain(pair.target), inputs, reference)


@pytest.mark.parametrize("inputs", [("blur", "noise"), ("blur", "noise", "jpeg")])
def test_the_plain_protocol_ranks_as_the_engine_does(inputs):
    built = []

    def make():
        built.append(SmoothNetwork())
        return built[-1]

    network, ex = SmoothNetwork(), example(inputs=inputs)
    states = random_state(network, 1), random_state(network, 2)
    pair = Pair.of(network, *states, CPU)
    search = search_of(make, pair, ex)
    found = scores(search).numpy()

    (result,) = faig(pair, [ex], quadrature="left", nodes=STEPS)
    expected = discriminative_scores(result.scores.double().numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * abs(expected).max())
    for own, other in zip(found, expected, strict=True):
        assert (ranks(own) == ranks(other)).all()
    assert len(built) >= STEPS * len(inputs) ** 2  # a new network for each


@pytest.mark.parametrize("architecture", ["srresnet", "srcnn"])
def test_the_projects_networks_can_be_searched(architecture):
    parameters = {"srresnet": {"features": 4, "blocks": 1}, "srcnn": {"widths": [4, 4]}}

    def make():
        return build(architecture, 2, parameters[architecture])

    pair = Pair.of(make(), random_state(make(), 1, 0.1), random_state(make(), 2, 0.1), CPU)
    search, ex = search_of(make, pair, example()), example()
    found = scores(search).numpy()
    (result,) = faig(pair, [ex], quadrature="left", nodes=STEPS)
    expected = discriminative_scores(result.scores.double().numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * abs(expected).max())
