"""Inputs that act in some phases of a run only: in the others the probability of their events is 0."""

from __future__ import annotations

from dataclasses import replace

from snnrun.equations.dag import Graph, Node
from snnrun.errors import did_you_mean
from snnrun.model.network import Assignment, Block, Network, PoissonInput
from snnrun.resolve.context import Context, Path
from snnrun.resolve.repeats import plan_of


def switch(context: Context, name: str) -> Node:
    """What the probability of an input is multiplied by: 1, and 0 in phases in which it does not act.

    Raises:
        ExperimentError: NET106 when the run has no phases.
    """
    if not context.phases:
        path: Path = ("inputs", name, "phases")
        raise context.key_error("NET106", "the run has no `phases`", path, "leave `phases` of the input out")
    return _switch(context.graph, name, on=True)


def only_active(context: Context, network: Network, phase: Path) -> Network:
    """The network of a phase, in which inputs that do not act in it have no events.

    Args:
        context: The resolution of the file.
        network: The network with the values of the phase.
        phase: The place of the phase in the file.

    Raises:
        ExperimentError: NET110 for phases that do not exist.
    """
    silent = {name for name, places in context.once(_limits).items() if phase not in places}
    if not silent:
        return network
    inputs = tuple(_silenced(network.graph, i) if i.name in silent else i for i in network.inputs)
    return replace(network, inputs=inputs)


def _limits(context: Context) -> dict[str, set[Path]]:
    """For each input with `phases`, the places of the phases in which it acts."""
    plan, found = context.once(plan_of), {}
    for name, model in context.experiment.inputs.items():
        if model.phases is None:
            continue
        places = found[name] = set[Path]()
        for k, phase in enumerate(model.phases):
            if phase not in plan.stretches:
                path = ("inputs", name, "phases", k)
                raise context.error("NET110", f"there is no phase `{phase}`", path, did_you_mean(phase, plan.stretches))
            places |= {part.path for first, last in plan.stretches[phase] for part in plan.parts[first : last + 1]}
    return found


def _switch(graph: Graph, name: str, *, on: bool) -> Node:
    return graph.constant(f"inputs.{name}.active", 1.0 if on else 0.0)


def _silenced(graph: Graph, poisson: PoissonInput) -> PoissonInput:
    on, off = (_switch(graph, poisson.name, on=value) for value in (True, False))

    def silent(node: Node) -> Node:
        return graph.substitute(node, lambda n: off if n is on else None)

    block = Block(tuple(Assignment(a.variable, silent(a.value)) for a in poisson.block.assignments))
    return replace(poisson, probability=silent(poisson.probability), counts=silent(poisson.counts), block=block)
