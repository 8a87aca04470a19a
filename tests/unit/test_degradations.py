import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from faig.base.errors import InputError
from faig.data.degradations import Degradation, Step, build_degradations
from faig.data.operators import OPERATORS, Context
from faig.data.pixels import to_float, to_uint8
from PIL import Image
from scipy import ndimage, special

HOME = Path(__file__).parents[2]
BLUR = {"op": "gaussian_blur", "size": 21, "sigma": 2.0}
DOWN = {"op": "downsample"}
NOISE = {"op": "gaussian_noise", "sigma": 0.1}


def images(height: int, width: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(3))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def apply(name: str, x: torch.Tensor, scale: int = 2, generator=None, **parameters):
    return OPERATORS[name](x, Context(scale, generator), **parameters)


def imresize(line: np.ndarray, scale: int) -> np.ndarray:
    """MATLAB's bicubic imresize by 1 / scale along the last axis, written from its definition."""
    length = line.shape[-1]
    result = np.empty((*line.shape[:-1], length // scale))
    for i in range(length // scale):
        centre = (i + 0.5) * scale - 0.5
        places = np.arange(np.floor(centre - 2 * scale), np.ceil(centre + 2 * scale) + 1).astype(
            int
        )
        t = np.abs(places - centre) / scale
        inner, outer = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        weights = np.where(t <= 1, inner, np.where(t < 2, outer, 0))
        mirrored = places % (2 * length)
        mirrored = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
        result[..., i] = line[..., mirrored] @ (weights / weights.sum())
    return result


@pytest.mark.parametrize("size", [(40, 30), (12, 9)])
def test_gaussian_blur_agrees_with_scipy(size):
    x = images(*size)
    blurred = apply("gaussian_blur", x, size=21, sigma=2.0)
    expected = ndimage.gaussian_filter(
        x.double().numpy(), (0, 0, 2, 2), mode="reflect", radius=(0, 0, 10, 10)
    )
    np.testing.assert_allclose(blurred, expected, atol=1e-6)


def test_blur_does_not_depend_on_the_order_in_memory():
    """Noise is drawn in the order in memory, so what is blurred first must always be in one."""
    x = images(40, 30)
    blurred, other = (
        apply("gaussian_blur", y, size=9, sigma=2.0)
        for y in (x, x.contiguous(memory_format=torch.channels_last))
    )
    assert torch.equal(blurred, other)
    assert blurred.is_contiguous()
    assert other.is_contiguous()


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(48, 36), (12, 24)])
def test_bicubic_agrees_with_matlabs_imresize(scale, size):
    x = images(*size)
    rows = imresize(x.double().numpy().swapaxes(2, 3), scale).swapaxes(2, 3)
    np.testing.assert_allclose(apply("downsample", x, scale), imresize(rows, scale), atol=1e-5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_agrees_with_pillow_in_the_interior(scale):
    x = images(72, 60, 1)
    picture = Image.fromarray(x[0, 0].numpy())
    expected = np.array(picture.resize((60 // scale, 72 // scale), Image.Resampling.BICUBIC))
    ours = apply("downsample", x, scale)[0, 0].numpy()
    inside = (slice(3, -3), slice(3, -3))
    np.testing.assert_allclose(ours[inside], expected[inside], atol=2e-5)


def test_bilinear_by_two_is_the_mean_of_four():
    x = images(10, 14)
    expected = x.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5))
    torch.testing.assert_close(apply("downsample", x, kernel="bilinear"), expected)


def test_noise_is_white_and_gaussian():
    grey = torch.full((1, 3, 200, 200), 0.5)
    noise = apply("gaussian_noise", grey, generator=seeded(), sigma=0.1) - grey
    assert noise.mean().abs() < 0.002
    assert noise.std() == pytest.approx(0.1, rel=0.02)
    assert (noise.abs() < 0.1).float().mean() == pytest.approx(0.683, abs=0.01)
    for neighbours in (
        (noise[..., 1:], noise[..., :-1]),
        (noise[:, :, 1:], noise[:, :, :-1]),
        (noise[:, 1:], noise[:, :-1]),
    ):
        correlation = torch.corrcoef(torch.stack([n.flatten() for n in neighbours]))[0, 1]
        assert correlation.abs() < 0.02


def test_noise_follows_its_generator():
    x, generator = images(8, 8), seeded(1)
    first, second = (apply("gaussian_noise", x, generator=generator, sigma=0.1) for _ in "ab")
    again = apply("gaussian_noise", x, generator=seeded(1), sigma=0.1)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("quality", [10, 75])
def test_jpeg_is_pillows(quality):
    x = to_float(to_uint8(images(24, 17)))
    result = to_uint8(apply("jpeg", x, quality=quality))
    for before, after in zip(to_uint8(x), result, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(before.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality)
        np.testing.assert_array_equal(after.permute(1, 2, 0), np.array(Image.open(buffer)))


@pytest.mark.parametrize(
    "operators",
    [[DOWN], [BLUR, DOWN], [DOWN, NOISE], [BLUR, DOWN, NOISE, {"op": "jpeg", "quality": 60}]],
)
@pytest.mark.parametrize("scale", [2, 3])
def test_stem_and_rest_make_the_whole_in_8_bit_steps(operators, scale):
    degradation, x = Degradation(operators, scale), images(24, 36)
    whole = degradation(x, seeded())
    prepared = degradation.apply_deterministic(x)
    assert whole.shape == (2, 3, 24 // scale, 36 // scale)
    stored = to_float(to_uint8(prepared))
    assert torch.equal(degradation.apply_stochastic(stored, seeded())[0], whole)
    assert torch.equal(to_float(to_uint8(whole)), whole)
    assert torch.equal(stored, prepared)


def test_the_paper_degradation_is_its_operators_one_after_the_other():
    x = images(24, 24)
    small = to_float(to_uint8(apply("downsample", apply("gaussian_blur", x, size=21, sigma=2.0))))
    noisy = apply("gaussian_noise", small, generator=seeded(), sigma=0.1)
    result = Degradation([BLUR, DOWN, NOISE], 2)(x, seeded())
    assert torch.equal(result, to_float(to_uint8(noisy)))


def test_only_randomness_separates_what_is_stored():
    other_noise = {"op": "gaussian_noise", "sigma": 0.2}
    keys = {
        name: degradation.deterministic_key
        for name, degradation in build_degradations(
            {
                "clean": [DOWN],
                "noise": [DOWN, NOISE],
                "other_noise": [DOWN, other_noise],
                "blur": [BLUR, DOWN],
                "other_blur": [{**BLUR, "sigma": 1.0}, DOWN],
                "reordered": [dict(reversed(BLUR.items())), DOWN],
            },
            2,
        ).items()
    }
    assert keys["clean"] == keys["noise"] == keys["other_noise"]
    assert keys["blur"] == keys["reordered"]
    assert len({keys["clean"], keys["blur"], keys["other_blur"]}) == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"op": "gausian_blur"}, "'gausian_blur'.*gaussian_blur"),
        ({"sigma": 2.0}, "operator"),
        ({"op": "gaussian_blur", "sigma": 2.0, "width": 3}, "gaussian_blur.*"),
        ({"op": "gaussian_noise"}, "gaussian_noise.*'sigma'"),
        ({"op": "jpeg", "qualty": 3}, "jpeg"),
    ],
)
def test_wrong_operators_are_named(spec, message):
    with pytest.raises(InputError, match=message):
        Degradation([DOWN, spec], 2)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({**BLUR, "size": 20}, "20"),
        ({**BLUR, "sigma": 0.0}, "0.0"),
        ({**DOWN, "kernel": "lanczos"}, "'lanczos'.*bicubic"),
    ],
)
def test_wrong_values_are_named(spec, message):
    with pytest.raises(InputError, match=message):
        Degradation([spec], 2).apply_deterministic(images(16, 16))


