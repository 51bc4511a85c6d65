"""Times that may lie between two steps: delays, refractory times, given spikes, and bins of pictures.

A delay or bin becomes the nearest number of steps, `floor(delay/dt + 0.5 + 0.001)`: a half counts as the next step,
however the time is written. A refractory time and a given spike count the steps that are over, `timestep(x, dt) =
floor((x + 0.001*dt)/dt)`. Both are Brian2's rules; the thousandth makes up for times that binary numbers cannot hold.
All other times (durations, periods of operations and monitors, windows) must be whole numbers of steps
(`Context.steps`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from snnrun.equations.dag import Graph, Kind, Node, Op
from snnrun.equations.exact import OPEN
from snnrun.equations.scope import Typed, wrong_dimension
from snnrun.errors import at
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import LONGEST_DELAY, FloatArray, IntArray
from snnrun.resolve.context import Context, Path
from snnrun.resolve.initial import list_node
from snnrun.resolve.series import is_list
from snnrun.source import Span
from snnrun.spec import nodes as spec
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

FOREVER = 2**54  # steps: longer than any run
TOLERANCE = 1e-3  # of a step: as near to one, a time counts as it


def rules_with_delays(connect: spec.Node | None) -> list[bool]:
    """Which rules of a `connect` section give their synapses delays of their own: in `delay`, or in `to`."""
    return [_has_delay(rule) for rule in (connect.items if isinstance(connect, spec.ListNode) else (connect,))]


def has_parts(delay: spec.Node | None) -> bool:
    """Whether a delay is given in parts."""
    return isinstance(delay, spec.MapNode) and not {"axonal", "dendritic"}.isdisjoint(delay.entries)


def _has_delay(rule: spec.Node | None) -> bool:
    if not isinstance(rule, spec.MapNode):
        return False
    to = rule.get("to")
    named = (
        "delay" in to.entries
        if isinstance(to, spec.MapNode)
        else isinstance(to, spec.ScalarNode) and to.value == "delay"
    )
    return named or "delay" in rule.entries


def read_delay(context: Context, path: Path, symbols: Mapping[str, Typed], owner: str, name: str) -> Node:
    """A delay or a list of delays, in steps.

    Raises:
        ExperimentError: It is not a time, or a negative constant.
    """
    if is_list(context.document.node(path)):
        what = f"the delays of `{name}`"
        seconds = list_node(context, path, None, TIME, what)
        values = seconds.payload.array  # type: ignore[attr-defined] # that of a list
        if np.any(values < 0):
            k = int(np.argmax(values < 0))
            place = (*path, k) if context.document.has((*path, k)) else path
            raise context.error("NET174", f"the delay is negative: {values[k]:g} s", place)
        return delay_steps(context, Typed(seconds, TIME), context.document.span(path), what)
    expr = context.expression(path)
    draw = context.draws(f"{owner}.delay", "initial")
    typed = context.checker(symbols, f"the delay of `{name}`", draw=draw, lists=True).check(expr)
    if typed.node.kind is Kind.BOOL or not typed.fits(TIME):
        raise wrong_dimension(typed, TIME, f"the delay of `{name}`", expr)
    if context.is_wrong(typed, lambda seconds: np.logical_not(seconds >= 0)):
        what = "negative" if typed.value < 0 else "not a number (NaN)"
        raise at(expr.span, "NET174", f"the delay is {what}: {typed.value:g} s")
    return delay_steps(context, typed, expr.span, f"the delay of `{name}`")


def delay_steps(context: Context, seconds: Typed, span: Span | None, what: str) -> Node:
    """A delay in steps, with a warning where it is known and lies between two steps.

    Args:
        context: The resolution.
        seconds: The delay, or a list of delays. [s]
        span: Its place.
        what: What this is, for messages.

    Raises:
        ExperimentError: NET174 for a known delay of over a million steps.
    """
    node = nearest(context.graph, context.graph.as_float(seconds.node), context.dt, context.every)
    known: Sequence[float] | FloatArray = ()
    if seconds.exact is not None and seconds.exact is not OPEN:
        known = (seconds.value,)
    elif seconds.node.op is Op.LIST:
        known = seconds.node.payload.array  # type: ignore[attr-defined] # that of a list
    if len(known):
        longest = max(known)
        if longest * context.every > LONGEST_DELAY * context.dt:
            message = f"{what}: {longest:g} s is too long: over a million steps"
            raise at(span, "NET174", message)
        steps = evaluate(node, Environment(index={"list": slice(None)}))
        warn_between_steps(context, known, np.atleast_1d(steps) // context.every, span, what)
    return node


def nearest(graph: Graph, seconds: Node, dt: float, every: int = 1) -> Node:
    """The nearest number of steps; what no whole number of 64 bits holds, and NaN, is `FOREVER`.

    Args:
        graph: Where graphs are made.
        seconds: The time. [s]
        dt: The step that counts. [s]
        every: How many steps of the run that is.
    """
    steps = graph.add(graph.div(seconds, graph.constant("dt", dt)), graph.literal(0.5 + TOLERANCE))
    return whole_steps(graph, graph.function("floor", (steps,)), every)


def whole_steps(graph: Graph, steps: Node, every: int = 1) -> Node:
    """A number of steps as an integer; one beyond all runs, infinity and NaN are `FOREVER`, or `-FOREVER`.

    Args:
        graph: Where graphs are made.
        steps: The number.
        every: How many steps of the run each is; the integer counts those.
    """
    most = graph.literal(float(FOREVER))
    if every != 1:
        most = graph.constant("most_steps", float(FOREVER // every))
    limited = graph.select(graph.binary(Op.LT, steps, most), steps, most)
    whole = graph.as_int(graph.select(graph.binary(Op.GT, limited, graph.neg(most)), limited, graph.neg(most)))
    return whole if every == 1 else graph.mul(whole, graph.constant("every", every))


def warn_between_steps(
    context: Context, seconds: Sequence[float] | FloatArray, steps: IntArray, span: Span | None, what: str
) -> None:
    """Warn of times that lie between two steps.

    Args:
        context: The resolution.
        seconds: The times as given, shape (n,). [s]
        steps: What they become, shape (n,).
        span: Their place.
        what: What this is, for messages.
    """
    between = np.flatnonzero(
        np.abs(np.divide(seconds, context.dt) - np.rint(np.divide(seconds, context.dt))) > TOLERANCE
    )
    if not len(between):
        return
    k = int(between[0])
    given, dt = format_quantity(float(seconds[k]), TIME), format_quantity(context.dt, TIME)
    becomes = format_quantity(float(steps[k] * context.dt), TIME)
    count = "1 step" if steps[k] == 1 else f"{steps[k]} steps"
    several = "" if len(seconds) == 1 else f"; {len(between)} of {len(seconds)} lie between two steps"
    context.report.warn(
        "NET162", f"{what}: {given} is not a multiple of dt = {dt} and becomes {becomes} ({count}){several}", span
    )
