"""What statements of a pathway add to variables of the target, where dendrites carry it there with a delay."""

from __future__ import annotations

from dataclasses import dataclass

from snnrun.equations.dag import Graph, Kind, Node, Op, Variable, variables_of
from snnrun.model.network import Assignment, Block


@dataclass(frozen=True, slots=True)
class Carried:
    """An amount on its way to a neuron.

    Args:
        variable: What it is added to, with reach `post`.
        amount: Its graph, evaluated at the synapse when the statements act.
        guarded: Whether neurons that are refractory when it arrives do not take it.
    """

    variable: Variable
    amount: Node
    guarded: bool


class NotCarriedError(Exception):
    """Statements do more to a variable of the target than to add to it."""

    def __init__(self, variable: Variable) -> None:
        super().__init__(variable.name)
        self.variable = variable


def carried(graph: Graph, block: Block) -> tuple[Block, tuple[Carried, ...]]:
    """What a block does at the synapse, and what it sends to the target.

    Raises:
        NotCarriedError: A variable of the target is set otherwise than by adding, or one that is added to is read.
    """
    sent = [a for a in block.assignments if a.variable.reach == "post"]
    rest = Block(tuple(a for a in block.assignments if a.variable.reach != "post"))
    found = tuple(_carried(graph, a) for a in sent)
    read = variables_of(*rest.values, *(c.amount for c in found))
    for c in found:
        if c.variable in read:
            raise NotCarriedError(c.variable)
    return rest, found


def _carried(graph: Graph, a: Assignment) -> Carried:
    value, active = a.value, Variable(a.variable.owner, "not_refractory", "post")
    guarded = value.op is Op.SELECT and value.args[0].payload == active and value.args[2].payload == a.variable
    amount = added(graph, Assignment(a.variable, value.args[1] if guarded else value))
    if amount is None or a.variable.shared:
        raise NotCarriedError(a.variable)
    return Carried(a.variable, amount, guarded)


def added(graph: Graph, a: Assignment) -> Node | None:
    """What an assignment adds to its variable; None where it does anything else."""
    value = a.value
    if value.kind is not Kind.FLOAT or value.op not in (Op.ADD, Op.SUB):
        return None
    first, second = value.args
    if first.payload == a.variable:
        return second if value.op is Op.ADD else graph.neg(second)
    return first if second.payload == a.variable and value.op is Op.ADD else None
