"""What runs again after an edit of the code: exactly what depends on its meaning."""

import ast
import os
from pathlib import Path

import pytest

from .conftest import HOME
from .reruns import (
    ALL_IMAGES,
    ARCHIVE,
    ATTRIBUTION,
    BENCH,
    COMPARED,
    COMPARED_BLURRED,
    COMPARISON,
    CONTROL,
    COST,
    EVALUATION,
    EXPLORER,
    EXPORT,
    GRID,
    HEALTH,
    LEARNING,
    MASKING,
    MODULATED,
    MODULATION,
    PLOTS,
    PREDICTION,
    PROBE,
    QUADRATURE,
    RANDOM_BLUR,
    RANKING,
    RETRAINING,
    SIGNED,
    SPEED,
    STABILITY,
    STRIP,
    SYSTEM,
    TRAINING,
    TRUST,
)

# by script, what an edit re-runs besides the report
SCRIPTS = {
    "attribute": ATTRIBUTION,
    "check_health": HEALTH,
    "check_pair": {"check_pair"},
    "compare_photographs": COMPARED | COMPARED_BLURRED,
    "compare_seeds": set(),  # of one seed, none
    "download": ARCHIVE,
    "evaluate": EVALUATION,
    "evaluate_two_branch": COMPARISON,
    "explore": EXPLORER,
    "export_checkpoint": EXPORT,
    "export_modulated": MODULATED,
    "import_checkpoint": {"import_checkpoint"},
    "gather": {
        "gather_retrained", "plot_retraining", "table_retraining", "table_localisation",
        "table_findings", "summarize", "gather_measured",
    },
    "make_kernel_code": RANDOM_BLUR,
    "make_table": {
        "table_networks", "table_health", "table_stability", "table_sanity", "table_trust",
        "table_league", "table_masking", "table_retraining", "table_localisation",
        "table_locations", "table_prediction", "table_completeness", "summarize",
        "table_two_branch", "table_two_branch_knowledge", "summarize_two_branch",
        "table_findings", "table_two_branch_findings",
    },
    "judge_trust": TRUST,
    "mask": MASKING,
    "modulate": MODULATION,
    "match_controls": SYSTEM,
    "match_random": CONTROL,
    "measure_attribution": COST,
    "measure_faithfulness": BENCH,
    "measure_stability": STABILITY,
    "measure_quadrature": QUADRATURE | {"gather_measured"},
    "measure_training": SPEED,
    "plot": PLOTS - GRID - STRIP,
    "plot_grid": GRID,
    "plot_strip": STRIP,
    "predict": PREDICTION,
    "probe_two_branch": PROBE,
    "rank": RANKING,
    "retrain": RETRAINING,
    "summarize": {"summarize"},
    "summarize_two_branch": {"summarize_two_branch"},
    "take_signed": SIGNED,
    "synthesize": ALL_IMAGES,
    "train": TRAINING | LEARNING,
    "transplant": set(),  # not asked for here
    "verify": set(),
}  # fmt: skip
# what only the run on an archive has
ARCHIVE_SCRIPTS = {"download", "import_checkpoint"}


def add_line(text: str) -> str:
    return f"{text}\nEDITED = True\n"


def change_looks(text: str) -> str:
    """The same code with other docstrings, one at the top even of a file without, and layout."""
    tree = ast.parse(text)
    other = ast.Expr(ast.Constant("Another docstring."))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            node is tree or ast.get_docstring(node)
        ):
            node.body = [other, *node.body[ast.get_docstring(node) is not None :]]
    return f"# a comment\n{ast.unparse(tree)}\n"


FILES = sorted(str(p.relative_to(HOME / "scripts")) for p in (HOME / "scripts").rglob("*.py"))


def test_every_script_has_a_row():
    assert {f"{script}.py" for script in SCRIPTS} == {file for file in FILES if "/" not in file}


# what follows from an edit of some files of the library, besides the report
EDITS = {
    "faig/base/progress.py": set(),
    "faig/run/cli.py": set(),
    "faig/run/gpu_lock.py": set(),
    "faig/run/reuse.py": set(),
    "faig/report/looks.py": PLOTS,
    # the trainings, too: their histories tell the PSNR of validation images
    "faig/base/metrics.py": TRAINING | LEARNING,
    # the two timings, too: their scripts import modules that import it
    "faig/attribution/methods.py": ATTRIBUTION | STABILITY | QUADRATURE | SPEED,
    "faig/training/loop.py": TRAINING | LEARNING | SPEED,
    "faig/networks/dasr.py": set(),  # in no run here
    "faig/networks/dan1.py": SYSTEM,
    "faig/networks/srresnet.py": TRAINING | SPEED | SYSTEM,
}


def apart(edits: dict[str, set[str]]) -> dict[str, list[str]]:
    """Files in groups whose edits have no rule in common, by a name for each group.

    Edited at once, they tell as much as one after another: which scripts a file is part of, unit
    tests of fingerprints tell. Edits that re-run nothing are a group of their own.
    """
    groups: list[tuple[list[str], set[str]]] = []
    for file in sorted(edits, key=lambda file: -len(edits[file])):
        fitting = (
            (files, rules)
            for files, rules in groups
            if rules.isdisjoint(edits[file]) and bool(rules) == bool(edits[file])
        )
        files, rules = next(fitting, ([], set()))
        if not files:
            groups.append((files, rules))
        files.append(file)
        rules |= edits[file]
    return {",".join(Path(file).stem for file in files): files for files, _ in groups}


EDITED = EDITS | {f"{name}.py": SCRIPTS[name] for name in SCRIPTS if name not in ARCHIVE_SCRIPTS}
APART = apart(EDITED)
NOT_REPORTED = COST | SPEED | EXPORT | MODULATED | {"check_pair"}


@pytest.mark.parametrize("name", APART)
def test_an_edit_reruns_what_depends_on_it(complete, name):
    expected = set().union(*(EDITED[file] for file in APART[name]))
    reported = {"report"} if expected - NOT_REPORTED else set()
    assert complete.after_edit(add_line, *APART[name]) == expected | reported


def test_looks_of_the_code_rerun_nothing(archived, complete):
    assert complete.after_edit(change_looks, *FILES) == set()
    assert archived.after_edit(change_looks, *FILES) == set()


@pytest.mark.parametrize("script", sorted(ARCHIVE_SCRIPTS))
def test_an_edit_reruns_what_depends_on_it_in_a_run_on_an_archive(archived, script):
    assert archived.after_edit(add_line, f"{script}.py") == SCRIPTS[script]


def test_touching_files_reruns_nothing(archived, complete):
    for path in (complete.workflow.home / "scripts").rglob("*.py"):
        os.utime(path)
    assert complete.planned() == set()
    assert archived.planned() == set()
