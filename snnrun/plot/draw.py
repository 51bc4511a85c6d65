"""All pictures of a folder: those of its file, or one for each kind of recorded data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

from snnrun.plot.legends import legend_height
from snnrun.plot.options import PAGE, Options, Picture, picture_from, size_from
from snnrun.plot.page import AnyFigure, add_frame, add_note, fitting, new_figure, save, share_scales, without_foot
from snnrun.plot.rasters import chosen_points, has_rasters
from snnrun.plot.source import Source, stop_text
from snnrun.plot.style import style_context
from snnrun.plot.sweep import Form, grid_of, layout_of
from snnrun.plot.traces import rows_of
from snnrun.plot.weights import shown_beside
from snnrun.plot_kinds import PLOT_KINDS
from snnrun.results.layout import NAME_PATTERN, MonitorKind, storage_error

_NARROW_M = 0.1
_M_PER_INCH = 0.0254
_FRAME = 0.7  # title, legend and foot around small panels [inch]
_ROW = 0.8  # a row of traces [inch]


def draw(
    folder: Path,
    plots: Sequence[Mapping[str, Any]] | None,
    out: Path,
    formats: Sequence[str] = ("png",),
    *,
    size: str | None = None,
    style: str | None = None,
    damaged: bool = False,
    runs: Mapping[str, Path] | None = None,
) -> list[Path]:
    """Draw pictures of a run's or a sweep's folder.

    Args:
        folder: The folder with `results.h5` or `sweep.h5`.
        plots: The file's `plots:` as plain data, quantities in SI; None for pictures of everything recorded.
        out: Where the pictures go; made if missing.
        formats: Any of `png`, `svg`, `pdf`.
        size: `column`, `page` or `WIDTHxHEIGHT` in millimetres, instead of the pictures' own sizes.
        style: A style of matplotlib or a style file, instead of the pictures' own.
        damaged: Whether results that are not as they were published are drawn too.
        runs: Folders of runs that are compared in each picture, by what they are called; `folder` is the first one.

    Returns:
        The files written.

    Raises:
        ExperimentError: An option of a plot is wrong.
        StorageError: There are no such results, or the pictures cannot be written.
    """
    with ExitStack() as opened:
        source = opened.enter_context(closing(Source.open(folder, damaged=damaged)))
        if runs:
            each = {
                name: opened.enter_context(closing(Source.open(path, damaged=damaged))) for name, path in runs.items()
            }
            if any(one.results is None for one in each.values()):
                raise storage_error("ST208", "pictures compare runs, and one of these folders holds a sweep")
            source = replace(source, runs=tuple(each.items()))
        pictures = suggested(source) if plots is None else [picture_from(plot) for plot in plots]
        if size is not None:
            pictures = [replace(picture, size=size_from(size)) for picture in pictures]
        written: list[Path] = []
        for picture, name in zip(pictures, file_names(pictures), strict=True):
            with style_context((style,) if style else picture.style):
                figure = compose(source, picture)
                try:
                    out.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise storage_error("ST106", f"cannot write to `{out}`: {error.strerror}") from error
                written += save(figure, out / name, formats)
        return written


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a picture: a plot of a run, or of all runs that are compared, with its title."""

    options: Options
    source: Source
    title: str


