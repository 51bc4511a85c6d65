"""Functions, random numbers and reductions: the kernel and the oracle give the same bits, in either precision."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import differences
from running import network_of, run_network

FUNCTIONS = """
name: functions
constants: {mid: "max(-60 mV, -70 mV, -65 mV)"}
groups:
  cell:
    size: 9
    equations: |
      dv/dt = (min(drive, 40*mV) - hypot(v, 5*mV) + max(w, 0*mV) - max(v, w, mid)*int(i < 2))/(10*ms) : volt
      dw/dt = (5*mV*erf(v/(10*mV)) + erfc(x)*mV - w)/(5*ms) : volt
      angle = arctan2(v - 10*mV, w - mid) : 1
      whole = round(x) + 2*rint(2*x) : integer
      drive = 10*mV*i : volt
      x : 1
      count : integer
    method: euler
    threshold: v > max(15*mV, w)
    reset: |
      v = min(0*mV, v)
      x += min(1.25, angle)
      count = max(count, 2*i, whole % 4)
    initial: {x: 0.5*i - 1}
monitors:
  out: {kind: spikes, source: cell, variables: [angle, whole]}
  state: {kind: state, source: cell, variables: [v, w, angle, whole, x, count], dt: 0.5 ms}
run: {duration: 20 ms, dt: 0.1 ms}
"""

DRAWS = """
name: draws
seed: 5
groups:
  pop:
    size: 11
    equations: |
      dv/dt = (uniform(0*mV, E) + gamma(k, 2*mV) + choice(1, 2, 4)*mV - v)/tau : volt
      dw/dt = (truncnorm(0, 1, low, 1.5) - w + binomial(n, 0.3) + exponential(0.1))/tau : 1
      tau : second
      E : volt
      k : 1
      low : 1
      n : integer
      order : integer
      hits : integer
    method: euler
    threshold: v + lognormal(0, 0.2)*mV > 12*mV
    reset: |
      v = truncnorm(-3*mV, 1*mV, -5*mV, 0*mV)
      n = binomial(20, 0.4)
      hits += choice(1, 3)
    initial:
      tau: truncnorm(5 ms, 2 ms, 3 ms, inf*ms)
      E: "uniform(15 mV, 25 mV)"
      k: gamma(3, 0.5)
      low: -exponential(1)
      n: 3 + permutation(N)
      order: permutation(2*N, N + i)
    subgroups: {low: "0:4"}
  other:
    size: 11
    equations: "x : 1"
synapses:
  few:
    source: pop
    target: other
    equations: "w : 1"
    connect: {fixed_indegree: "1 + binomial(4, 0.5)"}
    initial: {w: "lognormal(0, 0.5)"}
    on_pre: x_post += w*gamma(0.5, 1)
    delay: truncnorm(1 ms, 1 ms, 0.2 ms, 2 ms)
  out:
    source: pop
    target: other
    connect:
      - {fixed_outdegree: "choice(1, 3, 5)", multapses: true}
      - {j: "permutation(N_post)"}
      - {i: "permutation(N_pre, j)"}
      - {where: "j == permutation(11)"}
    on_pre: x_post += 0.1
operations:
  kick: {target: pop.low, every: 2 ms, do: "v += truncnorm(1*mV, 1*mV, 0*mV, 2*mV)"}
monitors:
  out: {kind: spikes, source: pop, variables: [v, n]}
  pop: {kind: state, source: pop, variables: [v, w, hits, order], dt: 0.5 ms}
  x: {kind: state, source: other, variables: [x], dt: 0.5 ms}
run:
  dt: 0.1 ms
  phases:
    - {name: first, duration: 8 ms}
    - {name: second, duration: 8 ms, set: {pop.E: "truncnorm(20 mV, 5 mV, 10 mV, 40 mV)", pop.order: permutation(N)}}
"""

REDUCTIONS = """
name: reductions
seed: 6
groups:
  pop:
    size: 70
    equations: |
      dv/dt = (drive - v + share*mV - 0.05*mean(v) + 0.2*(largest - v))/tau : volt (unless refractory)
      dslow/dt = (mean(v) - slow)/(20*ms) : volt (shared)
      share = exp(v/(5*mV))/sum(exp((v - 0*mV)/(5*mV))) : 1
      largest = max(v, 0*mV) - 0.5*max(v) : volt
      centre = sum(i*v)/sum(v + 30*mV) : 1
      held = min(v) + 0.1*heldshared : volt (constant over dt)
      heldshared = max(drive) - mean(v) : volt (constant over dt, shared)
      winner = argmax(v) : integer
      soft = exp((v - max(v))/mV)/sum(exp((v - max(v))/mV)) : 1
      tau : second (constant)
      drive : volt (constant)
      rank : integer
      hits : integer
      total : volt (shared)
    method: euler
    threshold: v > 8*mV and v > max(v) - 3*mV
    refractory: 1 ms
    events: {low: {condition: v <= min(v), do: "smallest = argmin(v); hits += 1 + smallest % 2"}}
    reset: |
      above = sum(int(v > 5*mV)) + argmax(v + held)
      lowest = min(v)
      rank = above
      v = 0.1*lowest
    initial:
      tau: uniform(5 ms, 15 ms)
      drive: uniform(8 mV, 20 mV)
      v: uniform(-5 mV, 5 mV)
    subgroups: {odd: "1:70:2", some: [6, 3, 40, 41]}
  follower:
    size: 70
    dt: 0.2 ms
    equations: |
      dz/dt = (mean(level) + 0.1*max(z) - z)/(3*ms) : volt
      both = sum(level - z) : volt (shared, constant over dt)
      level : volt (linked)
    linked: {level: pop.v}
    method: euler
    threshold: z > mean(z) and z > min(level)
    reset: z = z - 0.5*max(level - z)
    initial: {z: "uniform(0 mV, 1 mV)"}
  other:
    size: 5
    equations: "x : volt"
