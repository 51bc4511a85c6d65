"""The pictures of an experiment with matplotlib: those of the file, or one of each monitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from snnrun.export.expressions import CannotExportError, dimension_text
from snnrun.export.page import Page
from snnrun.model.network import StateMonitor
from snnrun.spec.nodes import Path as FilePath
from snnrun.units.dimensions import Dimension

_SHOWN = {"volt": "mV", "amp": "pA", "siemens": "nS", "second": "ms", "hertz": "Hz", "farad": "pF"}
"""Units of axes."""

_SUGGESTED = {"spikes": "raster", "state": "traces", "rate": "rate"}
"""The picture of each kind of monitor, where the file has no `plots`."""

_FOLLOWED = frozenset(
    {"kind", "monitor", "source", "variables", "x", "y", "title", "name", "size", "labels", "bins"}
    | {"style", "footer", "legend", "colours", "colourmap"}
)
"""Keys of plots that are followed, or change the looks alone."""


_LIMITS = {"raster": ("xlim",), "traces": ("xlim",), "rate": ("xlim", "bin")}
"""More keys that some kinds follow; limits are those of time."""


def pictures(page: Page, *, swept: bool) -> None:
    """Draw what the file says, or each monitor; of a sweep, its metrics."""
    plots = page.checked.plots
    if plots is None:
        plots = _suggested(page, swept=swept)
    of_points = [plot for plot in plots if plot.get("kind") in ("curve", "sweep", "heatmap") and "x" in plot]
    drawn = of_points if swept else [plot for plot in plots if plot not in of_points]
    if not drawn:
        return
    page.section("Pictures")
    before = len(page.lines)
    for k, plot in enumerate(plots):
        if plot in drawn:
            for panel in plot.get("panels", [plot]):
                page.trying(("plots", k), partial(_picture, page, ("plots", k), panel))
    if any(line.startswith("plt.") for line in page.lines[before:]):
        page.put("plt.show()")


def _suggested(page: Page, *, swept: bool) -> list[dict[str, Any]]:
    if swept:
        first = next(iter(page.swept), "")
        return [{"kind": "curve", "x": first, "y": [name]} for name in page.document.keys(("metrics",)) if first]
    monitors = page.checked.experiment.monitors
    return [{"kind": _SUGGESTED[m.kind], "monitor": name} for name, m in monitors.items() if m.kind in _SUGGESTED]


def _picture(page: Page, path: FilePath, plot: dict[str, Any]) -> None:
    draw = _DRAW.get(plot.get("kind", ""))
    if draw is None:
        raise CannotExportError(f"the picture `{plot.get('kind', 'panels')}`: draw it with matplotlib")
    draw(page, plot)
    for key in plot.keys() - _FOLLOWED - {*_LIMITS.get(plot["kind"], ())}:
        page.note((*path, key), "set it with matplotlib")
    if "xlim" in plot and "xlim" in _LIMITS.get(plot["kind"], ()):
        page.put(f"plt.xlim({', '.join(repr(float(limit) * 1e3) for limit in plot['xlim'])})")
    title = plot.get("title")
    if title and title != "none":
        page.put(f"plt.title({title!r})")


def _monitors(page: Page, plot: dict[str, Any]) -> list[tuple[str, str]]:
    """Names of the monitors of a picture, and their Python variables."""
    names = plot.get("monitor") or ()
    names = [names] if isinstance(names, str) else list(names)
    found = [(name, page.objects["monitors", name]) for name in names]
    if not found or any(variable not in page.created for _, variable in found):
        raise CannotExportError("a picture of what is not recorded")
    return found


def _axes(page: Page, x: str, y: str) -> None:
    page.put(f"plt.xlabel({x!r})", f"plt.ylabel({y!r})")


def _raster(page: Page, plot: dict[str, Any]) -> None:
    page.put("plt.figure()")
    found = _monitors(page, plot)
    for name, variable in found:
        page.put(f"plt.plot({variable}.t/ms, {variable}.i, '.', markersize=2, label={name!r})")
    page.put(*(["plt.legend()"] if len(found) > 1 else []))
    _axes(page, "time (ms)", "neuron")


def _unit(dimension: Dimension) -> tuple[str, str]:
    """What values are divided by on an axis, and the unit in its label."""
    unit = dimension_text(dimension)
    shown = _SHOWN.get(unit, "" if unit == "1" else unit)
    return (f"/{shown}" if shown.isalpha() else f"/({shown})" if shown else ""), (f" ({shown})" if shown else "")


def _traces(page: Page, plot: dict[str, Any]) -> None:
    for name, variable in _monitors(page, plot):
        monitor = next(m for m in page.network.monitors if m.name == name)
        assert isinstance(monitor, StateMonitor)
        wanted = [c for c in monitor.columns if not plot.get("variables") or c.name in plot["variables"]]
        for k, column in enumerate(wanted):
            by, label = _unit(column.dimension)
            if len(wanted) > 1:
                page.put("plt.figure()" if k == 0 else "", f"plt.subplot({len(wanted)}, 1, {k + 1})")
            else:
                page.put("plt.figure()")
            page.put(f"plt.plot({variable}.t/ms, {variable}.{column.name}.T{by})")
            page.put(f"plt.ylabel({column.name + label!r})")
        page.put("plt.xlabel('time (ms)')")


def _rate(page: Page, plot: dict[str, Any]) -> None:
    page.put("plt.figure()")
    for name, variable in _monitors(page, plot):
        if page.checked.experiment.monitors[name].kind == "spikes":
            bin_ms = f"{float(plot.get('bin', 5e-3)) * 1e3:.9g}"
            weights = f"np.full({variable}.num_spikes, 1e3/{bin_ms}/len({variable}.count))"
            edges = f"np.arange(0, defaultclock.t/ms + {bin_ms}, {bin_ms})"
            page.put(f"plt.hist({variable}.t/ms, {edges}, weights={weights}, histtype='step', label={name!r})")
            continue
        smooth = ("monitors", name, "smooth")
        width = page.constant(smooth) if page.document.has(smooth) else "5*ms"
        page.put(f"plt.plot({variable}.t/ms, {variable}.smooth_rate(width={width})/Hz, label={name!r})")
    _axes(page, "time (ms)", "rate (Hz)")


def _isi(page: Page, plot: dict[str, Any]) -> None:
    page.put("plt.figure()")
    for _, variable in _monitors(page, plot):
        gaps = f"np.concatenate([np.diff(t/ms) for t in {variable}.spike_trains().values()])"
        page.put(f"plt.hist({gaps}, bins={plot.get('bins', 50)})")
    _axes(page, "interval (ms)", "number")


def _connectivity(page: Page, plot: dict[str, Any]) -> None:
    for _, variable in _synapses(page, plot):
        page.put("plt.figure()", f"plt.plot({variable}.i, {variable}.j, '.', markersize=2)")
        _axes(page, "source", "target")


def _synapses(page: Page, plot: dict[str, Any]) -> list[tuple[str, str]]:
    names = plot.get("source") or [
        getattr(page.checked.experiment.monitors[name], "source", "") for name in _names(plot.get("monitor"))
    ]
    found = [(name, page.objects["synapses", name]) for name in _names(names) if ("synapses", name) in page.objects]
    if not found:
        raise CannotExportError("a picture of what is not recorded")
    return found


def _names(value: str | Sequence[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _weights(page: Page, plot: dict[str, Any]) -> None:
    for name, variable in _synapses(page, plot):
        stored = {s.variable.name: s.dimension for s in page.network.synapses[name].stored}
        for weight in _names(plot.get("variables")) or [*stored][:1]:
            if weight not in stored:
                raise CannotExportError(f"a picture of `{weight}`")
            by, label = _unit(stored[weight])
            page.put("plt.figure()", f"plt.hist({variable}.{weight}[:]{by}, bins={plot.get('bins', 50)})")
            _axes(page, f"{weight}{label}", "number")


def _curve(page: Page, plot: dict[str, Any]) -> None:
    x = str(plot.get("x", ""))
    if x not in page.swept:
        raise CannotExportError(f"a picture over `{x}`: draw it with matplotlib")
    by, label = _unit(page.context.constants[x].dimension)
    for y in _names(plot.get("y")) or page.document.keys(("metrics",)):
        if not any(line.lstrip().startswith(f"metrics[{y!r}] =") for line in page.lines):
            raise CannotExportError(f"a picture of `{y}`, which is not in the script")
        page.put("plt.figure()")
        page.put(f"plt.plot([point[{x!r}]{by} for point in points], [point[{y!r}] for point in points], 'o-')")
        _axes(page, f"{x}{label}", y)


_DRAW: dict[str, Callable[[Page, dict[str, Any]], None]] = {
    "raster": _raster,
    "traces": _traces,
    "rate": _rate,
    "isi": _isi,
    "connectivity": _connectivity,
    "weights": _weights,
    "curve": _curve,
    "sweep": _curve,
}
