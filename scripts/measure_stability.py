"""Tell how far a pair's rankings agree where they should, and what they notice."""

from faig.attribution.pair import Pair
from faig.attribution.ranking import TOP
from faig.base.seeds import derive
from faig.base.tables import write_table
from faig.data.store import ImageStore
from faig.evaluation.health import read_crops
from faig.evaluation.trials import Redrawn, growth, sanity_trials, stability_trials
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    degradations, seed = cfg["degradations"], derive(cfg["seed"], "stability")
    stores = ImageStore(args.data), Redrawn(args.data, cfg["operators"], seed)
    side = cfg["crop"] // stores[0].scale
    crops, redrawn = (read_crops(s, degradations, cfg["clean"], side, cfg["crops"]) for s in stores)
    pair, null = (
        end and Pair.load(cfg["network"], args.baseline, end, compute, **cfg["units"])
        for end in (args.target, args.null)
    )
    stability, coarse = stability_trials(
        pair,
        crops,
        redrawn if stores[1].random else None,
        degradations,
        cfg["nodes"],
        growth(stores[0], crops),
        cfg["contrast"],
    )
    sanity = sanity_trials(
        pair, crops, degradations, cfg["nodes"] // 2, coarse, seed, null, cfg["contrast"]
    )
    for table in (stability[stability["proportion"].fillna(TOP) == TOP], sanity):
        print(table.round(3).to_string(index=False))
    write_table(args.output, stability, {"config": cfg, "crops": len(crops)})
    write_table(args.sanity, sanity, {"config": cfg, "crops": len(crops)})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    parser.add_argument("--null", type=cli.Path, help="weights of a null target (safetensors)")
    cli.path(parser, "--data", "attribution images (HDF5)")
    cli.path(parser, "--sanity", "table of broken pairs to write (Parquet)")
    cli.path(parser, "--output", "table of agreements to write (Parquet)")
    cli.run(main, parser)
