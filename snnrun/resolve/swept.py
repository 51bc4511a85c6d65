"""What a sweep changes, and which plots are of the whole sweep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from snnrun.plot_kinds import PLOT_KINDS
from snnrun.resolve.context import Context
from snnrun.resolve.point_table import point_columns
from snnrun.spec.models import Experiment, Sweep

POINTS = "points"
"""The axis of points that have names."""


def axis_names(context: Context) -> tuple[str, ...]:
    """What lies along the axes of a sweep: its parameters, and those of a `zip` together."""
    sweep, names = context.experiment.sweep, swept(context)
    zipped = list((sweep.zip or {}) if sweep is not None else {})
    return (*names, "+".join(zipped)) if len(zipped) > 1 else names


def axes_of(experiment: Experiment) -> int:
    """How many axes a sweep has, repetitions left out."""
    sweep = experiment.sweep
    if sweep is None:
        return 0
    axes = [name for name in sweep.axes or {} if name not in ("seed", "repeat")]
    return len(axes) + bool(sweep.zip) + bool(sweep.points) + bool(sweep.sample)


def of_sweep(plot: Mapping[str, Any], parameters: Collection[str]) -> bool:
    """Whether a picture shows a whole sweep: a metric against a parameter, not the curve of one run.

    Args:
        plot: The picture, as plain data.
        parameters: What the sweep changes.
    """
    if "panels" in plot:
        return any(of_sweep(panel, parameters) for panel in plot["panels"])
    kind = PLOT_KINDS.get(plot.get("kind", ""))
    if kind is None or kind.sweep is not None or not parameters:
        return kind is not None and kind.sweep is True
    if any(plot.get(key) is not None for key in ("monitor", "source", "variables", "neurons")):
        return False
    x = plot.get("x")
    return x is None or x in parameters or all(part in parameters for part in str(x).split("+"))


def swept(context: Context) -> tuple[str, ...]:
    """Names of the parameters that a sweep changes, and of the axis of points that have names."""
    sweep = context.experiment.sweep
    if sweep is None:
        return ()
    names = [*(sweep.axes or {}), *(sweep.zip or {}), *(sweep.sample.ranges if sweep.sample else {})]
    names += [name for point in listed_points(sweep) for name in point]
    names += [*context.once(point_columns), *([POINTS] if isinstance(sweep.points, dict) else [])]
    return tuple(dict.fromkeys([*names, *(["repeat"] if sweep.repetitions.num > 1 else [])]))


def listed_points(sweep: Sweep) -> list[dict[str, Any]]:
    """The points that the file gives one by one, with or without names: the values of each, by parameter."""
    return (
        list(sweep.points.values())
        if isinstance(sweep.points, dict)
        else sweep.points
        if isinstance(sweep.points, list)
        else []
    )
