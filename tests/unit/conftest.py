import pytest
import torch
from faig.evaluation import health
from hypothesis import settings
from toys import (
    BICUBIC,
    BLUR,
    FEATURES,
    NOISE,
    RANKED,
    SmoothNetwork,
    degraded_store,
    photo,
    trained,
)

settings.register_profile("fixed", max_examples=20, deadline=None, derandomize=True, database=None)
settings.load_profile("fixed")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def planted_store(tmp_path_factory):
    """Two small pictures, plain, blurred and noisy."""
    images = {name: photo(48, 48, seed) for seed, name in enumerate("ab")}
    operators = {"bicubic": BICUBIC, "blur": BLUR, "noise": NOISE}
    return degraded_store(tmp_path_factory.mktemp("health") / "s.h5", images, operators)


@pytest.fixture(scope="session")
def crops(planted_store):
    """Eight crops of them."""
    return health.read_crops(planted_store, RANKED, "bicubic", side=12, count=8)


@pytest.fixture(scope="session")
def ends(crops) -> tuple[dict, dict]:
    """Baseline and target, fine-tuned from it in small steps."""
    torch.manual_seed(0)
    network = SmoothNetwork(features=FEATURES)
    baseline = trained(network, crops, ["bicubic"], 300, 0.01)
    return baseline, trained(network, crops, ["bicubic", *RANKED], 100, 0.003)
