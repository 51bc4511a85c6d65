"""exp(A*dt) and its integral over a step, for a batch of small matrices."""

from __future__ import annotations

import numpy as np

from snnrun.model.network import FloatArray


def propagator(matrix: FloatArray, dt: float) -> tuple[FloatArray, FloatArray]:
    """P = exp(A*dt) and Q = integral of exp(A*s) ds from 0 to dt.

    Scaling and squaring of the Taylor series of the augmented matrix [[A, 1], [0, 0]]*dt, with element-wise sums in a
    fixed order, so the bits depend on no linear algebra library.

    Args:
        matrix: A, shape (..., n, n). [1/s, up to the units of the variables]
        dt: Step. [s]

    Returns:
        P and Q, each of shape (..., n, n).

    Reference: Higham 2008, Functions of Matrices, section 10.3; Van Loan 1978 for the augmented matrix.
    """
    n = matrix.shape[-1]
    big = np.zeros((*matrix.shape[:-2], 2 * n, 2 * n))
    big[..., :n, :n] = matrix * dt
    big[..., :n, n:] = np.eye(n) * dt
    largest = float(np.max(np.sum(np.abs(big), axis=-1))) if big.size else 0.0
    squarings = 0
    while largest > 0.25 and squarings < 1100:
        largest /= 2
        squarings += 1
    scaled = big * 2.0**-squarings
    # exp(X) - 1 is squared as (E + 2)E, which loses no digits of small entries
    term = scaled
    minus_one = scaled
    for order in range(2, 16):
        term = product(term, scaled) / order
        minus_one = minus_one + term
    for _ in range(squarings):
        minus_one = product(minus_one, minus_one) + 2 * minus_one
    whole = minus_one + np.eye(2 * n)
    return whole[..., :n, :n], whole[..., :n, n:]


def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Matrix product of batches, summed in index order."""
    total = a[..., :, 0, None] * b[..., 0, None, :]
    for k in range(1, a.shape[-1]):
        total = total + a[..., :, k, None] * b[..., k, None, :]
    return total
