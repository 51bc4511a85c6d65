"""The expression graph: checked, in SI units, every part stored once.

A node is one operation on other nodes; equal expressions are the same object, so common parts are computed once and
comparing is `is`. Trees (`ast.py`) become graphs once names are known (`check.py`); methods, code generation,
the evaluator and the oracle read graphs only.

Kinds: FLOAT (float64), INT (int64), BOOL. The builder inserts conversions, so the arguments of an operation always
have the kinds the operation wants. It simplifies only by structure (literal 0 and 1), never by the value of a
constant: two points of a sweep must give the same graph.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from snnrun.source import Span
from snnrun.units.dimensions import Dimension

if TYPE_CHECKING:  # the format's models import the methods of integration, and load a file without numpy
    from numpy.typing import NDArray


class Kind(Enum):
    """What a value is."""

    __hash__ = object.__hash__  # they are keys of every node, and the hash of `Enum` is slow

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"


class Op(Enum):
    """What a node does. Arguments are FLOAT unless said otherwise."""

    __hash__ = object.__hash__  # they are keys of every node, and the hash of `Enum` is slow

    LITERAL = "literal"  # payload: float, int or bool of the text
    CONSTANT = "constant"  # payload: Constant or Parameter; fixed during a run, known when the network is built
    VARIABLE = "variable"  # payload: Variable; read at the current index
    ELEMENT = "element"  # payload: Variable; args (INT index,): its value at another element
    INDEX = "index"  # payload: "i" or "j"; INT
    TIME = "time"  # t at the start of the step [s]
    STEP = "step"  # t_in_timesteps; INT
    NOISE = "noise"  # payload: Draw; standard normal, one a step and element
    UNIFORM = "uniform"  # payload: Draw; in [0, 1)
    NORMAL = "normal"  # payload: Draw
    POISSON = "poisson"  # payload: Draw; args (mean,); a whole number
    BINOMIAL = "binomial"  # payload: Draw; args (trials, probability); a whole number
    GAMMA = "gamma"  # payload: Draw; args (shape,); of scale 1
    TRUNCATED_NORMAL = "truncated_normal"  # payload: Draw; args (low, high); standard normal between them
    PERMUTATION = "permutation"  # payload: Draw; args (size, element); a whole number; before a run only
    REDUCED = "reduced"  # payload: Reduction; of all elements of an object, as they are when a block begins
    ADAPTIVE = "adaptive"  # payload: (Adaptive, index of a state); its value at the end of the step
    LIST = "list"  # payload: Numbers, one an element in the order the user counts; INT when all are whole
    TIMED = "timed"  # payload: Lookup; args (time,) or (time, INT column)
    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    FLOORDIV = "//"
    MOD = "%"
    POW = "**"
    NEG = "neg"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    EQ = "=="
    NE = "!="
    AND = "and"
    OR = "or"
    NOT = "not"
    SELECT = "select"  # args (BOOL condition, a, b)
    FUNCTION = "function"  # payload: name of a function of the numerics library
    TO_FLOAT = "float()"
    TO_INT = "int()"
    EXPONENTIAL = "exponential"  # payload: n; args: the entries of A by rows, dt; value: exp(A dt) and its integral
    PROPAGATOR = (
        "propagator"  # payload: (row, column, of): entry of exp(A dt) or of its integral; args: the exponential
    )


class Numbers:
    """The numbers of a list, int64 or float64, shape (n,); equal when they have the same bits."""

    __slots__ = ("_bits", "array")

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self._bits = hashlib.sha256(array.dtype.str.encode() + array.tobytes()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and self._bits == other._bits

    def __hash__(self) -> int:
        return hash(self._bits)

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        return f"Numbers({len(self.array)}, {self._bits.hex()})"


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is fixed during a run, by name; `value` is in SI units."""

    name: str
    value: float | int


class ValueNeededError(Exception):
    """The value of a `Parameter` was asked for before it has one."""


