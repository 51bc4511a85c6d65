"""Samples in single precision: rounded values of those in double precision, whatever computes them."""

from __future__ import annotations

import numpy as np
from agreement import assert_agreement, differences
from running import network_of, run_kernel, run_plain

FILE = """
version: 1
groups:
  g: {size: 70, equations: "dv/dt = (1.1 - v)/(7*ms) : 1 (unless refractory)", method: exact, threshold: v > 1,
      reset: v = 0, refractory: 1 ms, initial: {v: rand()}}
synapses:
  s: {source: g, target: g, connect: {p: 0.1}, equations: "dx/dt = -x/(3*ms) : 1 (clock-driven)", on_pre: x += 1/3}
monitors:
  double: {kind: state, source: g, variables: [v, not_refractory], indices: [5, 3, 60]}
  single: {kind: state, source: g, variables: [v, not_refractory], indices: [5, 3, 60], dtype: float32}
  synapses: {kind: state, source: s, variables: [x], dtype: float32, dt: 0.3 ms, window: [1 ms, 4 ms]}
run: {duration: 5 ms, dt: 0.1 ms}
"""


def test_kernel_plain_python_and_oracle_record_the_same_bits() -> None:
    assert_agreement(FILE)
    assert differences(network_of(FILE, "run.threads=2"), most=7)[0] == []
    compiled, plain = run_kernel(FILE), run_plain(FILE)
    for name, variable in (("single", "v"), ("single", "not_refractory"), ("synapses", "x")):
        a, b = compiled.state(name, variable), plain.state(name, variable)
        assert a.dtype == b.dtype == np.float32
        np.testing.assert_array_equal(a, b)


def test_single_samples_are_the_double_ones_rounded_to_nearest() -> None:
    memory = run_kernel(FILE)
    double = memory.state("double", "v")
    assert double.dtype == np.float64
    np.testing.assert_array_equal(memory.state("single", "v"), double.astype(np.float32))
    assert np.any(memory.state("single", "v") != double)
    assert set(memory.state("single", "not_refractory").flat) == {0.0, 1.0}


def test_a_value_that_single_precision_cannot_hold_is_infinite() -> None:
    large = FILE.replace("initial: {v: rand()}", "initial: {v: '-1e39'}")
    for run in (run_kernel, run_plain):
        memory = run(large)
        assert np.all(memory.state("double", "v")[0] == -1e39)
        assert np.all(np.isneginf(memory.state("single", "v")[0]))
