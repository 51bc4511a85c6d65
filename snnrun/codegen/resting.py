"""Large groups of which few neurons move: an update of those alone, with the same bits.

A neuron rests when its update left every bit of its variables as it was, it is not refractory and does not cross the
threshold: the next update would do the same, until something else changes one of its variables. So all that changes
them must say which neurons it reaches (`Line.reached`), and the update must depend on nothing else: not on time, on
random numbers, on other neurons. See docs/decisions/0035-sparse-activity.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import indent
from typing import Any

from snnrun.codegen.arguments import THREAD, THREADS, ArrayKey, ArrayUse, IntUse
from snnrun.codegen.emit import Access, Writer, reads, writes
from snnrun.codegen.module import Call, Line, Module
from snnrun.equations.dag import MOVING, Kind, Op, Variable, walk
from snnrun.kernels import resting
from snnrun.kernels.arithmetic import Math
from snnrun.model.network import Group, GroupKind, Pathway, PoissonInput, Synapses

SMALLEST = 1 << 16  # neurons of a group; smaller ones fit into the cache, and their kernels stay short


def may_rest(module: Module, group: Group, w: Writer) -> None:
    """Note the last line, the update of a group by function `w`, where it depends on the neuron alone.

    With `math: fast` the same operations may round differently in another loop.
    """
    rule = group.refractory
    values = [*group.update.values, *([] if rule is None else [rule.steps]), group.threshold]
    if (
        group.size >= SMALLEST
        and group.kind is GroupKind.NEURONS
        and group.every == 1
        and module.network.math is Math.STRICT
        and (rule is None or rule.condition is None)
        and not any(n.op in MOVING or n.op is Op.ELEMENT for value in values if value is not None for n in walk(value))
        and all(a.key.owner == group.path and a.key.use in (ArrayUse.VARIABLE, ArrayUse.FLAGS) for a in w.accesses)
    ):
        module.resting.append((module.lines[-1], group))


def let_rest(module: Module, update_listed: Callable[[Group], Writer]) -> None:
    """Update only those neurons of a group that move, when they are few, where it is known who is reached.

    Args:
        module: The module, its lines all there.
        update_listed: The update of listed neurons alone, by `open_list` and `close_list`.
    """
    for update, group in module.resting:
        keys = {access.key for access in update.accesses if access.key.use is ArrayUse.VARIABLE}
        changing = [line for line in module.lines if line is not update and _changed(line, keys)]
        if any(line.reached is None or not all(a.own for a in _changed(line, keys)) for line in changing):
            continue
        choice = _choice(module, update, update_listed(group))
        lines: list[Line] = []
        for line in module.lines:
            lines.append(choice if line is update else line)
            lines += (line.reached or ()) if line in changing else ()
        module.lines = lines


def _changed(line: Line, keys: set[ArrayKey]) -> list[Access]:
    return [access for access in line.accesses if access.writes and access.key in keys]


def _choice(module: Module, update: Line, w: Writer) -> Line:
    """The line that updates all neurons of a group, or those that move."""
    path = update.owner
    values = (IntUse.LOW.of(path), IntUse.HIGH.of(path), THREAD)
    due = writes(ArrayUse.MOVING_NUMBER.of(path, "due"), own=True)
    odd = [writes(use.of(path, "odd"), own=True) for use in (ArrayUse.MOVING, ArrayUse.MOVING_NUMBER)]
    question = _line(module, resting.moves_few, values, [due, *odd, *_lists(path)])
    module.call("update_moving", path, w, divided=True)
    moving = module.lines.pop()
    few, some, every = (module.step_of(line.act) for line in (question, moving, update) if isinstance(line.act, Call))
    text = f"if {few}:\n{indent(some, '    ')}\nelse:\n{indent(every, '    ')}"
    return Line(text, update.accesses | question.accesses | moving.accesses, owner=path)


def open_list(w: Writer, path: str, changed: Sequence[Variable], marks: Mapping[str, int]) -> dict[Variable, str]:
    """Open the loop over the listed neurons of a thread.

    Args:
        w: The function.
        path: The group.
        changed: Variables that the update changes.
        marks: Arrays of one mark a neuron, and the mark of most neurons: that they are active, and do not cross the
            threshold. Neurons that were odd in the step before get it back.

    Returns:
        The names of the old values.
    """
    low, number, ids = _list(w, path)
    _, odd_number, odd = _list(w, path, "odd")
    w.loop(f"for b in range({low}, {low} + {odd_number}):")
    for array, mark in marks.items():
        w.line(f"{array}[{odd}[b]] = {mark}")
    w.end()
    w.line(f"odd_end = {low}")
    w.line(f"end = {low}")
    w.loop(f"for b in range({low}, {low} + {number}):")
    w.line(f"k = int({ids}[b])")
    old = {v: w.temporary(f"old_{v.name}") for v in changed}
    for variable, name in old.items():
        w.line(f"{name} = {w.variable_array(variable, Kind.FLOAT)}[k]")
    return old


def close_list(w: Writer, path: str, old: Mapping[Variable, str], marks: Mapping[str, str], odd_if: str) -> None:
    """Keep in the list who moved, and end the loop.

    Args:
        w: The function.
        path: The group.
        old: The names of old values, as `open_list` gave them.
        marks: Whether the neuron is active and whether it crosses the threshold, by array.
        odd_if: Whether these are not those of most neurons; such a neuron moves.
    """
    low, number, ids = _list(w, path)
    _, odd_number, odd = _list(w, path, "odd")
    listed = w.array("listed", ArrayUse.LISTED.of(path), write=True, own=True)
    same = (f"(bits_of({w.overrides[v]}) == bits_of({name}))" for v, name in old.items())
    w.line(f"moves = select({' & '.join(same)}, 0, 1)")
    w.loop(f"if {odd_if}:")
    for array, value in marks.items():
        w.line(f"{array}[k] = select({value}, 1, 0)")
    w.line(f"{odd}[odd_end] = k")
    w.line("odd_end += 1")
    w.line("moves = 1")
    w.end()
    w.loop("if moves == 0:")
    w.line(f"{listed}[k] = 0")
    w.end()
    w.line(f"{ids}[end] = k")
    w.line("end += moves")
    w.end()
    w.line(f"{number} = end - {low}")
    w.line(f"{odd_number} = odd_end - {low}")


def _list(w: Writer, path: str, name: str = "") -> tuple[str, ...]:
    """Where a thread's list of a group's neurons begins, its length, and the list."""
    low, thread = w.integer("low", IntUse.LOW.of(path)), w.integer("thread", THREAD)
    ids, number = (
        w.array(f"{name or 'moving'}{end}", use.of(path, name), write=True, own=True)
        for use, end in ((ArrayUse.MOVING, ""), (ArrayUse.MOVING_NUMBER, "_number"))
    )
    return low, f"{number}[{thread}]", ids


def list_targets(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """Say of the last line, the events of a pathway, which neurons it reaches, where the lists of spikes tell it."""
    if pathway.post or not pathway.uniform_delay or pathway.dendritic is not None:
        return
    source, target, owner = synapses.trigger(pathway), synapses.target.path, synapses.pathway_path(pathway)
    values = (
        IntUse.N.of(source.group_path),
        IntUse.DEPTH.of(source.path),
        IntUse.DELAY.of(owner),
        IntUse.BANDS.of(synapses.path),
        *(IntUse.LOW.of(target), IntUse.HIGH.of(target), THREAD, THREADS),
    )
    accesses = [
        reads(ArrayUse.ROWS.of(synapses.path)),
        reads(ArrayUse.SPIKES.of(source.path)),
        reads(ArrayUse.LENGTHS.of(source.path)),
        reads(ArrayUse.BOUNDS.of(source.group_path)),
        reads(ArrayUse.POST.of(synapses.path), module.ends(synapses).post),
        *_lists(target),
    ]
    module.reaches(_line(module, resting.list_targets, values, accesses))


def list_members(module: Module, poisson: PoissonInput) -> None:
    """Say of the last line, the events of a Poisson input, which neurons it reaches; all are too many to ask."""
    if poisson.target.whole:
        return
    owner, path = f"inputs.{poisson.name}", f"groups.{poisson.target.group}"
    places = (use.of(each) for each in (owner, path) for use in (IntUse.LOW, IntUse.HIGH))
    counts = reads(ArrayUse.SCRATCH.of(owner, "counts"), module.real, own=True)
    accesses = [reads(ArrayUse.SUBSET.of(owner)), counts, *_lists(path)]
    module.reaches(_line(module, resting.list_members, (*places, THREAD), accesses, ()))


def _lists(path: str) -> list[Access]:
    uses = (ArrayUse.MOVING, ArrayUse.LISTED, ArrayUse.MOVING_NUMBER)
    return [writes(use.of(path), own=True) for use in uses]


def _line(module: Module, *what: Any) -> Line:
    """The line that `plain` would add."""
    module.plain(*what)
    return module.lines.pop()