class Parameter:
    """A constant whose value is given after the graph is made, and may be given again: compared by identity.

    Whoever asks for its value before it has one gets a `ValueNeededError`, so a graph that was made without it holds
    for every value of its kind.

    Args:
        name: Its name.
    """

    __slots__ = ("_value", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._value: Any = None

    @property
    def value(self) -> Any:
        """In SI units; float or int, or an array of several that are looked at together, shape (n,)."""
        if self._value is None:
            raise ValueNeededError(self.name)
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Parameter({self.name})"


@dataclass(frozen=True, slots=True)
class Variable:
    """A stored quantity of an object.

    Args:
        owner: Path of the object, for example `groups.exc`.
        name: Its name there.
        reach: `own` (the current element), `pre` or `post` (the element at that end of the synapse), or `element` (one
            that a graph says, see `Op.ELEMENT`).
        shared: One value for the whole object.
    """

    owner: str
    name: str
    reach: str = "own"
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """How a timed array is read.

    Args:
        name: Its name.
        even: Whether its entries last equally long: whole steps.
        linear: Whether values lie on straight lines between its times; else each holds until the next.
    """

    name: str
    even: bool = True
    linear: bool = False


@dataclass(frozen=True, slots=True)
class Draw:
    """One use of random numbers: the stream's name says whose numbers these are.

    Args:
        stream: Name of the object and the use, for example `groups.exc.xi`.
        use: Which seed it follows: `connect`, `initial`, `noise` or `input`.
        shared: One number for the whole object.
    """

    stream: str
    use: str = "noise"
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Equations that are integrated in parts of a step, as many as an element needs.

    The graphs are those of one part; `now`, `length` and `offset` are leaves. Like those of a reduction they are no
    arguments of a node.

    Args:
        states: The variables that are integrated.
        now: Their values at the beginning of the part.
        length: Length of the part. [s]
        offset: Its beginning, from that of the step. [s]
        new: Their values at its end.
        good: Whether the part is short enough (BOOL); else it is tried again, shorter.
        factor: Length of the next part, as a multiple of this one.
        stop: Whether the step ends after a part (BOOL), on the leaves `now`; None for no.
        step: Length of the step. [s]
        least: Length of the shortest part. [s]
        nan: What states become that would need a shorter one.
    """

    states: tuple[Variable, ...]
    now: tuple[Node, ...]
    length: Node
    offset: Node
    new: tuple[Node, ...]
    good: Node
    factor: Node
    stop: Node | None
    step: Node
    least: Node
    nan: Node

    @property
    def graphs(self) -> tuple[Node, ...]:
        """All graphs of a part."""
        return (*self.new, self.good, self.factor, *(() if self.stop is None else (self.stop,)))


@dataclass(frozen=True, slots=True)
class Reduction:
    """What the elements of an object make together: one value, or one for each neuron at an end of synapses.

    Its graphs are those of an element, and no arguments of the node: who follows arguments meets a leaf, as the value
    is one of the whole object at one moment.

    Args:
        function: `sum`, `max`, `min`, `argmax` or `argmin`.
        owner: Path of the object.
        value: What is reduced, of each element.
        index: Of `argmax` and `argmin`: what is given of the element that is found (INT).
        member: Which elements take part (BOOL); None for all.
        over: Of synapses: those with the same neuron at this end, `pre` or `post`; empty for all together.
    """

    function: str
    owner: str
    value: Node
    index: Node | None = None
    member: Node | None = None
    over: str = ""

    @property
    def graphs(self) -> tuple[Node, ...]:
        """All graphs of an element."""
        return tuple(n for n in (self.value, self.index, self.member) if n is not None)


class Node:
    """One operation; made by a `Graph` only, compared by identity."""

    __slots__ = ("args", "depth", "fixed", "kind", "number", "op", "payload")

    def __init__(self, op: Op, args: tuple[Node, ...], kind: Kind, payload: object, number: int) -> None:
        self.op = op
        self.args = args
        self.kind = kind
        self.payload = payload
        self.number = number
        depth, fixed = 0, op not in CHANGING
        for a in args:  # one loop, without generators: large files have hundreds of thousands of nodes
            depth = max(depth, a.depth)
            fixed = fixed and a.fixed
        self.depth: int = 1 + depth
        self.fixed: bool = fixed

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self.args)) if self.depth < _SHOWN else "..."
        return f"{self.op.value}:{self.payload}({inner})" if self.payload is not None else f"{self.op.value}({inner})"


@dataclass(frozen=True, slots=True)
class Amount:
    """An argument of a random number that is known during the run only: select(possible, value, NaN).

    Args:
        rule: What it must be, as a sentence.
        dimension: Its dimension.
    """

    rule: str
    dimension: Dimension


_SHOWN = 8  # levels; a graph may be far larger as text than it is
_COMPARE = frozenset({Op.LT, Op.LE, Op.GT, Op.GE, Op.EQ, Op.NE})
_LOGIC = frozenset({Op.AND, Op.OR, Op.NOT})


class Graph:
    """Builds nodes and keeps each only once."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Node] = {}
        self.places: dict[int, Span] = {}  # where a text says what a node is, by the node's number
        self.amounts: dict[int, Amount] = {}  # numbers that are NaN where no random number has them, likewise
        self.lone_units: dict[Span, str] = {}  # names that were read as units, although no number stands before them
        self.reduces = False  # whether there is a reduction
        self.called_parts = 0  # of functions of the user whose bodies became part of it

    def node(self, op: Op, args: tuple[Node, ...] = (), kind: Kind = Kind.FLOAT, payload: object = None) -> Node:
        """The node of this operation, as it is (no conversion, no simplification)."""
        key = (op, tuple(map(id, args)), kind, type(payload), payload)
        found = self._known.get(key)
        if found is None:
            found = Node(op, args, kind, payload, len(self._known))
            self._known[key] = found
        return found

    def stands_for(self, new: Node, old: Node) -> Node:
        """Let a node have the place of the one that it was made from."""
        place = self.places.get(old.number)
        if place is not None and new.args:
            self.places.setdefault(new.number, place)
        if old.number in self.amounts and new.op is old.op:
            self.amounts[new.number] = self.amounts[old.number]
        return new

    # leaves

    def literal(self, value: float | bool) -> Node:
        """A number or truth value of the text; an int stays an int."""
        if isinstance(value, bool):
            return self.node(Op.LITERAL, (), Kind.BOOL, value)
        return self.node(Op.LITERAL, (), Kind.INT if isinstance(value, int) else Kind.FLOAT, value)

    def constant(self, name: str, value: float) -> Node:
        """A named value in SI units."""
        return self.node(Op.CONSTANT, (), kind_of(value), Constant(name, value))

    def parameter(self, name: str, kind: Kind) -> Node:
        """A named value that is given later."""
        return self.node(Op.CONSTANT, (), kind, Parameter(name))

    def nodes(self) -> Iterator[Node]:
        """All nodes, arguments before their users."""
        return iter(self._known.values())

    def variable(self, variable: Variable, kind: Kind = Kind.FLOAT) -> Node:
        """A stored quantity."""
        return self.node(Op.VARIABLE, (), kind, variable)

    def element(self, variable: Variable, index: Node, kind: Kind) -> Node:
        """A stored quantity of another element, whose index a graph says."""
        return self.node(Op.ELEMENT, (index,), kind, Variable(variable.owner, variable.name, "element"))

    def numbers(self, values: NDArray[Any]) -> Node:
        """One number for each element; INT when they are whole numbers."""
        return self.node(Op.LIST, (), Kind.INT if values.dtype.kind == "i" else Kind.FLOAT, Numbers(values))

    def reduced(self, reduction: Reduction) -> Node:
        """A value of all elements of an object."""
        self.reduces = True
        kind = reduction.value.kind if reduction.index is None else Kind.INT
        return self.node(Op.REDUCED, (), kind, reduction)

    def reduced_anew(self, node: Node, change: Callable[[Node], Node]) -> Node:
        """A reduction of other graphs."""
        old = node.payload
        assert isinstance(old, Reduction)
        index, member = (n if n is None else change(n) for n in (old.index, old.member))
        return self.reduced(replace(old, value=change(old.value), index=index, member=member))

    # conversions

    def as_float(self, a: Node) -> Node:
        """The value as FLOAT."""
        if a.kind is Kind.FLOAT:
            return a
        if a.op is Op.LITERAL:
            return self.literal(float(a.payload))  # type: ignore[arg-type]
        return self.node(Op.TO_FLOAT, (a,), Kind.FLOAT)

    def as_int(self, a: Node) -> Node:
        """The value as INT (towards zero)."""
        if a.kind is Kind.INT:
            return a
        return self.node(Op.TO_INT, (a,), Kind.INT)

    # operations

    def add(self, a: Node, b: Node) -> Node:
        """A + b."""
        if is_literal(a, 0):
            return b
        if is_literal(b, 0):
            return a
        if b.op is Op.NEG:
            return self.sub(a, b.args[0])
        return self._arithmetic(Op.ADD, a, b)

    def sub(self, a: Node, b: Node) -> Node:
        """A - b."""
        if is_literal(b, 0):
            return a
        if is_literal(a, 0):
            return self.neg(b)
        if a is b and a.op is not Op.CONSTANT:
            return self.literal(0 if a.kind is Kind.INT else 0.0)  # a division by it depends on the kind
        return self._arithmetic(Op.SUB, a, b)

    def mul(self, a: Node, b: Node) -> Node:
        """A * b."""
        for x, y in ((a, b), (b, a)):
            if is_literal(x, 0):
                return self.literal(0)
            if is_literal(x, 1):
                return y
            if is_literal(x, -1):
                return self.neg(y)
        return self._arithmetic(Op.MUL, a, b)

    def div(self, a: Node, b: Node) -> Node:
        """A / b, always FLOAT; 0/0 stays, it is NaN."""
        if is_literal(b, 1):
            return self.as_float(a)
        if is_literal(a, 0) and not is_literal(b, 0):
            return self.literal(0.0)
        return self.node(Op.DIV, (self.as_float(a), self.as_float(b)))

    def neg(self, a: Node) -> Node:
        """-a."""
        if a.op is Op.NEG:
            return a.args[0]
        if a.op is Op.LITERAL and a.kind is not Kind.BOOL:
            return self.literal(-a.payload)  # type: ignore[operator]
        return self.node(Op.NEG, (a,), a.kind)

    def power(self, a: Node, b: Node) -> Node:
        """A ** b; small whole literal powers become products, which are exact in the same order everywhere."""
        if b.op is Op.LITERAL and float(b.payload).is_integer() and abs(b.payload) <= 16:  # type: ignore[arg-type]
            return self._whole_power(a, int(b.payload))  # type: ignore[call-overload]
        if is_literal(b, 0.5):
            return self.function("sqrt", (a,))
        if is_literal(b, -0.5):
            return self.div(self.literal(1.0), self.function("sqrt", (a,)))
        return self.node(Op.POW, (self.as_float(a), self.as_float(b)))

    def _whole_power(self, a: Node, n: int) -> Node:
        if n < 0:
            return self.div(self.literal(1.0), self._whole_power(a, -n))
        if n == 0:
            return self.literal(1)
        half = self._whole_power(a, n // 2) if n > 1 else self.literal(1)
        square = self.mul(half, half)
        return self.mul(square, a) if n % 2 else square

    def binary(self, op: Op, a: Node, b: Node) -> Node:
        """Any operation of two arguments, by name."""
        special = {Op.ADD: self.add, Op.SUB: self.sub, Op.MUL: self.mul, Op.DIV: self.div, Op.POW: self.power}
        if op in special:
            return special[op](a, b)
        if op in _COMPARE:
            a, b = self._same_kind(a, b)
            return self.node(op, (a, b), Kind.BOOL)
        if op in _LOGIC:
            return self.node(op, (a, b), Kind.BOOL)
        return self._arithmetic(op, a, b)

    def logical_not(self, a: Node) -> Node:
        """Not a."""
        return a.args[0] if a.op is Op.NOT else self.node(Op.NOT, (a,), Kind.BOOL)

    def logical_and(self, a: Node, b: Node) -> Node:
        """Both."""
        return self.node(Op.AND, (a, b), Kind.BOOL)

    def select(self, condition: Node, a: Node, b: Node) -> Node:
        """A where the condition holds, else b."""
        if a is b:
            return a
        if a.kind is not Kind.BOOL:
            a, b = self._same_kind(a, b)
        return self.node(Op.SELECT, (condition, a, b), a.kind)

    def function(self, name: str, args: tuple[Node, ...], kind: Kind = Kind.FLOAT) -> Node:
        """A function of the numerics library, on floats."""
        return self.node(Op.FUNCTION, tuple(self.as_float(a) for a in args), kind, name)

    def _arithmetic(self, op: Op, a: Node, b: Node) -> Node:
        a, b = self._same_kind(a, b)
        return self.node(op, (a, b), a.kind)

    def _same_kind(self, a: Node, b: Node) -> tuple[Node, Node]:
        if a.kind is b.kind:
            return a, b
        return self.as_float(a), self.as_float(b)

    # whole graphs

    def rebuild(self, node: Node, args: tuple[Node, ...]) -> Node:
        """The same operation on other arguments, simplified again."""
        match node.op:
            case Op.ADD | Op.SUB | Op.MUL | Op.DIV | Op.POW | Op.FLOORDIV | Op.MOD:
                return self.binary(node.op, *args)
            case Op.NEG:
                return self.neg(args[0])
            case Op.SELECT:
                return self.select(*args)
            case Op.TO_FLOAT:
                return self.as_float(args[0])
            case Op.FUNCTION:
                return self.function(str(node.payload), args, node.kind)
            case Op.LT | Op.LE | Op.GT | Op.GE | Op.EQ | Op.NE:
                return self.binary(node.op, *args)
            case _:
                return self.node(node.op, args, node.kind, node.payload)

    def substitute(self, node: Node, replace: Callable[[Node], Node | None]) -> Node:
        """The graph with some nodes replaced; `replace` gives the new node, or None to keep."""
        done: dict[int, Node] = {}

        def visit(n: Node) -> Node:
            found = done.get(id(n))
            if found is None:
                found = replace(n)
                if found is None:
                    found = self.stands_for(self.rebuild(n, tuple(visit(a) for a in n.args)), n) if n.args else n
                done[id(n)] = found
            return found

        return visit(node)

    def replace_variables(self, node: Node, values: Mapping[Variable, Node], *, everywhere: bool = False) -> Node:
        """The graph with variables replaced by other graphs; `everywhere`: in reductions too."""
        if not values:
            return node

        def new(n: Node) -> Node | None:
            if everywhere and n.op is Op.REDUCED:
                return self.reduced_anew(n, lambda m: self.replace_variables(m, values, everywhere=True))
            return values.get(n.payload) if n.op is Op.VARIABLE else None  # type: ignore[call-overload]

        return self.substitute(node, new)


def with_reciprocals(graph: Graph, nodes: Iterable[Node]) -> list[Node]:
    """The graphs with fewer divisions: one costs a state update as much as six products.

    Those by fixed values become products with their reciprocals, which are taken once a run; those by `exprel`, as
    in a / exprel(x) of Hodgkin and Huxley's rates, products with its inverse. The result differs by one rounding.
    """
    roots = list(nodes)
    done: dict[int, tuple[Node, bool]] = {}  # new node, and whether its value is fixed

    for n in walk(*roots):
        args = tuple(done[id(a)][0] for a in n.args)
        fixed = all(done[id(a)][1] for a in n.args) if n.args else is_fixed(n)
        fixed = fixed and n.op not in CHANGING
        if n.op is Op.DIV and done[id(n.args[1])][1] and not fixed:
            new = graph.mul(args[0], graph.node(Op.DIV, (graph.literal(1.0), args[1])))
        elif n.op is Op.DIV and args[1].op is Op.FUNCTION and args[1].payload == "exprel":
            new = graph.mul(args[0], graph.function("inverse_exprel", args[1].args))
        else:
            new = graph.rebuild(n, args) if args != n.args else n
        done[id(n)] = (graph.stands_for(new, n), fixed)
    return [done[id(root)][0] for root in roots]


def kind_of(value: float) -> Kind:
    """The kind of a number of Python."""
    return Kind.INT if isinstance(value, int) else Kind.FLOAT


def is_literal(node: Node, value: float) -> bool:
    """Whether the node is this number, written in the text."""
    return node.op is Op.LITERAL and node.kind is not Kind.BOOL and node.payload == value


def walk(*roots: Node) -> Iterator[Node]:
    """Every node below the roots once, arguments before their users."""
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if id(node) in seen:
            continue
        if ready or not node.args:
            seen.add(id(node))
            yield node
        else:
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.args) if id(a) not in seen)


