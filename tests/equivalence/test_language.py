"""Functions, random numbers and reductions: the kernel and the oracle give the same bits, in either precision."""

from __future__ import annotations

import pytest
from agreement import differences
from running import network_of

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

NETWORKS = {"functions": FUNCTIONS, "draws": DRAWS}


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("name", NETWORKS)
def test_kernel_and_oracle_give_the_same_bits(name: str, precision: str) -> None:
    found, compared = differences(network_of(NETWORKS[name], f"run.precision={precision}"))
    assert found == []
    assert compared > 300
