"""Time that was not recorded: left out of averages, hatched in pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from snnrun.plot.quantities import Scale
from snnrun.plot.style import FAINT
from snnrun.results.layout import FloatArray

_LOOK: dict[str, Any] = {"facecolor": "none", "edgecolor": FAINT, "hatch": "////", "linewidth": 0, "alpha": 0.5}


def seconds_in(edges: FloatArray, observed: FloatArray) -> FloatArray:
    """How much of each bin was observed, shape (bins,). [s].

    Args:
        edges: Edges of the bins, ascending, shape (bins + 1,). [s]
        observed: From when to when, in order, shape (stretches, 2). [s]
    """
    total = np.zeros(len(edges) - 1)
    for start, stop in observed:
        total += np.diff(np.clip(edges, start, stop))
    return total


def together(observed: Iterable[FloatArray]) -> FloatArray:
    """The time in any of several lists of stretches, in order and not touching, shape (stretches, 2). [s]."""
    merged: list[list[float]] = []
    for start, stop in sorted((float(a), float(b)) for stretches in observed for a, b in stretches):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return np.array(merged, np.float64).reshape(-1, 2)


def gaps(observed: FloatArray, span: tuple[float, float]) -> FloatArray:
    """The gaps between stretches within a span, shape (gaps, 2). [s]."""
    edges = np.concatenate([[span[0]], np.clip(observed, *span).ravel(), [span[1]]]).reshape(-1, 2)
    shortest = 1e-9 * (span[1] - span[0])
    return np.asarray(edges[edges[:, 1] - edges[:, 0] > shortest], np.float64)


def stretch_of(times_s: FloatArray, observed: FloatArray, dt: float) -> np.ndarray:
    """Number of the stretch that each time lies in, shape (n,)."""
    return np.searchsorted(observed[:, 0], times_s + dt / 2, side="right") - 1


def hatch(
    axes: Axes, observed: FloatArray, span: tuple[float, float], time: Scale, rows: tuple[float, float] | None = None
) -> bool:
    """Hatch the part of a span that was not recorded, over the whole height or over some rows; whether there is any."""
    empty = gaps(observed, span)
    for start, stop in empty:
        left, width = start * time.factor, (stop - start) * time.factor
        low, height = (0.0, 1.0) if rows is None else (rows[0], rows[1] - rows[0])
        across = axes.get_xaxis_transform() if rows is None else axes.transData
        axes.add_artist(Rectangle((left, low), width, height, transform=across, zorder=0.6, **_LOOK))
    return bool(len(empty))
