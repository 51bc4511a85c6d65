"""The network's structure as the text of one module with one compiled function, `advance(first, n_steps, table)`.

Input: a `Network`. Output: a `Kernel`: the text, and the list of arrays and parameters that the engine must put into
the pointer table. Objects with the same structure share one function; values, sizes and seeds are data.

The same text serves any number of threads. Each thread runs `advance` with a table of its own, in which it finds the
range of neurons that it owns (`low`, `high`) and the synapses onto them. Work that is not divided is done by thread 0.
Where one thread needs what another wrote, all wait for each other; these places follow from the accesses of every call.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

from snnrun.codegen.arguments import (
    RUN,
    THREAD,
    THREAD_NUMBERS,
    THREADS,
    ArrayUse,
    CType,
    IntKey,
    IntUse,
    KernelArray,
)
from snnrun.codegen.before import Act, Key, copy_in, is_foreign, keep_before
from snnrun.codegen.blocks import blocks_of
from snnrun.codegen.continuous import act_on_sources, act_on_synapses, sum_up
from snnrun.codegen.delivery import deliver, poisson_input
from snnrun.codegen.emit import Access, Place, Writer, possible, reads, writes
from snnrun.codegen.imports import imported
from snnrun.codegen.lost import lost
from snnrun.codegen.module import CLOCK, WAITING, Kernel, Line, Module, event_loop, listed
from snnrun.codegen.monitors import guard, record
from snnrun.codegen.names import Names, folded
from snnrun.codegen.reductions import reduce_before, reduce_here
from snnrun.codegen.resting import close_list, let_rest, may_rest, open_list
from snnrun.equations.dag import Kind, Node, Op, Variable, is_fixed, reductions_of, variables_of
from snnrun.kernels import spikes
from snnrun.model.network import (
    Block,
    Event,
    EventSource,
    Group,
    GroupKind,
    Network,
    Operation,
    PoissonInput,
    Slot,
    SpikeMonitor,
)
from snnrun.model.order import actors, between_update_and_threshold

MANY = 128  # blocks of a step


def generate(network: Network, *, profiled: bool = False) -> Kernel:
    """The kernel of a network.

    Args:
        network: The network.
        profiled: Whether it measures how long the parts of a step take.
    """
    module = Module.of(network, laps={WAITING: 0} if profiled else None)
    for group in network.groups.values():
        for reach in ("own", "pre", "post"):
            module.kinds.update({replace(s.variable, reach=reach): s.kind for s in group.stored})
    for synapses in network.synapses.values():
        for reach in ("own", "pre", "post"):
            module.kinds.update({replace(s.variable, reach=reach): s.kind for s in synapses.stored})
    guard(module)
    for slot in Slot:
        module.lines.append(Line(f"# {slot.value}"))
        _slot(module, slot)
    let_rest(module, partial(_update_listed, module))
    text, structure = _texts(module)
    floats, ints = (node for _, node in module.floats), (value for _, value in module.ints)
    laps = tuple(module.laps or ())
    return Kernel(text, structure, network.math, tuple(module.table), tuple(floats), tuple(ints), laps)


def _texts(module: Module) -> tuple[str, str]:
    """The module with the names of the model, and its structure."""
    for value in THREAD_NUMBERS:
        module.integer(value, "")
    dt = module.array(KernelArray.of(ArrayUse.DT.of(RUN)))
    barrier = module.array(KernelArray.of(ArrayUse.BARRIER.of(RUN)))
    module.array(KernelArray.of(ArrayUse.SIZES.of(RUN)))
    module.array(KernelArray.of(ArrayUse.NUMBERS.of(RUN), module.real))
    blocks = blocks_of(module, barrier)
    pieces: list[str] = []
    if len(blocks) > MANY:
        pieces, blocks = _in_pieces(module, blocks)
    steps = [line for block in blocks for line in block]
    settle = _settle(module)
    advance = [
        "@kernel()",
        "def advance(first, n_steps, table):",
        '    """Simulate n_steps steps, fewer when a buffer of spikes could overflow; return the number done."""',
        *_opened(module, [dt, *steps, *settle]),
        *(f"    {name} = sizes[{n}]" for n, (name, value) in enumerate(module.ints) if value in THREAD_NUMBERS),
        *settle,
        *_clock_started(module, 4),
        "    for step in range(first, first + n_steps):",
        f"        t = step * {dt}[0]",
        *steps,
        "    return n_steps",
    ]
    head = '"""A generated kernel: state updates, spike delivery and recording of one network structure."""'
    last = "\n".join([*pieces, *advance])
    names = module.names.chosen(last)
    texts = []
    for bodies in (module.bodies, module.structures):
        text = "\n\n".join([*bodies, last])
        imports = imported(text, module.network.precision, module.network.math)
        texts.append("\n".join([head, "", *imports, "", "", text, ""]))
    return folded(Names.put(texts[0], names)), Names.numbered(texts[1], "y")


def _settle(module: Module) -> list[str]:
    """What is done where a kernel is called for no steps: what waits at synapses is carried out."""
    if not module.settling:
        return []
    calls = [f"        {line}" for call in module.settling for line in module.step_of(call).splitlines()]
    return ["    if n_steps == 0:", "        step = -1", "        t = 0.0", *calls, "        return 0"]


def _opened(module: Module, lines: list[str]) -> list[str]:
    """The arrays and numbers that some lines use, by their names."""
    text = "\n".join(line.partition("#")[0] for line in lines)
    used = Names.places(text)
    places = {array.key.use: n for n, array in enumerate(module.table) if array.key.owner == RUN}
    arrays = [
        f"    {name} = {array.type.value}(table, {n})" for array, (name, n) in module.places.items() if name in used
    ]
    sizes = [f"    {name} = sizes[{n}]" for n, (name, _) in enumerate(module.ints) if name in used]
    numbers = [f"    {name} = numbers[{n}]" for n, (name, _) in enumerate(module.floats) if name in used]
    if numbers or "numbers[" in text:
        numbers.insert(0, f"    numbers = {module.real.value}(table, {places[ArrayUse.NUMBERS]})")
    return [*arrays, f"    sizes = i64(table, {places[ArrayUse.SIZES]})", *sizes, *numbers]


def _in_pieces(module: Module, blocks: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """A long step as functions of some blocks each, as compiling one costs as the square of its length.

    Returns:
        The functions, and the blocks that call them. Those that may end the call of the kernel stay as they are.
    """
    functions: list[str] = []
    threads = ", ".join(value.use for value in THREAD_NUMBERS)
    guards = next((n for n, block in enumerate(blocks) if not any("return step" in line for line in block)), 0)
    calls = blocks[:guards]
    for first in range(guards, len(blocks), MANY // 2):
        piece = [line for block in blocks[first : first + MANY // 2] for line in block]
        name = f"piece_{len(functions)}"
        body = [*_opened(module, piece), *_clock_started(module, 4), *(line[4:] for line in piece), "    return"]
        functions.append("\n".join(["@kernel()", f"def {name}(step, t, {threads}, table):", *body, "", ""]))
        calls.append([f"        {name}(step, t, {threads}, table)", *_clock_started(module, 8)])
    return functions, calls


def _clock_started(module: Module, indent: int) -> list[str]:
    """The line that starts the first lap, where laps are measured."""
    return [] if module.laps is None else [f"{' ' * indent}{CLOCK} = ticks()"]


def _slot(module: Module, slot: Slot) -> None:
    """What acts in a slot of a step. Groups that follow one another are done together."""
    if slot is Slot.GROUPS and not module.network.groups:
        return
    prepared = False
    for together, chosen in groupby(actors(module.network, slot), lambda actor: isinstance(actor, Group)):
        if together:
            groups: list[Any] = list(chosen)
            if slot is Slot.GROUPS and not prepared:
                _before_groups(module)
                prepared = True
            _OF_GROUPS[slot](module, groups)
            continue
        for actor in chosen:
            match actor:
                case Operation():
                    _operation(module, actor)
                case PoissonInput():
                    with module.clock(module.network.groups[actor.target.group].every):
                        poisson_input(module, actor)
                case tuple():
                    deliver(module, *actor)
                case Event() if slot is Slot.THRESHOLDS:
                    _look_for(module, actor)
                case Event():
                    before = keep_before(module, [Act.of(actor.source.group_path, actor.block)])
                    _reset(module, actor.source, actor.block, before)
                case Group():
                    raise AssertionError(actor)
                case SpikeMonitor() if actor.condition is not None:
                    with module.clock(module.network.groups[actor.source.group].every):
                        record(module, actor)
                case _:
                    record(module, actor)


# operations


def _operation(module: Module, operation: Operation) -> None:
    owner = f"operations.{operation.name}"
    w = module.writer(operation.target)
    if operation.every:
        every = w.integer("every", operation.every)
        w.loop(f"if step % {every} != 0:")
    else:
        at = w.array("at", ArrayUse.AT.of(owner))
        cursor = w.array("cursor", ArrayUse.CURSOR.of(owner))
        times = w.integer("times", len(operation.at))
        w.loop(f"while {cursor}[0] < {times} and {at}[{cursor}[0]] < step:")
        w.line(f"{cursor}[0] += 1")
        w.end()
        w.loop(f"if {cursor}[0] >= {times} or {at}[{cursor}[0]] != step:")
    w.line("return")
    w.end()
    reduce_here(module, w, *operation.block.values)
    _elementwise(module, w, operation.target, operation.block)
    module.call("operation", owner, w, divided=False)


def _elementwise(module: Module, w: Writer, target: str, block: Block) -> None:
    """A block for every element. Values of shared variables are computed once, before the loop, and stored after it."""
    shared = tuple(a for a in block.assignments if a.variable.shared)
    own = tuple(a for a in block.assignments if not a.variable.shared)
    losing = lost(block, module.clipped)
    names = w.compute(shared, Place("0"), losing)
    if own:
        w.leaves |= {id(a.value): name for a, name in zip(shared, names, strict=True) if not is_fixed(a.value)}
        n = w.integer("n", IntUse.N.of(target))
        copy_in(module, w, Act.of(target, block))
        w.loop(f"for k in range({n}):")
        w.assign(own, module.place(target, "k"), module.kinds, losing)
        w.end()
    for a, name in zip(shared, names, strict=True):
        w.store(a.variable, name, Place("0"), module.kinds[a.variable])


# groups


def _before_groups(module: Module) -> None:
    network = module.network
    sum_up(module)
    for group in network.groups.values():
        with module.clock(group.every):
            _hold(module, group)
    for synapses in network.synapses.values():
        act_on_synapses(module, "hold_synapses", synapses, synapses.held)
    acts = [Act.of(s.path, s.update) for s in network.synapses.values()]
    acts += [Act.of(s.source.path, s.of_sources) for s in network.synapses.values()]
    before = keep_before(module, acts)
    # synaptic equations first: they read neurons as they were, and groups read synapses only through summed variables
    for synapses in network.synapses.values():
        act_on_synapses(module, "update_synapses", synapses, synapses.update, before)
    for synapses in network.synapses.values():
        act_on_sources(module, synapses)


def _groups(module: Module, groups: Sequence[Group]) -> None:
    for together in _by_order(groups):
        before = keep_before(module, [_update_act(group) for group in together])
        for group in together:
            with module.clock(group.every):
                _update(module, group, before)


def _by_order(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups of the same order, which read each other as they were before all of them."""
    return [list(together) for _, together in groupby(groups, lambda group: group.order)]


