"""Ranges of target indices outside which a condition cannot hold: `abs(i - j) < 4` needs seven candidates, not all.

Every expression that is linear in j up to a bounded rest is followed: sums, products with fixed numbers, `abs` against
a bound, `//`, `int`, `floor`. What is not understood leaves all targets possible, so a range is never too narrow; the
condition itself is still evaluated within it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnrun.equations.dag import Draw, Kind, Node, Op, Variable, is_fixed, walk
from snnrun.model.network import FloatArray, IntArray

_MIRRORED = {Op.LT: Op.GT, Op.LE: Op.GE, Op.GT: Op.LT, Op.GE: Op.LE, Op.EQ: Op.EQ}
_ROUNDED = {"floor": (-1.0, 0.0), "ceil": (0.0, 1.0)}


@dataclass(frozen=True, slots=True)
class _Linear:
    """slope*j + something between low and high, for each source."""

    slope: float
    low: FloatArray
    high: FloatArray

    def plus(self, other: _Linear, sign: int) -> _Linear:
        low, high = (other.low, other.high) if sign > 0 else (-other.high, -other.low)
        return _Linear(self.slope + sign * other.slope, self.low + low, self.high + high)

    def times(self, factor: float) -> _Linear:
        low, high = (self.low, self.high) if factor >= 0 else (self.high, self.low)
        return _Linear(self.slope * factor, low * factor, high * factor)

    def widened(self, low: float, high: float) -> _Linear:
        return _Linear(self.slope, self.low + low, self.high + high)


def target_ranges(
    condition: Node, owner: str, of_sources: Callable[[Node], Any], sources: int, targets: int
) -> tuple[IntArray, IntArray]:
    """First possible target of each source, and the one after its last; shape (sources,) each.

    Args:
        condition: What must hold.
        owner: Path of the synapses object, whose variable `j` is the target's index.
        of_sources: The value of a graph without j for each source.
        sources: Number of sources.
        targets: Number of targets.
    """
    finder = _Finder(owner, of_sources, sources)
    with np.errstate(all="ignore"):
        low, high = finder.of(condition)
        first: IntArray = np.clip(np.where(np.isnan(low), 0, low), 0, targets).astype(np.int64)
        last: IntArray = np.clip(np.where(np.isnan(high), targets, high), 0, targets).astype(np.int64)
    return first, np.maximum(first, last)


class _Finder:
    def __init__(self, owner: str, of_sources: Callable[[Node], Any], sources: int) -> None:
        self.j = Variable(owner, "j")
        self.owner = owner
        self.of_sources = of_sources
        self.sources = sources

    def of(self, node: Node) -> tuple[FloatArray, FloatArray]:
        """Range [low, high) of a condition."""
        if self.is_of_source(node):
            holds = np.broadcast_to(self.of_sources(node), (self.sources,))
            return np.where(holds, -np.inf, 0.0), np.where(holds, np.inf, 0.0)
        if node.op in (Op.AND, Op.OR):
            (a, b), (c, d) = (self.of(x) for x in node.args)
            if node.op is Op.AND:
                return np.maximum(a, c), np.minimum(b, d)
            empty, other = a >= b, c >= d  # a range without targets says nothing about where those of the other are
            low = np.where(empty, c, np.where(other, a, np.minimum(a, c)))
            return low, np.where(empty, d, np.where(other, b, np.maximum(b, d)))
        if node.op in _MIRRORED:
            return self.comparison(node.op, *node.args)
        return self.everything()

    def everything(self) -> tuple[FloatArray, FloatArray]:
        return np.full(self.sources, -np.inf), np.full(self.sources, np.inf)

    def comparison(self, op: Op, a: Node, b: Node) -> tuple[FloatArray, FloatArray]:
        if a.op is Op.FUNCTION and a.payload == "abs":
            return self.distance(op, a.args[0], b)
        if b.op is Op.FUNCTION and b.payload == "abs":
            return self.distance(_MIRRORED[op], b.args[0], a)
        x, y = self.linear(a), self.linear(b)
        if x is None or y is None:
            return self.everything()
        difference = x.plus(y, -1)
        low, high = self.everything()
        if op in (Op.LT, Op.LE, Op.EQ):
            low, high = self.below(difference)
        if op in (Op.GT, Op.GE, Op.EQ):
            more = self.below(difference.times(-1.0))
            low, high = np.maximum(low, more[0]), np.minimum(high, more[1])
        return low, high

    def distance(self, op: Op, inside: Node, bound: Node) -> tuple[FloatArray, FloatArray]:
        """abs(inside) compared with a bound."""
        x, y = self.linear(inside), self.linear(bound)
        if x is None or y is None or y.slope != 0 or op not in (Op.LT, Op.LE, Op.EQ):
            return self.everything()
        above = self.below(x.plus(y, -1))
        beneath = self.below(x.times(-1.0).plus(y, -1))
        return np.maximum(above[0], beneath[0]), np.minimum(above[1], beneath[1])

    def below(self, x: _Linear) -> tuple[FloatArray, FloatArray]:
        """Where x <= 0 is possible, with one index of room for rounding."""
        low, high = self.everything()
        if x.slope > 0:
            return low, np.floor(-x.low / x.slope) + 2.0
        if x.slope < 0:
            return np.ceil(-x.low / x.slope) - 1.0, high
        return low, high

    def linear(self, node: Node) -> _Linear | None:
        """The node as a linear function of j, if it is one up to rounding."""
        if self.is_of_source(node) and node.kind is not Kind.BOOL:
            value = np.broadcast_to(self.of_sources(node), (self.sources,)).astype(np.float64)
            return _Linear(0.0, value, value)
        if node.op is Op.VARIABLE:
            zero = np.zeros(self.sources)
            return _Linear(1.0, zero, zero) if node.payload == self.j else None
        inner = [self.linear(a) for a in node.args]
        if any(x is None for x in inner) or not inner:
            return None
        return self.combined(node, [x for x in inner if x is not None])

    def combined(self, node: Node, args: list[_Linear]) -> _Linear | None:
        match node.op:
            case Op.ADD | Op.SUB:
                return args[0].plus(args[1], 1 if node.op is Op.ADD else -1)
            case Op.NEG:
                return args[0].times(-1.0)
            case Op.TO_FLOAT:
                return args[0]
            case Op.TO_INT:
                return args[0].widened(-1.0, 1.0)
            case Op.FUNCTION if node.payload in _ROUNDED:
                return args[0].widened(*_ROUNDED[str(node.payload)])
            case Op.MUL if is_fixed(node.args[1]):
                return args[0].times(float(args[1].low[0]))
            case Op.MUL if is_fixed(node.args[0]):
                return args[1].times(float(args[0].low[0]))
            case Op.DIV | Op.FLOORDIV if is_fixed(node.args[1]) and args[1].low[0] != 0:
                divided = args[0].times(1.0 / float(args[1].low[0]))
                return divided if node.op is Op.DIV else divided.widened(-1.0, 0.0)
            case _:
                return None

    def is_of_source(self, node: Node) -> bool:
        """Whether a value is the same for all targets of a source."""
        for n in walk(node):
            if isinstance(n.payload, Draw) or n.op is Op.INDEX:
                return False
            if isinstance(n.payload, Variable):
                own = n.payload.owner == self.owner
                if (own and n.payload.name != "i") or (not own and n.payload.reach != "pre"):
                    return False
        return True
