"""Graphs evaluated with numpy, over all elements at once.

Initial values, delays, connection conditions and parameters of kernels are computed here; the oracle of the tests
steps whole networks with it. The functions are those of the kernels, so the bits are theirs too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from snnrun.equations.dag import (
    DRAWN_BY,
    READS,
    Adaptive,
    Constant,
    Draw,
    Kind,
    Lookup,
    Node,
    Numbers,
    Op,
    Parameter,
    Reduction,
    Variable,
    is_fixed,
    walk,
)
from snnrun.kernels import functions, random
from snnrun.kernels.arithmetic import Precision
from snnrun.kernels.scalar import NAMES
from snnrun.kernels.streams import stream_key
from snnrun.model.network import EARLY, IntArray, Seeds, TimedArray
from snnrun.model.permutation import permuted
from snnrun.model.propagator import propagator
from snnrun.model.reductions import extreme, total, totals

DTYPES = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.bool_}


def _no_variable(variable: Variable) -> Any:
    raise KeyError(variable)


def _no_elements(owner: str) -> Any:
    raise KeyError(owner)


@dataclass(frozen=True, slots=True)
class Environment:
    """What leaves stand for.

    Args:
        read: Values of a variable at the elements, shape (n,) or scalar; with reach `element` those of all elements of
            its owner.
        index: Values of index leaves: `own`, `i`, `j` and loop variables; shape (n,) or broadcastable.
        elements: Element numbers, for random numbers; shape (n,).
        step: The step.
        row: What takes the place of the step as counter of random numbers; None for the step.
        dt: Length of a step. [s]
        all_of: What leaves stand for at all elements of an object, in their order; of synapses as created.
        precision: Of numbers, as kernels compute: what is fixed during a run is computed in double, then rounded; times
            stay double.
    """

    read: Callable[[Variable], Any] = _no_variable
    index: Mapping[str, Any] = field(default_factory=dict)
    elements: Any = 0
    step: Any = 0
    row: Any = None
    dt: float = 0.0
    seeds: Seeds | None = None
    arrays: Mapping[str, TimedArray] = field(default_factory=dict)
    precision: Precision = Precision.DOUBLE
    all_of: Callable[[str], Environment] = _no_elements


def evaluate(node: Node, env: Environment) -> Any:
    """The value of a graph: scalar or array, broadcast over the elements."""
    with np.errstate(all="ignore"):
        return _Evaluation(env).of(node)


def evaluate_whole(node: Node, env: Environment) -> tuple[Any, Any]:
    """The value of a graph, and where a number in it was to become a whole one and cannot.

    Returns:
        The value, and whether `int()` or `poisson()` was given NaN or a number beyond the whole ones; broadcast.
    """
    evaluation = _Evaluation(env)
    with np.errstate(all="ignore"):
        return evaluation.of(node), evaluation.beyond


def evaluate_all(nodes: Sequence[Node], env: Environment) -> list[Any]:
    """The values of several graphs; parts they share are computed once."""
    evaluation = _Evaluation(env)
    with np.errstate(all="ignore"):
        return [evaluation.of(node) for node in nodes]


class Values:
    """The values of the nodes of graphs, one after the other, each computed once.

    Args:
        env: What leaves stand for.
        known: Nodes whose values are given.
    """

    def __init__(self, env: Environment, known: Iterable[tuple[Node, Any]] = ()) -> None:
        self._evaluation = _Evaluation(env)
        self._evaluation.known |= {id(node): value for node, value in known}

    def of(self, node: Node) -> Any:
        """The value of a node."""
        with np.errstate(all="ignore"):
            return self._evaluation.of(node)


_REALS = {Precision.DOUBLE: np.float64, Precision.SINGLE: np.float32}
_BLOCK = 1 << 14  # elements
_BEYOND = 2.0**63  # no whole number is as large

_BINARY: dict[Op, Callable[[Any, Any], Any]] = {
    Op.ADD: np.add,
    Op.SUB: np.subtract,
    Op.MUL: np.multiply,
    Op.LT: np.less,
    Op.LE: np.less_equal,
    Op.GT: np.greater,
    Op.GE: np.greater_equal,
    Op.EQ: np.equal,
    Op.NE: np.not_equal,
    Op.AND: np.logical_and,
    Op.OR: np.logical_or,
}


def _single_library() -> tuple[Any, Any]:
    from snnrun.kernels import single_functions, single_random  # noqa: PLC0415 - few experiments need them

    return single_functions, single_random


class _Evaluation:
    """One pass over a graph; every node once."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.single = env.precision is Precision.SINGLE
        self.number = np.float32 if self.single else np.float64
        library: tuple[Any, Any] = _single_library() if self.single else (functions, random)
        self.functions, self.drawn = library
        self.known: dict[int, Any] = {}
        self.beyond: Any = np.False_  # where a number became no whole one

    def of(self, node: Node) -> Any:
        key = id(node)
        if key not in self.known:
            self.known[key] = self.rounded(node) if self.single and is_settled(node) else self.fresh(node)
        return self.known[key]

    def fresh(self, node: Node) -> Any:
        return self.compute(node, [self.of(a) for a in node.args])

    def rounded(self, node: Node) -> Any:
        """A value that kernels are given: computed in double."""
        value = evaluate(node, replace(self.env, precision=Precision.DOUBLE))
        return np.float32(value) if node.kind is Kind.FLOAT else value

    def compute(self, node: Node, args: list[Any]) -> Any:
        op = node.op
        if op in _BINARY:
            return _BINARY[op](*args)
        match op:
            case Op.LITERAL:
                return DTYPES[node.kind](node.payload)
            case Op.CONSTANT:
                assert isinstance(node.payload, Constant | Parameter)
                return DTYPES[node.kind](node.payload.value)
            case Op.DIV:
                return np.divide(args[0], args[1])
            case Op.FLOORDIV | Op.MOD:
                return self.whole_division(node, args)
            case Op.POW:
                return self.functions.pow(self.number(args[0]), self.number(args[1]))
            case Op.NEG:
                return np.negative(args[0])
            case Op.NOT:
                return np.logical_not(args[0])
            case Op.SELECT:
                return np.where(args[0], args[1], args[2])[()]
            case Op.TO_FLOAT:
                return np.asarray(args[0]).astype(self.number)[()]
            case Op.TO_INT:
                return self.whole(np.asarray(args[0]))
            case Op.FUNCTION:
                return self.function(str(node.payload), args)
            case Op.EXPONENTIAL:
                return self.exponential(node, args)
            case Op.PROPAGATOR:
                entry: Any = node.payload
                row, column, of = entry
                return args[0][of == "Q"][..., row, column]
            case _:
                return self.leaf(node, args)

    def whole(self, value: Any) -> Any:
        if value.dtype.kind == "f":
            self.beyond = self.beyond | ~(np.abs(value) < _BEYOND)
        return value.astype(np.int64)[()]

    def leaf(self, node: Node, args: list[Any]) -> Any:
        env = self.env
        match node.op:
            case Op.VARIABLE:
                assert isinstance(node.payload, Variable)
                return env.read(node.payload)
            case Op.ELEMENT:
                assert isinstance(node.payload, Variable)
                return env.read(node.payload)[args[0]]
            case Op.INDEX:
                return env.index[str(node.payload)]
            case Op.TIME:
                return np.multiply(np.float64(env.step), env.dt)
            case Op.STEP:
                return np.int64(env.step)
            case Op.REDUCED:
                return reduced(node, env)
            case Op.ADAPTIVE:
                solved: Any = node.payload
                return self.integrated(solved[0])[solved[1]]
            case Op.LIST:
                assert isinstance(node.payload, Numbers)
                return node.payload.array[env.index["list"]]
            case Op.TIMED:
                assert isinstance(node.payload, Lookup)
                return self.timed(env.arrays[node.payload.name], args)
            case _:
                return self.random(node, args)

    def integrated(self, solved: Adaptive) -> list[Any]:
        """The states at the end of a step that is taken in parts, each of the elements in its own."""
        if id(solved) in self.known:
            found: list[Any] = self.known[id(solved)]
            return found
        env, shape = self.env, np.shape(self.env.elements)
        step, least = (self.number(evaluate(n, env)) for n in (solved.step, solved.least))
        now = [np.array(np.broadcast_to(self.number(env.read(v)), shape)) for v in solved.states]
        offset, length = (np.full(shape, value, self.number) for value in (0.0, step))
        leaves = (*solved.now, solved.offset, solved.length)
        while np.any(offset < step):
            part = _Evaluation(env)
            part.known = {id(n): value for n, value in zip(leaves, (*now, offset, length), strict=True)}
            active, good = offset < step, np.broadcast_to(part.of(solved.good), shape)
            new = [np.broadcast_to(part.of(n), shape) for n in solved.new]
            wanted = length * np.broadcast_to(part.of(solved.factor), shape)
            now = [np.where(active & good, y, x) for x, y in zip(now, new, strict=True)]
            reached = np.where(length >= step - offset, step, offset + length)
            offset = np.where(active & good, reached, offset)
            if solved.stop is not None:
                after = _Evaluation(env)
                after.known = {id(n): value for n, value in zip(solved.now, now, strict=True)}
                offset = np.where(active & good & np.broadcast_to(after.of(solved.stop), shape), step, offset)
            length = np.where(active, np.where(wanted < step - offset, wanted, step - offset), length)
            lost = (offset < step) & ((length < least) | (offset + length == offset))
            now = [np.where(lost, self.number(np.nan), x) for x in now]
            offset = np.where(lost, step, offset)
        self.known[id(solved)] = found = [x[()] for x in now]
        return found

    def whole_division(self, node: Node, args: list[Any]) -> Any:
        if node.kind is Kind.INT:
            return np.floor_divide(*args) if node.op is Op.FLOORDIV else np.remainder(*args)
        function = self.functions.floordiv if node.op is Op.FLOORDIV else self.functions.fmod_python
        return function(self.number(args[0]), self.number(args[1]))

    def function(self, name: str, args: list[Any]) -> Any:
        if name == "sqrt":
            return np.sqrt(args[0])
        number = np.float64 if name == "timestep" else self.number  # times are double
        return getattr(self.functions, NAMES.get(name, name))(*(number(a) for a in args))

    def random(self, node: Node, args: list[Any]) -> Any:
        env, draw = self.env, node.payload
        assert isinstance(draw, Draw)
        assert env.seeds is not None
        elements = np.int64(0) if draw.shared else env.elements
        row = env.step if env.row is None else env.row
        counter = (elements, row, env.seeds.of(draw.use), stream_key(draw.stream))
        match node.op:
            case Op.UNIFORM:
                return self.drawn.uniform(*counter)
            case Op.NORMAL | Op.NOISE:
                return self.drawn.normal(*counter)
            case Op.PERMUTATION:
                return permuted(args[0], args[1], env.step, *counter[2:])
        function = getattr(self.drawn, DRAWN_BY[node.op])
        return in_blocks(function, [*(np.float64(a) for a in args), *counter[:2]], *counter[2:])

    def timed(self, array: TimedArray, args: list[Any]) -> Any:
        time = np.float64(args[0])
        column = () if array.values.ndim == 1 else (np.clip(args[1], 0, array.values.shape[1] - 1),)
        if array.times is None:
            e, k = grid_of(array.dt, self.env.dt)
            row = np.clip((time / e + 0.5) / k, 0.0, len(array.values) - 1.0)
            return self.number(array.values[(np.asarray(row).astype(np.int64), *column)])
        early = np.where(np.isnan(time), -np.inf, time + EARLY * self.env.dt)
        rows = np.maximum(np.searchsorted(array.times, early, "right") - 1, 0)
        before = self.number(array.values[(rows, *column)])
        if not array.linear:
            return before
        following = np.minimum(rows + 1, len(array.times) - 1)
        width = np.where(following > rows, array.times[following] - array.times[rows], 1.0)
        part = (time - array.times[rows]) / width
        part = np.where((following > rows) & (part > 0.0), part, 0.0)
        return before + (self.number(array.values[(following, *column)]) - before) * self.number(part)

    def exponential(self, node: Node, args: list[Any]) -> tuple[Any, Any]:
        n: Any = node.payload
        entries, dt = np.broadcast_arrays(*args[:-1]), args[-1]
        return propagator(np.stack(entries, axis=-1).reshape(*entries[0].shape, n, n), float(dt))