def _update_act(group: Group) -> Act:
    """What a group does when it integrates."""
    rule = group.refractory
    others = [] if rule is None else [n for n in (rule.steps, rule.condition) if n is not None]
    return Act.of(group.path, group.update, *others, also=[] if rule is None else [not_refractory(group)])


def _hold(module: Module, group: Group) -> None:
    """Values that stay as they are over the step."""
    shared = tuple(a for a in group.held.assignments if a.variable.shared)
    own = tuple(a for a in group.held.assignments if not a.variable.shared)
    if shared:
        w = module.writer(group.path)
        reduce_here(module, w, *(a.value for a in shared))
        w.assign(shared, Place("0"), module.kinds)
        module.call("hold_shared", group.path, w, divided=False)
    if own:
        reduce_before(module, *(a.value for a in own))
        assert not variables_of(*(a.value for a in own)) & {a.variable for a in shared}, "read before the first write"
        w, place = _neuron_loop(module, group)
        w.assign(own, replace(place, buffered=False), module.kinds)
        w.end()
        module.call("hold", group.path, w, divided=True)


def _update(module: Module, group: Group, before: AbstractSet[Key]) -> None:
    """Refractoriness, integration and threshold of one group, in one loop without branches."""
    moved = _looks_late(module, group)
    if group.kind is GroupKind.POISSON and group.intervals is None:
        if not moved:
            _draw_spikes(module, group)
        return
    shared = tuple(a for a in group.update.assignments if a.variable.shared)
    own = tuple(a for a in group.update.assignments if not a.variable.shared)
    changed = {a.variable for a in shared}
    # a threshold that reads a shared variable must see its new value, made after the neurons' (they see the old one)
    later = group.threshold is not None and (
        moved or bool(changed & variables_of(group.threshold)) or bool(reductions_of(group.threshold))
    )
    reduce_before(module, *group.update.values, before=before)
    if own or group.refractory is not None or (group.threshold is not None and not later):
        w, place = _neuron_loop(module, group)
        w.before = before
        active = _refractoriness(w, group, place)
        w.assign(own, place, module.kinds)
        if not later:
            _flag(w, group, place, active)
        w.end()
        module.call("update", group.path, w, divided=True)
        if own and not (shared or later):
            may_rest(module, group, w)
    if shared:
        w = module.writer(group.path)
        w.before = before
        w.assign(shared, Place("0"), module.kinds)
        module.call("update_shared", group.path, w, divided=False)
    if later and not moved:
        _cross(module, group)


