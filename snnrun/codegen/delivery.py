"""Events of synapses and Poisson inputs as text: which synapses act now, and what they do."""

from __future__ import annotations

from dataclasses import replace

from snnrun.codegen.arguments import THREAD, THREADS, ArrayUse, CType, IntUse
from snnrun.codegen.before import Act, keep_before
from snnrun.codegen.dendrites import hand_out, receive, send
from snnrun.codegen.emit import Fill, Place, Writer, possible, reads, writes
from snnrun.codegen.lost import lost
from snnrun.codegen.module import Module, event_loop, events_of, member
from snnrun.codegen.moving import deliver_moving
from snnrun.codegen.postponed import catch_up, postpone
from snnrun.codegen.resting import list_members, list_targets
from snnrun.equations.dag import MOVING, READS, Kind, Node, Op, Variable, variables_of, walk
from snnrun.kernels.spikes import list_refractory
from snnrun.model.carried import added, carried
from snnrun.model.network import (
    Assignment,
    Block,
    EventSource,
    Network,
    Pathway,
    PoissonInput,
    Synapses,
)


def deliver(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """The events of one pathway.

    One delay: the lists of spikes are kept until they arrive, and each source's row is worked on then, one band of
    targets after the other, so that their variables stay in the first-level cache. Several delays:
    what arrives is looked up in rows that are sorted by delay, or, where few synapses of a source share a delay and the
    statements only add fixed amounts, these are added to a ring of sums for the steps to come as soon as the neuron
    spikes. Which of the two is cheaper is known when the synapses are: the kernel asks for the number `ring`.
    """
    if pathway.moving is not None:
        deliver_moving(module, synapses, pathway)
    elif pathway.block.assignments and pathway is module.waiting(synapses):
        postpone(module, synapses, pathway)
    elif pathway.block.assignments:
        _deliver(module, synapses, pathway)
    _change_traces(module, synapses, pathway)


def _deliver(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """What a pathway does at synapses."""
    owner = synapses.pathway_path(pathway)
    source = synapses.trigger(pathway)
    w = module.writer(synapses.path)
    rows = w.array("rows", (ArrayUse.COLUMNS if pathway.post else ArrayUse.ROWS).of(synapses.path))
    at_synapse, carried_on = (pathway.block, ()) if pathway.dendritic is None else carried(w.graph, pathway.block)
    block, frozen = _without_guards(at_synapse)
    terms = added_terms(module.network, synapses, pathway)
    if terms:
        w.loop(f"if {w.integer('ring', IntUse.RING.of(owner))} > 0:")
        _ring(module, w, synapses, pathway, terms, rows)
        w.line("return")
        w.depth = 1
    if pathway.uniform_delay:
        return_outside(w, owner, pathway)
    undo = [_keep_frozen(module, w, variable, divided=synapses.divisible) for variable in frozen]
    here, place = _open_loops(module, w, synapses, pathway, rows)
    opening = w.lines[-1].strip()
    waits = None if pathway.post else module.waiting(synapses)
    if waits is not None:
        w.lines.pop()
        w.end()
        catch_up(module, w, synapses, waits, (f"{rows}[first_row + k]", f"{rows}[first_row + k + 1]"))
        w.loop(opening)
    lines = send(w, synapses, pathway, carried_on, place)
    one_delay = pathway.uniform_delay and not pathway.post
    blocks = _in_turn(block) if one_delay and synapses.traces and not lines else [block]
    for number, part in enumerate(blocks):
        if number:
            w.end()
            w.overrides.clear()
            w.loop(opening)
        w.assign(part.assignments, place, module.kinds, lost(part, module.clipped))
    for line in lines:
        w.line(line)
    if one_delay:
        w.lines[here:here] = [
            f"                {line}" for line in _ask(w, synapses.path, f"{rows}[after]", f"{rows}[after + 1]")
        ]
    elif pathway is synapses.sorting:
        _fetch(w, synapses.path, source, owner, here)
    w.depth = 1
    for line in undo:
        w.line(line)
    receive(w, synapses, pathway, carried_on)
    module.call("deliver", owner, w, divided=synapses.divisible, apart=bool(synapses.traces))
    list_targets(module, synapses, pathway)


def _open_loops(module: Module, w: Writer, synapses: Synapses, pathway: Pathway, rows: str) -> tuple[int, Place]:
    """Open the loops over the synapses at which something arrives now.

    Returns:
        The line before which to ask for what comes next, once the body is written, where that is done; and the place
        of a synapse.
    """
    owner, source, place = synapses.pathway_path(pathway), synapses.trigger(pathway), module.place(synapses.path, "s")
    if pathway.uniform_delay and pathway.post:
        event_loop(w, source, IntUse.DELAY.of(owner), mine=synapses.divisible)
        w.loop(f"for m in range({rows}[k], {rows}[k + 1]):")
        w.line(f"s = {w.array('column_order', ArrayUse.COLUMN_ORDER.of(synapses.path))}[m]")
        if synapses.traces:
            sources = w.array("pre", ArrayUse.COLUMN_PRE.of(synapses.path), module.index_type_of(synapses.source))
            place = replace(place, pre=f"{sources}[m]", post="k")
        return 0, place
    if pathway.uniform_delay:
        here = _row_loop(w, source, owner, rows, synapses.path)
        return here, replace(place, pre="k") if synapses.traces else place
    if pathway is synapses.sorting:
        return _segment_loop(w, source, owner, rows), place
    delays = w.array("delays", ArrayUse.DELAYS.of(owner))
    delayed_loop(w, source, owner, rows, delays, part=pathway.is_part, mine=pathway.post and synapses.divisible)
    w.line(f"s = {w.array('order', ArrayUse.DELAY_ORDER.of(owner))}[m]")
    return 0, place


def _change_traces(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """Let the events of a pathway change the traces of their neurons; all its synapses have one delay."""
    if not pathway.trace.assignments:
        return
    owner, source = synapses.pathway_path(pathway), synapses.trigger(pathway)
    w = module.writer(source.group_path)
    event_loop(w, source, IntUse.DELAY.of(owner), mine=True)
    w.assign(pathway.trace.assignments, Place("k"), module.kinds, lost(pathway.trace, module.clipped))
    module.call("trace", owner, w, divided=True)


def _in_turn(block: Block) -> list[Block]:
    """A block as two that give the same, one after the other: changes of neurons, then of the synapses themselves.

    Only the second can be carried out for several synapses at once: two synapses may have one neuron.
    """
    own = tuple(a for a in block.assignments if a.variable.reach == "own")
    rest = tuple(a for a in block.assignments if a.variable.reach != "own")
    changed = {(a.variable.owner, a.variable.name) for a in rest}
    read = {(v.owner, v.name) for v in variables_of(*(a.value for a in own))}
    return [Block(rest), Block(own)] if own and rest and not changed & read else [block]


def return_outside(w: Writer, owner: str, pathway: Pathway) -> None:
    """End a function in steps in which a part of a pathway brings nothing; all its synapses have one delay."""
    if not pathway.is_part:
        return
    sent = f"step - {w.integer('delay', IntUse.DELAY.of(owner))}"
    for outside in (
        f"{sent} < {w.integer('since', IntUse.SINCE.of(owner))}",
        f"{sent} >= {w.integer('until', IntUse.UNTIL.of(owner))}",
    ):
        w.loop(f"if {outside}:")
        w.line("return")
        w.depth = 1


def added_terms(network: Network, synapses: Synapses, pathway: Pathway) -> list[tuple[Variable, Node, bool]]:
    """What a pathway adds to variables of the targets, when it does nothing else and the amounts never change.

    Returns:
        For each variable: what is added, and whether refractory neurons do not take it. Empty when statements do
        anything else, read what changes during the run, or delays do not sort the synapses.
    """
    if pathway is not synapses.sorting or not synapses.divisible or network.hooks or pathway.dendritic is not None:
        return []
    block, frozen = _without_guards(pathway.block)
    changing = network.changing_variables
    found: list[tuple[Variable, Node, bool]] = []
    for a in block.assignments:
        term = added(network.graph, a)
        if term is None or a.variable.reach != "post" or a.variable in [v for v, _, _ in found]:
            return []
        for n in walk(term):
            if n.op in READS and (n.payload.owner, n.payload.name) in changing:  # type: ignore[attr-defined]
                return []
            if n.op in MOVING:
                return []
        found.append((a.variable, term, a.variable in frozen))
    return found


def _ring(
    module: Module,
    w: Writer,
    synapses: Synapses,
    pathway: Pathway,
    terms: list[tuple[Variable, Node, bool]],
    rows: str,
) -> None:
    """Add what spikes of this step will bring to the sums of the steps to come; then hand out those of this step."""
    owner = synapses.pathway_path(pathway)
    target = synapses.target.path
    delays = w.array("delays", ArrayUse.DELAYS.of(owner))
    mask, neurons = w.integer("mask", IntUse.MASK.of(owner)), w.integer("neurons", IntUse.N.of(target))
    rings = [
        w.array(f"ring_{v.name}", ArrayUse.RING.of(owner, v.name), w.real, write=True, own=True) for v, _, _ in terms
    ]
    place = module.place(synapses.path, "s")
    event_loop(w, synapses.trigger(pathway))
    w.loop(f"for s in range({rows}[k], {rows}[k + 1]):")
    texts = w.evaluate([term for _, term, _ in terms], place)
    w.line(f"at = ((step + {delays}[s]) & {mask}) * {neurons} + {w.index(place, 'post')}")
    for ring, text in zip(rings, texts, strict=True):
        w.line(f"{ring}[at] += {text}")
    w.depth = 2
    low, high = w.range(target)
    w.line(f"now = (step & {mask}) * {neurons}")
    for ring, (variable, _, guarded) in zip(rings, terms, strict=True):
        hand_out(w, variable, ring, (low, high), guarded=guarded)


def _without_guards(block: Block) -> tuple[Block, list[Variable]]:
    """Let a block write to refractory neurons where that can be undone, which is cheaper than asking at every synapse.

    Returns:
        The block, and the variables whose frozen values must be put back after it. A guard stays where another value
        of the block, or the other end of the synapse, reads the variable.
    """
    found: list[Variable] = []
    assignments = list(block.assignments)
    for k, a in enumerate(assignments):
        v, value = a.variable, a.value
        if value.op is not Op.SELECT or value.kind is not Kind.FLOAT or v.reach == "own":
            continue
        guard, new, old = value.args
        if guard.payload != Variable(v.owner, "not_refractory", v.reach) or old.payload != v:
            continue
        others = [b.value for b in assignments if b is not a]
        read = variables_of(*others)
        twins = variables_of(new, *others) | {b.variable for b in assignments}
        if v in read or any((t.owner, t.name) == (v.owner, v.name) and t != v for t in twins):
            continue
        assignments[k] = Assignment(v, new)
        found.append(v)
    return Block(tuple(assignments)), found


def _keep_frozen(module: Module, w: Writer, v: Variable, *, divided: bool) -> str:
    """Remember a variable of refractory neurons; the line that puts it back."""
    frozen, number = ArrayUse.FROZEN.of(v.owner), ArrayUse.FROZEN_NUMBER.of(v.owner)
    if v.owner not in module.frozen:  # who is refractory stays the same from the thresholds to the end of the step
        module.frozen.add(v.owner)
        flags = ArrayUse.VARIABLE.of(v.owner, "not_refractory")
        accesses = [reads(flags, type, own=True) for type in (CType.I64, CType.U8)]
        accesses += [writes(listed, own=True) for listed in (frozen, number)]
        module.plain(list_refractory, (IntUse.LOW.of(v.owner), IntUse.HIGH.of(v.owner), THREAD), accesses, ())
    bounds = w.array("bounds", ArrayUse.BOUNDS.of(v.owner))
    ids, found = (w.array(key.use.name.lower(), key, own=divided) for key in (frozen, number))
    kept = w.array(f"kept_{v.name}", ArrayUse.SCRATCH.of(v.owner, v.name), w.real, write=True, own=True)
    values = w.variable_array(v, Kind.FLOAT, write=True)
    thread, threads = w.integer("thread", THREAD), w.integer("threads", THREADS)
    args = ", ".join([*((thread, f"{thread} + 1") if divided else ("0", threads)), bounds, found, ids, kept, values])
    w.line(f"save_values({args})")
    return f"restore_values({args})"


def delayed_loop(w: Writer, source: EventSource, owner: str, rows: str, delays: str, *, part: bool, mine: bool) -> None:
    """Loop over the places m in a list by neuron and delay whose delay ends now: oldest events first, then by neuron.

    Args:
        w: The function.
        source: The event.
        owner: The pathway.
        rows: Name of the array with the first place of each neuron in the list.
        delays: Name of the array of delays in the order of the list.
        part: Whether the pathway takes the events of some steps only.
        mine: Whether only the thread's own neurons are looked at.
    """
    longest, shortest = w.integer("longest", IntUse.LONGEST.of(owner)), w.integer("shortest", IntUse.SHORTEST.of(owner))
    if part:
        since, until = w.integer("since", IntUse.SINCE.of(owner)), w.integer("until", IntUse.UNTIL.of(owner))
        longest, shortest = f"min({longest}, step - {since})", f"max({shortest}, step - {until} + 1)"
    w.loop(f"for age in range({longest}, {shortest} - 1, -1):")
    events_of(w, source, "(step - age)", mine=mine)
    w.line(f"begin = first_at({delays}, {rows}[k], {rows}[k + 1], age)")
    w.line(f"stop = first_at({delays}, begin, {rows}[k + 1], age + 1)")
    w.loop("for m in range(begin, stop):")


def _row_loop(w: Writer, source: EventSource, owner: str, rows: str, path: str) -> int:
    """Loop over the synapses of the neurons whose spikes arrive now, one band of targets after the other.

    The row that comes next is on its way from memory while this one is worked on.

    Returns:
        The line before which is to be asked for row `after`, once the body of the loop is written.
    """
    w.loop(f"for band in range({w.integer('bands', IntUse.BANDS.of(path))}):")
    w.line(f"first_row = band * ({w.integer('n_source', IntUse.N.of(source.group_path))} + 1)")
    event_loop(w, source, IntUse.DELAY.of(owner))
    spikes = w.array("spikes", ArrayUse.SPIKES.of(source.path))
    lengths = w.array("lengths", ArrayUse.LENGTHS.of(source.path))
    last = f"base + {lengths}[slot * {w.integer('threads', THREADS)} + p] - 1"
    w.line(f"after = first_row + int({spikes}[min(b + 1, {last})])")
    here = len(w.lines)
    w.loop(f"for s in range({rows}[first_row + k], {rows}[first_row + k + 1]):")
    return here


def _segment_loop(w: Writer, source: EventSource, owner: str, rows: str) -> int:
    """Loop over the synapses whose delay ends now, where those of one source and delay lie side by side.

    Oldest spikes first, then by neuron, then by synapse. What arrives with the next delay is on its way from memory
    while this one is worked on.

    Returns:
        The line before which `_fetch` belongs, once the body of the loop is written.
    """
    longest, shortest = w.integer("longest", IntUse.LONGEST.of(owner)), w.integer("shortest", IntUse.SHORTEST.of(owner))
    sizes = [
        w.integer("n", IntUse.N.of(source.group_path)),
        w.integer("depth", IntUse.DEPTH.of(source.path)),
        w.integer("threads", THREADS),
    ]
    lists = [
        w.array("bounds", ArrayUse.BOUNDS.of(source.group_path)),
        w.array("spikes", ArrayUse.SPIKES.of(source.path)),
        w.array("lengths", ArrayUse.LENGTHS.of(source.path)),
    ]
    width = w.integer("width", IntUse.WIDTH.of(owner))
    starts = w.array("starts", ArrayUse.STARTS.of(owner))
    delays = w.array("delays", ArrayUse.DELAYS.of(owner))
    segments = w.array("segments", ArrayUse.SEGMENTS.of(owner), own=True)
    w.line("waiting = 0")
    w.loop(f"for age in range({longest}, {shortest} - 2, -1):")
    args = ["step", "age", shortest, *sizes, *lists, rows, width, starts, delays, segments]
    w.line(f"coming = list_segments({', '.join(args)})")
    here = len(w.lines)
    w.line(f"past = ((age + 1) & 1) * 2 * {sizes[0]}")
    w.loop("for e in range(past, past + 2 * waiting, 2):")
    w.loop(f"for s in range({segments}[e], {segments}[e + 1]):")
    return here


def _fetch(w: Writer, path: str, source: EventSource, owner: str, here: int) -> None:
    """Ask for what the segments that come next hold of the synapses of an object, and end the loop over delays."""
    w.depth = 2
    w.line("waiting = coming")
    w.depth = 1
    segments = w.array("segments", ArrayUse.SEGMENTS.of(owner), own=True)
    text = [
        f"next = (age & 1) * 2 * {w.integer('n', IntUse.N.of(source.group_path))}",
        "for e in range(next, next + 2 * coming, 2):",
        f"    begin = {segments}[e]",
        f"    stop = {segments}[e + 1]",
        *(f"    {line}" for line in _ask(w, path, "begin", "stop")),
    ]
    w.lines[here:here] = [f"        {line}" for line in text]


def _ask(w: Writer, path: str, begin: str, stop: str) -> list[str]:
    """Lines that ask for what a range of synapses of an object holds."""
    arrays = [
        (local, array.type)
        for local, array in w.arrays.items()
        if array.key.owner == path and array.key.use.traits.of_synapses
    ]
    return [f"prefetch_range({local}, {begin}, {stop}, {64 // type.dtype.itemsize})" for local, type in arrays]


def poisson_input(module: Module, poisson: PoissonInput) -> None:
    """The events of a Poisson input."""
    owner, path = f"inputs.{poisson.name}", f"groups.{poisson.target.group}"
    before = keep_before(module, [Act.of(path, poisson.block)])
    w = module.writer(path)
    w.before = before
    if poisson.counts.op is Op.BINOMIAL:
        low, high = w.range(owner)
        w.loop(f"for b in range({low}, {high}):")
        w.line(f"k = {member(w, poisson.target, owner)}")
        (chance,) = w.evaluate([poisson.probability], Place("k"))
        w.loop(f"if ({possible(chance)}) == False:")
        w.note("k", w.integer("input", IntUse.WATCHED.of(owner)), chance)
        w.end()
        w.assign(poisson.block.assignments, Place("k"), module.kinds)
        w.end()
        module.call("poisson_input", owner, w, divided=True)
        return
    table = w.array("table", ArrayUse.BINOMIAL.of(owner), w.real)
    size = w.integer("size", IntUse.BINOMIAL.of(owner))
    buffer = ArrayUse.RANDOM.of(owner, poisson.draw.stream)
    draws = w.array("draws", buffer, w.real, own=True)
    w.fills.append(Fill("fill_uniform", buffer, owner, poisson.draw))
    low, high = w.range(owner)
    counts = w.array("counts", ArrayUse.SCRATCH.of(owner, "counts"), w.real, write=True, own=True)
    w.line(f"count_events({low}, {high}, {size}, 1.0, {draws}, {table}, {counts})")
    w.loop(f"for b in range({low}, {high}):")
    w.line(f"k = {member(w, poisson.target, owner)}")
    w.line(f"events = {counts}[b]")
    w.leaves[id(poisson.counts)] = "events"
    w.assign(poisson.block.assignments, Place("k"), module.kinds)
    w.end()
    module.call("poisson_input", owner, w, divided=True)
    list_members(module, poisson)
