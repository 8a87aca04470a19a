"""Measure how fast a network is trained, beside a plain loop."""

from faig.base.tables import write_table
from faig.benchmark.training import Setup, training_table
from faig.run import cli


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    facts = {key: cfg[key] for key in ("network", "degradations", "patch", "batch")}
    table = training_table(
        Setup(data=args.data, device=str(compute.device), **facts),
        repetitions=cfg["repetitions"],
        matrices=cfg["matrices"],
    )
    table.insert(0, "network", args.network)
    print(table.to_string(index=False))
    write_table(args.output, table, {"config": cfg})


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.network(parser)
    cli.path(parser, "--data", "training images (HDF5)")
    cli.path(parser, "--output", "table to write (Parquet)")
    cli.run(main, parser)
