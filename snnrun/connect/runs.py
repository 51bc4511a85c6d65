"""Targets of sources: how rules draw them, cut into runs, and the kernels that find them.

A run is what one rule gives one source; see `kernels.connect`, whose functions take the arrays of this module by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snnrun.codegen.native import compiled
from snnrun.kernels import connect as kernels
from snnrun.kernels.streams import signed
from snnrun.model.network import Connect, IntArray, NeuronSubset, Seeds, everything

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Int32: TypeAlias = NDArray[np.int32]

ADVANCE = 32
"""Random numbers that are drawn at least for a run, as some are drawn in advance."""


class Sampling(IntEnum):
    """How a rule finds the targets of a source among its candidates."""

    REPEATED = 0  # drawn with repetition, ascending
    DIFFERENT = 1  # drawn without repetition, ascending
    CHANCE = 2  # each with the same probability
    EVERY = 3  # all
    LISTED = 4  # written in a list


TARGETS: dict[Sampling, Callable[..., None]] = {
    Sampling.REPEATED: kernels.targets_repeated,
    Sampling.DIFFERENT: kernels.targets_different,
    Sampling.CHANCE: kernels.targets_by_chance,
    Sampling.EVERY: kernels.targets_all,
    Sampling.LISTED: kernels.targets_listed,
}
_DRAWN = {Sampling.REPEATED, Sampling.DIFFERENT, Sampling.CHANCE}


@dataclass(frozen=True, slots=True)
class Partners:
    """How one rule finds targets, and how many synapses each of its sources has.

    Args:
        rule: The rule.
        sampling: How targets are found.
        counts: Synapses of each source of the rule's subset, shape (sources,).
        own: For each source its own index among the targets, when that is left out; else -1.
        stream: Key of the random numbers of targets.
        scale: For `CHANCE`, 1/log(1 - p).
        low: The first candidate of each source, shape (sources,); None for the first target.
        high: The one after its last candidate; None for the end of the targets.
        listed: For `LISTED`, target neurons, source by source.
        created: For `LISTED`, the creation number of each within the rule, when they are not in this order.
    """

    rule: Connect
    sampling: Sampling
    counts: IntArray
    own: IntArray
    stream: int = 0
    scale: float = 0.0
    low: IntArray | None = None
    high: IntArray | None = None
    listed: Int32 | None = None
    created: Int32 | None = None

    @property
    def size(self) -> int:
        """Number of synapses."""
        return int(self.counts.sum())

    def numbered(self) -> Partners:
        """The same with indices in place of neurons, so that sources are in the order of the rule's subset."""
        source, target = (everything(s.name, s.size) for s in (self.rule.source, self.rule.target))
        return replace(self, rule=replace(self.rule, source=source, target=target))


@dataclass(frozen=True, slots=True)
class Runs:
    """Every source's synapses of every rule, sorted by source and then by rule.

    Args:
        first: Where the runs of each source neuron begin, shape (source group's size + 1,).
        rule: Rule of each run, shape (runs,), like those that follow.
        source: Index of the source within the rule's subset.
        low: Index of the first candidate.
        size: Number of candidates from there on, the one that is left out included.
        own: Index of the target that is left out, or -1.
        count: Number of synapses.
        created: Creation number of the first synapse; its place in the list of targets, where creation numbers are
            listed.
    """

    first: IntArray
    rule: Int32
    source: Int32
    low: Int32
    size: Int32
    own: Int32
    count: Int32
    created: IntArray

    @property
    def lengths(self) -> IntArray:
        """Synapses of each source neuron, shape (source group's size,)."""
        return np.diff(np.concatenate([[0], np.cumsum(self.count, dtype=np.int64)])[self.first])

    @property
    def longest(self) -> int:
        """Synapses of the longest run."""
        return int(self.count.max(initial=0))

    def arrays(self) -> dict[str, Array]:
        """Its columns by the names of arguments."""
        names = ("rule", "source", "low", "size", "own", "count", "created")
        return {f"run_{name}": getattr(self, name) for name in names}


