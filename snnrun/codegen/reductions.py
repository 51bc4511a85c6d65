"""What all elements of an object make together, as text: loops that go through them one after the other.

Where one thread does the work of a function, the loops stand in it, before its own. A function that threads share
finds the values in arrays, which thread 0 fills before.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from snnrun.codegen.arguments import ArrayUse, CType, IntUse
from snnrun.codegen.emit import Place, Writer, reduced_array
from snnrun.codegen.module import Module
from snnrun.equations.dag import Kind, Node, Reduction, reductions_of


def reduce_here(module: Module, w: Writer, *roots: Node) -> None:
    """Write the loops of the reductions that some graphs use; expressions that follow find their values."""
    for node in reductions_of(*roots):
        if id(node) in w.leaves:
            continue
        r = node.payload
        assert isinstance(r, Reduction)
        reduce_here(module, w, *r.graphs)
        w.leaves[id(node)] = _sums_of_ends(module, w, node, r) if r.over else _of_all(module, w, r)


def reduce_before(module: Module, *roots: Node, before: AbstractSet[tuple[str, str]] = frozenset()) -> None:
    """Add a call that computes each of the reductions that some graphs use, for functions that threads share.

    Args:
        module: The kernel.
        roots: The graphs.
        before: What is read of others as it was before the slot, see `Writer.before`.
    """
    for node in reductions_of(*roots):
        r = node.payload
        assert isinstance(r, Reduction)
        w = module.writer(r.owner)
        w.before = before
        reduce_here(module, w, node)
        name, key, ctype = reduced_array(node, w.real)
        w.line(f"{w.array(name, key, ctype, write=True)}[0] = {w.leaves[id(node)]}")
        module.call(r.function, r.owner, w, divided=False)


def _element(module: Module, w: Writer, owner: str) -> Place:
    """Open a loop over the elements k of an object: neurons in their order, synapses as they were created."""
    n = w.integer("n_all", IntUse.N.of(owner))
    if owner.startswith("groups."):
        w.loop(f"for k in range({n}):")
    else:
        order = w.array("by_creation", ArrayUse.BY_CREATION.of(owner))
        w.loop(f"for c in range({n}):")
        w.line(f"k = {order}[c]")
    return module.place(owner, "k")


def _number(w: Writer, node: Node, text: str) -> str:
    """A number in the precision of the kernel; what is made of the time may have another."""
    return f"single_of({text})" if w.real is CType.F32 and node.kind is Kind.FLOAT else text


def _of_all(module: Module, w: Writer, r: Reduction) -> str:
    """One value of all elements; gives its name."""
    depth = w.depth
    best = w.temporary("total" if r.function == "sum" else "best")
    found, at = w.temporary("found"), w.temporary("at")
    w.line(f"{best} = {'0' if r.value.kind is Kind.INT else '0.0'}")
    if r.function != "sum":
        w.line(f"{found} = 0")
    if r.index is not None:
        w.line(f"{at} = 0")
    place = _element(module, w, r.owner)
    if r.member is not None:
        (member,) = w.evaluate([r.member], place)
        w.loop(f"if {member}:")
    (text,) = w.evaluate([r.value], place)
    value = _number(w, r.value, text)
    if r.function == "sum":
        w.line(f"{best} += {value}")
    else:
        x, further = w.temporary("x"), w.temporary("further")
        w.line(f"{x} = {value}")
        beyond = f"({x} {'>' if r.function.endswith('max') else '<'} {best})"
        if r.value.kind is Kind.FLOAT:
            beyond = f"(({beyond} | ({x} != {x})) & ({best} == {best}))"
        w.line(f"{further} = ({found} == 0) | {beyond}")
        w.line(f"{best} = select({further}, {x}, {best})")
        if r.index is not None:
            (index,) = w.evaluate([r.index], place)
            w.line(f"{at} = select({further}, {index}, {at})")
        w.line(f"{found} = 1")
    w.depth = depth
    return best if r.index is None else at


def _sums_of_ends(module: Module, w: Writer, node: Node, r: Reduction) -> str:
    """A sum for each neuron at an end of synapses; gives the text of that of synapse k."""
    synapses = module.network.synapses[r.owner.partition(".")[2]]
    end = (synapses.target if r.over == "post" else synapses.source).path
    ctype = CType.I64 if node.kind is Kind.INT else w.real
    sums = w.array(f"sum_{r.over}", ArrayUse.GATHERED.of(end, f"{r.owner} {node.number}"), ctype, write=True)
    w.loop(f"for b in range({w.integer('n_neurons', IntUse.N.of(end))}):")
    w.line(f"{sums}[b] = {'0' if node.kind is Kind.INT else '0.0'}")
    w.end()
    place = _element(module, w, r.owner)
    (text,) = w.evaluate([r.value], place)
    w.line(f"{sums}[{w.index(place, r.over)}] += {_number(w, r.value, text)}")
    w.end()
    return f"{sums}[{w.index(place, r.over)}]"
