"""The `plots` section as plain data in SI units, its names checked before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from snnrun.errors import did_you_mean
from snnrun.network.context import Context, Path, at
from snnrun.network.files import find_file
from snnrun.network.ir import ConnectivityMonitor, Network, RateMonitor, SpikeMonitor, StateMonitor
from snnrun.spec import models
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode, plain

SPIKE_KINDS = frozenset({"raster", "psth", "isi"})
_QUANTITIES = ("bin", "period")
_LISTS = ("xlim", "ylim")
_AXES = ("x", "y", "z")


def resolve_plots(context: Context, network: Network) -> list[dict[str, Any]] | None:
    """The pictures of the file; None when it leaves the choice to the program.

    Raises:
        ExperimentError: Every option that is wrong.
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
            found.append(_picture(context, network, path))
    context.report.stop_if_errors()
    return found


def _picture(context: Context, network: Network, path: Path) -> dict[str, Any]:
    node = context.document.node(path)
    assert isinstance(node, MapNode)
    if "panels" not in node.entries:
        return _plot(context, network, path)
    panels = node.get("panels")
    assert isinstance(panels, ListNode)
    whole: dict[str, Any] = {key: plain(entry.value) for key, entry in node.entries.items() if key != "panels"}
    if "size" in whole:
        whole["size"] = _size(context, (*path, "size"))
    if "style" in whole:
        whole["style"] = _style(context, (*path, "style"))
    plots = [_plot(context, network, (*path, "panels", k)) for k in range(len(panels.items))]
    _check_panels(context, path, plots)
    return {**whole, "panels": plots}


def _plot(context: Context, network: Network, path: Path) -> dict[str, Any]:
    node = context.document.node(path)
    assert isinstance(node, MapNode)
    found: dict[str, Any] = {}
    for key, entry in node.entries.items():
        here = (*path, key)
        if key in _QUANTITIES:
            found[key] = _number(context, here)
        elif key in _LISTS:
            assert isinstance(entry.value, ListNode)
            found[key] = [_number(context, (*here, k)) for k in range(len(entry.value.items))]
        elif key == "size":
            found[key] = _size(context, here)
        elif key == "style":
            found[key] = _style(context, here)
        elif key in ("lines", "vlines"):
            found[key] = _lines(context, here)
        else:
            found[key] = plain(entry.value)
    _check_names(context, network, path, found)
    return found


def _number(context: Context, path: Path) -> float:
    expr = context.expression(path)
    typed = context.checker({}, "a plot").check(expr)
    if typed.exact is None:
        raise at(expr.span, "NET103", "this must be a constant")
    return typed.value


def _size(context: Context, path: Path) -> Any:
    node = context.document.node(path)
    if isinstance(node, ScalarNode):
        return node.value
    assert isinstance(node, ListNode)
    return [_number(context, (*path, k)) for k in range(len(node.items))]


def _style(context: Context, path: Path) -> str:
    """The path of a style file, which lies beside or below the experiment."""
    if isinstance(context.document.node(path), ListNode):
        raise context.error("PLT508", "a picture has one style file", path)
    return str(find_file(context, path))


def _lines(context: Context, path: Path) -> Any:
    node = context.document.node(path)
    if isinstance(node, MapNode):
        return {key: _number(context, (*path, key)) for key in node.entries}
    if isinstance(node, ListNode):
        return [_number(context, (*path, k)) for k in range(len(node.items))]
    return [_number(context, path)]


