"""Rates of Poisson processes beyond 0 to 1/dt are refused before the run, where they are known then."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnrun.equations.dag import CHANGING, Lookup, Node, Op, ValueNeededError, walk
from snnrun.equations.exact import OPEN
from snnrun.errors import at
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import EARLY, Block, GroupKind, Indices, IntArray, Network, TimedArray, elements_at
from snnrun.model.rates import advice, is_impossible
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import Context, Path
from snnrun.source import Span
from snnrun.units.dimensions import FREQUENCY, TIME
from snnrun.units.quantities import format_quantity

MOST = 1 << 20  # rates that are computed before the run
TRIED = 1 << 16  # neurons that stand for all of a larger group


def impossible_rate(
    rate: Node,
    members: Indices,
    dt: float,
    steps: int,
    arrays: Mapping[str, TimedArray],
    where: Node | None = None,
) -> tuple[int, int, float, float] | None:
    """The first rate found that no step can have, of rates of constants, lists, `i` and timed arrays at `t`.

    Of more than `MOST` rates, those of some neurons are computed: spread evenly, the first and the last included.

    Args:
        rate: The rate as a graph. [Hz]
        members: The neurons.
        dt: The step. [s]
        steps: Length of the run.
        arrays: The timed arrays.
        where: Only neurons for which this holds; None for all.

    Returns:
        Place among the neurons, neuron, time [s] and rate [Hz]; None when all are possible, or not known before the
        run.
    """
    timed: set[str] = set()
    asked = (rate,) if where is None else (rate, where)
    for n in walk(*asked):
        if n.op is Op.TIMED and n.args[0].op is Op.TIME:
            assert isinstance(n.payload, Lookup)
            if n.payload.name not in arrays:
                return None
            timed.add(n.payload.name)
        elif n.op is Op.INDEX:
            if n.payload != "own":  # of the other end of a synapse
                return None
        elif n.op in CHANGING - {Op.LIST, Op.TIME} or any(a.op is Op.TIME for a in n.args):
            return None
    if rate.op is Op.TIME:
        return None
    times = _first_steps([arrays[name] for name in timed], dt, steps)
    differs = any(n.op in (Op.INDEX, Op.LIST) for n in walk(*asked))
    places = _spread(len(members) if differs else 1, max(MOST // len(times), 2))
    neurons = elements_at(members, places)
    env = Environment(
        index={"own": neurons, "list": places, "N": np.int64(len(members))}, step=times[:, None], dt=dt, arrays=arrays
    )
    try:
        shape = (len(times), len(neurons))
        rates = np.broadcast_to(evaluate(rate, env), shape)
        holds = np.broadcast_to(True if where is None else evaluate(where, env), shape)
    except ValueNeededError:
        return None
    wrong = np.asarray(is_impossible(rates * dt)) & holds
    if not wrong.any():
        return None
    row, k = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return int(places[k]), int(neurons[k]), float(times[row] * dt), float(rates[row, k])


def _spread(size: int, most: int) -> IntArray:
    """Places below a size: all, or as many as are tried, spread evenly from the first to the last."""
    if size <= most:
        return np.arange(size, dtype=np.int64)
    return np.linspace(0, size - 1, min(most, TRIED)).astype(np.int64)


def _first_steps(arrays: list[TimedArray], dt: float, steps: int) -> IntArray:
    """Steps of a run at which some array begins an entry; of a linear one, those before and after its points too."""
    first = [np.zeros(1, np.int64)]
    for array in arrays:
        if array.times is None:
            within = min(len(array.values), int(steps * dt / array.dt) + 1)
            first.append(np.ceil(np.arange(within) * (array.dt / dt) - EARLY).astype(np.int64))
        else:
            points = np.clip(np.ceil(array.times / dt - EARLY), 0, steps).astype(np.int64)
            first += [points, np.maximum(points - 1, 0)]
    found = np.unique(np.concatenate(first))
    return found[found < max(steps, 1)]


def refuse_impossible(
    context: Context,
    rate: Node,
    members: Indices,
    path: Path,
    whose: str,
    *,
    where: Node | None = None,
    span: Span | None = None,
) -> None:
    """Refuse rates that no step can have where they are known before the run; others are asked for in the run.

    Args:
        context: The resolution.
        rate: The rate as a graph. [Hz]
        members: The neurons.
        path: Its place.
        whose: Whose it is, for messages.
        where: Only neurons for which this holds; None for all.
        span: Its place in the file; None for that of the path.

    Raises:
        ExperimentError: NET132.
    """
    duration = context.constants.get("duration")
    known = duration is not None and duration.exact is not OPEN and not context.phases
    arrays = context.arrays if known else {}  # a phase may change what they are multiplied by before they come
    steps = round(duration.value / context.dt) if known and duration is not None else 1
    found = impossible_rate(rate, members, context.dt, steps, arrays, where)
    if found is None:
        return
    place, neuron, time, value = found
    when = f" at t = {format_quantity(time, TIME)}" if time > 0 else ""
    item = (*path, place)
    whole = context.document.span(path)
    if context.document.has(item) and span in (None, whole):
        span = context.document.span(item)
    raise at(
        span or whole,
        "NET132",
        f"the rate of neuron {neuron} of {whose} is {format_quantity(value, FREQUENCY)}{when}: "
        f"it must lie between 0 and 1/dt = {format_quantity(1 / context.dt, FREQUENCY)}",
        advice(value, trains=whose.startswith("input")),
    )


def refuse_impossible_writes(context: Context, network: Network, start: int, stop: int) -> None:
    """Refuse statements that give Poisson groups rates that no step can have, where they are known before the run.

    Args:
        context: The resolution.
        network: The network with the constants of a part of the run.
        start: First step of the part.
        stop: The step after its last.

    Raises:
        ExperimentError: NET132.
    """
    groups = {g.path: g for g in network.groups.values() if g.kind is GroupKind.POISSON}
    if not groups:
        return
    blocks: list[tuple[Path, Block]] = [
        (("operations", o.name, "do"), o.block) for o in network.operations if o.acts_within(start, stop)
    ]
    for synapses in network.synapses.values():
        for p in synapses.pathways:
            event: Path = ("synapses", synapses.name, "on_post" if p.post else "on_pre")
            places = ((*event, p.name, "do"), (*event, p.name), (*event, "do"), event)
            blocks.append((next(x for x in places if context.document.has(x)), p.block))
    for path, block in blocks:
        for a in block.assignments:
            group = groups.get(a.variable.owner)
            if group is None or a.variable.name != "rates":
                continue
            value, where = a.value, None
            if value.op is Op.SELECT and value.args[2].payload == a.variable:  # only some neurons are written
                where, value = value.args[:2]
            clocked = with_clock(context, context.populations[group.name])
            refuse_impossible(clocked, value, range(group.size), path, f"`{group.name}`", where=where)
