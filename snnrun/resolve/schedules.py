"""Spikes known beforehand: lists and formulas in the file, csv files, SONATA spike files."""

from __future__ import annotations

import numpy as np

from snnrun.equations.dag import ValueNeededError
from snnrun.equations.exact import OPEN, WIDEST
from snnrun.kernels.functions import timestep
from snnrun.model.network import FloatArray, Group, GroupKind, IntArray, Schedule
from snnrun.resolve.context import AlreadyReported, Context, Path, Population
from snnrun.resolve.delays import warn_between_steps
from snnrun.resolve.edges import read_spikes
from snnrun.resolve.series import read_series
from snnrun.resolve.tables import unit_of
from snnrun.spec.models import Latencies, SpikeGroup, Train
from snnrun.spec.nodes import MapNode, ScalarNode
from snnrun.units.dimensions import ONE, TIME
from snnrun.units.quantities import format_quantity

_LATEST = 2.0**53  # steps: from here on floating-point numbers are not exact


def resolve_schedule(context: Context, population: Population, model: SpikeGroup) -> Group:
    """A group of `kind: spikes`; its spikes are sorted by time and neuron.

    Raises:
        ExperimentError: NET160 to NET162.
    """
    schedule = _schedule(context, ("groups", population.name), model, population)
    size, subgroups = population.view.size, population.subgroups
    return Group(population.name, size, GroupKind.SPIKES, subgroups=subgroups, schedule=schedule, order=model.order)


def _schedule(context: Context, path: Path, model: SpikeGroup, population: Population) -> Schedule:
    size = population.view.size
    period = context.steps((*path, "period"), "the period", 1) if model.period is not None else 0
    where: Path = (*path, "file" if model.file is not None else "times")
    formula = isinstance(model.times, Train | Latencies)
    if model.file is not None:
        ids, times = _from_file(context, path)
    elif formula:
        ids, times = _by_formula(context, population, where, model, period)
    else:
        ids, times = _written(context, path, size)
    wrong = ids[(ids < 0) | (ids >= size)]
    if len(wrong):
        raise context.error("NET160", f"neuron {wrong[0]} is outside 0 to {size - 1}", where)
    steps = _steps(context, times, where, warn=not formula)
    if period and np.any(steps >= period):
        raise context.error("NET161", "a spike lies after the period", where)
    order = np.lexsort((ids, steps))
    steps, ids = steps[order], ids[order]
    again = np.zeros(len(steps), np.bool_)
    again[1:] = (np.diff(steps) == 0) & (np.diff(ids) == 0)
    # whether trains by formula have duplicates depends on the seed, so `duplicates` is of use to them with any
    by_formula = isinstance(context.document.find((*path, "times")), MapNode)
    if (by_formula or np.any(again)) and model.duplicates == "error" and np.any(again):
        k = int(np.argmax(again))
        first, second = (format_quantity(float(times[order[n]]), TIME) for n in (k - 1, k))
        place = (*where, int(order[k]) // (size if _are_all(context, path) else 1))
        raise context.error(
            "NET161",
            f"neuron {ids[k]} spikes twice in one step of {format_quantity(context.dt, TIME)}: at {first} and {second}",
            place if context.document.has(place) else where,
            "write `duplicates: merge` to take such spikes as one, or choose a smaller `dt`",
        )
    return Schedule(steps[~again] * context.every, ids[~again], period * context.every)


def _steps(context: Context, times: FloatArray, path: Path, *, warn: bool) -> IntArray:
    if not np.all(np.isfinite(times)) or np.any(times < 0):
        raise context.error("NET161", "spike times must be finite and not negative", path)
    if np.any(times / context.dt >= _LATEST / context.every):
        raise context.error("NET161", f"a spike at {times.max():g} s is later than any run", path)
    steps: IntArray = timestep(times, context.dt).astype(np.int64)
    if warn:
        warn_between_steps(context, times, steps, context.document.nearest_span(path), "the spike times")
    return steps


def _by_formula(
    context: Context, population: Population, path: Path, model: SpikeGroup, period: int
) -> tuple[IntArray, FloatArray]:
    from snnrun.resolve.trains import regular_spikes, spikes_by_latency  # noqa: PLC0415 - few groups have formulas

    if isinstance(model.times, Latencies):
        if period:
            shown = context.array_functions.get(model.times.stimuli)
            if shown is not None:
                shown.elsewhere.append(context.document.nearest_span((*path[:-1], "period")))
        return spikes_by_latency(context, population, path)
    return regular_spikes(context, population, path, _end(context, period))


def _end(context: Context, period: int) -> float:
    """When spikes by formula end: at the end of the run, or after the period in steps [s]."""
    duration = context.constants.get("duration")
    if duration is None:
        raise AlreadyReported
    if duration.exact is OPEN:
        raise ValueNeededError("duration")
    return period * context.dt if period else duration.value


def _written(context: Context, path: Path, size: int) -> tuple[IntArray, FloatArray]:
    times, _ = read_series(context, (*path, "times"), TIME, "a spike time")
    if _are_all(context, path):
        from snnrun.resolve.trains import must_be_few  # noqa: PLC0415 - few groups spike all at once

        must_be_few(context, (*path, "times"), float(size) * len(times))
        return np.tile(np.arange(size), len(times)), np.repeat(times, size)
    ids, _ = read_series(context, (*path, "indices"), ONE, "an index")
    wrong = (ids != np.floor(ids)) | (np.abs(ids) > WIDEST)
    if np.any(wrong):
        k = int(np.argmax(wrong))
        place = (*path, "indices", k)
        place = place if context.document.has(place) else (*path, "indices")
        raise context.error("NET101", f"an index must be a whole number within 2**53, this is {ids[k]:g}", place)
    if isinstance(context.document.node((*path, "indices")), ScalarNode) and len(ids) == 1:
        ids = np.repeat(ids, len(times))
    if len(ids) != len(times):
        raise context.error("NET160", f"there are {len(ids)} indices and {len(times)} times", (*path, "times"))
    return ids.astype(np.int64), times


def _are_all(context: Context, path: Path) -> bool:
    """Whether each neuron spikes at all times."""
    place = (*path, "indices")
    node = context.document.node(place) if context.document.has(place) else None
    return isinstance(node, ScalarNode) and str(node.value).strip() == "all"


def _from_file(context: Context, path: Path) -> tuple[IntArray, FloatArray]:
    ids, times, own = read_spikes(context, path)
    scale = unit_of(context, (*path, "unit"), TIME, "the time of a spike", (*path, "file"), own)
    return ids, times * scale