def runs_of(partners: Sequence[Partners], sources: int) -> Runs:
    """The runs of all rules, by source.

    Args:
        partners: How each rule finds targets.
        sources: Neurons of the whole source group.
    """
    neurons, created = [], []
    columns: list[list[Array]] = [[] for _ in range(6)]
    first = listed = 0
    for number, p in enumerate(partners):
        begin = listed if p.created is not None else first
        created.append(begin + np.cumsum(p.counts) - p.counts)
        neurons.append(p.rule.source.ids)
        for column, values in zip(columns, _columns(p, number), strict=True):
            column.append(np.broadcast_to(values, p.counts.shape).astype(np.int32))
        first += p.size
        listed += p.size if p.listed is not None else 0
    made = [np.concatenate(c) for c in (neurons, *columns, created)]
    some = made[6] > 0
    if not np.all(some):
        made = [c[some] for c in made]
    if len(partners) > 1 or not partners[0].rule.source.ascending:
        order = np.argsort(made[0], kind="stable")
        made = [c[order] for c in made]
    begins = np.searchsorted(made[0], np.arange(sources + 1)).astype(np.int64)
    return Runs(begins, *made[1:])


def _columns(p: Partners, number: int) -> tuple[Any, ...]:
    """The columns of `Runs` from `rule` to `count` for one rule, one entry a source or one for all."""
    low = 0 if p.low is None else p.low
    high = p.rule.target.size if p.high is None else p.high
    return number, np.arange(len(p.counts)), low, high - low, p.own, p.counts


def rules_arrays(partners: Sequence[Partners], seeds: Seeds) -> dict[str, Any]:
    """What `kernels.connect` is told of rules, by the names of its arguments."""
    sizes = np.array([p.size for p in partners], np.int64)
    are_listed = np.array([p.listed is not None for p in partners])
    shuffled = np.array([p.created is not None for p in partners])
    known = np.array([0 if p.listed is not None else p.rule.target.size for p in partners], np.int64)
    first_created = np.cumsum(sizes) - sizes
    places = np.cumsum(sizes * are_listed) - sizes * are_listed
    ids = [np.zeros(0, np.int64), *(p.rule.target.ids for p in partners if p.listed is None)]
    lists = [p for p in partners if p.listed is not None]
    created = [np.zeros(p.size, np.int32) if p.created is None else p.created for p in lists if np.any(shuffled)]
    return {
        "seed": signed(seeds.connect),
        "streams": np.array([signed(p.stream) for p in partners], np.int64),
        "scales": np.array([p.scale for p in partners], np.float64),
        "first_ids": np.cumsum(known) - known,
        "ids": np.concatenate(ids).astype(np.int32),
        "shifts": np.where(shuffled, 0, places - first_created),
        "listed": _joined([p.listed for p in lists if p.listed is not None]),
        "shuffled": shuffled.astype(np.uint8),
        "first_created": first_created,
        "listed_created": _joined(created),
    }


