"""Show one test image as baseline, target and masked targets restore it."""

from faig.attribution.pair import Pair
from faig.base.metrics import psnr
from faig.base.tables import read_table
from faig.data.crops import Crop
from faig.data.store import ImageStore
from faig.evaluation.ablation import choices, mask
from faig.networks.building import build
from faig.networks.restoring import restore
from faig.report.figures import grid, label, most_detailed, write
from faig.run import cli

SIDE = 96  # of the part shown, in HR pixels


def shown(image):
    """A tensor (3, H, W) as (H, W, 3) array."""
    return image.permute(1, 2, 0).cpu().numpy()


def find_crop(store: ImageStore) -> Crop:
    """The most detailed part of the dataset's first image."""
    image, scale = store.names[0], store.scale
    pixels = shown(store.hr(image))
    side = min(SIDE, *pixels.shape[:2]) // scale * scale
    y, x = most_detailed(pixels, side, scale)
    return Crop(image, y // scale, x // scale, side // scale)


def cells(pair: Pair, store: ImageStore, crop: Crop, degradation: str, states: dict) -> dict:
    """One row of the grid: the crop and, below it, the whole image's PSNR; see `figures.grid`."""
    scale = store.scale
    pixels, truth = store.lr(degradation, crop.image), store.hr(crop.image)
    reference = pair.compute.images(truth[None])
    row = {"LR input": (shown(crop.of(pixels)), "")}
    for name, state in states.items():
        output = restore(pair.network, pixels[None], pair.compute, state)
        text = f"{psnr(output, reference, scale).item():.2f} dB"
        row[name] = (shown(crop.of(output[0], scale)), text)
    return {**row, "ground truth": (shown(crop.of(truth, scale)), "")}


def main(args) -> None:
    cfg, compute = args.config, cli.compute(args)
    pair = Pair.load(build(**cfg["network"]), args.baseline, args.target, compute)
    ranking, store = read_table(args.ranking), ImageStore(args.data)
    states = {"baseline": pair.baseline, "target": pair.target}
    for choice in choices({args.ranking.stem: ranking}, [cfg["proportion"]]):
        states[f"{label(choice.degradation)} filters masked"] = mask(pair, choice)

    crop = find_crop(store)
    rows = {
        f"{label(degradation)} input": cells(pair, store, crop, degradation, states)
        for degradation in ranking["degradation"].unique()
    }
    method, percent = label(args.ranking.stem), 100 * cfg["proportion"]
    title = f"{args.network}: {crop.image} without {method}'s top {percent:g} % filters"
    write(lambda: grid(rows, title), args.output, **cfg["style"])


if __name__ == "__main__":
    parser = cli.parser(__doc__, computes=True)
    parser.add_argument("network", help="name of the network, for the title")
    cli.pair(parser)
    cli.path(parser, "--ranking", "a ranking (Parquet, named by its method)")
    cli.path(parser, "--data", "test images (HDF5); the first one is shown")
    cli.path(parser, "--output", "image files to write (PNG, PDF)", nargs="+")
    cli.run(main, parser)
