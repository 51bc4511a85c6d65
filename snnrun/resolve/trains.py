"""Spikes by formula of a group of given spikes: `times: {every, from, until, jitter}` or `{stimuli, latency}`."""

from __future__ import annotations

import numpy as np

from snnrun.equations.dag import ValueNeededError, Variable
from snnrun.equations.exact import OPEN
from snnrun.equations.scope import Typed
from snnrun.errors import did_you_mean
from snnrun.kernels.random import normal
from snnrun.kernels.streams import stream_key
from snnrun.model.evaluate import evaluate, full, indices
from snnrun.model.network import EARLY, FloatArray, IntArray, Presentations, TimedArray
from snnrun.resolve.context import AlreadyReported, Context, Path, Population, environment_of
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

MOST = 10**7
"""Spikes that formulas of one group may give."""


def regular_spikes(context: Context, population: Population, path: Path, end: float) -> tuple[IntArray, FloatArray]:
    """The spikes of neuron i at from + k*every for k = 0, 1, ..., before `until`, each moved by a normal number.

    Args:
        context: The resolution.
        population: The group.
        path: The map with `every`.
        end: The end of the run, or the period after which the spikes repeat. [s]

    Returns:
        Neurons and times [s] of the spikes, shape (n,) each.

    Raises:
        ExperimentError: NET161 for intervals that are not positive, times that are not possible, and too many spikes.
    """
    every = of_each(context, population, (*path, "every"))
    first = _or(context, population, (*path, "from"), 0.0)
    until = np.minimum(_or(context, population, (*path, "until"), end), end)
    _refuse(context, (*path, "every"), every, ~(every > 0), "positive")
    _refuse(context, (*path, "from"), first, ~((first >= 0) & (first < np.inf)), "finite and not negative")
    _refuse(context, (*path, "until"), until, ~(until >= 0), "not negative")
    spikes = np.where(np.isinf(every), 0.0, np.ceil(np.maximum((until - first) / every, 0.0)))
    must_be_few(context, path, float(spikes.sum()))
    counts = spikes.astype(np.int64)
    ids = np.repeat(indices(population.view.size), counts)
    number = indices(len(ids)) - np.repeat(np.cumsum(counts) - counts, counts)
    times = first[ids] + number * every[ids]
    kept = times < until[ids] - EARLY * context.dt
    ids, times, number = ids[kept], times[kept], number[kept]
    if not context.document.has((*path, "jitter")):
        return ids, times
    jitter = of_each(context, population, (*path, "jitter"))
    _refuse(context, (*path, "jitter"), jitter, ~((jitter >= 0) & (jitter < np.inf)), "finite and not negative")
    stream = context.draws(f"{population.path}.times", "input")("jitter").stream
    with np.errstate(all="ignore"):
        times = times + jitter[ids] * normal(ids, number, context.seeds.input, stream_key(stream))
    kept = (times >= -EARLY * context.dt) & (times < end - EARLY * context.dt)
    return ids[kept], np.maximum(times[kept], 0.0)


def spikes_by_latency(context: Context, population: Population, path: Path) -> tuple[IntArray, FloatArray]:
    """One spike a frame and column of stimuli, after a latency that the value of the column gives.

    Args:
        context: The resolution.
        population: The group.
        path: The map with `stimuli` and `latency`.

    Returns:
        Neurons and times [s] of the spikes, shape (n,) each.

    Raises:
        ExperimentError: NET110 for stimuli that do not exist, NET163 for another number of columns, NET161.
    """
    array, shown = _stimuli(context, (*path, "stimuli"))
    size, columns = population.view.size, array.values.shape[1]
    if size != columns:
        message = f"`{population.name}` has {size} neurons, the frames of `{array.name}` have {columns} values"
        raise context.error("NET163", message, (*path, "stimuli"), f"write `size: {array.name}.columns`")
    frames = array.values[::2] if shown.pause else array.values[:-1]
    must_be_few(context, path, float(frames.size))
    g, what = context.graph, f"`latency` of `{population.name}`"
    value = Variable(population.path, "x")
    symbols = {name: population.symbols[name] for name in ("i", "N")} | {"x": Typed(g.variable(value), array.dimension)}
    draw = context.draws(f"{population.path}.latency", "input")
    typed = context.checker(symbols, what, draw=draw).value(context.expression((*path, "latency")), TIME, what)
    ids, x = np.tile(indices(size), len(frames)), frames.reshape(-1)
    env = environment_of(context, ids, indices(len(ids)), lambda _: x)
    latency = full(evaluate(typed.node, env), len(ids), np.float64)
    kept = (x != 0) & (latency < int(shown.stops[0]) * context.dt * (1 - 1e-9))
    earliest = np.where(kept, latency, 0.0).reshape(-1, size).min(axis=0)
    _refuse(context, (*path, "latency"), earliest, earliest < 0, "not negative")
    begin = np.repeat(shown.starts * context.dt, size)
    return ids[kept], (begin + latency)[kept]


def _stimuli(context: Context, path: Path) -> tuple[TimedArray, Presentations]:
    name = context.text(path).value
    if f"arrays.{name}" in context.failed:
        raise AlreadyReported
    array = context.arrays.get(name)
    if array is None:
        advice = did_you_mean(name, context.experiment.arrays)
        raise context.error("NET110", f"there is no array `{name}`", path, advice)
    context.uses.note(("arrays", name), context.text(path).span())
    if array.presentations is None:
        message = f"`{name}` is an array without presentations"
        raise context.error("NET163", message, path, "give it `frames`, `each` and `pause`")
    return array, array.presentations


def of_each(context: Context, population: Population, path: Path) -> FloatArray:
    """The times that an expression of `i` and random numbers gives to each neuron [s], shape (size,)."""
    what = f"`{path[-1]}` of `{population.name}`"
    symbols = {name: population.symbols[name] for name in ("i", "N")}
    draw = context.draws(f"{population.path}.{path[-1]}", "input")
    typed = context.checker(symbols, what, draw=draw).value(context.expression(path), TIME, what)
    if typed.exact is OPEN:
        raise ValueNeededError(what)
    size = population.view.size
    return np.asarray(full(evaluate(typed.node, environment_of(context, indices(size))), size, np.float64))


def must_be_few(context: Context, path: Path, number: float) -> None:
    """Refuse more spikes than memory should hold.

    Raises:
        ExperimentError: NET161.
    """
    if number > MOST:
        advice = "a group with `threshold` or `kind: poisson` spikes without a list"
        raise context.error("NET161", f"these are {number:.3g} spikes, at most {MOST:,} are taken", path, advice)


def _or(context: Context, population: Population, path: Path, otherwise: float) -> FloatArray:
    if context.document.has(path):
        return of_each(context, population, path)
    return np.full(population.view.size, otherwise)


def _refuse(context: Context, path: Path, values: FloatArray, wrong: np.ndarray, wanted: str) -> None:
    if not wrong.any():
        return
    k = int(np.argmax(wrong))
    whose = f"`{path[-1]}` of neuron {k}" if len(set(values.tolist())) > 1 else f"`{path[-1]}`"
    raise context.error("NET161", f"{whose} is {format_quantity(float(values[k]), TIME)}: it must be {wanted}", path)
