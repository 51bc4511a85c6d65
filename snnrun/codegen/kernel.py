"""The network's structure as the text of one module with one compiled function, `advance(first, n_steps, table)`.

Input: a `Network`. Output: a `Kernel`: the text, and the list of arrays and parameters that the engine must put into
the pointer table. Objects with the same structure share one function; values, sizes and seeds are data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from snnrun.codegen.emit import CType, Fill, IntValue, Place, SlotKey, Writer
from snnrun.codegen.prelude import PRELUDE
from snnrun.equations.dag import Kind, Node, Op, Variable, variables_of, walk
from snnrun.network.ir import (
    Assignment,
    Block,
    Group,
    GroupKind,
    Network,
    Operation,
    Pathway,
    PoissonInput,
    RateMonitor,
    Slot,
    SpikeMonitor,
    StateMonitor,
    Summed,
    Synapses,
    View,
)
from snnrun.numerics.kernel_text import kernel_text


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one call of a function is given.

    Args:
        floats: Graphs whose values fill the array `floats`.
        ints: Whole numbers that fill the array `ints`.
    """

    floats: tuple[Node, ...]
    ints: tuple[IntValue, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel before compilation.

    Args:
        text: The module.
        slots: Arrays in the order of the pointer table.
        parameters: For each call (by its name, owner of the slots `floats` and `ints`), its values.
    """

    text: str
    slots: tuple[tuple[SlotKey, CType], ...]
    parameters: dict[str, Parameters]


@dataclass
class _Module:
    network: Network
    functions: dict[str, str] = field(default_factory=dict)  # text without name -> name
    bodies: list[str] = field(default_factory=list)
    slots: dict[tuple[SlotKey, CType], int] = field(default_factory=dict)
    parameters: dict[str, Parameters] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    kinds: dict[Variable, Kind] = field(default_factory=dict)

    def slot(self, key: SlotKey, ctype: CType) -> str:
        """Local name in `advance` of an array."""
        number = self.slots.setdefault((key, ctype), len(self.slots))
        return f"a{number}"

    def writer(self, owner: str) -> Writer:
        """A new function for an object."""
        return Writer(self.network.graph, owner)

    def call(self, stem: str, owner: str, writer: Writer) -> None:
        """Add a finished function (once for each structure) and a call of it."""
        text = writer.text("@")
        name = self.functions.get(text)
        if name is None:
            name = f"{stem}_{len(self.functions)}"
            self.functions[text] = name
            self.bodies.append("@_outline\n" + text.replace("def @(", f"def {name}(", 1))
        self.needed |= writer.functions
        for fill in writer.fills:
            self.fill(fill)
        call = f"call{len(self.parameters)}"
        self.parameters[call] = Parameters(tuple(writer.floats), tuple(writer.ints))
        c = self.slot(SlotKey("floats", call), CType.F64)
        q = self.slot(SlotKey("ints", call), CType.I64)
        arrays = [self.slot(key, ctype) for key, ctype in writer.slots.values()]
        self.calls.append(f"{name}({', '.join(['step', 't', c, q, *arrays])})  # {_printable(owner)}")

    def fill(self, fill: Fill) -> None:
        """Fill a buffer of random numbers before the call that reads it."""
        values = (fill.count, f"seed:{fill.draw.use}", f"stream:{fill.draw.stream}")
        n, seed, stream = self.ints(values)
        self.calls.append(f"{fill.function}({self.slot(fill.buffer, CType.F64)}, {n}, step, {seed}, {stream})")

    def ints(self, values: tuple[IntValue, ...]) -> list[str]:
        """Whole numbers for a call of the prelude's functions."""
        call = f"call{len(self.parameters)}"
        self.parameters[call] = Parameters((), values)
        q = self.slot(SlotKey("ints", call), CType.I64)
        return [f"{q}[{k}]" for k in range(len(values))]

    def plain(
        self, function: str, values: tuple[IntValue, ...], arrays: list[tuple[SlotKey, CType]], order: str
    ) -> None:
        """A call of a prelude function; `order` places ints (`i`) and arrays (`a`)."""
        ints = iter(self.ints(values))
        pointers = iter([self.slot(key, ctype) for key, ctype in arrays])
        args = [next(ints) if c == "i" else next(pointers) for c in order]
        self.calls.append(f"{function}({', '.join(['step', *args])})")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:80]


