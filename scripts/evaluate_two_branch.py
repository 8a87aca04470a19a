"""Measure a two-branch network and its one-branch controls, and what knowing the blur is worth."""

from faig.base.tables import write_table
from faig.comparison.quality import Conditioned, Plain, compare
from faig.comparison.two_branch import load
from faig.data.crops import spread_crops
from faig.data.store import ImageStore
from faig.networks.building import read_spec
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    calibration, variants = ImageStore(args.calibration), []
    crops = spread_crops(calibration, cfg["crop"] // calibration.scale, cfg["crops_per_image"])
    for path, weights in zip(args.specs, args.weights, strict=True):
        spec = read_spec(path)
        network = load(spec, weights, compute)
        if path.stem == "two_branch":
            network = Conditioned(network, compute, calibration, crops, cfg["sigmas"])
        else:
            network = Plain(network, compute)
        cost = {key: spec[key] for key in ("blocks", "parameters", "multiply_adds")}
        variants.append(({"variant": path.stem, **cost}, network))
    table = compare(variants, map(ImageStore, args.data), cfg["sigmas"], cfg["setting"])
    print(table.pivot_table("psnr", ["variant", "code"], "sigma", sort=False))
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--specs", "what each variant is (JSON, named by it)", nargs="+")
    cli.path(parser, "--weights", "their weights (safetensors), in the same order", nargs="+")
    cli.path(parser, "--calibration", "images to fit the probe and the mean embedding on (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
