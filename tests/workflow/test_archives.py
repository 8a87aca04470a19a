"""A dataset in an archive, through the workflow."""

import hashlib
import re
import zipfile

from faig.data.sources import packaged_files


def test_a_local_archive_takes_the_place_of_a_download(workflow, tmp_path):
    photos = packaged_files(["astronaut"])
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as file:
        file.write(photos["astronaut"], "photos/astronaut.png")
    found = hashlib.md5((tmp_path / "photos.zip").read_bytes()).hexdigest()
    wrong, right = ({"path": "photos.zip", "checksum": f"md5:{d}"} for d in ("0" * 32, found))
    store = "results/tiny/data/tiny_test.h5"

    def log() -> str:
        """Of the newest download; each choice of mirrors has one of its own."""
        logs = tmp_path.glob("results/archives/tiny_test-*.log")
        return max(logs, key=lambda path: path.stat().st_mtime).read_text()

    workflow.config["datasets"]["tiny_test"] = {"source": "archive", "mirrors": [wrong]}
    output = workflow.run(store, check=False).stdout
    assert f"error: no mirror gave the images:\n  photos.zip: found md5:{found}" in output
    assert "Traceback" not in log()

    workflow.config["datasets"]["tiny_test"]["mirrors"] = [wrong, right]
    workflow.run(store)
    assert re.search(r"images unpacked to results/archives/tiny_test-[0-9a-f]{8}: 1\n", log())