def _update_listed(module: Module, group: Group) -> Writer:
    """The same for those neurons of a thread that are listed, see `resting`."""
    w, place, path, own = module.writer(group.path), Place("k"), group.path, group.update.assignments
    frozen = w.variable_array(not_refractory(group), Kind.BOOL, write=True) if group.refractory is not None else ""
    flags = w.array("flags", ArrayUse.FLAGS.of(path), write=True, own=True) if group.threshold is not None else ""
    usual = {array: mark for array, mark in ((frozen, 1), (flags, 0)) if array}
    old = open_list(w, path, [a.variable for a in own], usual)
    active = _active(w, group, place)
    w.assign(own, place, module.kinds)
    marks: dict[str, str] = {} if active is None else {frozen: active}
    odd = [] if active is None else [f"({active} == False)"]
    if group.threshold is not None:
        (holds,) = w.evaluate([group.threshold], place)
        marks[flags] = w.temporary("crosses")
        w.line(f"{marks[flags]} = {f'{holds.closed} & {active}' if active else holds}")
        odd.append(marks[flags])
    close_list(w, path, old, marks, " | ".join(odd) or "False")
    return w


def _looks_late(module: Module, group: Group) -> bool:
    """Whether a group looks at its threshold in its slot: what it reads changes after its own equations.

    Operations change it, or the equations of other neurons that it is linked to.
    """
    if group.threshold is None:
        return False
    foreign = {(v.owner, v.name) for v in variables_of(group.threshold) if is_foreign(v, group.path)}
    if foreign and any(foreign & _update_act(g).writes for g in module.network.groups.values()):
        return True
    blocks = [operation.block for operation in between_update_and_threshold(module.network, group)]
    written = {(a.variable.owner, a.variable.name) for block in blocks for a in block.assignments}
    return any((v.owner, v.name) in written for v in variables_of(group.threshold))


