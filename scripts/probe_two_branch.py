"""Tell each test image's degradation from a two-branch network's embedding of it."""

from faig.base.tables import write_table
from faig.comparison.probes import Embedded, probe_presence
from faig.comparison.two_branch import load
from faig.data.crops import spread_crops
from faig.data.store import ImageStore
from faig.networks.building import read_spec
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    network = load(read_spec(args.spec), args.weights, compute)

    def embed(path) -> Embedded:
        store = ImageStore(path)
        crops = spread_crops(store, cfg["crop"] // store.scale, cfg["crops_per_image"])
        return Embedded.of(network, store, crops, cfg["conditions"], compute)

    known, tests = embed(args.calibration), list(map(embed, args.data))
    table = probe_presence(known, tests, cfg["degradations"], cfg["conditions"])
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--spec", "what the network is (JSON)")
    cli.path(parser, "--weights", "its weights (safetensors)")
    cli.path(parser, "--calibration", "images to fit the probe on (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
