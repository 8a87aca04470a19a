"""Tell each test image's degradation from the code that a two-branch network finds for it."""

import numpy as np
import pandas as pd
from faig import cli
from faig.networks import read_spec
from faig.store import ImageStore, write_table
from faig.two_branch import crop_codes, crops_of, load, presence_probe


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    network = load(read_spec(args.spec), args.weights, compute)

    def codes_of(path) -> dict[str, tuple[list[str], np.ndarray]]:
        """By true degradation the crops' names and codes."""
        store = ImageStore(path)
        crops = crops_of(store, cfg["crop"], cfg["crops_per_image"])
        names = [str(crop) for crop in crops]
        return {
            true: (names, crop_codes(network, store, crops, true, compute))
            for true in cfg["conditions"]
        }

    # as the thresholds of the prediction by filters: from single degradations
    known = {
        true: codes
        for true, (_, codes) in codes_of(args.calibration).items()
        if len(cfg["conditions"][true]) <= 1
    }
    trues = np.repeat(list(known), [len(codes) for codes in known.values()])
    tests = {path.stem: codes_of(path) for path in args.data}
    rows = []
    for degradation in cfg["degradations"]:
        present = [degradation in cfg["conditions"][true] for true in trues]
        probe = presence_probe().fit(np.concatenate(list(known.values())), present)
        for dataset, conditions in tests.items():
            for true, (names, codes) in conditions.items():
                facts = {
                    "dataset": dataset,
                    "true_degradation": true,
                    "degradation": degradation,
                    "present": degradation in cfg["conditions"][true],
                }
                told = probe.predict(codes)
                rows += [
                    {"image": name, **facts, "predicted": bool(answer)}
                    for name, answer in zip(names, told, strict=True)
                ]
    write_table(args.output, pd.DataFrame(rows), {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.path(parser, "--spec", "what the network is (JSON)")
    cli.path(parser, "--weights", "its weights (safetensors)")
    cli.path(parser, "--calibration", "images to fit the probe on (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
