import shutil
import subprocess
import threading
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from faig.base.errors import InputError
from faig.base.provenance import canonical_json, checksum
from faig.base.tables import read_metadata, read_table, write_table
from faig.data.store import ImageStore, ImageWriter
from faig.networks.weights import load_weights, save_weights
from safetensors import safe_open
from toys import noise_image, shapes_of, write_store


def cut_short(path, share: float = 0.5) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


@pytest.fixture
def table():
    return pd.DataFrame({"filter": [0, 1], "layer": ["body.0", "last"], "score": [0.25, np.nan]})


@pytest.fixture
def images():
    return {"b": noise_image(8, 12, 1), "a": noise_image(6, 10, 2)}


@pytest.fixture
def store(tmp_path, images):
    lr = {name: pixels[::2, ::2] for name, pixels in images.items()}
    return write_store(tmp_path / "set.h5", images, {"noise": lr, "blur": lr})


def test_table_round_trip(tmp_path, table):
    metadata = {"config": {"nodes": 8, "none": None}, "errors": [0.1, 0.2]}
    write_table(tmp_path / "new/folder/t.parquet", table, metadata)
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "new/folder/t.parquet"), table, check_dtype=False
    )
    assert read_metadata(tmp_path / "new/folder/t.parquet") == metadata


def test_table_of_another_program_has_no_metadata(tmp_path, table):
    table.to_parquet(tmp_path / "t.parquet")
    assert read_metadata(tmp_path / "t.parquet") == {}


def test_image_round_trip(store, images):
    assert store.names == ["a", "b"]
    assert store.degradations == ["blur", "noise"]
    assert store.attributes["scale"] == 2
    for name, pixels in images.items():
        hr, lr = store.hr(name), store.lr("noise", name)
        assert hr.dtype == lr.dtype == torch.uint8
        np.testing.assert_array_equal(hr.permute(1, 2, 0), pixels)
        np.testing.assert_array_equal(lr.permute(1, 2, 0), pixels[::2, ::2])


def test_linked_image_reads_as_the_original(tmp_path):
    pixels = noise_image(4, 4)
    stored = {"a": {"hr/a": pixels, "lr/clean/a": 255 - pixels}}
    links = {"lr/noise/a": "lr/clean/a"}
    with ImageWriter.open(tmp_path / "set.h5", {}, shapes_of(stored), links, "") as writer:
        writer.write("a", stored["a"])
    store = ImageStore(tmp_path / "set.h5")
    np.testing.assert_array_equal(store.lr("noise", "a").permute(1, 2, 0), 255 - pixels)
    extents = store.extents()
    assert extents["lr/noise/a"] == extents["lr/clean/a"] != extents["hr/a"]


def test_extents_point_at_the_pixels_of_each_image(store, images):
    flat = np.memmap(store.path, np.uint8, "r")
    extents = store.extents()
    assert set(extents) == {f"{g}/{image}" for g in ("hr", "lr/noise", "lr/blur") for image in "ab"}
    for key, extent in extents.items():
        shape = (extent.height, extent.width, 3)
        found = flat[extent.offset :][: np.prod(shape)].reshape(shape)
        step = 1 if key.startswith("hr") else 2
        np.testing.assert_array_equal(found, images[key[-1]][::step, ::step])


@pytest.mark.parametrize("options", [{"chunks": (2, 2, 3)}, {"compression": "gzip"}])
def test_extents_need_images_in_one_piece(tmp_path, options):
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file.create_dataset("hr/a", data=noise_image(4, 4), **options)
        file.create_group("lr")
    with pytest.raises(InputError, match=r"set\.h5: hr/a does not lie in one piece.*delete it"):
        ImageStore(tmp_path / "set.h5").extents()


STORED = {
    name: {f"hr/{name}": noise_image(8, 12, i), f"lr/x/{name}": noise_image(4, 6, i)}
    for i, name in enumerate("abcd")
}


def write_images(path, images: str, stored=STORED, attributes=None, stamp="", stop=False) -> list:
    """Write some images, then stop as a kill would; returns which were missing at first."""
    options = attributes or {"scale": 2}, shapes_of(stored), {"lr/y/a": "lr/x/a"}, stamp
    try:
        with ImageWriter.open(path, *options) as writer:
            missing = writer.missing
            for image in images:
                writer.write(image, stored[image])
            if stop:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    return missing


