"""Measure what an attribution costs, beside the released code's protocol."""

import math

from faig.base.tables import read_table, write_table
from faig.benchmark.attribution import Load, Source, attribution_table
from faig.run import cli

SHOWN = ["engine", "precision", "image_pixels", "images", "seconds_per_image"]
SHOWN += ["gflops", "peak_gflops", "memory_mb", "ratio", "rank_correlation"]


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    files = {"baseline": args.baseline, "target": args.target, "data": args.data}
    facts = {key: cfg[key] for key in ("network", "degradations", "clean")}
    sizes = sorted(cfg["sizes"], key=math.prod)
    loads = [Load(sizes[0], images) for images in sorted(cfg["images"])]
    table = attribution_table(
        Source(**files, **facts, device=str(compute.device), released=args.released),
        [*loads, *(Load(size, 1) for size in sizes[1:])],
        read_table(args.quadrature),
        nodes=cfg["nodes"],
        repetitions=cfg["repetitions"],
        matrices=cfg["matrices"],
    )
    table.insert(0, "network", args.network)
    print(table[SHOWN].to_string(index=False))
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.network(parser)
    cli.pair(parser)
    cli.path(parser, "--data", "images (HDF5); the first one is taken")
    cli.path(parser, "--quadrature", "exactness of the quadrature (Parquet)")
    cli.released(parser)
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