def generate(network: Network) -> Kernel:
    """The kernel of a network."""
    module = _Module(network)
    for group in network.groups.values():
        for reach in ("own", "pre", "post"):
            module.kinds.update({replace(s.variable, reach=reach): s.kind for s in group.stored})
    for synapses in network.synapses.values():
        module.kinds.update({s.variable: s.kind for s in synapses.stored})
    for stage in (_start, _groups, _thresholds, _synapses, _resets, _end):
        module.calls.append(f"# {stage.__name__.strip('_')}")
        stage(module)
    return Kernel(_text(module), tuple(module.slots), module.parameters)


def _text(module: _Module) -> str:
    guard = _guard(module)
    clock = module.slot(SlotKey("dt", "run"), CType.F64)
    casts = [f"    a{n} = {ctype.value}(table, {n})" for (_, ctype), n in module.slots.items()]
    steps = [f"        {line}" for line in module.calls]
    advance = [
        '@cfunc(types.int64(types.int64, types.int64, types.CPointer(types.int64)), error_model="numpy", _nrt=False)',
        "def advance(first, n_steps, table):",
        '    """Simulate n_steps steps, fewer when a buffer of spikes could overflow; return the number done."""',
        *casts,
        "    for step in range(first, first + n_steps):",
        *guard,
        f"        t = float(step) * {clock}[0]",
        *steps,
        "    return n_steps",
    ]
    header = '"""A generated kernel: state updates, spike delivery and recording of one network structure."""\n'
    future = "from __future__ import annotations\n"
    library = kernel_text(sorted(module.needed)).replace(future, "")
    imports = future + "\nfrom numba import cfunc, njit, types\nfrom numba.extending import intrinsic\n"
    return "\n".join([header, imports, library, PRELUDE, "\n\n".join(module.bodies), "\n".join(advance), ""])


def _guard(module: _Module) -> list[str]:
    lines = []
    for monitor in module.network.monitors:
        if isinstance(monitor, SpikeMonitor) and not monitor.counts_only:
            count = module.slot(SlotKey("count", f"monitors.{monitor.name}"), CType.I64)
            n, capacity = module.ints((f"n:groups.{monitor.source.group}", f"capacity:monitors.{monitor.name}"))
            lines += [f"        if {count}[0] + {n} > {capacity}:", "            return step - first"]
    return lines


# start


def _start(module: _Module) -> None:
    _operations(module, Slot.START)
    for monitor in module.network.monitors:
        if isinstance(monitor, StateMonitor) and monitor.slot is Slot.START:
            _sample(module, monitor)


def _operations(module: _Module, slot: Slot) -> None:
    chosen = [op for op in module.network.operations if op.slot is slot]
    for operation in sorted(chosen, key=lambda op: op.order):
        _operation(module, operation)


def _operation(module: _Module, operation: Operation) -> None:
    owner = f"operations.{operation.name}"
    w = module.writer(operation.target)
    if operation.every:
        every = w.integer("every", operation.every)
        w.loop(f"if step % {every} != 0:")
    else:
        at = w.pointer("at", SlotKey("at", owner), CType.I64)
        cursor = w.pointer("cursor", SlotKey("cursor", owner), CType.I64)
        times = w.integer("times", len(operation.at))
        w.loop(f"while {cursor}[0] < {times} and {at}[{cursor}[0]] < step:")
        w.line(f"{cursor}[0] += 1")
        w.end()
        w.loop(f"if {cursor}[0] >= {times} or {at}[{cursor}[0]] != step:")
    w.line("return")
    w.end()
    _elementwise(module, w, operation.target, operation.block)
    module.call("operation", owner, w)