def _cross(module: Module, group: Group) -> None:
    """Note which neurons cross the threshold, in a loop of its own."""
    if group.kind is GroupKind.POISSON and group.intervals is None:
        _draw_spikes(module, group)
        return
    assert group.threshold is not None
    reduce_before(module, group.threshold)
    w, place = _neuron_loop(module, group)
    pointer = w.variable_array(not_refractory(group), Kind.BOOL) if group.refractory is not None else None
    _flag(w, group, place, pointer and f"({pointer}[k] != 0)")
    w.end()
    module.call("cross", group.path, w, divided=True)


def _draw_spikes(module: Module, group: Group) -> None:
    """Draw which neurons of a Poisson group spike; the first whose rate no step can have is noted."""
    assert group.threshold is not None
    chance = group.threshold.args[1]
    w = module.writer(group.path)
    low, high = w.range(group.path)
    w.line("wrong = 0")
    for noting in (False, True):
        if noting:
            w.loop("if wrong > 0:")
        w.loop(f"for k in range({low}, {high}):")
        place = Place("k", buffered=True)
        if not noting:
            _flag(w, group, place, None)
        (text,) = w.evaluate([chance], place)
        if noting:
            w.loop(f"if ({possible(text)}) == False:")
            w.note("k", w.integer("group", IntUse.WATCHED.of(group.path)), text)
        else:
            w.line(f"wrong += select({possible(text)}, 0, 1)")
        w.depth = 1
    module.call("draw_spikes", group.path, w, divided=True)


