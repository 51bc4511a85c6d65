"""Sources of spikes of the library: rates, correlations and bursts are those that their formulas say."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_agreement
from running import network_of, run_network

N, STEPS, DT = 200, 20_000, 1e-3


def counts(model: str, constants: str) -> np.ndarray:
    """Whether each neuron spikes in each step, shape (steps, neurons)."""
    text = f"""
groups: {{g: {{use: {model}, size: {N}, constants: {{{constants}}}}}}}
monitors: {{s: {{kind: spikes, source: g}}}}
run: {{duration: 20 s, dt: 1 ms}}
"""
    memory, _ = run_network(network_of(text))
    found = np.zeros((STEPS, N))
    found[memory.spike_steps("s")] = 1
    return found


@pytest.mark.parametrize(("model", "common"), [("poisson_mip", 30 / 0.2), ("poisson_sip", 30 * 0.2)])
def test_correlated_trains_have_their_rate_and_correlation(model: str, common: float) -> None:
    spikes = counts(model, "rate: 30 Hz, c: 0.2")
    p = 30 * DT
    events = common * STEPS * DT
    assert spikes.mean() == pytest.approx(p, rel=5 / np.sqrt(events))
    # the variance of the number of spikes in a step: N p (1 - p) (1 + (N - 1) c)
    correlation = (spikes.sum(axis=1).var() / (N * p * (1 - p)) - 1) / (N - 1)
    shared = 0.2 * p if model == "poisson_mip" else 0.2 * p + (0.8 * p / (1 - 0.2 * p)) ** 2 * (1 - 0.2 * p)
    assert correlation == pytest.approx((shared - p**2) / (p * (1 - p)), rel=6 / np.sqrt(events))
    steps = np.flatnonzero(spikes[:, 0])
    assert np.diff(steps).std() / np.diff(steps).mean() == pytest.approx(1 - p, abs=0.15), "a Poisson train each"


def test_bursts_have_their_number_of_spikes_and_intervals_and_begin_at_random() -> None:
    spikes = counts("poisson_bursts", "burst_rate: 4 Hz, n: 3, interval: 5 ms")
    cycle = 1 / 4 + 2 * 5e-3
    bursts = N * STEPS * DT / cycle
    assert spikes.mean() / DT == pytest.approx(3 / cycle, rel=4 / np.sqrt(bursts))
    for k in range(N):
        gaps = np.diff(np.flatnonzero(spikes[:, k]))
        whole = gaps[: len(gaps) // 3 * 3].reshape(-1, 3)
        assert np.all(whole[:, :2] == 5)
    silence = np.concatenate([np.diff(np.flatnonzero(spikes[:, k]))[2::3] for k in range(N)])
    assert silence.mean() == pytest.approx(250, rel=4 / np.sqrt(len(silence)))
    assert silence.std() == pytest.approx(250, rel=8 / np.sqrt(len(silence)))


def test_kernel_and_oracle_agree_on_all_of_them() -> None:
    assert_agreement(
        """
groups:
  mip: {use: poisson_mip, size: 5, constants: {rate: 100 Hz}}
  sip: {use: poisson_sip, size: 5, constants: {rate: 100 Hz}}
  bursts: {use: poisson_bursts, size: 5, constants: {burst_rate: 100 Hz}}
monitors:
  mip: {kind: spikes, source: mip}
  sip: {kind: spikes, source: sip}
  bursts: {kind: spikes, source: bursts}
run: {duration: 50 ms, dt: 0.1 ms}
""",
        spikes=3,
    )
