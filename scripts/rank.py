"""Turn a method's scores into a discriminative ranking of the filters per degradation.

The weight of the contrast, and how many filters are enough, are chosen on validation images.
"""

from faig.attribution.pair import Pair
from faig.base.tables import read_metadata, read_table, write_table
from faig.data.store import ImageStore
from faig.evaluation.choosing import choose
from faig.run import cli


def main(args) -> None:
    cfg, compute, facts = args.config, cli.compute(args), read_metadata(args.scores)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    scores, store = read_table(args.scores), ImageStore(args.data)
    how = {key: facts.get(key) for key in ("contrast", "gains")} | {"named": cfg["contrast"]}
    ranking, chosen = choose(pair, scores, **how, store=store)
    for degradation, choice in chosen.items():
        print(f"{degradation}: {choice}")
    write_table(args.output, ranking, {**how, "passes": facts["passes"], "chosen": chosen})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--scores", "score table (Parquet)")
    cli.path(parser, "--data", "validation images (HDF5)")
    cli.path(parser, "--output", "ranking to write (Parquet)")
    cli.run(main, parser)