def _place_of(w: Writer, target: str, element: str, *, buffered: bool = False) -> Place:
    """How to reach variables from element `element` of an object."""
    indices = {"own": element}
    if target.startswith("synapses."):
        indices["pre"] = f"{w.pointer('pre', SlotKey('pre', target), CType.I32)}[{element}]"
        indices["post"] = f"{w.pointer('post', SlotKey('post', target), CType.I32)}[{element}]"
    return Place(indices, element, buffered)


def _elementwise(module: _Module, w: Writer, target: str, block: Block) -> None:
    """A block for every element; assignments of shared variables happen once, before the loop."""
    shared = tuple(a for a in block.assignments if a.variable.shared)
    own = tuple(a for a in block.assignments if not a.variable.shared)
    if shared:
        w.assign(shared, Place({"own": "0"}, "0"), module.kinds)
        # the graphs of the loop hold what came before the block; stored values are read anew from here on
        if own:
            own_texts = {a.variable for a in shared}
            assert not any(n.payload in own_texts for a in own for n in walk(a.value) if n.op is Op.VARIABLE)
    if own:
        n = w.integer("n", f"n:{target}")
        w.loop(f"for k in range({n}):")
        w.assign(own, _place_of(w, target, "k"), module.kinds)
        w.end()


def _sample(module: _Module, monitor: StateMonitor) -> None:
    owner = f"monitors.{monitor.name}"
    w = module.writer(monitor.source)
    _in_window(w, monitor.window.start, monitor.window.stop)
    every = w.integer("every", monitor.every)
    w.loop(f"if step % {every} != 0:")
    w.line("return")
    w.end()
    count = w.pointer("count", SlotKey("count", owner), CType.I64)
    ids = w.pointer("ids", SlotKey("ids", owner), CType.I64)
    m = w.integer("m", f"n:{owner}")
    w.line(f"base = {count}[0] * {m}")
    w.loop(f"for e in range({m}):")
    w.line(f"k = {ids}[e]")
    place = _place_of(w, monitor.source, "k")
    for number, text in enumerate(w.evaluate([c.node for c in monitor.columns], place)):
        buffer = w.pointer(f"out{number}", SlotKey("record", owner, monitor.columns[number].name), CType.F64)
        w.line(f"{buffer}[base + e] = {_as_float(text, monitor.columns[number].node)}")
    w.end()
    w.line(f"{count}[0] += 1")
    module.call("sample", owner, w)


def _as_float(text: str, node: Node) -> str:
    if node.kind is Kind.FLOAT:
        return text
    return f"float({text})" if node.kind is Kind.INT else f"select({text}, 1.0, 0.0)"


def _in_window(w: Writer, start: IntValue, stop: IntValue) -> None:
    first, last = w.integer("window_start", start), w.integer("window_stop", stop)
    w.loop(f"if step < {first} or step >= {last}:")
    w.line("return")
    w.end()


# groups


def _groups(module: _Module) -> None:
    network = module.network
    _summed(module)
    for group in network.groups.values():
        if group.held.assignments:
            w = module.writer(group.path)
            _elementwise(module, w, group.path, group.held)
            module.call("hold", group.path, w)
    # synaptic equations first: they read neurons as they were, and groups read synapses only through summed variables
    for synapses in network.synapses.values():
        if synapses.update.assignments:
            w = module.writer(synapses.path)
            n = w.integer("n", f"n:{synapses.path}")
            w.loop(f"for k in range({n}):")
            w.assign(synapses.update.assignments, _place_of(w, synapses.path, "k", buffered=True), module.kinds)
            w.end()
            module.call("update_synapses", synapses.path, w)
    for group in network.groups.values():
        _update(module, group)


def _summed(module: _Module) -> None:
    every = [(s, summed) for s in module.network.synapses.values() for summed in s.summed]
    use = "sum" if _sums_read_sums([summed for _, summed in every]) else "variable"
    for synapses, summed in every:
        _at_members(module, "clear", synapses, summed, use, "0.0")
    for synapses, summed in every:
        _add_up(module, synapses, summed, use)
    if use == "sum":
        for synapses, summed in every:
            _at_members(module, "put_sum", synapses, summed, "variable", None)


