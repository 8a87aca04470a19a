"""What users put into image folders: all of it is right, refused by name, or said in the log."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faig.base.errors import InputError
from faig.data.degradations import build_degradations
from faig.data.sources import folder_files, measure_cropped, read_cropped, read_image, unused_files
from faig.data.store import ImageStore, ImageWriter, require_disjoint
from faig.data.synthesis import Recipe, synthesize
from faig_workflow import photographs
from forks import call
from PIL import Image, ImageOps
from toys import noise_image, photo, shapes_of

SCRIPT = Path(__file__).parents[2] / "scripts/synthesize.py"
PHOTO = photo(40, 60)
DOWN = {"bicubic": [{"op": "downsample"}]}


def encoded(format: str, pixels: np.ndarray | Image.Image = PHOTO, **options) -> bytes:
    """An image file's content."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def turned(format: str, orientation: int, **options) -> bytes:
    exif = Image.Exif()
    exif[0x112] = orientation
    return encoded(format, exif=exif, **options)


# orientation: how Pillow turns the pixels


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 mean nothing
@pytest.mark.parametrize(
    ("suffix", "format", "options"),
    [
        ("png", "PNG", {}),
        ("webp", "WEBP", {"lossless": True}),
        ("tif", "TIFF", {}),
        ("jpg", "JPEG", {"quality": 95, "subsampling": 0}),
    ],
)
def test_images_are_turned_as_exif_tells(tmp_path, capsys, orientation, suffix, format, options):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(turned(format, orientation, **options))
    expected = PHOTO
    if orientation != 1:
        exif = Image.open(io.BytesIO(turned("PNG", orientation)))
        expected = np.array(ImageOps.exif_transpose(exif))
    pixels, _ = read_cropped(path, 1, None)
    assert measure_cropped(path, 1, None) == pixels.shape[:2] == expected.shape[:2]
    assert np.abs(pixels.astype(float) - expected).mean() < 8  # JPEG is not exact
    if format != "JPEG":
        np.testing.assert_array_equal(pixels, expected)
    said = capsys.readouterr().out
    assert (f"EXIF orientation {orientation}" in said) == (2 <= orientation <= 8)


def test_a_photograph_that_tells_its_orientation_too_late_is_refused(tmp_path):
    """PNG allows that after the pixels, where measuring does not look."""
    early, plain = turned("PNG", 6), encoded("PNG")
    start = early.index(b"eXIf") - 4
    chunk = early[start : start + 12 + int.from_bytes(early[start : start + 4], "big")]
    end = plain.index(b"IEND") - 4
    (tmp_path / "a.png").write_bytes(plain[:end] + chunk + plain[end:])
    with pytest.raises(InputError, match=r"a\.png: says after its pixels how to turn them"):
        read_image(tmp_path / "a.png")


# ranges of values


def numbers(dtype: str, low: float, high: float) -> Image.Image:
    return Image.fromarray(np.linspace(low, high, 64 * 64).reshape(64, 64).astype(dtype))


def with_tag(tag: int, value: int) -> bytes:
    """An uncompressed 16-bit TIFF, one tag of which is overwritten."""
    data = bytearray(encoded("TIFF", numbers("uint16", 0, 4095), tiffinfo={339: 1}))
    places = range(int.from_bytes(data[4:8], "little") + 2, len(data), 12)
    place = next(p for p in places if int.from_bytes(data[p : p + 2], "little") == tag)
    data[place + 8 : place + 10] = value.to_bytes(2, "little")
    return bytes(data)


UNKNOWN_RANGES = {
    "float, 0 to 1": encoded("TIFF", numbers("float32", 0, 1)),
    "float, 0 to 255": encoded("TIFF", numbers("float32", 0, 255)),
    "float, NaN": encoded("TIFF", numbers("float32", np.nan, np.nan)),
    "32 bits": encoded("TIFF", numbers("int32", 0, 2**31 - 1)),
    "12 bits": with_tag(258, 12),
    "signed": with_tag(339, 2),
}


@pytest.mark.parametrize("case", UNKNOWN_RANGES)
def test_pixels_of_an_unknown_range_are_refused(tmp_path, case):
    (tmp_path / "a.tif").write_bytes(UNKNOWN_RANGES[case])
    for read in (read_image, lambda path: measure_cropped(path, 1, None)):
        with pytest.raises(InputError, match=r"a\.tif: .*expected 8 or 16 unsigned bits"):
            read(tmp_path / "a.tif")


