"""Constants, functions and arrays that nothing uses: given, checked, and without effect."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import TypeAlias

from snnrun.errors import Diagnostic, Severity
from snnrun.model.network import ConnectivityMonitor, Network, SpikeMonitor
from snnrun.model.recorded import recorded_spans
from snnrun.resolve.context import Context, Path
from snnrun.resolve.point_table import point_columns
from snnrun.resolve.swept import listed_points
from snnrun.source import SourceFile, Span
from snnrun.spec.nodes import ScalarNode, walk

_WORD = re.compile(r"[A-Za-z]\w*", re.ASCII)
_SECTIONS = ("constants", "functions", "arrays")
_Ranges: TypeAlias = dict[SourceFile, list[tuple[int, int, Path]]]


def unused(context: Context) -> Iterator[Diagnostic]:
    """Warnings of definitions of the file that nothing uses; those of files that it extends may be for others.

    To be called when all that names definitions is checked: metrics and plots too.
    """
    document = context.document
    used = used_definitions(context)
    swept = set(_words(context, "plots")) | set(_swept(context))
    for path in _definitions(context):
        span, name = document.key_span(path), str(path[-1])
        if definition_of(path) in used or span.file is not document.root.span.file or name in swept:
            continue
        shown = name.partition("(")[0].strip()
        yield Diagnostic("NET112", f"`{shown}` is not used", span, "remove it, or use it", Severity.WARNING)


def used_definitions(context: Context) -> set[Path]:
    """The definitions that something reads, through other definitions too."""
    ranges = _ranges(context)
    uses = {path: [_definition_at(span, ranges) for span in spans] for path, spans in context.uses.places.items()}
    words = set(_words(context, "sweep"))
    pending = [path for path, places in uses.items() if None in places]
    pending += [path for path in map(_noted, _definitions(context)) if path[-1] in words]
    readers: dict[Path, list[Path]] = {}
    for path, places in uses.items():
        for place in places:
            if place is not None:
                readers.setdefault(place, []).append(path)
    found: set[Path] = set()
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += readers.get(path, [])
    return found


def definition_of(path: Path) -> Path | None:
    """The definition at or around a place of the file, as `Context.uses` calls it; None where there is none."""
    if path[0] in _SECTIONS and len(path) > 1:
        return _noted(path[:2])
    return path[:4] if path[0] in ("groups", "synapses") and path[2:3] == ("constants",) else None


def _noted(path: Path) -> Path:
    """A definition as `Context.uses` calls it: a function without its arguments."""
    return (path[0], str(path[1]).partition("(")[0].strip()) if path[0] == "functions" else path


def _definitions(context: Context) -> Iterator[Path]:
    """The places of all constants, functions and arrays."""
    document = context.document
    for section in _SECTIONS:
        yield from ((section, key) for key in document.keys((section,)))
    for section in ("groups", "synapses"):
        for name in document.keys((section,)):
            path: Path = (section, name, "constants")
            yield from ((*path, key) for key in document.keys(path))


def _ranges(context: Context) -> _Ranges:
    """Where definitions stand in each file, in order."""
    found: _Ranges = {}
    for path in _definitions(context):
        span = context.document.span(path)
        found.setdefault(span.file, []).append((span.start, span.end, _noted(path)))
    for places in found.values():
        places.sort(key=lambda place: place[:2])
    return found


def _definition_at(span: Span, ranges: _Ranges) -> Path | None:
    """The definition in which a place lies."""
    places = ranges.get(span.file, [])
    k = bisect_right(places, span.start, key=lambda place: place[0]) - 1
    return places[k][2] if k >= 0 and span.end <= places[k][1] else None


def _words(context: Context, section: str) -> Iterator[str]:
    """The words in the texts of a section."""
    node = context.document.root.get(section)
    for _, part in walk(node) if node is not None else ():
        if isinstance(part, ScalarNode) and isinstance(part.value, str):
            yield from _WORD.findall(part.value)


def _swept(context: Context) -> Iterator[str]:
    """The last words of the parameters of the sweep, which says itself when nothing reads them."""
    sweep = context.experiment.sweep
    if sweep is not None:
        points = (*(name for point in listed_points(sweep) for name in point), *context.once(point_columns))
        ranges = sweep.sample.ranges if sweep.sample is not None else {}
        yield from (name.rpartition(".")[2] for name in (*(sweep.axes or {}), *(sweep.zip or {}), *points, *ranges))


def warn_of_silent_monitors(context: Context, network: Network) -> None:
    """Say which monitors record nothing, as their window or the phases leave nothing to record."""
    for monitor in network.monitors:
        if isinstance(monitor, ConnectivityMonitor) or recorded_spans(network, monitor):
            continue
        path: Path = ("monitors", monitor.name)
        windowed = context.document.has((*path, "window"))
        if windowed and monitor.window.start >= network.steps:
            why = "its window lies after the end of the run"
        elif windowed:
            why = "no phase that names it in `record` lies in its window"
        else:
            why = "no phase names it in `record`"
        context.report.warn(
            "NET225",
            f"monitor `{monitor.name}` records nothing: {why}",
            context.document.key_span((*path, "window") if windowed else path),
            "its counts are 0; everything else that is computed from it is not a number (NaN)"
            if isinstance(monitor, SpikeMonitor)
            else "what is computed from it is not a number (NaN)",
        )