def _sums_read_sums(every: list[Summed]) -> bool:
    """Whether a sum is made of sums; all are then collected aside, so that each sees the others as they were."""
    targets = {(summed.target.owner, summed.target.name) for summed in every}
    return any((v.owner, v.name) in targets for v in variables_of(*(summed.value for summed in every)))


def _at_members(module: _Module, stem: str, synapses: Synapses, summed: Summed, use: str, value: str | None) -> None:
    """Set the sum of every neuron that takes part; to what was collected when `value` is None."""
    end, view = ("target", synapses.target) if summed.target.reach == "post" else ("source", synapses.source)
    w = module.writer(synapses.path)
    p = w.pointer("p_sum", SlotKey(use, summed.target.owner, summed.target.name), CType.F64)
    n, k = _over_view(w, view, f"{synapses.path}.{end}")
    if value is None:
        value = f"{w.pointer('p_collected', SlotKey('sum', summed.target.owner, summed.target.name), CType.F64)}[{k}]"
    w.loop(f"for b in range({n}):")
    w.line(f"{p}[{k}] = {value}")
    w.end()
    module.call(stem, synapses.path, w)


def _over_view(w: Writer, view: View, owner: str) -> tuple[str, str]:
    """Number of neurons of a view, and the text of the index of its b-th neuron."""
    n = w.integer("n", f"n:{owner}")
    if view.whole:
        return n, "b"
    return n, f"{w.pointer('view', SlotKey('view', owner), CType.I64)}[b]"


def _add_up(module: _Module, synapses: Synapses, summed: Summed, use: str) -> None:
    w = module.writer(synapses.path)
    p = w.pointer("p_sum", SlotKey(use, summed.target.owner, summed.target.name), CType.F64)
    n = w.integer("n", f"n:{synapses.path}")
    w.loop(f"for k in range({n}):")
    place = _place_of(w, synapses.path, "k")
    (text,) = w.evaluate([summed.value], place)
    w.line(f"{p}[{place.indices[summed.target.reach]}] += {text}")
    w.end()
    module.call("add_up", synapses.path, w)


def _update(module: _Module, group: Group) -> None:
    """Refractoriness, integration and threshold of one group, in one loop without branches."""
    shared = tuple(a for a in group.update.assignments if a.variable.shared)
    own = tuple(a for a in group.update.assignments if not a.variable.shared)
    changed = {a.variable for a in shared}
    # a threshold that reads a shared variable must see its new value, made after the neurons' (they see the old one)
    later = group.threshold is not None and bool(changed & variables_of(group.threshold))
    if own or group.refractory is not None or (group.threshold is not None and not later):
        w, place = _neuron_loop(module, group)
        active = _refractoriness(w, group, place)
        w.assign(own, place, module.kinds)
        if not later:
            _flag(w, group, place, active)
        w.end()
        module.call("update", group.path, w)
    if shared:
        w = module.writer(group.path)
        w.assign(shared, Place({"own": "0"}, "0"), module.kinds)
        module.call("update_shared", group.path, w)
    if later:
        w, place = _neuron_loop(module, group)
        pointer = w.variable_pointer(not_refractory(group), Kind.BOOL) if group.refractory is not None else None
        _flag(w, group, place, pointer and f"({pointer}[k] != 0)")
        w.end()
        module.call("cross", group.path, w)


def _neuron_loop(module: _Module, group: Group) -> tuple[Writer, Place]:
    w = module.writer(group.path)
    w.loop(f"for k in range({w.integer('n', f'n:{group.path}')}):")
    return w, Place({"own": "k"}, "k", buffered=True)


def _flag(w: Writer, group: Group, place: Place, active: str | None) -> None:
    """Note which neurons cross the threshold."""
    if group.threshold is None:
        return
    (crossed,) = w.evaluate([group.threshold], place)
    both = f"{crossed} & {active}" if active else crossed
    w.line(f"{w.pointer('flags', SlotKey('flags', group.path), CType.U8)}[k] = select({both}, 1, 0)")