def in_blocks(draw: Callable[..., Any], columns: Sequence[Any], *key: int) -> Any:
    """Random numbers that are drawn again until they fit, of some elements at a time, so that few wait for one.

    Args:
        draw: What draws them.
        columns: Its first arguments, shape (n,) or scalar.
        key: The others.
    """
    columns = np.broadcast_arrays(*columns)
    n = columns[0].size
    if n <= _BLOCK or columns[0].ndim != 1:
        return draw(*(column[()] for column in columns), *key)
    return np.concatenate([draw(*(c[k : k + _BLOCK] for c in columns), *key) for k in range(0, n, _BLOCK)])


def reduced(node: Node, env: Environment) -> Any:
    """The value of a reduction; of synapses by their ends, for each synapse that `env` is of."""
    r = node.payload
    assert isinstance(r, Reduction)
    elements = replace(env.all_of(r.owner), precision=env.precision)
    values, *others = (
        np.broadcast_to(np.asarray(value), np.shape(elements.elements)) for value in evaluate_all(r.graphs, elements)
    )
    values = values.astype(DTYPES[Kind.INT] if r.value.kind is Kind.INT else _REALS[env.precision])
    if r.over:
        return totals(values, elements.index[r.over], env.index[r.over])
    if r.member is not None:
        member = others.pop()
        values, others = values[member], [other[member] for other in others]
    return total(values) if r.function == "sum" else extreme(r.function, values, *others)


