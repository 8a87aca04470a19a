"""Measure what an attribution costs, beside the released code's protocol, and how exact it is."""

import math

from faig import cli
from faig.benchmark import Load, Source, attribution_table, quadrature_table
from faig.store import write_table

SHOWN = ["engine", "precision", "image_pixels", "images", "seconds_per_image"]
SHOWN += ["gflops", "peak_gflops", "memory_mb", "ratio", "rank_correlation"]


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    own = cfg["benchmark"]
    source = Source(
        cfg["network"],
        args.baseline,
        args.target,
        args.data,
        cfg["degradations"],
        cfg["clean"],
        str(compute.device),
    )
    quadrature = quadrature_table(
        source, own["reference_size"], own["curve"], own["nodes"], own["reference_nodes"]
    )
    sizes = sorted(own["sizes"], key=math.prod)
    loads = [Load(sizes[0], images) for images in sorted(own["images"])]
    table = attribution_table(
        source,
        [*loads, *(Load(size, 1) for size in sizes[1:])],
        quadrature,
        nodes=own["nodes"],
        repetitions=own["repetitions"],
        matrices=own["matrices"],
    )
    print(table[SHOWN].to_string(index=False))
    for path, result in ((args.attribution, table), (args.quadrature, quadrature)):
        result.insert(0, "network", args.network)
        write_table(path, result, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    parser.add_argument("network", help="name of the network, for the tables")
    cli.path(parser, "--baseline", "the baseline's weights (safetensors)")
    cli.path(parser, "--target", "the target's weights (safetensors)")
    cli.path(parser, "--data", "images (HDF5); the first one is taken")
    cli.path(parser, "--attribution", "cost table to write (Parquet)")
    cli.path(parser, "--quadrature", "exactness table to write (Parquet)")
    cli.run(main, parser)
