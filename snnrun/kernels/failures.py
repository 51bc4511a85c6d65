"""Values that are not finite."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, Numbers, Truth


@kernel(exact=True, inline=True)
def not_finite(x: Numbers) -> Truth:
    """Whether x is infinite or NaN."""
    return x - x != 0.0


@kernel()
def store_first_failure(failure: Array, failed: Array, step: int, element: int, code: int, value: Numbers) -> None:
    """Store the first failure of a thread; later ones are ignored.

    Args:
        failure: Number of the next step (0: no failure yet), `element` and `code` of the failure; int64, shape (3,).
        failed: Its value, float64, shape (1,).
        step: Number of the step.
        element: Number of the neuron or synapse.
        code: Number of the variable, or -1 and below for a group or input.
        value: The value.
    """
    if failure[0] == 0:
        failure[0] = step + 1
        failure[1] = element
        failure[2] = code
        failed[0] = value
