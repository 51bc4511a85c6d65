"""The order of instructions in long loops: those that depend on each other apart, so that others run meanwhile.

A step of Hodgkin and Huxley's equations is some 400 instructions without a branch, most of them in chains: one
exponential after another. A processor starts whatever has its operands, but looks only so far ahead, and LLVM leaves
the chains as the text has them. Here a list scheduler (T. C. Hu, Parallel sequencing and assembly line problems, 1961)
lays chains side by side: of the instructions that could start, those with the longest way to the end come first. Each
computes what it did before, so results do not change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from snnrun.records import dataclass

# What processors of these years do, roughly: so many operations on vectors start in a cycle, and so many cycles later
# another can use their result.
_STARTS = 2
_LATENCIES = {"load": 5, "fadd": 4, "fsub": 4, "fmul": 4, "call": 4, "fdiv": 20, "fcmp": 3, "icmp": 3}
_OTHER_LATENCY = 1
# Operations that no unit for arithmetic is busy with.
_ELSEWHERE = frozenset({"load", "store", "getelementptr", "bitcast"})
# What comes next is one of so many that come next in the old order: with more, more results would wait than there are
# registers for. A shorter block is left alone: the processor has all of it in view.
_AHEAD = 80
_MEMORY = frozenset({"load", "store"})
_ARITHMETIC = frozenset(
    {
        *("fadd", "fsub", "fmul", "fdiv", "fneg", "fcmp", "fptrunc", "fpext", "sitofp", "uitofp", "fptosi", "fptoui"),
        *("add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", "icmp", "sext", "zext", "trunc"),
        *("select", "freeze", "bitcast", "getelementptr", "extractelement", "insertelement", "shufflevector"),
    }
)
_CALLS = re.compile(r"llvm\.(?:fma|fmuladd|sqrt|fabs|minnum|maxnum|[us](?:min|max))\.")
_SEPARATE = re.compile(r"\b(?:atomic|volatile)\b")


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the schedule needs to know of an instruction.

    Args:
        operation: LLVM's name of what it does.
        needs: Those that come before it, by their place in the block.
    """

    operation: str
    needs: frozenset[int]

    @property
    def latency(self) -> int:
        """How many cycles after its start another can use its result."""
        return _LATENCIES.get(self.operation, _OTHER_LATENCY)


def schedule(block: Sequence[Instruction]) -> list[int]:
    """The order in which to write the instructions of a block, as their places in the old one."""
    users: list[list[int]] = [[] for _ in block]
    for k, instruction in enumerate(block):
        for need in instruction.needs:
            users[need].append(k)
    to_end = [0] * len(block)  # cycles from its start until all that needs it is done
    for k in reversed(range(len(block))):
        to_end[k] = block[k].latency + max((to_end[user] for user in users[k]), default=0)
    missing = [len(instruction.needs) for instruction in block]
    earliest = [0] * len(block)  # cycle in which it can start
    waiting = {k for k, count in enumerate(missing) if count == 0}  # for their time only
    order: list[int] = []
    unplaced = list(range(len(block)))
    cycle = 0
    while unplaced:
        ready = [k for k in unplaced[:_AHEAD] if k in waiting and earliest[k] <= cycle]
        started = 0
        for k in sorted(ready, key=lambda k: -to_end[k]):
            if started == _STARTS:
                break
            started += block[k].operation not in _ELSEWHERE
            order.append(k)
            waiting.remove(k)
            unplaced.remove(k)
            for user in users[k]:
                earliest[user] = max(earliest[user], cycle + block[k].latency)
                missing[user] -= 1
                if missing[user] == 0:
                    waiting.add(user)
        cycle += 1
    return order


def reordered(module: Any) -> Any:
    """A module of LLVM with the instructions of long blocks scheduled.

    Args:
        module: It, optimised.

    Returns:
        Another module, or the same where no block is long.
    """
    from llvmlite import binding  # noqa: PLC0415 - only to compile

    orders: dict[str, list[int]] = {}  # of blocks by what their lines in the module's text begin with
    for function in module.functions:
        for block in function.blocks:
            instructions = list(block.instructions)
            order = _order(instructions)
            if order is not None:
                block.name = f"scheduled.{len(orders)}"
                orders[f"{block.name}:"] = order
                for instruction in instructions:
                    if not instruction.name and str(instruction.type) != "void":
                        instruction.name = "v"  # LLVM makes it unique; without names numbers would have to ascend
    if not orders:
        return module
    lines = str(module).splitlines()
    for start, line in enumerate(lines, 1):
        order = orders.get(line.partition(" ")[0])
        if order is not None:
            lines[start : start + len(order)] = [lines[start + k] for k in order]
    result = binding.parse_assembly("\n".join(lines))
    result.verify()
    return result


def _order(instructions: list[Any]) -> list[int] | None:
    """The new order of a block's instructions; None if it is short, or one had better stay where it is."""
    if len(instructions) <= _AHEAD:
        return None
    operations = [instruction.opcode for instruction in instructions]
    first = next(k for k, operation in enumerate(operations) if operation != "phi")
    last = len(instructions) - 1
    if sum(operation not in _ELSEWHERE for operation in operations[first:last]) <= _AHEAD:
        return None
    block: list[Instruction] = []
    places: dict[Any, int] = {}
    loads: set[int] = set()  # since the last store
    store: set[int] = set()  # the last one
    for k, (instruction, operation) in enumerate(zip(instructions[first:last], operations[first:last], strict=True)):
        if not _movable(instruction, operation):
            return None
        needs = {places[operand] for operand in instruction.operands if operand in places}
        if operation in _MEMORY:
            needs |= store
        if operation == "load":
            loads.add(k)
        elif operation == "store":
            needs |= loads
            loads, store = set(), {k}
        places[instruction] = k
        block.append(Instruction(operation, frozenset(needs)))
    return [*range(first), *(first + k for k in schedule(block)), last]


def _movable(instruction: Any, operation: str) -> bool:
    """Whether an instruction only computes, loads or stores."""
    if operation == "call":
        *_, function = instruction.operands
        return _CALLS.match(function.name) is not None
    return operation in _ARITHMETIC or (operation in _MEMORY and not _SEPARATE.search(str(instruction)))