def not_refractory(group: Group) -> Variable:
    """The variable that says which neurons are active."""
    return Variable(group.path, "not_refractory")


def _refractoriness(w: Writer, group: Group, place: Place) -> str | None:
    if group.refractory is None:
        return None
    variable = not_refractory(group)
    pointer = w.variable_pointer(variable, Kind.BOOL)
    if group.refractory.steps is not None:
        last = w.pointer("last", SlotKey("variable", group.path, "lastspike"), CType.I64)
        (steps,) = w.evaluate([group.refractory.steps], place)
        text = f"(step - {last}[k]) >= {steps}"
    else:
        assert group.refractory.condition is not None
        (condition,) = w.evaluate([group.refractory.condition], place)
        text = f"({pointer}[k] != 0) | ({condition} == False)"
    active = w.temporary("active")
    w.line(f"{active} = {text}")
    w.store(variable, active, place, Kind.BOOL)
    return active


# thresholds


def _ring(group_path: str) -> tuple[tuple[IntValue, ...], list[tuple[SlotKey, CType]]]:
    ints = (f"n:{group_path}", f"depth:{group_path}")
    arrays = [(SlotKey("spikes", group_path), CType.I32), (SlotKey("number", group_path), CType.I64)]
    return ints, arrays


def _thresholds(module: _Module) -> None:
    for group in module.network.groups.values():
        (n, depth), ring = _ring(group.path)
        if group.kind is GroupKind.SPIKES:
            schedule = [(SlotKey(use, group.path), CType.I64) for use in ("schedule steps", "schedule ids", "cursor")]
            values = (n, depth, f"scheduled:{group.path}", f"period:{group.path}")
            module.plain("list_scheduled", values, ring + schedule, "iiaaaaiia")
        elif group.threshold is not None:
            flags = [(SlotKey("flags", group.path), CType.I64), (SlotKey("flags", group.path), CType.U8)]
            module.plain("list_spikes", (n, depth), flags + ring, "iaaiaa")
    for group in module.network.groups.values():
        sizes, ring = _ring(group.path)
        stored = {s.variable.name for s in group.stored}
        for name, function, ctype in (
            ("lastspike", "mark_spiked", CType.I64),
            ("not_refractory", "mark_refractory", CType.U8),
        ):
            if name in stored and group.threshold is not None:
                module.plain(function, sizes, [*ring, (SlotKey("variable", group.path, name), ctype)], "iiaaa")
    for monitor in module.network.monitors:
        if isinstance(monitor, SpikeMonitor):
            _record_spikes(module, monitor)


def _spike_loop(w: Writer, group_path: str, delay: IntValue = 0) -> None:
    """Open a loop over the spikes of a group, `delay` steps ago; the neuron is `k`."""
    n, depth = w.integer("n", f"n:{group_path}"), w.integer("depth", f"depth:{group_path}")
    spikes = w.pointer("spikes", SlotKey("spikes", group_path), CType.I32)
    number = w.pointer("number", SlotKey("number", group_path), CType.I64)
    ago = "" if delay == 0 else f" - {w.integer('delay', delay)}"
    w.line(f"slot = (step{ago}) % {depth}")
    w.loop(f"for b in range({number}[slot]):")
    w.line(f"k = int({spikes}[slot * {n} + b])")


