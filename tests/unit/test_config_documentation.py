"""Schema and documentation are made from the config's fields; every field tells its meaning."""

import pytest
from faig_workflow.config import documentation
from faig_workflow.config.schema import leaf_keys, schema

REMAKE = "run: PYTHONPATH=workflow:scripts python -m faig_workflow.config.documentation"


def test_the_schema_is_that_of_the_fields():
    assert documentation.SCHEMA.read_text(encoding="utf-8") == documentation.schema_text(), REMAKE


def test_the_tables_are_those_of_the_fields():
    text = documentation.README.read_text(encoding="utf-8")
    assert text == documentation.readme_text(text), REMAKE


def test_a_changed_table_is_found():
    text = documentation.README.read_text(encoding="utf-8")
    changed = text.replace("| `50` | number", "| `51` | number").replace("| `run` |", "| `rum` |")
    assert changed != text
    assert documentation.readme_text(changed) == text


def test_every_key_is_in_one_table():
    text = documentation.README.read_text(encoding="utf-8")
    for name, _ in documentation.documented():
        assert text.count(f"\n| `{name}` |") == 1, name
    assert {name for name, _ in documentation.documented()} >= set(leaf_keys())


@pytest.mark.parametrize(("name", "part"), documentation.documented())
def test_every_key_says_what_it_means(name, part):
    assert part.get("description"), name


def test_the_schema_is_one_that_editors_understand():
    jsonschema = pytest.importorskip("jsonschema")  # which Snakemake brings
    jsonschema.Draft202012Validator.check_schema(schema())