def test_an_interrupted_file_is_gone_on_with_and_ends_the_same(tmp_path):
    one, other = tmp_path / "one.h5", tmp_path / "other.h5"
    assert write_images(one, "abcd") == list("abcd")
    assert write_images(other, "cb", stop=True) == list("abcd")
    assert not other.exists()
    assert write_images(other, "a", stop=True) == list("ad")
    assert write_images(other, "d") == ["d"]
    assert one.read_bytes() == other.read_bytes()
    assert not list(tmp_path.glob(".*.partial"))


def test_marks_say_the_truth_at_every_length_of_the_unfinished_file(tmp_path):
    """A kill while the file is laid out leaves less than a stamp and its marks."""
    write_images(tmp_path / "s.h5", "ab", stop=True)
    partial = tmp_path / ".s.h5.partial"
    whole = partial.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 5, len(whole) - 1):
        partial.write_bytes(whole[:length])
        assert write_images(tmp_path / "s.h5", "", stop=True) == list("abcd")
    partial.write_bytes(whole)
    assert write_images(tmp_path / "s.h5", "", stop=True) == list("cd")


@pytest.mark.parametrize(
    "change",
    [
        {"stamp": "another"},
        {"attributes": {"scale": 3}},
        {"stored": {name: STORED[name] for name in "abdc"}},
        {"stored": {**STORED, "d": {"hr/d": noise_image(8, 10), "lr/x/d": noise_image(4, 5)}}},
    ],
    ids=["stamp", "attributes", "order", "shapes"],
)
def test_an_unfinished_file_of_something_else_is_begun_anew(tmp_path, change):
    write_images(tmp_path / "s.h5", "abc", stop=True)
    write_images(tmp_path / "s.h5", "abcd", **change)
    write_images(tmp_path / "fresh.h5", "abcd", **change)
    assert (tmp_path / "s.h5").read_bytes() == (tmp_path / "fresh.h5").read_bytes()
    write_images(tmp_path / "s.h5", "abc", stop=True)
    assert set(write_images(tmp_path / "s.h5", "", stop=True, **change)) == set("abcd")


def test_an_unfinished_file_that_is_damaged_is_named(tmp_path):
    write_images(tmp_path / "s.h5", "ab", stop=True)
    partial = tmp_path / ".s.h5.partial"
    data = bytearray(partial.read_bytes())
    data[:100] = bytes(100)
    partial.write_bytes(data)
    with pytest.raises(InputError, match=r"\.s\.h5\.partial: damaged.*delete it"):
        write_images(tmp_path / "s.h5", "cd")


def test_pixels_of_another_shape_than_announced_are_refused(tmp_path):
    with (
        pytest.raises(InputError, match=r"a: came out with other heights and widths.*\(8, 12\)"),
        ImageWriter.open(tmp_path / "s.h5", {}, shapes_of(STORED), {}, "") as writer,
    ):
        writer.write("a", {**STORED["a"], "hr/a": noise_image(8, 10)})


def test_two_writers_never_hold_one_file(tmp_path):
    entered = threading.Event()

    def second():
        write_images(tmp_path / "s.h5", "abcd")
        entered.set()

    thread = threading.Thread(target=second, daemon=True)
    with ImageWriter.open(tmp_path / "s.h5", {}, shapes_of(STORED), {}, "") as writer:
        thread.start()
        assert not entered.wait(0.2)
        for image, pixels in STORED.items():
            writer.write(image, pixels)
    assert entered.wait(10)
    thread.join()


