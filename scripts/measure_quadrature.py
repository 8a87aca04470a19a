"""Measure how exact the quadrature rules are, against very many nodes, on the first image."""

from faig.base.tables import write_table
from faig.benchmark.attribution import Source, quadrature_table
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    files = {"baseline": args.baseline, "target": args.target, "data": args.data}
    facts = {key: cfg[key] for key in ("network", "degradations", "clean")}
    source = Source(**files, **facts, device=str(compute.device), released=args.released)
    table = quadrature_table(
        source, cfg["reference_size"], cfg["curve"], cfg["nodes"], cfg["reference_nodes"]
    )
    table.insert(0, "network", args.network)
    print(table.to_string(index=False))
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.network(parser)
    cli.pair(parser)
    cli.path(parser, "--data", "images (HDF5); the first one is taken")
    cli.released(parser)
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
