"""The released code itself, run from the user's own checkout of it.

The checkout has a file per network, with a function `faig` that takes two degraded images, their
ground truth and two files of weights, and returns a score per filter. It is run as it is. What its
file imports for other ends (reading images, progress bars, training) is stood in for while the file
is read; so are its networks, by the project's own of the same weights and operations.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from ..attribution.examples import Example
from ..attribution.pair import Pair
from ..base.errors import InputError

FUNCTION = "faig"
# what the files import: makers of networks, and what the function does not use
NETWORKS = ("basicsr.archs.srresnet_arch.MSRResNet", "archs.srcnn_style_arch.srcnn_style_net")
UNUSED = ("cv2.imread", "tqdm.tqdm", "basicsr.utils.img_util.img2tensor")
# what the makers are called with, and what that is called here
CALLED = {"upscale": "scale", "num_feat": "features", "num_block": "blocks"}


class Original:
    """The original function for a pair of networks.

    Args:
        file: of the checkout, for networks of this kind.
        pair: contiguous float32 weights.
        build: makes a network from keyword arguments.
        settings: the arguments that the pair's network was built with, `scale` among them; those
            that the original code asks for must be the same.

    Raises:
        InputError: no such file, or no such function in it; it imports something unknown, or
            computes on another device.
    """

    def __init__(self, file: Path, pair: Pair, build: Callable[..., nn.Module], settings: Mapping):
        maker = partial(_make, file, build, settings)
        self.function = load(file, dict.fromkeys(NETWORKS, maker) | dict.fromkeys(UNUSED))
        self.file, self.pair, self.scale = file, pair, settings["scale"]
        device = "cuda" if torch.cuda.is_available() else "cpu"  # the function's own choice
        if pair.compute.device.type != device:
            raise InputError(
                f"device: found {pair.compute.device}, but the released code takes {device}; set "
                "'device: auto', or hide the GPU (CUDA_VISIBLE_DEVICES=)"
            )
        self._files = TemporaryDirectory(prefix="faig-original-")
        for name, weights in (("baseline", pair.baseline), ("target", pair.target)):
            torch.save({"params_ema": dict(weights)}, self._weights(name))

    def _weights(self, name: str) -> str:
        return str(Path(self._files.name, f"{name}.pth"))

    def scores(self, example: Example, steps: int) -> np.ndarray:
        """Discriminative scores, float64 (degradations, filters).

        The function tells one degradation from another; of several, the mean is taken.

        Args:
            example: the image.
            steps: of the path's left sum.
        """
        images = {name: self._image(pixels) for name, pixels in example.inputs.items()}
        reference = self._image(example.reference)
        found = []
        for degradation, image in images.items():
            others = [other for name, other in images.items() if name != degradation]
            each = [self._contrast(image, other, reference, steps) for other in others]
            found.append(np.mean(each, axis=0))
        return np.stack(found)

    def _contrast(self, one: Tensor, two: Tensor, reference: Tensor, steps: int) -> np.ndarray:
        """What the original function returns, float64 (filters,)."""
        layers = self.pair.index.layers
        arguments = {
            "img1": one,
            "img2": two,
            "gt_img": reference,
            "baseline_model_path": self._weights("baseline"),
            "target_model_path": self._weights("target"),
            "total_step": steps,
            # either by name, or by number in one sequence
            "conv_name_list": [layer.parameter for layer in layers],
            "conv_index": [
                int(n) for n in (la.name.split(".")[-1] for la in layers) if n.isdigit()
            ],
            "scale": self.scale,
        }
        wanted = inspect.signature(self.function).parameters
        if unknown := [name for name in wanted if name not in arguments]:
            raise InputError(
                f"{self.file}: {FUNCTION}() takes {', '.join(unknown)}; expected none but "
                f"{', '.join(arguments)}, as in the released code"
            )
        device = self.pair.compute.device
        with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
            found = self.function(**{name: arguments[name] for name in wanted})
        return np.asarray(found, np.float64)

    def _image(self, pixels: Tensor) -> Tensor:
        return pixels.to(self.pair.compute.device).float() / 255


def _make(
    file: Path, build: Callable[..., nn.Module], settings: Mapping, **asked: int
) -> nn.Module:
    """A network in place of one that the original code makes, which must be of the same size."""
    for theirs, value in asked.items():
        key = CALLED.get(theirs, theirs)
        if key in settings and settings[key] != value:
            raise InputError(
                f"{file}: makes networks with {key} {value}, found {settings[key]} in the config; "
                "expected the paper's size, or 'benchmark.released: null'"
            )
    return build(**settings)


def load(file: Path, shims: Mapping[str, object]) -> Callable:
    """The original function, read from its file.

    Args:
        file: Python source.
        shims: what it finds where it imports these dotted names, instead of what there may be.

    Raises:
        InputError: no such file, no such function, or an import that fails.
    """
    where = "expected a checkout of the released code (github.com/TencentARC/FAIG) in the config's "
    where += "'benchmark.released'"
    if not file.is_file():
        raise InputError(f"{file}: no such file; {where}")
    spec = importlib.util.spec_from_file_location("faig_original", file)
    module = importlib.util.module_from_spec(spec)
    with _standing_in(_modules(shims)):
        try:
            spec.loader.exec_module(module)
        except (ImportError, SyntaxError) as error:
            raise InputError(f"{file}: cannot be read as Python: {error}; {where}") from error
    function = getattr(module, FUNCTION, None)
    if not inspect.isfunction(function):
        raise InputError(f"{file}: has no function '{FUNCTION}'; {where}")
    return function


def _modules(attributes: Mapping[str, object]) -> dict[str, ModuleType]:
    """Modules and packages that have these attributes, by dotted name."""
    found: dict[str, ModuleType] = {}
    for dotted, value in attributes.items():
        *parts, attribute = dotted.split(".")
        names = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
        for name in names:
            module = found.setdefault(name, ModuleType(name))
            module.__path__ = []  # nothing else lies in it
        setattr(found[names[-1]], attribute, value)
    return found


@contextmanager
def _standing_in(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Import these modules in place of others for a while."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
