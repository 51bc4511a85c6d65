"""What the axes of a plot show: metrics, parameters of a sweep, variables; and their dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snnrun.errors import did_you_mean
from snnrun.model.network import (
    ConnectivityMonitor,
    Monitor,
    SpikeMonitor,
    StateMonitor,
    SynapseChoice,
    SynapseEventMonitor,
    as_array,
)
from snnrun.model.recorded import recorded_spans
from snnrun.plot_kinds import Axis, Names, default_variable
from snnrun.resolve.plot import Plot
from snnrun.resolve.plot_monitors import columns_of
from snnrun.resolve.swept import axes_of, axis_names
from snnrun.units.dimensions import FREQUENCY, ONE, TIME, Dimension

AXES = ("x", "y", "z")
_DIMENSIONS = {Axis.TIME: TIME, Axis.INTERVAL: TIME, Axis.NUMBER: ONE, Axis.RATE: FREQUENCY}


def check_axes(plot: Plot) -> None:
    """Check `x`, `y`, `z` and `log`, and that there is a sweep where the plot shows one.

    Raises:
        ExperimentError: An axis shows what it cannot.
    """
    kind, experiment = plot.kind, plot.context.experiment
    if kind.sweep and not plot.swept:
        raise plot.error("PLT511", f"a {kind.name} plot shows a sweep, and this file has none", "kind")
    if kind.results and experiment.sweep is not None and experiment.sweep.keep != "results":
        message = f"a {kind.name} plot shows the spikes of each point, and the sweep keeps metrics alone"
        raise plot.error("PLT511", message, "kind", help="add `keep: results` to the sweep")
    for k, axis in enumerate(plot.listed("log")):
        if axis not in AXES or axis not in kind.options:
            raise plot.error("PLT509", f"there is no axis `{axis}`", *plot.key_of("log", k), help="name `x` or `y`")
    if kind.axes is not Names.QUANTITIES:
        return
    for key in AXES:
        for k, name in enumerate(plot.listed(key)):
            _check_quantity(plot, key, k, name)
    if plot.of_sweep:
        _check_axes_of_sweep(plot)
    elif kind.monitors:
        for key in (*AXES, "log"):
            if key in plot.keys:
                message = f"`{key}` is for a {kind.name} of a sweep; this one shows a variable over time"
                help = "remove it, or name no monitor in a file with a sweep"
                raise plot.error("PLT511", message, key, help=help)
    else:
        _check_columns(plot)


def _check_quantity(plot: Plot, key: str, number: int, name: str) -> None:
    """Check that a name is a metric, a swept parameter, or a variable of a group."""
    known = [*plot.metrics, *axis_names(plot.context)]
    group, _, variable = name.partition(".")
    population = plot.context.populations.get(group)
    if name not in known and (population is None or variable not in population.members):
        message = f"`{name}` is neither a metric nor swept nor a variable of a group"
        raise plot.error("PLT503", message, *plot.key_of(key, number), help=did_you_mean(name, known))


def _check_axes_of_sweep(plot: Plot) -> None:
    """Check that parameters lie along x (and y of a heatmap), metrics of one number along y (or z)."""
    kind, parameters = plot.kind, axis_names(plot.context)
    single = [name for name, (_, one) in plot.metrics.items() if one]
    if not single:
        raise plot.error("PLT511", "there is no metric of one number to show", "kind", help="add it to `metrics`")
    of_parameters = ("x",) if kind.parameters is None else ("x", "y")
    for key in AXES:
        for k, name in enumerate(plot.listed(key)):
            place = plot.key_of(key, k)
            if key in of_parameters and name not in parameters:
                axis = "x" if key == "x" else f"y of a {kind.name}"
                raise plot.error("PLT503", f"`{name}` is not swept, and {axis} shows what is", *place)
            if key in of_parameters or name in single or (key == "y" and kind.y_parameter and name in parameters):
                continue
            what = "has a value for each neuron" if name in plot.metrics else "is no metric"
            raise plot.error("PLT503", f"`{name}` {what}", *place, help="use a metric that is one number")
    y = plot.listed("y")
    if len(y) > 1 and not kind.several_y:
        raise plot.error("PLT512", f"a {kind.name} plot shows one quantity along y", "y")
    if len({plot.metrics[name][0] for name in y if name in plot.metrics}) > 1:
        raise plot.error("PLT513", "these have different units and cannot share an axis", "y", help="use `panels`")
    if plot.plain.get("x") is not None and plot.plain.get("x") in y:
        raise plot.error("PLT512", "x and y show the same", "y")
    number = axes_of(plot.context.experiment)
    if kind.parameters is not None and number != kind.parameters:
        help = "use `kind: curve`" if number == 1 else "use `kind: sweep`"
        message = f"a {kind.name} shows two parameters, and this sweep has {number}"
        raise plot.error("PLT511", message, "kind", help=help)


def _check_columns(plot: Plot) -> None:
    """Check a plot of one run: one quantity along x and one along y, with a value for each neuron."""
    kind = plot.kind.name
    if not plot.listed("x") or len(plot.listed("y")) != 1:
        message = f"a {kind} of one run shows one quantity along x and one along y"
        raise plot.error("PLT511", message, "y" if "y" in plot.keys else "kind", help="write `x: ..., y: ...`")
    for key in ("x", "y"):
        for k, name in enumerate(plot.listed(key)):
            if name in plot.metrics and plot.metrics[name][1]:
                message = f"`{name}` is one number, and a {kind} needs one a neuron"
                raise plot.error("PLT511", message, *plot.key_of(key, k), help="for example `rates(out)`")


# recorded variables

Recording = StateMonitor | SpikeMonitor | SynapseEventMonitor
Column = tuple[Recording, str]


def recorded_columns(plot: Plot) -> list[Column]:
    """The recorded variables along the axes, x first; the options become their full names.

    Raises:
        ExperimentError: One is not recorded, or not in the same elements at the same times as the others.
    """
    columns: list[Column] = []
    for key in AXES:
        names = plot.listed(key)
        if key == "z" and (not names or names == ["time"]):
            continue
        if len(names) != 1:
            message = f"a {plot.kind.name} plot shows one recorded variable along {key}"
            help = "write `x: monitor.variable, y: monitor.variable`"
            raise plot.error("PLT511", message, key if key in plot.keys else "kind", help=help)
        columns.append(_column(plot, key, names[0]))
        plot.plain[key] = f"{columns[-1][0].name}.{columns[-1][1]}"
        if not _together(plot, columns[0][0], columns[-1][0]):
            first, other = columns[0][0].name, columns[-1][0].name
            message = f"`{first}` and `{other}` do not record the same elements at the same times"
            raise plot.error("PLT516", message, key, help="record both variables with one monitor")
    return columns


def _column(plot: Plot, key: str, name: str) -> Column:
    """The recorded variable of a name: `monitor.variable`, or `variable` where one monitor records it."""
    head, _, variable = name.partition(".")
    recorded = [
        (monitor, column)
        for monitor in plot.monitors.values()
        if isinstance(monitor, Recording)
        for column in columns_of(plot.network, monitor)
    ]
    found = [(m, c) for m, c in recorded if (m.name, c) == (head, variable) or (not variable and c == name)]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"`{name}` is recorded by {', '.join(f'`{m.name}`' for m, _ in found)}"
        raise plot.error("PLT504", message, key, help=f"write `{found[0][0].name}.{name}`")
    advice = did_you_mean(name, [f"{m.name}.{c}" for m, c in recorded]) or "write `monitor.variable`"
    if head in plot.network.groups:
        advice = "record it, and write `monitor.variable`; `kind: curve` draws one value a neuron at the end"
    raise plot.error("PLT504", f"no monitor records `{name}`", key, help=advice)


def _together(plot: Plot, a: Recording, b: Recording) -> bool:
    """Whether two monitors record the same elements at the same times."""
    if a.name == b.name:
        return True
    if not isinstance(a, StateMonitor) or not isinstance(b, StateMonitor):
        return False
    times = [(m.source, m.every, m.slot, recorded_spans(plot.network, m)) for m in (a, b)]
    if times[0] != times[1]:
        return False
    if a.ids is None or b.ids is None or isinstance(a.ids, SynapseChoice) or isinstance(b.ids, SynapseChoice):
        return a.ids is None and b.ids is None
    return np.array_equal(as_array(a.ids), as_array(b.ids))


# dimensions


def dimensions(plot: Plot, drawn: Sequence[Monitor]) -> tuple[Dimension | None, Dimension | None]:
    """The dimensions of x and y; None where they are not known before the run."""
    kind = plot.kind
    if kind.axes is Names.RECORDED:
        x, y, *_ = (columns_of(plot.network, m)[name] for m, name in recorded_columns(plot))
        return x, y
    if kind.axes is Names.QUANTITIES and not drawn:
        return _of_quantity(plot, "x"), _of_quantity(plot, "y")
    return _of_axis(plot, kind.x, drawn), _of_axis(plot, kind.y, drawn)


def check_stored(plot: Plot, drawn: Sequence[Monitor]) -> None:
    """Check `z` of a kind that draws stored values of synapses.

    Raises:
        ExperimentError: It is not stored.
    """
    name = plot.plain.get("z")
    if plot.kind.axes is not Names.STORED or name is None:
        return
    known = columns_of(plot.network, drawn[0])
    if name not in known:
        advice = did_you_mean(name, known) or (
            f"it stores {', '.join(f'`{k}`' for k in known)}"
            if known
            else f"`variables: [{name}]` of the monitor stores it"
        )
        raise plot.error("PLT504", f"`{drawn[0].name}` does not store `{name}`", "z", help=advice)


def of_colours(plot: Plot, drawn: Sequence[Monitor]) -> Dimension | None:
    """The dimension of what colours show.

    Raises:
        ExperimentError: Colours show nothing.
    """
    kind, name = plot.kind, plot.plain.get("z")
    if kind.axes in (Names.RECORDED, Names.STORED):
        if name is None:
            raise plot.error("PLT512", "`zlim` is for colours that show a value", "zlim", help="add `z`")
        if name == "time":
            return TIME
        return columns_of(plot.network, drawn[0])[name] if kind.axes is Names.STORED else _of_column(plot, name)
    if kind.axes is Names.QUANTITIES and not drawn:
        y = next((y for y in plot.listed("y") if y in plot.metrics), None)
        single = [metric for metric, (_, one) in plot.metrics.items() if one]
        shown = [str(metric) for metric in (name, y, *single) if metric in plot.metrics]
        return plot.metrics[shown[0]][0] if shown else None
    return _of_axis(plot, Axis.VARIABLE, drawn)


def _of_column(plot: Plot, name: str) -> Dimension:
    """The dimension of `monitor.variable`."""
    monitor, _, variable = name.partition(".")
    return columns_of(plot.network, plot.monitors[monitor])[variable]


def _of_axis(plot: Plot, axis: Axis, drawn: Sequence[Monitor]) -> Dimension | None:
    """The dimension of what an axis shows; of variables, the one that all have, where an option needs one."""
    if axis is not Axis.VARIABLE:
        return _DIMENSIONS.get(axis)
    recorded = [(name, d) for m in drawn for name, d in columns_of(plot.network, m).items()]
    chosen = plot.listed("variables") or [name for name, _ in recorded]
    if plot.kind.one_variable and not plot.listed("variables"):
        chosen = [default_variable(chosen)] if isinstance(drawn[0], ConnectivityMonitor) else chosen[:1]
    found = {dimension for name, dimension in recorded if name in chosen}
    if len(found) == 1:
        return found.pop()
    for key in ("overlay", "ylim", "lines", "offset", "scale_bars"):
        value = plot.plain.get(key)
        if value and (key != "scale_bars" or len(value) > 1):
            message = f"`{key}` needs variables of one unit, and these have several"
            raise plot.error("PLT513", message, key, help="name those of one unit with `variables`")
    return None


def _of_quantity(plot: Plot, key: str) -> Dimension | None:
    """The dimension of a metric, of a constant, or of a variable of a group."""
    name = next(iter(plot.listed(key)), "duration")
    if name == "duration":
        return None
    if name in plot.metrics:
        return plot.metrics[name][0]
    if name.startswith("run."):
        return TIME if name in ("run.duration", "run.dt") else None
    constant = plot.context.constants.get(name)
    if constant is not None:
        return constant.dimension
    group, _, variable = name.partition(".")
    population = plot.context.populations.get(group)
    member = population.members.get(variable) if population is not None else None
    return member.typed.dimension if member is not None else None
