import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from faig.errors import InputError
from faig.provenance import canonical_json, checksum
from faig.store import (
    ImageStore,
    ImageWriter,
    atomic_path,
    load_weights,
    read_metadata,
    read_table,
    save_weights,
    write_table,
)
from safetensors import safe_open
from toys import noise_image, write_store


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


def test_interrupted_writing_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_and_fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"


def test_finished_writing_replaces_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "new"


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
    with ImageWriter(tmp_path / "set.h5", {}) as writer:
        writer.write("hr/a", pixels)
        writer.write("lr/clean/a", pixels)
        writer.link("lr/noise/a", "lr/clean/a")
    store = ImageStore(tmp_path / "set.h5")
    assert torch.equal(store.lr("noise", "a"), store.lr("clean", "a"))


def test_extents_are_where_the_pixels_lie(store):
    raw = np.fromfile(store.path, np.uint8)
    extents = store.extents()
    for name in store.names:
        for key, image in (
            (store.hr_key(name), store.hr(name)),
            *((store.lr_key(kind, name), store.lr(kind, name)) for kind in store.degradations),
        ):
            place = extents[key]
            pixels = raw[place.offset :][: 3 * place.height * place.width]
            shaped = pixels.reshape(place.height, place.width, 3)
            np.testing.assert_array_equal(shaped, image.permute(1, 2, 0))


def test_an_image_in_chunks_has_no_extent(store):
    with h5py.File(store.path, "a") as file:
        key = store.hr_key(store.names[0])
        pixels = file[key][:]
        del file[key]
        file.create_dataset(key, data=pixels, compression="gzip")
    with pytest.raises(InputError, match="not stored in one piece; delete the file"):
        ImageStore(store.path).extents()


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
        assert file.metadata() == {"config": '{"a":[2],"b":1}'}


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


STATE = {"conv.weight": torch.rand(2, 3, 3, 3), "conv.bias": torch.rand(2)}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"params": STATE},
        {"params_ema": STATE, "params": {"conv.bias": torch.zeros(1)}},
        {"params": {f"module.{name}": value.half().double() for name, value in STATE.items()}},
    ],
    ids=["bare", "params", "params_ema first", "module prefix"],
)
def test_checkpoints_of_others(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    state = load_weights(tmp_path / "net.pth")
    assert set(state) == set(STATE)
    for name, value in state.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, STATE[name], atol=1e-3, rtol=1e-3)


class Malicious:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_malicious_pickle_is_refused(tmp_path):
    torch.save({"params": Malicious(tmp_path / "broken_in")}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net\.pth: refused, because reading it could run code"):
        load_weights(tmp_path / "net.pth")
    assert not (tmp_path / "broken_in").exists()


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], {"params": {"a": "b"}}])
def test_a_checkpoint_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(InputError, match="holds no weights"):
        load_weights(tmp_path / "net.pth")


def test_a_truncated_checkpoint_is_named(tmp_path):
    torch.save(STATE, tmp_path / "net.pth")
    data = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "net.pth").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"net\.pth: damaged or cut short"):
        load_weights(tmp_path / "net.pth")
