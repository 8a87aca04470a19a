"""Predict each test image's degradation from the filters that the target uses on it."""

from faig.attribution.pair import Pair
from faig.attribution.ranking import selection
from faig.base.tables import read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.prediction import Settings, predict
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    ranking = read_table(args.ranking)
    selected = {
        degradation: selection(ranking, degradation, cfg["proportion"])
        for degradation in ranking["degradation"].unique()
    }
    settings = Settings(
        cfg["conditions"],
        cfg["clean"],
        cfg["crop"],
        cfg["crops_per_image"],
        cfg["proportion"],
        cfg["parameters"],
    )
    tests = {path.stem: ImageStore(path) for path in args.data}
    table = predict(pair, selected, ImageStore(args.calibration), tests, settings)
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--ranking", "FAIG's ranking (Parquet)")
    cli.path(parser, "--calibration", "images to fix the thresholds on (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
