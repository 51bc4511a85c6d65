"""A kernel while it is put together: its functions, the arrays they need, and the lines of a step."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from snnrun.codegen.emit import REALS, Access, CType, Ends, Fill, IntValue, Place, SlotKey, Writer, index_type
from snnrun.codegen.lost import Clipped
from snnrun.equations.dag import Kind, Node, Variable
from snnrun.network.ir import Network, Synapses, View


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
        written: Variables that it changes.
    """

    text: str
    slots: tuple[tuple[SlotKey, CType], ...]
    parameters: dict[str, Parameters]
    written: frozenset[SlotKey]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a step.

    Args:
        text: A call, or a comment.
        accesses: What it touches.
        divided: Whether every thread does its own part of it; else thread 0 does it all.
    """

    text: str
    accesses: frozenset[Access] = frozenset()
    divided: bool = True

    def conflicts(self, earlier: Mapping[SlotKey, AbstractSet[tuple[Access, bool]]]) -> bool:
        """Whether another thread could still be at an earlier line when this line needs it done.

        Args:
            earlier: What earlier lines touch, by array; for each access, whether its line is divided.
        """
        return any(
            a.waits_for(b) and (self.divided or divided) and not (self.divided and divided and a.own and b.own)
            for a in self.accesses
            for b, divided in earlier.get(a.key, ())
        )


@dataclass
class Module:
    """What `generate` fills: functions without names of objects, and a step's lines that call them with arrays."""

    network: Network
    functions: dict[str, str] = field(default_factory=dict)  # text without name -> name
    bodies: list[str] = field(default_factory=list)
    slots: dict[tuple[SlotKey, CType], int] = field(default_factory=dict)
    parameters: dict[str, Parameters] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    kinds: dict[Variable, Kind] = field(default_factory=dict)
    clipped: Clipped = frozenset()
    frozen: set[str] = field(default_factory=set)  # groups whose refractory neurons are listed in a step

    def slot(self, key: SlotKey, ctype: CType) -> str:
        """Local name in `advance` of an array."""
        number = self.slots.setdefault((key, ctype), len(self.slots))
        return f"a{number}"

    def writer(self, owner: str) -> Writer:
        """A new function for an object."""
        return Writer(self.network.graph, owner, self.real)

    @property
    def real(self) -> CType:
        """The type of numbers."""
        return REALS[self.network.precision]

    def ends(self, synapses: Synapses) -> Ends:
        """How synapses find their neurons."""
        groups = self.network.groups
        sizes = (groups[synapses.source.group].size, groups[synapses.target.group].size)
        return Ends(synapses.path, index_type(sizes[0]), index_type(sizes[1]))

    def place(self, target: str, element: str, *, buffered: bool = False) -> Place:
        """How to reach variables from element `element` of an object."""
        section, _, name = target.partition(".")
        ends = self.ends(self.network.synapses[name]) if section == "synapses" else None
        return Place(element, ends, buffered)

    def call(self, stem: str, owner: str, writer: Writer, *, divided: bool) -> None:
        """Add a finished function (once for each structure) and a call of it."""
        text = writer.text("@")
        name = self.functions.get(text)
        if name is None:
            name = f"{stem}_{len(self.functions)}"
            self.functions[text] = name
            self.bodies.append("@_outline\n" + text.replace("def @(", f"def {name}(", 1))
        self.needed |= writer.functions
        for fill in writer.fills:
            self.fill(fill, divided=divided)
        call = f"call{len(self.parameters)}"
        self.parameters[call] = Parameters(tuple(writer.floats), tuple(writer.ints))
        c = self.slot(SlotKey("floats", call), self.real)
        q = self.slot(SlotKey("ints", call), CType.I64)
        arrays = [self.slot(key, ctype) for key, ctype in writer.slots.values()]
        line = f"{name}({', '.join(['step', 't', c, q, *arrays])})  # {printable(owner)}"
        self.lines.append(Line(line, frozenset(writer.accesses), divided))

    def fill(self, fill: Fill, *, divided: bool) -> None:
        """Fill a buffer of random numbers before the call that reads it."""
        bounds = (f"low:{fill.owner}", f"high:{fill.owner}") if divided else (0, f"n:{fill.owner}")
        low, high, seed, stream = self.ints((*bounds, f"seed:{fill.draw.use}", f"stream:{fill.draw.stream}"))
        text = f"{fill.function}({self.slot(fill.buffer, self.real)}, {low}, {high}, step, {seed}, {stream})"
        self.lines.append(Line(text, frozenset({Access(fill.buffer, write=True, own=True)}), divided))

    def ints(self, values: tuple[IntValue, ...]) -> list[str]:
        """Whole numbers for a call of the prelude's functions."""
        call = f"call{len(self.parameters)}"
        self.parameters[call] = Parameters((), values)
        q = self.slot(SlotKey("ints", call), CType.I64)
        return [f"{q}[{k}]" for k in range(len(values))]

    def plain(
        self, function: str, values: tuple[IntValue, ...], arrays: list[tuple[Access, CType]], *, divided: bool = True
    ) -> None:
        """A call of a prelude function: whole numbers first, then arrays."""
        ints = self.ints(values)
        pointers = [self.slot(access.key, ctype) for access, ctype in arrays]
        text = f"{function}({', '.join(['step', *ints, *pointers])})"
        self.lines.append(Line(text, frozenset(access for access, _ in arrays), divided))


def printable(text: str) -> str:
    """The name of an object as a comment may hold it."""
    return "".join(c if c.isprintable() else " " for c in text)[:80]


def member(w: Writer, view: View, owner: str) -> str:
    """The text of the index of a view's b-th neuron."""
    return "b" if view.whole else f"{w.pointer('view', SlotKey('view', owner), CType.I64)}[b]"


def spike_loop(w: Writer, group_path: str, delay: IntValue = 0, *, mine: bool = False) -> None:
    """Open a loop over the neurons k of a group, or of the thread's own, that spiked `delay` steps ago."""
    ago = "" if delay == 0 else f" - {w.integer('delay', delay)}"
    spikes_of(w, group_path, f"step{ago}", mine=mine)


def spikes_of(w: Writer, group_path: str, when: str, *, mine: bool) -> None:
    """Open a loop over the spikes of a step: thread by thread, which is in the order of neurons."""
    n, depth = w.integer("n_source", f"n:{group_path}"), w.integer("depth", f"depth:{group_path}")
    parts = w.integer("parts", "parts")
    spikes = w.pointer("spikes", SlotKey("spikes", group_path), CType.I32, own=mine)
    number = w.pointer("lengths", SlotKey("number", group_path), CType.I64, own=mine)
    w.line(f"slot = ({when}) % {depth}")
    if mine:
        part, first = w.integer("part", "part"), w.integer("first", f"low:{group_path}")
    else:
        part, first = "p", f"{w.pointer('bounds', SlotKey('bounds', group_path), CType.I64)}[p]"
        w.loop(f"for p in range({parts}):")
    w.line(f"base = slot * {n} + {first}")
    w.loop(f"for b in range(base, base + {number}[slot * {parts} + {part}]):")
    w.line(f"k = int({spikes}[b])")
