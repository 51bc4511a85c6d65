"""Values from outside the network: arrays over time, and numbers of events."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, Doubles, Numbers, select


@kernel(exact=True, inline=True)
def timed_row(time: float, fine: float, k: float, rows: int) -> int:
    """Row of a timed array at a time, clamped to the rows that exist.

    Args:
        time: The time in s.
        fine: Step of the grid that times are rounded to, in s.
        k: Steps of that grid between rows.
        rows: Number of rows.
    """
    row = (time / fine + 0.5) / k
    row = select(row > rows - 1.0, rows - 1.0, row)
    return int(select(row > 0.0, row, 0.0))


@kernel(exact=True)
def row_at(time: float, points: Array, rows: int) -> int:
    """Row of a timed array whose rows differ in length: the last one that begins at a time or before; or the first.

    Args:
        time: The time in s.
        points: When each row begins, ascending, in s.
        rows: Number of rows.
    """
    low = 0
    high = rows
    while high - low > 1:
        middle = (low + high) >> 1
        if points[middle] <= time:
            low = middle
        else:
            high = middle
    return low


@kernel(exact=True, inline=True)
def part_of_row(time: float, points: Array, row: int, rows: int) -> Doubles:
    """How far a time is from the beginning of a row to that of the next, from 0 to 1; in the last row 0.

    Args:
        time: The time in s.
        points: When each row begins, ascending, in s.
        row: The row.
        rows: Number of rows.
    """
    following = min(row + 1, rows - 1)
    width = select(following > row, points[following] - points[row], 1.0)
    part = (time - points[row]) / width
    return select((following > row) & (part > 0.0), part, 0.0)


@kernel(inline=True)
def clamped_column(column: int, columns: int) -> int:
    """A column of a timed array, clamped to the columns that exist."""
    return max(0, min(column, columns - 1))


@kernel(reorder=True)
def count_events(low: int, high: int, size: int, one: Numbers, draws: Array, table: Array, counts: Array) -> None:
    """Count the thresholds of `table` that are not above each draw: binomial numbers by inversion.

    Blocks of 128 draws stay in the first-level cache, and one pass compares four thresholds. Passes end at the first
    whose largest threshold is above all draws of the block.

    Args:
        low: First element.
        high: The one after the last.
        size: Number of thresholds, a multiple of four.
        one: 1 in the precision of the numbers.
        draws: Uniform numbers, shape (n,).
        table: Thresholds, ascending, padded with infinity; shape (size,).
        counts: The result, shape (n,).
    """
    zero = one - one
    for first in range(low, high, 128):
        last = min(first + 128, high)
        for k in range(first, last):
            counts[k] = zero
        above = 1
        j = 0
        while j < size and above != 0:
            t0 = table[j]
            t1 = table[j + 1]
            t2 = table[j + 2]
            t3 = table[j + 3]
            above = 0
            for k in range(first, last):
                u = draws[k]
                few = select(t0 <= u, one, zero) + select(t1 <= u, one, zero)
                more = select(t2 <= u, one, zero) + select(t3 <= u, one, zero)
                counts[k] += few + more
                above |= select(t3 <= u, 1, 0)
            j += 4
