"""Points that share a checked file: the network, metrics and errors of each are those of checking its own file."""

import time

import numpy as np
import pytest

from snnrun.errors import ExperimentError
from snnrun.model.digest import whole_network
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.sweep import experiments
from snnrun.sweep.experiments import Points, check_point, check_sweep, point_document
from snnrun.sweep.local import run_sweep
from snnrun.sweep.plan import plan_sweep

FILE = """\
version: 1
name: shared
constants: {tau: 10 ms, weight: 0.1, drive: 2.4, p: 0.3, wait: 1 ms, rest: 2 ms, hz: 40 Hz, n: 8, bin: 5 ms, gain: 2}
groups:
  noise: {kind: poisson, size: 6, rates: hz}
  cells:
    size: n
    equations: "dv/dt = (drive - gain*v)/tau : 1 (unless refractory)"
    threshold: v > 1 - 0.1*drive
    reset: v = 0
    refractory: rest
    initial: {v: rand()*weight**0.5}
synapses:
  net: {source: cells, target: cells, connect: {p: p}, on_pre: v_post += weight, delay: wait}
  in: {source: noise, target: cells, connect: all, on_pre: v_post += weight/gain, delay: 0.5 ms + rand()*wait}
monitors:
  out: {kind: spikes, source: cells}
run: {duration: 30 ms, dt: 0.1 ms}
metrics: {rate: weight*mean_rate(out)/tau, number: count(out), fano: "fano(out, bin)"}
"""
VALUES_ONLY = {
    "units": "axes: {tau: {linspace: [3 ms, 17 ms], num: 13}}",
    "a logarithm": "axes: {weight: {logspace: [0.013, 1], num: 11}}",
    "a range": "axes: {hz: {range: [1 Hz, 71 Hz, 7 Hz]}}",
    "a delay": "axes: {wait: {linspace: [0.1 ms, 3.3 ms], num: 9}}",
    "a refractory period": "axes: {rest: [0 ms, 1 ms, 2.5 ms, 0.004 s]}",
    "a probability": "axes: {p: {linspace: [0, 1], num: 11}}",
    "two axes": "axes: {drive: [1.5, 2.5, 3.5], tau: [5 ms, 10 ms, 0.02 s]}",
    "zipped": "zip: {drive: [1.5, 2.5, 3.5], tau: [5 ms, 10 ms, 1e-3*20*second]}",
    "listed": "points: [{drive: 1.5, p: 0.2}, {drive: 2.5, p: 0.3}, {drive: 1/3, p: 0.4}]",
    "whole numbers and others": "axes: {drive: [1, 2, 1.5, 3, 2.5, 4, 7/2]}",
    "seeds": "{axes: {tau: [5 ms, 6 ms, 7 ms]}, repeat: 4}",
    "seeds alone": "repeat: 5",
    "a sample": "sample: {method: lhs, size: 12, ranges: {tau: [3 ms, 30 ms], weight: {log: [.01, 1]}, drive: [1, 3]}}",
}
MORE = {
    "a size": "axes: {n: [5, 6, 7], tau: {linspace: [5 ms, 8 ms], num: 4}}",
    "a width": "axes: {bin: [1 ms, 2 ms, 3 ms, 4 ms], drive: [1.5, 3.0]}",
    "a rule": "axes: {drive: [1.5, 2.5, 3.5], synapses.net.connect: [{p: 0.2}, all]}",
    "an equation": "axes: {groups.cells.threshold: [v > 1, v > 0.9], drive: [1.5, 2.5, 3.5]}",
    "a time": "axes: {run.duration: [10 ms, 20 ms], tau: [5 ms, 6 ms, 7 ms]}",
    "whole ones of a sample": "sample: {method: random, size: 9, ranges: {gain: {whole: [1, 3]}, n: {whole: [3, 5]}}}",
}


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def read(tmp_path, sweep, text=FILE):
    file = tmp_path / "x.yaml"
    body = sweep[1:-1] if sweep.startswith("{") else sweep
    file.write_text(f"{text}sweep: {{{body}}}\n")
    return pipeline.check(pipeline.read(file))


def points_of(checked):
    return Points(point_document(checked), plan_sweep(checked.resolved.context, checked.experiment.sweep))


def counted(monkeypatch):
    """How often a file is checked."""
    calls = []
    plain = pipeline.check
    monkeypatch.setattr(pipeline, "check", lambda *given: calls.append(1) or plain(*given))
    return calls


@pytest.mark.parametrize("sweep", [*VALUES_ONLY.values(), *MORE.values()], ids=[*VALUES_ONLY, *MORE])
def test_the_network_of_each_point_is_that_of_its_file(tmp_path, sweep):
    checked = read(tmp_path, sweep)
    points = points_of(checked)
    for _ in range(2):  # the second time all points find what they may share
        for point in points.plan.points():
            ours = points.check(point).resolved.network
            assert whole_network(ours) == whole_network(check_point(points.base, point).resolved.network)


