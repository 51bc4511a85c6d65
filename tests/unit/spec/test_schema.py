"""The JSON Schema and the format reference are made from the models and are fresh."""

from pathlib import Path

import jsonschema
import pytest

from snnrun.equations.functions import FUNCTION_NAMES, functions_reference
from snnrun.equations.methods.table import METHODS
from snnrun.source import SourceFile
from snnrun.spec.forms import keys_of
from snnrun.spec.load import load
from snnrun.spec.load_yaml import parse_yaml
from snnrun.spec.models import Experiment, Section
from snnrun.spec.nodes import plain
from snnrun.spec.schema import experiment_schema, format_reference, schema_text

from .everything import EVERYTHING

ROOT = Path(__file__).parents[3]
INVALID = ROOT / "tests" / "cases" / "invalid"


@pytest.fixture(scope="module")
def validator():
    schema = experiment_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def every_model(model=Section):
    for child in model.__subclasses__():
        yield child
        yield from every_model(child)


def test_committed_schema_is_fresh():
    assert (ROOT / "schemas" / "experiment.schema.json").read_text(encoding="utf-8") == schema_text()


def test_committed_format_reference_is_fresh():
    assert (ROOT / "docs" / "format.md").read_text(encoding="utf-8") == (
        f"{format_reference()}\n{functions_reference()}"
    )


def test_every_method_of_integration_is_a_choice_of_the_format():
    schema = experiment_schema()
    assert schema["$defs"]["Method"]["enum"] == ["auto", *METHODS]


def test_schema_accepts_the_whole_vocabulary(validator, tmp_path):
    (tmp_path / "x.yaml").write_text(EVERYTHING)
    assert [error.message for error in validator.iter_errors(load(tmp_path / "x.yaml").plain())] == []


@pytest.mark.parametrize(
    "name", ["unknown-section", "unknown-method", "monitor-window-of-one", "no-version", "run-threads"]
)
def test_schema_refuses_what_the_models_refuse(validator, name):
    data = load(INVALID / f"format-{name}.yaml").plain()
    assert not validator.is_valid(data)


EXPERIMENTS = sorted((ROOT / "experiments").glob("*/*.yaml"))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_editor_finds_nothing_wrong_in_the_experiments(validator, path):
    text = path.read_text(encoding="utf-8")
    data = plain(parse_yaml(SourceFile(path.name, text)))
    assert [error.message for error in validator.iter_errors(data)] == []


def test_schema_checks_the_keys_of_a_file_that_extends_another(validator):
    assert validator.is_valid({"extends": "base.yaml", "groups": {"cells": {"size": 5}, "others": None}})
    assert not validator.is_valid({"extends": "base.yaml", "groups": {"cells": {"sise": 5}}})


def test_schema_lets_a_file_leave_to_its_base_what_is_needed(validator):
    assert validator.is_valid({"extends": "base.yaml", "seed": 2})
    assert not validator.is_valid({"seed": 2})


def test_every_key_has_a_description():
    for model in every_model():
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            assert field.description[-1] in ".?", f"{model.__name__}.{name}"


def test_reference_names_every_key():
    page = format_reference()
    for model in every_model():
        for key in keys_of(model):
            assert f"| `{key}` |" in page


def test_every_section_of_the_format_is_a_heading():
    page = format_reference()
    for key in ("seed", "arrays", "groups", "inputs", "synapses", "monitors", "operations", "run", "sweep", "plots"):
        assert f"\n## `{key}`\n" in page
    assert set(keys_of(Experiment)) >= {"constants", "metrics"}


def test_every_function_of_expressions_is_in_the_reference():
    page = functions_reference()
    assert all(f"`{name}(" in page for name in FUNCTION_NAMES)
