"""A constant at every key of the file that holds an expression: a phase that sets it changes the run, or is refused."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest
from running import network_of, resolved, run_network

from snnrun.errors import ExperimentError, Severity
from snnrun.spec import models
from snnrun.spec.values import Section

FILE = """
constants: {K: 1, D: {constants D}}
functions: {"f(x)": {functions f}}
arrays:
  a: {values: {ValuesArray.values}, unit: {ValuesArray.unit}, dt: {ValuesArray.dt}}
  b: {times: [0 ms, {ValuesArray.times}], values: [0, 1]}
groups:
  g:
    size: {NeuronGroup.size}
    dt: {NeuronGroup.dt}
    constants: {c: {NeuronGroup.constants}}
    equations: |
      dv/dt = {NeuronGroup.equations}/ms : 1
      x : 1
      y : 1
      h : meter
      u = a(t) + b(t) + f(1) + c + D : 1
    threshold: v > {NeuronGroup.threshold}
    reset: v = {NeuronGroup.reset}
    refractory: {NeuronGroup.refractory}
    initial: {v: {initial}, x: [{where: i < {ValueRule.where}, value: {ValueRule.value}}], h: 4*um*i}
    subgroups: {s: {NeuronGroup.subgroups}}
    events:
      late: t > {NeuronGroup.events}
      high: {condition: v > {Event.condition}, do: y += {Event.do}}
  l:
    size: 2
    equations: |
      dv/dt = (1 - v**3)/ms : 1
      x : 1 (linked)
    method: rkf45
    tolerance: {NeuronGroup.tolerance}
    linked: {x: {from: g.y, index: {Link.index}}}
  r:
    kind: spikes
    size: 2
    dt: {SpikeGroup.dt}
    times: {every: {Train.every}, from: {Train.start}, until: {Train.until}, jitter: {Train.jitter}}
    duplicates: merge
  p:
    kind: poisson
    dt: {PoissonGroup.dt}
    size: {PoissonGroup.size}
    rates: {PoissonGroup.rates}
    constants: {c: {PoissonGroup.constants}}
    subgroups: {s: {PoissonGroup.subgroups}}
  q: {kind: poisson, size: 2, rates: [{rates list}, 900 Hz]}
  z:
    kind: spikes
    size: {SpikeGroup.size}
    indices: [0, {SpikeGroup.indices}]
    times: [1 ms, {SpikeGroup.times}]
    period: {SpikeGroup.period}
    subgroups: {s: {SpikeGroup.subgroups}}
inputs:
  n: {target: g, variable: y, size: {PoissonInput.size}, rate: {PoissonInput.rate}, weight: {PoissonInput.weight}}
synapses:
  all:
    source: z
    target: g
    equations: |
      w : 1
      m = {Synapses.equations}*c : 1
    constants: {c: {Synapses.constants}}
    on_pre: {one: {do: x_post += m*w*{Pathway.do}, delay: {Pathway.delay}}, two: x_post += {Synapses.on_pre}}
    on_post: y_post += {Synapses.on_post}
    delay: {Synapses.delay}
    connect:
      - {where: i < 9*{WhereConnect.where}, p: {WhereConnect.p}, n: {WhereConnect.n}}
      - {rule: all, delay: {Rule.delay}, initial: {w: {Rule.initial}}}
    initial: {w: {Synapses.initial}}
  rest:
    source: z
    target: g
    on_pre: x_post += 1
    connect:
      - {i: {IndexConnect.i}, j: {IndexConnect.j}, n: {IndexConnect.n}}
      - {pairs: [[0, 1]], n: {PairsConnect.n}}
      - {j: "i + {TargetsConnect.j}", skip_if_invalid: true, p: {TargetsConnect.p}, n: {TargetsConnect.n}}
      - {i: "j + {SourcesConnect.i}", skip_if_invalid: true, p: {SourcesConnect.p}, n: {SourcesConnect.n}}
      - {fixed_indegree: {IndegreeConnect.fixed_indegree}}
      - {fixed_outdegree: {OutdegreeConnect.fixed_outdegree}}
      - {fixed_total: {TotalConnect.fixed_total}}
  parts:
    source: z
    target: g
    on_pre: y_post += 0.3
    connect: all
    delay: {axonal: {DelayParts.axonal}, dendritic: {DelayParts.dendritic}}
  near:
    source: g
    target: g
    on_pre: y_post += 0.1
    connect:
      positions: h
      p: {DistanceConnect.p}
      max_distance: {DistanceConnect.max_distance}
      period: {DistanceConnect.period}
      n: {DistanceConnect.n}
