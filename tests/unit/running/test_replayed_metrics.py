"""Metrics of recorded data have the same bits as those of a run that computes them, and need no run."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnrun.metrics.functions import FUNCTIONS, Input
from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.running.options import Callbacks, RunOptions
from snnrun.running.stages import Outcome

NETWORK = """\
version: 1
name: rich
constants: {tau: 10 ms, drive: 1.5, level: 0}
arrays:
  frames: {frames: frames.csv, labels: labels.csv, each: 5 ms, pause: 2 ms}
groups:
  cells:
    size: 4
    subgroups: {early: [0, 2]}
    equations: |
      dv/dt = (drive + frames(t, i) - v)/tau + 0.1*sqrt(1/tau)*xi : 1
      x = v*v : 1
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {v: rand()}
synapses:
  syn: {source: cells, target: cells, equations: "w : 1", on_pre: "v_post += 0.01*w", connect: {p: 0.7},
    initial: {w: rand()}}
monitors:
  out: {kind: spikes, source: cells}
  late: {kind: spikes, source: cells.early, window: [10 ms, 40 ms]}
  number: {kind: spikes, source: cells, counts_only: true}
  traces: {kind: state, source: cells, variables: [v, x], dt: 0.5 ms, dtype: float32}
  part: {kind: state, source: cells.early, variables: [v], window: [3 ms, 20 ms]}
  pairs: {kind: connectivity, source: syn, variables: [w]}
run:
  dt: 0.1 ms
  phases:
    - {name: first, duration: 20 ms, stop_when: count(out) > 12}
    - {name: pause, duration: 5 ms, record: [out, number]}
    - {name: loud, duration: 12 ms, set: {drive: 2.5}, at_end: {level: count(out)/10}, repeat: 4,
        repeat_until: level > 3}
