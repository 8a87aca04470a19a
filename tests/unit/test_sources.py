import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from faig.base.errors import InputError
from faig.data.sources import (
    PACKAGED,
    central_crop,
    folder_files,
    measure_cropped,
    packaged_files,
    read_cropped,
    read_image,
)
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from toys import noise_image, photo


def read_one(path, capsys) -> tuple[np.ndarray, str]:
    """The pixels of one file, and what was said on standard output."""
    pixels, _ = read_cropped(path, 1, None)
    assert measure_cropped(path, 1, None) == pixels.shape[:2]
    return pixels, capsys.readouterr().out


def test_rgb_is_read_as_it_is_and_without_a_word(tmp_path, capsys):
    expected = noise_image(6, 9)
    Image.fromarray(expected).save(tmp_path / "a.png")
    pixels, said = read_one(tmp_path / "a.png", capsys)
    np.testing.assert_array_equal(pixels, expected)
    assert said == ""


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_other_modes_are_converted_and_named(tmp_path, capsys, mode):
    image = Image.fromarray(noise_image(6, 9)).convert(mode)
    image.save(tmp_path / "a.png")
    pixels, said = read_one(tmp_path / "a.png", capsys)
    np.testing.assert_array_equal(pixels, np.array(image.convert("RGB")))
    assert f"a.png: converted from mode {mode} to RGB" in said


def test_cmyk_is_converted_and_named(tmp_path, capsys):
    expected = photo(32, 32)
    Image.fromarray(expected).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    pixels, said = read_one(tmp_path / "a.jpg", capsys)
    assert np.abs(pixels.astype(float) - expected).mean() < 6
    assert "a.jpg: converted from mode CMYK" in said


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_scaled_to_8(tmp_path, capsys, suffix):
    grey = np.array([[0, 255, 256], [32768, 40000, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / f"a.{suffix}")
    pixels, said = read_one(tmp_path / f"a.{suffix}", capsys)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.repeat((grey // 256)[..., None], 3, axis=2))
    assert "converted from mode I;16" in said


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of 16-bit RGB, which Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        length, check = (struct.pack(">I", n) for n in (len(data), zlib.crc32(kind + data)))
        return length + kind + data + check

    header = struct.pack(">IIBBBBB", *pixels.shape[1::-1], 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def tiff(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="rgb")
    return buffer.getvalue()


@pytest.mark.parametrize("encoded", [png, tiff])
def test_colours_of_16_bits_are_cut_to_8_and_that_is_said(tmp_path, capsys, encoded):
    colours = np.arange(0, 65536, 910, np.uint16)[:72].reshape(4, 6, 3)
    (tmp_path / "a.png").write_bytes(encoded(colours))
    pixels, said = read_one(tmp_path / "a.png", capsys)
    np.testing.assert_array_equal(pixels, colours // 256)
    assert "a.png: of 16 bits per channel the upper 8 are used" in said


def test_a_transparent_colour_is_said_to_be_left_out(tmp_path, capsys):
    Image.fromarray(noise_image(6, 9)).save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert "a.png: its transparency is left out" in read_one(tmp_path / "a.png", capsys)[1]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_an_image_cut_short_is_named(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(noise_image(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=rf"cut\.{suffix}: unreadable or cut short"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"this is text"])
def test_what_is_no_image_is_named(tmp_path, content):
    (tmp_path / "notes.png").write_bytes(content)
    for read in (read_image, lambda path: measure_cropped(path, 1, None)):
        with pytest.raises(InputError, match=r"notes\.png: unreadable"):
            read(tmp_path / "notes.png")


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.png: no such file"):
        read_image(tmp_path / "absent.png")


def test_an_image_smaller_than_the_scale_is_named(tmp_path):
    Image.fromarray(noise_image(2, 9)).save(tmp_path / "thin.png")
    with pytest.raises(InputError, match=r"thin\.png: smaller than 3"):
        measure_cropped(tmp_path / "thin.png", 3, None)


def test_folder_is_listed_by_name(tmp_path):
    for name in ("b.png", "a.JPG", "c.tiff", "readme.txt"):
        (tmp_path / name).touch()
    files = folder_files(tmp_path)
    assert list(files) == ["a", "b", "c"]
    assert files["a"] == tmp_path / "a.JPG"


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="absent: no such folder"):
        folder_files(tmp_path / "absent")
    (tmp_path / "readme.txt").touch()
    with pytest.raises(InputError, match=f"{tmp_path.name}: holds no image"):
        folder_files(tmp_path)


def test_two_images_of_one_name_are_named(tmp_path):
    for name in ("boat.png", "boat.jpg", "sea.png"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="boat") as error:
        folder_files(tmp_path)
    assert "sea" not in str(error.value)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_photographs_are_there_in_rgb(name):
    with Image.open(packaged_files([name])[name]) as image:
        assert image.mode == "RGB"
        assert min(image.size) >= 256


@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    multiple=st.integers(1, 4),
    limit=st.none() | st.integers(16, 70),
)
def test_central_crop(size, multiple, limit):
    positions = np.stack(np.mgrid[: size[0], : size[1]], axis=2)
    cut = central_crop(positions, multiple, limit)
    for axis, length in enumerate(size):
        side, allowed = cut.shape[axis], min(length, limit or length)
        assert side % multiple == 0
        assert allowed - multiple < side <= allowed
        if cut.size:
            before, after = cut[0, 0, axis], length - 1 - cut[-1, -1, axis]
            assert after - before in (0, 1)