def test_too_little_space_is_told_before_anything_is_written(tmp_path, monkeypatch):
    free = 4 * 3 * (8 * 12 + 4 * 6) - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(InputError, match=r"s\.h5: no space left .*0\.0 MB are free, 0\.0 MB are"):
        write_images(tmp_path / "s.h5", "abcd")
    assert not list(tmp_path.glob("*.h5"))
    assert not list(tmp_path.glob(".*.partial"))
    free += 1
    write_images(tmp_path / "s.h5", "abcd")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_full_disk_finished_images_are_kept(tmp_path, small_disk):
    stored = {name: {f"hr/{name}": noise_image(200, 500, i)} for i, name in enumerate("abc")}
    options = {}, shapes_of(stored), {}, ""

    def fill_up_and_write():
        with ImageWriter.open(small_disk / "s.h5", *options) as writer:
            writer.write("a", stored["a"])
            (small_disk / "filler").write_bytes(bytes(500_000))
            writer.write("b", stored["b"])

    with pytest.raises(InputError, match=r"s\.h5: no space .*0\.\d MB are free, 0\.\d MB are"):
        fill_up_and_write()
    with pytest.raises(InputError, match="make room, and the next run goes on"):
        fill_up_and_write()
    (small_disk / "filler").unlink()
    for path, missing in ((small_disk / "s.h5", "bc"), (tmp_path / "whole.h5", "abc")):
        with ImageWriter.open(path, *options) as writer:
            assert writer.missing == list(missing)
            for image in missing:
                writer.write(image, stored[image])
    assert (small_disk / "s.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_missing_degradation_is_named_with_those_there_are(store):
    with pytest.raises(InputError, match=r"set\.h5.*'jpeg'.*blur, noise"):
        store.lr("jpeg", "a")


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_hdf5_cut_short_is_named(store, share):
    cut_short(store.path, share)
    with pytest.raises(InputError, match=r"set\.h5: damaged or cut short"):
        ImageStore(store.path)


def test_hdf5_overwritten_is_named(store):
    data = bytearray(store.path.read_bytes())
    data[200:] = bytes(len(data) - 200)
    store.path.write_bytes(data)
    with pytest.raises(InputError, match=r"set\.h5: damaged or cut short"):
        ImageStore(store.path).hr("a")


def test_hdf5_of_another_program_is_named(tmp_path):
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["images"] = [1, 2]
    with pytest.raises(InputError, match=r"set\.h5"):
        ImageStore(tmp_path / "set.h5")


def test_weights_round_trip(tmp_path):
    state = {"a.weight": torch.randn(2, 3, 3, 3), "a.bias": torch.randn(2)}
    state["a.weight"] = state["a.weight"].to(memory_format=torch.channels_last)
    save_weights(tmp_path / "w.safetensors", state, {"config": {"b": 1, "a": [2]}})
    loaded = load_weights(tmp_path / "w.safetensors")
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    with safe_open(tmp_path / "w.safetensors", "pt") as file:
        assert file.metadata() == {"faig": '{"config":{"a":[2],"b":1}}'}


def test_equal_weights_are_equal_files(tmp_path):
    state, facts = {"weight": torch.ones(3)}, {str(i): i for i in range(9)}
    for name in "ab":
        save_weights(tmp_path / name, state, facts)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("share", [0, 0.05, 0.5, 0.99])
def test_weights_cut_short_are_named(tmp_path, share):
    save_weights(tmp_path / "w.safetensors", {"weight": torch.randn(99)}, {})
    cut_short(tmp_path / "w.safetensors", share)
    with pytest.raises(InputError, match=r"w\.safetensors: damaged or cut short"):
        load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("read", [read_table, read_metadata])
@pytest.mark.parametrize("share", [0, 0.05, 0.5, 0.99])
def test_table_cut_short_is_named(tmp_path, table, read, share):
    write_table(tmp_path / "t.parquet", table)
    cut_short(tmp_path / "t.parquet", share)
    with pytest.raises(InputError, match=r"t\.parquet: damaged or cut short"):
        read(tmp_path / "t.parquet")


@pytest.mark.parametrize("read", [ImageStore, read_table, read_metadata, load_weights])
def test_missing_file_is_named(tmp_path, read):
    with pytest.raises(InputError, match="absent: no such file"):
        read(tmp_path / "absent")


def test_canonical_json_and_checksum_know_values_not_order(tmp_path):
    assert canonical_json({"b": 1, "a": {"d": 1, "c": 2}}) == '{"a":{"c":2,"d":1},"b":1}'
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    (tmp_path / "c").write_text("y")
    a, b, c = (checksum("config", tmp_path / name) for name in "abc")
    assert a == b
    assert len({a, c, checksum("other", tmp_path / "a")}) == 3
