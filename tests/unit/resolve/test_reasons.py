"""Errors of dimensions say what they may come from; paths, marks and metrics that do not exist name those that do."""

import pytest

from snnrun.errors import ExperimentError
from snnrun.running.pipeline import check, read
from snnrun.units.names import unit_words

FILE = """
version: 1
constants: {tau: 10 ms, I: 1 nA, R: 20 Mohm}
groups:
  cell:
    size: 2
    equations: |
      dv/dt = (R*I - v)/tau : volt
      dw/dt = EQUATION : 1
    threshold: v > 5*mV
    reset: v = 0*mV
monitors: {spk: {kind: spikes, source: cell}, trace: {kind: state, source: cell, variables: [v]}}
run: {duration: 10 ms, dt: 0.1 ms}
"""


def first_error(tmp_path, text, *options):
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        check(read(tmp_path / "a.yaml", options))
    return caught.value.diagnostics[0]


@pytest.mark.parametrize(
    ("equation", "name"),
    [
        ("-w/tau + El", "`El` was read as a unit (exalitre)"),
        ("(C - w)/tau", "`C` was read as a unit (coulomb)"),
        ("R*I/C - w/tau", "`C` was read as a unit (coulomb)"),
        ("Em/mV/tau", "`Em` was read as a unit (exametre)"),
        ("exp(F)/tau", "`F` was read as a unit (farad)"),
    ],
)
def test_a_forgotten_constant_that_is_a_unit_is_named(tmp_path, equation, name):
    error = first_error(tmp_path, FILE.replace("EQUATION", equation))
    assert name in error.help
    assert "`constants`" in error.help


@pytest.mark.parametrize("equation", ["-w/tau + 20*mV", "w*Hz + 3*cm**2/ms", "v/mV + 5*V", "5 mV/tau"])
def test_units_that_are_meant_as_such_are_not_named(tmp_path, equation):
    error = first_error(tmp_path, FILE.replace("EQUATION", equation))
    assert "was read as a unit" not in (error.help or "")


def test_an_error_of_a_value_given_by_an_option_names_it(tmp_path):
    error = first_error(tmp_path, FILE.replace("EQUATION", "-w/tau"), "tau=3 mV")
    assert error.help == "`tau` is a voltage [V], given by `--set tau=3 mV`"


@pytest.mark.parametrize(
    ("option", "help"),
    [
        ("cell.size=3", "did you mean `groups.cell.size`?"),
        ("cell.tau=3 ms", "did you mean `tau`?"),
        ("cell.C=1", "`groups.cell` has: size, equations, threshold, reset; a value to vary can be a constant"),
        ("taus=3 ms", "did you mean `tau`?"),
    ],
)
def test_a_path_that_does_not_exist_gets_the_nearest(tmp_path, option, help):
    text = FILE.replace("EQUATION", "-w/tau")
    assert first_error(tmp_path, text, option).help == help


def test_known_names_are_listed_once(tmp_path):
    help = first_error(tmp_path, FILE.replace("EQUATION", "-w/tau"), "qqq=1").help
    names = help.removeprefix("known here: ").split(", ")
    assert len(set(names)) == len(names)


def test_marks_that_do_not_exist_name_those_that_do(tmp_path):
    text = FILE.replace("EQUATION", "-w/tau") + "plots: [{kind: psth, monitor: spk, marks: trial}]\n"
    error = first_error(tmp_path, text)
    assert "no spike monitor or stimulus `trial`" in error.message
    assert error.help.startswith("known: `spk`")


@pytest.mark.parametrize(
    ("name", "words"), [("El", "exalitre"), ("mV", "millivolt"), ("s", "second"), ("um2", "square micrometre")]
)
def test_units_in_words(name, words):
    assert unit_words(name) == words
