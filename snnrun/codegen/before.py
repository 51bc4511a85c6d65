"""Values as they were before a slot, for objects that read variables of others in it.

Groups and synapses that act in the same slot see each other as all of them were before it, whatever their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.emit import Writer
from snnrun.codegen.module import Module
from snnrun.equations.dag import Node, Variable, variables_of
from snnrun.model.network import Block, Stored

Key = tuple[str, str]
"""A variable by its owner and name."""


@dataclass(frozen=True, slots=True)
class Act:
    """What one object does in a slot.

    Args:
        owner: Its path.
        reads: Graphs that are evaluated.
        writes: What changes.
    """

    owner: str
    reads: tuple[Node, ...]
    writes: frozenset[Key]

    @classmethod
    def of(cls, owner: str, block: Block, *others: Node, also: Iterable[Variable] = ()) -> Act:
        """A block of an object, with graphs that are evaluated beside it, and variables that change beside its own."""
        written = (*(a.variable for a in block.assignments), *also)
        return cls(owner, (*block.values, *others), frozenset((v.owner, v.name) for v in written))


def keep_before(module: Module, acts: Sequence[Act]) -> AbstractSet[Key]:
    """Copy what a later act reads of other elements after an earlier one, or the act itself, has changed it.

    Args:
        module: The kernel.
        acts: Everything that happens in the slot, in the order of the kernel.

    Returns:
        What was copied: whoever reads it of other elements reads the copy (`Writer.before`).
    """
    changed: set[Key] = set()
    wanted: dict[Key, None] = {}
    for act in acts:
        changed |= act.writes
        read = sorted((v.owner, v.name) for v in variables_of(*act.reads) if is_foreign(v, act.owner))
        wanted |= dict.fromkeys(key for key in read if key in changed)
    if wanted:
        known = {(s.variable.owner, s.variable.name): s for s in module.network.stored}
        for key in wanted:
            _kept(module, known[key])
    return wanted.keys()


def is_foreign(variable: Variable, owner: str) -> bool:
    """Whether a graph of an object reads a variable of another one, or of another of its own elements."""
    return variable.reach == "element" or variable.owner != owner


def copy_in(module: Module, w: Writer, act: Act) -> None:
    """The same for one act that the first thread does alone: the copy is made in its function."""
    if act.owner.startswith("groups."):  # statements about synapses see what those about earlier synapses have done
        read = {(v.owner, v.name) for v in variables_of(*act.reads) if is_foreign(v, act.owner)}
        w.before = read & act.writes
        for stored in module.network.stored:
            if (stored.variable.owner, stored.variable.name) in w.before:
                _copy(w, stored, divided=False)


def _kept(module: Module, stored: Stored) -> None:
    owner = stored.variable.owner
    section, _, short = owner.partition(".")
    divided = not stored.variable.shared and (section == "groups" or module.network.synapses[short].divisible)
    w = module.writer(owner)
    _copy(w, stored, divided=divided)
    module.call("keep_before", owner, w, divided=divided)


def _copy(w: Writer, stored: Stored, *, divided: bool) -> None:
    owner, name, type = stored.variable.owner, stored.variable.name, w.type_of(stored.kind)
    values = w.array(name, ArrayUse.VARIABLE.of(owner, name), type, own=divided)
    before = w.array(f"{name}_before", ArrayUse.BEFORE.of(owner, name), type, write=True, own=divided)
    if divided:
        low, high = w.range(owner)
    else:
        low, high = "0", "1" if stored.variable.shared else w.integer("n", IntUse.N.of(owner))
    w.loop(f"for k in range({low}, {high}):")
    w.line(f"{before}[k] = {values}[k]")
    w.end()
