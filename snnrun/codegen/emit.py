"""Graphs to text: one function of a kernel, written line by line.

A `Writer` collects the lines of one function and what it needs from outside: arrays (`arrays`), numbers that are fixed
during the run (`floats`, `ints`), and buffers of random numbers. No value of the network is ever written into the text.
Names are chosen last, from those of the model: two functions that differ in names only are told by their structure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from snnrun.codegen.arguments import FIRST_AMOUNT, RUN, ArrayKey, ArrayUse, CType, IntKey, IntUse, IntValue, KernelArray
from snnrun.codegen.names import Names, shown, stem_of
from snnrun.equations.dag import (
    CHANGING,
    DRAWN,
    DRAWN_BY,
    Adaptive,
    Draw,
    Graph,
    Kind,
    Lookup,
    Node,
    Op,
    Reduction,
    Variable,
    is_fixed,
    walk,
)
from snnrun.kernels.scalar import NAMES
from snnrun.model.network import Assignment
from snnrun.model.rates import ROUNDING


@dataclass(frozen=True, slots=True)
class Access:
    """How a function touches an array, to know which threads must wait for each other.

    Args:
        array: The array.
        writes: Whether it is written.
        own: Whether each thread touches only the elements of its own neurons (and of synapses onto them).
    """

    array: KernelArray
    writes: bool
    own: bool

    @property
    def key(self) -> ArrayKey:
        """Which array it is, whatever its elements are taken for."""
        return self.array.key

    def waits_for(self, other: Access) -> bool:
        """Whether another thread's earlier access must be over before this one.

        Arrays with a place for each of several steps are written in the place of the oldest, which no thread reads any
        longer: those that wait for each other once a step are in the same step, or in two that follow each other.
        """
        return self.key == other.key and (other.writes or (self.writes and not self.key.use.traits.by_step))


def reads(key: ArrayKey, type: CType | None = None, *, own: bool = False) -> Access:
    """An array that a function reads."""
    return Access(KernelArray.of(key, type), writes=False, own=own)


def writes(key: ArrayKey, type: CType | None = None, *, own: bool = False) -> Access:
    """An array that a function writes."""
    return Access(KernelArray.of(key, type), writes=True, own=own)


@dataclass(slots=True)
class Fill:
    """A buffer of random numbers to be filled before a loop: which function, for whose elements, which stream."""

    function: str
    buffer: ArrayKey
    owner: str
    draw: Draw


_INDENT = "    "
_DRAWN = {
    Op.UNIFORM: "uniform",
    Op.NORMAL: "normal",
    Op.NOISE: "normal",
    **DRAWN_BY,
}
_INFIX = {
    Op.ADD: "+",
    Op.SUB: "-",
    Op.MUL: "*",
    Op.DIV: "/",
    Op.LT: "<",
    Op.LE: "<=",
    Op.GT: ">",
    Op.GE: ">=",
    Op.EQ: "==",
    Op.NE: "!=",
    Op.AND: "&",
    Op.OR: "|",
}
_SMALL = 16
_CALLS = {Op.POW, Op.FLOORDIV, Op.MOD, Op.FUNCTION, Op.TIMED} | DRAWN  # of functions of numbers
# How tightly operators bind in Python.
_COMPARED, _EITHER, _BOTH, _SUM, _PRODUCT, _SIGN, _CLOSED = range(7)
_LEVELS = {
    **dict.fromkeys((Op.LT, Op.LE, Op.GT, Op.GE, Op.EQ, Op.NE, Op.NOT), _COMPARED),
    Op.OR: _EITHER,
    Op.AND: _BOTH,
    Op.ADD: _SUM,
    Op.SUB: _SUM,
    Op.NEG: _SIGN,
    **dict.fromkeys((Op.MUL, Op.DIV, Op.FLOORDIV, Op.MOD), _PRODUCT),
}


class Text(str):  # noqa: SLOT000 - it has an attribute
    """The text of an expression; `level` says how tightly its outermost operator binds."""

    level: int = _CLOSED

    @classmethod
    def of(cls, text: str, level: int) -> Text:
        """A text whose outermost operator binds as tightly as this."""
        made = cls(text)
        made.level = level
        return made

    def within(self, level: int) -> str:
        """It as an operand of an operator that binds as tightly as this; in parentheses where Python needs them."""
        return self if self.level >= level else f"({self})"

    @property
    def closed(self) -> str:
        """It as an operand of any operator."""
        return self.within(_CLOSED)


def possible(chance: str) -> str:
    """The text of whether a probability is one, up to rounding; of NaN it is not."""
    return f"({chance} >= 0.0) & ({chance} <= {1.0 + ROUNDING!r})"


@dataclass(frozen=True, slots=True)
class Ends:
    """The two neurons of a synapse: the path of the synapses object, and the types that hold their numbers."""

    path: str
    pre: CType
    post: CType


@dataclass(frozen=True, slots=True)
class Place:
    """How variables are reached inside a loop.

    Args:
        own: Text of the element's index.
        ends: Of a synapse, how to find its neurons.
        buffered: Whether random numbers come from buffers filled for all elements, or one by one.
        pre: Text of the index of a synapse's source neuron where the loop knows it; else empty.
        post: The same of its target.
    """

    own: str
    ends: Ends | None = None
    buffered: bool = False
    pre: str = ""
    post: str = ""


@dataclass
class Writer:
    """One function of the kernel."""

    graph: Graph
    owner: str
    real: CType = CType.F64
    lines: list[str] = field(default_factory=list)
    prologue: list[str] = field(default_factory=list)
    depth: int = 1
    names: Names = field(default_factory=Names)
    arrays: dict[str, KernelArray] = field(default_factory=dict)
    floats: dict[str, Node] = field(default_factory=dict)
    ints: dict[str, IntValue] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    accesses: set[Access] = field(default_factory=set)
    overrides: dict[Variable, str] = field(default_factory=dict)
    before: AbstractSet[tuple[str, str]] = frozenset()  # what others see as it was before the slot: owner and name
    leaves: dict[int, str] = field(default_factory=dict)
    notes: bool = True  # whether failures are noted
    rows_of_time: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    values_of_time: dict[int, str] = field(default_factory=dict)
    _fixed: dict[int, str] = field(default_factory=dict)
    _int_keys: dict[IntKey | str | int, str] = field(default_factory=dict)

    # text

    def line(self, text: str) -> None:
        """Add one line at the current depth."""
        self.lines.append(_INDENT * self.depth + text)

    @contextmanager
    def first(self) -> Iterator[None]:
        """Lines written within come before all others: what is computed once a call, not once an element."""
        lines, depth = self.lines, self.depth
        self.lines, self.depth = self.prologue, 1
        try:
            yield
        finally:
            self.lines, self.depth = lines, depth

    def comment(self, text: str) -> None:
        """Add a comment; text of the user is cut to one printable line."""
        clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        self.line(f"# {clean[:100]}")

    def loop(self, header: str) -> None:
        """Open a block."""
        self.line(header)
        self.depth += 1

    def end(self, count: int = 1) -> None:
        """Close blocks."""
        self.depth -= count

    # what comes from outside

    def array(
        self, name: str, key: ArrayKey, type: CType | None = None, *, write: bool = False, own: bool = False
    ) -> str:
        """The local name of an array; the same array keeps its name. `write` and `own` as in `Access`."""
        self.accesses.add(Access(KernelArray.of(key, type), write, own))
        return self.argument(name, key, type)

    def argument(self, name: str, key: ArrayKey, type: CType | None = None) -> str:
        """The local name of an array that no thread needs to wait for."""
        array = KernelArray.of(key, type)
        for known, given in self.arrays.items():
            if given == array:
                return known
        local = self.names.new(name)
        self.arrays[local] = array
        return local

    def integer(self, name: str, value: IntValue) -> str:
        """The local name of a whole number given from outside; the same number keeps its name."""
        # plain numbers are told apart by their names: two that happen to be equal must leave no trace in the text
        key = f"{name} {value}" if isinstance(value, int) else value if isinstance(value, IntKey) else id(value)
        found = self._int_keys.get(key)
        if found is None:
            self._int_keys[key] = found = self.names.new(name)
            self.ints[found] = value
        return found

    def parameter(self, node: Node) -> str:
        """The local name of a value that is fixed during the run."""
        found = self._fixed.get(id(node))
        if found is None:
            if node.kind is Kind.FLOAT:
                found = self.names.new(stem_of(node))
                self.floats[found] = node
            else:
                found = self.integer(stem_of(node), node)
                if node.kind is Kind.BOOL:
                    found = f"({found} != 0)"
            self._fixed[id(node)] = found
        return found

    def variable_array(self, variable: Variable, kind: Kind, *, write: bool = False) -> str:
        """The array of a variable. Threads own neurons, and the synapses onto them."""
        suffix = {"own": "", "pre": "_pre", "post": "_post", "element": "_linked"}[variable.reach]
        use = ArrayUse.BEFORE if self.is_from_before(variable) and not write else ArrayUse.VARIABLE
        key = use.of(variable.owner, variable.name)
        own = variable.reach in ("own", "post") and not variable.shared
        return self.array(variable.name + suffix, key, self.type_of(kind), write=write, own=own)

    def type_of(self, kind: Kind) -> CType:
        """The type of the array of a variable."""
        return {Kind.FLOAT: self.real, Kind.INT: CType.I64, Kind.BOOL: CType.U8}[kind]

    def is_from_before(self, variable: Variable) -> bool:
        """Whether a read of a variable gives its value as it was before the slot."""
        foreign = variable.reach == "element" or variable.owner != self.owner
        return foreign and (variable.owner, variable.name) in self.before

    def index(self, place: Place, reach: str) -> str:
        """The text of the index of an element, or of the neuron at one end of a synapse."""
        if reach == "own":
            return place.own
        assert place.ends is not None
        known, ctype = (place.pre, place.ends.pre) if reach == "pre" else (place.post, place.ends.post)
        if known:
            return known
        return f"{self.array(reach, ArrayUse[reach.upper()].of(place.ends.path), ctype)}[{place.own}]"

    def element(self, place: Place) -> str:
        """The text of the number that keys an element's random numbers; of a synapse, its number as created."""
        if place.ends is None:
            return place.own
        return f"{self.array('created', ArrayUse.CREATED.of(place.ends.path))}[{place.own}]"

    def range(self, owner: str) -> tuple[str, str]:
        """First element of an object that this thread owns, and the one after its last."""
        return self.integer("low", IntUse.LOW.of(owner)), self.integer("high", IntUse.HIGH.of(owner))

    # expressions

    def evaluate(self, roots: list[Node], place: Place) -> list[Text]:
        """Write what is needed to compute some graphs; give the text of each."""
        return _Expressions(self, place, roots).texts()

    def assign(
        self,
        assignments: tuple[Assignment, ...],
        place: Place,
        kinds: dict[Variable, Kind],
        lost: tuple[Variable, ...] = (),
    ) -> None:
        """Write a block: all values first, then all stores; later expressions see the new values.

        The old values of the variables `lost` are noted where they are not finite.
        """
        names = self.compute(assignments, place, lost)
        for assignment, name in zip(assignments, names, strict=True):
            self.store(assignment.variable, name, place, kinds[assignment.variable])

    def compute(self, assignments: tuple[Assignment, ...], place: Place, lost: tuple[Variable, ...] = ()) -> list[str]:
        """Compute the values of a block as `assign` does; gives their names."""
        old = [v for v in lost if v in {a.variable for a in assignments}]
        texts = self.evaluate([*(a.value for a in assignments), *(self.graph.variable(v) for v in old)], place)
        for variable, text in zip(old, texts[len(assignments) :], strict=True):
            self.loop(f"if not_finite({text}):")
            code = self.integer("variable", IntUse.WATCHED.of(f"{variable.owner}.{variable.name}"))
            self.note("0" if variable.shared else self.index(place, variable.reach), code, text)
            self.end()
        texts = texts[: len(assignments)]
        names: list[str] = []
        for assignment, text in zip(assignments, texts, strict=True):
            name = self.temporary("new_" + assignment.variable.name)
            self.line(f"{name} = {text}")
            names.append(name)
        return names

    def note(self, element: str, code: str, value: str) -> None:
        """Remember a failure, if it is the first of this thread: where, of what, and its value."""
        # each thread has its own arrays for it: no thread waits for another
        failure = self.argument("failure", ArrayUse.FAILURE.of(RUN))
        failed = self.argument("failed", ArrayUse.FAILED_VALUE.of(RUN))
        self.line(f"store_first_failure({failure}, {failed}, step, {element}, {code}, {value})")

    def store(self, variable: Variable, text: str, place: Place, kind: Kind) -> None:
        """Write one value; expressions that follow use it."""
        pointer = self.variable_array(variable, kind, write=True)
        index = "0" if variable.shared else self.index(place, variable.reach)
        self.line(f"{pointer}[{index}] = {f'select({text}, 1, 0)' if kind is Kind.BOOL else text}")
        self.overrides[variable] = text

    def temporary(self, stem: str = "x") -> str:
        """A local name not used before."""
        return self.names.new(stem)

    # the finished function

    def arguments(self, first: Sequence[str] = ("step", "t")) -> str:
        """Parameters of the function: those it shares with others, whole numbers, numbers, arrays."""
        return ", ".join([*first, *self.ints, *self.floats, *self.arrays])

    def text(self, first: Sequence[str] = ("step", "t")) -> str:
        """The whole function, whose name is `@`, with places for names."""
        return "\n".join([f"def @({self.arguments(first)}):", *self.prologue, *self.lines]) + "\n"

    def meanings(self) -> list[str]:
        """What those of its numbers are that no constant of the file is the whole of."""
        return [f"{name}: {shown(node)}" for name, node in self.floats.items() if node.args]


