"""A sweep at a glance: a curve over one parameter, a heatmap over two."""

from __future__ import annotations

from dataclasses import replace

from snnrun.plot.curve import REPEATS, draw_curve
from snnrun.plot.heatmap import draw_heatmap
from snnrun.plot.options import Options
from snnrun.plot.page import Place
from snnrun.plot.source import Source
from snnrun.results.layout import storage_error

_FEW_CURVES = 7


def draw_sweep(place: Place, source: Source, options: Options) -> None:
    """Draw it: `y` (or `z`) is the metric."""
    if source.table is None:
        raise storage_error("ST208", "a sweep picture needs a sweep, and this folder holds one run")
    grid = [a for a in source.table.axes if a.name not in REPEATS]
    numeric = all(a.unit is not None for a in grid[:2])
    if len(grid) == 2 and numeric and min(len(a.values) for a in grid) >= _FEW_CURVES:
        metric = options.z or (options.y if options.y in source.table.metrics else None)
        y = None if options.y in source.table.metrics else options.y
        draw_heatmap(place, source, replace(options, y=y, z=metric))
    else:
        draw_curve(place, source, replace(options, y=options.y or options.z))
