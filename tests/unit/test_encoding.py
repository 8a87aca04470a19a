"""Text files are UTF-8 whatever the locale says."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
FILES = [path for folder in ("scripts", "workflow") for path in (HOME / folder).rglob("*.py")]
SMK = [HOME / "workflow/Snakefile", *(HOME / "workflow/rules").glob("*.smk")]
# a locale whose encoding is ASCII, and no rescue from it
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def calls_without_encoding(source: str) -> list[str]:
    """Calls that read or write text in the locale's encoding."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or "encoding" in {k.arg for k in node.keywords}:
            continue
        call = ast.unparse(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        modes = [a.value for a in node.args if isinstance(a, ast.Constant)]
        as_text = isinstance(node.func, ast.Name) and not any("b" in str(m) for m in modes)
        if name in ("read_text", "write_text") or (name == "open" and as_text):
            found.append(call)
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("path.read_text()", 1),
        ("path.read_text(encoding='utf-8')", 0),
        ("path.write_text(text)", 1),
        ("open(path)", 1),
        ("open(path, 'w')", 1),
        ("open(path, 'rb')", 0),
    ],
)
def test_such_calls_are_found(source, expected):
    assert len(calls_without_encoding(source)) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_no_module_depends_on_the_locale(path):
    assert calls_without_encoding(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SMK, ids=lambda path: path.name)
def test_no_rule_file_depends_on_the_locale(path):
    text = path.read_text(encoding="utf-8")
    assert "read_text()" not in text
    assert text.count("write_text(") == text.count('write_text(text, encoding="utf-8")')


def test_what_the_workflow_reads_first_is_read_in_any_locale():
    """Schema and code, both of which hold more than ASCII."""
    code = (
        "import sys; sys.path[:0] = ['scripts', 'workflow'];"
        "from faig_workflow import codebase;"
        "from faig_workflow.config.schema import schema;"
        "print(len(schema()), len(codebase.source_files('summarize')), len(codebase.methods()))"
    )
    command = [sys.executable, "-c", code]
    done = [
        subprocess.run(command, cwd=HOME, capture_output=True, text=True, env={**os.environ, **e})
        for e in ({}, PLAIN)
    ]
    assert done[1].stderr == ""
    assert done[1].stdout == done[0].stdout


def test_a_script_works_on_names_beyond_ascii_in_any_locale(tmp_path):
    from PIL import Image
    from toys import noise_image

    folder = tmp_path / "фото"
    folder.mkdir()
    Image.fromarray(noise_image(48, 48)).save(folder / "Äpfel 山.png")
    cfg = {
        "dataset": {"source": "folder", "path": str(folder)}, "scale": 2, "seed": 0,
        "deterministic": False, "degradations": {"bicubic": [{"op": "downsample"}]},
    }  # fmt: skip
    stores = []
    for name, locale in (("a", {}), ("b", PLAIN)):
        command = [
            sys.executable, HOME / "scripts/synthesize.py", "--config", json.dumps(cfg),
            "--folder", folder, "--output", tmp_path / f"{name}.h5",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, env={**os.environ, **locale})
        assert done.returncode == 0, done.stderr.decode()
        stores.append((tmp_path / f"{name}.h5").read_bytes())
    assert stores[0] == stores[1]