def compose(source: Source, picture: Picture) -> Figure:
    """One figure with its parts beside each other, or below each other where the page is narrow."""
    parts = _parts(source, picture)
    size = picture.size or PAGE
    stacked = len(parts) > 1 and size.width < _NARROW_M
    columns = 1 if stacked else min(len(parts), 3)
    rows = -(-len(parts) // columns)
    share = _proportion(source, picture)
    figure = new_figure(size, share * (rows if stacked else rows * (0.9 if len(parts) > 1 else 1)))
    _frame(figure, source, picture)
    stopped = [note for run, one in source.each() if (note := _stopped(run, one)) is not None]
    if picture.footer != "none":
        for note in reversed(stopped):
            add_note(figure, note)
    figures: list[AnyFigure] = [figure]
    if len(parts) > 1:
        figures = figure.subfigures(rows, columns, squeeze=False).ravel().tolist()[: len(parts)]
    for place, part in zip(figures, parts, strict=True):
        if part.title and len(parts) > 1:
            place.suptitle(fitting(part.title, 1.1 * place.bbox.width / figure.dpi), fontsize=8)
        _panel(place, part.source, part.options)
    if source.runs:
        for panel in picture.panels:
            share_scales([f for f, part in zip(figures, parts, strict=True) if part.options is panel])
    if picture.footer == "none":
        without_foot(figure)
        for note in reversed(stopped):  # that these are not whole results stands in each picture
            add_note(figure, note)
    if size.height is None:
        taller = max(legend_height(f, part.options.legend) for f, part in zip(figures, parts, strict=True))
        figure.set_figheight(figure.get_figheight() + rows * taller)
    return figure


def _parts(source: Source, picture: Picture) -> list[_Part]:
    """The plots of a picture; those that cannot lie over each other once for each run."""
    parts = []
    for panel in picture.panels:
        if not source.runs or PLOT_KINDS[panel.kind].overlaid:
            parts.append(_Part(panel, source, panel.title or ""))
        else:
            parts += [_Part(panel, one, run) for run, one in source.runs]
    return parts


def _frame(figure: Figure, source: Source, picture: Picture) -> None:
    """The title of a picture, and the hash and seed of each run."""
    about = source.description
    title = picture.title if picture.title is not None else (about.title or about.name if about else "")
    descriptions = [one.description for _, one in source.each() if one.description is not None]
    add_frame(figure, title, descriptions if picture.footer == "all" else [])


def _stopped(run: str, source: Source) -> str | None:
    """The note that a run was stopped."""
    note = None if source.results is None else stop_text(source)
    return f"{run}: {note}" if run and note else note


def suggested(source: Source) -> list[Picture]:
    """The pictures of results whose file names none: one for each kind of recorded data."""
    if source.table is not None:
        scalar = [n for n, (v, _) in source.table.metrics.items() if np.ndim(v) == len(source.table.axes)]
        pictures = [_single(Options("sweep", y=name, name=_file_name(name))) for name in scalar]
        return [*pictures, _single(Options("rasters"))] if has_rasters(source) else pictures
    results = source.run()
    monitors = results.monitors()
    found: list[Options] = []
    spikes = tuple(m.name for m in monitors if m.kind is MonitorKind.SPIKES)
    if spikes:
        found.append(Options("raster", monitor=spikes))
    found += [Options("traces", monitor=(m.name,)) for m in monitors if m.kind is MonitorKind.STATE]
    rates = tuple(m.name for m in monitors if m.kind is MonitorKind.RATE)
    if rates:
        found.append(Options("rate", monitor=rates))
    found += [Options("connectivity", monitor=(m.name,)) for m in monitors if m.kind is MonitorKind.CONNECTIVITY]
    for name in results.series_names():
        keys = list(results.series(name))
        if len(keys) > 1:
            found.append(Options("curve", name=name))
    return [_single(options) for options in found]


def file_names(pictures: Sequence[Picture]) -> list[str]:
    """One name a picture, without ending: its own, or its kind, with the monitor where a kind comes twice."""
    kinds = [picture.panels[0].kind for picture in pictures]
    names: list[str] = []
    for picture, kind in zip(pictures, kinds, strict=True):
        options = picture.panels[0]
        name = picture.name or "-".join(dict.fromkeys(panel.kind for panel in picture.panels))
        if picture.name is None and kinds.count(kind) > 1:
            name += "".join(f"-{part}" for part in options.monitor[:1] or (options.y,) if part)
        name = _file_name(name)
        same = sum(other == name or re.fullmatch(re.escape(name) + r"-\d+", other) is not None for other in names)
        names.append(f"{name[:60]}-{same + 1}" if name in names else name)
    return names


def _panel(figure: AnyFigure, source: Source, options: Options) -> None:
    module = import_module(f"snnrun.plot.{options.kind}")  # a name of the table, whatever the file says
    looks: Any = {"axes.prop_cycle": cycler(color=list(options.cycle))} if options.cycle else {}
    if options.colourmap is not None:
        looks["image.cmap"] = options.colourmap
    with mpl.rc_context(looks) if looks else nullcontext():
        getattr(module, f"draw_{options.kind}")(figure, source, options)


def _proportion(source: Source, picture: Picture) -> float:
    """Height over width of a picture."""
    kinds = [PLOT_KINDS[panel.kind] for panel in picture.panels]
    width = (picture.size or PAGE).width
    if len(kinds) == 1 and source.table is not None and kinds[0].sweep:
        return _multiples(source, picture.panels[0], width)
    narrow = width < _NARROW_M
    proportion = max(
        kind.narrow * shown_beside(panel) if narrow else kind.proportion
        for kind, panel in zip(kinds, picture.panels, strict=True)
    )
    traces = [rows_of(source, panel) for panel in picture.panels if panel.kind == "traces"]
    return max(proportion, (max(traces, default=0) * _ROW + _FRAME) / (width / _M_PER_INCH))


def _multiples(source: Source, options: Options, width: float) -> float:
    """Height over width of a page of small panels."""
    assert source.table is not None
    if options.kind == "rasters":
        number, panel = len(chosen_points(source)), 0.8
    else:
        layout = layout_of(source.table, options)
        number, panel = len(layout.panels), 0.85
        if number == 1:
            shown = PLOT_KINDS["heatmap" if layout.form is Form.HEATMAP else "sweep"]
            return shown.proportion if width >= _NARROW_M else max(shown.proportion, shown.narrow)
    rows, columns = grid_of(number, width / _M_PER_INCH)
    return rows * panel / columns + _FRAME / (width / _M_PER_INCH)


def _single(options: Options) -> Picture:
    return Picture((replace(options, title=None),), name=options.name)


def _file_name(text: str) -> str:
    """A name for a file made from a user's: other characters become `_`."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", text).strip(".")[:60] or "plot"
    assert NAME_PATTERN.fullmatch(name)
    return name
