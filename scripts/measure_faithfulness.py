"""Measure what every ranking's top filters carry, by deletion, insertion and exact effects."""

import numpy as np
from faig.attribution.pair import Pair
from faig.base.seeds import derive
from faig.base.tables import read_metadata, read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.bench import bench
from faig.evaluation.league import league
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    rankings = {path.stem: read_table(path) for path in args.rankings}
    sets, effects = bench(
        pair,
        rankings,
        [ImageStore(path) for path in args.data],
        cfg["input_degradations"],
        crop=cfg["crop"],
        crops_per_image=cfg["crops_per_image"],
        draws=cfg["draws"],
        filters=cfg["filters"],
        rng=np.random.default_rng(derive(cfg["seed"], "faithfulness")),
    )
    write_table(args.effects, effects, {"config": cfg})
    write_table(args.output, sets, {"config": cfg})
    facts = {path.stem: read_metadata(path) for path in args.rankings}
    judged = league(sets, effects, rankings, cfg["clean"], facts, cfg["contrast"])
    print(judged.round(3).to_string(index=False))
    write_table(args.league, judged, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--rankings", "one ranking per method (Parquet, named by it)", nargs="+")
    cli.path(parser, "--data", "test images (HDF5, named by their dataset)", nargs="+")
    cli.path(parser, "--effects", "table of single filters' effects to write (Parquet)")
    cli.path(parser, "--league", "table with a row per ranking and degradation to write (Parquet)")
    cli.path(parser, "--output", "table of losses by set of filters to write (Parquet)")
    cli.run(main, parser)
