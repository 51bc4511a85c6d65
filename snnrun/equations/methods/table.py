"""All integration methods, and the choice that `auto` makes. A new method is one file and one line here.

The file format has a choice for each (`Method` of `spec/models.py` is made of this table).
"""

from __future__ import annotations

from snnrun.equations.methods import euler, exact, exponential_euler, fehlberg, runge_kutta, stochastic
from snnrun.equations.methods.system import Method, MethodError, System, Update

METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        exact.METHOD,
        exponential_euler.METHOD,
        euler.METHOD,
        runge_kutta.RK2,
        runge_kutta.RK4,
        fehlberg.METHOD,
        stochastic.HEUN,
        stochastic.MILSTEIN,
    )
}
AUTO_ORDER = ("exact", "euler", "heun")


def choose(system: System) -> tuple[str, Update, str]:
    """What `auto` picks: the first of exact, euler, heun that fits.

    Returns:
        The method's name, its update, and the reason in words.
    """
    reason = ""
    for name in AUTO_ORDER:
        try:
            return name, METHODS[name].advance(system), reason or "the equations are linear"
        except MethodError as error:
            reason = f"{name} does not fit: {error.reason}"
    raise MethodError(next(iter(system.rhs)).name, reason)


def fitting(system: System) -> list[str]:
    """The methods that fit a system, for help lines."""
    names = []
    for name, method in METHODS.items():
        try:
            method.advance(system)
        except MethodError:
            continue
        names.append(name)
    return names