def variables_of(*roots: Node) -> set[Variable]:
    """The stored quantities the graphs read, in reductions too."""
    found: set[Variable] = set()
    for n in walk(*roots):
        if n.op in READS:
            found.add(n.payload)  # type: ignore[arg-type]
        elif n.op is Op.REDUCED:
            found |= variables_of(*n.payload.graphs)  # type: ignore[attr-defined]
        elif n.op is Op.ADAPTIVE:
            solved = n.payload[0]  # type: ignore[index]
            found |= {v for v in variables_of(*solved.graphs) if v.owner != "part"} | set(solved.states)
    return found


def reductions_of(*roots: Node) -> list[Node]:
    """The reductions that the graphs use, without those that are within others."""
    found: dict[Node, None] = {}
    for n in walk(*roots):
        if n.op is Op.REDUCED:
            found[n] = None
        elif n.op is Op.ADAPTIVE:
            found |= dict.fromkeys(reductions_of(*n.payload[0].graphs))  # type: ignore[index]
    return list(found)


DRAWN_BY = {
    Op.POISSON: "poisson",
    Op.BINOMIAL: "binomial",
    Op.GAMMA: "standard_gamma",
    Op.TRUNCATED_NORMAL: "truncated_normal",
}
"""Functions of the numerics library that draw random numbers with arguments."""

DRAWN = DRAWN_BY.keys() | {Op.PERMUTATION}
"""Random numbers with arguments."""

MOVING = DRAWN | {Op.REDUCED, Op.ADAPTIVE, Op.TIME, Op.STEP, Op.NOISE, Op.UNIFORM, Op.NORMAL, Op.TIMED}
"""Operations whose value follows time or chance: another one in every step."""

READS = frozenset({Op.VARIABLE, Op.ELEMENT})
"""Operations that read a stored quantity."""

CHANGING = MOVING | READS | {Op.INDEX, Op.LIST}
"""Operations whose value may differ between elements or between times of a run."""


def is_fixed(node: Node) -> bool:
    """Whether the value is the same for every element at every time of a run."""
    return node.fixed