operations:
  e: {target: g, every: {Operation.every}, do: y += {Operation.do}}
  t: {target: g, at: {Operation.at}, do: y += 1}
monitors:
  sp: {kind: spikes, source: g, indices: [{SpikeMonitor.indices}], window: [0 ms, {SpikeMonitor.window}]}
  st:
    kind: state
    source: g
    variables: [v, x, y, u]
    indices: [{StateMonitor.indices}, 2]
    dt: {StateMonitor.dt}
    window: [0 ms, {StateMonitor.window}]
  ra:
    kind: rate
    source: g
    bin: {RateMonitor.bin}
    smooth: {RateMonitor.smooth}
    window: [0 ms, {RateMonitor.window}]
  ev:
    kind: events
    source: g
    condition: v > 0.35*{EventMonitor.condition}
    indices: [0, {EventMonitor.indices}]
    window: [0 ms, {EventMonitor.window}]
  eh: {kind: events, source: g, event: high}
  el: {kind: events, source: g, event: late}
  lx: {kind: state, source: l, variables: [v, x]}
  rr: {kind: spikes, source: r}
  pp: {kind: spikes, source: p}
  qq: {kind: spikes, source: q}
  zz: {kind: spikes, source: z}
run:
  dt: {Run.dt}
  phases:
    - {name: a, duration: {Phase.duration}}
    - {name: b, duration: 5 ms, set: {SET}}
    - name: c
      duration: 5 ms
      set: {g.x: {Phase.set}}
      at_end: {g.x: {Phase.at_end}}
      stop_when: {Phase.stop_when}
      check: {Phase.check}
    - repeat: {RepeatedPhases.repeat}
      repeat_until: {RepeatedPhases.repeat_until}
      phases: [{name: d, duration: 0.1 ms, repeat: {Phase.repeat}, repeat_until: {Phase.repeat_until}}]
