"""A kernel while it is put together: its functions, the arrays they need, and the lines of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from textwrap import indent

from snnrun.codegen.arguments import (
    REALS,
    RUN,
    THREAD,
    THREAD_NUMBERS,
    THREADS,
    ArrayKey,
    ArrayUse,
    CType,
    IntKey,
    IntUse,
    IntValue,
    KernelArray,
    index_type,
)
from snnrun.codegen.emit import Access, Ends, Fill, Place, Writer, reads, writes
from snnrun.codegen.lost import Clipped, clipped, lost
from snnrun.codegen.names import Names
from snnrun.equations.dag import Kind, Node, Variable
from snnrun.kernels.arithmetic import Math
from snnrun.model.network import EventSource, Group, Network, NeuronSubset, Pathway, Synapses
from snnrun.model.postponed import postponed

CLOCK = "clock"  # the name in `advance` of the time at which the last lap ended
WAITING = "", "waiting"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel before compilation.

    Args:
        text: The module.
        structure: The same without the names of the model: kernels with one structure share their machine code.
        math: What its operations on numbers may do.
        arrays: In the order of the pointer table.
        floats: Graphs whose values fill the array `numbers` of the run.
        ints: Whole numbers that fill the array `sizes` of the run, one row a thread.
        laps: The parts of a step whose time it measures, in the order of the array `LAPS`: what each is about, and its
            slot; the first is waiting for other threads. None are measured but for a profile.
    """

    text: str
    structure: str
    math: Math
    arrays: tuple[KernelArray, ...]
    floats: tuple[Node, ...]
    ints: tuple[IntValue, ...]
    laps: tuple[tuple[str, str], ...] = ()