synapses:
  syn:
    source: pop
    target: other
    equations: "w : 1\\ncount : integer"
    connect: {p: 0.4}
    initial: {w: rand()}
    on_pre: x_post += w*mV
    delay: uniform(0.1 ms, 1 ms)
operations:
  normal: {target: syn, every: 1 ms, do: "w = w/sum_post(w)*3", when: end}
  outgoing:
    target: syn
    every: 1.5 ms
    do: |
      count += int(sum_pre(w) > 1) + int(10*mean(w)) + sum_post(1)
      w = clip(w - 0.001*sum(w)*max(w), 0, 1)
  all: {target: pop, every: 2 ms, do: "v = v - mean(v) + 5*mV; total = sum(v) + max(v); v += 0.01*total"}
  odd: {target: pop.odd, every: 1.3 ms, do: "v += 0.1*(mean(v) - v); hits += int(argmax(v) == i)"}
  some: {target: pop.some, at: [3 ms, 9 ms], do: "rank = argmax(v); v = v/max(v)*mV", when: end}
monitors:
  out: {kind: spikes, source: pop, variables: [v, share, winner, centre]}
  pop: {kind: state, source: pop, variables: [v, share, soft, held, largest, winner], indices: [3, 0, 69], dt: 0.7 ms}
  counts: {kind: state, source: pop, variables: [rank, hits], dt: 0.7 ms}
  shared: {kind: state, source: pop, variables: [slow, total, heldshared, centre], dt: 0.5 ms, when: end}
  x: {kind: state, source: other, variables: [x], dt: 0.5 ms}
  follower: {kind: state, source: follower, variables: [z, both], dt: 1 ms}
  w: {kind: state, source: syn, variables: [w, count], dt: 2 ms}
run: {duration: 16 ms, dt: 0.1 ms}
"""

ADAPTIVE = """
name: adaptive
seed: 9
groups:
  adex:
    size: 2
    equations: |
      dv/dt = (-gL*(v-EL) + gL*D*exp((v-VT)/D) - w + I)/C : volt
      dw/dt = (a*(v-EL) - w)/(30*ms) : amp
      I : amp
    method: rkf45
    tolerance: 1e-3
    threshold: v > -35*mV
    reset: v = -58*mV; w += 20*pA
    initial: {v: VT, I: 1200*pA + i*100*pA}
  forced:
    size: 7
    equations: |
      dx/dt = (cos(t/(0.3*ms)) - x + 0.2*mean(x) - gate*x**3)/tau : 1 (unless refractory)
      dgate/dt = (x**2 - gate)/ms : 1
      dall/dt = (sum(x) - all)/(2*ms) : 1 (shared)
      tau : second (constant)
    method: rkf45
    tolerance: 1e-4
    threshold: x > 0.5
    reset: x = -x
    refractory: 0.5 ms
    initial: {tau: "uniform(0.05 ms, 2 ms)", x: rand()}
synapses:
  syn:
    source: adex
    target: forced
    equations: "du/dt = -u**2/ms : 1 (clock-driven)"
    connect: all
    initial: {u: 1 + i + j}
    method: rkf45
    on_pre: u += 1
constants: {C: 200 pF, gL: 10 nS, EL: -70 mV, VT: -50 mV, D: 2 mV, a: 2 nS}
monitors:
  out: {kind: spikes, source: adex}
  spikes: {kind: spikes, source: forced}
  v: {kind: state, source: adex, variables: [v, w]}
  x: {kind: state, source: forced, variables: [x, gate, all]}
  u: {kind: state, source: syn, variables: [u], dt: 0.5 ms}
run: {duration: 1.5 ms, dt: 0.1 ms}
"""

NETWORKS = {"functions": FUNCTIONS, "draws": DRAWS, "reductions": REDUCTIONS, "adaptive": ADAPTIVE}


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("name", NETWORKS)
def test_kernel_and_oracle_give_the_same_bits(name: str, precision: str) -> None:
    found, compared = differences(network_of(NETWORKS[name], f"run.precision={precision}"))
    assert found == []
    assert compared > 300


def test_reductions_do_not_depend_on_the_number_of_threads() -> None:
    memories = [run_network(network_of(REDUCTIONS, f"run.threads={threads}"))[0] for threads in (1, 3)]
    for monitor, variable in (("pop", "v"), ("shared", "slow"), ("w", "w"), ("w", "count"), ("counts", "rank")):
        one, three = (memory.state(monitor, variable) for memory in memories)
        assert np.array_equal(one, three)