metrics: {m: {metrics}}
search: {constant: D, between: [0, "{Search.between}"], until: "{Search.until}", tolerance: "{Search.tolerance}"}
"""
# What stands at each place, with the constant K in it; as it is for other places, K being 1.
PLACES = {
    "constants D": "2*K",
    "functions f": "x*K",
    "ValuesArray.values": "[0, K]",
    "ValuesArray.unit": "1",
    "ValuesArray.dt": "K*ms",
    "ValuesArray.times": "2*ms*K",
    "NeuronGroup.dt": "0.1*ms*K",
    "PoissonGroup.dt": "0.1*ms*K",
    "SpikeGroup.dt": "0.1*ms*K",
    "NeuronGroup.events": "4*ms*K",
    "NeuronGroup.tolerance": "1e-3*K",
    "Event.condition": "0.3*K",
    "Event.do": "0.1*K",
    "Link.index": "K",
    "Train.every": "3*ms*K",
    "Train.start": "1*ms*K",
    "Train.until": "30*ms*K",
    "Train.jitter": "0.2*ms*K",
    "DelayParts.axonal": "0.2*ms*K",
    "DelayParts.dendritic": "0.3*ms*K",
    "NeuronGroup.size": "3*K",
    "NeuronGroup.constants": "K",
    "NeuronGroup.equations": "K",
    "NeuronGroup.threshold": "K",
    "NeuronGroup.reset": "0.1*K",
    "NeuronGroup.refractory": "0.8*ms*K",
    "initial": "0.2*K*i",
    "ValueRule.where": "K",
    "ValueRule.value": "K",
    "NeuronGroup.subgroups": "[K]",
    "PoissonGroup.size": "4*K",
    "PoissonGroup.rates": "800*Hz*K*c",
    "PoissonGroup.constants": "K",
    "PoissonGroup.subgroups": "[K]",
    "rates list": "800*Hz*K",
    "SpikeGroup.size": "3*K",
    "SpikeGroup.indices": "K",
    "SpikeGroup.times": "1.5*ms*K",
    "SpikeGroup.period": "2*ms*K",
    "SpikeGroup.subgroups": "[K]",
    "PoissonInput.size": "10*K",
    "PoissonInput.rate": "500*Hz*K",
    "PoissonInput.weight": "K",
    "Synapses.equations": "K",
    "Synapses.constants": "K",
    "Pathway.do": "K",
    "Pathway.delay": "0.2*ms*K",
    "Synapses.on_pre": "K",
    "Synapses.on_post": "K",
    "Synapses.delay": "0.2*ms*K",
    "WhereConnect.where": "K",
    "WhereConnect.p": "0.5*K",
    "WhereConnect.n": "K",
    "Rule.delay": "0.2*ms*K",
    "Rule.initial": "K",
    "Synapses.initial": "K",
    "IndexConnect.i": "K",
    "IndexConnect.j": "K",
    "IndexConnect.n": "K",
    "PairsConnect.n": "K",
    "TargetsConnect.j": "K",
    "TargetsConnect.p": "K",
    "TargetsConnect.n": "K",
    "SourcesConnect.i": "K",
    "SourcesConnect.p": "K",
    "SourcesConnect.n": "K",
    "DistanceConnect.p": "0.5*K",
    "DistanceConnect.max_distance": "10*um*K",
    "DistanceConnect.period": "20*um*K",
    "DistanceConnect.n": "K",
    "IndegreeConnect.fixed_indegree": "K",
    "OutdegreeConnect.fixed_outdegree": "K",
    "TotalConnect.fixed_total": "K",
    "Operation.every": "0.5*ms*K",
    "Operation.do": "K",
    "Operation.at": "7*ms*K",
    "SpikeMonitor.indices": "K",
    "SpikeMonitor.window": "20*ms*K",
    "StateMonitor.indices": "K",
    "StateMonitor.dt": "0.1*ms*K",
    "StateMonitor.window": "20*ms*K",
    "EventMonitor.condition": "K",
    "EventMonitor.indices": "K",
    "EventMonitor.window": "20*ms*K",
    "RateMonitor.bin": "0.5*ms*K",
    "RateMonitor.smooth": "1*ms*K",
    "RateMonitor.window": "20*ms*K",
    "Run.dt": "0.1*ms*K",
    "Phase.duration": "5*ms*K",
    "Phase.set": "K",
    "Phase.stop_when": "count(sp) > 1000*K",
    "Phase.check": "1*ms*K",
    "Phase.at_end": "K",
    "Phase.repeat": "K",
    "Phase.repeat_until": "count(sp) > 1000*K",
    "RepeatedPhases.repeat_until": "count(sp) > 1000*K",
    "RepeatedPhases.repeat": "K",
    "metrics": "count(sp)*K",
    "Search.between": "2*K",
    "Search.until": "count(sp) > 1000*K",
    "Search.tolerance": "0.1*K",
}
NO_CONSTANTS = {"ValuesArray.unit"}  # units alone
ELSEWHERE = {
    **dict.fromkeys(("NeuronGroup.initial", "Experiment.constants", "Experiment.functions"), "here by another name"),
    **dict.fromkeys(("Experiment.metrics", "Linspace.linspace", "Logspace.logspace", "Range.range"), "as values here"),
    **dict.fromkeys(
        ("ValueRule.subgroup", "Phase.record", "Run.start_from", "CallOperation.call", "Use.model"), "names"
    ),
    **dict.fromkeys(("FileArray.unit", "FileConnect.unit", "MatrixConnect.unit", "SpikeGroup.unit"), "units alone"),
    **dict.fromkeys(("ValueFile.unit", "Plot.title", "Plot.labels", "Panels.title", "Plot.neurons"), "no expressions"),
    **dict.fromkeys(("Author.name", "Author.affiliation"), "no expressions"),
    **dict.fromkeys(("FileArray.dt", "ImageArray.dt", "FileArray.scale", "ImageArray.scale"), "as ValuesArray.dt"),
    **dict.fromkeys(("LogBounds.log", "WholeBounds.whole"), "sweeps, which are planned before a run"),
    **dict.fromkeys(("Synapses.tolerance",), "as NeuronGroup.tolerance"),
    **dict.fromkeys(("FileArray.time_unit", "FramesArray.unit", "PointsFile.unit"), "units alone"),
    **dict.fromkeys((f"FormulaArray.{key}" for key in ("formula", "dt", "duration", "columns")), "tested below"),
    **dict.fromkeys(("FramesArray.frames", "FramesArray.labels"), "names of files, and numbers"),
    **dict.fromkeys(
        ("FramesArray.each", "FramesArray.pause", "FramesArray.scale", "FramesArray.repeat", "Latencies.latency"),
        "tested below",
    ),
    **dict.fromkeys(("Run.duration",), "there are phases"),
    **dict.fromkeys((f"Plot.{key}" for key in ("zlim", "times", "offset", "scale_bars")), "as Plot.xlim"),
    **dict.fromkeys(("Plot.colours", "Plot.colourmap"), "no expressions"),
    **dict.fromkeys(
        ("CallOperation.every", "Plot.bin", "Plot.period", "Plot.lines", "Plot.xlim", "Plot.ylim"), "tested below"
    ),
}
SKIPPED = {
    "description",
    "file",
    "dataset",
    "population",
    "types",
    "columns",
    "image",
    "matrix",
    "method",
    "kind",
    "source",
    "target",
}


def text_of(place: str, value: str | None) -> str:
    """The file with K at one place (1 elsewhere), which a phase sets or not."""
    text = FILE
    for name, written in PLACES.items():
        here = written if name == place else re.sub(r"\bK\b", "1", written)
        text = text.replace(f"{{{name}}}", here)
    return text.replace("{SET}", "{}" if value is None else f"{{K: {value}}}")


def recorded(text: str) -> bytes:
    """Everything that a run records."""
    memory, _ = run_network(network_of(text))
    parts = [np.concatenate(memory.spike_steps(name)) for name in ("sp", "ev", "eh", "el", "rr", "pp", "qq", "zz")]
    parts += [memory.state("st", name).ravel() for name in ("v", "x", "y", "u")]
    parts += [memory.state("lx", name).ravel() for name in ("v", "x")]
    return b"".join(np.asarray(part, np.float64).tobytes() for part in parts)


@pytest.mark.parametrize("place", PLACES)
def test_setting_a_constant_changes_the_run_or_is_refused_by_name(place: str) -> None:
    if place in NO_CONSTANTS:
        return
    text = text_of(place, "2")
    try:
        resolved(text)
    except ExperimentError as error:
        found = [d for d in error.diagnostics if d.severity is Severity.ERROR]
        assert [d.code for d in found] == ["NET145"], place
        assert "`K`" in found[0].message
        assert found[0].span is not None
        assert "set: {K: 2}" in found[0].span.file.line_text(found[0].span.line)
        return
    if place.endswith(("stop_when", "repeat_until")):
        return  # it is read, and ends the phase or not
    assert recorded(text) != recorded(text_of(place, None)), place


def test_every_key_with_an_expression_has_its_place() -> None:
    texts = (
        "Expression",
        "Expressions",
        "Series",
        "Table",
        "InitialValue",
        "Statements",
        "Pathways",
        "EventForm",
        "SizeForm",
    )
    wanted = set()
    for name, model in inspect.getmembers(models, inspect.isclass):
        if issubclass(model, Section):
            for field, annotation in model.__annotations__.items():
                if re.search(rf"\b({'|'.join(texts)})\b", str(annotation)) and field not in SKIPPED:
                    wanted.add(f"{name}.{field}")
    assert sorted(wanted - PLACES.keys() - ELSEWHERE.keys()) == []


@pytest.mark.parametrize(
    "place",
    [
        'operations: {h: {call: "run/hooks.py:f", every: 1*ms*K}}',
        "plots: [{kind: raster, monitor: m, xlim: [0 ms, 5*ms*K]}]",
        "plots: [{kind: psth, monitor: m, bin: 1*ms*K}]",
        "plots: [{kind: psth, monitor: m, period: 2*ms*K}]",
    ],
)
def test_a_constant_of_functions_and_pictures_is_refused_or_warned_of(place: str) -> None:
    text = f"""
