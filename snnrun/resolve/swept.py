"""What a sweep changes, and which plots are of the whole sweep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from snnrun.plot_kinds import PLOT_KINDS
from snnrun.spec.models import Experiment


def axis_names(experiment: Experiment) -> tuple[str, ...]:
    """What lies along the axes of a sweep: its parameters, and those of a `zip` together."""
    names = swept(experiment)
    zipped = list((experiment.sweep.zip or {}) if experiment.sweep is not None else {})
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


def swept(experiment: Experiment) -> tuple[str, ...]:
    """Names of the parameters that a sweep changes."""
    sweep = experiment.sweep
    if sweep is None:
        return ()
    names = [*(sweep.axes or {}), *(sweep.zip or {}), *(sweep.sample.ranges if sweep.sample else {})]
    for point in sweep.points or []:
        names += list(point)
    return tuple(dict.fromkeys([*names, *(["repeat"] if sweep.repetitions.num > 1 else [])]))