def _neuron_loop(module: Module, group: Group) -> tuple[Writer, Place]:
    w = module.writer(group.path)
    low, high = w.range(group.path)
    w.loop(f"for k in range({low}, {high}):")
    return w, Place("k", buffered=True)


def _flag(w: Writer, group: Group, place: Place, active: str | None) -> None:
    """Note which neurons cross the threshold."""
    if group.threshold is not None:
        _flag_where(w, EventSource(group.name), group.threshold, place, active)


def _flag_where(w: Writer, source: EventSource, condition: Node, place: Place, active: str | None) -> None:
    """Note which neurons have an event: those for which a condition holds, of the active ones."""
    (holds,) = w.evaluate([condition], place)
    both = f"{holds.closed} & {active}" if active else holds
    flags = w.array("flags", ArrayUse.FLAGS.of(source.path), write=True, own=True)
    w.line(f"{flags}[k] = select({both}, 1, 0)")


def not_refractory(group: Group) -> Variable:
    """The variable that says which neurons are active."""
    return Variable(group.path, "not_refractory")


def _refractoriness(w: Writer, group: Group, place: Place) -> str | None:
    """Compute and store whether a neuron is active; the name of the value."""
    active = _active(w, group, place)
    if active is not None:
        w.store(not_refractory(group), active, place, Kind.BOOL)
    return active


def _active(w: Writer, group: Group, place: Place) -> str | None:
    """Compute whether a neuron is active; the name of the value."""
    if group.refractory is None:
        return None
    variable = not_refractory(group)
    pointer = w.variable_array(variable, Kind.BOOL)
    if group.refractory.steps is not None:
        last = w.array("last", ArrayUse.VARIABLE.of(group.path, "lastspike"), CType.I64, own=True)
        if is_fixed(group.refractory.steps) and group.refractory.steps.op is not Op.LITERAL:
            w.integer("refractory_steps", group.refractory.steps)  # gives it this name
        (steps,) = w.evaluate([group.refractory.steps], place)
        text = f"step - {last}[k] >= {steps}"
    else:
        assert group.refractory.condition is not None
        (condition,) = w.evaluate([group.refractory.condition], place)
        text = f"({pointer}[k] != 0) | ({condition.closed} == False)"
    active = w.temporary("active")
    w.line(f"{active} = {text}")
    w.overrides[variable] = active
    return active


# thresholds