constants: {{K: 1}}
groups: {{g: {{size: 2, equations: "dv/dt = EXPR/ms : 1", threshold: v > 1, reset: v = 0}}}}
monitors: {{m: {{kind: spikes, source: g}}}}
{place}
run:
  dt: 0.1 ms
  phases: [{{name: a, duration: 5 ms}}, {{name: b, duration: 5 ms, set: {{K: 2}}}}]
"""
    with pytest.raises(ExperimentError) as caught:
        resolved(text.replace("EXPR", "1"))
    assert [d.code for d in caught.value.diagnostics] == ["NET145"]
    if "plots" in place:
        assert [w.code for w in resolved(text.replace("EXPR", "K")).warnings] == ["NET146"]


FRAMES = """
constants: {K: 1}
arrays: {a: {frames: frames.npy, each: 1 ms*EACH, pause: 1 ms*PAUSE, scale: SCALE, repeat: REPEAT}}
groups:
  g: {size: a.columns, equations: "x = a(t, i) : 1"}
  s: {kind: spikes, size: a.columns, times: {stimuli: a, latency: 0.5*ms*LATENCY*x}}
run: {dt: 0.1 ms, phases: [{name: a, duration: 2 ms}, {name: b, duration: 2 ms, set: {K: 2}}]}
"""


@pytest.mark.parametrize("place", ["EACH", "PAUSE", "SCALE", "LATENCY", "REPEAT"])
def test_a_constant_of_stimuli_is_not_set_by_a_phase(tmp_path, place: str) -> None:
    np.save(tmp_path / "frames.npy", np.full((2, 3), 0.5))
    text = FRAMES.replace(place, "K")
    for name in ("EACH", "PAUSE", "SCALE", "LATENCY", "REPEAT"):
        text = text.replace(name, "1")
    (tmp_path / "x.yaml").write_text(f"version: 1\nname: x\n{text}")
    with pytest.raises(ExperimentError) as caught:
        resolved(tmp_path / "x.yaml")
    assert [d.code for d in caught.value.diagnostics] == ["NET145"]


@pytest.mark.parametrize("place", ["FORMULA", "STEP", "DURATION", "COLUMNS"])
def test_a_constant_of_a_formula_is_not_set_by_a_phase(place: str) -> None:
    text = """
constants: {K: 1}
arrays: {a: {formula: t/ms*FORMULA, dt: 1 ms*STEP, duration: 2 ms*DURATION, columns: COLUMNS}}
groups: {g: {size: 1, equations: "x = a(t, i) : 1"}}
run: {dt: 0.1 ms, phases: [{name: a, duration: 2 ms}, {name: b, duration: 2 ms, set: {K: 2}}]}
""".replace(place, "K")
    for name in ("FORMULA", "STEP", "DURATION", "COLUMNS"):
        text = text.replace(name, "1")
    with pytest.raises(ExperimentError) as caught:
        resolved(text)
    assert [d.code for d in caught.value.diagnostics] == ["NET145"]
