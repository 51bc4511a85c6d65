"""The `plots` section as plain data in SI units, checked before anything runs: names, units, what it is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snnrun.errors import at, did_you_mean
from snnrun.model.network import Monitor, Network, RateMonitor, SpikeMonitor, StateMonitor
from snnrun.plot_kinds import OPTIONS, Axis, Names, Series, is_file_name
from snnrun.resolve.context import Context, Path
from snnrun.resolve.delays import TOLERANCE, warn_between_steps
from snnrun.resolve.files import find_file
from snnrun.resolve.plot import Metrics, Plot
from snnrun.resolve.plot_axes import check_axes, check_stored, dimensions, of_colours, recorded_columns
from snnrun.resolve.plot_monitors import (
    check_marks,
    check_neurons,
    check_variables,
    columns_of,
    drawn_monitors,
    size_of,
)
from snnrun.resolve.swept import axis_names, of_sweep, swept
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode, plain
from snnrun.units.dimensions import LENGTH, TIME
from snnrun.units.quantities import format_quantity

_MOST_PANELS = 12
_MOST_BINS = 100_000
_MOST_CURVES = 1000
_SMALLEST_M, _LARGEST_M = 0.02, 1.0


def check_plots(context: Context, network: Network, metrics: Metrics) -> list[dict[str, Any]] | None:
    """The plots of the file as plain data; None when it leaves the choice to the program.

    Raises:
        ExperimentError: Every option that is wrong, and every plot of what is not recorded.
    """
    plots = context.experiment.plots
    if plots is None:
        return None
    if plots == "none":
        return []
    found: list[dict[str, Any]] = []
    for k in range(len(plots)):
        path: Path = ("plots", k)
        with context.collecting(f"plots.{k}"):
            found.append(_picture(context, network, metrics, path))
    context.report.stop_if_errors()
    return found


def _picture(context: Context, network: Network, metrics: Metrics, path: Path) -> dict[str, Any]:
    node = context.document.node(path)
    assert isinstance(node, MapNode)
    if "panels" not in node.entries:
        return _checked(Plot(context, network, metrics, path))
    panels = node.get("panels")
    assert isinstance(panels, ListNode)
    if len(panels.items) > _MOST_PANELS:
        raise context.key_error("PLT510", f"a picture has at most {_MOST_PANELS} panels", (*path, "panels"))
    whole: dict[str, Any] = {key: plain(entry.value) for key, entry in node.entries.items() if key != "panels"}
    _check_page(context, path, whole)
    plots = []
    for k in range(len(panels.items)):
        panel: Path = (*path, "panels", k)
        for key in (option.name for option in OPTIONS if option.whole):
            if context.document.has((*panel, key)):
                raise context.key_error("PLT510", f"`{key}` is one for all panels of a picture", (*panel, key))
        plots.append(_checked(Plot(context, network, metrics, panel)))
    parameters = swept(context)
    if parameters and len({of_sweep(plot, parameters) for plot in plots}) > 1:
        message = "these panels belong to the whole sweep and to single points of it"
        raise context.error("PLT506", message, (*path, "panels"), "make two pictures of them")
    return {**whole, "panels": plots}


def _checked(plot: Plot) -> dict[str, Any]:
    """The options of a plot as plain data in SI units."""
    found = plot.plain
    check_axes(plot)
    if plot.kind.axes is Names.RECORDED:
        drawn: list[Monitor] = [monitor for monitor, _ in recorded_columns(plot)]
    else:
        drawn = drawn_monitors(plot)
    if "source" in found:
        del found["source"]
        found["monitor"] = [m.name for m in drawn]
    check_variables(plot, drawn)
    check_neurons(plot, drawn)
    check_marks(plot)
    check_stored(plot, drawn)
    x, y = dimensions(plot, drawn)
    of = {"x": x, "y": y, "z": of_colours(plot, drawn) if "zlim" in found else None, "t": TIME}
    for option in OPTIONS:
        if option.axes and option.name in found:
            found[option.name] = plot.quantities(option.name, *(of[axis] for axis in option.axes))
    _check_limits(plot)
    _check_times(plot, drawn)
    _check_together(plot)
    _check_bins(plot, drawn)
    _check_page(plot.context, plot.path, found)
    _check_names(plot, drawn, "labels", set(plot.kind.labels))
    if isinstance(found.get("colours"), dict):
        _check_names(plot, drawn, "colours", set())
    return found


def _check_limits(plot: Plot) -> None:
    """Check that limits are in order, and lengths above zero."""
    for option in OPTIONS:
        value = plot.plain.get(option.name)
        if option.positive and value is not None and not min(value if isinstance(value, list) else [value]) > 0:
            raise plot.error("PLT514", f"`{option.name}` must be above zero", option.name)
    for key in ("xlim", "ylim", "zlim"):
        limits = plot.plain.get(key)
        if limits is not None and not limits[1] - limits[0] > 1e-9 * max(abs(v) for v in limits):
            raise plot.error("PLT514", f"`{key}` is [from, to], with room between the two", key)


def _check_times(plot: Plot, drawn: Sequence[Monitor]) -> None:
    """Check `times`: there are samples, and they lie within the run."""
    if "times" not in plot.keys:
        return
    if not isinstance(drawn[0], StateMonitor):
        message = f"`times` is for samples, and `{drawn[0].name}` keeps the values at the end alone"
        raise plot.error("PLT512", message, "times", help="name a `kind: state` monitor of the synapses")
    end = plot.network.steps * plot.network.dt
    for k, time in enumerate(plot.plain["times"]):
        if not 0 <= time <= end * (1 + 1e-9):
            message = f"this is not within the run, which ends at {format_quantity(end, TIME)}"
            raise plot.error("PLT514", message, "times", k)


def _check_together(plot: Plot) -> None:
    """Check that parts exist, and that nothing is asked for that stacked traces have no place for."""
    for k, part in enumerate(plot.listed("parts")):
        if part not in plot.kind.parts:
            known = ", ".join(f"`{name}`" for name in plot.kind.parts)
            message = f"a {plot.kind.name} plot has no part `{part}`"
            raise plot.error("PLT509", message, *plot.key_of("parts", k), help=f"its parts are {known}")
    if "offset" not in plot.keys:
        return
    for key in ("overlay", "lines"):
        if plot.plain.get(key):
            message = f"`{key}` and `offset` do not go together: each trace stands at a height of its own"
            raise plot.error("PLT512", message, key, help="keep one of them")


def _check_bins(plot: Plot, drawn: Sequence[Monitor]) -> None:
    """Check widths and numbers of bins; a width becomes whole steps."""
    found, network = plot.plain, plot.network
    for key in ("bin", "period"):
        if key in found:
            _check_width(plot, key, found[key])
    if "bin" in found:
        found["bin"] = _whole_steps(plot, found["bin"])
    if found.get("bins", 0) > _MOST_BINS:
        raise plot.error("PLT514", f"more than {_MOST_BINS:,} bins cannot be seen", "bins")
    span = found.get("period", network.steps * network.dt)
    if plot.kind.x is Axis.TIME and found.get("bins", 0) > span / network.dt * (1 + 1e-6):
        raise plot.error("PLT514", "there are more `bins` than steps: spikes fall on steps", "bins")
    if "bin" in found and "bins" in found:
        raise plot.error("PLT512", "`bin` and `bins` do not go together", "bins", help="keep one of them")
    given = [key for key in ("bin", "bins") if key in found]
    if given and drawn and all(isinstance(m, RateMonitor) for m in drawn):
        message = f"`{given[0]}` is for monitors of spikes; a `kind: rate` monitor has bins of its own"
        raise plot.error("PLT512", message, given[0])


def _check_width(plot: Plot, key: str, seconds: float) -> None:
    """Check that a bin or a period is a step or more, and that there are not more of them than can be seen."""
    dt = plot.network.dt
    if not seconds > 0:
        raise plot.error("PLT514", f"`{key}` must be above zero", key)
    if seconds < 0.999 * dt:
        step = format_quantity(dt, TIME)
        raise plot.error("PLT514", f"`{key}` is shorter than a step: spikes fall on steps of {step}", key)
    if plot.network.steps * dt / seconds > _MOST_BINS * 1.001:
        many = "trials" if key == "period" else "bins"
        raise plot.error("PLT514", f"more than {_MOST_BINS:,} {many} of this `{key}` are in the run", key)


def _whole_steps(plot: Plot, bin: float) -> float:
    """The width of a bin in whole steps, or spikes would fall unevenly into them. [s]."""
    dt = plot.network.dt
    steps = max(np.floor(bin / dt + 0.5 + TOLERANCE), 1.0)
    what = f"the `bin` of this {plot.kind.name} plot"
    span = plot.context.document.span(plot.keys["bin"])
    warn_between_steps(plot.context, [bin], np.array([int(steps)]), span, what)
    return float(steps * dt)


def _check_page(context: Context, path: Path, found: dict[str, Any]) -> None:
    """Check `size` and `style`: they become lengths, and a list of names of styles and paths of files."""
    if "size" in found:
        found["size"] = _size(context, (*path, "size"))
    if "style" in found:
        names, place = found["style"], (*path, "style")
        several = isinstance(names, list)
        places: list[Path] = [(*place, k) for k in range(len(names))] if several else [place]
        found["style"] = [
            str(find_file(context, where)) if is_file_name(name) else name
            for name, where in zip(names if several else [names], places, strict=True)
        ]


def _size(context: Context, path: Path) -> Any:
    node = context.document.node(path)
    if isinstance(node, ScalarNode):
        return node.value
    assert isinstance(node, ListNode)
    found = []
    for k in range(len(node.items)):
        expr = context.expression((*path, k))
        typed = context.checker({}, "a plot").check(expr)
        if typed.exact is None or typed.dimension != LENGTH:
            raise at(expr.span, "PLT513", "a size is a length", "write `[85 mm, 60 mm]`")
        if not _SMALLEST_M <= typed.value <= _LARGEST_M:
            raise at(expr.span, "PLT514", "a picture is between 2 cm and 1 m wide and high")
        found.append(typed.value)
    return found


def _check_names(plot: Plot, drawn: Sequence[Monitor], key: str, axes: set[str]) -> None:
    """Check that labels or colours are for what the picture names."""
    if key not in plot.keys:
        return
    known = _named_things(plot, drawn, axes)
    for name in plot.plain[key]:
        if name not in known:
            names = f"it names {', '.join(sorted(known))}" if known else "write a list"
            advice = did_you_mean(name, known) or names
            raise plot.error("PLT515", f"this picture names nothing `{name}`", key, name, help=advice)


def _named_things(plot: Plot, drawn: Sequence[Monitor], axes: set[str]) -> set[str]:
    """What a picture names: axes, monitors, groups, variables, neurons, metrics, parameters."""
    kind, network = plot.kind, plot.network
    names = set(axes)
    if kind.series in (Series.VARIABLES, Series.NEURONS):
        names |= {f"neuron {k}" for m in drawn for k in range(min(size_of(network, m), _MOST_CURVES))}
    if kind.series is Series.VARIABLES:
        names |= {m.name for m in drawn if len(drawn) > 1}
        names |= set(plot.listed("variables") or [name for m in drawn for name in columns_of(network, m)])
    if kind.series is Series.GROUPS:
        names |= _groups(network, drawn)
        if axes and len(names) == 2 and "y" not in names:  # one row
            names.add("y")
    if kind.sweep or (kind.sweep is None and not drawn):
        names |= {*plot.metrics, *(axis_names(plot.context) if axes else ())}
    return names


def _groups(network: Network, drawn: Sequence[Monitor]) -> set[str]:
    """The groups of monitors and their subgroups, or the monitors where several watch the same."""
    names: set[str] = set()
    sources = [m.source.name for m in drawn if isinstance(m, SpikeMonitor | RateMonitor)]
    for m in drawn:
        assert isinstance(m, SpikeMonitor | RateMonitor)
        group = network.groups[m.source.group]
        names.add(m.name if sources.count(m.source.name) > 1 else m.source.name)
        if m.source.name == group.name:
            names |= {f"{group.name}.{part}" for part in group.subgroups}
    return names
