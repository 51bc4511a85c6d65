"""Exponential Euler for equations that are linear in their own variable."""

from __future__ import annotations

from snnrun.equations.derive import NotLinear, collect_linear
from snnrun.equations.methods.system import Method, MethodError, System, Update, float_update, refuse_noise


def advance(system: System) -> Update:
    """X + dt*phi(A*dt)*(A*x + B), phi(z) = (exp(z) - 1)/z.

    Each right-hand side is read as A*x + B in its own variable; other variables, and functions of x inside A or B,
    are frozen at the start of the step. Order 1, but stable for stiff gates (Hodgkin-Huxley). Right at A = 0, where
    the textbook form -B/A divides by zero. No noise.

    Reference: Moore & Ramon 1974, J. Theor. Biol. 45, 249-273.
    """
    refuse_noise(system)
    g, dt = system.graph, system.dt
    new = {}
    for v, f in system.rhs.items():
        x = system.state(v)
        try:
            a, _ = collect_linear(g, f, x)
        except NotLinear:
            raise MethodError(v.name, f"the equation of `{v.name}` is not of the form A*{v.name} + B") from None
        new[v] = g.add(x, g.mul(f, g.mul(dt, g.function("exprel", (g.mul(a, dt),)))))
    return Update(system.hold(float_update(system, new)))


METHOD = Method("exponential_euler", advance, "exponential Euler, order 1, stable for stiff gates")
