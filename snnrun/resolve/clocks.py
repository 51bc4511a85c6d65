"""Time steps of single objects: whole numbers of steps of the run."""

from __future__ import annotations

from dataclasses import replace

from snnrun.equations.dag import Kind, Op
from snnrun.equations.scope import Typed
from snnrun.resolve.context import Context, Path, Population, exact_int
from snnrun.units.dimensions import ONE, TIME
from snnrun.units.quantities import format_quantity


def read_clock(context: Context, path: Path, whose: str) -> tuple[Typed, int]:
    """The time step of an object, and how many steps of the run it has.

    Raises:
        ExperimentError: NET102 when it is not a whole number of steps of the run.
    """
    if not context.document.has(path):
        return context.constants["dt"], 1
    what = f"`dt` of {whose}"
    value, expr = context.constant(path, TIME, what), context.expression(path)
    if 0 < value < context.dt * 0.99:
        shorter = (
            f"{what} is {format_quantity(value, TIME)}, shorter than `run.dt`, {format_quantity(context.dt, TIME)}"
        )
        advice = "set `run.dt` to the shortest step, and give the others a `dt` of their own"
        raise context.error("NET102", shorter, path, advice)
    every = context.steps(path, what, 1)
    return Typed(context.graph.constant("dt", value), TIME, context.checker({}, what).check(expr).exact), every


def with_clock(context: Context, population: Population) -> Context:
    """The same resolution, in which `dt` is that of a group."""
    if population.every == 1:
        return context
    return replace(context, dt=population.symbols["dt"].value, every=population.every)


def clock_symbols(context: Context, dt: Typed, every: int) -> dict[str, Typed]:
    """What the time step of an object means in its expressions; empty where it is that of the run."""
    if every == 1:
        return {}
    g = context.graph
    steps = g.binary(Op.FLOORDIV, g.node(Op.STEP, (), Kind.INT), exact_int(g, "every", every).node)
    return {"dt": dt, "t_in_timesteps": Typed(steps, ONE)}