def _record_spikes(module: _Module, monitor: SpikeMonitor) -> None:
    owner = f"monitors.{monitor.name}"
    path = f"groups.{monitor.source.group}"
    w = module.writer(path)
    _in_window(w, monitor.window.start, monitor.window.stop)
    _spike_loop(w, path)
    if not monitor.source.whole:
        member = w.pointer("member", SlotKey("member", owner), CType.U8)
        w.loop(f"if {member}[k] != 0:")
    counts = w.pointer("counts", SlotKey("counts", owner), CType.I64)
    w.line(f"{counts}[k] += 1")
    if not monitor.counts_only:
        count = w.pointer("count", SlotKey("count", owner), CType.I64)
        w.line(f"at = {count}[0]")
        w.line(f"{w.pointer('out_step', SlotKey('record', owner, 'step'), CType.I64)}[at] = step")
        w.line(f"{w.pointer('out_id', SlotKey('record', owner, 'id'), CType.I64)}[at] = k")
        texts = w.evaluate([c.node for c in monitor.columns], Place({"own": "k"}, "k"))
        for number, (column, text) in enumerate(zip(monitor.columns, texts, strict=True)):
            buffer = w.pointer(f"out{number}", SlotKey("record", owner, "." + column.name), CType.F64)
            w.line(f"{buffer}[at] = {_as_float(text, column.node)}")
        w.line(f"{count}[0] = at + 1")
    module.call("record_spikes", owner, w)


# synapses


def _synapses(module: _Module) -> None:
    acts: list[tuple[int, Callable[[], None]]] = []
    for synapses in module.network.synapses.values():
        for pathway in synapses.pathways:
            acts.append((pathway.order, lambda s=synapses, p=pathway: _deliver(module, s, p)))  # type: ignore[misc]
    for poisson in module.network.inputs:
        acts.append((poisson.order, lambda i=poisson: _poisson_input(module, i)))  # type: ignore[misc]
    for _, act in sorted(acts, key=lambda a: a[0]):
        act()


def _deliver(module: _Module, synapses: Synapses, pathway: Pathway) -> None:
    owner = f"{synapses.path}.{pathway.name}"
    path = f"groups.{(synapses.target if pathway.post else synapses.source).group}"
    w = module.writer(synapses.path)
    rows = w.pointer("rows", SlotKey("columns" if pathway.post else "rows", synapses.path), CType.I64)
    block, frozen = _without_guards(pathway.block)
    undo = [_keep_frozen(w, variable) for variable in frozen]
    if pathway.uniform_delay:
        _spike_loop(w, path, f"delay:{owner}")
        w.loop(f"for m in range({rows}[k], {rows}[k + 1]):")
        if pathway.post:
            column_order = w.pointer("column_order", SlotKey("column order", synapses.path), CType.I64)
            w.line(f"s = {column_order}[m]")
        else:
            w.line("s = m")
    else:
        _delayed_loop(w, path, owner, rows)
    w.assign(block.assignments, _place_of(w, synapses.path, "s"), module.kinds)
    w.depth = 1
    for line in undo:
        w.line(line)
    module.call("deliver", owner, w)


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
        read = {n.payload for n in walk(*others) if n.op is Op.VARIABLE}
        twins = {n.payload for n in walk(new, *others) if n.op is Op.VARIABLE} | {b.variable for b in assignments}
        if v in read or any((t.owner, t.name) == (v.owner, v.name) and t != v for t in twins):  # type: ignore[attr-defined]
            continue
        assignments[k] = Assignment(v, new)
        found.append(v)
    return Block(tuple(assignments)), found


def _keep_frozen(w: Writer, v: Variable) -> str:
    """Remember a variable of refractory neurons; the line that puts it back."""
    key = SlotKey("variable", v.owner, "not_refractory")
    words, flags = w.pointer("frozen_words", key, CType.I64), w.pointer("frozen_flags", key, CType.U8)
    ids = w.pointer(f"ids_{v.name}", SlotKey("scratch ids", v.owner, v.name), CType.I32)
    kept = w.pointer(f"kept_{v.name}", SlotKey("scratch", v.owner, v.name), CType.F64)
    values = w.variable_pointer(v, Kind.FLOAT)
    n = w.integer("neurons", f"n:{v.owner}")
    found = w.temporary("found")
    w.line(f"{found} = keep_frozen({n}, {words}, {flags}, {ids}, {kept}, {values})")
    return f"put_back({found}, {ids}, {kept}, {values})"


