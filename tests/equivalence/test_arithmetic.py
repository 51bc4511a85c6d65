"""Other arithmetic than strict double precision: close to it, recorded in the results, and faster where it counts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from running import network_of, run_kernel

from snnrun.codegen.kernel import generate
from snnrun.engine.recording import Memory

DEMO = Path(__file__).resolve().parents[2] / "experiments" / "tutorial" / "16-hodgkin-huxley.yaml"


def voltage(memory: Memory) -> np.ndarray:
    return memory.state("voltage", "v")


@pytest.mark.parametrize(("override", "error"), [("run.precision=single", 2e-3), ("run.math=fast", 1e-9)])
def test_other_arithmetic_follows_the_same_trajectory(override: str, error: float) -> None:
    """A spiking Hodgkin-Huxley neuron for 30 ms; errors of rounding grow while it spikes, by less than 10^4 here."""
    strict = run_kernel(DEMO, "run.duration=30 ms")
    other = run_kernel(DEMO, "run.duration=30 ms", override)
    a, b = voltage(strict), voltage(other)
    assert a.shape == b.shape
    assert np.ptp(a) > 0.05, "it spikes"
    assert not np.array_equal(a, b), "the arithmetic differs"
    assert np.max(np.abs(a - b)) < error * np.ptp(a)


def test_kernels_of_single_precision_hold_no_double_but_times_and_records() -> None:
    text = generate(network_of(DEMO, "run.precision=single")).text
    table = text[text.index("def advance") :]
    doubles = re.findall(r"(\w+) = f64\(", table)
    strict = generate(network_of(DEMO)).text
    assert 0 < len(doubles) < len(re.findall(r" = f64\(", strict))
    (update,) = set(re.findall(r"^ +update_\w+\([^)]*\)", table, re.MULTILINE))
    assert not set(re.findall(r"\w+", update)) & set(doubles)
