"""Rates of Poisson processes that no step can have are refused before the run where they can be known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnrun.equations.check import OPEN
from snnrun.equations.dag import CHANGING, Node, Op, ValueNeededError, walk
from snnrun.network.context import Context, Path
from snnrun.network.evaluate import Environment, evaluate
from snnrun.network.ir import IntArray, TimedArray
from snnrun.units.dimensions import FREQUENCY, TIME
from snnrun.units.quantities import format_quantity

ROUNDING = 1e-6  # a rate may be so much above 1/dt, relative to it
MOST = 1 << 20  # rates that are computed before the run


def is_impossible(chance: object) -> object:
    """Whether probabilities of a spike in a step are none: negative, above one, or NaN."""
    values = np.asarray(chance)
    return ~((values >= 0.0) & (values <= 1.0 + ROUNDING))


def impossible_rate(
    rate: Node, size: int, dt: float, steps: int, arrays: Mapping[str, TimedArray]
) -> tuple[int, float, float] | None:
    """The first rate that no step can have, of rates of constants, lists, `i` and timed arrays at `t`.

    Args:
        rate: The rate as a graph. [Hz]
        size: Number of neurons.
        dt: The step. [s]
        steps: Length of the run.
        arrays: The timed arrays.

    Returns:
        Neuron, time [s] and rate [Hz]; None when all are possible, or not known before the run.
    """
    timed: set[str] = set()
    for n in walk(rate):
        if n.op is Op.TIMED and n.args[0].op is Op.TIME:
            if str(n.payload) not in arrays:
                return None
            timed.add(str(n.payload))
        elif n.op in CHANGING - {Op.INDEX, Op.LIST, Op.TIME} or any(a.op is Op.TIME for a in n.args):
            return None
    if rate.op is Op.TIME:
        return None
    times = _first_steps([arrays[name] for name in timed], dt, steps)
    differs = any(n.op in (Op.INDEX, Op.LIST) for n in walk(rate))
    neurons = np.arange(size if differs else 1)
    if len(times) * len(neurons) > MOST:
        return None
    env = Environment(
        index={"own": neurons, "list": neurons, "N": np.int64(size)}, step=times[:, None], dt=dt, arrays=arrays
    )
    try:
        rates = np.broadcast_to(evaluate(rate, env), (len(times), len(neurons)))
    except ValueNeededError:
        return None
    wrong = np.asarray(is_impossible(rates * dt))
    if not wrong.any():
        return None
    at, neuron = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return int(neuron), float(times[at] * dt), float(rates[at, neuron])


def _first_steps(arrays: list[TimedArray], dt: float, steps: int) -> IntArray:
    """Steps of a run at which some array begins an entry."""
    first = [np.zeros(1, np.int64)]
    for array in arrays:
        within = min(len(array.values), int(steps * dt / array.dt) + 1)
        first.append(np.ceil(np.arange(within) * (array.dt / dt) - 1e-3).astype(np.int64))
    found = np.unique(np.concatenate(first))
    return found[found < max(steps, 1)]


def refuse_impossible(context: Context, rate: Node, size: int, path: Path, whose: str) -> None:
    """Refuse rates that no step can have where they are known before the run; others are asked for in the run.

    Args:
        context: The resolution.
        rate: The rate as a graph. [Hz]
        size: Number of neurons.
        path: Its place.
        whose: Whose it is, for messages.

    Raises:
        ExperimentError: NET132.
    """
    duration = context.constants.get("duration")
    known = duration is not None and duration.exact is not OPEN and not context.experiment.run.phases
    arrays = context.arrays if known else {}  # a phase may change what they are multiplied by before they come
    steps = round(duration.value / context.dt) if known and duration is not None else 1
    found = impossible_rate(rate, size, context.dt, steps, arrays)
    if found is None:
        return
    neuron, time, value = found
    place = (*path, neuron)
    when = f" at t = {format_quantity(time, TIME)}" if time > 0 else ""
    raise context.error(
        "NET132",
        f"the rate of neuron {neuron} of {whose} is {format_quantity(value, FREQUENCY)}{when}: "
        f"it must lie between 0 and 1/dt = {format_quantity(1 / context.dt, FREQUENCY)}",
        place if context.document.has(place) else path,
        "limit the rate (`clip`), or make `dt` smaller",
    )
