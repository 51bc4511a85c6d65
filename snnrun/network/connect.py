"""Connection rules carried out: which source meets which target, in creation order.

Every draw is keyed by (source or target index, counter), so a synapse does not depend on how the work is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
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
    OneToOne,
    Pairs,
    Seeds,
    TimedArray,
    View,
)
from snnrun.network.ranges import target_ranges
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
        low, high = self.ranges(rule)
        if rule.p is not None and is_fixed(rule.p):
            i, j = self.by_chance(float(evaluate(rule.p, Environment())), low, high)
            if rule.where is not None:
                i, j = self.kept(i, j, rule.where)
        else:
            i, j = self.by_condition(rule, low, high)
        if rule.n is None:
            return i, j
        n = np.broadcast_to(evaluate(rule.n, self.environment(i, j)), i.shape)
        if np.any(n < 0):
            raise self.failed("the number of synapses a pair is negative")
        return np.repeat(i, n), np.repeat(j, n)

    def ranges(self, rule: All) -> tuple[IntArray, IntArray]:
        """Possible targets of each source: from the first, and to before the last."""
        if rule.where is None:
            return np.zeros(self.sources, dtype=np.int64), np.full(self.sources, self.targets, dtype=np.int64)
        i = np.arange(self.sources, dtype=np.int64)
        env = self.environment(i, i * 0)
        return target_ranges(rule.where, self.ground.owner, lambda n: evaluate(n, env), self.sources, self.targets)

    def kept(self, i: IntArray, j: IntArray, where: Node) -> tuple[IntArray, IntArray]:
        keep = np.broadcast_to(evaluate(where, self.environment(i, j)), i.shape)
        return i[keep], j[keep]

    def by_chance(self, p: float, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
        """Constant probability: the gaps between partners are geometric, so work goes with the synapses."""
        if p <= 0:
            return _nothing()
        if p >= 1:
            return _joined(list(self.candidates(low, high)))
        scale = 1.0 / float(functions.log1p(np.float64(-p)))
        most = int((high - low).max(initial=0))
        guess = int(most * p + 6 * np.sqrt(most * p * (1 - p)) + 4)
        rows = max(1, BLOCK // guess)
        parts = [
            self.jump(np.arange(first, min(first + rows, self.sources), dtype=np.int64), low, high, guess, scale)
            for first in range(0, self.sources, rows)
        ]
        return _joined(parts)

    def jump(self, i: IntArray, low: IntArray, high: IntArray, guess: int, scale: float) -> tuple[IntArray, IntArray]:
        rows, end = i[:, None], high[i][:, None]
        at = low[i][:, None] - 1
        found: list[IntArray] = []
        drawn = 0
        while True:
            k = np.arange(drawn, drawn + guess, dtype=np.int64)[None, :]
            gaps = functions.floor(functions.log(1.0 - self.uniform(k, rows)) * scale)
            gaps = np.minimum(gaps, float(self.targets)).astype(np.int64) + 1
            j = at + np.cumsum(gaps, axis=1)
            found.append(j)
            if np.all(j[:, -1:] >= end):
                break
            drawn += guess
            at = j[:, -1:]
        j = np.concatenate(found, axis=1)
        inside = j < end
        return np.broadcast_to(rows, j.shape)[inside], j[inside]

    def candidates(self, low: IntArray, high: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        """All pairs within the ranges of targets, some sources at a time."""
        counts = high - low
        ends = np.cumsum(counts)
        cuts = np.searchsorted(ends, np.arange(BLOCK, int(counts.sum()), BLOCK)) + 1
        for first, last in pairwise([0, *np.unique(cuts[cuts < self.sources]).tolist(), self.sources]):
            i = np.repeat(np.arange(first, last, dtype=np.int64), counts[first:last])
            begin = ends[first:last] - counts[first:last]
            position = np.arange(len(i), dtype=np.int64) - np.repeat(begin - begin[:1], counts[first:last])
            yield i, low[i] + position

    def by_condition(self, rule: All, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
        parts = []
        for i, j in self.candidates(low, high):
            if rule.where is not None:
                i, j = self.kept(i, j, rule.where)  # noqa: PLW2901 - the pairs that are left
            if rule.p is not None:
                i, j = self.thinned(i, j, rule.p, j)  # noqa: PLW2901
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
        myself = own_partners(own, partners, allowed=rule.autapses).tolist()
        rows = [self.draw_partners(k, partners.size, rule, myself[k]) for k in range(own.size)]
        mine = np.repeat(np.arange(own.size, dtype=np.int64), rule.number)
        theirs = np.concatenate(rows) if rows else _nothing()[0]
        return (theirs, mine) if incoming else (mine, theirs)

    def draw_partners(self, row: int, size: int, rule: FixedDegree, myself: int) -> IntArray:
        """Partners of one neuron, ascending."""
        free = size - (myself >= 0)
        if rule.multapses:
            k = np.arange(rule.number, dtype=np.int64)
            chosen = np.sort(np.minimum((self.uniform(k, row) * free).astype(np.int64), free - 1))
        else:
            chosen = self.distinct(row, free, rule.number)
        return chosen + (chosen >= myself) if myself >= 0 else chosen

    def distinct(self, row: int, size: int, number: int) -> IntArray:
        """`number` different indices below `size`, ascending: the first different ones drawn, or all but those."""
        few = min(number, size - number)
        drawn = 0
        seen = np.zeros(0, dtype=np.int64)
        first = seen
        while len(first) < few:
            k = np.arange(drawn, drawn + 2 * few + 8, dtype=np.int64)
            drawn += len(k)
            more = np.minimum((self.uniform(k, row) * size).astype(np.int64), size - 1)
            seen = np.concatenate([seen, more])
            _, first = np.unique(seen, return_index=True)
        chosen = np.sort(seen[np.sort(first)[:few]])
        return chosen if few == number else np.delete(np.arange(size, dtype=np.int64), chosen)

    def total(self, rule: FixedDegree) -> tuple[IntArray, IntArray]:
        return self.total_of_many(rule) if rule.multapses else self.total_of_different(rule)

    def total_of_many(self, rule: FixedDegree) -> tuple[IntArray, IntArray]:
        """Draw the sources first, which gives each its number of synapses; then the targets of each source."""
        own = self.own_targets(rule)
        counts = np.zeros(self.sources, dtype=np.int64)
        drawn = 0
        while (missing := rule.number - int(counts.sum())) > 0:
            k = np.arange(drawn, drawn + missing, dtype=np.int64)
            drawn += missing
            at = self.uniform(k, 0) * self.sources
            i = np.minimum(at.astype(np.int64), self.sources - 1)
            # what is left of the number chooses a target, so that a source with an autapse to leave out gets fewer
            possible = ((at - i) * self.targets).astype(np.int64) != own[i]
            counts += np.bincount(i[possible], minlength=self.sources)
        i = np.repeat(np.arange(self.sources, dtype=np.int64), counts)
        position = np.arange(rule.number, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        own = own[i]
        free = self.targets - (own >= 0)
        j = np.minimum((self.uniform(position, i, part=1) * free).astype(np.int64), free - 1)
        j += (own >= 0) & (j >= own)
        return i, j[np.lexsort((j, i))]

    def total_of_different(self, rule: FixedDegree) -> tuple[IntArray, IntArray]:
        """The first different pairs drawn, or all but those."""
        everyone = self.sources * self.targets
        own = self.own_targets(rule)
        possible = everyone - int(np.count_nonzero(own >= 0))
        few = min(rule.number, possible - rule.number)
        seen = np.zeros(0, dtype=np.int64)
        first = seen
        drawn = 0
        while len(first) < few:
            k = np.arange(drawn, drawn + 2 * few + 8, dtype=np.int64)
            drawn += len(k)
            flat = np.minimum((self.uniform(k, 0) * everyone).astype(np.int64), everyone - 1)
            seen = np.concatenate([seen, flat[flat % self.targets != own[flat // self.targets]]])
            _, first = np.unique(seen, return_index=True)
        chosen = np.sort(seen[np.sort(first)[:few]])
        if few != rule.number:
            left = np.ones(everyone, dtype=bool)
            left[chosen] = False
            left[np.flatnonzero(own >= 0) * self.targets + own[own >= 0]] = False
            chosen = np.flatnonzero(left)
        return chosen // self.targets, chosen % self.targets

    def own_targets(self, rule: FixedDegree) -> IntArray:
        """For each source its own index among the targets, when it must not be one of them; else -1."""
        return own_partners(self.rule.source, self.rule.target, allowed=rule.autapses)


def own_partners(own: View, partners: View, *, allowed: bool) -> IntArray:
    """The index of each neuron of a view within another, where it is there and may not be its own partner; else -1.

    Args:
        own: The neurons.
        partners: Whom they could meet.
        allowed: Whether a neuron may meet itself.
    """
    if allowed or own.group != partners.group:
        return np.full(own.size, -1, dtype=np.int64)
    return partners.places(own.ids)


def _nothing() -> tuple[IntArray, IntArray]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _joined(parts: list[tuple[IntArray, IntArray]]) -> tuple[IntArray, IntArray]:
    parts = [_nothing(), *parts]
    return np.concatenate([i for i, _ in parts]), np.concatenate([j for _, j in parts])
