"""Scripts for Brian2: what they say for each part of the format. `make compare-brian2` runs them (needs Brian2)."""

import re
from pathlib import Path

import pytest

from snnrun.export.brian2 import export
from snnrun.export.expressions import CannotExportError, unit_name
from snnrun.running import pipeline

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "experiments" / "tutorial").glob("*.yaml"))


def script(tmp_path, text):
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    return export(pipeline.check(pipeline.read(file)), "x.npz")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_experiment_of_the_tutorial_is_a_script(path):
    made = export(pipeline.check(pipeline.read(path)), "x.npz")
    compile(made.text, path.stem, "exec")
    assert "run(" in made.text


NETWORK = """
version: 1
name: x
constants: {tau: 10 ms, El: -70 mV, N0: 4}
functions: {half(x): x/2 + 1*mV}
groups:
  cells:
    size: N0
    equations: |
      dv/dt = (El - v + half(u))/tau : volt (unless refractory)
      u : volt
      m : 1 (constant)
    method: euler
    threshold: v > -50 mV and N > 2
    reset: v = El; u += 1*mV
    refractory: 2 ms
    events: {low: v < -72 mV, high: {condition: v > -55 mV, do: u += 1*mV}}
    subgroups: {first: "0:2"}
    initial: {v: El + 2*mV*i, u: [1 mV, 2 mV, 3 mV, 4 mV], m: [{where: i > 1, value: 2}]}
  noise: {kind: poisson, size: 3, rates: 10 Hz}
  given: {kind: spikes, size: 2, indices: [0, 1], times: [1 ms, 2 ms], period: 5 ms}
synapses:
  s:
    source: noise
    target: cells.first
    equations: "w : volt"
    on_pre: {fast: {do: v_post += w, delay: 1 ms}, slow: {do: u_post += w/2, order: 3}}
    connect: {where: i != j, p: 0.5}
    initial: {w: 3*mV}
  e:
    {source: cells, target: cells, on_pre: {do: v_post += 1*mV, event: low}, connect: one_to_one}
  g: {source: given, target: cells, on_pre: v += 1*mV, delay: 2 ms, connect: {j: "k for k in range(i, i + 2)"}}
operations: {kick: {target: cells, every: 5 ms, do: v += 1*mV}}
monitors:
  out: {kind: spikes, source: cells, variables: [u]}
  v: {kind: state, source: cells, variables: [v], indices: [0, 3], dt: 1 ms}
  r: {kind: rate, source: cells}
  lows: {kind: events, source: cells, event: low, variables: [v]}
run:
  dt: 0.1 ms
  phases: [{name: a, duration: 10 ms}, {name: b, duration: 5 ms, set: {tau: 5 ms, cells.u: 1 mV}, record: [out]}]
"""
LINES = [
    "constants['tau'] = 10*ms",
    "constants['El'] = -70*mV",
    "dv/dt = (El - v + (u/2 + 1*mV))/tau : volt (unless refractory)",
    "m : 1 (constant)",
    "threshold='v > -50*mV and N > 2',",
    "u += 1*mV",
    "events={'low': 'v < -72*mV', 'high': 'v > -55*mV'},",
    "cells.run_on_event('high', 'u += 1*mV', when='resets', order=1)",
    "e = Synapses(cells, cells, on_pre='v_post += 1*mV', on_event={'pre': 'low'}, namespace=constants, name='e')",
    "lows = EventMonitor(cells, 'low', variables=['v'], name='lows')",
    "cells_first = cells[0:2]",
    "cells.v = 'El + 2*mV*i'",
    "cells.u = Quantity([1*mV, 2*mV, 3*mV, 4*mV])",
    "cells.m['i > 1'] = '2'",
    "noise = PoissonGroup(3, rates='10*Hz', namespace=constants, name='noise')",
    "given = SpikeGeneratorGroup(2, [0, 1], np.array([0.001, 0.002])*second, period=0.005*second, name='given')",
    "on_pre={'fast': 'v_post += w', 'slow': 'u_post += w/2'},",
    "s.slow.order = 3",
    "e.pre.order = 0",
    "g.pre.order = 0",
    "s.connect(condition='i != j', p=0.5)",
    "s.fast.delay = '1*ms'",
    "s.w = '3*mV'",
    "g.connect(j='k for k in range(i, i + 2)')",
    "g.pre.delay = '2*ms'",
    "kick = cells.run_regularly('v += 1*mV', dt=5*ms, name='kick')",
    "out = SpikeMonitor(cells, variables=['u'], name='out')",
    "v = StateMonitor(cells, ['v'], record=[0, 3], dt=1*ms, name='v')",
    "r = PopulationRateMonitor(cells, name='r')",
    "constants['tau'] = 5*ms",
    "cells.u = '1*mV'",
    "v.active = False",
    "run(10*ms)",
    "run(5*ms)",
]