def test_16_bits_with_white_as_0_are_refused(tmp_path):
    """Pillow would read a negative."""
    (tmp_path / "a.tif").write_bytes(with_tag(262, 0))
    for read in (read_image, lambda path: measure_cropped(path, 1, None)):
        with pytest.raises(InputError, match=r"a\.tif: .*whose 0 is white .*convert it"):
            read(tmp_path / "a.tif")


def test_the_same_file_with_its_own_tags_is_read(tmp_path):
    (tmp_path / "a.tif").write_bytes(with_tag(258, 16))
    pixels, _ = read_image(tmp_path / "a.tif")
    assert pixels.max() == 4095 >> 8


# pages and frames


@pytest.mark.parametrize(("suffix", "format"), [("tif", "TIFF"), ("png", "PNG"), ("webp", "WEBP")])
def test_of_pages_and_frames_the_first_is_used_and_that_is_said(tmp_path, capsys, suffix, format):
    more = [Image.fromarray(noise_image(40, 60, i)) for i in range(2)]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(format, save_all=True, append_images=more, **options)
    (tmp_path / f"a.{suffix}").write_bytes(data)
    pixels, _ = read_cropped(tmp_path / f"a.{suffix}", 1, None)
    np.testing.assert_array_equal(pixels, PHOTO)
    assert "only the first of 3 pages or frames is used" in capsys.readouterr().out


