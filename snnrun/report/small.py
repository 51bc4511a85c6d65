"""Small pictures of the points of a sweep, drawn from what they recorded: spikes, else a variable, else a rate.

Drawing with matplotlib, or making its pictures small, takes far longer than a page of a thousand points may take.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from snnrun.errors import SnnrunError
from snnrun.report.pictures import Picture
from snnrun.results.done import reading_results
from snnrun.results.layout import DONE_FILE, RESULTS_FILE, FloatArray, IntArray, Monitor, MonitorKind, state_variable
from snnrun.results.reader import Results
from snnrun.results.sweep_table import point_folder

WIDTH, HEIGHT = 240, 96  # [pixels]
_MOST_BYTES: Final = 16 << 20  # of the results of a point that are read
_MOST_VALUES: Final = 4_000_000  # of one dataset
_MOST_LINES: Final = 3  # elements of a variable
_GREYS: Final = 5  # steps from white to black
_INKS: Final = (0, 110, 170)  # of the lines, greys


@dataclass(frozen=True, slots=True, eq=False)
class _Spikes:
    """How many spikes fall on each pixel, shape (HEIGHT, WIDTH); the first neuron is below."""

    counts: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Smallest and largest value at each column of pixels, shape (lines, columns)."""

    low: FloatArray
    high: FloatArray


_Sketch = _Spikes | _Lines


def small_pictures(folder: Path, numbers: Sequence[int], *, damaged: bool = False) -> dict[int, Picture]:
    """Small pictures of points of a sweep that kept results; lines have one vertical scale.

    Args:
        folder: The sweep.
        numbers: The points.
        damaged: Whether damaged results are drawn too.

    Returns:
        The pictures by point; none for a point without results, with damaged ones, or with nothing to draw.
    """
    sketches = {k: sketch for k in numbers if (sketch := _sketch(folder, k, damaged=damaged)) is not None}
    extent = _extent(s for s in sketches.values() if isinstance(s, _Lines))
    return {k: Picture(f"point {k}", _drawn(sketch, extent)) for k, sketch in sketches.items()}


def _sketch(folder: Path, number: int, *, damaged: bool) -> _Sketch | None:
    place = point_folder(folder, number)
    if place is None or (place / RESULTS_FILE).stat().st_size > _MOST_BYTES:
        return None
    if not damaged and not (place / DONE_FILE).is_file():
        return None
    try:
        with reading_results(place), Results.open(place, damaged=damaged) as results:
            monitors = results.monitors()
            return next((read(results, m) for kind, read in _READERS.items() for m in monitors if m.kind is kind), None)
    except SnnrunError:
        return None


def _spikes(results: Results, monitor: Monitor) -> _Sketch | None:
    if results.dataset(f"spikes/{monitor.name}/timestamps").size > _MOST_VALUES:
        return None
    found = results.spikes(monitor.name)
    watched = results.watched(monitor.name)
    ids = found.ids if watched is None else np.searchsorted(np.sort(watched), found.ids)
    size = found.size if watched is None else len(watched)
    rows = min(size, HEIGHT)
    across = (found.times_s * (WIDTH / results.description.duration)).astype(np.int64)
    inside = (across >= 0) & (across < WIDTH) & (ids >= 0) & (ids < size)
    counts = np.bincount(ids[inside] * rows // size * WIDTH + across[inside], minlength=rows * WIDTH)
    return _Spikes(counts.reshape(rows, WIDTH)[np.arange(HEIGHT)[::-1] * rows // HEIGHT])


def _variable(results: Results, monitor: Monitor) -> _Sketch | None:
    variable = monitor.columns[0].name
    if results.dataset(state_variable(monitor.name, variable)).shape[0] > _MOST_VALUES:
        return None
    elements = range(min(len(results.elements(monitor.name)), _MOST_LINES))
    return _lines(np.asarray(results.states(monitor.name, variable, elements).data, dtype=np.float64))


def _rate(results: Results, monitor: Monitor) -> _Sketch | None:
    return _lines(results.rates(monitor.name).values[:, np.newaxis])


_READERS: Final[Mapping[MonitorKind, Callable[[Results, Monitor], _Sketch | None]]] = {
    MonitorKind.SPIKES: _spikes,
    MonitorKind.STATE: _variable,
    MonitorKind.RATE: _rate,
}


def _lines(data: FloatArray) -> _Lines | None:
    """Samples of shape (samples, lines) as their extent at each column."""
    if len(data) < 2:
        return None
    starts = np.unique(np.linspace(0, len(data), WIDTH, endpoint=False).astype(int))
    with np.errstate(invalid="ignore"):
        return _Lines(np.fmin.reduceat(data, starts).T, np.fmax.reduceat(data, starts).T)


def _extent(lines: Iterator[_Lines]) -> tuple[float, float]:
    """The smallest and the largest finite value of some lines."""
    ends = [array[np.isfinite(array)] for line in lines for array in (line.low, line.high)]
    found = np.concatenate(ends) if ends else np.zeros(0)
    low, high = (float(found.min()), float(found.max())) if found.size else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _drawn(sketch: _Sketch, extent: tuple[float, float]) -> bytes:
    """A sketch as PNG, dark on white."""
    if isinstance(sketch, _Spikes):
        some = sketch.counts[sketch.counts > 0]
        full = float(np.quantile(some, 0.75)) if some.size else 1.0
        greys = np.round(_GREYS * (1 - np.minimum(sketch.counts / full, 1))) * (255 // _GREYS)
        picture = Image.fromarray(greys.astype(np.uint8))
    else:
        picture = Image.new("L", (WIDTH, HEIGHT), 255)
        pen = ImageDraw.Draw(picture)
        for low, high, ink in reversed([*zip(sketch.low, sketch.high, _INKS, strict=False)]):
            pen.line(_path(low, high, extent), fill=ink)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _path(low: FloatArray, high: FloatArray, extent: tuple[float, float]) -> list[tuple[float, float]]:
    """The corners of a line through the extents of its columns; what is not finite is left out."""
    across = (WIDTH - 1) / max(len(low) - 1, 1)
    up = (HEIGHT - 3) / (extent[1] - extent[0])
    return [
        (column * across, HEIGHT - 2 - (value - extent[0]) * up)
        for column, pair in enumerate(zip(low.tolist(), high.tolist(), strict=True))
        for value in pair
        if math.isfinite(value)
    ]
