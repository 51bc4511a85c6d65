"""Delays: from times to steps."""

from __future__ import annotations

from collections.abc import Mapping

from snnrun.equations.check import Typed, wrong_dimension
from snnrun.equations.dag import Graph, Kind, Node
from snnrun.network.context import Context, Path, at
from snnrun.units.dimensions import TIME


def read_delay(context: Context, path: Path, symbols: Mapping[str, Typed], owner: str, name: str) -> Node:
    """A delay expression, in steps.

    Raises:
        ExperimentError: It is no time, or a negative constant.
    """
    expr = context.expression(path)
    draw = context.draws(f"{owner}.delay", "initial")
    typed = context.checker(symbols, f"the delay of `{name}`", draw=draw, lists=True).check(expr)
    if typed.node.kind is Kind.BOOL or typed.dimension != TIME:
        raise wrong_dimension(typed, TIME, f"the delay of `{name}`", expr)
    if context.is_wrong(typed, lambda seconds: seconds < 0):
        raise at(expr.span, "NET174", f"the delay is negative: {typed.value:g} s")
    return delay_steps(context.graph, context.graph.as_float(typed.node), context.dt)


def delay_steps(graph: Graph, seconds: Node, dt: float) -> Node:
    """int(delay/dt + 0.5)."""
    steps = graph.add(graph.div(seconds, graph.constant("dt", dt)), graph.literal(0.5))
    return graph.as_int(graph.function("floor", (steps,)))