# parameters that are drawn

RANGES = [
    {"op": "gaussian_blur", "size": 9, "sigma": [0.3, 2.0]},
    {"op": "gaussian_noise", "sigma": [0.02, 0.2]},
    {"op": "motion_blur", "length": [1.0, 9.0], "angle": [0, 180]},
    {"op": "jpeg", "quality": [5, 95]},
]


@pytest.mark.parametrize("spec", RANGES)
def test_a_number_in_a_range_is_drawn_for_each_image(spec):
    x = images(16, 16, 1).expand(8, -1, -1, -1)
    result, again, other = (Step(spec)(x, Context(2, seeded(seed))) for seed in (0, 0, 1))
    assert torch.equal(result, again)
    assert not torch.equal(result, other)
    assert len({image.numpy().tobytes() for image in result}) == 8


@pytest.mark.parametrize(("op", "size"), [("gaussian_blur", 11), ("anisotropic_gaussian_blur", 7)])
def test_what_is_drawn_is_uniform_and_given_as_a_number_to_each_image(op, size):
    """The same images with the numbers that the generator gives, written out one by one."""
    x, context = images(12, 16, 4), Context(2, seeded())
    name = "sigma" if op == "gaussian_blur" else "sigma_y"
    more = {} if op == "gaussian_blur" else {"sigma_x": 0.7, "angle": 20.0}
    result = Step({"op": op, "size": size, name: [0.4, 2.4], **more})(x, context)
    for one, image, uniform in zip(result, x, torch.rand(4, generator=seeded()), strict=True):
        drawn = {name: 0.4 + 2 * float(uniform)}
        expected = apply(op, image[None], size=size, **more, **drawn)
        torch.testing.assert_close(one[None], expected, atol=1e-6, rtol=0)


