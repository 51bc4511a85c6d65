"""Operations of the file to those of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from snnrun.equations.scope import Elements
from snnrun.model.elapsed import as_event
from snnrun.model.network import Assignment, Block, Hook, IntArray, NeuronSubset, Operation, Slot, Synapses
from snnrun.resolve.context import AlreadyReported, Context, Path
from snnrun.resolve.group_names import group_scope, is_member
from snnrun.resolve.moments import before_step, is_before_groups
from snnrun.resolve.moving_delays import with_delays
from snnrun.resolve.series import read_series
from snnrun.resolve.statements import StatementScope, lower_statements
from snnrun.resolve.synapse_names import names_of_synapses, why_unknown
from snnrun.spec import models
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity


def resolve_operations(
    context: Context, synapses: Mapping[str, Synapses], steps: int
) -> tuple[tuple[Operation, ...], tuple[Hook, ...]]:
    """All operations, and the calls of Python functions."""
    operations: list[Operation] = []
    hooks: list[Hook] = []
    for name, model in context.experiment.operations.items():
        with context.collecting(f"operations.{name}"):
            try:
                if isinstance(model, models.CallOperation):
                    hooks.append(_hook(context, name, model))
                else:
                    operations.append(_operation(context, name, model, synapses))
                    _must_act(context, ("operations", name), operations[-1], steps)
            except AlreadyReported:
                context.failed.add(f"operations.{name}")
    return tuple(operations), tuple(hooks)


def _hook(context: Context, name: str, model: models.CallOperation) -> Hook:
    path: Path = ("operations", name)
    file, colon, function = model.call.rpartition(":")
    if not colon or not function.isidentifier() or not file.endswith(".py"):
        raise context.error("NET210", "`call` names a function of a file: `run/hooks.py:function`", (*path, "call"))
    if model.phases is not None:
        from snnrun.resolve.limited import must_have_phases  # noqa: PLC0415 - few operations act in some phases only

        must_have_phases(context, path)
    return Hook(name, file, function, context.steps((*path, "every"), "`every`", 1))


def _operation(context: Context, name: str, model: models.Operation, synapses: Mapping[str, Synapses]) -> Operation:
    path: Path = ("operations", name)
    every, at_steps = _times(context, path, model)
    slot = Slot(model.when)
    before = is_before_groups(context, model)
    text = context.text((*path, "target"))
    owner = text.value.strip()
    if owner in context.experiment.synapses:
        if owner not in synapses:
            raise AlreadyReported
        locale = synapse_locale(context, synapses[owner], f"operation `{name}`", f"operations.{name}")
        locale = with_delays(context, synapses[owner], locale)
        target = f"synapses.{owner}"
        block = lower_statements(context, context.text((*path, "do")), locale)
        block = as_event(context.graph, block, synapses[owner].elapsed, before=before)
    else:
        view = context.view((*path, "target"), f"the target of operation `{name}`")
        target = f"groups.{view.group}"
        locale = _scope_of_group(context, view, name)
        block = _only_members(context, view, lower_statements(context, context.text((*path, "do")), locale))
    if before:
        block = Block(tuple(Assignment(a.variable, before_step(context, a.value)) for a in block.assignments))
    if model.phases is not None:
        from snnrun.resolve.limited import guarded  # noqa: PLC0415 - few operations act in some phases only

        kinds = {t.stored.variable: t.stored.kind for t in locale.targets.values()}
        block = guarded(context, name, block, kinds)
    return Operation(name, target, block, every, at_steps, slot, model.order)


def _times(context: Context, path: Path, model: models.Operation) -> tuple[int, IntArray]:
    if (model.every is None) == (model.at is None):
        raise context.key_error("NET211", "an operation has either `every` or `at`", path)
    if model.every is not None:
        return context.steps((*path, "every"), "`every`", 1), np.zeros(0, dtype=np.int64)
    place = (*path, "at")
    times, _ = read_series(context, place, TIME, "`at`")
    if not len(times):
        raise context.error("NET139", "`at`: the list is empty", place)
    steps = []
    for k, seconds in enumerate(times):
        item = (*place, k) if context.document.has((*place, k)) else place
        steps.append(context.whole_steps(float(seconds), context.document.span(item), "`at`"))
    return 0, np.unique(np.array(steps, dtype=np.int64))


def _must_act(context: Context, path: Path, operation: Operation, steps: int) -> None:
    """Warn of times after the end of the run."""
    end = format_quantity(steps * context.dt, TIME)
    late = operation.at[operation.at >= steps]
    if len(late):
        moment = format_quantity(float(late[0] * context.dt), TIME)
        context.report.warn(
            "NET213",
            f"operation `{operation.name}` never acts at {moment}: the run ends at {end}",
            context.document.span((*path, "at")),
        )
    elif operation.every >= steps:
        context.report.warn(
            "NET213",
            f"operation `{operation.name}` acts at 0 s only: the run ends at {end}",
            context.document.span((*path, "every")),
        )


def _scope_of_group(context: Context, view: NeuronSubset, name: str) -> StatementScope:
    """Statements on a group may assign shared variables; rand() in them is then one number for all."""
    stream = f"operations.{name}"
    scope = group_scope(context, view, f"operation `{name}`", stream, guarded=True, allow_shared=True)
    shared = {**scope.options, "draw": context.draws(stream, "noise", shared=True)}
    return replace(scope, shared=shared, of_all=True)


def _only_members(context: Context, view: NeuronSubset, block: Block) -> Block:
    """Restrict a block to a subgroup; what is shared has no members."""
    if view.whole:
        return block
    g = context.graph
    member = is_member(context, view)
    members = context.populations[view.group].members

    def restricted(a: Assignment) -> Assignment:
        if a.variable.shared:
            return a
        kind = members[a.variable.name].typed.node.kind
        return Assignment(a.variable, g.select(member, a.value, g.variable(a.variable, kind)))

    return Block(tuple(restricted(a) for a in block.assignments))


def synapse_locale(context: Context, synapses: Synapses, place: str, stream: str) -> StatementScope:
    """Where statements about synapses stand."""
    symbols, targets = names_of_synapses(context, synapses)
    options = {
        "draw": context.draws(stream, "noise"),
        "missing": partial(why_unknown, context, synapses.name),
        "elements": Elements(synapses.path),
    }
    return StatementScope(symbols, targets, place, options, of_all=True)