class TargetFinder:
    """The runs of some rules, and the functions that find their targets.

    Args:
        partners: How each rule finds targets.
        sources: Neurons of the whole source group.
        seeds: Of all random numbers.
    """

    def __init__(self, partners: Sequence[Partners], sources: int, seeds: Seeds) -> None:
        self.partners = partners
        self.runs = runs_of(partners, sources)
        self.lengths = self.runs.lengths
        self.arrays = rules_arrays(partners, seeds) | self.runs.arrays() | {"write": 1}
        self.shuffled = any(p.created is not None for p in partners)
        drawn = sum(p.size + ADVANCE * len(p.counts) for p in partners if p.sampling in _DRAWN)
        self.work = drawn + int(self.lengths.sum()) // 16

    @property
    def size(self) -> int:
        """Number of synapses."""
        return int(self.lengths.sum())

    @property
    def in_order(self) -> bool:
        """Whether the synapses are created in the order in which they are found."""
        return len(self.partners) == 1 and not self.shuffled and self.partners[0].rule.source.ascending

    def into(self, target: Int32, created: IntArray | None = None) -> Callable[[int, int], None]:
        """What finds the targets of the sources from one up to another; each thread needs one of its own.

        Args:
            target: Takes the target neurons, shape (most synapses at a time,).
            created: Takes their creation numbers; None when nobody asks.
        """
        targets = max((p.rule.target.size for p in self.partners), default=0)
        arrays = self.arrays | room_for_draws(self.runs.longest, targets) | {"target": target}
        functions = []
        for sampling in sorted({p.sampling for p in self.partners}):
            mine = np.array([p.sampling == sampling for p in self.partners], np.uint8)
            functions.append(given(TARGETS[sampling], {**arrays, "mine": mine}, free=2, work=self.work))
        if created is not None:
            arrays["created"] = created
            functions.append(given(kernels.creation_numbers, arrays, free=2, work=self.size // 16))

        def find(first: int, last: int) -> None:
            begin, end = self.runs.first[[first, last]].tolist()
            for function in functions:
                function(begin, end)

        return find

    def pairs(self, most: int) -> Iterator[tuple[IntArray, IntArray]]:
        """Source and target neuron of all synapses, sorted by source, some `most` at a time."""
        blocks = blocks_of(self.lengths, most)
        target = np.empty(max((int(self.lengths[a:b].sum()) for a, b in blocks), default=0), np.int32)
        find = self.into(target)
        for first, last in blocks:
            find(first, last)
            pre = np.repeat(np.arange(first, last, dtype=np.int64), self.lengths[first:last])
            yield pre, target[: len(pre)].astype(np.int64)


def count_by_chance(rule: Connect, partners: Partners, seeds: Seeds) -> IntArray:
    """How many partners each source has by chance, shape (sources,)."""
    n = rule.source.size
    columns = [np.broadcast_to(c, n).astype(np.int32) for c in _columns(partners, 0)]
    number, source, low, size, own, count = columns
    runs = Runs(np.zeros(0, np.int64), number, source, low, size, own, count, np.zeros(n, np.int64))
    arrays = rules_arrays([partners], seeds) | runs.arrays() | room_for_draws(0, 0)
    arrays |= {"mine": np.ones(1, np.uint8), "write": 0, "target": np.zeros(1, np.int32)}
    given(kernels.targets_by_chance, arrays, free=2, work=ADVANCE * n)(0, n)
    return count.astype(np.int64)


def room_for_draws(longest: int, targets: int) -> dict[str, Array]:
    """Room to work for one thread, by the names of arguments.

    Args:
        longest: Synapses of the longest run.
        targets: Targets of the rule that has most.
    """
    return {
        "draws": np.empty(max(kernels.DRAWS, longest + 1)),
        "chosen": np.empty(longest, np.int32),
        "buckets": np.empty(longest + 1, np.int32),
        "seen": np.zeros(targets, np.uint8),
    }


def given(function: Callable[..., Any], arrays: Mapping[str, Any], *, free: int, work: int) -> Callable[..., Any]:
    """A function of `kernels.connect` that is given all but its first arguments, by their names.

    Args:
        function: The function.
        arrays: Arguments by name, and more.
        free: How many arguments are given later.
        work: About how many numbers it draws.
    """
    made = compiled(function)
    return made.given(work=work, **{name: arrays[name] for name in made.names[free:]})


def blocks_of(lengths: IntArray, most: int) -> list[tuple[int, int]]:
    """Ranges of sources with about as many synapses each."""
    ends = np.cumsum(lengths)
    cuts = np.searchsorted(ends, np.arange(most, int(lengths.sum()), most), side="left") + 1
    return list(pairwise(np.unique(np.concatenate([[0], cuts, [len(lengths)]])).tolist()))


def listed(rule: Connect, i: Int32, post: Int32) -> Partners:
    """A rule whose pairs are known.

    Args:
        rule: The rule.
        i: Source index of each pair, in creation order, shape (synapses,).
        post: Its target neuron.
    """
    counts = np.bincount(i, minlength=rule.source.size).astype(np.int64)
    none = np.full(rule.source.size, -1, np.int64)
    if np.all(i[1:] >= i[:-1]):
        return Partners(rule, Sampling.LISTED, counts, none, listed=post)
    targets, created = np.empty(len(i), np.int32), np.empty(len(i), np.int32)
    arrays = {"n": len(i), "source": i, "post": post, "listed": targets, "created": created}
    arrays["at"] = np.cumsum(counts) - counts
    given(kernels.sort_by_source, arrays, free=0, work=len(i) // 16)()
    return Partners(rule, Sampling.LISTED, counts, none, listed=targets, created=created)


def _joined(parts: Sequence[Int32]) -> Int32:
    """One array; a single one is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.int32), *parts])


def places(subset: NeuronSubset) -> Int32:
    """For each neuron of a group up to the subset's last, its index within the subset."""
    ids = subset.ids
    found = np.zeros(int(ids.max(initial=-1)) + 1, np.int32)
    found[ids] = np.arange(subset.size)
    return found
