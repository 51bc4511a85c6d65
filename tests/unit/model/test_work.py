"""Checking a file takes work in proportion to its length: counted in steps of the interpreter, not in time."""

from __future__ import annotations

import difflib
import sys
from contextlib import suppress

import pytest

from snnrun.equations.model import parse_equations
from snnrun.equations.parse import parse_expression, parse_statements
from snnrun.errors import ExperimentError, did_you_mean
from snnrun.running import pipeline
from snnrun.sweep.experiments import check_sweep

NEURON = 'equations: "dv/dt = -c*v/(10*ms) : 1", threshold: v > 1, reset: v = 0'
HEAD = "version: 1\nconstants: {c: 1}\n"
GROUP = f"groups:\n  g: {{size: 2, {NEURON}}}\n"
RUN = "run: {duration: 1 ms, dt: 0.1 ms}\n"


def lines(pattern, n, between="\n"):
    return between.join(pattern.replace("@", str(k)).replace("#", str((k + 1) % n)) for k in range(n))


def equations(pattern, n, more=""):
    return f"groups:\n  g:\n    size: 2\n{more}    equations: |\n{lines('      ' + pattern, n)}\n"


def section(name, pattern, n):
    return f"{name}:\n{lines('  ' + pattern, n)}\n"


def subgroups(n):
    parts, values = lines("s@: 3", n, ", "), lines("{subgroup: s@, value: @}", n, ", ")
    return f"groups:\n  g: {{size: {3 * n}, {NEURON}, subgroups: {{{parts}}}, initial: {{v: [{values}]}}}}\n"


def synapses(pattern, n, more=""):
    head = f"synapses:\n  s:\n    source: g\n    target: g\n    connect: all\n{more}    equations: |\n"
    return head + lines("      " + pattern, n) + "\n"


def swept(n):
    return (
        HEAD.replace("c: 1", lines("c@: 1", n, ", "))
        + equations("dv@/dt = (c@ - v@)/(10*ms) : 1", n)
        + RUN
        + (f"sweep: {{zip: {{{lines('c@: [1, 2]', n, ', ')}}}}}\n")
    )


def phases(n):
    run = section("  phases", "  - {name: p@, duration: 1 ms, set: {c: @}}", n)
    return f"{HEAD}{GROUP}run:\n  dt: 0.1 ms\n{run}"


FILES = {
    "equations": lambda n: HEAD + equations("dv@/dt = -v@/(10*ms) : 1", n) + RUN,
    "equations in pairs": lambda n: HEAD + equations("dv@/dt = (v# - v@)/(10*ms) : 1", n, "    method: euler\n") + RUN,
    "parameters": lambda n: HEAD + equations("p@ : 1", n, f"    initial: {{{lines('p@: @', n, ', ')}}}\n") + RUN,
    "subgroups": lambda n: HEAD + subgroups(n) + RUN,
    "groups": lambda n: HEAD + section("groups", f"g@: {{size: 2, {NEURON}}}", n) + RUN,
    "groups and synapses": lambda n: (
        HEAD
        + section("groups", f"g@: {{size: 2, {NEURON}}}", n)
        + section("synapses", "s@: {source: g@, target: g#, connect: all, on_pre: v_post += 1}", n)
        + RUN
    ),
    "sums": lambda n: (
        HEAD
        + equations("I@ : 1", n)
        + section("synapses", "s@: {source: g, target: g, connect: all, equations: 'I@_post = 1 : 1 (summed)'}", n)
        + RUN
    ),
    "clock-driven synapses": lambda n: HEAD + GROUP + synapses("dw@/dt = -w@/(10*ms) : 1 (clock-driven)", n) + RUN,
    "event-driven synapses": lambda n: (
        HEAD + GROUP + synapses("dw@/dt = -w@/(10*ms) : 1 (event-driven)", n, "    on_pre: v_post += w0\n") + RUN
    ),
    "monitors": lambda n: (
        HEAD + equations("p@ : 1", n) + section("monitors", "m@: {kind: state, source: g, variables: [p@]}", n) + RUN
    ),
    "operations": lambda n: (
        HEAD + equations("p@ : 1", n) + section("operations", "o@: {target: g, every: 1 ms, do: p@ += 1}", n) + RUN
    ),
    "metrics": lambda n: (
        HEAD + GROUP + "monitors: {s: {kind: spikes, source: g}}\n" + section("metrics", "x@: mean_rate(s)", n) + RUN
    ),
    "plots": lambda n: (
        HEAD
        + GROUP
        + "monitors: {s: {kind: spikes, source: g}}\n"
        + section("plots", "- {kind: raster, monitor: s, name: p@}", n)
        + RUN
    ),
    "functions": lambda n: (
        HEAD + section("functions", "f@(x): x + @", n) + equations("dv@/dt = -f@(v@)/(10*ms) : 1", n) + RUN
    ),
    "constants": lambda n: (
        "version: 1\n" + section("constants", "c@: @", n) + equations("dv@/dt = (c@ - v@)/(10*ms) : 1", n) + RUN
    ),
    "phases": phases,
    "sweep": swept,
}


def work(file, text):
    """Steps of the interpreter that checking a file takes."""
    file.write_text(text)
    for parse in (parse_expression, parse_statements, parse_equations):
        parse.cache_clear()
    steps = 0

    def trace(frame, event, _arg):
        nonlocal steps
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        with suppress(ExperimentError):
            checked = pipeline.check(pipeline.read(file))
            if checked.experiment.sweep is not None:
                check_sweep(checked)
    finally:
        sys.settrace(None)
    return steps


@pytest.mark.parametrize("kind", FILES)
def test_twice_as_many_lines_take_twice_the_work(kind, tmp_path):
    file = tmp_path / "x.yaml"
    work(file, FILES[kind](3))  # imports
    few, more, most = (work(file, FILES[kind](n)) for n in (8, 16, 32))
    assert most - more < 2.2 * (more - few)


def test_a_wrong_name_is_compared_with_few_of_thousands(monkeypatch):
    compared = []
    real = difflib.get_close_matches
    monkeypatch.setattr(difflib, "get_close_matches", lambda *a, **k: compared.append(len(a[1])) or real(*a, **k))
    thousands = [f"{letter}{k}" for k in range(2000) for letter in "cgx"]
    assert did_you_mean("tua_m", [*thousands, "tau_m"]) == "did you mean `tau_m`?"
    assert did_you_mean("unlike", thousands) is None
    assert max(compared) <= 50


def ring(n, method):
    return f"version: 1\n{equations('dv@/dt = (v# - v@)/(10*ms) : 1', n, f'    method: {method}{chr(10)}')}{RUN}"


def test_equations_that_mix_share_one_matrix(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(ring(20, "exact"))
    graph = pipeline.check(pipeline.read(file)).resolved.network.graph
    arguments = sum(len(node.args) for node in graph.nodes())
    assert arguments < 10 * 20**2  # with a matrix for each of the 20**2 entries they were more than 20**4


def test_the_exponential_of_more_than_a_hundred_equations_is_not_taken(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(ring(101, "auto"))
    integration = pipeline.check(pipeline.read(file)).resolved.network.groups["g"].integration
    assert integration.method == "euler"
    assert "more than 100" in integration.reason
    file.write_text(ring(101, "exact"))
    with pytest.raises(ExperimentError, match=r"EQ220.*more than 100"):
        pipeline.check(pipeline.read(file))
