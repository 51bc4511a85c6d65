"""Which values a block overwrites that must be looked at first: they may be infinite or NaN, and would leave no trace.

A value that stopped being finite is found between calls of the kernel, as long as it stays. State updates keep it:
every method adds to the old value. Statements may not: a reset puts another value in its place. Weights that all
statements clip are never infinite, and `clip` keeps NaN: they need no look, which would cost a tenth of a plastic run.
"""

from __future__ import annotations

from snnrun.equations.dag import Kind, Node, Op, Variable
from snnrun.model.network import Assignment, Block, Network

Clipped = frozenset[tuple[str, str]]


def clipped(network: Network) -> Clipped:
    """Variables, by owner and name, that are written as `clip(...)` only."""
    blocks = [b for g in network.groups.values() for b in g.blocks]
    blocks += [block for s in network.synapses.values() for block in (s.update, s.of_sources)]
    blocks += [p.block for s in network.synapses.values() for p in s.pathways]
    blocks += [i.block for i in network.inputs] + [o.block for o in network.operations]
    written = [a for block in blocks for a in block.assignments]
    sums = {(s.target.owner, s.target.name) for x in network.synapses.values() for s in x.summed}
    return frozenset(map(_key, written)) - sums - frozenset(_key(a) for a in written if _within_clip(a.value) is None)


def lost(block: Block, safe: Clipped) -> tuple[Variable, ...]:
    """Variables whose new values need not show that the old ones were not finite.

    Args:
        block: What is written.
        safe: What `clipped` found.
    """
    return tuple(
        a.variable
        for a in block.assignments
        if a.value.kind is Kind.FLOAT and not _keeps(a.value, a.variable, clips=_key(a) in safe)
    )


def _key(a: Assignment) -> tuple[str, str]:
    return a.variable.owner, a.variable.name


def _within_clip(value: Node) -> Node | None:
    """X of select(x < low, low, select(x > high, high, x)), which is `clip`; None when a graph is none."""
    x = value
    for comparison in (Op.LT, Op.GT):
        if x.op is not Op.SELECT or x.args[0].op is not comparison or x.args[0].args[1] is not x.args[1]:
            return None
        x = x.args[2]
    return x if value.args[0].args[0] is x else None


def _keeps(value: Node, variable: Variable, *, clips: bool) -> bool:
    """Whether a graph is certainly infinite or NaN where a variable is; one that `clips` is NaN then."""
    inner = _within_clip(value) if clips else None
    if inner is not None:
        return _keeps(inner, variable, clips=clips)
    match value.op:
        case Op.VARIABLE:
            return value.payload == variable
        case Op.ADD | Op.SUB | Op.MUL | Op.NEG:
            return any(_keeps(a, variable, clips=clips) for a in value.args)
        case Op.DIV:
            return _keeps(value.args[0], variable, clips=clips)
        case Op.SELECT:
            return all(_keeps(a, variable, clips=clips) for a in value.args[1:])
        case _:
            return False
