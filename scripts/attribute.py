"""Score every filter for every degradation by one attribution method, mean over images."""

import numpy as np
import pandas as pd
from faig.attribution.methods import METHODS, attribute, read_examples
from faig.attribution.pair import Pair
from faig.base.progress import progress
from faig.base.seeds import derive
from faig.base.tables import write_table
from faig.data.store import ImageStore
from faig.networks.building import build
from faig.run import cli

WARN_ABOVE = 0.02


def report_completeness(completeness: np.ndarray, images: list[str], nodes: list[int]) -> None:
    """Print nodes and the largest completeness error, as a warning where it is too large."""
    worst = completeness.max(axis=1)
    used = f"{min(nodes)}" if min(nodes) == max(nodes) else f"{min(nodes)} to {max(nodes)}"
    print(
        f"completeness error with {used} nodes: "
        f"mean {completeness.mean():.2%}, largest {worst.max():.2%}"
    )
    if worst.max() > WARN_ABOVE:
        print(
            f"warning: completeness error {worst.max():.2%} on image '{images[worst.argmax()]}' is "
            f"above {WARN_ABOVE:.0%}; `snakemake health` tells whether more nodes would help"
        )


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    store = ImageStore(args.data)
    pair = Pair.load(build(**cfg["network"]), args.baseline, args.target, compute)
    examples = read_examples(store, cfg["degradations"], cfg["clean"])
    seed = derive(cfg["seed"], "attribution", cfg["method"])
    results = attribute(cfg["method"], pair, examples, cfg["parameters"], seed)
    mean, completeness, nodes = 0.0, [], []
    for result in progress(results, cfg["method"], len(store.names), "image"):
        mean = mean + result.scores.double().cpu().numpy() / len(store.names)
        completeness.append(result.completeness)
        nodes.append(result.nodes)

    metadata = {"config": cfg, "contrast": METHODS[cfg["method"]].contrast}
    if completeness[0] is not None:
        report_completeness(np.array(completeness), store.names, nodes)
        metadata["completeness"] = {
            "images": store.names,
            "degradations": cfg["degradations"],
            "relative_error": np.array(completeness).tolist(),
            "nodes": nodes,
        }
    columns = pair.index.columns()
    tables = [
        pd.DataFrame({**columns, "degradation": name, "score": scores})
        for name, scores in zip(cfg["degradations"], mean, strict=True)
    ]
    write_table(args.output, pd.concat(tables, ignore_index=True), metadata)


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    cli.pair(parser)
    cli.path(parser, "--data", "attribution images (HDF5)")
    cli.path(parser, "--output", "score table to write (Parquet)")
    cli.run(main, parser)
