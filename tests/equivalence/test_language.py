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

NETWORKS = {"functions": FUNCTIONS}


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("name", NETWORKS)
def test_kernel_and_oracle_give_the_same_bits(name: str, precision: str) -> None:
    found, compared = differences(network_of(NETWORKS[name], f"run.precision={precision}"))
    assert found == []
    assert compared > 300
