"""Explicit Runge-Kutta methods of order 2 (midpoint) and 4 (classical)."""

from __future__ import annotations

from snnrun.equations.dag import Node, Variable
from snnrun.equations.methods.system import Method, System, Update, float_update, refuse_noise


def midpoint(system: System) -> Update:
    """X + dt*f(x + dt/2*f(x), t + dt/2).

    Order 2, two stages; no noise.

    Reference: Hairer, Norsett & Wanner 1993, section II.1.
    """
    refuse_noise(system)
    g, dt = system.graph, system.dt
    rhs = system.with_frozen_rhs()
    half = g.mul(g.literal(0.5), dt)
    middle = {v: g.add(system.state(v), g.mul(half, f)) for v, f in rhs.items()}
    new = {v: g.add(system.state(v), g.mul(dt, system.at_stage(f, middle, half))) for v, f in rhs.items()}
    return Update(float_update(system, new))


def classical(system: System) -> Update:
    """The classical fourth-order method.

    Order 4, four stages; no noise.

    Reference: Hairer, Norsett & Wanner 1993, table II.1.2.
    """
    refuse_noise(system)
    g, dt = system.graph, system.dt
    rhs = system.with_frozen_rhs()
    half = g.mul(g.literal(0.5), dt)

    def stage(previous: dict[Variable, Node], step: Node) -> dict[Variable, Node]:
        values = {v: g.add(system.state(v), g.mul(step, k)) for v, k in previous.items()}
        return {v: system.at_stage(f, values, step) for v, f in rhs.items()}

    k1 = dict(rhs)
    k2 = stage(k1, half)
    k3 = stage(k2, half)
    k4 = stage(k3, dt)
    sixth = g.div(dt, g.literal(6.0))
    new = {}
    for v in rhs:
        twice = g.mul(g.literal(2.0), g.add(k2[v], k3[v]))
        new[v] = g.add(system.state(v), g.mul(sixth, g.add(g.add(k1[v], twice), k4[v])))
    return Update(float_update(system, new))


RK2 = Method("rk2", midpoint, "Runge-Kutta midpoint, order 2")
RK4 = Method("rk4", classical, "classical Runge-Kutta, order 4")
