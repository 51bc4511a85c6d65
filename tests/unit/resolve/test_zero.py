"""The number 0 stands for 0 of any dimension, wherever an expression is checked."""

import pytest

from snnrun.errors import ExperimentError
from snnrun.running import pipeline
from snnrun.sweep.experiments import Points, check_sweep, point_document

FILE = """\
version: 1
name: zero
constants: {c: 5 mV}
arrays: {a: {values: ARRAY, dt: 1 ms}}
groups:
  g:
    size: 3
    equations: "dv/dt = (c - v)/ms : volt (unless refractory)"
    threshold: v > 2*mV
    reset: v = 0
    refractory: REFRACTORY
    initial: {v: INITIAL}
  p: {kind: poisson, size: 3, rates: RATES}
  s: {kind: spikes, size: 2, indices: [0, 1], times: TIMES}
synapses:
  x: {source: p, target: g, connect: all, on_pre: v_post += 0, delay: DELAY}
inputs:
  noise: {target: g, variable: v, size: 3, rate: TRAIN, weight: WEIGHT}
operations:
  o: {target: g, at: AT, do: v = 0}
monitors:
  out: {kind: spikes, source: g, window: WINDOW}
  v: {kind: state, source: g, variables: [v]}
run: {dt: 0.1 ms, phases: [{name: q, duration: 5 ms, set: {g.v: SET}, stop_when: STOP}]}
metrics: {m: METRIC}
plots:
  - {kind: raster, monitor: out, xlim: XLIM, vlines: VLINES}
  - {kind: traces, monitor: v, ylim: YLIM, lines: {rest: LINE}}
"""
PLAIN = {
    "ARRAY": "[1 mV, 2 mV]",
    "REFRACTORY": "1 ms",
    "INITIAL": "c",
    "RATES": "10 Hz",
    "TIMES": "[1 ms, 2 ms]",
    "DELAY": "1 ms",
    "TRAIN": "1 Hz",
    "WEIGHT": "1 mV",
    "AT": "[1 ms]",
    "WINDOW": "[1 ms, 2 ms]",
    "SET": "1 mV",
    "STOP": "count(out) > 10",
    "METRIC": "count(out)",
    "XLIM": "[1 ms, 2 ms]",
    "VLINES": "[1 ms]",
    "YLIM": "[0 mV, 1 mV]",
    "LINE": "1 mV",
}


def checked(tmp_path, **changes):
    text = FILE
    for key, value in (PLAIN | changes).items():
        text = text.replace(key, value)
    file = tmp_path / "z.yaml"
    file.write_text(text)
    return pipeline.check(pipeline.read(file))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ARRAY", "[0, 1 mV]"),
        ("REFRACTORY", "0"),
        ("INITIAL", "0"),
        ("INITIAL", "[0, 1 mV, 2 mV]"),
        ("RATES", "0"),
        ("RATES", "[0, 1 Hz, 2 Hz]"),
        ("TIMES", "[0, 1 ms]"),
        ("DELAY", "0"),
        ("TRAIN", "0"),
        ("WEIGHT", "0"),
        ("AT", "[0, 1 ms]"),
        ("WINDOW", "[0, 2 ms]"),
        ("SET", "0"),
        ("STOP", "any(g.v > 0)"),
        ("STOP", "max(v) > 0 and 0 <= mean(v)"),
        ("METRIC", "max(v) + 0"),
        ("METRIC", "0 - max(v)"),
        ("XLIM", "[0, 2 ms]"),
        ("VLINES", "0"),
        ("VLINES", "[0, 1 ms]"),
        ("YLIM", "[0, 1 mV]"),
        ("LINE", "0"),
    ],
)
def test_zero_needs_no_unit(tmp_path, key, value):
    checked(tmp_path, **{key: value})


@pytest.mark.parametrize(("metric", "symbol"), [("max(v) + 0", "V"), ("0 - max(v)", "V"), ("0 + count(out)", "1")])
def test_a_sum_with_zero_has_the_dimension_of_the_other_part(tmp_path, metric, symbol):
    assert checked(tmp_path, METRIC=metric).metrics.terms["m"].dimension.symbol == symbol


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("STOP", "any(g.v > 1)", "EQ203"),
        ("STOP", "max(v) > 0*count(out)", "EQ203"),
        ("METRIC", "max(v) + 1", "EQ203"),
        ("XLIM", "[0, 2]", "PLT513"),
        ("REFRACTORY", "1", "EQ209"),
    ],
)
def test_other_numbers_do(tmp_path, key, value, code):
    with pytest.raises(ExperimentError) as caught:
        checked(tmp_path, **{key: value})
    assert [d.code for d in caught.value.diagnostics] == [code]


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("[0, 5 mV, -1 mV]", [0, 5e-3, -1e-3]),
        ("[5 mV, 0]", [5e-3, 0]),
        ("[0, 0.0]", [0, 0]),
        ("{linspace: [0, 5 mV], num: 3}", [0, 2.5e-3, 5e-3]),
        ("{linspace: [5 mV, 0], num: 3}", [5e-3, 2.5e-3, 0]),
        ("{range: [0, 5 mV, 2 mV]}", [0, 2e-3, 4e-3]),
        ("{range: [-2 mV, 0, 1 mV]}", [-2e-3, -1e-3]),
    ],
)
def test_zero_needs_no_unit_in_a_sweep(tmp_path, axis, values):
    text = FILE
    for key, value in PLAIN.items():
        text = text.replace(key, value)
    (tmp_path / "z.yaml").write_text(f"{text}sweep: {{axes: {{c: {axis}}}}}\n")
    swept = check_sweep(pipeline.check(pipeline.read(tmp_path / "z.yaml")))
    points = Points(point_document(swept.checked), swept.plan)
    constants = [points.check(p).resolved.context.constants["c"] for p in swept.plan.points()]
    assert [c.value for c in constants] == pytest.approx(values, abs=1e-18)
    assert {c.dimension.symbol for c in constants} == {"V"}
    parameter = swept.plan.axes[0].parameters[0]
    assert parameter.dimension.symbol == "V"
    if axis.startswith("[0, 5"):
        assert parameter.shown(0) == "0 mV"