CallKind = tuple[str, tuple[CType, ...], tuple[str, ...]]  # function, types of arrays, numbers of threads


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, with what it is given; whole numbers and numbers by words for their names.

    Args:
        function: Its name.
        first: Arguments that all calls have: `step`, `t`.
        ints: Whole numbers.
        floats: Numbers.
        arrays: Arrays.
        ends: Whether the kernel ends before this step where the call gives True.
    """

    function: str
    first: tuple[str, ...]
    ints: tuple[tuple[str, IntValue], ...]
    floats: tuple[tuple[str, Node], ...]
    arrays: tuple[KernelArray, ...]
    ends: bool = False

    def step(self, arguments: Sequence[str]) -> str:
        """Its text with the names of what it is given."""
        text = f"{self.function}({', '.join([*self.first, *arguments])})"
        return f"if {text}:\n    return step - first" if self.ends else text

    @property
    def kind(self) -> CallKind:
        """What calls that differ in values only have in common."""
        threads = (
            str(value.use) if isinstance(value, IntKey) and value in THREAD_NUMBERS else "" for _, value in self.ints
        )
        return self.function, tuple(array.type for array in self.arrays), tuple(threads)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a step.

    Args:
        act: A call, or its text; or a comment.
        accesses: What it touches.
        divided: Whether every thread does its own part of it; else thread 0 does it all.
        owner: The object that it is about.
        every: How many steps lie between two in which it acts; None for one.
        reached: Lines that list the neurons whose variables it changes, where not only those that spike; None: it is
            not known which neurons these are.
    """

    act: Call | str
    accesses: frozenset[Access] = frozenset()
    divided: bool = True
    owner: str = ""
    every: IntKey | None = None
    reached: tuple[Line, ...] | None = None

    @property
    def about(self) -> str:
        """The object that it is about, or whose array it uses last."""
        if self.owner or isinstance(self.act, Call):
            return self.owner or self.act.arrays[-1].key.owner  # type: ignore[union-attr]
        return min((access.key.owner for access in self.accesses), default="")

    def conflicts(self, earlier: Mapping[ArrayKey, AbstractSet[tuple[Access, bool]]]) -> bool:
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
    table: list[KernelArray] = field(default_factory=list)
    places: dict[KernelArray, tuple[str, int]] = field(default_factory=dict)  # name in `advance`, place in the table
    floats: list[tuple[str, Node]] = field(default_factory=list)
    ints: list[tuple[str, IntValue]] = field(default_factory=list)
    known: dict[IntKey, str] = field(default_factory=dict)  # names of whole numbers that the engine knows by name
    lines: list[Line] = field(default_factory=list)
    kinds: dict[Variable, Kind] = field(default_factory=dict)
    clipped: Clipped = frozenset()
    sent: set[str] = field(default_factory=set)  # pathways with delays that change, whose events of a step are listed
    frozen: set[str] = field(default_factory=set)  # groups whose refractory neurons are listed in a step
    resting: list[tuple[Line, Group]] = field(default_factory=list)  # updates of neurons that may rest
    every: IntKey | None = None  # of the lines that are being added
    laps: dict[tuple[str, str], int] | None = None  # the parts of a step whose time is measured, for a profile
    postponed: dict[str, Pathway | None] = field(default_factory=dict)  # by synapses object
    settling: list[Call] = field(default_factory=list)  # what lets synapses catch up, see `codegen/postponed.py`

    @classmethod
    def of(cls, network: Network, laps: dict[tuple[str, str], int] | None = None) -> Module:
        """An empty module for a network."""
        return cls(network, clipped=clipped(network), laps=laps)

    def array(self, array: KernelArray) -> str:
        """Name in `advance` of an array."""
        if array not in self.places:
            key = array.key
            words = key.use is ArrayUse.FLAGS and array.type is CType.I64  # a word holds eight flags
            use = "flag_words" if words else key.use.name.lower()
            use = key.name if key.use is ArrayUse.VARIABLE else f"{use}_{key.name}"
            name = self.names.new(use if key.owner == RUN else f"{_short(key.owner)}_{use}")
            self.places[array] = name, len(self.table)
            self.table.append(array)
        return self.places[array][0]

    def integer(self, value: IntValue, stem: str) -> str:
        """Name in `advance` of a whole number; those that the engine knows are the same for all calls."""
        if not isinstance(value, IntKey):
            name = self.names.new(stem)
            self.ints.append((name, value))
            return name
        if value not in self.known:
            stem = value.use if value.owner == RUN else f"{_short(value.owner)}_{value.use}"
            self.known[value] = str(value.use) if value in THREAD_NUMBERS else self.names.new(stem)
            self.ints.append((self.known[value], value))
        return self.known[value]

    def step_of(self, call: Call) -> str:
        """The text of a call."""
        ints = [self.integer(value, stem) for stem, value in call.ints]
        floats = [self.names.new(stem) for stem, _ in call.floats]
        self.floats += [(name, node) for name, (_, node) in zip(floats, call.floats, strict=True)]
        arrays = [self.array(array) for array in call.arrays]
        return call.step([*ints, *floats, *arrays])

    def step_of_all(self, calls: Sequence[Call]) -> str:
        """The text of calls that are alike: one in a loop, whose values lie in rows."""
        return f"for m in range({len(calls)}):\n{indent(self._step_of_row(calls, 'm'), '    ')}"

    def step_of_kinds(self, calls: Sequence[Call]) -> str:
        """The text of calls of some kinds in any order: a loop that looks up the kind of each call, and its row."""
        kinds: dict[CallKind, list[Call]] = {}
        at = len(self.ints)
        for call in calls:
            rows = kinds.setdefault(call.kind, [])
            rows.append(call)
            self.ints += [("", list(kinds).index(call.kind)), ("", len(rows) - 1)]
        branches = (
            f"if kind == {number}:\n{indent(self._step_of_row(rows, 'row'), '    ')}"
            for number, rows in enumerate(kinds.values())
        )
        found = "\nel".join(branches)
        body = f"kind = sizes[{at} + 2 * m]\nrow = sizes[{at + 1} + 2 * m]\n{found}"
        return f"for m in range({len(calls)}):\n{indent(body, '    ')}"

    def _step_of_row(self, calls: Sequence[Call], row: str) -> str:
        """The text of one of some calls that are alike, whose values lie in rows."""
        first = calls[0]
        varied = [k for k, (_, value) in enumerate(first.ints) if value not in THREAD_NUMBERS]
        at = (len(self.ints), len(self.floats), len(self.table))
        for call in calls:
            self.ints += [("", call.ints[k][1]) for k in varied]
            self.floats += [("", node) for _, node in call.floats]
            self.table += call.arrays

        def place(start: int, width: int, k: int) -> str:
            return f"{start + k} + {width} * {row}"

        ints = [str(value.use) if isinstance(value, IntKey) else "" for _, value in first.ints]
        for number, k in enumerate(varied):
            ints[k] = f"sizes[{place(at[0], len(varied), number)}]"
        floats = [f"numbers[{place(at[1], len(first.floats), k)}]" for k in range(len(first.floats))]
        arrays = [
            f"{array.type.value}(table, {place(at[2], len(first.arrays), k)})" for k, array in enumerate(first.arrays)
        ]
        return first.step([*ints, *floats, *arrays])

    def lap(self, about: str, slot: str) -> list[str]:
        """The line that measures a part of a step which ends here, where one is wanted."""
        if self.laps is None:
            return []
        number = self.laps.setdefault((about, slot), len(self.laps))
        laps = self.array(KernelArray.of(ArrayUse.LAPS.of(RUN)))
        return [f"        {CLOCK} = add_lap({laps}, {number}, {CLOCK})"]

    def writer(self, owner: str) -> Writer:
        """A new function for an object."""
        return Writer(self.network.graph, owner, self.real)

    @property
    def real(self) -> CType:
        """The type of numbers."""
        return REALS[self.network.precision]

    def ends(self, synapses: Synapses) -> Ends:
        """How synapses find their neurons."""
        pre, post = (self.index_type_of(end) for end in (synapses.source, synapses.target))
        return Ends(synapses.path, pre, post)

    def index_type_of(self, end: NeuronSubset) -> CType:
        """The type of numbers of an end; how many synapses there are is not known yet."""
        return index_type(self.network.groups[end.group].size) if end.section == "groups" else CType.I32

    def waiting(self, synapses: Synapses) -> Pathway | None:
        """The pathway of an object whose events wait for the next spike of the source, if there is one."""
        if synapses.name not in self.postponed:
            found = postponed(self.network, synapses) if synapses.traces else None
            looks = found is not None and lost(found.block, self.clipped)  # the step of a failure must be known
            self.postponed[synapses.name] = None if looks else found
        return self.postponed[synapses.name]

    @contextmanager
    def clock(self, every: int) -> Iterator[None]:
        """Lines that act when the step is a multiple of a number."""
        before, self.every = self.every, None if every == 1 else IntUse.EVERY.of(f"run.by_{every}")
        yield
        self.every = before

    def place(self, target: str, element: str, *, buffered: bool = False) -> Place:
        """How to reach variables from element `element` of an object."""
        section, _, name = target.partition(".")
        ends = self.ends(self.network.synapses[name]) if section == "synapses" else None
        return Place(element, ends, buffered)

    def call(self, stem: str, owner: str, writer: Writer, *, divided: bool, apart: bool = False) -> None:
        """Add a finished function (once for each structure) and a call of it; `apart` as in `kernels.marks.Options`."""
        text = writer.text()
        structure = Names.numbered(text)
        call = f"{stem}_{_short(owner)}"
        if structure not in self.functions:
            name = self.functions[structure] = self.names.new(call)
            options = {"reorder": True, "single": self.real is CType.F32, "apart": apart}
            mark = f"@kernel({', '.join(f'{name}=True' for name, given in options.items() if given)})"
            head, _, body = text.partition("\n")
            comments = "".join(f"    # {printable(line)}\n" for line in writer.meanings())
            shown = writer.names.named(f"{head}\n{comments}{body}")
            for texts, whole in ((self.bodies, shown), (self.structures, structure)):
                texts.append(f"{mark}\n" + whole.replace("def @(", f"def {name}(", 1))
        for fill in writer.fills:
            self.fill(fill, divided=divided)
        ints = tuple((f"{call}_{writer.names.stem(local)}", value) for local, value in writer.ints.items())
        floats = tuple((f"{_short(owner)}_{writer.names.stem(local)}", node) for local, node in writer.floats.items())
        made = Call(self.functions[structure], ("step", "t"), ints, floats, tuple(writer.arrays.values()))
        self.lines.append(Line(made, frozenset(writer.accesses), divided, owner, self.every))

    def reaches(self, *listing: Line) -> None:
        """Say of the last line how the neurons whose variables it changes are listed, see `Line.reached`."""
        self.lines[-1] = replace(self.lines[-1], reached=listing)

    def fill(self, fill: Fill, *, divided: bool) -> None:
        """Fill a buffer of random numbers before the call that reads it."""
        bounds = (IntUse.LOW.of(fill.owner), IntUse.HIGH.of(fill.owner)) if divided else (0, IntUse.N.of(fill.owner))
        values = (*bounds, IntUse.SEED.of(fill.draw.use), IntUse.STREAM.of(fill.draw.stream))
        ints = tuple(zip(("low", "high", "seed", "stream"), values, strict=True))
        buffer = writes(fill.buffer, self.real, own=True)
        call = Call(fill.function, ("step",), ints, (), (buffer.array,))
        self.lines.append(Line(call, frozenset({buffer}), divided, every=self.every))

    def plain(
        self,
        function: Callable[..., bool | None],
        values: tuple[IntValue, ...],
        accesses: Sequence[Access],
        first: tuple[str, ...] = ("step",),
        *,
        divided: bool = True,
        about: str = "",
        ends: bool = False,
    ) -> None:
        """A call of a function of `snnrun.kernels`: whole numbers first, then arrays."""
        owner = _short(accesses[-1].key.owner)
        words = function.__code__.co_varnames[len(first) :]
        ints = tuple((f"{owner}_{word}", value) for word, value in zip(words, values, strict=False))
        call = Call(function.__name__, first, ints, (), tuple(access.array for access in accesses), ends)
        self.lines.append(Line(call, frozenset(accesses), divided, about, self.every))