def test_each_part_of_a_network_has_its_line(tmp_path):
    made = script(tmp_path, NETWORK)
    compile(made.text, "x", "exec")
    lines = [line.strip() for line in made.text.split("\n")]
    assert [line for line in LINES if line not in lines] == []
    assert made.notes == []


@pytest.mark.parametrize(
    ("change", "where", "why"),
    [
        (("method: euler", "method: euler\n    constants: {k: erf(1)}"), "groups.cells", "`erf`"),
        (("connect: {where: i != j, p: 0.5}", "connect: {fixed_total: 3}"), "synapses.s.connect", "fixed_total"),
        (("kind: rate, source: cells", "kind: events, source: s, event: on_pre.fast"), "monitors.r", "events"),
        (("every: 5 ms, do", "at: [5 ms], do"), "operations.kick", "at given times"),
        (("dt: 1 ms}", "dt: 1 ms, window: [1 ms, 2 ms]}"), "monitors.v.window", "active"),
        (("variables: [u]}", "variables: [u], indices: [0]}"), "monitors.out.indices", "all neurons"),
        (("kind: rate, source: cells", "kind: rate, source: cells, smooth: 1 ms"), "monitors.r.smooth", "smooth_rate"),
        (("duration: 10 ms}", "duration: 10 ms, at_end: {tau: 3 ms}}"), "run.phases.0.at_end", "after the call"),
        (("duration: 10 ms}", "duration: 10 ms, stop_when: count(out) > 5}"), "run.phases.0.stop_when", "stop()"),
        (("do: v += 1*mV}}", "do: v += 1*mV, phases: [a]}}"), "operations.kick.phases", "Python"),
        (("set: {tau", "set: {noise.rates: 3 Hz, tau"), "run.phases.1.set.noise.rates", "sets"),
    ],
)
def test_what_brian2_does_not_have_is_a_comment_and_a_note(tmp_path, change, where, why):
    made = script(tmp_path, NETWORK.replace(*change))
    assert [(path, why in text) for path, text in made.notes] == [(where, True)]
    assert re.search(rf"^# NOT EXPORTED: {re.escape(where)}: ", made.text, re.MULTILINE)


def test_long_lists_stand_in_a_file_beside(tmp_path):
    times = ", ".join(f"{k} ms" for k in range(30))
    text = NETWORK.replace(
        "indices: [0, 1], times: [1 ms, 2 ms]", f"indices: [{', '.join('0' * 30)}], times: [{times}]"
    )
    made = script(tmp_path, text.replace("period: 5 ms", "period: 40 ms"))
    assert "arrays = np.load('x.npz')" in made.text
    assert made.arrays["given.times"].tolist() == pytest.approx([k * 1e-3 for k in range(30)])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("mV", "mV"), ("uF", "uF"), ("um2", "um2"), ("S", "siemens"), ("GS", "Gsiemens"), ("cm2", "cm2"), ("m", "metre"),
     ("Mohm", "Mohm"), ("mS", "msiemens"), ("pS", "psiemens"), ("min", "(60*second)"), ("mM", "mM"), ("rad", "1")],
)  # fmt: skip
def test_units_have_the_names_of_brian2(ours, theirs):
    assert unit_name(ours) == theirs


def test_what_is_no_unit_is_refused():
    with pytest.raises(CannotExportError):
        unit_name("parsec")


REPEATED = """
version: 1
groups:
  one: {size: 1, equations: "x : 1", order: 3}
  g:
    size: 3
    equations: |
      v : 1
      L : 1 (linked)
    linked: {L: one.x}
    threshold: v > 1 and t - lastspike > 1*ms
    reset: v = 0
    events: {e: {condition: v > 0.5, do: v += 0.1, order: -1}}
  s: {kind: spikes, size: 1, indices: [0], times: [1 ms], dt: 0.2 ms}
synapses:
  b: {source: s, target: a, equations: "k : 1", connect: all, initial: {k: 1}, on_pre: w_post += k}
  a: {source: s, target: g, equations: "w : 1", connect: all, on_pre: v_post += w}
monitors:
  m: {kind: spikes, source: g}
  c: {kind: connectivity, source: a}
run:
  dt: 0.1 ms
  phases:
    - {repeat: 3, phases: [{name: p, duration: 1 ms, record: []}, {name: q, duration: 1 ms, repeat: 2}]}
    - {name: r, duration: 2 ms}
"""


