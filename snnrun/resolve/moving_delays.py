"""Delays of synapses that operations read and change: in statements they are variables of the synapses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from snnrun.equations.ast import Expr
from snnrun.equations.dag import Kind, Node, Variable, variables_of
from snnrun.equations.scope import Typed
from snnrun.errors import at
from snnrun.model.network import Network, Operation, Pathway, Stored, Synapses
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import Context
from snnrun.resolve.delays import nearest
from snnrun.resolve.names import Names
from snnrun.resolve.statements import StatementScope, Target
from snnrun.resolve.synapse_names import delay_names
from snnrun.units.dimensions import TIME


def with_delays(context: Context, synapses: Synapses, scope: StatementScope) -> StatementScope:
    """The scope of statements about synapses in which delays are variables, by the names that monitors know."""
    g = context.graph
    symbols: dict[str, Typed] = {}
    targets: dict[str, Target] = {}
    for name, (pathway_name, post) in delay_names(synapses).items():
        pathway = next(p for p in synapses.pathways if (p.name, p.post) == (pathway_name, post))
        if pathway.dendritic is not None:
            continue
        variable = _variable(synapses, pathway)
        symbols[name] = Typed(_seconds(context, variable), TIME)
        sender = with_clock(context, context.populations[synapses.trigger(pathway).group])

        def steps(value: Typed, expr: Expr, sender: Context = sender) -> Node:
            if sender.is_wrong(value, lambda seconds: np.logical_not(seconds >= 0)):
                what = "negative" if value.value < 0 else "not a number (NaN)"
                raise at(expr.span, "NET174", f"the delay is {what}: {value.value:g} s")
            return nearest(g, g.as_float(value.node), sender.dt, sender.every)

        targets[name] = Target(Stored(variable, Kind.FLOAT, TIME), kept=steps)
    return replace(scope, symbols=Names(scope.symbols, symbols), targets=Names(scope.targets, targets))


def _variable(synapses: Synapses, pathway: Pathway) -> Variable:
    """What holds the delays of a pathway in steps; no name in a file has a dot."""
    return Variable(synapses.path, f"{pathway.key}.delay")


def _seconds(context: Context, variable: Variable) -> Node:
    g = context.graph
    return g.mul(g.as_float(g.variable(variable, Kind.INT)), context.constants["dt"].node)


def with_moving_delays(
    context: Context, synapses: Mapping[str, Synapses], operations: Iterable[Operation]
) -> dict[str, Synapses]:
    """Synapses whose pathways know that operations read or change their delays."""
    used = {
        (v.owner, v.name)
        for o in operations
        for v in (*(a.variable for a in o.block.assignments), *variables_of(*o.block.values))
    }
    found = dict(synapses)
    for name, old in synapses.items():
        moving = {p.key: _variable(old, p) for p in old.pathways}
        moving = {key: v for key, v in moving.items() if (v.owner, v.name) in used}
        if not moving:
            continue
        pathways = tuple(
            replace(p, moving=moving[p.key], uniform_delay=False) if p.key in moving else p for p in old.pathways
        )
        shown = {
            word: (_seconds(context, moving[p.key]), TIME)
            for word, (pathway_name, post) in delay_names(old).items()
            for p in old.pathways
            if (p.name, p.post) == (pathway_name, post) and p.key in moving
        }
        stored = (*old.stored, *(Stored(v, Kind.INT, TIME) for v in moving.values()))
        found[name] = replace(old, pathways=pathways, stored=stored, expressions={**shown, **old.expressions})
    return found


def refuse_with_states(context: Context, network: Network) -> None:
    """Refuse to store or take the state of a run whose delays change: it has no place for spikes on their way.

    Raises:
        ExperimentError: NET177.
    """
    run = context.experiment.run
    every = [(s.name, s.moving or any(p.dendritic is not None for p in s.pathways)) for s in network.synapses.values()]
    moving = next((name for name, found in every if found), None)
    for key, given in (("start_from", run.start_from is not None), ("save_state", run.save_state)):
        if moving is not None and given:
            raise context.key_error(
                "NET177",
                f"delays of `{moving}` are changed by operations, or have a dendritic part: a state holds nothing "
                "of what is on its way there",
                ("run", key),
                "remove it",
            )
