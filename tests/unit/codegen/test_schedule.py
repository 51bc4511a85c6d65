"""Long blocks are put in an order that keeps the units busy, and compute what they did."""

from __future__ import annotations

import ctypes

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given as having
from hypothesis import strategies as st

from snnrun.codegen.compile import machine_of
from snnrun.codegen.schedule import _AHEAD, Instruction, reordered, schedule
from snnrun.codegen.target import Processor

STARTS = 2  # operations a cycle


def cycles(block: list[Instruction], order: list[int]) -> int:
    """How long a processor takes that starts instructions in the order of the text."""
    done: dict[int, int] = {}
    cycle = started = 0
    for k in order:
        ready = max((done[need] for need in block[k].needs), default=0)
        if ready > cycle or started == STARTS:
            cycle, started = max(ready, cycle + (started == STARTS)), 0
        started += 1
        done[k] = cycle + block[k].latency
    return max(done.values())


def chains(count: int, length: int) -> list[Instruction]:
    """Products that depend on each other, one chain after another."""
    needs = [frozenset({k - 1} if k % length else ()) for k in range(count * length)]
    return [Instruction("fmul", need) for need in needs]


def test_chains_run_side_by_side() -> None:
    block = chains(8, 10)
    assert cycles(block, list(range(80))) == 8 * 9 * 4 + 4  # a chain begins with the last product of the one before
    assert cycles(block, schedule(block)) == 9 * 4 + 3 + 4  # they start within four cycles


def test_the_longest_way_goes_first() -> None:
    short, long = [Instruction("fadd", frozenset())] * 5, chains(1, 6)
    block = [*short, *(Instruction("fmul", frozenset(need + 5 for need in i.needs)) for i in long)]
    assert schedule(block)[0] == 5


@st.composite
def blocks(draw: st.DrawFn) -> list[Instruction]:
    operations = st.sampled_from(["fadd", "fdiv", "load", "store", "select", "getelementptr", "call"])
    block = [Instruction("load", frozenset())]
    for k in range(1, draw(st.integers(1, 150))):
        needs = draw(st.frozensets(st.integers(max(0, k - 100), k - 1), max_size=3))
        block.append(Instruction(draw(operations), needs))
    return block


@having(blocks())
def test_every_instruction_comes_once_after_those_it_needs_and_is_not_far_away(block: list[Instruction]) -> None:
    order = schedule(block)
    assert sorted(order) == list(range(len(block)))
    at = {k: place for place, k in enumerate(order)}
    for k, instruction in enumerate(block):
        assert all(at[need] < at[k] for need in instruction.needs)
    left = list(range(len(block)))
    for k in order:
        assert left.index(k) < _AHEAD + STARTS + 8  # those that start in the same cycle may be looked past
        left.remove(k)


def module(*, links: int = 20, strange: str = "") -> llvm.ModuleRef:
    """A function of one block: eight loads, each with a chain of operations and a store that a later load may see.

    At the end a load at a place that must be computed first, and stores there that could be done at once.
    """
    lines = []
    for k in range(8):
        source, target = f"ptr %{'xy'[k % 2]}, i64 {k // 2}", f"ptr %x, i64 {(k // 2 + 1) % 4}"
        lines += [f"  %from{k} = getelementptr double, {source}", f"  %c{k}.0 = load double, ptr %from{k}"]
        for n in range(links):
            lines.append(f"  %c{k}.{n + 1} = f{'mul' if n % 3 else 'add'} double %c{k}.{n}, 1.25")
        lines += [f"  %to{k} = getelementptr double, {target}", f"  store double %c{k}.{links}, ptr %to{k}"]
    lines += ["  %last = load double, ptr %y", "  %n = fptosi double %last to i64", "  %cell = and i64 %n, 3"]
    lines += ["  %there = getelementptr double, ptr %x, i64 %cell", "  %found = load double, ptr %there"]
    for n in range(4):
        lines += [f"  %p{n} = getelementptr double, ptr %x, i64 {n}", f"  store double 7.0, ptr %p{n}"]
    lines += ["  %q = getelementptr double, ptr %y, i64 3", "  store double %found, ptr %q"]
    body = "\n".join([*lines, strange])
    return llvm.parse_assembly(f"define void @work(ptr %x, ptr %y) {{\n{body}\n  ret void\n}}\ndeclare i64 @other()")


def operations(given: llvm.ModuleRef) -> list[str]:
    return [i.opcode for block in given.get_function("work").blocks for i in block.instructions]


def test_loads_and_stores_stay_in_their_order_and_products_do_not() -> None:
    old, new = operations(module()), operations(reordered(module()))
    assert sorted(new) == sorted(old)
    assert new != old
    assert [o for o in new if o in ("load", "store")] == [o for o in old if o in ("load", "store")]


@pytest.mark.parametrize("shift", [0, 1, 2, 4])
def test_a_reordered_block_computes_the_same_where_its_arrays_overlap(shift: int) -> None:
    results = []
    for given in (module(), reordered(module())):
        engine = llvm.create_mcjit_compiler(given, machine_of(Processor("", "")))
        engine.finalize_object()
        cells = np.arange(1.0, 9.0)
        work = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(engine.get_function_address("work"))
        work(cells.ctypes.data, cells[shift:].ctypes.data)
        results.append(cells.tolist())
    assert results[0] == results[1]
    assert results[0] != list(range(1, 9))


@pytest.mark.parametrize(
    "strange",
    [
        "  %z = call i64 @other()",
        "  fence seq_cst",
        "  store volatile i64 1, ptr %x",
        "  %z = load atomic i64, ptr %x seq_cst, align 8",
    ],
)
def test_a_block_that_does_more_than_compute_stays_as_it_is(strange: str) -> None:
    given = module(strange=strange)
    assert reordered(given) is given


def test_a_short_block_stays_as_it_is() -> None:
    given = module(links=5)
    assert reordered(given) is given
