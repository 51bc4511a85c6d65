"""The rules of one step, each pinned by the sentence that states it; expected values are worked out, not recorded."""
# ruff: noqa: E501 - lines of experiment files, and sentences that are quoted

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from running import network_of, resolved, run_kernel
from scipy import stats

from snnrun.engine.recording import Memory
from snnrun.errors import ExperimentError

DT = 1e-4
SIGNIFICANCE = 1e-6
Z = stats.norm.isf(SIGNIFICANCE / 2)

STEP = """
name: step
constants: {tau: 10 ms}
groups:
  ticks: {kind: spikes, size: 1, indices: [0, 0], times: [1 ms, 3 ms]}
  counted: {size: 1, equations: "x : 1\\ny : 1"}
  coupled: {size: 1, equations: "dv/dt = total/ms : 1\\ntotal : 1", method: euler, initial: {v: 1}}
  held: {size: 1, equations: "dv/dt = c/ms : 1\\nc = cos(2*pi*t*500*Hz) : 1 (constant over dt)", method: rk4}
  stage: {size: 1, equations: "dv/dt = ramp(t)/ms : 1", method: rk2}
  source:
    size: 2
    equations: "dv/dt = 1/ms : 1"
    method: euler
    threshold: v > 0.95
    reset: v = -100
    initial: {v: -i}
  target: {size: 2, equations: "seen : 1\\nat : second"}
  both: {size: 1, equations: "v : 1", threshold: t_in_timesteps == 10}
  refractory:
    size: 4
    equations: "v : 1\\nperiod : second\\nfrozen : 1"
    threshold: v > 0
    refractory: period
    initial: {v: 1, period: "[2, 2.06, 2.09995, 0.05]*ms"}
  conditional:
    size: 1
    equations: "dv/dt = -v/ms : 1"
    method: euler
    threshold: t_in_timesteps == 5 or t_in_timesteps == 8 or t_in_timesteps == 30
    reset: v = 2
    refractory: v > 1
  frozen:
    size: 2
    equations: "dv/dt = 1/ms : 1 (unless refractory)\\nw : 1"
    method: euler
    threshold: v > 0.55
    reset: v = 0; w += 1
    refractory: 1 ms
    initial: {v: 0.5*i}
  delayed: {size: 6, equations: "at : 1"}
  overridden: {size: 1, equations: "a : 1\\nb : 1"}
  signs:
    size: 1
    equations: |
      a = -7 % 3 : 1
      b = -7 // 3 : 1
      c = 7 % -3 : 1
      d = -0.5 % 1 : 1
      e1 = int(True) + 2*int(false) + 4*int(true) + 8*int(False) : 1
      f = exprel(0*x) : 1
      g = exprel(1e-9 + 0*x) : 1
      x : 1
  shadow: {size: 1, equations: "m : 1\\nlength = 10 m : metre\\nsquare = m*m : 1", initial: {m: 3}}
  ordered: {size: 3, equations: "a : 1\\nb : 1\\nc : 1", initial: {a: i + 1, b: 2*a, c: "[{}]"}}
arrays:
  ramp: {values: [0, 1, 2, 3, 4], dt: 0.5 ms}
operations:
  every: {target: counted, every: 1 ms, do: x += 1}
  add: {target: counted, every: 10 ms, do: y = y + 1}
  twice: {target: counted, every: 10 ms, do: y = 2*y}
  push: {target: frozen, every: 0.1 ms, do: v = v + 0.001, when: end}
synapses:
  coupling:
    source: coupled
    target: coupled
    equations: |
      ds/dt = v_post/ms : 1 (clock-driven)
      total_post = s : 1 (summed)
    method: euler
    connect: all
  immediate: {source: source, target: target, connect: one_to_one, on_pre: seen_post = v_pre; at_post = t}
  order:
    source: both
    target: both
    equations: "w : 1"
    connect: all
    on_post: w = 2*w
    on_pre: w = w + 1
  rounding:
    source: ticks
    target: delayed
    equations: "d : second"
    connect: all
    on_pre: at_post = t_in_timesteps
    initial: {d: "[0, 0.04, 0.06, 0.14, 0.16, 0.26]*ms"}
    delay: d
  overriding:
    source: both
    target: overridden
    connect: all
    on_pre: {early: a = t_in_timesteps, late: {do: b = t_in_timesteps, delay: 0.7 ms}}
    delay: 0.3 ms
  listed:
    source: ordered
    target: ordered
    equations: "w : 1\\npre = i : 1\\npost = j : 1"
    connect: [{i: 2, j: [1, 0]}, {where: i + j < 2}]
    initial: {w: [10, 20, 30, 40, 50]}
monitors:
  counted: {kind: state, source: counted, variables: [x, y]}
  coupled: {kind: state, source: coupled, variables: [v, total]}
  coupling: {kind: state, source: coupling, variables: [s]}
  held: {kind: state, source: held, variables: [v]}
  stage: {kind: state, source: stage, variables: [v]}
  spikes: {kind: spikes, source: source, variables: [v]}
  rate: {kind: rate, source: source}
  target: {kind: state, source: target, variables: [seen, at], when: end}
  order: {kind: state, source: order, variables: [w], when: end}
  refractory: {kind: spikes, source: refractory}
  conditional: {kind: spikes, source: conditional}
  conditionals: {kind: state, source: conditional, variables: [v, not_refractory]}
  frozen: {kind: state, source: frozen, variables: [v, not_refractory, lastspike, w], when: end}
  frozenstart: {kind: state, source: frozen, variables: [lastspike]}
  delayed: {kind: state, source: delayed, variables: [at], when: end}
  overridden: {kind: state, source: overridden, variables: [a, b], when: end}
  signs: {kind: state, source: signs, variables: [a, b, c, d, e1, f, g]}
  shadow: {kind: state, source: shadow, variables: [length, square]}
  ordered: {kind: state, source: ordered, variables: [b]}
  listed: {kind: state, source: listed, variables: [w, pre, post]}
  window: {kind: state, source: counted, variables: [x], window: [0.5 ms, 0.9 ms]}
run: {duration: 5 ms, dt: 0.1 ms}
""".replace(', c: "[{}]"', "")