def _thresholds(module: Module, groups: Sequence[Group]) -> None:
    for group in groups:
        if _looks_late(module, group):
            with module.clock(group.every):
                _cross(module, group)
    for group in groups:
        _list_spikes(module, group)
    marks = (("lastspike", spikes.mark_spiked, CType.I64), ("not_refractory", spikes.mark_refractory, CType.U8))
    for name, function, type in marks:
        for group in groups:
            if group.threshold is not None and name in {s.variable.name for s in group.stored}:
                source, marked = EventSource(group.name), writes(ArrayUse.VARIABLE.of(group.path, name), type, own=True)
                module.plain(function, _own_lists(source), [*listed(source, own=True), marked])
                module.reaches()


def _look_for(module: Module, event: Event) -> None:
    """List the neurons that have a custom event in this step."""
    group = module.network.groups[event.group]
    with module.clock(group.every):
        reduce_before(module, event.condition)
    w, place = _neuron_loop(module, group)
    _flag_where(w, event.source, event.condition, place, None)
    w.end()
    with module.clock(group.every):
        module.call("look_for", event.source.path, w, divided=True)
    _list_flagged(module, event.source)


def _list_spikes(module: Module, group: Group) -> None:
    """List the neurons of each thread that spike in this step."""
    source, path = EventSource(group.name), group.path
    if group.kind is GroupKind.SPIKES:
        schedule = [reads(use.of(path)) for use in (ArrayUse.SCHEDULE_STEPS, ArrayUse.SCHEDULE_IDS)]
        values = (*_own_lists(source), IntUse.HIGH.of(path), IntUse.SCHEDULED.of(path), IntUse.PERIOD.of(path))
        accesses = [*_written_lists(source), *schedule, writes(ArrayUse.CURSOR.of(path), own=True)]
        module.plain(spikes.list_scheduled, values, accesses)
    elif group.threshold is not None:
        _list_flagged(module, source)


def _list_flagged(module: Module, source: EventSource) -> None:
    """List the neurons of each thread whose flag says that they have an event; none between steps of the group."""
    every = module.network.groups[source.group].every
    if every > 1:
        module.plain(spikes.list_none, _own_lists(source)[1:4], [writes(ArrayUse.LENGTHS.of(source.path), own=True)])
    flags = [reads(ArrayUse.FLAGS.of(source.path), type, own=True) for type in (CType.I64, CType.U8)]
    values = (*_own_lists(source), IntUse.HIGH.of(source.group_path))
    with module.clock(every):
        module.plain(spikes.list_spikes, values, [*flags, *_written_lists(source)])


def _written_lists(source: EventSource) -> list[Access]:
    return [writes(use.of(source.path), own=True) for use in (ArrayUse.SPIKES, ArrayUse.LENGTHS)]


def _own_lists(source: EventSource) -> tuple[IntKey, ...]:
    """What says where the lists of an event of a thread's neurons lie, and where its neurons begin."""
    path = source.group_path
    return IntUse.N.of(path), IntUse.DEPTH.of(source.path), THREAD, THREADS, IntUse.LOW.of(path)


# resets


def _resets(module: Module, groups: Sequence[Group]) -> None:
    for together in _by_order(groups):
        before = keep_before(module, [Act.of(group.path, group.reset) for group in together])
        for group in together:
            _reset(module, EventSource(group.name), group.reset, before)
            if group.reset.assignments:
                module.reaches()


def _reset(module: Module, source: EventSource, block: Block, before: AbstractSet[Key]) -> None:
    """Carry out the statements of an event."""
    if block.assignments:
        reduce_before(module, *block.values, before=before)
        w = module.writer(source.group_path)
        w.before = before
        event_loop(w, source, mine=True)
        w.assign(block.assignments, Place("k"), module.kinds, lost(block, module.clipped))
        module.call("reset", source.path, w, divided=True)


_OF_GROUPS = {Slot.GROUPS: _groups, Slot.THRESHOLDS: _thresholds, Slot.RESETS: _resets}
"""What groups do in a slot."""