@pytest.mark.parametrize("sweep", VALUES_ONLY.values(), ids=VALUES_ONLY)
def test_points_that_differ_in_values_are_not_checked_each(tmp_path, sweep, monkeypatch):
    points = points_of(read(tmp_path, sweep))
    for point in points.plan.points():
        points.check(point)
    calls = counted(monkeypatch)
    for point in points.plan.points():
        points.check(point)
    assert not calls


@pytest.mark.parametrize("name", [*sorted(VALUES_ONLY.keys() - {"listed"}), "a size"])
def test_metrics_are_those_of_points_that_share_nothing(tmp_path, name, monkeypatch):
    checked = read(tmp_path, (VALUES_ONLY | MORE)[name])
    shared = run_sweep(check_sweep(checked), tmp_path / "shared", RunOptions(plots=False), workers=1)
    monkeypatch.setattr(Points, "check", lambda self, point: check_point(self.base, point))
    alone = run_sweep(check_sweep(checked), tmp_path / "alone", RunOptions(plots=False), workers=1)
    assert shared.digest == alone.digest
    assert len(np.unique(shared.metrics["rate"][0])) > 2


WRONG = {
    "above one": "axes: {p: {linspace: [0.5, 1.5], num: 30}}",
    "a negative delay": "axes: {wait: {linspace: [-1 ms, 5 ms], num: 40}}",
    "a negative time": "axes: {rest: {linspace: [3 ms, -1 ms], num: 40}}",
    "a rate": "axes: {hz: {linspace: [1 kHz, 12 kHz], num: 30}}",
    "an odd width": "axes: {bin: [1 ms, 2 ms, 3 ms, 4 ms, 5 ms, 6 ms, 7 ms, 8 ms, 9 ms, 9.03 ms, 10 ms]}",
    "a root": "axes: {weight: {linspace: [-1, 5], num: 30}}",
    "division": "axes: {gain: [1, 2, 3, 4, 5, 6, 7, 8, 0, 10, 11]}",
    "zipped": "zip: {p: {linspace: [0, 1.1], num: 20}, wait: {linspace: [1 ms, -0.1 ms], num: 20}}",
    "a seed": "axes: {seed: [1, 2, 3, 4, 5, 6, 7, 8, 9, -1, 11]}",
    "the first one": "axes: {p: [-1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]}",
}


@pytest.mark.parametrize("sweep", WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_found_before_the_first_run_as_if_all_were_tried(tmp_path, sweep):
    checked = read(tmp_path, sweep)
    points = points_of(checked)
    wanted = []
    for point in points.plan.star():
        try:
            check_point(points.base, point)
        except ExperimentError as error:
            wanted += [(d.code, d.message, str(d.span)) for d in error.diagnostics]
    with pytest.raises(ExperimentError) as caught:
        check_sweep(checked)
    assert wanted
    assert [(d.code, d.message, str(d.span)) for d in caught.value.diagnostics] == wanted[
        : len(caught.value.diagnostics)
    ]
    assert len(caught.value.diagnostics) >= min(len(wanted), 10)


def values_with_one(wrong, place, number):
    values = [f"{k / (2 * number)}" for k in range(number)]
    values[place] = wrong
    return f"[{', '.join(values)}]"


@pytest.mark.parametrize("keep", ["metrics", "results"])
def test_one_wrong_value_among_thousands_is_found_before_the_first_run(tmp_path, keep, monkeypatch):
    checked = read(tmp_path, f"{{axes: {{p: {values_with_one('1.25', 1234, 3000)}}}, keep: {keep}}}")
    calls = counted(monkeypatch)
    with pytest.raises(ExperimentError) as caught:
        check_sweep(checked)
    (found,) = caught.value.diagnostics
    assert found.message.endswith("(at p = 1.25)")
    assert len(calls) < 20


def test_values_that_are_not_tried_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "_MANY", 12)
    text = f"axes: {{bin: [{', '.join(f'{k / 10} ms' for k in range(1, 31))}], drive: [1.5, 2]}}"
    (warning,) = check_sweep(read(tmp_path, text)).warnings
    assert warning.message == "12 of 30 values of `bin` were tried before the run"
    assert warning.span.file.text[warning.span.start : warning.span.end] == "bin"
    assert check_sweep(read(tmp_path, text.replace("bin", "tau"))).warnings == ()


def test_a_hundred_thousand_values_are_tried_in_seconds(tmp_path, monkeypatch):
    checked = read(tmp_path, "axes: {tau: {linspace: [3 ms, 17 ms], num: 100000}}")
    calls = counted(monkeypatch)
    started = time.process_time()
    check_sweep(checked)
    assert len(calls) < 20
    assert time.process_time() - started < 5