@functools.cache
def step() -> Memory:
    return run_kernel(STEP)


def trace(name: str, variable: str, element: int = 0) -> np.ndarray:
    return step().state(name, variable)[:, element]


# 1 and 2: the order within a step


RING = """
name: names
groups:
  {a}: {{size: 3, equations: "dv/dt = (1.1 + 0.3*i - v)/(5*ms) : 1\\nx : 1", method: exact, threshold: v > 1, reset: v = 0}}
  {b}: {{size: 3, equations: "dv/dt = (1.2 - v)/(5*ms) : 1", method: exact, threshold: v > 1, reset: v = 0}}
synapses:
  {c}: {{source: {a}, target: {b}, connect: all, on_pre: {{{p}: v_post = 0.9*v_post + 0.2, {q}: v_post = v_post - 0.05}}}}
  {d}: {{source: {b}, target: {a}, connect: all, on_pre: v_post = 0.8*v_post - 0.1, on_post: v_pre += 0.01}}
  {e}: {{source: {a}, target: {a}, connect: all, on_pre: v_post = 0.7*v_post}}
monitors:
  {f}: {{kind: spikes, source: {a}}}
  {g}: {{kind: spikes, source: {b}}}
run: {{duration: 60 ms, dt: 0.1 ms}}
"""


def test_the_order_of_events_never_depends_on_a_name() -> None:
    """ "The order of events never depends on a name: ... the rules below decide, then the order in the file." """
    plain = dict(zip("abcdefgpq", ("a1", "b1", "c1", "d1", "e1", "f1", "g1", "p1", "q1"), strict=True))
    turned = dict(zip("abcdefgpq", ("z9", "y8", "x7", "w6", "v5", "u4", "t3", "s2", "r1"), strict=True))
    first, second = run_kernel(RING.format(**plain)), run_kernel(RING.format(**turned))
    for key in "fg":
        ours, theirs = first.spike_steps(plain[key]), second.spike_steps(turned[key])
        assert len(ours[0]) > 10
        np.testing.assert_array_equal(ours, theirs)


