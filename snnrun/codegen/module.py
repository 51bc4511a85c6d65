"""A kernel while it is put together: its functions, the arrays they need, and the lines of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from snnrun.codegen.emit import REALS, Access, CType, Ends, Fill, IntValue, Place, SlotKey, Writer, index_type
from snnrun.codegen.lost import Clipped
from snnrun.codegen.names import Names
from snnrun.equations.dag import Kind, Node, Variable
from snnrun.network.ir import Network, Synapses, View
from snnrun.numerics.arithmetic import Math

THREAD = ("part", "parts")
"""Numbers that every call may use: of the thread, and how many there are."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel before compilation.

    Args:
        text: The module.
        structure: The same without the names of the model: kernels with one structure share their machine code.
        math: What its operations on numbers may do.
        slots: Arrays in the order of the pointer table.
        floats: Graphs whose values fill the array `numbers` of the run.
        ints: Whole numbers that fill the array `sizes` of the run, one row a thread.
        written: Variables that it changes.
    """

    text: str
    structure: str
    math: Math
    slots: tuple[tuple[SlotKey, CType], ...]
    floats: tuple[Node, ...]
    ints: tuple[IntValue, ...]
    written: frozenset[SlotKey]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a step.

    Args:
        text: A call, or a comment.
        accesses: What it touches.
        divided: Whether every thread does its own part of it; else thread 0 does it all.
        owner: The object that it is about.
    """

    text: str
    accesses: frozenset[Access] = frozenset()
    divided: bool = True
    owner: str = ""

    def lines(self) -> list[str]:
        """It in the body of the loop over steps."""
        head = [] if self.divided else ["        if part == 0:"]
        indent = " " * (8 if self.divided else 12)
        comment = [f"{indent}# {printable(self.owner)}"] if self.owner else []
        return [*head, *comment, *f"{indent}{self.text}".splitlines()]

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
    """What `generate` fills: functions, and a step's lines that call them."""

    network: Network
    functions: dict[str, str] = field(default_factory=dict)  # structure -> name
    bodies: list[str] = field(default_factory=list)  # of functions, with the names of the model
    structures: list[str] = field(default_factory=list)  # and without
    names: Names = field(default_factory=Names)  # of `advance`
    slots: dict[tuple[SlotKey, CType], str] = field(default_factory=dict)  # -> name in `advance`
    floats: list[tuple[str, Node]] = field(default_factory=list)
    ints: dict[object, tuple[str, IntValue]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    guards: int = 0  # lines that may end the call of the kernel; they come first
    kinds: dict[Variable, Kind] = field(default_factory=dict)
    clipped: Clipped = frozenset()
    frozen: set[str] = field(default_factory=set)  # groups whose refractory neurons are listed in a step

    def slot(self, key: SlotKey, ctype: CType) -> str:
        """Name in `advance` of an array."""
        if (key, ctype) not in self.slots:
            use = key.name if key.use == "variable" else f"{key.use}_{key.name}"
            self.slots[key, ctype] = self.names.new(use if key.owner == "run" else f"{_short(key.owner)}_{use}")
        return self.slots[key, ctype]

    def integer(self, value: IntValue, stem: str) -> str:
        """Name in `advance` of a whole number; those that the engine knows by name are the same for all calls."""
        key: object = value if isinstance(value, str) else len(self.ints)
        if key not in self.ints:
            if isinstance(value, str):
                use, _, owner = value.partition(":")
                stem = f"{_short(owner)}_{use}" if owner else use
            self.ints[key] = (value if value in THREAD else self.names.new(stem)), value
        return self.ints[key][0]

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
        text = writer.text()
        structure = Names.numbered(text)
        call = f"{stem}_{_short(owner)}"
        if structure not in self.functions:
            name = self.functions[structure] = self.names.new(call)
            mark = "@kernel(reorder=True, single=True)" if self.real is CType.F32 else "@kernel(reorder=True)"
            head, _, body = text.partition("\n")
            comments = "".join(f"    # {printable(line)}\n" for line in writer.meanings())
            shown = writer.names.named(f"{head}\n{comments}{body}")
            for made, whole in ((self.bodies, shown), (self.structures, structure)):
                made.append(f"{mark}\n" + whole.replace("def @(", f"def {name}(", 1))
        for fill in writer.fills:
            self.fill(fill, divided=divided)
        ints = [self.integer(value, f"{call}_{writer.names.stem(local)}") for local, value in writer.ints.items()]
        floats = [self.names.new(f"{_short(owner)}_{writer.names.stem(local)}") for local in writer.floats]
        self.floats += zip(floats, writer.floats.values(), strict=True)
        arrays = [self.slot(key, ctype) for key, ctype in writer.slots.values()]
        arguments = ", ".join(["step", "t", *ints, *floats, *arrays])
        line = f"{self.functions[structure]}({arguments})"
        self.lines.append(Line(line, frozenset(writer.accesses), divided, owner))

    def fill(self, fill: Fill, *, divided: bool) -> None:
        """Fill a buffer of random numbers before the call that reads it."""
        bounds = (f"low:{fill.owner}", f"high:{fill.owner}") if divided else (0, f"n:{fill.owner}")
        values = (*bounds, f"seed:{fill.draw.use}", f"stream:{fill.draw.stream}")
        low, high, seed, stream = (self.integer(value, "low") for value in values)
        text = f"{fill.function}({self.slot(fill.buffer, self.real)}, {low}, {high}, step, {seed}, {stream})"
        self.lines.append(Line(text, frozenset({Access(fill.buffer, write=True, own=True)}), divided))

    def plain(
        self,
        function: Callable[..., None],
        values: tuple[IntValue, ...],
        arrays: list[tuple[Access, CType]],
        first: tuple[str, ...] = ("step",),
        *,
        divided: bool = True,
        about: str = "",
    ) -> None:
        """A call of a function of `snnrun.kernels`: whole numbers first, then arrays."""
        owner = _short(arrays[-1][0].key.owner)
        words = function.__code__.co_varnames[len(first) :]
        ints = [self.integer(value, f"{owner}_{word}") for word, value in zip(words, values, strict=False)]
        names = [self.slot(access.key, ctype) for access, ctype in arrays]
        text = f"{function.__name__}({', '.join([*first, *ints, *names])})"
        self.lines.append(Line(text, frozenset(access for access, _ in arrays), divided, about))


def _short(path: str) -> str:
    """An object by its name alone: `pop` for `groups.pop`, `syn_on_pre` for `synapses.syn.on_pre`."""
    section, _, name = path.partition(".")
    return name or section


def printable(text: str) -> str:
    """The name of an object as a comment may hold it."""
    return "".join(c if c.isprintable() else " " for c in text)[:80]


def member(w: Writer, view: View, owner: str) -> str:
    """The text of the index of a view's b-th neuron."""
    return "b" if view.whole else f"{w.array('view', SlotKey('view', owner), CType.I64)}[b]"


def spike_loop(w: Writer, group_path: str, delay: IntValue = 0, *, mine: bool = False) -> None:
    """Open a loop over the neurons k of a group, or of the thread's own, that spiked `delay` steps ago."""
    when = "step" if delay == 0 else f"(step - {w.integer('delay', delay)})"
    spikes_of(w, group_path, when, mine=mine)


def spikes_of(w: Writer, group_path: str, when: str, *, mine: bool) -> None:
    """Open a loop over the spikes of a step: thread by thread, which is in the order of neurons."""
    n, depth = w.integer("n_source", f"n:{group_path}"), w.integer("depth", f"depth:{group_path}")
    parts = w.integer("parts", "parts")
    spikes = w.array("spikes", SlotKey("spikes", group_path), CType.I32, own=mine)
    number = w.array("lengths", SlotKey("number", group_path), CType.I64, own=mine)
    w.line(f"slot = {when} % {depth}")
    if mine:
        part, first = w.integer("part", "part"), w.integer("first", f"low:{group_path}")
    else:
        part, first = "p", f"{w.array('bounds', SlotKey('bounds', group_path), CType.I64)}[p]"
        w.loop(f"for p in range({parts}):")
    w.line(f"base = slot * {n} + {first}")
    w.loop(f"for b in range(base, base + {number}[slot * {parts} + {part}]):")
    w.line(f"k = int({spikes}[b])")
