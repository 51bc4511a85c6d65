"""The lines of a step as blocks of text: where threads wait for each other, and which calls become loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from snnrun.codegen.arguments import ArrayKey
from snnrun.codegen.emit import Access
from snnrun.codegen.module import WAITING, Call, Line, Module, printable

ALIKE = 8  # calls that are worth a loop


def blocks_of(module: Module, barrier: str) -> list[list[str]]:
    """The lines of a step, those that belong together in a block.

    Barriers stand where one thread needs what another did since the last one. Many calls that are alike, one after the
    other, become a loop, and so do many calls of few kinds in any order: compiling goes by structures, not by objects.

    Args:
        module: Its lines are all there.
        barrier: Name of the array that threads wait at.
    """
    lines = module.lines
    before = _barriers(lines)
    blocks: list[list[str]] = []
    number, slot = 0, ""
    for run in _runs(lines, before):
        for size, text in _texts(module, run):
            first, last = lines[number], lines[number + size - 1]
            owner = first.owner if size == 1 or not first.owner else f"{first.owner} to {last.owner}"
            about = first.about if size == 1 else f"{first.about} to {last.about}"
            slot = text.removeprefix("# ") if text.startswith("# ") else slot
            block: list[str] = []
            if number in before:
                block = [f"        wait_at_barrier({barrier}, threads)", *module.lap(*WAITING)]
            indent = " " * 8
            for condition in (
                *([] if first.every is None else [f"step % {module.integer(first.every, '')} == 0"]),
                *([] if first.divided else ["thread == 0"]),
            ):
                block.append(f"{indent}if {condition}:")
                indent += "    "
            comment = [f"{indent}# {printable(owner)}"] if owner else []
            lap = [] if text.startswith("# ") else module.lap(about, slot)
            blocks.append([*block, *comment, *(indent + each for each in text.splitlines()), *lap])
            number += size
    return blocks


def _barriers(lines: Sequence[Line]) -> set[int]:
    """The numbers of the lines before which all threads wait."""
    before: set[int] = set()
    since: dict[ArrayKey, set[tuple[Access, bool]]] = {}
    for number, line in [*enumerate(lines), *enumerate(lines)]:  # twice: a step also follows a step
        if number in before or line.conflicts(since):
            before.add(number)
            since = {}
        for access in line.accesses:
            since.setdefault(access.key, set()).add((access, line.divided))
    return before


def _runs(lines: Sequence[Line], before: set[int]) -> Iterator[list[Line]]:
    """All lines: calls that follow one another without a barrier and act in the same steps together, others alone."""
    run: list[Line] = []
    for number, line in enumerate(lines):
        goes_on = (
            run
            and isinstance(line.act, Call)
            and isinstance(run[0].act, Call)
            and number not in before
            and (line.divided, line.every) == (run[0].divided, run[0].every)
        )
        if run and not goes_on:
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _texts(module: Module, run: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """The texts of some lines, and how many lines each is for."""
    calls = [line.act for line in run if isinstance(line.act, Call)]
    yield from ((1, line.act) for line in run if isinstance(line.act, str))
    alike = [list(each) for _, each in groupby(calls, lambda call: call.kind)]
    for many, parts in groupby(alike, lambda part: len(part) >= ALIKE):
        if many:
            yield from ((len(part), module.step_of_all(part)) for part in parts)
            continue
        others = [call for part in parts for call in part]
        if len(others) >= ALIKE * (1 + len({call.kind for call in others})):
            yield len(others), module.step_of_kinds(others)
        else:
            yield from ((1, module.step_of(call)) for call in others)
