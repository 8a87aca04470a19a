"""Predict each test image's degradation from the filters that the target uses on it."""

import numpy as np
import pandas as pd
from faig.attribution.methods import attribute
from faig.attribution.pair import Pair
from faig.attribution.ranking import selection
from faig.base.progress import progress
from faig.base.tables import read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.prediction import (
    best_threshold,
    crop_examples,
    crops_of,
    overlap,
    own_filters,
    with_target_output,
)
from faig.networks.building import build
from faig.run import cli

REFERENCES = ("ground_truth", "target_output")


def score_crops(pair: Pair, store: ImageStore, cfg: dict, label: str) -> list[dict]:
    """FAIG of every crop, true degradation and reference; one dict each, `scores` (filters,)."""
    crops = crops_of(store, cfg)
    examples = crop_examples(store, crops, list(cfg["conditions"]), cfg["clean"])
    rows = []
    total = len(crops) * len(cfg["conditions"])
    for true, example in progress(examples, label, total, "crop"):
        for reference in REFERENCES:
            given = with_target_output(pair, example) if reference == REFERENCES[1] else example
            (result,) = attribute("faig", pair, [given], cfg["parameters"], seed=0)
            rows.append(
                {
                    "image": example.name,
                    "true_degradation": true,
                    "reference": reference,
                    "scores": result.scores[0].cpu().numpy(),
                }
            )
    return rows


def overlaps(rows: list[dict], sets: dict, cfg: dict, typical: np.ndarray) -> list[dict]:
    """Overlap score of every crop with every degradation's filters, without the bulky scores."""
    result = []
    for row in rows:
        own = own_filters(row["scores"], cfg["proportion"], typical)
        facts = {key: value for key, value in row.items() if key != "scores"}
        for degradation, selected in sets.items():
            present = degradation in cfg["conditions"][row["true_degradation"]]
            score = overlap(own, selected)
            result.append(
                {**facts, "degradation": degradation, "overlap": score, "present": present}
            )
    return result


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(build(**cfg["network"]), args.baseline, args.target, compute)
    ranking = read_table(args.ranking)
    sets = {d: selection(ranking, d, cfg["proportion"]) for d in ranking["degradation"].unique()}

    calibration = score_crops(pair, ImageStore(args.calibration), cfg, "calibration")
    # thresholds come from single degradations: what a mixture does is a finding, not an input
    single = [r for r in calibration if len(cfg["conditions"][r["true_degradation"]]) <= 1]
    tests = {p.stem: score_crops(pair, ImageStore(p), cfg, p.stem) for p in args.data}

    tables = []
    for reference in REFERENCES:
        known = [row for row in single if row["reference"] == reference]
        mean = np.mean([row["scores"] / row["scores"].sum() for row in known], axis=0)
        for variant, typical in (("paper", np.zeros_like(mean)), ("centred", mean)):
            known_overlaps = pd.DataFrame(overlaps(known, sets, cfg, typical))
            thresholds = {
                degradation: best_threshold(rows["overlap"], rows["present"])
                for degradation, rows in known_overlaps.groupby("degradation")
            }
            for dataset, rows in tests.items():
                same = [row for row in rows if row["reference"] == reference]
                table = pd.DataFrame(overlaps(same, sets, cfg, typical))
                threshold = table["degradation"].map(thresholds)
                predicted = table["overlap"] > threshold
                tables.append(
                    table.assign(
                        dataset=dataset, variant=variant, threshold=threshold, predicted=predicted
                    )
                )
    write_table(args.output, pd.concat(tables, ignore_index=True), {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--ranking", "FAIG's ranking (Parquet)")
    cli.path(parser, "--calibration", "images to fix the thresholds on (HDF5)")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
