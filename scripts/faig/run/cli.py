"""What every script does alike: arguments, threads, and errors written for people."""

import argparse
import ctypes
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from ..base.errors import InputError
from ..base.provenance import checksum


def parser(description: str, *, computes: bool = False) -> argparse.ArgumentParser:
    """An argument parser with the options that all scripts share.

    Args:
        description: the script's docstring.
        computes: whether the script uses torch; adds --threads.
    """
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument(
        "--config",
        type=_json,
        default={},
        metavar="JSON",
        help="the keys of the config that this step depends on, as one JSON object",
    )
    if computes:
        result.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    return result


def _json(text: str) -> dict:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not valid JSON: {error}") from None


def path(parser: argparse.ArgumentParser, name: str, help: str, **options) -> None:
    """Add a required argument that is a path, or several with nargs."""
    parser.add_argument(name, type=Path, required=True, help=help, **options)


def network(parser: argparse.ArgumentParser) -> None:
    """Add the argument --network: its name, as outputs tell it."""
    parser.add_argument("--network", required=True, help="name of the network, for the output")


def pair(parser: argparse.ArgumentParser) -> None:
    """Add the arguments --baseline and --target: the weights of a pair."""
    path(parser, "--baseline", "the baseline's weights (safetensors)")
    path(parser, "--target", "the target's weights (safetensors)")


def restored_image(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of figures that show a test image as a pair's networks restore it."""
    network(parser)
    pair(parser)
    path(parser, "--ranking", "a ranking (Parquet, named by its method)")
    path(parser, "--health", "the pair's health (Parquet)")
    path(parser, "--data", "test images (HDF5); the first one is shown")
    path(parser, "--output", "image files to write (PNG, PDF)", nargs="+")


def released(parser: argparse.ArgumentParser) -> None:
    """Add the optional argument --released: a file of the released code."""
    parser.add_argument(
        "--released",
        type=Path,
        help="the released code's file that searches for this network's filters (faig.py), to "
        "measure it, too",
    )


def tables(parser: argparse.ArgumentParser) -> None:
    """Add the repeatable argument --table: tables of a run, each with what it is."""
    parser.add_argument(
        "--table",
        nargs=4,
        action="append",
        required=True,
        metavar=("NAME", "NETWORK", "SEED", "PATH"),
        help="a table (Parquet) and what it is; once for every file",
    )


def reuse(parser: argparse.ArgumentParser) -> None:
    """Add the arguments --cache and --code, see `reusable`."""
    parser.add_argument(
        "--cache", type=Path, help="folder of results that runs share; without it, none is reused"
    )
    parser.add_argument(
        "--code", default="", metavar="TEXT", help="fingerprint of the code that makes the result"
    )


def reusable(args: argparse.Namespace, parts: Sequence[str | Path], files: Sequence[Path]):
    """The files that a script makes, which another run may have made before.

    Args:
        parts: what they are made from: texts, and files (`Path`); code and torch are added.
        files: the script's outputs.
    """
    from .reuse import Reusable

    return Reusable(args.cache, checksum(*parts, version("torch"), args.code), files)


def compute(args: argparse.Namespace):
    """Device and precision from the config's `device` and `precision`, threads from --threads.

    A GPU is the script's alone until it ends.
    """
    import torch

    from ..base.device import Compute, choose_device
    from .gpu_lock import claim

    _keep_freed_memory()
    torch.set_num_threads(args.threads)
    device = claim(choose_device(args.config.get("device", "auto")))
    chosen = Compute.choose(str(device), args.config.get("precision", "auto"))
    print(f"computing on {chosen}, {args.threads} CPU threads", flush=True)
    return chosen


def _keep_freed_memory() -> None:
    """Have glibc keep what a step of a training frees for the next step.

    It would give most of it back, and the system clear it anew: 3 to 8 % of a training's time.
    """
    trim_threshold, mmap_threshold = -1, -3  # of malloc.h
    with suppress(AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_threshold, 32 * 2**20)  # the most it takes


def run(main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Parse the command line and run `main`; the user's mistakes end in one line, exit status 1."""
    args = parser.parse_args()
    try:
        main(args)
    except InputError as error:
        sys.exit(f"error: {error}")
