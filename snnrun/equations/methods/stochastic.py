"""Methods for multiplicative noise, in the sense of Stratonovich."""

from __future__ import annotations

from collections.abc import Mapping

from snnrun.equations.dag import Draw, Node, Variable, variables_of
from snnrun.equations.methods.system import Method, MethodError, System, Update, float_update


def heun(system: System) -> Update:
    """X + dt*f(x) + dW*(g(x) + g(x + g(x)*dW, t + dt))/2.

    Strong order 1/2 (1 for one noise), two evaluations of g; converges to the Stratonovich solution. The drift is
    taken at the start of the step only, so without noise this is forward Euler.

    Reference: Kloeden & Platen 1992, section 11.1; semantics as Brian2 users know them.
    """
    g, dt = system.graph, system.dt
    drift, noise = system.drift_and_noise()
    support = _predict(system, noise)
    new = {}
    for v, f in drift.items():
        value = g.add(system.state(v), g.mul(dt, f))
        for leaf, coefficient in noise[v].items():
            later = system.at_stage(coefficient, support, dt)
            mean = g.mul(g.literal(0.5), g.add(coefficient, later))
            value = g.add(value, g.mul(mean, system.increment(leaf)))
        new[v] = value
    return Update(float_update(system, new))


def _predict(system: System, noise: dict[Variable, dict[Node, Node]]) -> dict[Variable, Node]:
    g = system.graph
    support: dict[Variable, Node] = {}
    for v, coefficients in noise.items():
        value = system.state(v)
        for leaf, coefficient in coefficients.items():
            value = g.add(value, g.mul(coefficient, system.increment(leaf)))
        support[v] = value
    return support


def milstein(system: System) -> Update:
    """X + dt*f + g*dW + (g(x + sqrt(dt)*g) - g)*dW**2 / (2*sqrt(dt)).

    Strong order 1, without derivatives of g; Stratonovich (the last term has dW**2, not dW**2 - dt). The point at
    which g is taken again leaves out the drift: with it the last term would not vanish in the mean, which makes the
    order 1/2. The noise must be diagonal: what the factor of a noise depends on is moved by no other noise.

    Reference: Kloeden & Platen 1992, section 11.1.
    """
    g, dt = system.graph, system.dt
    drift, noise = system.drift_and_noise()
    _refuse_not_diagonal(noise)
    root = g.function("sqrt", (dt,))
    support: dict[Variable, Node] = {}
    for v, coefficients in noise.items():
        value = system.state(v)
        for coefficient in coefficients.values():
            value = g.add(value, g.mul(root, coefficient))
        support[v] = value
    new = {}
    for v, f in drift.items():
        value = g.add(system.state(v), g.mul(dt, f))
        for leaf, coefficient in noise[v].items():
            dw = system.increment(leaf)
            change = g.sub(system.at_stage(coefficient, support), coefficient)
            correction = g.mul(g.div(change, g.mul(g.literal(2.0), root)), g.mul(dw, dw))
            value = g.add(g.add(value, g.mul(coefficient, dw)), correction)
        new[v] = value
    return Update(float_update(system, new))


def _refuse_not_diagonal(noise: Mapping[Variable, Mapping[Node, Node]]) -> None:
    for v, coefficients in noise.items():
        for leaf, coefficient in coefficients.items():
            for moved in sorted(variables_of(coefficient) & set(noise), key=lambda m: m.name):
                others = [other for other in noise[moved] if other is not leaf]
                if others:
                    raise MethodError(
                        v.name,
                        f"the noise is not diagonal: the factor of `{_name(leaf)}` depends on `{moved.name}`, "
                        f"which `{_name(others[0])}` moves too",
                    )


def _name(leaf: Node) -> str:
    """The name of a noise in the file."""
    assert isinstance(leaf.payload, Draw)
    return leaf.payload.stream.rpartition(".")[2]


HEUN = Method("heun", heun, "Heun, Stratonovich noise of any kind")
MILSTEIN = Method("milstein", milstein, "derivative-free Milstein, Stratonovich, diagonal noise")
