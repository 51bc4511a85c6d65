"""The matrix exponential of a step, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad_vec
from scipy.linalg import expm

from snnrun.model.propagator import propagator

MATRICES = st.integers(1, 4).flatmap(lambda n: arrays(float, (n, n), elements=st.floats(-1e4, 1e3)))


@given(MATRICES, st.sampled_from([1e-5, 1e-4, 1e-3]))
@settings(max_examples=100, deadline=None)
def test_p_is_the_exponential_and_q_its_integral(matrix: np.ndarray, dt: float) -> None:
    p, q = propagator(matrix, dt)
    n = len(matrix)
    big = np.zeros((2 * n, 2 * n))
    big[:n, :n], big[:n, n:] = matrix, np.eye(n)
    wanted = expm(big * dt)
    np.testing.assert_allclose(p, wanted[:n, :n], rtol=1e-9, atol=1e-12 * np.abs(wanted).max())
    np.testing.assert_allclose(q, wanted[:n, n:], rtol=1e-9, atol=1e-12 * np.abs(wanted).max())


def test_q_is_the_integral_by_quadrature() -> None:
    matrix = np.array([[-100.0, 50.0], [0.0, -100.0]])
    _, q = propagator(matrix, 0.01)
    np.testing.assert_allclose(
        q, quad_vec(lambda s: expm(matrix * s), 0, 0.01, epsabs=1e-14)[0], rtol=1e-11, atol=1e-15
    )


def test_equal_time_constants_are_no_special_case() -> None:
    """x' = (y - x)/tau, y' = -y/tau: the entry from y to x is (dt/tau)*exp(-dt/tau)."""
    p, _ = propagator(np.array([[-200.0, 200.0], [0.0, -200.0]]), 1e-3)
    np.testing.assert_allclose(p, np.exp(-0.2) * np.array([[1, 0.2], [0, 1]]), rtol=1e-14)


def test_a_batch_gives_each_matrix_its_own() -> None:
    batch = np.array([[[-10.0, 3.0], [1.0, -5.0]], [[0.0, 0.0], [0.0, 0.0]]])
    p, q = propagator(batch, 0.01)
    np.testing.assert_allclose(p[0], expm(batch[0] * 0.01), rtol=1e-13)
    np.testing.assert_array_equal(p[1], np.eye(2))
    np.testing.assert_allclose(q[1], 0.01 * np.eye(2), rtol=1e-15)


@pytest.mark.parametrize("scale", [1e8, 1e200])
def test_huge_rates_end_in_time(scale: float) -> None:
    p, _ = propagator(np.array([[-scale]]), 1e-3)
    assert p[0, 0] == pytest.approx(0, abs=1e-12)