def test_whole_numbers_are_drawn_with_both_ends():
    step = Step({"op": "jpeg", "quality": [30, 32]})
    drawn = step._draw("quality", torch.tensor([0.0, 0.34, 0.67, 0.9999999]))
    assert drawn.tolist() == [30, 31, 32, 32]


def test_views_of_a_scene_get_the_same_numbers():
    scenes = images(12, 12, 3)
    context = Context(2, seeded(), views=2)
    step = Step({"op": "motion_blur", "length": [1.0, 7.0], "angle": [0, 90]})
    first, second = step(scenes.repeat(2, 1, 1, 1), context).chunk(2)
    assert torch.equal(first, second)


def test_a_drawn_operator_is_not_deterministic():
    fixed = Degradation([BLUR, DOWN, NOISE], 2)
    drawn = Degradation([{**BLUR, "sigma": [0.2, 2.0]}, DOWN, NOISE], 2)
    assert (len(fixed.deterministic), len(drawn.deterministic)) == (2, 0)
    _, sigmas = drawn.apply_stochastic(drawn.apply_deterministic(images(24, 24, 5)), seeded())
    assert len(set(sigmas.tolist())) == 5
    assert 0.2 <= sigmas.min() <= sigmas.max() < 2


@pytest.mark.parametrize("ends", [[2.0, 0.2], [1.0], [1, 2, 3], "1-2"])
def test_what_is_no_range_is_named(ends):
    with pytest.raises(InputError, match="gaussian_blur: sigma"):
        Step({**BLUR, "sigma": ends})


# operators of other files

OTHERS = """
import numpy as np
import torch
from faig.data.operators import operator


@operator
def darken(images, context, *, factor: float):
    return factor * images


@operator(stochastic=True)
def speckle(images, context, *, sigma: float):
    return images * (1 + sigma * torch.randn(images.shape, generator=context.generator))


def plain(images, context):
    return 1 - images


@operator(stochastic=True)
def unseeded(images, context):
    return images + torch.rand_like(images)


def of_numpy(images, context):
    return images + np.random.default_rng().random()


def not_marked(images, context):
    return images + torch.rand(images.shape, generator=context.generator)


def halved(images, context):
    return images[..., ::2]


def infinite(images, context):
    return images / 0


def broken(images, context):
    return images[7]
"""


@pytest.fixture
def others(tmp_path, monkeypatch):
    """Name of a module with operators of the user's own."""
    (tmp_path / "their_operators.py").write_text(OTHERS)
    monkeypatch.syspath_prepend(tmp_path)
    yield "their_operators"
    sys.modules.pop("their_operators", None)


