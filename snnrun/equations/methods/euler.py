"""Forward Euler, and Euler-Maruyama for additive noise."""

from __future__ import annotations

from snnrun.equations.methods.system import Method, MethodError, System, Update, float_update


def advance(system: System) -> Update:
    """X + dt*f(x) + g*dW.

    Order 1, one stage; with additive noise, whose factor may depend on time, strong order 1. Unstable for steps longer
    than twice the shortest time constant. The noise is Ito; multiplicative noise is refused, as `heun` and `milstein`
    (Stratonovich) give it the meaning that modellers expect.

    Reference: Kloeden & Platen 1992, section 10.2.
    """
    if system.has_noise and system.is_multiplicative():
        raise MethodError(
            next(iter(system.rhs)).name, "the noise is multiplicative (its factor changes with the state)"
        )
    g = system.graph
    if not system.has_noise:
        new = {v: g.add(system.state(v), g.mul(system.dt, f)) for v, f in system.rhs.items()}
        return Update(system.hold(float_update(system, new)))
    drift, noise = system.drift_and_noise()
    new = {}
    for v, f in drift.items():
        value = g.add(system.state(v), g.mul(system.dt, f))
        for leaf, coefficient in noise[v].items():
            value = g.add(value, g.mul(coefficient, system.increment(leaf)))
        new[v] = value
    return Update(float_update(system, new))


METHOD = Method("euler", advance, "forward Euler, order 1; Euler-Maruyama with additive noise")
