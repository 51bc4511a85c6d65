"""Closed loops between phases: what a phase has measured decides what the next one sets, and when repetitions end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnrun.engine import driver
from snnrun.running import pipeline
from snnrun.running.options import Callbacks, RunOptions
from snnrun.running.stages import Outcome

# A neuron without leak, dv/dt = I: it spikes every 1/I, rounded up to steps, after v = 0.
FILE = """\
version: 1
name: loop
constants: {I: 20.05 Hz, up: 10 Hz, wanted: 5}
groups:
  cell: {size: 2, equations: "dv/dt = I : 1\\nw : 1", threshold: v > 1, reset: v = 0}
monitors:
  out: {kind: spikes, source: cell}
  w: {kind: state, source: cell, variables: [w], dt: 10 ms}
run:
  dt: 0.1 ms
  phases:
    - name: trial
      duration: 100 ms
      repeat: 8
      repeat_until: mean(counts(out)) >= wanted
      set: {cell.v: 0}
      at_end: {I: I + up, cell.w: w + I/Hz}
    - {name: test, duration: 50 ms, set: {cell.v: 0, cell.w: I/Hz}}
metrics:
  numbers: during(count(out), trial)
  often: repetitions(trial)
  drive: I
  late: during(count(out), test)
  last: last(w)
  whole: duration
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def ran(folder: Path, text: str = FILE, **options: Any) -> Outcome:
    folder.mkdir(exist_ok=True)
    file = folder / "loop.yaml"
    file.write_text(text, encoding="utf-8")
    callbacks = options.pop("callbacks", Callbacks())
    checked = pipeline.check(pipeline.read(file))
    return pipeline.run(checked, folder / "out", RunOptions(plots=False, **options), callbacks=callbacks)


def values(outcome: Outcome) -> dict[str, Any]:
    assert outcome.problem is None
    return {name: np.asarray(value).tolist() for name, (value, _) in outcome.metrics.items()}


def test_each_repetition_has_what_the_one_before_has_computed(tmp_path: Path) -> None:
    outcome = ran(tmp_path)
    found = values(outcome)
    assert found["numbers"] == [4.0, 6.0, 8.0, 10.0]  # of two neurons at 20.05, 30.05, 40.05, 50.05 Hz
    assert found["often"] == 4.0
    assert found["drive"] == pytest.approx(60.05)
    assert found["late"] == 4.0  # a spike every 167 steps
    assert found["whole"] == pytest.approx(0.45)
    assert found["last"] == [pytest.approx(60.05)] * 2
    assert outcome.ran.steps == 4500
    assert "trial repeated 4 of at most 8 times" in (outcome.folder / "run.log").read_text()


def test_variables_at_the_end_of_a_phase_read_the_constants_of_the_phase(tmp_path: Path) -> None:
    text = FILE.replace("  last: last(w)", "  sums: during(last(w), trial, 0 ms, 5 ms)").replace(
        "source: cell, variables", "source: cell, indices: [0], variables"
    )
    assert values(ran(tmp_path, text))["sums"] == pytest.approx([0, 20.05, 50.1, 90.15])


def test_repetitions_that_never_end_say_so(tmp_path: Path) -> None:
    outcome = ran(tmp_path, FILE.replace("wanted: 5", "wanted: 500"))
    assert values(outcome)["often"] == 8.0
    (warning,) = outcome.warnings
    assert warning.code == "MET411"
    assert "8 times" in warning.message
    assert "`mean(counts(out)) >= wanted` never held" in warning.message


def test_a_value_that_is_not_finite_stops_the_run_with_its_reason(tmp_path: Path) -> None:
    outcome = ran(tmp_path, FILE.replace("I: I + up", "I: I + up/(count(out) - 4)"))
    assert "RUN320" in str(outcome.problem)
    assert "`I` became infinite" in str(outcome.problem)
    assert "divides by 0" in str(outcome.problem)


