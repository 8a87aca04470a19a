"""Compare the files of a run with the checksums that were recorded when they were made."""

import shlex
import sys

from faig.base.errors import InputError
from faig.run import cli, manifest


def main(args) -> None:
    entries = manifest.read(args.manifest)
    if not entries:
        raise InputError(
            f"{args.manifest}: there are no recorded checksums to compare with; a run of the "
            "workflow records the files as they are then"
        )
    damaged = manifest.damaged(entries)
    if not damaged:
        print(f"all {len(entries)} files are as they were written")
        return
    print(*damaged, sep="\n")
    names = shlex.join(damage.path for damage in damaged)
    sys.exit(
        f"{len(damaged)} of {len(entries)} files are not as they were written. Make them again, "
        "then what was made from them while they were damaged:\n"
        f"  {args.snakemake.replace('TARGETS', f'{names} --force')}\n"
        f"  {args.snakemake.replace('TARGETS ', '')}"
    )


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--manifest", "recorded checksums (JSON)")
    parser.add_argument(
        "--snakemake", required=True, help="how to call the workflow, with TARGETS for the files"
    )
    cli.run(main, parser)
