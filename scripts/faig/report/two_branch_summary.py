"""The answer in one page of text: two branches or one, and who knows the degradation?"""

from collections.abc import Iterable, Iterator

import pandas as pd

from .summaries import with_code
from .text import GLUE, aligned, percent, prose

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


def quality(rows: pd.DataFrame) -> Iterator[str]:
    """PSNR of the two-branch networks, and by how much they beat what."""
    yield "  PSNR (dB), and how much more than that of …"
    lines = [["", "PSNR", *OPPONENTS]]
    for _, row in rows.iterrows():
        cells = [difference(row, column) for column in OPPONENTS.values()]
        lines.append([f"  {row['network']}", f"{row['psnr']:.2f}", *cells])
    yield from aligned(lines)


def failures(rows: pd.DataFrame) -> Iterator[str]:
    """Who does not beat what each of them should: a difference whose interval reaches down to 0."""
    for opponent in ("bicubic", "its mean code"):
        short = rows[rows[f"{OPPONENTS[opponent]}_low"] <= 0]
        names = [
            f"{row['network']}{GLUE}({row[OPPONENTS[opponent]]:+z.3f}{GLUE}dB)"
            for _, row in short.iterrows()
        ]
        if names:
            yield from prose(f"  NOT clearly better than {opponent}: {', '.join(names)}")
        else:
            yield f"  all are clearly better than {opponent}"


def knowledge(knows: pd.DataFrame) -> Iterator[str]:
    """What embeddings and filters tell of the degradation."""
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
        settings: for each of them the tables two_branch and two_branch_knowledge (`report.tables`).
    """
    lines = [
        "Two branches or one: does it help to estimate the degradation, at equal cost?",
        "(differences with 95% intervals over images; +- one standard error below 8 images)",
    ]
    for compared, knows in settings:
        rows = compared[with_code(compared)]
        lines += ["", f"{rows['setting'].iloc[0]}; test images: {rows['count'].iloc[0]}"]
        lines += quality(rows)
        lines += failures(rows)
        lines += knowledge(knows)
    return "\n".join(lines) + "\n"
