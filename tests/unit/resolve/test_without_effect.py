"""Values that are given and do nothing, as others replace them or nothing reads them: said with their places."""

from contextlib import nullcontext

import numpy as np
import pytest

from snnrun.errors import ExperimentError
from snnrun.model.evaluate import Environment, evaluate
from snnrun.running import pipeline
from snnrun.sweep.experiments import check_sweep

HEAD = "version: 1\nrun: {duration: 1 ms, dt: 0.1 ms}\n"
GROUP = 'equations: "v : 1\\nu : 1", threshold: v > 1, size: 4, subgroups: {a: "0:2", b: "2:4"}'


def warnings(tmp_path, text, code):
    file = tmp_path / "x.yaml"
    file.write_text(HEAD + text)
    found = pipeline.check(pipeline.read(file)).warnings
    return [w.span.file.text[w.span.start : w.span.end] for w in found if w.code == code]


@pytest.mark.parametrize(
    ("initial", "blamed"),
    [
        ("v: [{value: 11}, {value: 2}]", ["11"]),
        ("v: [{value: 11, where: i > 1}, {value: 2}]", ["11"]),
        ("v: [{value: 11}, {value: 2, where: i > 1}]", []),
        ("v: [{value: 11}, {value: v + 2}]", []),
        ("v: [{value: 11}, {value: 2, where: v > i}]", []),
        ("v: [{value: 11, subgroup: a}, {value: 2}]", ["11"]),
        ("v: [{value: 11}, {value: 2, subgroup: a}]", []),
        ("v: [{value: 11}, {value: 2, subgroup: a}, {value: 3, subgroup: b}]", ["11"]),
        ("v: [{value: 11, subgroup: a}, {value: 2, subgroup: b}]", []),
        ("v: [{value: 11, subgroup: a}, {value: 2, subgroup: a}]", ["11"]),
    ],
)
def test_a_value_that_others_replace_everywhere_is_named(tmp_path, initial, blamed):
    assert warnings(tmp_path, f"groups: {{g: {{{GROUP}, initial: {{{initial}}}}}}}", "NET189") == blamed


@pytest.mark.parametrize(
    ("connect", "rest", "blamed"),
    [
        ("{matrix: m.npy, to: w}", "initial: {w: 77}", ["77"]),
        ("{file: e.csv, to: {w: w}}", "initial: {w: 77}", ["77"]),
        ("{matrix: m.npy, to: w}", "initial: {w: 77, x: w}", []),
        ("[{i: 0, j: 1, initial: {w: 1}}, {i: 1, j: 1, initial: {w: 2}}]", "initial: {w: 77}", ["77"]),
        ("[{i: 0, j: 1, initial: {w: 1}}, {i: 1, j: 1}]", "initial: {w: 77}", []),
        ("{i: 0, j: 1, delay: 1 ms}", "delay: 7 ms", ["7 ms"]),
        ("{file: e.csv, to: {delay: w}, unit: {delay: ms}}", "delay: 7 ms", ["7 ms"]),
        ("{matrix: m.npy, to: delay, unit: ms}", "delay: 7 ms", ["7 ms"]),
        ("[{i: 0, j: 1, delay: 1 ms}, {i: 1, j: 1}]", "delay: 7 ms", []),
    ],
)
def test_what_each_rule_gives_anew_is_named(tmp_path, connect, rest, blamed):
    np.save(tmp_path / "m.npy", np.eye(4))
    (tmp_path / "e.csv").write_text("i,j,w\n0,1,2\n")
    synapses = f'{{source: g, target: g, connect: {connect}, {rest}, equations: "w : 1\\nx : 1", on_pre: v_post += w}}'
    text = f"groups: {{g: {{{GROUP}}}}}\nsynapses: {{s: {synapses}}}"
    assert warnings(tmp_path, text, "NET189") == blamed


def test_delays_of_pathways_that_each_rule_replaces_are_named(tmp_path):
    rule = "connect: {i: 0, j: 1, delay: 1 ms}"
    synapses = f"{{source: g, target: g, {rule}, on_pre: {{do: v_post += 1, delay: 9 ms}}}}"
    assert warnings(tmp_path, f"groups: {{g: {{{GROUP}}}}}\nsynapses: {{s: {synapses}}}", "NET189") == ["9 ms"]


def test_a_matrix_gives_delays(tmp_path):
    np.save(tmp_path / "m.npy", np.array([[0, 0.3], [0.5, 0]]))
    file = tmp_path / "x.yaml"
    file.write_text(
        HEAD + 'groups: {g: {equations: "v : 1", threshold: v > 1, size: 2}}\n'
        "synapses: {s: {source: g, target: g, connect: {matrix: m.npy, to: delay, unit: ms}, on_pre: v_post += 1}}\n"
        "metrics: {d: mean(s.j)}"
    )
    checked = pipeline.check(pipeline.read(file))
    synapses = checked.resolved.network.synapses["s"]
    steps = evaluate(synapses.connect[0].delay, Environment(index={"list": slice(None)}, dt=1e-4))
    assert steps.tolist() == [3, 5]
    assert not synapses.pathways[0].uniform_delay


