"""What synapses do in every step as text: their equations, and the sums over them that neurons see.

Where the targets of a source follow one another, its synapses are a range: synapse k reaches neuron k + shift, so a
loop over a range needs no indices, and LLVM computes several targets at once. Each target still adds up its own
synapses in the order of memory: the bits are those of a loop over single synapses, which does the work where ranges
would be short.
Which of the two an object has is known when its synapses are; the other loop is then empty.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.emit import Place, Writer
from snnrun.codegen.module import Module, member
from snnrun.equations.dag import Node, Op, variables_of, walk
from snnrun.model.network import Block, Summed, Synapses, every_of


def sum_up(module: Module) -> None:
    """The variables of neurons that are sums over their synapses."""
    every = [(s, summed) for s in module.network.synapses.values() for summed in s.summed]
    use = ArrayUse.SUM if _sums_read_sums([summed for _, summed in every]) else ArrayUse.VARIABLE

    def for_each(act: Callable[[Synapses, Summed], None]) -> None:
        for synapses, summed in every:
            with module.clock(every_of(module.network, summed.target.owner)):
                act(synapses, summed)

    for_each(lambda synapses, summed: _at_members(module, "clear", synapses, summed, use, "0.0"))
    for_each(lambda synapses, summed: _add_up(module, synapses, summed, use))
    if use is ArrayUse.SUM:
        for_each(lambda synapses, summed: _at_members(module, "put_sum", synapses, summed, ArrayUse.VARIABLE, None))


def act_on_synapses(
    module: Module, stem: str, synapses: Synapses, block: Block, before: AbstractSet[tuple[str, str]] = frozenset()
) -> None:
    """A block for every synapse of an object, in every step; what is shared comes last."""
    shared = tuple(a for a in block.assignments if a.variable.shared)
    own = tuple(a for a in block.assignments if not a.variable.shared)
    if own:
        w = module.writer(synapses.path)
        w.before = before
        reads_ends = _reads_ends(*(a.value for a in own))
        _for_each_synapse(module, w, synapses, lambda place: w.assign(own, place, module.kinds), by_range=reads_ends)
        module.call(stem, synapses.path, w, divided=synapses.divisible)
    if shared:
        w = module.writer(synapses.path)
        w.before = before
        w.assign(shared, Place("0"), module.kinds)
        module.call(f"{stem}_shared", synapses.path, w, divided=False)


def act_on_sources(module: Module, synapses: Synapses) -> None:
    """The equations of variables that are kept once a source, in every step."""
    if not synapses.of_sources.assignments:
        return
    w = module.writer(synapses.source.path)
    low, high = w.range(synapses.source.path)
    w.loop(f"for k in range({low}, {high}):")
    w.assign(synapses.of_sources.assignments, Place("k"), module.kinds)
    w.end()
    module.call("update_sources", synapses.path, w, divided=True)


def _reads_ends(*roots: Node) -> bool:
    """Whether graphs read variables of the neurons of a synapse, or their numbers."""
    ends = {v.reach for v in variables_of(*roots) if not v.shared} & {"pre", "post"}
    return bool(ends) or any(n.op is Op.INDEX for n in walk(*roots))


def _for_each_synapse(
    module: Module, w: Writer, synapses: Synapses, act: Callable[[Place], None], *, by_range: bool
) -> None:
    """Write loops that act on every synapse of an object, or on those of a thread.

    Args:
        module: The kernel.
        w: The function.
        synapses: The object.
        act: Writes what is done with a synapse.
        by_range: Whether it reaches the neurons of synapses: ranges then spare their indices.
    """
    place = module.place(synapses.path, "k")
    if by_range:
        known = dict(w.overrides)
        _range_loop(w, synapses, place, act)
        w.overrides = known
        low, high = w.range(f"{synapses.path}.scattered")
    else:
        low, high = _elements(w, synapses.path, divided=synapses.divisible)
    w.loop(f"for k in range({low}, {high}):")
    act(place)
    w.end()


def _range_loop(w: Writer, synapses: Synapses, place: Place, act: Callable[[Place], None]) -> None:
    low, high = w.range(f"{synapses.path}.ranges")
    ranges = w.array("ranges", ArrayUse.RANGES.of(synapses.path))
    w.loop(f"for r in range({low}, {high}):")
    w.line(f"start = {ranges}[r]")
    w.line(f"i = int({w.index(replace(place, own='start'), 'pre')})")
    w.line(f"shift = int({w.index(replace(place, own='start'), 'post')}) - start")
    w.loop(f"for k in range(start, {ranges}[r + 1]):")
    w.line("j = k + shift")
    act(replace(place, pre="i", post="j"))
    w.end(2)


def _elements(w: Writer, owner: str, *, divided: bool) -> tuple[str, str]:
    """First element of an object that a call is for, and the one after its last."""
    return w.range(owner) if divided else ("0", w.integer("n", IntUse.N.of(owner)))


def _sums_read_sums(every: list[Summed]) -> bool:
    """Whether a sum is made of sums; all are then collected aside, so that each sees the others as they were."""
    targets = {(summed.target.owner, summed.target.name) for summed in every}
    return any((v.owner, v.name) in targets for v in variables_of(*(summed.value for summed in every)))


def _at_members(
    module: Module, stem: str, synapses: Synapses, summed: Summed, use: ArrayUse, value: str | None
) -> None:
    """Set the sum of every neuron that takes part; to what was collected when `value` is None."""
    end, view = ("target", synapses.target) if summed.target.reach == "post" else ("source", synapses.source)
    w = module.writer(synapses.path)
    owner, name = summed.target.owner, summed.target.name
    p = w.array("p_sum", use.of(owner, name), w.real, write=True, own=True)
    low, high = _elements(w, f"{synapses.path}.{end}", divided=synapses.divisible)
    k = member(w, view, f"{synapses.path}.{end}")
    if value is None:
        value = f"{w.array('p_collected', ArrayUse.SUM.of(owner, name), w.real, own=True)}[{k}]"
    w.loop(f"for b in range({low}, {high}):")
    w.line(f"{p}[{k}] = {value}")
    w.end()
    module.call(stem, synapses.path, w, divided=synapses.divisible)


def _add_up(module: Module, synapses: Synapses, summed: Summed, use: ArrayUse) -> None:
    w = module.writer(synapses.path)
    key = use.of(summed.target.owner, summed.target.name)
    p = w.array("p_sum", key, w.real, write=True, own=True)

    def act(place: Place) -> None:
        (text,) = w.evaluate([summed.value], place)
        w.line(f"{p}[{w.index(place, summed.target.reach)}] += {text}")

    _for_each_synapse(module, w, synapses, act, by_range=True)
    module.call("add_up", synapses.path, w, divided=synapses.divisible)
