"""Fetch a dataset's archive from the first mirror that has it, check it, and unpack its images."""

from faig.data import archives
from faig.run import cli


def main(args) -> None:
    archives.install(args.config["mirrors"], args.downloads, args.output)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--downloads", "folder where downloaded archives are kept")
    cli.path(parser, "--output", "folder to make, with the images")
    cli.run(main, parser)