USED = """
constants: {tau: 5 ms, bare: 3, inner: 2, outer: 2*inner, in_metric: 1, in_stop: 1, in_body: 1, in_array: 1, own: 4}
functions: {"f(x)": x + in_body, "g(x)": "x + bare"}
arrays: {a: {values: [1, in_array], dt: 1 ms}, b: {values: [1, 2], dt: 1 ms}}
groups:
  g: {size: 2, equations: "dv/dt = (f(v) + outer*a(t) - v)/tau : 1", constants: {k: 1, own: 2}, threshold: v > own}
metrics: {v: mean(g.v) + in_metric}
"""


def test_definitions_that_nothing_uses_are_named(tmp_path):
    assert warnings(tmp_path, USED, "NET112") == ["bare", "in_stop", "own", '"g(x)"', "b", "k"]


def test_what_only_unused_definitions_use_is_unused(tmp_path):
    assert warnings(tmp_path, "constants: {x: 1, y: 2*x}\n", "NET112") == ["x", "y"]


def test_definitions_of_a_file_that_is_extended_may_be_for_others(tmp_path):
    (tmp_path / "base.yaml").write_text("version: 1\nconstants: {x: 1}\n")
    assert warnings(tmp_path, "extends: base.yaml\nconstants: {y: 1}\n", "NET112") == ["y"]


def test_a_condition_that_ends_a_phase_uses_its_constants(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(
        "version: 1\nconstants: {high: 1, set_to: 2, tau: 1 ms}\n"
        'groups: {g: {size: 1, equations: "dv/dt = -v/tau : 1"}}\nmetrics: {v: mean(g.v)}\n'
        "run: {dt: 0.1 ms, phases: [{name: a, duration: 1 ms, stop_when: v > high, set: {tau: set_to*ms}}]}\n"
    )
    assert [w.code for w in pipeline.check(pipeline.read(file)).warnings] == []


@pytest.mark.parametrize(
    ("sweep", "blamed"),
    [
        ("axes: {bare: [1, 2]}", ["bare"]),
        ("axes: {constants.bare: [1, 2]}", ["constants.bare"]),
        ("zip: {outer: [1, 2], bare: [1, 2]}", ["bare"]),
        ("points: [{outer: 1, bare: 2}]", ["bare"]),
        ("sample: {size: 2, ranges: {bare: [1, 2]}}", ["bare"]),
        ("axes: {groups.g.constants.k: [1, 2]}", ["groups.g.constants.k"]),
        ("axes: {arrays.b.dt: [1 ms, 2 ms]}", ["arrays.b.dt"]),
        ("axes: {inner: [1, 2], in_body: [1, 2], in_array: [1, 2], in_metric: [1, 2]}", []),
    ],
)
def test_sweeping_what_nothing_reads_is_refused_at_the_axis(tmp_path, sweep, blamed):
    file = tmp_path / "x.yaml"
    file.write_text(HEAD + USED + f"sweep: {{{sweep}}}\n")
    checked = pipeline.check(pipeline.read(file))
    with pytest.raises(ExperimentError) if blamed else nullcontext() as caught:
        check_sweep(checked)
    found = caught.value.diagnostics if blamed else ()
    assert [(d.code, d.span.file.text[d.span.start : d.span.end]) for d in found] == [("SWP717", b) for b in blamed]


SET = """
version: 1
constants: {k: 1, m: 2*k, other: 1, start: 1}
groups:
  g: {size: 2, equations: "dv/dt = (m + other + start)/second : 1", method: euler, initial: {v: start}}
  p: {kind: spikes, size: 1, indices: 0, times: 1 ms}
synapses: {s: {source: p, target: g, connect: all, on_pre: v_post += 1, delay: 1 ms}}
inputs: {i: {target: g, variable: v, size: 2, rate: 5 Hz, weight: 1}}
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 1 ms, set: {k: 3, start: 2, s.delay: 2 ms, i.rate: 1 Hz}}
    - {name: b, duration: 1 ms, set: {other: 2}}
metrics: {v: mean(g.v)}
"""


@pytest.mark.parametrize(
    ("name", "refused"),
    [("k", True), ("synapses.s.delay", True), ("inputs.i.rate", True), ("other", False), ("start", False)],
)
def test_sweeping_what_the_first_phase_replaces_is_refused_at_the_axis(tmp_path, name, refused):
    """`start` is read by initial values, `other` is set later."""
    values = {"synapses.s.delay": "[1 ms, 3 ms]", "inputs.i.rate": "[1 Hz, 2 Hz]"}.get(name, "[1, 2]")
    file = tmp_path / "x.yaml"
    file.write_text(f"{SET}sweep: {{axes: {{{name}: {values}}}}}\n")
    checked = pipeline.check(pipeline.read(file))
    with pytest.raises(ExperimentError) if refused else nullcontext() as caught:
        check_sweep(checked)
    found = [d for d in caught.value.diagnostics if d.code != "NET146"] if refused else []
    assert [(d.code, d.span.file.text[d.span.start : d.span.end]) for d in found] == [("SWP717", name)] * refused
