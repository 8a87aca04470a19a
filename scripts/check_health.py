"""Tell whether a pair can be attributed at all, from the loss between target and baseline."""

from faig.attribution.pair import Pair
from faig.base.tables import write_table
from faig.data.store import ImageStore
from faig.evaluation.health import Limits, check, cost, measure, read_crops
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    store = ImageStore(args.data)
    pair = Pair.load(cfg["network"], args.baseline, args.target, compute, **cfg["units"])
    degradations, effort = cfg["degradations"], (cfg["points"], cfg["nodes"])
    side = cfg["crop"] // store.scale
    crops = read_crops(store, degradations, cfg["clean"], side, cfg["crops"])
    share = cost(store, crops, degradations, *effort).share
    print(f"{len(crops)} crops; cost: {share:.2f} of FAIG with 8 nodes on the whole images")
    table = check(*measure(pair, crops, degradations, *effort), Limits(**cfg["limits"]))
    for row in table.drop_duplicates("input_degradation").to_dict("records"):
        said = "; ".join(text for text in (row["reason"], row["advice"]) if text)
        print(f"{row['input_degradation']}: {row['verdict']}", f"({said})" * bool(said))
    write_table(args.output, table, {"config": cfg, "crops": len(crops), "share_of_faig": share})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--data", "attribution images (HDF5)")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