def reduced_array(node: Node, real: CType) -> tuple[str, ArrayKey, CType]:
    """The array that holds the value of a reduction from its computation to the call that reads it."""
    r = node.payload
    assert isinstance(r, Reduction)
    ctype = CType.I64 if node.kind is Kind.INT else real
    return f"{r.function}_of_all", ArrayUse.REDUCED.of(r.owner, str(node.number)), ctype


class _Expressions:
    """Text of some graphs: parts used more than once get a name, the rest is written in place."""

    def __init__(self, writer: Writer, place: Place, roots: list[Node]) -> None:
        self.w = writer
        self.place = place
        self.roots = roots
        self.known: dict[int, Text] = {}
        self.fixed: dict[int, bool] = {}
        self.doubles: dict[int, bool] = {}
        self.uses: dict[int, int] = {}
        self.solved: dict[int, list[str]] = {}
        for root in roots:
            self.count(root)

    def count(self, node: Node) -> None:
        stack = [node]
        while stack:
            n = stack.pop()
            self.uses[id(n)] = self.uses.get(id(n), 0) + 1
            if self.uses[id(n)] == 1 and not self.is_fixed(n):
                stack.extend(n.args)

    def is_fixed(self, node: Node) -> bool:
        found = self.fixed.get(id(node))
        if found is None:
            found = all(self.is_fixed(a) for a in node.args) if node.args else is_fixed(node)
            self.fixed[id(node)] = found = found and node.op not in DRAWN | {Op.TIMED, Op.ELEMENT}
        return found

    def texts(self) -> list[Text]:
        return [self.text(root) for root in self.roots]

    def text(self, node: Node) -> Text:
        found = self.known.get(id(node))
        if found is not None:
            return found
        text = Text.of(self.write(node), _CLOSED if self.named(node) else _LEVELS.get(node.op, _CLOSED))
        if self.uses.get(id(node), 0) > 1 and not text.replace("_", "").replace(".", "").isalnum():
            name = self.w.temporary()
            self.w.line(f"{name} = {text}")
            text = Text(name)
        self.known[id(node)] = text
        return text

    def named(self, node: Node) -> bool:
        """Whether a name stands for it."""
        return id(node) in self.w.leaves or (node.op is not Op.LITERAL and self.is_fixed(node))

    def write(self, node: Node) -> str:
        if id(node) in self.w.leaves:
            return self.w.leaves[id(node)]
        if node.op is Op.LITERAL:
            return self.literal(node)
        if self.is_fixed(node):
            return self.w.parameter(node)
        if node.op in _INFIX:
            a, b = (self.text(x) for x in node.args)
            level = _LEVELS[node.op]
            left = level + 1 if level == _COMPARED else level
            return f"{a.within(left)} {_INFIX[node.op]} {b.within(level + 1)}"
        if not node.args or node.op in DRAWN | {Op.TIMED, Op.ELEMENT}:
            return self.leaf(node)
        return self.operation(node, [self.text(a) for a in node.args])

    def literal(self, node: Node) -> str:
        value = node.payload
        if node.kind is Kind.BOOL:
            return str(value)
        if node.kind is Kind.INT and abs(value) <= _SMALL:  # type: ignore[arg-type]
            return f"({value})" if value < 0 else str(value)  # type: ignore[operator]
        if node.kind is Kind.FLOAT and float(value).is_integer() and abs(value) <= _SMALL:  # type: ignore[arg-type]
            return f"({value!r})" if value < 0 else repr(value)  # type: ignore[operator]
        return self.w.parameter(node)

    def number(self, text: str) -> str:
        """A whole number of the text as a number of the kernel."""
        return f"float({text})" if self.w.real is CType.F64 else f"single_of({text})"

    def operation(self, node: Node, args: list[Text]) -> str:
        if node.op in _CALLS and node.payload != "timestep":
            args = [Text(f"single_of({a})") if self.is_double(n) else a for n, a in zip(node.args, args, strict=True)]
        match node.op:
            case Op.NEG:
                return f"-{args[0].closed}"
            case Op.NOT:
                return f"{args[0].closed} == False"
            case Op.SELECT if node.number in self.w.graph.amounts and self.w.notes:
                return _noted_amount(self, node, self.call("select", args), args[1])
            case Op.SELECT:
                return self.call("select", args)
            case Op.POW:
                return self.call("pow", args)
            case Op.TO_FLOAT:
                if node.args[0].kind is Kind.INT:
                    return self.number(args[0])
                return self.number(f"select({args[0]}, 1, 0)")
            case Op.TO_INT:
                return f"select({args[0]}, 1, 0)" if node.args[0].kind is Kind.BOOL else f"int({args[0]})"
            case Op.FLOORDIV | Op.MOD if node.kind is Kind.INT:
                return f"{args[0].within(_PRODUCT)} {node.op.value} {args[1].within(_SIGN)}"
            case Op.FLOORDIV:
                return self.call("floordiv", args)
            case Op.MOD:
                return self.call("fmod_python", args)
            case Op.FUNCTION:
                name = str(node.payload)
                return self.call(NAMES.get(name, name), args)
        raise AssertionError(node.op)

    def is_double(self, node: Node) -> bool:
        """Whether a kernel of single precision computes a number in double precision: what is made of the time."""
        if self.w.real is CType.F64 or node.kind is not Kind.FLOAT or self.named(node):
            return False
        found = self.doubles.get(id(node))
        if found is None:
            found = node.op is Op.TIME or (node.op not in _CALLS and any(self.is_double(a) for a in node.args))
            self.doubles[id(node)] = found
        return found

    def call(self, name: str, args: Sequence[str]) -> str:
        return f"{name}({', '.join(args)})"

    def leaf(self, node: Node) -> str:
        match node.op:
            case Op.VARIABLE:
                return self.variable(node)
            case Op.ELEMENT:
                return self.element(node)
            case Op.INDEX:
                return self.w.index(self.place, str(node.payload))
            case Op.TIME:
                return "t"
            case Op.STEP:
                return "step"
            case Op.TIMED:
                return self.timed(node)
            case Op.ADAPTIVE:
                return _at_end_of_step(self, node)
            case Op.REDUCED:
                return f"{self.w.array(*reduced_array(node, self.w.real))}[0]"
            case _:
                return self.random(node)

    def variable(self, node: Node) -> str:
        variable = node.payload
        assert isinstance(variable, Variable)
        if variable in self.w.overrides:
            return self.w.overrides[variable]
        index = "0" if variable.shared else self.w.index(self.place, variable.reach)
        return self.value(node, variable, index, "k" if variable.reach == "own" else variable.reach)

    def element(self, node: Node) -> str:
        variable = node.payload
        assert isinstance(variable, Variable)
        return self.value(node, variable, self.text(node.args[0]), "linked")

    def value(self, node: Node, variable: Variable, index: str, whose: str) -> str:
        """Read a variable at an index."""
        array = self.w.variable_array(variable, node.kind)
        name = self.w.temporary(f"{variable.name}_{whose}")
        self.w.line(f"{name} = {array}[{index}]{' != 0' if node.kind is Kind.BOOL else ''}")
        return name

    def timed(self, node: Node) -> str:
        lookup = node.payload
        assert isinstance(lookup, Lookup)
        if lookup.even or not _is_of_time(self.w, node):
            return self.entry(node, lookup)
        if id(node) not in self.w.values_of_time:
            with self.w.first():
                entry = _Expressions(self.w, self.place, [node]).entry(node, lookup)
                self.w.values_of_time[id(node)] = self.named_as(f"{lookup.name}_now", entry)
        return self.w.values_of_time[id(node)]

    def entry(self, node: Node, lookup: Lookup) -> str:
        name, w = lookup.name, self.w
        pointer = w.array(f"array_{name}", ArrayUse.TIMED.of("arrays", name), w.real)
        grid = w.array(f"grid_{name}", ArrayUse.TIMED_GRID.of("arrays", name))
        rows = w.integer(f"rows_{name}", IntUse.ROWS.of(name))
        if lookup.even:
            row, part = f"timed_row({self.text(node.args[0])}, {grid}[0], {grid}[1], {rows})", ""
        else:
            row, part = self.uneven_row(node.args[0], lookup, grid, rows)
        following = f"min({row} + 1, {rows} - 1)"
        if len(node.args) == 2:
            columns = w.integer(f"columns_{name}", IntUse.COLUMNS.of(name))
            column = f"clamped_column({self.text(node.args[1])}, {columns})"
            if lookup.linear:
                column = self.named_as("column", column)
            row, following = (f"{place} * {columns} + {column}" for place in (row, following))
        if not lookup.linear:
            return f"{pointer}[{row}]"
        before = self.named_as(f"{name}_before", f"{pointer}[{row}]")
        return f"({before} + ({pointer}[{following}] - {before}) * {part})"

    def uneven_row(self, time: Node, lookup: Lookup, grid: str, rows: str) -> tuple[str, str]:
        """The row of a timed array, and the part of it that has passed where values are linear between rows."""
        if not _is_of_time(self.w, time):
            return self.searched_row(time, lookup, grid, rows)
        key = (lookup.name, id(time))
        if key not in self.w.rows_of_time:
            with self.w.first():
                found = _Expressions(self.w, self.place, [time]).searched_row(time, lookup, grid, rows)
            self.w.rows_of_time[key] = found
        return self.w.rows_of_time[key]

    def searched_row(self, time: Node, lookup: Lookup, grid: str, rows: str) -> tuple[str, str]:
        points = self.w.array(f"points_{lookup.name}", ArrayUse.TIMED_POINTS.of("arrays", lookup.name))
        moment: str = self.text(time)
        if not moment.isidentifier():
            moment = self.named_as("moment", moment)
        row = self.named_as("row", f"row_at({moment} + {grid}[0], {points}, {rows})")
        if not lookup.linear:
            return row, ""
        part = f"part_of_row({moment}, {points}, {row}, {rows})"
        return row, self.named_as("part", part if self.w.real is CType.F64 else f"single_of({part})")

    def named_as(self, stem: str, text: str) -> str:
        """A name for a text, which is computed here."""
        name = self.w.temporary(stem)
        self.w.line(f"{name} = {text}")
        return name

    def random(self, node: Node) -> str:
        draw = node.payload
        assert isinstance(draw, Draw)
        function = _DRAWN[node.op]
        if self.place.buffered and not draw.shared and not node.args:
            return f"{self.buffer(function, draw)}[{self.place.own}]"
        seed = self.w.integer(f"seed_{draw.use}", IntUse.SEED.of(draw.use))
        stream = self.w.integer("stream", IntUse.STREAM.of(draw.stream))
        element = "0" if draw.shared else self.w.element(self.place)
        args = [element, "step", seed, stream]
        if node.args:
            args = [*(self.text(a) for a in node.args), *args]
        name = self.w.temporary("r")
        self.w.line(f"{name} = {self.call(function, args)}")
        return name

    def buffer(self, function: str, draw: Draw) -> str:
        key = ArrayUse.RANDOM.of(self.w.owner, draw.stream)
        pointer = self.w.array("random", key, self.w.real, own=True)
        if not any(f.buffer == key for f in self.w.fills):
            self.w.fills.append(Fill(f"fill_{function}", key, self.w.owner, draw))
        return pointer


