"""Every code of a message is explained, and its examples are right: the wrong one gives the code, the right one not."""

import re
import shlex
from pathlib import Path

import pytest

from snnrun.cli.explain import errors_page, letters_of
from snnrun.errors import SnnrunError
from snnrun.running import pipeline
from snnrun.spec.codes import base_file, explanations, shown
from snnrun.sweep.experiments import check_sweep

ROOT = Path(__file__).parents[2]
KNOWN = explanations()
WITH_EXAMPLE = [code for code, known in KNOWN.items() if not known.no_example]
TRIED = {}  # what examples gave: several codes have the same right one
FEWER = 62  # codes without an example: what no file and no command of a few lines can bring about


def codes_in_source():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "snnrun").rglob("*.py"))
    return set(re.findall(r'"([A-Z]{2,3}\d{3})"', text))


def test_every_code_is_explained_and_no_other():
    assert set(KNOWN) == codes_in_source()


def test_few_codes_have_no_example():
    assert len(KNOWN) - len(WITH_EXAMPLE) < FEWER
    for code, known in KNOWN.items():
        assert (known.wrong is None) == (known.right is None) == bool(known.no_example), code


def codes_of_file(text, suffix):
    file = Path(f"example{suffix}")
    file.write_text(text, encoding="utf-8")
    try:
        checked = pipeline.check(pipeline.read(file))
        of_sweep = () if checked.experiment.sweep is None else check_sweep(checked).warnings
        pipeline.refuse_larger_than_machine(checked)
    except SnnrunError as error:
        return {item.code for item in error.diagnostics}
    return {item.code for item in (*checked.warnings, *of_sweep)}


@pytest.fixture
def codes_of(snnrun, place, monkeypatch):
    """The codes that an example gives, in a folder with the base file."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # a few steps each: compiling takes longer

    def codes(known, example):
        key = repr((example, known.files, known.when, known.suffix))
        if key not in TRIED:
            TRIED[key] = found(known, example)
        return TRIED[key]

    def found(known, example):
        Path("net.yaml").write_text(base_file(), encoding="utf-8")
        for name, content in known.files.items():
            Path(name).write_text(content, encoding="utf-8")
        if isinstance(example, dict):
            version = "" if "version" in example else "version: 1\n"
            example = f"{version}extends: net.yaml\n{shown(example)}\n"
        if isinstance(example, str) and known.when == "check":
            return codes_of_file(example, known.suffix)
        if isinstance(example, str):
            Path("example.yaml").write_text(example, encoding="utf-8")
            example = ["snnrun run example.yaml --no-plots"]
        said = [snnrun(*shlex.split(command)[1:]).err for command in example]
        return set(re.findall(r"\[([A-Z]+\d+)\]", "\n".join(said)))

    return codes


@pytest.mark.parametrize("code", WITH_EXAMPLE)
def test_the_wrong_example_gives_the_code_and_the_right_one_nothing(code, codes_of):
    known = KNOWN[code]
    assert code in codes_of(known, known.wrong)
    assert codes_of(known, known.right) <= {"NET112"} - {code}  # that something is not used


def test_the_page_is_made_of_the_table():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert page == errors_page(), "snnrun explain --page > docs/errors.md"


def test_a_key_with_dots_is_shown_as_maps():
    assert shown({"groups.cells.size": 4, "run": {"dt": "1 ms"}}) == "groups:\n  cells: {size: 4}\nrun: {dt: 1 ms}"
    assert shown({"groups.a.equations": "x : 1\ny : 1"}) == "groups:\n  a:\n    equations: |\n      x : 1\n      y : 1"


def test_a_code_is_explained_in_the_terminal(snnrun):
    said = snnrun("explain", "eq203")
    assert said.code == 0
    assert said.out.startswith("EQ203: Quantities of different dimensions")
    assert "Wrong:" in said.out
    assert snnrun("explain").out.count("\n") == len(KNOWN)
    said = snnrun("explain", "EQ2003")
    assert (said.code, "CMD103" in said.err) == (2, True)


def test_letters_are_those_before_the_number():
    assert letters_of("FMT201") == "FMT"
