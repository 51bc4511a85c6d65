"""Timed arrays by formula: each entry is the formula at its time and column, random numbers are drawn once."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_agreement
from running import network_of, run_network

TEXT = """
seed: 3
constants: {f: 50 Hz}
arrays:
  wave: {formula: 2*nA*sin(2*pi*f*t), dt: 0.5 ms, duration: 10 ms}
  ramp: {formula: t/ms + 10*i, dt: 1 ms, duration: 4 ms, columns: 3, between: linear}
  noise: {formula: randn() - 0.5*rand(), dt: 0.1 ms, duration: 1 s, columns: 2}
groups:
  g:
    size: 2
    equations: |
      w = wave(t) : amp
      r = ramp(t, i) : 1
      dv/dt = noise(t, i)/ms : 1
    method: euler
monitors: {m: {kind: state, source: g, variables: [w, r]}}
run: {duration: 9 ms, dt: 0.1 ms}
"""


def test_entries_are_the_formula_at_their_times_and_columns() -> None:
    network = network_of(TEXT)
    wave, ramp, noise = (network.arrays[name].values for name in ("wave", "ramp", "noise"))
    assert wave == pytest.approx(2e-9 * np.sin(2 * np.pi * 50 * 0.5e-3 * np.arange(20)), rel=1e-12, abs=1e-24)
    assert ramp == pytest.approx(np.arange(4)[:, None] + 10 * np.arange(3))
    assert noise.shape == (10000, 2)
    assert noise.mean() == pytest.approx(-0.25, abs=5 * np.sqrt((1 + 1 / 48) / 20000))
    assert noise.var() == pytest.approx(1 + 1 / 48, rel=5 * np.sqrt(2 / 20000))
    assert abs(np.corrcoef(noise.T)[0, 1]) < 5 / np.sqrt(10000)
    memory, _ = run_network(network)
    assert memory.state("m", "r")[:31, 1] == pytest.approx(10 + np.arange(31) / 10), "on lines between entries"


def test_random_entries_follow_the_seed_of_the_input() -> None:
    def noise(seed: int) -> np.ndarray:
        return network_of(TEXT.replace("seed: 3", f"seed: {seed}")).arrays["noise"].values

    assert np.array_equal(noise(3), noise(3))
    assert not np.array_equal(noise(3), noise(4))


def test_kernel_and_oracle_agree() -> None:
    assert_agreement(TEXT)