def _noted_amount(expressions: _Expressions, node: Node, text: str, value: str) -> str:
    """A name for a number that a random number takes; where none can have it, the failure is noted."""
    w = expressions.w
    name = expressions.named_as("amount", text)
    w.loop(f"if {name} != {name}:")
    w.note(w.element(expressions.place), w.integer("draw", FIRST_AMOUNT - node.number), value)
    w.line(f"{name} = {expressions.number('1')}")  # of NaN Python makes no whole number, by 0 it does not divide
    w.end()
    return name


def _integrated(expressions: _Expressions, solved: Adaptive) -> list[str]:
    """Write the loop over parts of the step; give the names of the states at its end."""
    w = expressions.w
    step, least, nan = (expressions.text(n) for n in (solved.step, solved.least, solved.nan))
    now = [expressions.named_as(v.name, expressions.text(w.graph.variable(v))) for v in solved.states]
    offset, length = expressions.named_as("offset", "0.0"), expressions.named_as("length", step)
    leaves = zip((*solved.now, solved.offset, solved.length), (*now, offset, length), strict=True)
    w.leaves |= {id(n): name for n, name in leaves}
    w.loop(f"while {offset} < {step}:")
    *new, good, factor = (
        expressions.named_as(f"new_{n}", text)
        for n, text in zip(
            (*(v.name for v in solved.states), "good", "factor"),
            w.evaluate([*solved.new, solved.good, solved.factor], expressions.place),
            strict=True,
        )
    )
    w.loop(f"if {good}:")
    for name, value in zip(now, new, strict=True):
        w.line(f"{name} = {value}")
    w.line(f"{offset} = select({length} >= {step} - {offset}, {step}, {offset} + {length})")
    if solved.stop is not None:
        (stop,) = w.evaluate([solved.stop], expressions.place)
        w.line(f"{offset} = select({stop}, {step}, {offset})")
    w.end()
    wanted = expressions.named_as("wanted", f"{length} * {factor}")
    w.line(f"{length} = select({wanted} < {step} - {offset}, {wanted}, {step} - {offset})")
    w.loop(f"if {offset} < {step} and ({length} < {least} or {offset} + {length} == {offset}):")
    for name in now:
        w.line(f"{name} = {nan}")
    w.line(f"{offset} = {step}")
    w.end(2)
    return now


def _at_end_of_step(expressions: _Expressions, node: Node) -> str:
    """A state that is integrated in parts of the step."""
    payload: Any = node.payload
    solved, number = payload
    if id(solved) not in expressions.solved:
        expressions.solved[id(solved)] = _integrated(expressions, solved)
    name: str = expressions.solved[id(solved)][number]
    return name


def _is_of_time(w: Writer, node: Node) -> bool:
    """Whether time alone decides a value: it is computed once a call, as a search that loops would repeat."""
    moving = CHANGING - {Op.TIME, Op.STEP, Op.TIMED}
    return all(id(n) not in w.leaves and n.op not in moving for n in walk(node))
