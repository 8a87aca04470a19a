"""Answer in one page of text: two branches or one, and who knows the degradation?"""

from collections.abc import Iterable, Iterator

import pandas as pd
from faig.base.files import atomic_path
from faig.report.summaries import with_code
from faig.report.text import GLUE, aligned, percent, prose
from faig.run import cli

# what a two-branch network is compared with, and the column that has the difference in PSNR
OPPONENTS = {
    "bicubic": "gain_over_bicubic",
    "its mean code": "over_mean_code",
    "equal parameters": "over_equal_parameters",
    "equal operations": "over_equal_operations",
}


def difference(row: pd.Series, column: str) -> str:
    """A difference in dB with its interval."""
    return f"{row[column]:+z.2f} [{row[f'{column}_low']:+z.2f}, {row[f'{column}_high']:+z.2f}]"


def quality(own: pd.DataFrame) -> Iterator[str]:
    """PSNR of the two-branch networks, and by how much they beat what."""
    yield "  PSNR (dB), and how much more than that of …"
    rows = [["", "PSNR", *OPPONENTS]]
    for _, row in own.iterrows():
        cells = [difference(row, column) for column in OPPONENTS.values()]
        rows.append([f"  {row['network']}", f"{row['psnr']:.2f}", *cells])
    yield from aligned(rows)


def failures(own: pd.DataFrame) -> Iterator[str]:
    """Who does not beat what each of them should: a difference whose interval reaches down to 0."""
    for opponent in ("bicubic", "its mean code"):
        short = own[own[f"{OPPONENTS[opponent]}_low"] <= 0]
        names = [
            f"{row['network']}{GLUE}({row[OPPONENTS[opponent]]:+z.3f}{GLUE}dB)"
            for _, row in short.iterrows()
        ]
        if names:
            yield from prose(f"  NOT clearly better than {opponent}: {', '.join(names)}")
        else:
            yield f"  all are clearly better than {opponent}"


def knowledge(knows: pd.DataFrame) -> Iterator[str]:
    """What codes and filters tell of the degradation."""
    told = knows.pivot_table("balanced_accuracy", ["network", "variant"], "degradation", sort=False)
    errors = knows.groupby("network")[["sigma_error", "code_error"]].first()
    yield (
        "  who knows the degradation: answers right to 'is it there?' (50% by chance), error of "
        "sigma (HR px)"
    )
    rows = [["", *told.columns, "sigma"]]
    for (network, variant), answers in told.iterrows():
        error = errors["sigma_error"][network]
        taught = variant == "two_branch"
        who = f"{network}'s code" if taught else f"{network}'s filters, {variant}"
        sigma = f"{error:.2f}" if taught and not pd.isna(error) else "-"
        rows.append([f"  {who}", *map(percent, answers), sigma])
    yield from aligned(rows)


def summarize(settings: Iterable[tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    """The whole page.

    Args:
        settings: for each of them what `make_table.py` writes as two_branch and as
            two_branch_knowledge.
    """
    lines = [
        "Two branches or one: does it help to estimate the degradation, at equal cost?",
        "(differences with 95% intervals over images; +- one standard error below 8 images)",
    ]
    for compared, knows in settings:
        own = compared[with_code(compared)]
        lines += ["", f"{own['setting'].iloc[0]}; test images: {own['count'].iloc[0]}"]
        lines += quality(own)
        lines += failures(own)
        lines += knowledge(knows)
    return "\n".join(lines) + "\n"


def main(args) -> None:
    paths = zip(args.compared, args.knowledge, strict=True)
    text = summarize([tuple(map(pd.read_csv, pair)) for pair in paths])
    with atomic_path(args.output) as temporary:
        temporary.write_text(text)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--compared", "tables two_branch (CSV), one per setting", nargs="+")
    cli.path(
        parser, "--knowledge", "tables two_branch_knowledge (CSV), of the same settings", nargs="+"
    )
    cli.path(parser, "--output", "text file to write")
    cli.run(main, parser)
