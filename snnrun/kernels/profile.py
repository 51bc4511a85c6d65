"""How long the parts of a step take, for kernels that measure it (`snnrun run --profile`)."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, ticks


@kernel()
def add_lap(laps: Array, k: int, before: int) -> int:
    """Add the time since the last lap to a part of the step.

    Args:
        laps: Time of each part so far, int64. [ticks]
        k: The part.
        before: When the last lap ended. [ticks]

    Returns:
        The time now. [ticks]
    """
    now = ticks()
    laps[k] += now - before
    return now
