import mmap
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from faig.base.errors import InputError
from faig.data.batches import AHEAD, SubImages, made_ahead
from toys import (
    BICUBIC,
    NOISE,
    degraded_store,
    make_batch,
    make_sampler,
    noise_image,
    photo,
    training_store,
    write_store,
)


@pytest.fixture
def store(tmp_path):
    return training_store(tmp_path / "train.h5")


def same(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_lr_and_hr_patches_show_the_same_place(tmp_path):
    small = {"a": noise_image(12, 20, 1), "b": noise_image(15, 9, 2)}
    hr = {name: pixels.repeat(2, 0).repeat(2, 1) for name, pixels in small.items()}
    inverted = {name: 255 - pixels for name, pixels in small.items()}
    store = write_store(tmp_path / "s.h5", hr, {"plain": small, "inverted": inverted})
    sampler = make_sampler(store, operators={"plain": BICUBIC, "inverted": BICUBIC}, batch=32)

    lr, hr = ((255 * side).round().int() for side in make_batch(sampler, 0)[:2])
    assert lr.shape == (32, 3, 8, 8)
    assert hr.shape == (32, 3, 16, 16)
    kinds = set()
    for small_patch, patch in zip(lr, hr[..., ::2, ::2], strict=True):
        assert torch.equal(patch, small_patch) or torch.equal(patch, 255 - small_patch)
        kinds.add(torch.equal(patch, small_patch))
    assert kinds == {True, False}


def test_patches_come_in_all_positions_and_orientations(tmp_path):
    pixels = noise_image(18, 16)
    store = write_store(tmp_path / "s.h5", {"a": pixels}, {"x": {"a": pixels[::2, ::2]}})
    hr = make_batch(make_sampler(store, operators={"x": BICUBIC}, batch=200), 0).hr
    assert len({patch.numpy().tobytes() for patch in hr}) == 2 * 8


def test_noise_is_drawn_afresh_on_stored_images(tmp_path):
    grey = {"a": np.full((32, 32, 3), 128, np.uint8)}
    store = degraded_store(tmp_path / "s.h5", grey, {"noise": NOISE}, deterministic=True)
    sampler = make_sampler(store, operators={"noise": NOISE}, batch=16)
    first, second = make_batch(sampler, 0).lr, make_batch(sampler, 1).lr
    assert not torch.equal(first, second)
    assert first.std() == pytest.approx(0.1, rel=0.1)
    assert len({patch.numpy().tobytes() for patch in first}) == 16


def test_noise_before_downsampling_gives_patches_of_the_same_place(tmp_path):
    """What is stored may not be downsampled yet; LR patches must still fit the HR ones."""
    noisy = {"early": [{"op": "gaussian_noise", "sigma": 1e-6}, {"op": "downsample"}]}
    store = degraded_store(tmp_path / "s.h5", {"a": photo(32, 48)}, noisy, deterministic=True)
    lr, hr, _ = make_batch(make_sampler(store, operators=noisy), 0)
    assert lr.shape == (4, 3, 8, 8)
    assert hr.shape == (4, 3, 16, 16)
    block_means = hr.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5))
    assert (lr - block_means).abs().mean() < 0.02


def test_a_batch_follows_from_the_seed_and_its_number(store):
    one, other = make_sampler(store, seed=1), make_sampler(store, seed=1)
    assert same(make_batch(one, 5), list(other.batches(3, 7))[2])
    assert not same(make_batch(one, 5), make_batch(one, 6))
    assert not same(make_batch(one, 5), make_batch(make_sampler(store, seed=2), 5))


def test_batches_made_ahead_are_the_same(store):
    sampler = make_sampler(store)
    numbers = range(2, 9)
    ahead = map(sampler._degrade, numbers, made_ahead(sampler._gather, numbers))
    assert all(same(a, b) for a, b in zip(ahead, sampler.batches(2, 9), strict=True))


def test_a_file_larger_than_memory_is_asked_for_and_gives_the_same_batches(store, monkeypatch):
    asked = []

    class Recorded(mmap.mmap):
        def madvise(self, advice, start, length):
            asked.append(range(start, start + length))
            super().madvise(advice, start, length)

    monkeypatch.setattr("mmap.mmap", Recorded)
    plain = make_sampler(store)
    expected = [make_batch(plain, number) for number in range(20)]
    assert not asked
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=0))
    frugal = make_sampler(store)
    assert all(same(make_batch(frugal, number), batch) for number, batch in enumerate(expected))
    extents = store.extents().values()
    assert all(any(extent.offset in part for part in asked) for extent in extents)


def test_only_a_few_batches_are_made_ahead():
    made = []
    items = made_ahead(lambda number: made.append(number) or number, range(100))
    assert [next(items), next(items)] == [0, 1]
    assert len(made) <= 2 + AHEAD
    assert list(items) == list(range(2, 100))


def test_a_failure_ahead_is_raised():
    def fail(number):
        raise InputError(f"number {number}")

    with pytest.raises(InputError, match="number 0"):
        list(made_ahead(fail, range(3)))


# sub-images


def test_sub_images_cover_a_side_as_the_released_training_does():
    parts = SubImages(size=480, stride=240)
    assert parts.starts(480) == [0]
    assert parts.starts(1000) == [0, 240, 480, 520]
    assert parts.starts(960) == [0, 240, 480]
    assert parts.starts(300) == [0]


def test_patches_of_sub_images_do_not_cross_their_borders(tmp_path):
    """With parts as large as patches, only the parts' own corners can be drawn."""
    pixels = noise_image(40, 56)
    store = write_store(tmp_path / "s.h5", {"a": pixels}, {"x": {"a": pixels[::2, ::2]}})
    options = {"operators": {"x": BICUBIC}, "batch": 1500}
    hr = make_batch(make_sampler(store, **options, sub_images={"size": 16, "stride": 16}), 0).hr
    corners = 3 * 4  # at 0, 16, 24 and at 0, 16, 32, 40
    assert len({patch.numpy().tobytes() for patch in hr}) == 8 * corners


SIDES = {"large": 64, "small": 16}


def test_large_images_are_seen_more_often_through_sub_images(tmp_path):
    images = {
        "large": np.full((64, 64, 3), 255, np.uint8),
        "small": np.zeros((16, 16, 3), np.uint8),
    }
    small = {name: pixels[::2, ::2] for name, pixels in images.items()}
    store = write_store(tmp_path / "s.h5", images, {"x": small})
    options = {"operators": {"x": BICUBIC}, "batch": 400}
    plain = make_batch(make_sampler(store, **options), 0).hr
    parts = make_batch(make_sampler(store, **options, sub_images={"size": 16, "stride": 16}), 0).hr
    from_large = [(255 * hr[:, 0, 0, 0] > 40).float().mean() for hr in (plain, parts)]
    assert from_large == [pytest.approx(1 / 2, abs=0.1), pytest.approx(16 / 17, abs=0.05)]


def test_windows_fit_images_of_all_sizes(store):
    sampler = make_sampler(store, sub_images={"size": 22, "stride": 4})
    _, top, left, height, width = sampler.windows.T
    assert max(height.max(), width.max()) == 11
    assert (top + height).max() == 12
    assert (left + width).max() == 16


def test_an_image_smaller_than_the_patch_is_named(store):
    with pytest.raises(InputError, match=r"'b' is 24 x 20 pixels.*patch of 22"):
        make_sampler(store, patch=22)


def test_sub_images_smaller_than_the_patch_are_told(store):
    with pytest.raises(InputError, match=r"sub-images of 14 pixels.*patch of 16: set sub_images"):
        make_sampler(store, sub_images={"size": 14, "stride": 2})
