"""The page of the library lists its models as they are, and its model of one's own works."""

import re
import tomllib
from pathlib import Path

from library_page import PAGE, page_text

from snnrun.running import pipeline
from snnrun.spec.library import library_models

ROOT = Path(__file__).parents[2]


def test_the_page_is_made_from_the_library():
    assert PAGE.read_text(encoding="utf-8") == page_text()


def test_the_model_on_the_page_can_be_used(tmp_path):
    model = re.search(r"```yml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "my_cell.yaml").write_text(model[1], encoding="utf-8")
    path = tmp_path / "a.yaml"
    text = "version: 1\ngroups: {g: {use: models/my_cell.yaml, size: 2}}\nrun: {duration: 1 ms, dt: 0.1 ms}\n"
    path.write_text(text, encoding="utf-8")
    assert set(pipeline.check(pipeline.read(path)).resolved.context.own_constants["groups", "g"]) > {"k", "tau"}


def test_models_are_installed_with_the_program():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["snnrun"]
    installed = {path.stem for pattern in patterns for path in (ROOT / "snnrun").glob(pattern)}
    assert installed >= {model.name for model in library_models()}