def test_an_operator_of_another_file_is_used_like_ours(others):
    x = to_float(to_uint8(images(8, 8)))
    known = set(OPERATORS)
    dark = Degradation([DOWN, {"op": f"{others}:darken", "factor": 0.5}], 2)
    expected = to_float(to_uint8(0.5 * apply("downsample", x)))
    assert torch.equal(dark(x, seeded()), expected)
    torch.testing.assert_close(
        Degradation([{"op": f"{others}:plain"}], 2).apply_deterministic(x), 1 - x
    )
    drawn = Degradation([{"op": f"{others}:darken", "factor": [0.2, 0.9]}], 2)
    assert not drawn.deterministic
    speckled = Degradation([{"op": f"{others}:speckle", "sigma": 0.1}], 2)
    assert torch.equal(speckled(x, seeded()), speckled(x, seeded()))
    assert set(OPERATORS) == known


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unseeded", "unseeded' gives two results from one seed.*context.generator"),
        ("of_numpy", "of_numpy' gives two results from one seed.*context.generator"),
        ("not_marked", "not_marked' gives two results.*stochastic=True"),
        ("halved", r"halved' makes images \(2, 3, 32, 16\) of \(2, 3, 32, 32\)"),
        ("infinite", "infinite' makes values that are not finite"),
        ("broken", "broken' fails on RGB images of 32 x 32 pixels: IndexError"),
        ("missing", "missing' cannot be imported"),
    ],
)
def test_operators_of_other_files_that_cannot_be_used_are_named(others, name, message):
    with pytest.raises(InputError, match=message):
        Degradation([DOWN, {"op": f"{others}:{name}"}], 2)


# more operators


@pytest.mark.parametrize("angle", [0, 30, 90, -45])
def test_anisotropic_blur_is_a_turned_gaussian(angle):
    x = images(40, 30)
    blurred = apply(
        "anisotropic_gaussian_blur", x, size=15, sigma_x=3.0, sigma_y=1.0, angle=float(angle)
    )
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    inverse = np.linalg.inv(rotation @ np.diag([9.0, 1.0]) @ rotation.T)
    places = np.mgrid[7:-8:-1, -7:8][::-1]  # x to the right, y upwards
    kernel = np.exp(-np.einsum("iyx,ij,jyx->yx", places, inverse, places) / 2)
    kernel /= kernel.sum()
    expected = ndimage.convolve(x.double().numpy(), kernel[None, None], mode="reflect")
    np.testing.assert_allclose(blurred, expected, atol=1e-6)


def test_anisotropic_blur_of_equal_widths_is_gaussian_blur():
    x = images(24, 30)
    parameters = {"size": 11, "sigma_x": 1.5, "sigma_y": 1.5, "angle": 20.0}
    blurred = apply("anisotropic_gaussian_blur", x, **parameters)
    torch.testing.assert_close(blurred, apply("gaussian_blur", x, size=11, sigma=1.5))


@pytest.mark.parametrize("cutoff", [1.0472, 2.0, 3.1415])
def test_sinc_blur_is_the_low_pass_filter_of_a_circle(cutoff):
    """Against its definition, the Fourier transform of a disc of frequencies, by quadrature."""
    x = torch.zeros(1, 1, 25, 25)
    x[..., 12, 12] = 1
    found = apply("sinc_blur", x, size=11, cutoff=cutoff)[0, 0, 7:-7, 7:-7]
    radii = (np.arange(400) + 0.5) * cutoff / 400
    distance = np.hypot(*np.mgrid[-5:6, -5:6])
    kernel = (special.j0(distance[..., None] * radii) * radii).sum(axis=-1)
    np.testing.assert_allclose(found, kernel / kernel.sum(), atol=1e-4)


def test_the_second_order_pipeline_of_the_readme_degrades_each_image_in_its_own_way():
    text = (HOME / "config/README.md").read_text(encoding="utf-8")
    (block,) = (
        part for part in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "wild" in part
    )
    operators = yaml.safe_load(block)["degradations"]["wild"]
    ops = [operator["op"] for operator in operators]
    assert ops.count("jpeg") == ops.count("anisotropic_gaussian_blur") == 2
    degradation, x = Degradation(operators, 2), images(32, 32, 1).expand(4, -1, -1, -1)
    degraded = degradation(x, seeded())
    assert degraded.shape == (4, 3, 16, 16)
    assert not degradation.deterministic
    assert torch.equal(degraded, degradation(x, seeded()))
    assert len({image.numpy().tobytes() for image in degraded}) == 4