def _check_names(context: Context, network: Network, path: Path, plot: dict[str, Any]) -> None:
    monitors = {m.name: m for m in network.monitors}
    for key in ("monitor", "marks"):
        named = plot.get(key)
        names = [named] if isinstance(named, str) else list(named or [])
        for name in names:
            if name not in monitors and not (key == "marks" and name == "none"):
                raise context.error(
                    "PLT501", f"there is no monitor `{name}`", (*path, key), did_you_mean(name, monitors)
                )
            found = monitors.get(name)
            if isinstance(found, SpikeMonitor) and found.counts_only:
                raise context.error(
                    "PLT502",
                    f"`{name}` counts only: there are no times of spikes to draw",
                    (*path, key),
                    "remove `counts_only` from the monitor",
                )
    log = plot.get("log")
    for axis in [log] if isinstance(log, str) else list(log or []):
        if axis not in _AXES:
            raise context.error("PLT509", f"there is no axis `{axis}`", (*path, "log"), "name `x`, `y` or `z`")
    kind = plot["kind"]
    main = plot.get("monitor")
    wanted: dict[str, tuple[type, ...]] = {
        **dict.fromkeys(SPIKE_KINDS, (SpikeMonitor,)),
        "rasters": (SpikeMonitor,),
        "traces": (StateMonitor,),
        "rate": (RateMonitor, SpikeMonitor),
        "connectivity": (ConnectivityMonitor,),
    }
    if isinstance(main, str) and kind in wanted and not isinstance(monitors[main], wanted[kind]):
        kinds = " or ".join(f"`kind: {_kind(t)}`" for t in wanted[kind])
        raise context.error(
            "PLT502", f"a {kind} plot needs a {kinds} monitor, `{main}` is another kind", (*path, "monitor")
        )
    _check_curve(context, path, plot)


def _kind(monitor: type) -> str:
    return {SpikeMonitor: "spikes", StateMonitor: "state", RateMonitor: "rate", ConnectivityMonitor: "connectivity"}[
        monitor
    ]


def _check_curve(context: Context, path: Path, plot: dict[str, Any]) -> None:
    """A curve's quantities: metrics, swept parameters, or a variable of a group."""
    if plot["kind"] not in ("curve", "sweep", "heatmap"):
        return
    known = {*context.experiment.metrics, *swept(context.experiment)}
    for key in ("x", "y", "z"):
        named = plot.get(key)
        for name in [named] if isinstance(named, str) else list(named or []):
            group, _, variable = str(name).partition(".")
            population = context.populations.get(group)
            if name in known or (population is not None and variable in population.members):
                continue
            raise context.error(
                "PLT503",
                f"`{name}` is neither a metric nor swept nor a variable of a group",
                (*path, key),
                did_you_mean(str(name), known),
            )


def of_sweep(plot: Mapping[str, Any], parameters: Collection[str]) -> bool:
    """Whether a picture shows a whole sweep: a metric against a parameter, not the curve of one run.

    Args:
        plot: The picture, as plain data.
        parameters: What the sweep changes.
    """
    if "panels" in plot:
        return any(of_sweep(panel, parameters) for panel in plot["panels"])
    kind = plot.get("kind")
    if kind in ("sweep", "rasters"):
        return True
    if kind not in ("curve", "heatmap") or plot.get("monitor") is not None:
        return False
    return plot.get("x") is None or plot["x"] in parameters


def _check_panels(context: Context, path: Path, panels: list[dict[str, Any]]) -> None:
    """Pictures of a sweep and of its points are made from different results."""
    parameters = swept(context.experiment)
    if parameters and len({of_sweep(panel, parameters) for panel in panels}) > 1:
        raise context.error(
            "PLT506",
            "these panels belong to the whole sweep and to single points of it",
            (*path, "panels"),
            "make two pictures of them",
        )


def swept(experiment: models.Experiment) -> tuple[str, ...]:
    """Names of the parameters that a sweep changes."""
    sweep = experiment.sweep
    if sweep is None:
        return ()
    names = [*(sweep.axes or {}), *(sweep.zip or {}), *(sweep.sample.ranges if sweep.sample else {})]
    for point in sweep.points or []:
        names += list(point)
    return tuple(dict.fromkeys([*names, *(["repeat"] if sweep.repeat > 1 else [])]))