def _delayed_loop(w: Writer, path: str, owner: str, rows: str) -> None:
    """Loop over the synapses whose delay ends now: oldest spikes first, then by neuron, then by synapse."""
    n, depth = w.integer("n", f"n:{path}"), w.integer("depth", f"depth:{path}")
    spikes = w.pointer("spikes", SlotKey("spikes", path), CType.I32)
    number = w.pointer("number", SlotKey("number", path), CType.I64)
    order = w.pointer("order", SlotKey("delay order", owner), CType.I64)
    delays = w.pointer("delays", SlotKey("delays", owner), CType.I32)
    longest, shortest = w.integer("longest", f"longest:{owner}"), w.integer("shortest", f"shortest:{owner}")
    w.loop(f"for age in range({longest}, {shortest} - 1, -1):")
    w.line(f"slot = (step - age) % {depth}")
    w.loop(f"for b in range({number}[slot]):")
    w.line(f"k = int({spikes}[slot * {n} + b])")
    w.comment("the first synapse of this row with this delay, by bisection")
    w.line(f"low = {rows}[k]")
    w.line(f"high = {rows}[k + 1]")
    w.line("stop = high")
    w.loop("while low < high:")
    w.line("middle = (low + high) >> 1")
    w.loop(f"if {delays}[middle] < age:")
    w.line("low = middle + 1")
    w.end()
    w.loop("else:")
    w.line("high = middle")
    w.end(2)
    w.loop("for m in range(low, stop):")
    w.loop(f"if {delays}[m] != age:")
    w.line("break")
    w.end()
    w.line(f"s = {order}[m]")


def _poisson_input(module: _Module, poisson: PoissonInput) -> None:
    owner = f"inputs.{poisson.name}"
    w = module.writer(f"groups.{poisson.target.group}")
    table = w.pointer("table", SlotKey("binomial", owner), CType.F64)
    size = w.integer("size", f"binomial:{owner}")
    draws = w.pointer("draws", SlotKey("random", owner, poisson.draw.stream), CType.F64)
    w.fills.append(Fill("fill_uniform", SlotKey("random", owner, poisson.draw.stream), f"n:{owner}", poisson.draw))
    w.functions.add("fill_uniform")
    n, k = _over_view(w, poisson.target, owner)
    counts = w.pointer("counts", SlotKey("scratch", owner, "counts"), CType.F64)
    w.line(f"count_events(step, {n}, {size}, {draws}, {table}, {counts})")
    w.loop(f"for b in range({n}):")
    w.line(f"k = {k}")
    w.line(f"events = {counts}[b]")
    w.leaves[id(poisson.counts)] = "events"
    w.assign(poisson.block.assignments, Place({"own": "k"}, "k"), module.kinds)
    w.end()
    module.call("poisson_input", owner, w)


# resets and end


def _resets(module: _Module) -> None:
    for group in module.network.groups.values():
        if group.reset.assignments:
            w = module.writer(group.path)
            _spike_loop(w, group.path)
            w.assign(group.reset.assignments, Place({"own": "k"}, "k"), module.kinds)
            module.call("reset", group.path, w)


def _end(module: _Module) -> None:
    for monitor in module.network.monitors:
        if isinstance(monitor, RateMonitor):
            _count_rate(module, monitor)
    _operations(module, Slot.END)
    for monitor in module.network.monitors:
        if isinstance(monitor, StateMonitor) and monitor.slot is Slot.END:
            _sample(module, monitor)


def _count_rate(module: _Module, monitor: RateMonitor) -> None:
    owner = f"monitors.{monitor.name}"
    path = f"groups.{monitor.source.group}"
    w = module.writer(path)
    _in_window(w, monitor.window.start, monitor.window.stop)
    count = w.pointer("count", SlotKey("count", owner), CType.I64)
    out = w.pointer("out", SlotKey("record", owner, "number"), CType.I64)
    w.line("found = 0")
    _spike_loop(w, path)
    if monitor.source.whole:
        w.line("found += 1")
    else:
        member = w.pointer("member", SlotKey("member", owner), CType.U8)
        w.line(f"found += int({member}[k])")
    w.end()
    w.line(f"{out}[{count}[0]] = found")
    w.line(f"{count}[0] += 1")
    module.call("count_rate", owner, w)
