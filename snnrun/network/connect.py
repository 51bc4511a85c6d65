"""Connection rules carried out: which source meets which target, in creation order.

Every draw is keyed by (source or target index, counter), so a synapse does not depend on how the work is cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snnrun.equations.dag import Node, Variable, is_fixed
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.network.evaluate import Environment, evaluate
from snnrun.network.ir import (
    All,
    Connect,
    FixedDegree,
    FloatArray,
    Generated,
    IntArray,
    Matrix,
    OneToOne,
    Pairs,
    Seeds,
    TimedArray,
)
from snnrun.network.streams import key_of
from snnrun.numerics import functions, random
from snnrun.records import dataclass

BLOCK = 1 << 21  # candidate pairs looked at together
Read = Callable[[Variable, IntArray, IntArray], Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """What rules are evaluated on.

    Args:
        owner: Path of the synapses object.
        read: Value of a neuron's variable for (source ids, target ids) of pairs, both counted in whole groups.
    """

    owner: str
    read: Read
    seeds: Seeds
    dt: float
    arrays: dict[str, TimedArray]


def connect(rule: Connect, ground: Ground) -> tuple[IntArray, IntArray]:
    """The pairs of one rule.

    Returns:
        Source and target neurons, counted in the whole groups, shape (synapses,) each.

    Raises:
        ExperimentError: NET190 for an index or probability that is impossible.
    """
    return _Connector(rule, ground).pairs()


class _Connector:
    def __init__(self, rule: Connect, ground: Ground) -> None:
        self.rule = rule
        self.ground = ground
        self.sources = rule.source.size
        self.targets = rule.target.size
        self.seed = ground.seeds.connect
        self.stream = key_of(rule.stream)

    def pairs(self) -> tuple[IntArray, IntArray]:
        with np.errstate(all="ignore"):
            i, j = self.relative()
        return self.rule.source.ids[i], self.rule.target.ids[j]

    def relative(self) -> tuple[IntArray, IntArray]:
        match self.rule.rule:
            case All() as rule:
                return self.every_pair(rule)
            case OneToOne():
                k = np.arange(self.sources, dtype=np.int64)
                return k, k
            case Pairs() as rule:
                return np.repeat(rule.pre, rule.n), np.repeat(rule.post, rule.n)
            case Matrix() as rule:
                return rule.pre, rule.post
            case Generated() as rule:
                return self.generated(rule)
            case FixedDegree() as rule:
                return self.fixed(rule)

    def failed(self, message: str) -> ExperimentError:
        return ExperimentError(Diagnostic("NET190", message, self.rule.span))

    def uniform(self, k: Any, row: Any, part: int = 0) -> FloatArray:
        """Uniform number k of a row; `part` separates uses within one rule."""
        stream = self.stream if part == 0 else key_of(f"{self.rule.stream}.{part}")
        drawn: FloatArray = random.uniform(k, row, self.seed, stream)
        return drawn

    def environment(self, i: IntArray, j: IntArray, loop: dict[str, Any] | None = None) -> Environment:
        pre, post = self.rule.source.ids[i], self.rule.target.ids[np.clip(j, 0, self.targets - 1)]

        def read(variable: Variable) -> Any:
            if variable.owner == self.ground.owner:
                hidden = {"i": i, "j": j}
                if variable.name not in hidden:
                    raise self.failed(f"`{variable.name}` is not known before the synapses exist")
                return hidden[variable.name]
            return self.ground.read(variable, pre, post)

        return Environment(
            read=read,
            index={"pre": pre, "post": post, **(loop or {})},
            elements=j,
            step=i,
            dt=self.ground.dt,
            seeds=self.ground.seeds,
            arrays=self.ground.arrays,
        )

    # all, where, p

    def every_pair(self, rule: All) -> tuple[IntArray, IntArray]:
        if rule.where is None and rule.p is not None and is_fixed(rule.p):
            i, j = self.by_chance(float(evaluate(rule.p, Environment())))
        else:
            i, j = self.by_condition(rule)
        if rule.n is None:
            return i, j
        n = np.broadcast_to(evaluate(rule.n, self.environment(i, j)), i.shape)
        if np.any(n < 0):
            raise self.failed("the number of synapses a pair is negative")
        return np.repeat(i, n), np.repeat(j, n)

    def by_chance(self, p: float) -> tuple[IntArray, IntArray]:
        """Constant probability: the gaps between partners are geometric, so work goes with the synapses."""
        if p <= 0:
            return _nothing()
        if p >= 1:
            return self.whole_block(0, self.sources)
        scale = 1.0 / float(functions.log1p(np.float64(-p)))
        guess = int(self.targets * p + 6 * np.sqrt(self.targets * p * (1 - p)) + 4)
        rows = max(1, BLOCK // guess)
        parts = [
            self.jump(first, min(first + rows, self.sources), guess, scale) for first in range(0, self.sources, rows)
        ]
        return _joined(parts)

    def jump(self, first: int, last: int, guess: int, scale: float) -> tuple[IntArray, IntArray]:
        rows = np.arange(first, last, dtype=np.int64)[:, None]
        at = np.full((len(rows), 1), -1, dtype=np.int64)
        found: list[IntArray] = []
        drawn = 0
        while True:
            k = np.arange(drawn, drawn + guess, dtype=np.int64)[None, :]
            gaps = functions.floor(functions.log(1.0 - self.uniform(k, rows)) * scale)
            gaps = np.minimum(gaps, float(self.targets)).astype(np.int64) + 1
            j = at + np.cumsum(gaps, axis=1)
            found.append(j)
            if np.all(j[:, -1] >= self.targets):
                break
            drawn += guess
            at = j[:, -1:]
        j = np.concatenate(found, axis=1)
        inside = j < self.targets
        return np.broadcast_to(rows, j.shape)[inside], j[inside]

    def whole_block(self, first: int, last: int) -> tuple[IntArray, IntArray]:
        i = np.repeat(np.arange(first, last, dtype=np.int64), self.targets)
        return i, np.tile(np.arange(self.targets, dtype=np.int64), last - first)

    def by_condition(self, rule: All) -> tuple[IntArray, IntArray]:
        rows = max(1, BLOCK // max(self.targets, 1))
        parts = []
        for first in range(0, self.sources, rows):
            i, j = self.whole_block(first, min(first + rows, self.sources))
            if rule.where is not None:
                keep = np.broadcast_to(evaluate(rule.where, self.environment(i, j)), i.shape)
                i, j = i[keep], j[keep]
            if rule.p is not None:
                i, j = self.thinned(i, j, rule.p, j)
            parts.append((i, j))
        return _joined(parts)

    def thinned(self, i: IntArray, j: IntArray, p: Node, counter: Any) -> tuple[IntArray, IntArray]:
        """Keep each pair with its probability."""
        chance = np.broadcast_to(evaluate(p, self.environment(i, j)), i.shape)
        if np.any(~((chance >= 0) & (chance <= 1))):
            raise self.failed(
                f"a probability lies between 0 and 1, here it is {chance[~((chance >= 0) & (chance <= 1))][0]:g}"
            )
        keep = self.uniform(counter, i) < chance
        return i[keep], j[keep]

    # generator text

    def generated(self, rule: Generated) -> tuple[IntArray, IntArray]:
        i = np.arange(self.sources, dtype=np.int64)
        if rule.variable is None:
            j = np.array(np.broadcast_to(evaluate(rule.element, self.environment(i, i * 0)), i.shape))
            return self.valid(rule, i, j, {}, np.zeros_like(i))
        assert rule.bounds is not None
        env = self.environment(i, i * 0)
        start, stop, step = (np.broadcast_to(evaluate(b, env), i.shape) for b in rule.bounds)
        if np.any(step == 0):
            raise self.failed("the step of `range` is zero")
        counts = np.maximum(0, -((start - stop) // step))
        rows = np.repeat(i, counts)
        position = np.arange(len(rows), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        loop = start[rows] + position * step[rows]
        name = str(rule.variable.payload)
        if rule.size is not None:
            rows, position, loop = self.chosen(rule, rows, position, loop, i)
        values = {name: loop}
        j = np.array(np.broadcast_to(evaluate(rule.element, self.environment(rows, rows * 0, values)), rows.shape))
        return self.valid(rule, rows, j, values, position)

    def chosen(
        self, rule: Generated, rows: IntArray, position: IntArray, loop: IntArray, i: IntArray
    ) -> tuple[IntArray, IntArray, IntArray]:
        """`sample(size=n)`: n of the candidates of each row, without replacement, in their order."""
        assert rule.size is not None
        size = np.broadcast_to(evaluate(rule.size, self.environment(i, i * 0)), i.shape)
        order = np.lexsort((self.uniform(position, rows, part=1), rows))
        rank = np.empty_like(order)
        first = np.searchsorted(rows, rows)
        rank[order] = np.arange(len(rows)) - first
        candidates = np.bincount(rows, minlength=self.sources)
        if np.any(size > candidates):
            worst = int(np.argmax(size > candidates))
            raise self.failed(f"`sample` takes {size[worst]} of {candidates[worst]} candidates for i = {worst}")
        keep = rank < size[rows]
        return rows[keep], position[keep], loop[keep]

    def valid(
        self, rule: Generated, i: IntArray, j: IntArray, loop: dict[str, Any], position: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Apply the condition and the probability, and look after targets that do not exist."""
        if rule.condition is not None:
            keep = np.broadcast_to(evaluate(rule.condition, self.environment(i, j, loop)), i.shape)
            i, j, position = i[keep], j[keep], position[keep]
        outside = (j < 0) | (j >= self.targets)
        if np.any(outside):
            if not rule.skip_if_invalid:
                k = int(np.argmax(outside))
                raise ExperimentError(
                    Diagnostic(
                        "NET190",
                        f"target index {j[k]} (of i = {i[k]}) is outside 0 to {self.targets - 1}",
                        self.rule.span,
                        "add `skip_if_invalid: true` to leave such targets out",
                    )
                )
            i, j, position = i[~outside], j[~outside], position[~outside]
        if rule.p is not None:
            i, j = self.thinned(i, j, rule.p, position)
        return i, j

    # fixed numbers

    def fixed(self, rule: FixedDegree) -> tuple[IntArray, IntArray]:
        if rule.of == "total":
            return self.total(rule)
        incoming = rule.of == "in"
        own, partners = (self.rule.target, self.rule.source) if incoming else (self.rule.source, self.rule.target)
        same = own.group == partners.group and not rule.autapses
        place = {int(n): k for k, n in enumerate(partners.ids)} if same else {}
        rows: list[IntArray] = []
        for k in range(own.size):
            rows.append(self.draw_partners(k, partners.size, rule, place.get(int(own.ids[k]))))
        mine = np.repeat(np.arange(own.size, dtype=np.int64), rule.number)
        theirs = np.concatenate(rows) if rows else _nothing()[0]
        return (theirs, mine) if incoming else (mine, theirs)

    def draw_partners(self, row: int, size: int, rule: FixedDegree, myself: int | None) -> IntArray:
        """Partners of one neuron, ascending."""
        free = size - (myself is not None)
        if rule.multapses:
            k = np.arange(rule.number, dtype=np.int64)
            chosen = np.minimum((self.uniform(k, row) * free).astype(np.int64), free - 1)
        else:
            chosen = self.distinct(row, free, rule.number)
        chosen = np.sort(chosen)
        return chosen + (chosen >= myself) if myself is not None else chosen

    def distinct(self, row: int, size: int, number: int) -> IntArray:
        """`number` different indices below `size`: the first distinct ones drawn, or the smallest random keys."""
        if 2 * number > size:
            keys = self.uniform(np.arange(size, dtype=np.int64), row)
            return np.argsort(keys, kind="stable")[:number].astype(np.int64)
        drawn = 0
        seen = np.zeros(0, dtype=np.int64)
        while True:
            k = np.arange(drawn, drawn + 2 * number + 8, dtype=np.int64)
            drawn += len(k)
            more = np.minimum((self.uniform(k, row) * size).astype(np.int64), size - 1)
            seen = np.concatenate([seen, more])
            _, first = np.unique(seen, return_index=True)
            if len(first) >= number:
                return seen[np.sort(first)[:number]]

    def total(self, rule: FixedDegree) -> tuple[IntArray, IntArray]:
        number = rule.number
        everyone = self.sources * self.targets
        if not rule.multapses and 2 * number > everyone:
            return self.total_of_most(rule)
        found = np.zeros(0, dtype=np.int64)
        drawn = 0
        while len(found) < number:
            k = np.arange(drawn, drawn + 2 * number + 8, dtype=np.int64)
            drawn += len(k)
            flat = np.minimum((self.uniform(k, 0) * everyone).astype(np.int64), everyone - 1)
            flat = np.concatenate([found, self.without_autapses(flat, rule)])
            if not rule.multapses:
                _, first = np.unique(flat, return_index=True)
                flat = flat[np.sort(first)]
            found = flat[:number]
        return found // self.targets, found % self.targets

    def total_of_most(self, rule: FixedDegree) -> tuple[IntArray, IntArray]:
        flat = self.without_autapses(np.arange(self.sources * self.targets, dtype=np.int64), rule)
        keys = self.uniform(flat, 0)
        chosen = flat[np.argsort(keys, kind="stable")[: rule.number]]
        return chosen // self.targets, chosen % self.targets

    def without_autapses(self, flat: IntArray, rule: FixedDegree) -> IntArray:
        if rule.autapses or self.rule.source.group != self.rule.target.group:
            return flat
        kept: IntArray = flat[self.rule.source.ids[flat // self.targets] != self.rule.target.ids[flat % self.targets]]
        return kept


def _nothing() -> tuple[IntArray, IntArray]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _joined(parts: list[tuple[IntArray, IntArray]]) -> tuple[IntArray, IntArray]:
    return np.concatenate([i for i, _ in parts]), np.concatenate([j for _, j in parts])
