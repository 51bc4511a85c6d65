"""Connection rules carried out: which source meets which target, in creation order.

Every draw is number k of a row, so a synapse does not depend on how the work is cut. The row is the index of the
source, or of the target where a rule goes through targets; docs/decisions/0020 says what k counts in each part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from snnrun.equations.dag import Node, is_fixed
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.kernels import functions, random
from snnrun.kernels.streams import stream_key
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    All,
    Connect,
    FixedDegree,
    FloatArray,
    Generated,
    IntArray,
    OneToOne,
    Pairs,
)
from snnrun.model.ranges import target_ranges
from snnrun.model.rule_values import Ground, degrees, environment_of_pairs, own_partners, probabilities

BLOCK = 1 << 21  # candidate pairs looked at together
MOST_CANDIDATES = 2**31  # values of all loops of a generator text


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
        self.stream = stream_key(rule.stream)

    def pairs(self) -> tuple[IntArray, IntArray]:
        with np.errstate(all="ignore"):
            i, j = self.relative()
        return self.rule.source.ids[i], self.rule.target.ids[j]

    def relative(self) -> tuple[IntArray, IntArray]:
        match self.rule.rule:
            case All() as rule:
                return self.repeated(*self.every_pair(rule))
            case OneToOne():
                k = np.arange(self.sources, dtype=np.int64)
                return self.repeated(k, k)
            case Pairs(pre=i, post=j):
                return self.repeated(i, j, np.arange(len(i), dtype=np.int64), np.zeros_like(i))
            case Generated() as rule:
                return self.generated(rule)
            case FixedDegree() as rule:
                return self.fixed(rule)

    def repeated(
        self, i: IntArray, j: IntArray, k: IntArray | None = None, row: IntArray | None = None
    ) -> tuple[IntArray, IntArray]:
        """Each pair as often as the rule's `n` says."""
        if self.rule.n is None:
            return i, j
        n = np.broadcast_to(evaluate(self.rule.n, self.environment(i, j, k, row)), i.shape)
        if np.any(n < 0):
            at = int(np.argmin(n))
            raise self.failed("NET183", f"the number of synapses of i = {i[at]}, j = {j[at]} is negative: {n[at]}")
        return np.repeat(i, n), np.repeat(j, n)

    def failed(self, code: str, message: str, help: str | None = None) -> ExperimentError:
        return ExperimentError(Diagnostic(code, message, self.rule.span, help))

    def uniform(self, k: Any, row: Any, part: int = 0) -> FloatArray:
        """Uniform number k of a row; `part` separates uses within one rule."""
        stream = self.stream if part == 0 else stream_key(f"{self.rule.stream}.{part}")
        drawn: FloatArray = random.uniform(k, row, self.seed, stream)
        return drawn

    def environment(
        self,
        i: IntArray,
        j: IntArray,
        k: IntArray | None = None,
        row: IntArray | None = None,
        loop: dict[str, Any] | None = None,
    ) -> Environment:
        """What leaves stand for at pairs; draws are number k (else j) of a row (else i)."""
        return environment_of_pairs(self.rule, self.ground, i, j, k, row, loop)

    # all, where, p

    def every_pair(self, rule: All) -> tuple[IntArray, IntArray]:
        low, high = self.ranges(rule)
        if rule.p is not None and is_fixed(rule.p):
            i, j = self.by_chance(float(evaluate(rule.p, Environment())), low, high)
            if rule.where is not None:
                i, j = self.kept(i, j, rule.where)
        else:
            i, j = self.by_condition(rule, low, high)
        return i, j

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
        if not 0 <= p <= 1:
            raise self.failed("NET182", f"a probability lies between 0 and 1, this is {p:g}")
        if p == 0:
            return _nothing()
        if p == 1:
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
                keep = self.uniform(j, i) < probabilities(self.rule, rule.p, i, j, self.environment(i, j))
                i, j = i[keep], j[keep]  # noqa: PLW2901
            parts.append((i, j))
        return _joined(parts)

    # generator text

    def generated(self, rule: Generated) -> tuple[IntArray, IntArray]:
        """The partners of each neuron (a row), as the text generates them."""
        neurons = np.arange(self.sources if rule.of == "out" else self.targets, dtype=np.int64)
        row, k, loop = neurons, neurons * 0, {}
        if rule.variable is not None:
            row, k, value = self.candidates_of(rule, neurons)
            loop = {str(rule.variable.payload): value}
        env = self.environment(*self.ends(rule, row, row * 0), k, row, loop)
        partner = np.array(np.broadcast_to(evaluate(rule.element, env), row.shape))
        found = _Found(row, partner, k, loop)
        if rule.condition is not None:
            found = found.where(np.broadcast_to(evaluate(rule.condition, self.seen_from(rule, found)), row.shape))
        found = found.where(self.existing(rule, found))
        i, j = self.ends(rule, found.row, found.partner)
        if rule.p is not None:
            chance = probabilities(self.rule, rule.p, i, j, self.seen_from(rule, found))
            keep = self.uniform(found.k, found.row) < chance
            i, j, found = i[keep], j[keep], found.where(keep)
        return self.repeated(i, j, found.k, found.row)

    def ends(self, rule: Generated, row: IntArray, partner: IntArray) -> tuple[IntArray, IntArray]:
        """Source and target."""
        return (row, partner) if rule.of == "out" else (partner, row)

    def seen_from(self, rule: Generated, found: _Found) -> Environment:
        return self.environment(*self.ends(rule, found.row, found.partner), found.k, found.row, found.loop)

    def candidates_of(self, rule: Generated, neurons: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Rows, positions within them, and values of the loop variable; shape (candidates,) each."""
        assert rule.bounds is not None
        env = self.environment(*self.ends(rule, neurons, neurons * 0), neurons * 0, neurons)
        start, stop, step = (np.broadcast_to(evaluate(b, env), neurons.shape) for b in rule.bounds)
        if np.any(step == 0):
            raise self.failed("NET190", "the step of `range` is zero")
        counts = np.maximum(0, -((start - stop) // step))
        if counts.sum(dtype=np.float64) > MOST_CANDIDATES:
            raise self.failed("NET190", f"the loop goes through {counts.sum(dtype=np.float64):.3g} values: too many")
        row = np.repeat(neurons, counts)
        k = np.arange(len(row), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        value = start[row] + k * step[row]
        if rule.size is None:
            return row, k, value
        size = np.broadcast_to(evaluate(rule.size, env), neurons.shape)
        wrong = (size > counts) | (size < 0)
        if np.any(wrong):
            worst = int(np.argmax(wrong))
            name = "i" if rule.of == "out" else "j"
            raise self.failed(
                "NET190", f"`sample` takes {size[worst]} of {counts[worst]} candidates for {name} = {worst}"
            )
        order = np.lexsort((self.uniform(k, row, part=1), row))
        rank = np.empty_like(order)
        rank[order] = k
        keep = rank < size[row]
        return row[keep], k[keep], value[keep]

    def existing(self, rule: Generated, found: _Found) -> Any:
        """Which partners exist; others are refused unless they are to be left out."""
        most = self.targets if rule.of == "out" else self.sources
        outside = (found.partner < 0) | (found.partner >= most)
        if np.any(outside) and not rule.skip_if_invalid:
            at = int(np.argmax(outside))
            word, own = ("target", "i") if rule.of == "out" else ("source", "j")
            raise self.failed(
                "NET190",
                f"{word} index {found.partner[at]} (of {own} = {found.row[at]}) is outside 0 to {most - 1}",
                f"add `skip_if_invalid: true` to leave such {word}s out",
            )
        return ~outside

    # fixed numbers

    def fixed(self, rule: FixedDegree) -> tuple[IntArray, IntArray]:
        if rule.of == "total":
            return self.total(rule, int(evaluate(rule.number, Environment())))
        incoming = rule.of == "in"
        own, partners = (self.rule.target, self.rule.source) if incoming else (self.rule.source, self.rule.target)
        myself = own_partners(own, partners, allowed=rule.autapses)
        numbers = degrees(self.rule, rule, self.ground)
        rows = [
            self.draw_partners(k, partners.size, rule.multapses, number, own_one)
            for k, (number, own_one) in enumerate(zip(numbers.tolist(), myself.tolist(), strict=True))
        ]
        mine = np.repeat(np.arange(own.size, dtype=np.int64), numbers)
        theirs = np.concatenate(rows) if rows else _nothing()[0]
        return (theirs, mine) if incoming else (mine, theirs)

    def draw_partners(self, row: int, size: int, multapses: bool, number: int, myself: int) -> IntArray:
        """Partners of one neuron, ascending."""
        free = size - (myself >= 0)
        if multapses:
            k = np.arange(number, dtype=np.int64)
            chosen = np.sort(np.minimum((self.uniform(k, row) * free).astype(np.int64), free - 1))
        else:
            chosen = self.distinct(row, free, number)
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

    def total(self, rule: FixedDegree, number: int) -> tuple[IntArray, IntArray]:
        return self.total_of_many(rule, number) if rule.multapses else self.total_of_different(rule, number)

    def total_of_many(self, rule: FixedDegree, number: int) -> tuple[IntArray, IntArray]:
        """Draw the sources first, which gives each its number of synapses; then the targets of each source."""
        own = self.own_targets(rule)
        counts = np.zeros(self.sources, dtype=np.int64)
        drawn = 0
        while (missing := number - int(counts.sum())) > 0:
            k = np.arange(drawn, drawn + missing, dtype=np.int64)
            drawn += missing
            at = self.uniform(k, 0) * self.sources
            i = np.minimum(at.astype(np.int64), self.sources - 1)
            # what is left of the number chooses a target, so that a source with an autapse to leave out gets fewer
            possible = ((at - i) * self.targets).astype(np.int64) != own[i]
            counts += np.bincount(i[possible], minlength=self.sources)
        i = np.repeat(np.arange(self.sources, dtype=np.int64), counts)
        position = np.arange(number, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        own = own[i]
        free = self.targets - (own >= 0)
        j = np.minimum((self.uniform(position, i, part=1) * free).astype(np.int64), free - 1)
        j += (own >= 0) & (j >= own)
        return i, j[np.lexsort((j, i))]

    def total_of_different(self, rule: FixedDegree, number: int) -> tuple[IntArray, IntArray]:
        """The first different pairs drawn, or all but those."""
        everyone = self.sources * self.targets
        own = self.own_targets(rule)
        possible = everyone - int(np.count_nonzero(own >= 0))
        few = min(number, possible - number)
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
        if few != number:
            left = np.ones(everyone, dtype=bool)
            left[chosen] = False
            left[np.flatnonzero(own >= 0) * self.targets + own[own >= 0]] = False
            chosen = np.flatnonzero(left)
        return chosen // self.targets, chosen % self.targets

    def own_targets(self, rule: FixedDegree) -> IntArray:
        """For each source its own index among the targets, when it must not be one of them; else -1."""
        return own_partners(self.rule.source, self.rule.target, allowed=rule.autapses)


@dataclass(frozen=True, slots=True)
class _Found:
    """Partners of a generator text: the neuron, its partner, the position among its candidates, loop variables."""

    row: IntArray
    partner: IntArray
    k: IntArray
    loop: dict[str, IntArray]

    def where(self, keep: Any) -> _Found:
        loop = {name: values[keep] for name, values in self.loop.items()}
        return _Found(self.row[keep], self.partner[keep], self.k[keep], loop)


def _nothing() -> tuple[IntArray, IntArray]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _joined(parts: list[tuple[IntArray, IntArray]]) -> tuple[IntArray, IntArray]:
    parts = [_nothing(), *parts]
    return np.concatenate([i for i, _ in parts]), np.concatenate([j for _, j in parts])
