"""Inputs and operations that act in some phases of a run only: a constant is 1 in these phases and 0 in the others.

Of a Python function the network of a phase says whether it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from snnrun.equations.dag import Graph, Kind, Node, Op, Variable
from snnrun.errors import did_you_mean
from snnrun.model.network import Assignment, Block, Network
from snnrun.resolve.context import Context, Path
from snnrun.resolve.repeats import plan_of


def switch(context: Context, section: str, name: str) -> Node:
    """What the probability of an input is multiplied by: 1, and 0 in phases in which it does not act.

    Raises:
        ExperimentError: NET106 when the run has no phases.
    """
    must_have_phases(context, (section, name))
    return _switch(context.graph, f"{section}.{name}", on=True)


def must_have_phases(context: Context, path: Path) -> None:
    """Refuse `phases` of an input or operation where the run has none.

    Raises:
        ExperimentError: NET106.
    """
    if not context.phases:
        advice = f"leave `phases` of `{path[-1]}` out"
        raise context.key_error("NET106", "the run has no `phases`", (*path, "phases"), advice)


def guarded(context: Context, name: str, block: Block, kinds: Mapping[Variable, Kind]) -> Block:
    """The statements of an operation, which leave everything as it is in phases in which it does not act.

    Raises:
        ExperimentError: NET106 when the run has no phases.
    """
    g = context.graph
    acts = g.binary(Op.GT, switch(context, "operations", name), g.literal(0.5))
    return Block(
        tuple(
            Assignment(a.variable, g.select(acts, a.value, g.variable(a.variable, kinds.get(a.variable, a.value.kind))))
            for a in block.assignments
        )
    )


def only_active(context: Context, network: Network, phase: Path) -> Network:
    """The network of a phase, in which inputs and operations that do not act in it do nothing.

    Args:
        context: The resolution of the file.
        network: The network with the values of the phase.
        phase: The place of the phase in the file.

    Raises:
        ExperimentError: NET110 for phases that do not exist.
    """
    silent = {owner for owner, places in context.once(_limits).items() if phase not in places}
    if not silent:
        return network

    def silencing(owner: str) -> Callable[[Node], Node]:
        on, off = (_switch(network.graph, owner, on=value) for value in (True, False))
        return lambda node: network.graph.substitute(node, lambda n: off if n is on else None)

    inputs, operations = list(network.inputs), list(network.operations)
    for k, poisson in enumerate(inputs):
        if f"inputs.{poisson.name}" in silent:
            off = silencing(f"inputs.{poisson.name}")
            chance, counts = off(poisson.probability), off(poisson.counts)
            inputs[k] = replace(poisson, probability=chance, counts=counts, block=_changed(poisson.block, off))
    for k, operation in enumerate(operations):
        if f"operations.{operation.name}" in silent:
            off = silencing(f"operations.{operation.name}")
            operations[k] = replace(operation, block=_changed(operation.block, off))
    hooks = tuple(replace(hook, acts=f"operations.{hook.name}" not in silent) for hook in network.hooks)
    return replace(network, inputs=tuple(inputs), operations=tuple(operations), hooks=hooks)


def _limited(context: Context) -> Iterator[tuple[Path, list[str]]]:
    """The places of inputs and operations that act in some phases only, and these phases."""
    for name, poisson in context.experiment.inputs.items():
        if poisson.phases is not None:
            yield ("inputs", name), poisson.phases
    for name, operation in context.experiment.operations.items():
        if operation.phases is not None:
            yield ("operations", name), operation.phases


def _limits(context: Context) -> dict[str, set[Path]]:
    """For each of them the places of the phases in which it acts."""
    plan, found = context.once(plan_of), {}
    for path, phases in _limited(context):
        places = found[".".join(map(str, path))] = set[Path]()
        for k, phase in enumerate(phases):
            if phase not in plan.stretches:
                advice = did_you_mean(phase, plan.stretches)
                raise context.error("NET110", f"there is no phase `{phase}`", (*path, "phases", k), advice)
            places |= {part.path for first, last in plan.stretches[phase] for part in plan.parts[first : last + 1]}
    return found


def _switch(graph: Graph, owner: str, *, on: bool) -> Node:
    return graph.constant(f"{owner}.active", 1.0 if on else 0.0)


def _changed(block: Block, change: Callable[[Node], Node]) -> Block:
    return Block(tuple(Assignment(a.variable, change(a.value)) for a in block.assignments))