@pytest.mark.parametrize(("angle", "axis"), [(0.0, 3), (90.0, 2), (180.0, 3)])
def test_motion_blur_along_an_axis_is_a_moving_average(angle, axis):
    x = images(24, 30)
    blurred = apply("motion_blur", x, length=5.0, angle=angle)
    expected = ndimage.uniform_filter1d(x.double().numpy(), 5, axis=axis, mode="reflect")
    np.testing.assert_allclose(blurred, expected, atol=1e-6)


@pytest.mark.parametrize("length", [1.0, 4.0, 6.5])
@pytest.mark.parametrize("angle", [20.0, 45.0, 120.0])
def test_a_point_moved_becomes_a_line_in_the_direction_of_the_motion(length, angle):
    x = torch.zeros(1, 1, 31, 31)
    x[..., 15, 15] = 1
    line = apply("motion_blur", x, length=length, angle=angle)[0, 0].double().numpy()
    assert line.sum() == pytest.approx(1)
    y, x = np.mgrid[15:-16:-1, -15:16]
    assert (line * x).sum() == pytest.approx(0, abs=1e-6)
    assert (line * y).sum() == pytest.approx(0, abs=1e-6)
    if length > 1:
        covariance = [[(line * a * b).sum() for a in (x, y)] for b in (x, y)]
        spread, directions = np.linalg.eigh(covariance)
        found = np.degrees(np.arctan2(*directions[:, 1][::-1])) % 180
        assert found == pytest.approx(angle, abs=3)
        assert spread[1] == pytest.approx(length**2 / 12, rel=0.35)


def test_poisson_noise_has_the_statistics_of_counted_photons():
    x = torch.full((1, 3, 200, 200), 0.25)
    noisy = apply("poisson_noise", x, generator=seeded(), peak=50.0)
    assert noisy.mean() == pytest.approx(0.25, abs=1e-3)
    assert noisy.var() == pytest.approx(0.25 / 50, rel=0.03)
    torch.testing.assert_close(noisy * 50, (noisy * 50).round(), atol=1e-4, rtol=0)
    assert torch.equal(noisy, apply("poisson_noise", x, generator=seeded(), peak=50.0))
    assert not torch.equal(noisy, apply("poisson_noise", x, generator=seeded(1), peak=50.0))
    assert not apply("poisson_noise", x - 0.5, generator=seeded(), peak=50.0).any()  # below black


@pytest.mark.parametrize(
    ("size", "factor", "between"), [((40, 32), 0.5, (20, 16)), ((9, 7), 0.4, (4, 3))]
)
def test_rescaling_keeps_what_is_smooth_and_agrees_with_pillow(size, factor, between):
    x = images(*size, 1)
    result = apply("rescale", x, factor=factor)
    assert result.shape == x.shape
    channel = Image.fromarray(x[0, 0].numpy())
    expected = channel.resize(between[::-1], Image.BICUBIC).resize(size[::-1], Image.BICUBIC)
    np.testing.assert_allclose(result[0, 0], np.array(expected), atol=1e-5)
    flat = torch.full((1, 3, 9, 7), 0.3)
    torch.testing.assert_close(apply("rescale", flat, factor=0.4, kernel="bilinear"), flat)


def test_a_chain_of_degradations_is_one_more_degradation():
    """Blur, resizing, shot noise and JPEG twice, as blind super-resolution in the wild does it."""
    chain = [
        {"op": "anisotropic_gaussian_blur", "size": 9, "sigma_x": 2, "sigma_y": 1, "angle": 30},
        {"op": "rescale", "factor": 0.7},
        {"op": "poisson_noise", "peak": 200},
        {"op": "jpeg", "quality": 60},
        {"op": "motion_blur", "length": 3, "angle": 60},
        DOWN,
        {"op": "gaussian_noise", "sigma": 0.02},
        {"op": "jpeg", "quality": 80},
    ]
    degraded = Degradation(chain, 2)(images(32, 32), seeded())
    assert degraded.shape == (2, 3, 16, 16)
    assert torch.equal(degraded, Degradation(chain, 2)(images(32, 32), seeded()))