def is_settled(node: Node) -> bool:
    """Whether kernels are given the value of a graph as an argument: it is the same throughout the run."""
    return is_fixed(node)


def grid_of(array_dt: float, dt: float) -> tuple[float, float]:
    """The fine grid (e, K) on which a timed array is looked up: entry int((t/e + 0.5)/K).

    An argument in the last 1/(2K) of an entry counts as the next one, so rounding of t = step*dt never picks the entry
    before.
    """
    k = 2.0 ** int(np.ceil(np.log2(8 * array_dt / dt)))
    return array_dt / k, k


def full(value: Any, n: int, dtype: Any) -> Any:
    """A value as an own array of n elements."""
    return np.array(np.broadcast_to(np.asarray(value), (n,)), dtype=dtype)


def indices(n: int) -> IntArray:
    """0 to n - 1."""
    return np.arange(n, dtype=np.int64)


def holds_inf(node: Node) -> bool:
    """Whether a graph may mean infinity: it names it, or reads variables that may have it; else it is an overflow."""
    for n in walk(node):
        if n.op in READS:
            return True
        held = n.payload.value if isinstance(n.payload, Constant) else None
        if held is not None and math.isinf(held):
            return True
        if n.op is Op.LIST and np.any(np.isinf(n.payload.array)):  # type: ignore[attr-defined] # that of a list
            return True
    return False