def test_operations_act_at_the_start_before_monitors_sample() -> None:
    """ "`operations` act at `start` ..., before state monitors ... `every: d` acts at t = 0, d, 2d, ..." """
    np.testing.assert_array_equal(trace("counted", "x"), np.arange(50) // 10 + 1)


def test_the_order_in_the_file_decides_between_equals() -> None:
    """ "... then the order in the file." (y + 1)*2 = 2, not 2*y + 1 = 1."""
    assert trace("counted", "y")[0] == 2


# 3: groups


def test_synaptic_and_group_equations_read_start_of_step_values_of_each_other() -> None:
    """ "synaptic equations integrate after those of groups, both reading start-of-step values of each other"; "summed
    variables (zeroed and rewritten from values before any integration of this step)"."""
    v, s = [1.0], [0.0]
    for _ in range(49):
        v.append(v[-1] + 0.1 * s[-1])
        s.append(s[-1] + 0.1 * v[-2])
    np.testing.assert_allclose(trace("coupled", "v"), v, rtol=1e-13)
    np.testing.assert_allclose(trace("coupling", "s"), s, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(trace("coupled", "total")[1:], s[:-1], rtol=1e-13, atol=1e-16)


def test_constant_over_dt_holds_the_value_of_the_start_of_the_step() -> None:
    """ "then `constant over dt` subexpressions": every stage of rk4 sees cos(2 pi 500 Hz t) of the start."""
    expected = np.concatenate([[0], np.cumsum(0.1 * np.cos(2 * np.pi * 500 * np.arange(49) * DT))])
    np.testing.assert_allclose(trace("held", "v"), expected, atol=1e-13)


# 4: thresholds, synapses, resets


def test_spike_monitors_record_values_before_the_reset() -> None:
    """ "spike monitors record here, so their extra variables are values *before* the reset." v = 1 after 10 steps."""
    steps, ids = step().spike_steps("spikes")
    assert list(zip(steps.tolist(), ids.tolist(), strict=True)) == [(9, 0), (19, 1)]
    np.testing.assert_allclose(step().extra("spikes", "v"), [1, 1], rtol=1e-12)
    assert step().number("rate").tolist() == [int(k in (9, 19)) for k in range(50)]


def test_a_spike_without_delay_arrives_in_the_same_step_before_the_reset() -> None:
    """ "So a zero-delay spike reaches its targets in the same step, before the source resets." """
    assert trace("target", "at")[8] == 0
    assert trace("target", "at")[9] == pytest.approx(9 * DT)
    assert trace("target", "seen")[9] == pytest.approx(1, rel=1e-12)


def test_on_pre_acts_before_on_post_whatever_the_file_says() -> None:
    """ "Pathways: `on_pre` before `on_post` (order -1 and +1)." (0 + 1)*2 = 2, not 0*2 + 1 = 1."""
    assert trace("order", "w")[10] == 2


# 5: delays and refractoriness


def test_a_delay_is_rounded_to_whole_steps() -> None:
    """`floor(delay/dt + 0.5 + 0.001)` steps; see test_times.py for halves."""
    wanted = [int(d / 0.1 + 0.5) for d in (0, 0.04, 0.06, 0.14, 0.16, 0.26)]
    assert wanted == [0, 0, 1, 1, 2, 3]
    assert [int(trace("delayed", "at", k)[20]) - 10 for k in range(6)] == wanted
    assert [int(trace("delayed", "at", k)[45]) - 30 for k in range(6)] == wanted


def test_a_pathways_own_delay_overrides_the_one_above() -> None:
    """ "a top-level `delay` is that of the `on_pre` pathways, a pathway's own delay overrides it." """
    assert trace("overridden", "a")[-1] == 13
    assert trace("overridden", "b")[-1] == 17


def test_a_refractory_time_is_counted_in_steps() -> None:
    """ "`not_refractory = timestep(t - lastspike) >= timestep(refractory)` where
    `timestep(x) = floor((x + 0.001*dt)/dt)`" """
    steps, ids = step().spike_steps("refractory")
    for neuron, period in enumerate((2, 2.06, 2.09995, 0.05)):
        gap = max(1, math.floor((period + 0.0001) / 0.1))
        assert np.unique(np.diff(steps[ids == neuron])).tolist() == [gap]
    assert [math.floor((p + 0.0001) / 0.1) for p in (2, 2.06, 2.09995, 0.05)] == [20, 20, 21, 0]


def test_a_refractory_condition_is_left_at_the_first_step_where_it_is_false() -> None:
    """ "with a condition, a neuron enters on its spike and leaves at the first step where the condition is false"; "a
    refractory neuron cannot spike". v = 2*0.9**k falls below 1 for k = 7."""
    assert 2 * 0.9**6 > 1 > 2 * 0.9**7
    assert step().spike_steps("conditional")[0].tolist() == [5, 30]
    active = trace("conditionals", "not_refractory")
    # the reset of step 5 sets v = 2; steps 6, 7, ... begin with 2*0.9**0, 2*0.9**1, ...; samples lag by one step
    assert np.flatnonzero(active[:31] == 0).tolist() == list(range(6, 6 + 8))


def test_lastspike_starts_long_ago() -> None:
    """ "`lastspike` starts at -10000 s." """
    assert trace("frozenstart", "lastspike")[0] == -10000


def test_frozen_variables_stand_still_for_everything_but_the_own_reset() -> None:
    """ "its `unless refractory` variables are frozen for everything, operations and synapses too, except the reset of
    its own spike." """
    v, active, last, resets = (trace("frozen", name) for name in ("v", "not_refractory", "lastspike", "w"))
    spike = round(last[-1] / DT)
    # v grows by 0.101 a step: the spike of step 5, 10 steps of rest, 5 steps of growth: 5, 20, 35
    assert resets[-1] == 3
    first = int(np.flatnonzero(last > 0)[0])
    assert np.all(v[first : first + 10] == 0)  # the reset acts, the operation at the end of these steps does not
    assert np.all(active[first : first + 10] == 0)
    assert v[first + 10] == pytest.approx(0.101)
    assert spike > first


# 6: timed arrays


def test_stages_of_a_runge_kutta_step_evaluate_at_their_time() -> None:
    """ "Stages of a Runge-Kutta step evaluate at the stage's time": the midpoint of step s lies in bin
    int((s + 1/2)/5), and so does its start; the array is clamped to its last value."""
    value = [min((s + 0.5) // 5, 4) for s in range(49)]
    np.testing.assert_allclose(trace("stage", "v"), np.concatenate([[0], np.cumsum(value)]) * 0.1, rtol=1e-12)


# 9 to 12


def test_integer_arithmetic_has_the_signs_of_python() -> None:
    """ "`%` and `//` have Python's sign for negatives. `True False true false` are booleans, `int(condition)` works.
    `exprel` and friends are exact at and near 0." """
    assert [trace("signs", name)[0] for name in "abcd"] == [-7 % 3, -7 // 3, 7 % -3, -0.5 % 1]
    assert trace("signs", "e1")[0] == 1 + 4
    assert trace("signs", "f")[0] == 1
    assert trace("signs", "g")[0] == 1 + 0.5e-9


def test_names_of_the_file_shadow_units_except_after_a_number() -> None:
    """ "Names in a file shadow units inside expressions (`m`, ...), except right after a number in a quantity." """
    assert trace("shadow", "length")[0] == 10
    assert trace("shadow", "square")[0] == 9


def test_initial_values_are_applied_as_written() -> None:
    """ "`initial` is applied as written; later lines see earlier ones." """
    assert step().state("ordered", "b")[0].tolist() == [2, 4, 6]


def test_values_over_synapses_follow_creation_order() -> None:
    """ "Values in lists over synapses, and synapse indices, follow creation order: rules as written, `all` and `where`
    with i outermost." "`{i: 0, j: [1, 2]}` broadcasts" """
    pairs = [(2, 1), (2, 0), (0, 0), (0, 1), (1, 0)]
    found = [tuple(int(step().state("listed", n)[0, k]) for n in ("pre", "post")) for k in range(5)]
    assert found == pairs
    assert step().state("listed", "w")[0].tolist() == [10, 20, 30, 40, 50]


def test_a_window_is_half_open() -> None:
    """ "`window: [a, b]` means a <= t < b." 0.5, 0.6, 0.7 and 0.8 ms."""
    assert step().state("window", "x").shape == (4, 1)


def test_a_constant_named_like_a_variable_of_the_source_is_an_error() -> None:
    """ "a constant named like `v_pre` while the source has `v` is an error." """
    text = 'name: x\nconstants: {v_pre: 1}\ngroups: {a: {size: 1, equations: "v : 1"}}\n'
    text += "synapses: {s: {source: a, target: a, connect: all}}\nrun: {duration: 1 ms, dt: 0.1 ms}\n"
    with pytest.raises(ExperimentError, match="NET170"):
        resolved(text)


def test_an_unsuffixed_name_is_the_synapses_then_the_targets() -> None:
    """ "In synapses an unsuffixed name means the synapse's, then the target's"."""
    network = network_of(
        'name: x\ngroups: {a: {size: 1, equations: "v : 1\\nw : 1", threshold: v > 0}}\n'
        "synapses: {s: {source: a, target: a, equations: 'w : 1', connect: all, on_pre: w = v}}\n"
        "run: {duration: 1 ms, dt: 0.1 ms}\n"
    )
    (assignment,) = network.synapses["s"].pathways[0].block.assignments
    assert (assignment.variable.owner, assignment.variable.reach) == ("synapses.s", "own")
    assert (assignment.value.payload.owner, assignment.value.payload.reach) == ("groups.a", "post")


# 6 again: the index of a timed array


@pytest.mark.parametrize(("array_dt", "dt"), [(1, 0.1), (3, 0.1), (2, 0.25)])
def test_the_index_of_a_timed_array_is_brians(array_dt: float, dt: float) -> None:
    """ "with K = 2^ceil(log2(8*dt_array/dt)) and e = dt_array/K, `int((t/e + 0.5)/K)`, so an argument in the last
    1/(2K) of a bin counts as the next one"; "Timed arrays clamp to their first and last values." """
    k = 2 ** math.ceil(math.log2(8 * array_dt / dt))
    e = array_dt / k
    times = [-1.0, 0.0, array_dt * (1 - 0.4 / k), array_dt * (1 - 0.6 / k), 1.5 * array_dt, 2.99 * array_dt, 99.0]
    wanted = [min(max(int((t / e + 0.5) / k), 0), 2) for t in times]
    assert wanted[2:4] == [1, 0]
    values = ", ".join(f"{t!r} ms" for t in times)
    memory = run_kernel(
        f"name: x\narrays: {{a: {{values: [0, 1, 2], dt: {array_dt} ms}}}}\n"
        f'groups: {{g: {{size: 7, equations: "at : second\\nx = a(at) : 1", initial: {{at: [{values}]}}}}}}\n'
        f"monitors: {{m: {{kind: state, source: g, variables: [x]}}}}\nrun: {{duration: {dt} ms, dt: {dt} ms}}\n"
    )
    assert memory.state("m", "x")[0].tolist() == wanted


def test_a_grid_that_does_not_align_is_an_error() -> None:
    """ "A grid that does not align with `dt` is an error here (Brian2 only warns)." """
    text = (
        "name: x\narrays: {a: {values: [0, 1, 2], dt: 0.25 ms}}\n"
        'groups: {g: {size: 1, equations: "x = a(t) : 1"}}\nrun: {duration: 1 ms, dt: 0.1 ms}\n'
    )
    with pytest.raises(ExperimentError, match="NET152"):
        resolved(text)


# 7 and 8: random numbers

RANDOM = """
name: chance
groups:
  train: {kind: poisson, size: 4000, rates: 500 Hz}
  fed: {size: 4000, equations: "x : 1\\ny : 1"}
  ou:
    size: 40000
    equations: |
      dv/dt = -v/ms + (2/ms)**0.5*xi_a : 1
      dw/dt = -w/ms + (2/ms)**0.5*xi_b : 1
    method: euler
    initial: {v: randn(), w: randn()}
  geometric:
    size: 20000
    equations: "dv/dt = v*xi*(1/ms)**0.5 : 1"
    method: heun
    initial: {v: 1}
  milstein:
    size: 20000
    equations: "dv/dt = v*xi*(1/ms)**0.5 : 1"
    method: milstein
    initial: {v: 1}
  shared: {size: 3, equations: "ds/dt = xi/ms**0.5 : 1 (shared)\\ndv/dt = xi/ms**0.5 : 1\\nsame = s : 1", method: euler}
inputs:
  a: {kind: poisson, target: fed, variable: x, size: 20, rate: 1000 Hz, weight: 0.5}
  b: {kind: poisson, target: fed, variable: y, size: 20, rate: 1000 Hz, weight: 1}
monitors:
  train: {kind: spikes, source: train}
  fed: {kind: state, source: fed, variables: [x, y], when: end, window: [0 ms, 0.1 ms]}
  ou: {kind: state, source: ou, variables: [v, w], dt: 2.9 ms, window: [2.9 ms, 3 ms]}
  strato: {kind: state, source: geometric, variables: [v], dt: 1 ms, window: [1 ms, 1.1 ms]}
  milstein: {kind: state, source: milstein, variables: [v], dt: 1 ms, window: [1 ms, 1.1 ms]}
  shared: {kind: state, source: shared, variables: [same, v]}
run: {duration: 3 ms, dt: 0.1 ms}
"""


@functools.cache
def chance() -> Memory:
    return run_kernel(RANDOM)


def test_a_poisson_neuron_spikes_at_most_once_a_step_with_p_rate_dt() -> None:
    """ "A Poisson group spikes at most once per step per neuron with p = rate*dt." Binomial test at 1e-6."""
    steps, ids = chance().spike_steps("train")
    assert len(set(zip(steps.tolist(), ids.tolist(), strict=True))) == len(steps)
    assert stats.binomtest(len(steps), 4000 * 30, 0.05).pvalue > SIGNIFICANCE


INTERVALS = """
name: intervals
groups:
  steady: {{kind: poisson, size: 4000, rates: 500 Hz}}
  uneven: {{kind: poisson, size: 2000, rates: "i*Hz*5"}}
  silent: {{kind: poisson, size: 100, rates: 0 Hz}}
  certain: {{kind: poisson, size: 3, rates: 10000 Hz}}
monitors:
  steady: {{kind: spikes, source: steady}}
  uneven: {{kind: spikes, source: uneven}}
  silent: {{kind: spikes, source: silent}}
  certain: {{kind: spikes, source: certain}}
run: {{{run}, dt: 0.1 ms}}
"""


def test_spikes_of_poisson_neurons_are_independent_from_step_to_step() -> None:
    """Silent steps before the first spike, and between two, are geometric: P(n) = p*(1 - p)**n. Chi-squared tests at 1e-6
    over those that the run has room for."""
    memory = run_kernel(INTERVALS.format(run="duration: 100 ms"))
    steps, ids = memory.spike_steps("steady")
    order = np.lexsort((steps, ids))
    steps, ids = steps[order], ids[order]
    begins = np.append(True, ids[1:] != ids[:-1])
    waits = np.where(begins, steps, np.append(0, np.diff(steps) - 1))
    room = 100
    for chosen in (begins, ~begins & (np.append(0, steps[:-1]) < 500)):
        observed = np.bincount(np.minimum(waits[chosen], room), minlength=room + 1)
        chance_of = 0.05 * 0.95 ** np.arange(room)
        expected = chosen.sum() * np.append(chance_of, 1 - chance_of.sum())
        assert stats.chisquare(observed, expected).pvalue > SIGNIFICANCE
    counts = np.bincount(memory.spike_steps("uneven")[1], minlength=2000)
    p = np.arange(2000) * 5e-4
    some = (p > 0) & (p < 1)
    scores = (counts[some] - 1000 * p[some]) ** 2 / (1000 * p[some] * (1 - p[some]))
    assert stats.chi2.sf(scores.sum(), some.sum()) > SIGNIFICANCE
    assert counts[0] == 0
    assert len(memory.spike_steps("silent")[0]) == 0
    assert len(memory.spike_steps("certain")[0]) == 3000


def test_phases_redraw_the_spikes_of_poisson_neurons_only_where_rates_change() -> None:
    whole = run_kernel(INTERVALS.format(run="duration: 20 ms"))
    halves = run_kernel(INTERVALS.format(run="phases: [{name: a, duration: 10 ms}, {name: b, duration: 10 ms}]"))
    for name in ("steady", "uneven", "certain"):
        for one, other in zip(whole.spike_steps(name), halves.spike_steps(name), strict=True):
            assert np.array_equal(one, other)


def test_poisson_neurons_follow_rates_that_a_phase_changes() -> None:
    """From its first step on: binomial tests at 1e-6 in the first 10 steps of each phase, and over all of it."""
    memory = run_kernel("""
name: changing
constants: {rate: 100 Hz}
groups:
  train: {kind: poisson, size: 4000, rates: rate}
  listed: {kind: poisson, size: 2, rates: [0 Hz, 0 Hz]}
monitors:
  train: {kind: spikes, source: train}
  listed: {kind: spikes, source: listed}
run:
  phases:
    - {name: low, duration: 50 ms}
    - {name: high, duration: 50 ms, set: {rate: 1000 Hz, listed.rates: "i*10000*Hz"}}
    - {name: none, duration: 50 ms, set: {rate: 0 Hz}}
    - {name: again, duration: 50 ms, set: {rate: 500 Hz}}
  dt: 0.1 ms
""")
    steps, _ = memory.spike_steps("train")
    for number, p in enumerate((0.01, 0.1, 0.0, 0.05)):
        for length in (10, 500):
            found = int(np.sum((steps >= 500 * number) & (steps < 500 * number + length)))
            assert stats.binomtest(found, 4000 * length, p).pvalue > SIGNIFICANCE, (number, length)
    listed, ids = memory.spike_steps("listed")
    assert set(ids.tolist()) == {1}
    assert listed.tolist() == list(range(500, 2000))


def test_poisson_inputs_add_weighted_binomial_numbers() -> None:
    """ "Poisson inputs add weight * Binomial(size, rate*dt)." Chi-squared test at 1e-6; the inputs are independent."""
    x, y = chance().state("fed", "x")[0] / 0.5, chance().state("fed", "y")[0]
    for drawn in (x, y):
        assert np.all(drawn == np.floor(drawn))
        observed = np.bincount(np.minimum(drawn.astype(int), 6), minlength=7)
        p = stats.binom.pmf(np.arange(6), 20, 0.1)
        expected = 4000 * np.append(p, 1 - p.sum())
        assert stats.chisquare(observed, expected).pvalue > SIGNIFICANCE
    assert abs(np.corrcoef(x, y)[0, 1]) * math.sqrt(4000) < Z


def test_white_noise_has_unit_variance_and_is_independent_for_each_neuron_and_name() -> None:
    """ "`xi` is white noise with unit second**-0.5, one independent process per neuron and per name". With h = dt/tau,
    the variance of Euler-Maruyama goes var -> (1 - h)**2 * var + 2h. Chi-squared test at 1e-6."""
    variance = 1.0
    for _ in range(29):
        variance = 0.9**2 * variance + 0.2
    v, w = chance().state("ou", "v")[0], chance().state("ou", "w")[0]
    for x in (v, w):
        statistic = np.sum(x**2) / variance
        assert stats.chi2.sf(statistic, 40000) > SIGNIFICANCE / 2
        assert stats.chi2.cdf(statistic, 40000) > SIGNIFICANCE / 2
    assert abs(np.corrcoef(v, w)[0, 1]) * math.sqrt(40000) < Z
    assert abs(np.corrcoef(v[:-1], v[1:])[0, 1]) * math.sqrt(39999) < Z


@pytest.mark.parametrize("name", ["strato", "milstein"])
def test_heun_and_milstein_are_stratonovich(name: str) -> None:
    """ "`heun` and `milstein` are Stratonovich": dv = v*xi has log v ~ N(0, t), while Ito has mean -t/2 = -0.5. One
    Heun or Milstein step multiplies v by 1 + d + d**2/2, d ~ N(0, h), h = 0.1: the mean of its logarithm is
    worked out by quadrature."""
    d, weights = np.polynomial.hermite_e.hermegauss(60)
    d, weights = d * math.sqrt(0.1), weights / weights.sum()
    growth = np.log(1 + d + d**2 / 2)
    mean, spread = weights @ growth, math.sqrt(weights @ growth**2 - (weights @ growth) ** 2)
    assert abs(10 * mean) < 0.05
    logs = np.log(chance().state(name, "v")[0])
    assert abs(logs.mean() - 10 * mean) < Z * spread * math.sqrt(10 / 20000)


def test_shared_equations_have_one_value_and_one_process() -> None:
    """ "Differential equations and noise flagged `shared` are allowed here ...: one value, one process for the group." """
    same, own = chance().state("shared", "same"), chance().state("shared", "v")
    assert np.all(same == same[:, :1])
    assert same[-1, 0] != 0
    assert len(set(own[-1].tolist())) == 3


# 12: rules


def test_fixed_rules_take_multapses_and_autapses() -> None:
    """ "`fixed_*` rules take `multapses` (default false) and `autapses` (default true)." 7 of 6 partners do not exist."""
    text = (
        'name: x\ngroups: {{a: {{size: 6, equations: "v : 1"}}}}\n'
        "synapses: {{s: {{source: a, target: a, connect: {{fixed_indegree: {n}}}}}}}\nrun: {{duration: 1 ms, dt: 0.1 ms}}\n"
    )
    resolved(text.format(n=6))
    resolved(text.format(n="7, multapses: true"))
    for wrong in ("7", "6, autapses: false"):
        with pytest.raises(ExperimentError, match="NET186"):
            resolved(text.format(n=wrong))


# what every expression knows


NAMES = """
name: names
groups:
  g:
    size: 3
    equations: "dv/dt = 0.5*i/ms : 1\\nfirst : 1"
    method: euler
    threshold: v > 0.95*N
    reset: v = 0
synapses:
  s:
    source: g
    target: g
    equations: "w : 1\\nsince : second"
    connect: {where: i != j}
    on_pre: w = 1000*i + 100*j + 10*N_incoming + N_outgoing + 0.1*(N_pre + N_post) + 0.01*(t_in_timesteps - t/dt); since = t - lastspike_post
monitors: {w: {kind: state, source: s, variables: [w, since], when: end}}
run: {duration: 4 ms, dt: 0.1 ms}
"""


def test_names_that_every_expression_knows() -> None:
    """ "`t dt t_in_timesteps i j N N_pre N_post N_incoming N_outgoing lastspike`"; neuron 2 crosses 2.85 in step 28."""
    w = run_kernel(NAMES).state("w", "w")
    since = run_kernel(NAMES).state("w", "since")
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    assert np.flatnonzero(w[:, 4])[0] == 28
    for k, (i, j) in enumerate(pairs):
        wanted = 1000 * i + 100 * j + 10 * 2 + 2 + 0.1 * 6 if i == 2 else 0
        assert w[-1, k] == pytest.approx(wanted, abs=1e-9)
        assert since[-1, k] == pytest.approx(28 * DT + 10000 if i == 2 else 0)
