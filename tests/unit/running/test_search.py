"""The search for a constant: the value of the theory, the tries in the results, and going on after a kill."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from snnrun.errors import RunError
from snnrun.resolve.search import SearchPlan
from snnrun.running import pipeline
from snnrun.running import search as searching
from snnrun.running.options import Callbacks, RunOptions
from snnrun.running.stages import Outcome
from snnrun.units.dimensions import ONE

FILE = """\
version: 1
name: rheobase
constants: {I: 0 nA, R: 100 Mohm, tau: 20 ms, T: 100 ms}
groups:
  cell: {size: 1, equations: "dv/dt = (R*I - v)/tau : volt", threshold: v > 15*mV, reset: v = 0*mV}
monitors:
  out: {kind: spikes, source: cell}
run: {dt: 0.1 ms, duration: T}
search: {constant: I, between: [0 pA, 500 pA], until: count(out) >= 1, tolerance: 1 pA}
metrics: {rheobase: I, n: count(out)}
plots: none
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def ran(folder: Path, text: str = FILE, callbacks: Callbacks = Callbacks()) -> Outcome:
    folder.mkdir(exist_ok=True)
    file = folder / "search.yaml"
    file.write_text(text, encoding="utf-8")
    return pipeline.run(
        pipeline.check(pipeline.read(file)), folder / "out", RunOptions(plots=False), callbacks=callbacks
    )


def test_the_rheobase_is_that_of_the_theory(tmp_path: Path) -> None:
    """V(T) = R*I*(1 - exp(-T/tau)) reaches the threshold; the last step of the run is not seen by it."""
    outcome = ran(tmp_path)
    exact = 15e-3 / 100e6 / (1 - math.exp(-100 / 20))
    value = outcome.metrics["rheobase"][0]
    assert exact - 1e-15 <= value <= exact + 1.1e-12
    assert outcome.metrics["n"][0] == 1
    assert outcome.found is not None
    assert outcome.found.line == "I = 151.367 pA after 11 runs"
    with h5py.File(outcome.folder / "results.h5") as file:
        tries = file["snnrun/series/search"]
        values, held = tries["value"][...], tries["holds"][...]
        assert tries["value"].attrs["units"] == "A"
    assert len(values) == 11
    np.testing.assert_array_equal(held, values >= exact)
    assert value == values[held == 1].min()


def test_a_condition_that_ends_to_hold_is_found_too(tmp_path: Path) -> None:
    outcome = ran(tmp_path, FILE.replace("count(out) >= 1", "count(out) < 1"))
    exact = 15e-3 / 100e6 / (1 - math.exp(-100 / 20))
    assert exact - 1.1e-12 <= outcome.metrics["rheobase"][0] < exact
    assert outcome.metrics["n"][0] == 0


@pytest.mark.parametrize("ends", ["[0 pA, 100 pA]", "[200 pA, 300 pA]"])
def test_a_condition_that_is_the_same_at_both_ends_is_an_error(tmp_path: Path, ends: str) -> None:
    with pytest.raises(RunError, match="RUN330") as caught:
        ran(tmp_path, FILE.replace("[0 pA, 500 pA]", ends))
    (diagnostic,) = caught.value.diagnostics
    assert "at both ends" in diagnostic.message
    assert diagnostic.span is not None


def test_a_run_that_stops_says_at_which_value(tmp_path: Path) -> None:
    text = FILE.replace("dv/dt = (R*I - v)/tau", "dv/dt = (R*I - v)/tau + v**3*int(I > 400*pA)/volt**2/(1e-9*ms)")
    with pytest.raises(RunError, match=r"search at I = 500 pA"):
        ran(tmp_path, text.replace("threshold: v > 15*mV", "method: euler, threshold: v > 1e300*volt"))


class _KilledError(Exception):
    """Stands for the end of the process."""


def test_a_search_that_was_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ran(tmp_path / "whole")
    runs = 0

    def kill(step: int, last: int) -> None:
        nonlocal runs
        runs += step == last
        if runs == 6:
            raise _KilledError

    with pytest.raises(_KilledError):
        ran(tmp_path / "killed", callbacks=Callbacks(kill))
    again: list[float] = []
    holds = searching.Searcher._holds
    monkeypatch.setattr(
        searching.Searcher, "_holds", lambda self, value, progress: again.append(value) or holds(self, value, progress)
    )
    resumed = ran(tmp_path / "killed")
    assert len(again) == 11 - 5
    assert resumed.digest == whole.digest
    assert not list((tmp_path / "killed" / "out" / "rheobase").glob(".*search*"))


def test_bisection_ends_where_numbers_do() -> None:
    plan = SearchPlan("x", ONE, 1.0, 2.0, 1e-300, "x > 1.5")
    assert searching.bisect(plan, lambda x: x > 1.5) == np.nextafter(1.5, 2)
