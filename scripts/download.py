"""Fetch a dataset's archive from the first mirror that has it, check it, and unpack its images."""

import shutil
import tempfile
from pathlib import Path

import pooch
from faig import cli
from faig.errors import InputError
from faig.sources import folder_files


def fetch(urls: list[str], checksum: str, folder: Path) -> Path:
    """Download from the first of several addresses that gives a file with this checksum."""
    failures = []
    for url in urls:
        try:
            return Path(
                pooch.retrieve(url, checksum, fname=Path(url).name, path=folder, progressbar=True)
            )
        except (OSError, ValueError) as error:
            failures.append(f"{url}: {error}")
            print(f"warning: {failures[-1]}", flush=True)
    raise InputError("no address gave the archive:\n  " + "\n  ".join(failures))


def verified(path: Path, checksum: str) -> Path:
    """A local archive, if it has this checksum."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    algorithm, expected = checksum.split(":")
    found = pooch.file_hash(str(path), alg=algorithm)
    if found != expected:
        raise InputError(f"{path}: found {algorithm} {found}, expected {expected}")
    return path


def image_folder(root: Path, member: str | None) -> Path:
    """The folder of images in an unpacked archive: `member`, or the only one there is."""
    if member:
        folders = [root / member]
    else:
        folders = [p for p in [root, *root.rglob("*")] if p.is_dir() and _has_images(p)]
    if len(folders) != 1:
        names = ", ".join(str(f.relative_to(root)) for f in folders) or "none"
        raise InputError(f"the archive's folders of images are: {names}; name one with 'member'")
    folder_files(folders[0])
    return folders[0]


def _has_images(folder: Path) -> bool:
    try:
        return bool(folder_files(folder))
    except InputError:
        return False


def main(args) -> None:
    dataset = args.config
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.output.parent) as temporary:
        folder = Path(temporary)
        if dataset.get("path"):
            archive = verified(Path(dataset["path"]), dataset["checksum"])
        else:
            archive = fetch(dataset["urls"], dataset["checksum"], folder)
        try:
            options = {} if archive.suffix == ".zip" else {"filter": "data"}
            shutil.unpack_archive(archive, folder / "unpacked", **options)
        except (shutil.ReadError, OSError, ValueError) as error:
            raise InputError(f"{archive}: cannot be unpacked ({error})") from None
        found = image_folder(folder / "unpacked", dataset.get("member"))
        shutil.rmtree(args.output, ignore_errors=True)
        found.rename(args.output)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--output", "folder to make, with the images")
    cli.run(main, parser)
