"""What is told of a run that cannot go on: which value stopped being finite, when, why, and what can be done."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from snnrun.codegen.arguments import ArrayKey, ArrayUse
from snnrun.engine.cause import Cause, cause_of
from snnrun.engine.values import Array, Built
from snnrun.engine.watch import Found
from snnrun.equations.dag import Kind
from snnrun.errors import Diagnostic, RunError
from snnrun.model.network import LONGEST_DELAY, Group, Network, PoissonInput, Stored
from snnrun.model.rates import advice
from snnrun.source import Span
from snnrun.units.dimensions import FREQUENCY, TIME
from snnrun.units.quantities import format_quantity


def failed(
    built: Built,
    network: Network,
    found: Found,
    low: int,
    high: int,
    before: Callable[[ArrayKey], Array] | None = None,
) -> RunError:
    """The error of a value that is not finite, or of an impossible rate.

    Args:
        built: The network in memory, at the start of step `high`.
        network: The network with the constants of the phase.
        found: What is wrong.
        low: The last step at whose start all was well.
        high: The first at whose start it is known that it is not.
        before: The arrays at the start of step `low`, where they are known and `high` is the next step.
    """
    when = (
        f"at t = {_time(network, low)}"
        if high == low + 1
        else f"between t = {_time(network, low)} and {_time(network, high)}"
    )
    if isinstance(found.what, int):
        return _impossible_amount(network, found.what, found, when)
    if not isinstance(found.what, Stored):
        return _impossible_rate(network, found.what, found, when, _rate_span(built.network, found.what, low))
    stored = found.what
    variable = stored.variable
    if stored.kind is Kind.INT:
        return _impossible_delay(built, network, stored, found, when)
    became = "NaN (not a number)" if np.isnan(found.value) else "infinite"
    name = variable.name.partition("@")[0]
    message = f"`{name}`{_element(built, stored, found.element)} became {became} {when}"
    cause = Cause("", "try a smaller `dt`")
    if before is not None:
        last = float(before(ArrayUse.VARIABLE.of(variable.owner, variable.name))[found.element])
        cause = cause_of(built, network, low, stored, found.element, before)
        message += f": {cause.what}" if cause.what else ""
        message += f"; its last finite value was {format_quantity(last, stored.dimension)}"
    return RunError(Diagnostic("RUN301", message, cause.span, cause.help))


def _impossible_delay(built: Built, network: Network, stored: Stored, found: Found, when: str) -> RunError:
    """The error of a delay that no spike can have; whole numbers are noted for nothing else."""
    most = format_quantity(LONGEST_DELAY * network.dt, TIME)
    value = f"is {format_quantity(found.value * network.dt, TIME)}"
    if found.value > LONGEST_DELAY:
        value = f"is longer than {most} (a million steps), or not a number"
    what = f"the delay{_element(built, stored, found.element)}"
    name = stored.variable.owner.partition(".")[2]
    span = network.synapses[name].moving[stored.variable.name].span
    help = "keep it from 0 on, with `clip`, where an operation sets it"
    return RunError(Diagnostic("RUN311", f"{what} {value} {when}, where a spike is sent with it", span, help))


def _impossible_amount(network: Network, number: int, found: Found, when: str) -> RunError:
    """The error of an argument that no random number can have."""
    amount = network.graph.amounts[number]
    value = "NaN (not a number)" if np.isnan(found.value) else format_quantity(found.value, amount.dimension)
    message = f"{amount.rule}: it is {value} {when}, for element {found.element}"
    return RunError(Diagnostic("RUN312", message, network.graph.places.get(number), "keep it possible, with `clip`"))


def _rate_span(network: Network, source: Group | PoissonInput, step: int) -> Span | None:
    """Where the file gives the rates: the source itself, or the last phase that has set them."""
    span = source.rate_span
    if isinstance(source, Group):
        lines = (
            line
            for phase in network.phases
            if phase.start <= step
            for owner, line in phase.sets
            if owner == source.path
        )
        for line in lines:
            span = line.span if line.variable.name == "rates" else span
    return span


def _impossible_rate(
    network: Network, source: Group | PoissonInput, found: Found, when: str, span: Span | None
) -> RunError:
    whose = f"`{source.name}`" if isinstance(source, Group) else f"input `{source.name}`"
    group = source if isinstance(source, Group) else network.groups[source.target.group]
    dt = network.dt * group.every
    rate, most = format_quantity(found.value / dt, FREQUENCY), format_quantity(1 / dt, FREQUENCY)
    value = "not a number (NaN)" if np.isnan(found.value) else rate
    return RunError(
        Diagnostic(
            "RUN307",
            f"the rate of neuron {found.element} of {whose} is {value} {when}: it must lie between 0 and 1/dt = {most}",
            span,
            advice(found.value, trains=isinstance(source, PoissonInput)),
        )
    )


def _time(network: Network, step: int) -> str:
    return format_quantity(step * network.dt, TIME)


def _element(built: Built, stored: Stored, element: int) -> str:
    section, _, name = stored.variable.owner.partition(".")
    if stored.variable.shared:
        return f" of `{name}`"
    if section == "groups":
        synapses = stored.variable.name.partition("@")[2]  # whose variable the neuron keeps
        return f"{f' of the synapses `{synapses}`' if synapses else ''} of neuron {element} of `{name}`"
    connectivity = built.connectivity[name]
    pair = f"{connectivity.pre[element]} -> {connectivity.post[element]}"
    return f" of synapse {connectivity.created[element]} ({pair}) of `{name}`"
