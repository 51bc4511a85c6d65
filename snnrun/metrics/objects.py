"""Variables of groups and synapses in metrics: their values at the end of the run."""

from __future__ import annotations

import numpy as np

from snnrun.equations.ast import Name
from snnrun.errors import at, did_you_mean
from snnrun.metrics.nonfinite import shown
from snnrun.metrics.running import RunMetrics, Value, explained
from snnrun.metrics.terms import Size, Term
from snnrun.model.network import Network, NeuronSubset, Synapses
from snnrun.resolve.context import Context
from snnrun.units.dimensions import ONE, Dimension


def group_variable(context: Context, expr: Name, group: str, variable: str) -> Term:
    """A variable or subexpression of a group or subgroup.

    Raises:
        ExperimentError: NET221, there is no such variable.
    """
    population = context.populations[group]
    name, _, inner = variable.partition(".")
    subgroup = population.subgroups.get(name) if inner else None
    if subgroup is not None:
        group, variable = f"{group}.{name}", inner
    member = population.members.get(variable)
    if member is None:
        advice = did_you_mean(variable, [*population.members, *population.subgroups])
        if variable in population.subgroups:
            advice = f"`{expr.id}` is a subgroup: write `{expr.id}.{next(iter(population.members), 'v')}`"
        raise at(expr.span, "NET221", f"`{group}` has no variable `{variable}`", advice)
    is_shared = member.stored is not None and member.stored.variable.shared
    of = None if is_shared else subgroup or population.view
    return _final(population.path, variable, member.typed.dimension, of, stored=member.stored is not None)


def synapse_variable(synapses: Synapses, expr: Name, variable: str) -> Term:
    """A variable or subexpression of synapses, in creation order.

    Raises:
        ExperimentError: NET221, there is no such variable.
    """
    dimensions = dict.fromkeys(("i", "j", "N_incoming", "N_outgoing"), ONE)
    hidden = {"lastupdate", *synapses.moving}
    dimensions |= {name: dimension for name, dimension in synapses.dimensions.items() if name not in hidden}
    if variable not in dimensions:
        advice = did_you_mean(variable, dimensions)
        raise at(expr.span, "NET221", f"`{synapses.name}` has no variable `{variable}`", advice)
    stored = variable not in synapses.expressions
    return _final(synapses.path, variable, dimensions[variable], synapses.path, stored=stored)


def _final(owner: str, variable: str, dimension: Dimension, of: NeuronSubset | str | None, *, stored: bool) -> Term:
    """A value at the end of the run: of some neurons, of synapses by their path, or one for all."""

    def compute(run: RunMetrics) -> Value:
        values = run.final(owner, variable)
        if not isinstance(of, NeuronSubset) or of.whole or not np.ndim(values):
            return values
        return np.asarray(values)[of.ids]

    def why(_: RunMetrics, value: Value) -> str | None:
        if stored and not np.any(np.isnan(value)):
            return None  # the file says that it is infinite
        return f"`{owner.partition('.')[2]}.{variable}` is {shown(value)}"

    size: Size | None = of.size if isinstance(of, NeuronSubset) else of
    return explained(Term(dimension, compute, size), why)


def naming_advice(context: Context, network: Network, name: str) -> tuple[str, str] | None:
    """Why the name of a whole object is no number, and what to write instead; None for other names."""
    if any(name == monitor.name for monitor in network.monitors):
        return (
            f"`{name}` is a monitor: say what to compute of it",
            f"for example `mean_rate({name})` or `max({name})`",
        )
    population = context.populations.get(name)
    if population is not None:
        example = f"{name}.{next(iter(population.members), 'v')}"
        return (
            f"`{name}` is a group: say which of its variables",
            f"for example `mean({example})`, of its values at the end of the run",
        )
    if name in network.synapses:
        return (
            f"`{name}` are synapses: say what to compute of them",
            f"for example `count({name})`, or `mean({name}.w)` of a variable `w`",
        )
    return None