def test_repeated_phases_are_loops_and_monitors_are_switched_on_again(tmp_path):
    made = script(tmp_path, REPEATED)
    compile(made.text, "x", "exec")
    assert (
        """\
for _ in range(3):
    # p
    m.active = False
    run(1*ms)
    for _ in range(2):
        # q
        m.active = True
        run(1*ms)
# r
m.active = True
run(2*ms)
"""
        in made.text
    )
    assert made.text.index("\na = Synapses(") < made.text.index("\nb = Synapses(")
    for line in (
        "one = NeuronGroup(1, model='x : 1', order=3, namespace=constants, name='one')",
        "g.L = linked_var(one, 'x', index=np.zeros(3, int))",
        "refractory=0*ms,",
        "g.run_on_event('e', 'v += 0.1', when='resets', order=-1)",
        "s = SpikeGeneratorGroup(1, [0], np.array([0.001])*second, dt=0.2*ms, name='s')",
    ):
        assert line in made.text


@pytest.mark.parametrize(
    ("change", "where", "name"),
    [
        (('equations: "w : volt"', 'equations: "w : volt\\nm : 1"'), "synapses.s.equations", "m"),
        (("m : 1 (constant)", "m : 1 (constant)\n      e : 1"), "groups.cells.equations", "e"),
    ],
)
def test_names_that_brian2_refuses_are_noted(tmp_path, change, where, name):
    made = script(tmp_path, NETWORK.replace(*change))
    assert made.notes == [(where, f"Brian2 refuses the name `{name}` there: rename it")]


PARTS = """
version: 1
groups:
  s: {kind: spikes, size: 3, indices: [2, 0, 1], times: [1 ms, 2 ms, 3 ms], subgroups: {last: "1:3"}}
  g:
    size: 3
    equations: |
      dv/dt = -v/(10*ms) : 1 (unless refractory)
      k : 1
    threshold: v > 1
    reset: v = 0
    refractory: 1 ms
    method: exact
synapses:
  a: {source: s.last, target: g, on_pre: v_post += 1, connect: {i: "k for k in range(j, 2*j + 1, 2)", skip_if_invalid: true}}
monitors: {m: {kind: spikes, source: g}}
run:
  dt: 0.1 ms
  phases:
    - {name: one, duration: 1 ms}
    - {name: two, duration: 1 ms, set: {g.v: 0.1*k + i, g.k: i}}
    - {name: three, duration: 1 ms, set: {g.v: "[0, 1, 2]"}}
"""  # noqa: E501


def test_brian2_gets_what_it_has_no_words_for_in_other_words(tmp_path):
    made = script(tmp_path, PARTS)
    compile(made.text, "x", "exec")
    assert made.notes == []
    for line in (
        "s_last = SpikeGeneratorGroup(2, [1, 0], np.array([0.001, 0.003])*second, name='s_last')",
        "a.connect(i='k for k in range(0, N_pre) if k >= j and k < 2*j + 1 and (k - (j)) % (2) == 0', skip_if_invalid=True)",  # noqa: E501
        "g.v = 0.1*g.k[:] + g.i[:]",  # a text would leave refractory neurons as they are
        "g.k = 'i'",
    ):
        assert line in made.text.split("\n")


@pytest.mark.parametrize("value", ["int(k > 1)", "rand()", "0.1*t/ms", "[{where: k > 1, value: 2}]"])
def test_texts_that_python_has_not_for_refractory_neurons_are_noted(tmp_path, value):
    made = script(tmp_path, PARTS.replace("g.v: 0.1*k + i", f"g.v: {value}"))
    assert [place for place, _ in made.notes] == ["run.phases.1.set.g.v"]


ORDERED = """
version: 1
groups:
  z:
    size: 1
    equations: "dv/dt = 1/ms : 1"
    threshold: v > 1
    reset: v = 0
    events: {e: {condition: v > 2, do: v = 1}}
  b: {size: 1, equations: "L : 1 (linked)\\ndv/dt = L/ms : 1", linked: {L: a.v}, method: euler}
  a: {size: 1, equations: "dv/dt = 1/ms : 1"}
operations:
  z2: {target: z, every: 1 ms, do: v += 1}
  y2: {target: z, every: 1 ms, do: v *= 2}
monitors:
  n: {kind: state, source: z, variables: [v], order: -1}
  m: {kind: state, source: z, variables: [v], when: end}
  c: {kind: rate, source: z}
run: {dt: 0.1 ms, duration: 1 ms}
"""


def test_orders_are_given_where_brian2_would_go_by_names(tmp_path):
    text = script(tmp_path, ORDERED).text
    for line in (
        "z.run_on_event('e', 'v = 1', when='resets', order=1)",  # z_e_resetter would come before z_spike_resetter
        "a.state_updater.order = 1",  # b reads it before
        "y2 = z.run_regularly('v *= 2', dt=1*ms, order=1, name='y2')",
        "n = StateMonitor(z, ['v'], record=True, order=-1, name='n')",
        "m = StateMonitor(z, ['v'], record=True, when='end', name='m')",
        "c = PopulationRateMonitor(z, name='c')",
    ):
        assert line in text.split("\n"), line