def test_a_value_that_the_file_refuses_stops_the_run_with_the_phase(tmp_path: Path) -> None:
    text = FILE.replace("threshold: v > 1", "threshold: v > 1, refractory: (45 - I/Hz)*ms")
    outcome = ran(tmp_path, text.replace("wanted: 5", "wanted: 500"))
    assert "RUN321" in str(outcome.problem)
    assert "phase `trial[3]` cannot begin with I = 50.05" in str(outcome.problem)


@pytest.mark.parametrize("most", [1, 64])
def test_the_length_of_a_call_changes_nothing_of_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    whole = ran(tmp_path / "a")
    monkeypatch.setattr(driver, "FIRST_CALL", most)
    monkeypatch.setattr(driver, "MOST_STEPS", most)
    cut = ran(tmp_path / "b")
    assert cut.digest == whole.digest
    assert values(cut) == values(whole)


class _KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", [999, 1000, 1500, 3000, 4001])
def test_a_run_that_was_killed_goes_on_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = ran(tmp_path / "whole")
    monkeypatch.setattr(driver, "FIRST_CALL", 100)
    monkeypatch.setattr(driver, "MOST_STEPS", 100)

    def kill(now: int, _last: int) -> None:
        if now >= step:
            raise _KilledError

    with pytest.raises(_KilledError):
        ran(tmp_path / "killed", checkpoint_every=0.0, callbacks=Callbacks(kill))
    notes: list[str] = []
    again = ran(tmp_path / "killed", checkpoint_every=0.0, callbacks=Callbacks(note=notes.append))
    assert any("continues from a checkpoint" in note for note in notes)
    assert again.digest == whole.digest
    assert values(again) == values(whole)


NESTED = """\
version: 1
name: nested
constants: {I: 10.05 Hz, level: 1}
groups:
  cell: {size: 1, equations: "dv/dt = I : 1", threshold: v > 1, reset: v = 0}
monitors:
  out: {kind: spikes, source: cell}
run:
  dt: 0.1 ms
  phases:
    - repeat: 5
      name: series
      repeat_until: level > 2.5
      phases:
        - {name: cue, duration: 10 ms, set: {I: 10.05*Hz*level}}
        - name: rise
          duration: 100 ms
          repeat: 6
          set: {cell.v: 0}
          repeat_until: count(out) >= 4
          at_end: {I: I + 10*Hz}
        - {name: rest, duration: 10 ms, at_end: {level: level + 1}}
metrics:
  numbers: during(count(out), rise)
  series: repetitions(series)
  rises: repetitions(rise)
  spikes: during(count(out), rise)
plots: none
"""


def test_loops_in_loops(tmp_path: Path) -> None:
    """`level` is 1, then 2, then 3, when the outer loop ends; each inner loop begins at 10 Hz times the level."""
    found = values(ran(tmp_path, NESTED))
    assert found["numbers"] == [1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0]
    assert (found["series"], found["rises"]) == (2.0, 7.0)


EVENT_DRIVEN = """\
version: 1
name: driven
constants: {tau: 10 ms}
groups:
  cell: {size: 2, equations: "dv/dt = -v/(10*ms) : 1", threshold: v > 1, reset: v = 0}
synapses:
  s:
    source: cell
    target: cell
    connect: all
    equations: |
      w : 1
      dx/dt = -x/tau : 1 (event-driven)
    on_pre: v_post += x*w
    initial: {x: 0.2}
run:
  dt: 0.1 ms
  phases:
    - {name: first, duration: 15 ms, at_end: {s.w: x, tau: 2*tau}}
    - {name: second, duration: 10 ms, at_end: {s.w: w + 100*x}}
metrics: {w: mean(s.w), x: mean(s.x)}
plots: none
"""


def test_event_driven_variables_are_up_to_date_at_the_end_of_a_phase(tmp_path: Path) -> None:
    first = 0.2 * np.exp(-1.49)  # between two steps they are as at the start of the step before
    second = first * np.exp(-0.5)
    found = values(ran(tmp_path, EVENT_DRIVEN))
    assert found["x"] == pytest.approx(second)
    assert found["w"] == pytest.approx(first + 100 * second)
