"""The `connect` section: its rules read and checked, ready to be built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snnrun.equations.dag import Parameter, Variable, is_fixed, walk
from snnrun.equations.scope import Typed
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.model.expected import expected_synapses
from snnrun.model.network import (
    All,
    Connect,
    FixedDegree,
    IntArray,
    NeuronSubset,
    Stored,
)
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import Context, Path, population_of
from snnrun.resolve.delays import read_delay
from snnrun.resolve.initial import initial_values
from snnrun.resolve.rule_forms import READERS, named_rule
from snnrun.resolve.rule_reader import RuleReader
from snnrun.resolve.selection import MOST_TRIED
from snnrun.spec.models import connect_form
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode


def read_rules(
    context: Context,
    path: Path,
    owner: str,
    symbols: Mapping[str, Typed],
    source: NeuronSubset,
    target: NeuronSubset,
    settable: Mapping[str, Stored],
) -> tuple[Connect, ...]:
    """All rules of a synapses object.

    Raises:
        ExperimentError: All errors of all rules.
    """
    node = context.document.node(path)
    given = frozenset(context.document.keys((*path[:-1], "initial")))
    places = [(*path, k) for k in range(len(node.items))] if isinstance(node, ListNode) else [path]
    rules: list[Connect] = []
    problems: list[Diagnostic] = []
    for number, place in enumerate(places):
        try:
            rules.append(
                _read_rule(RuleReader(context, place, owner, number, symbols, source, target, settable, given))
            )
        except ExperimentError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise ExperimentError(*problems)
    return tuple(rules)


def _read_rule(reader: RuleReader) -> Connect:
    context, path = reader.context, reader.path
    span = context.document.span(path)
    node = context.document.node(path)
    if isinstance(node, ScalarNode):
        rule = named_rule(reader, str(node.value))
        return Connect(rule, reader.source, reader.target, reader.stream, span)
    assert isinstance(node, MapNode)
    if "source" in node.entries:
        reader.source = _narrower(reader, "source", reader.source)
    if "target" in node.entries:
        reader.target = _narrower(reader, "target", reader.target)
    rule = READERS[connect_form(node.entries).model](reader)
    n = reader.optional("n", reader.multiplicity)
    initial = initial_values(
        context, (*path, "initial"), reader.stream, None, reader.settable, reader.symbols, "this rule"
    )
    if "delay" in node.entries:
        reader.delay_place = (*path, "delay")
        sender = with_clock(context, population_of(context, reader.source))
        reader.delay = read_delay(sender, reader.delay_place, reader.symbols, reader.stream, reader.owner)
    connect = Connect(
        rule,
        reader.source,
        reader.target,
        reader.stream,
        span,
        (*reader.values, *initial),
        reader.delay,
        context.document.span(reader.delay_place) if reader.delay_place is not None else None,
        n,
    )
    _try_beforehand(reader, connect)
    return connect


def _try_beforehand(reader: RuleReader, connect: Connect) -> None:
    """Refuse now what will be refused when the synapses are made, where that needs no neuron's values."""
    rule, context = connect.rule, reader.context
    graphs = [rule.number] if isinstance(rule, FixedDegree) else [rule.p] if isinstance(rule, All) else []
    leaves = list(walk(*(g for g in graphs if g is not None)))
    outside = any(isinstance(n.payload, Variable) and n.payload.owner != reader.owner for n in leaves)
    counted = reader.source.counted and reader.target.counted
    if outside or not counted or any(isinstance(n.payload, Parameter) for n in leaves):
        return
    if isinstance(rule, All) and rule.p is not None and not is_fixed(rule.p):
        expected_synapses(connect)
    if isinstance(rule, FixedDegree) and not is_fixed(rule.number):
        own = connect.target if rule.of == "in" else connect.source
        if own.size <= MOST_TRIED:
            from snnrun.model.rule_values import Ground, degrees  # noqa: PLC0415 - few rules compute degrees

            degrees(connect, rule, Ground(reader.owner, _no_values, context.seeds, context.dt, context.arrays))


def _narrower(reader: RuleReader, end: str, outer: NeuronSubset) -> NeuronSubset:
    """The part of the source or target that a rule names."""
    path = (*reader.path, end)
    found = reader.context.view(path, f"the {end} of this rule")
    if found.group != outer.group or not _is_within(found, outer):
        raise reader.context.error("NET180", f"`{found.name}` is not part of `{outer.name}`", path)
    return found


def _no_values(variable: Variable, _pre: IntArray, _post: IntArray) -> Any:
    raise KeyError(variable)


def _is_within(part: NeuronSubset, outer: NeuronSubset) -> bool:
    """Whether all neurons of a view belong to another of the same group."""
    if isinstance(part.members, range) and isinstance(outer.members, range):
        ends = {part.members[0], part.members[-1]}
        even = part.members.step % outer.members.step == 0 or part.size == 1
        return all(k in outer.members for k in ends) and even
    return part.size <= outer.size and bool(np.all(outer.places(part.ids) >= 0))
