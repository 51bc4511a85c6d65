"""Which values a block overwrites that must be looked at first: they may be infinite or NaN, and would leave no trace.

A value that stopped being finite is found between calls of the kernel, as long as it stays. State updates keep it:
every method adds to the old value. Statements may not: a reset puts another value in its place.
"""

from __future__ import annotations

from snnrun.equations.dag import Kind, Node, Op, Variable
from snnrun.network.ir import Block


def lost(block: Block) -> tuple[Variable, ...]:
    """Variables whose new values need not show that the old ones were not finite."""
    return tuple(
        a.variable for a in block.assignments if a.value.kind is Kind.FLOAT and not _keeps(a.value, a.variable)
    )


def _keeps(value: Node, variable: Variable) -> bool:
    """Whether a graph is certainly infinite or NaN where a variable is."""
    match value.op:
        case Op.VARIABLE:
            return value.payload == variable
        case Op.ADD | Op.SUB | Op.MUL | Op.NEG:
            return any(_keeps(a, variable) for a in value.args)
        case Op.DIV:
            return _keeps(value.args[0], variable)
        case Op.SELECT:
            return all(_keeps(a, variable) for a in value.args[1:])
        case _:
            return False
