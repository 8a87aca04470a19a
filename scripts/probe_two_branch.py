"""Tell each test image's degradation from the code that a two-branch network finds for it."""

from pathlib import Path

import numpy as np
import pandas as pd
from faig.base.tables import write_table
from faig.comparison.two_branch import crop_codes, load, presence_probe
from faig.data.store import ImageStore
from faig.evaluation.prediction import crops_of
from faig.networks.building import read_spec
from faig.run import cli


def find_codes(network, path: Path, cfg: dict, compute) -> tuple[pd.DataFrame, np.ndarray]:
    """Every crop under every true degradation, and the network's code of it.

    Returns:
        Rows with dataset, true_degradation, image; and the codes, (rows, C).
    """
    store, conditions = ImageStore(path), list(cfg["conditions"])
    crops = crops_of(store, cfg)
    codes = [crop_codes(network, store, crops, true, compute) for true in conditions]
    rows = [(path.stem, true, str(crop)) for true in conditions for crop in crops]
    table = pd.DataFrame(rows, columns=["dataset", "true_degradation", "image"])
    return table, np.concatenate(codes)


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    network = load(read_spec(args.spec), args.weights, compute)
    known, known_codes = find_codes(network, args.calibration, cfg, compute)
    tests = [find_codes(network, path, cfg, compute) for path in args.data]
    present = {true: set(ranked) for true, ranked in cfg["conditions"].items()}
    # as the thresholds of the prediction by filters: from single degradations
    single = (known["true_degradation"].map(present).map(len) <= 1).to_numpy()

    tables = []
    for degradation in cfg["degradations"]:
        has = {true: degradation in ranked for true, ranked in present.items()}
        answers = known["true_degradation"].map(has)[single]
        probe = presence_probe().fit(known_codes[single], answers)
        tables += [
            rows.assign(
                degradation=degradation,
                present=rows["true_degradation"].map(has),
                predicted=probe.predict(codes),
            )
            for rows, codes in tests
        ]
    write_table(args.output, pd.concat(tables, ignore_index=True), {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--spec", "what the network is (JSON)")
    cli.path(parser, "--weights", "its weights (safetensors)")
    cli.path(parser, "--calibration", "images to fit the probe on (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
