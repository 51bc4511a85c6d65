"""How a kernel computes: the precision of its numbers, and whether operations may be contracted and reordered."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """Precision of state variables and of what equations compute; times are float64 in either."""

    DOUBLE = "double"
    SINGLE = "single"


class Math(StrEnum):
    """Strict: IEEE operations as written, the same bits on every processor. Fast: fused, reordered and less exact."""

    STRICT = "strict"
    FAST = "fast"