def _short(path: str) -> str:
    """An object by its name alone: `pop` for `groups.pop`, `syn_on_pre` for `synapses.syn.on_pre`."""
    section, _, name = path.partition(".")
    return name or section


def printable(text: str) -> str:
    """The name of an object as a comment may hold it."""
    return "".join(c if c.isprintable() else " " for c in text)[:80]


def member(w: Writer, view: NeuronSubset, owner: str) -> str:
    """The text of the index of a view's b-th neuron."""
    return "b" if view.whole else f"{w.array('subset', ArrayUse.SUBSET.of(owner))}[b]"


def event_loop(w: Writer, source: EventSource, delay: IntValue = 0, *, mine: bool = False) -> None:
    """Open a loop over the neurons k of a group, or of the thread's own, that had an event `delay` steps ago."""
    when = "step" if delay == 0 else f"(step - {w.integer('delay', delay)})"
    events_of(w, source, when, mine=mine)


def events_of(w: Writer, source: EventSource, when: str, *, mine: bool) -> None:
    """Open a loop over the neurons that had an event in a step: thread by thread, which is in the order of neurons."""
    n, depth = w.integer("n_source", IntUse.N.of(source.group_path)), w.integer("depth", IntUse.DEPTH.of(source.path))
    threads = w.integer("threads", THREADS)
    spikes = w.array("spikes", ArrayUse.SPIKES.of(source.path), own=mine)
    number = w.array("lengths", ArrayUse.LENGTHS.of(source.path), own=mine)
    w.line(f"slot = {when} % {depth}")
    if mine:
        thread, first = w.integer("thread", THREAD), w.integer("first", IntUse.LOW.of(source.group_path))
    else:
        thread, first = "p", f"{w.array('bounds', ArrayUse.BOUNDS.of(source.group_path))}[p]"
        w.loop(f"for p in range({threads}):")
    w.line(f"base = slot * {n} + {first}")
    w.loop(f"for b in range(base, base + {number}[slot * {threads} + {thread}]):")
    w.line(f"k = int({spikes}[b])")


def listed(source: EventSource, *, own: bool = False) -> list[Access]:
    """The neurons that had an event, and how many there are."""
    return [reads(ArrayUse.SPIKES.of(source.path), own=own), reads(ArrayUse.LENGTHS.of(source.path), own=own)]
