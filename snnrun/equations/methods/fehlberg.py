"""The adaptive Runge-Kutta-Fehlberg method of orders 4 and 5."""

from __future__ import annotations

import math
from collections.abc import Mapping

from snnrun.equations.dag import Adaptive, Draw, Graph, Kind, Node, Op, Variable, walk
from snnrun.equations.methods.system import Method, MethodError, System, Update, refuse_noise

TOLERANCE = 1e-6
_LEAST = 2.0**-40  # of a step: a shorter part of it is not taken
_STAGES = (  # when, and the factors of the stages before
    (1 / 4, (1 / 4,)),
    (3 / 8, (3 / 32, 9 / 32)),
    (12 / 13, (1932 / 2197, -7200 / 2197, 7296 / 2197)),
    (1.0, (439 / 216, -8.0, 3680 / 513, -845 / 4104)),
    (1 / 2, (-8 / 27, 2.0, -3544 / 2565, 1859 / 4104, -11 / 40)),
)
_FIFTH = (16 / 135, 0.0, 6656 / 12825, 28561 / 56430, -9 / 50, 2 / 55)
_ERROR = (1 / 360, 0.0, -128 / 4275, -2197 / 75240, 1 / 50, 2 / 55)


def advance(system: System) -> Update:
    """Parts of the step, each as long as the tolerance allows, by the fifth-order formula.

    The difference of both orders estimates the error of a part, which stays below the tolerance relative to the size
    of the variable. Each step begins with one part. An element whose threshold is crossed ends its step there; one that
    would need parts of less than 2**-40 of a step becomes NaN, which ends the run. No noise, no random numbers.

    Reference: Hairer, Norsett & Wanner 1993, table II.5.1 (Fehlberg's method) and section II.4.
    """
    refuse_noise(system)
    g, rhs = system.graph, system.with_frozen_rhs()
    for v, f in rhs.items():
        if any(isinstance(n.payload, Draw) for n in walk(f)):
            raise MethodError(v.name, f"the equation of `{v.name}` draws random numbers, which have no derivative")
    now = {v: g.variable(Variable("part", v.name)) for v in rhs}
    length, offset = (g.variable(Variable("part", f" {name}")) for name in ("length", "offset"))
    tried = _Stages(system, rhs, now, length, offset)
    new = {v: g.add(now[v], tried.sum(v, _FIFTH)) for v in rhs}
    error = _largest(g, [_relative(g, tried.sum(v, _ERROR), now[v], new[v]) for v in rhs])
    allowed = g.div(error, system.tolerance or g.literal(TOLERANCE))
    stop = None if system.stop is None else g.replace_variables(system.stop, now)
    solved = Adaptive(
        states=tuple(rhs),
        now=tuple(now.values()),
        length=length,
        offset=offset,
        new=tuple(new.values()),
        good=g.binary(Op.LE, allowed, g.literal(1.0)),
        factor=_factor(g, allowed),
        stop=stop,
        step=system.dt,
        least=g.mul(system.dt, g.literal(_LEAST)),
        nan=g.constant("nan", math.nan),
    )
    return Update({v: g.node(Op.ADAPTIVE, (), Kind.FLOAT, (solved, k)) for k, v in enumerate(rhs)})


class _Stages:
    """The slopes of a part of the step at its stages."""

    def __init__(
        self, system: System, rhs: Mapping[Variable, Node], now: Mapping[Variable, Node], length: Node, offset: Node
    ) -> None:
        self.graph = system.graph
        self.length = length
        self.slopes: list[dict[Variable, Node]] = [{v: system.at_stage(f, now, offset) for v, f in rhs.items()}]
        g = self.graph
        for when, factors in _STAGES:
            values = {v: g.add(now[v], self.sum(v, factors)) for v in rhs}
            at = g.add(offset, g.mul(g.literal(when), length))
            self.slopes.append({v: system.at_stage(f, values, at) for v, f in rhs.items()})

    def sum(self, v: Variable, factors: tuple[float, ...]) -> Node:
        """The length of the part times a sum of slopes."""
        g, total = self.graph, self.graph.literal(0.0)
        for factor, slopes in zip(factors, self.slopes, strict=True):
            if factor:
                total = g.add(total, g.mul(g.literal(factor), slopes[v]))
        return g.mul(self.length, total)


def _relative(g: Graph, error: Node, now: Node, new: Node) -> Node:
    """An error relative to the mean size of what is computed, before and after."""
    size = g.mul(g.literal(0.5), g.add(g.function("abs", (now,)), g.function("abs", (new,))))
    error = g.function("abs", (error,))
    return g.select(g.binary(Op.EQ, error, g.literal(0.0)), error, g.div(error, size))


def _largest(g: Graph, errors: list[Node]) -> Node:
    """The largest error; NaN if one is."""
    found = errors[0]
    for error in errors[1:]:
        further = g.binary(Op.OR, g.binary(Op.GT, found, error), g.binary(Op.NE, found, found))
        found = g.select(further, found, error)
    return found


def _factor(g: Graph, error: Node) -> Node:
    """By what the next part may be longer: from 0.1 to 5, and 0.1 where the error is NaN or infinite."""
    low, high = g.literal(1e-4), g.literal(1e6)
    bounded = g.select(g.binary(Op.LT, error, high), g.select(g.binary(Op.GT, error, low), error, low), high)
    wanted = g.mul(g.literal(0.9), g.power(bounded, g.literal(-0.2)))
    return g.select(g.binary(Op.LT, wanted, g.literal(0.1)), g.literal(0.1), wanted)


METHOD = Method("rkf45", advance, "adaptive Runge-Kutta-Fehlberg, order 5, in parts of the step that bound its error")