# damage


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize(
    ("suffix", "format", "options"),
    [
        ("png", "PNG", {}),
        ("png", "PNG", {"compress_level": 0}),
        ("tif", "TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_a_flipped_bit_is_found_where_a_checksum_tells(tmp_path, place, suffix, format, options):
    data = encoded(format, noise_image(300, 300), **options)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(flipped(data, int(place * len(data))))
    with pytest.raises(InputError, match=rf"a\.{suffix}: unreadable or cut short"):
        read_image(path)


def test_a_wrong_checksum_alone_is_found(tmp_path):
    """Pixels decode, so that only the checksum of the last chunk of them tells."""
    data = encoded("PNG", noise_image(300, 300))
    (tmp_path / "a.png").write_bytes(flipped(data, data.index(b"IEND") - 5))
    with pytest.raises(InputError, match=r"a\.png: unreadable or cut short"):
        read_image(tmp_path / "a.png")


# folders


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_dangling(path: Path) -> None:
    path.symlink_to("nowhere.png")


def make_bytes_name(path: Path) -> None:
    Path(os.fsdecode(os.fsencode(path.parent) + b"/x\xff.png")).write_bytes(encoded("PNG"))


NO_FILES: dict[str, tuple[Callable, str]] = {
    "pipe": (make_pipe, r"x\.png: no regular file, expected an image; rename or remove it"),
    "folder": (Path.mkdir, r"x\.png: a folder, expected an image"),
    "dangling link": (make_dangling, r"x\.png: a link that leads nowhere"),
    "looping link": (make_loop, r"x\.png: a link that leads nowhere"),
    "name in Latin-1": (make_bytes_name, r"x\\xff\.png|x\\xff' is not UTF-8; rename it"),
}


@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_called_an_image_and_is_none_is_refused_at_once(tmp_path, case):
    make, words = NO_FILES[case]
    (tmp_path / "good.png").write_bytes(encoded("PNG"))
    make(tmp_path / "x.png")
    with pytest.raises(InputError, match=words):
        folder_files(tmp_path)


@pytest.mark.parametrize(
    ("allowed", "words"), [(os.F_OK, r"x\.png: not readable by this user"), (None, "")]
)
def test_an_unreadable_file_is_refused_at_once(tmp_path, monkeypatch, allowed, words):
    (tmp_path / "x.png").write_bytes(encoded("PNG"))
    if allowed is None:
        assert list(folder_files(tmp_path)) == ["x"]
        return
    monkeypatch.setattr(os, "access", lambda path, mode: mode == allowed)  # root may read all
    with pytest.raises(InputError, match=words):
        folder_files(tmp_path)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match=r"cannot be listed \(Permission denied\)"):
        folder_files(tmp_path)


def test_links_to_images_are_images(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "photos/b.png").symlink_to("../a.png")
    assert list(folder_files(tmp_path / "photos")) == ["b"]


def test_hidden_files_and_other_formats_are_not_used_and_listed(tmp_path):
    for name in ("a.png", "._a.png", ".DS_Store", "b.heic", "c.gif", "d.jp2", "notes.txt"):
        (tmp_path / name).write_bytes(encoded("PNG"))
    (tmp_path / "more").mkdir()
    assert list(folder_files(tmp_path)) == ["a"]
    assert unused_files(tmp_path) == ["._a.png", "b.heic", "c.gif", "d.jp2", "more/", "notes.txt"]


NAMES = ["{x}", "{input}", "a b", "-ok", "$(touch evil)", "it's", 'a"b', "a.b", "%s", "фото", "*"]


def config(folder) -> dict:
    dataset = {"source": "folder", "path": str(folder)}
    return {"dataset": dataset, "degradations": DOWN, "scale": 2, "deterministic": False, "seed": 0}


@pytest.mark.parametrize("folder", ["photos", "-ok", "{x}", "a b"])
def test_the_script_takes_photographs_of_any_name_and_says_what_it_does_not_use(tmp_path, folder):
    (tmp_path / folder).mkdir()
    for i, name in enumerate(NAMES):
        (tmp_path / folder / f"{name}.png").write_bytes(encoded("PNG", noise_image(48, 48, i)))
    (tmp_path / folder / "z.heic").touch()
    options = ["--config", json.dumps(config(folder)), f"--folder={folder}", "--output", "set.h5"]
    status, told = call(["python", SCRIPT, *options], tmp_path)
    assert status == 0, told
    assert ImageStore(tmp_path / "set.h5").names == sorted(NAMES)
    assert f"{folder}: not used, for images are .png" in told
    assert ".webp: z.heic" in told
    assert not (tmp_path / "evil").exists()


# what can be measured


def recipe(deterministic: bool = False, crop: int | None = None, scale: int = 2) -> Recipe:
    return Recipe(build_degradations(DOWN, scale), scale, 0, deterministic, crop)


def store(path: Path, pixels: np.ndarray, own: Recipe) -> ImageStore:
    Image.fromarray(pixels).save(path.with_name("x.png"))
    synthesize(path, {"x": path.with_name("x.png")}, own, 1, "")
    return ImageStore(path)


def flat(height: int, width: int, border: int = 0) -> np.ndarray:
    """One colour, but for a border of noise."""
    pixels = noise_image(height, width)
    pixels[border : height - border, border : width - border] = (10, 20, 30)
    return pixels


UNFIT = {
    "a few pixels": (noise_image(3, 3), recipe(), r"2 x 2 pixels are left of it, .* 16 x 16 "),
    "thin": (noise_image(15, 99), recipe(), r"98 x 14 pixels are left of it, .* 16 x 16 "),
    "a crop too small": (noise_image(99, 99), recipe(crop=12), r"12 x 12 pixels are left"),
    "a scale too large": (noise_image(31, 40), recipe(scale=4), r"40 x 28 .* 32 x 32 .*scale 4"),
    "constant": (flat(32, 32), recipe(), r"all pixels are of one colour \(10, 20, 30\)"),
    "constant inside": (flat(32, 32, border=2), recipe(), r"all pixels are of one colour"),
    "constant in the crop": (flat(64, 64, border=8), recipe(crop=32), r"all pixels are of one"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_images_that_nothing_can_be_measured_on_are_refused(tmp_path, case):
    pixels, own, words = UNFIT[case]
    with pytest.raises(InputError, match=rf"x\.png: .*{words}"):
        store(tmp_path / "set.h5", pixels, own)
    assert not (tmp_path / "set.h5").exists()


@pytest.mark.parametrize("pixels", [noise_image(16, 16), flat(32, 32, border=3)])
def test_images_that_just_can_be_measured_on_are_taken(tmp_path, pixels):
    assert store(tmp_path / "set.h5", pixels, recipe()).names == ["x"]


@pytest.mark.parametrize("pixels", [noise_image(4, 4), flat(32, 32)])
def test_training_takes_flat_photographs_and_judges_their_size_itself(tmp_path, pixels):
    assert store(tmp_path / "set.h5", pixels, recipe(deterministic=True)).names == ["x"]


# the same photograph


def test_a_photograph_is_known_again_whatever_its_file_and_crop(tmp_path):
    pixels = noise_image(50, 50)
    stored = [
        store(tmp_path / "a.h5", pixels, recipe()),
        store(tmp_path / "b.h5", pixels, recipe(crop=24, deterministic=True)),
        store(tmp_path / "c.h5", pixels[::-1].copy(), recipe()),
        store(tmp_path / "d.h5", pixels.reshape(25, 100, 3), recipe()),
    ]
    digests = [set(each.photographs()) for each in stored]
    assert digests[0] == digests[1]
    assert len(set().union(*digests)) == 3


def test_shared_photographs_are_told_by_both_names(tmp_path):
    pictures = {"one": [1, 2], "two": [3, 2], "three": [4, 1, 2]}
    stores = {}
    for name, seeds in pictures.items():
        files = {f"{name}_{seed}": tmp_path / f"{name}_{seed}.png" for seed in seeds}
        for path, seed in zip(files.values(), seeds, strict=True):
            Image.fromarray(noise_image(32, 32, seed)).save(path)
        synthesize(tmp_path / f"{name}.h5", files, recipe(), 1, "")
        stores[name] = ImageStore(tmp_path / f"{name}.h5")
    with pytest.raises(InputError) as error:
        require_disjoint(stores, [("one", "two"), ("one", "three")])
    assert str(error.value).splitlines()[1:-1] == [
        "  'one_2' in 'one' is 'two_2' in 'two'",
        "  'one_1' in 'one' is 'three_1' in 'three'",
        "  'one_2' in 'one' is 'three_2' in 'three'",
    ]
    require_disjoint(stores, [])


def test_a_store_without_digests_is_named(tmp_path):
    """As another version writes it."""
    stored = {"a": {"hr/a": noise_image(16, 16), "lr/x/a": noise_image(8, 8)}}
    with ImageWriter.open(tmp_path / "set.h5", {"scale": 2}, shapes_of(stored), {}, "") as writer:
        writer.write("a", stored["a"])
    with pytest.raises(InputError, match=r"set\.h5: damaged.*delete it, and the next run makes it"):
        ImageStore(tmp_path / "set.h5").photographs()


# whether photographs are those of the last run


def replace(path: Path) -> None:
    """By another one of the same size."""
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def replace_by_older(path: Path) -> None:
    """As `cp -p` and `rsync -t` do it."""
    before = path.stat()
    replace(path)
    os.utime(path, (before.st_atime - 1000, before.st_mtime - 1000))


def replace_unseen(path: Path) -> None:
    """With the date that it had before."""
    before = path.stat()
    replace(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_itself(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def protect(path: Path) -> None:
    path.chmod(0o400)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (replace, True),
        (replace_by_older, True),
        (replace_unseen, True),
        (replace_by_itself, False),
        (Path.touch, False),
        (protect, False),
    ],
)
def test_any_replacement_is_seen_and_nothing_else(tmp_path, monkeypatch, change, seen):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    paths = ["photos/a.png", "photos/{x}.png"]
    for path in paths:
        Path(path).write_bytes(encoded("PNG"))
    before = photographs.digest(paths)
    change(Path(paths[0]))
    assert (photographs.digest(paths) != before) == seen


def test_a_renamed_photograph_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(b"1")
    before = photographs.digest(["a.png"])
    Path("a.png").rename("b.png")
    assert photographs.digest(["b.png"]) != before


def test_photographs_are_not_read_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read, checksum = [], photographs.checksum

    def noted(part):
        if isinstance(part, Path):
            read.append(str(part))
        return checksum(part)

    monkeypatch.setattr(photographs, "checksum", noted)
    for name in ("a", "b"):
        Path(name).write_bytes(name.encode())
    first = photographs.digest(["a", "b"])
    assert photographs.digest(["a", "b"]) == first
    assert read == ["a", "b"]
    Path("b").write_bytes(b"c")
    assert photographs.digest(["a", "b"]) != first
    assert read == ["a", "b", "b"]


@pytest.mark.parametrize("kept", ["", "[]", "{}", '{"a": 3}', '{"a": ["x", "y", "z"]}', "\x00"])
def test_what_was_kept_may_be_damaged(tmp_path, monkeypatch, kept):
    monkeypatch.chdir(tmp_path)
    Path("a").write_bytes(b"1")
    expected = photographs.digest(["a"])
    photographs.KEPT.write_text(kept)
    assert photographs.digest(["a"]) == expected


def test_a_photograph_that_vanished_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="gone: cannot be read"):
        photographs.digest(["gone"])


# where the store should be


def test_a_folder_in_the_place_of_a_store_is_named(tmp_path):
    (tmp_path / "set.h5").mkdir()
    with pytest.raises(InputError, match=r"set\.h5: is a folder, expected a file; move it away"):
        store(tmp_path / "set.h5", PHOTO, recipe())
    with pytest.raises(InputError, match=r"set\.h5: is a folder"):
        ImageStore(tmp_path / "set.h5")


def test_no_temporary_folder_is_needed(tmp_path):
    """A full or missing one is no reason to fail."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_bytes(encoded("PNG"))
    done = subprocess.run(
        [
            sys.executable, SCRIPT, "--config", json.dumps(config("photos")),
            "--folder=photos", "--output", "set.h5",
        ],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "TMPDIR": "/dev/null"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