plots: none
"""
CALLS = {
    "accuracy": "accuracy(out, frames, 6 ms, 14 ms)",
    "correlation": "correlation(out, 2 ms) + correlation(traces.v, traces.x)",
    "fano": "fano(out, 3 ms)",
    "synchrony": "synchrony(late, 2 ms)",
    "response": "mean(response(out, frames, 7))",
    "percentile": "percentile(traces.v, 30) + percentile(rates(out), 20)/Hz",
    "weights": "max(weights(syn.w, cells.early))",
    "count": "count(number) + count(syn)",
    "sum": "sum(counts(number))",
    "last": "max(last(part))",
    "median": "median(traces.x) + median(counts(out))",
    "std": "std(part) + std(syn.w)",
}
OTHERS = {
    "length": "duration",
    "rounds": "repetitions(loud)",
    "in_loud": "during(mean_rate(out), loud)",
    "in_first": "during(max(traces.v), first)",
    "level_then": "level",
    "sum_of_two": "accuracy + rounds",
}


def metrics(names: dict[str, str]) -> str:
    return "metrics:\n" + "".join(f"  {name}: {text}\n" for name, text in names.items())


@pytest.fixture(autouse=True, scope="module")
def plain() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        yield


def ran(folder: Path, text: str, notes: list[str] | None = None) -> Outcome:
    folder.mkdir(exist_ok=True)
    (folder / "frames.csv").write_text("2,0,1,3\n0,3,1,2\n1,3,0,2\n")
    (folder / "labels.csv").write_text("4\n7\n4\n")
    file = folder / "rich.yaml"
    file.write_text(text, encoding="utf-8")
    callbacks = Callbacks(note=(notes if notes is not None else []).append)
    return pipeline.run(
        pipeline.check(pipeline.read(file)), folder / "out", RunOptions(plots=False), callbacks=callbacks
    )


def every() -> dict[str, str]:
    """A metric with each function of recorded data, and of what connectivity monitors keep."""
    found = {}
    for name, forms in FUNCTIONS.items():
        of = {form.inputs[0] for form in forms}
        plain = f"mean({name}(out))" if forms[0].each else f"{name}(out)"
        found[name] = CALLS.get(name, plain if Input.SPIKES in of else f"{name}(traces.v)")
    return found | OTHERS


def same(a: Outcome, b: Outcome) -> None:
    assert a.metrics.keys() == b.metrics.keys()
    for name, (value, unit) in b.metrics.items():
        assert a.metrics[name][1] == unit
        np.testing.assert_array_equal(a.metrics[name][0], value, err_msg=name)
    assert (a.digest, a.counts, a.warnings, a.ran.steps) == (b.digest, b.counts, b.warnings, b.ran.steps)
    for name in ("metrics.json", "experiment.yaml"):
        assert (a.folder / name).read_bytes() == (b.folder / name).read_bytes()
    with Results.open(a.folder) as one, Results.open(b.folder) as other:
        assert one.metrics.keys() == other.metrics.keys()
        assert str(one.digest()) == a.digest


def test_every_function_gives_the_same_bits_from_recorded_data_as_in_a_run(tmp_path):
    with_all = NETWORK + metrics(every())
    ran(tmp_path / "first", NETWORK)
    presented = ran(tmp_path / "first", with_all)
    simulated = ran(tmp_path / "other", with_all)
    assert (presented.simulated, simulated.simulated) == (False, True)
    assert presented.line == "not simulated again, as only `metrics` changed: made from the recorded data"
    same(presented, simulated)


def test_what_is_not_recorded_is_simulated_again_and_says_so(tmp_path):
    ran(tmp_path / "first", NETWORK)
    notes: list[str] = []
    text = NETWORK + metrics({"end": "mean(cells.v)"})
    again = ran(tmp_path / "first", text, notes)
    assert again.simulated
    assert notes == ["`cells.v` at the end of the run is not recorded: it is simulated again"]
    more = text + "  twice: 2*end\n  rate: mean_rate(out)\n"  # `end` is known now
    presented = ran(tmp_path / "first", more)
    assert not presented.simulated
    same(presented, ran(tmp_path / "other", more))
    assert ran(tmp_path / "first", more.replace("mean(cells.v)", "max(cells.v)")).simulated


def test_metrics_that_decide_something_belong_to_the_simulation(tmp_path):
    text = NETWORK.replace("stop_when: count(out) > 12", "stop_when: enough > 12") + metrics({"enough": "count(out)"})
    assert ran(tmp_path / "first", text).simulated
    other = text.replace("enough: count(out)", "enough: 2*count(out)")
    again = ran(tmp_path / "first", other)
    assert again.simulated
    assert again.folder.name != ran(tmp_path / "first", text).folder.name
    assert not ran(tmp_path / "first", other + "  more: count(late)\n").simulated


def test_curves_of_metrics_need_no_run_and_curves_of_variables_only_the_first_time(tmp_path):
    text = NETWORK + metrics({"n": "counts(out)", "r": "rates(out)"})
    ran(tmp_path / "first", text)
    for plots, simulated in (("{kind: curve, x: n, y: r}", False), ("{kind: curve, x: cells.v, y: r}", True)):
        drawn = text.replace("plots: none", f"plots: [{plots}]")
        again = ran(tmp_path / "first", drawn)
        assert again.simulated is simulated
        same(again, ran(tmp_path / f"other{simulated}", drawn))
    assert not ran(tmp_path / "first", drawn.replace("y: r}", "y: n}")).simulated


def test_a_search_is_not_made_again(tmp_path):
    text = """\
version: 1
name: rich
constants: {I: 0 nA, R: 100 Mohm, tau: 2 ms, T: 5 ms}
groups:
  cell: {size: 1, equations: "dv/dt = (R*I - v)/tau : volt", threshold: v > 15*mV, reset: v = 0*mV}
monitors:
  out: {kind: spikes, source: cell}
run: {dt: 0.1 ms, duration: T}
search: {constant: I, between: [0 pA, 500 pA], until: count(out) >= 1, tolerance: 100 pA}
plots: none
"""
    first = ran(tmp_path / "first", text)
    more = text + metrics({"rheobase": "I", "n": "count(out)"})
    presented = ran(tmp_path / "first", more)
    assert not presented.simulated
    same(presented, ran(tmp_path / "other", more))
    assert presented.found == dataclasses.replace(first.found, journal=None)  # type: ignore[type-var]


def test_every_function_has_a_call_above():
    text = " ".join(every().values())
    assert set(FUNCTIONS) <= set(re.findall(r"\w+(?=\()", text))
