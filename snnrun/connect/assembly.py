"""Many synapses at once: rows made, valued and put in their places by compiled code, a block of sources at a time.

Nothing is kept for a synapse but what a run needs: its target, its variables, and its delay where a table of rows does
not tell. Blocks of sources do not see each other, so threads share them, and the result is that of `connectivity`
with numpy, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property, partial
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snnrun.codegen.cache import obtain
from snnrun.codegen.emit import CType, index_type
from snnrun.codegen.fills import RULE, FillKernel, Wanted, fill_kernel, supported
from snnrun.codegen.fills import TABLE as FILL_TABLE
from snnrun.codegen.native import NativeKernel, PythonKernel, compiled, compiles
from snnrun.connect.pairs import connect
from snnrun.equations.dag import Graph, Kind, Node, Op, Variable, is_fixed
from snnrun.kernels import connect as kernels
from snnrun.kernels import functions
from snnrun.kernels.streams import stream_key
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.expected import expected_synapses
from snnrun.model.network import (
    All,
    Connect,
    FixedDegree,
    IntArray,
    NeuronSubset,
    OneToOne,
    Seeds,
    Synapses,
    everything,
)
from snnrun.model.rule_values import Ground, degrees, own_partners

BLOCK = 1 << 16  # synapses made together: their buffers stay in the second-level cache
WIDEST_TABLE = 256  # delays, from the shortest to the longest, that are told by where each begins in a row
MOST_CELLS = 1 << 16  # parts and delays that a row is sorted into

WORTH_IT = 500_000  # synapses from which on compiling (once) takes no longer than numpy
_ZERO = Graph().literal(0)

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Int32: TypeAlias = NDArray[np.int32]


class Way(IntEnum):
    """How a rule finds the targets of a source."""

    REPEATED = 0  # drawn with repetition, ascending
    DIFFERENT = 1  # drawn without repetition, ascending
    CHANCE = 2  # each with the same probability
    EVERY = 3  # all
    SAME = 4  # the one of the same index
    LISTED = 5  # written in a list


TARGETS: dict[Way, Callable[..., Any]] = {
    Way.REPEATED: kernels.targets_repeated,
    Way.DIFFERENT: kernels.targets_different,
    Way.CHANCE: kernels.targets_by_chance,
    Way.EVERY: kernels.targets_all,
    Way.SAME: kernels.targets_same,
    Way.LISTED: kernels.targets_listed,
}


@dataclass(frozen=True, slots=True)
class Partners:
    """How one rule finds targets, and how many synapses each of its sources has.

    Args:
        rule: The rule.
        way: How targets are found.
        counts: Synapses of each source of the rule's view, shape (sources,).
        own: For each source its own index among the targets, when that is left out; else -1.
        stream: Key of the random numbers of targets.
        scale: For `CHANCE`, 1/log(1 - p).
        listed: For `LISTED`, target neurons, source by source.
        created: For `LISTED`, the creation number of each within the rule, when they are not in this order.
    """

    rule: Connect
    way: Way
    counts: IntArray
    own: IntArray
    stream: int = 0
    scale: float = 0.0
    listed: Int32 | None = None
    created: Int32 | None = None

    @property
    def size(self) -> int:
        """Number of synapses."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True)
class Runs:
    """Every source's synapses of every rule, sorted by source and then by rule.

    Args:
        first: Where the runs of each source neuron begin, shape (source group's size + 1,).
        rule: Rule of each run, shape (runs,), like those that follow.
        source: Index of the source within the rule's view.
        own: Index of the target that is left out, or -1.
        count: Number of synapses.
        created: Creation number of the first synapse; its place in the list of targets, where creation numbers are
            listed.
    """

    first: IntArray
    rule: Int32
    source: Int32
    own: Int32
    count: Int32
    created: IntArray


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays of a pathway that differ between synapses, which are sorted by them.

    Args:
        shortest: In steps.
        longest: In steps.
        first: Creation number of the first synapse with the shortest delay.
        starts: Where in each row each delay begins, shape (parts, sources, longest - shortest + 2); or None.
        steps: Delay of each synapse in storage order; None when `starts` tells them and nobody else asks.
    """

    shortest: int
    longest: int
    first: int
    starts: Int32 | None = None
    steps: Array | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """Synapses in storage order: part of the target, source, delay, creation number.

    Args:
        rows: Where the synapses of each source in each part begin, shape (parts, sources + 1).
        post: Target neurons, uint16 or int32, shape (m,).
        variables: Values by name, each of shape (m,).
        delays: Of the pathway they are sorted by, if its delays differ between synapses.
        rule_sizes: Synapses of each rule.
        numbers: Computes the creation number of each synapse; None when they are in this order.
        wrong: Variables with values that are no numbers, and the first synapse (as created) that has one.
    """

    rows: IntArray
    post: Array
    variables: dict[str, Array]
    delays: Delays | None
    rule_sizes: tuple[int, ...]
    numbers: Callable[[], IntArray] | None
    wrong: dict[str, int]


@dataclass(frozen=True, slots=True)
class Order:
    """What is assembled, and how it lies in memory.

    Args:
        synapses: The object.
        graph: The graph of all nodes.
        sources: Neurons of the whole source group.
        bounds: Where the parts of the target group begin and end, shape (parts + 1,).
        variables: What is kept, with kind and array type.
        read: The array of a neuron's variable.
        parameter: The value of a whole number that a kernel asks for by name.
        environment: What fixed graphs are evaluated on.
        threads: How many threads share the work.
    """

    synapses: Synapses
    graph: Graph
    sources: int
    bounds: IntArray
    variables: Mapping[Variable, tuple[Kind, str]]
    read: Callable[[Variable], Array]
    parameter: Callable[[Any], int]
    environment: Environment
    threads: int


def is_large(synapses: Synapses) -> bool:
    """Whether an object has so many synapses that compiling its construction pays, and compiled code can do it."""
    expected = [expected_synapses(rule) for rule in synapses.connect]
    if sum(number or 0 for number in expected) < WORTH_IT:
        return False
    hidden = {s.variable.name for s in synapses.stored} & {"N_incoming"}
    various = [p for p in synapses.pathways if not p.uniform_delay]
    return not hidden and various in ([], [synapses.sorting]) and all(map(supported, wanted_of(synapses)))


def is_listed(rule: Connect) -> bool:
    """Whether the pairs of a rule are held in memory while its object is made."""
    incoming = isinstance(rule.rule, FixedDegree) and rule.rule.of == "in"
    return incoming or _way(rule) is Way.LISTED


def wanted_of(synapses: Synapses) -> list[Wanted]:
    """What to compute for the synapses of each rule."""
    outer = synapses.sorting
    none = outer.delay if outer is not None else None
    lines = synapses.initial
    return [
        Wanted((*lines, *rule.initial), (rule.delay or none or _ZERO) if outer is not None else None)
        for rule in synapses.connect
    ]


def plan(rules: Sequence[Connect], ground: Ground, threads: int) -> list[Partners]:
    """How each rule finds its targets, with the numbers of synapses of all sources."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda rule: _partners(rule, ground), rules))


def _way(rule: Connect) -> Way:
    """How a rule finds partners."""
    match rule.rule:
        case _ if rule.n is not None:
            return Way.LISTED
        case FixedDegree(of="total", multapses=False):
            return Way.LISTED
        case FixedDegree(multapses=multapses):
            return Way.REPEATED if multapses else Way.DIFFERENT
        case OneToOne():
            return Way.SAME
        case All(where=where, p=p) if (p is None or is_fixed(p)) and (where is None or _others(where)):
            return Way.CHANCE if p is not None and 0 < _chance(p) < 1 else Way.EVERY
        case _:
            return Way.LISTED


def _others(where: Node) -> bool:
    """Whether a condition is `i != j`."""
    names = [a.payload.name for a in where.args if isinstance(a.payload, Variable)]
    return where.op is Op.NE and sorted(names) == ["i", "j"]


def _chance(p: Node) -> float:
    return float(evaluate(p, Environment()))


def _partners(rule: Connect, ground: Ground) -> Partners:
    way, key, n = _way(rule), stream_key(rule.stream), rule.source.size
    match rule.rule:
        case FixedDegree(of=of) as fixed if way is not Way.LISTED:
            if of == "in":
                own = own_partners(rule.target, rule.source, allowed=fixed.autapses)
                return _incoming(rule, degrees(rule, fixed, ground), own, ground.seeds)
            own = own_partners(rule.source, rule.target, allowed=fixed.autapses)
            if of == "out":
                return Partners(rule, way, degrees(rule, fixed, ground), own, key)
            counts = _shares(rule, int(evaluate(fixed.number, Environment())), own, ground.seeds)
            return Partners(rule, way, counts, own, stream_key(f"{rule.stream}.1"))
        case All(where=where, p=p) if way is not Way.LISTED:
            own = np.full(n, -1, np.int64)
            if where is not None:
                own[: rule.target.size] = np.arange(n)[: rule.target.size]
            if way is Way.EVERY:
                each = rule.target.size - (own >= 0) if p is None or _chance(p) >= 1 else np.zeros(n, np.int64)
                return Partners(rule, way, each, own)
            assert p is not None
            with np.errstate(all="ignore"):
                scale = 1.0 / float(functions.log1p(np.float64(-_chance(p))))
            return Partners(rule, way, _chances(rule, scale, own, ground.seeds), own, key, scale)
        case OneToOne():
            return Partners(rule, way, np.ones(n, np.int64), np.full(n, -1, np.int64))
    pre, post = connect(rule, ground)
    return _listed(rule, rule.source.places(pre).astype(np.int32), post.astype(np.int32))


def _incoming(rule: Connect, counts: IntArray, own: IntArray, seeds: Seeds) -> Partners:
    """An in-degree: the sources of each target, sorted by source afterwards.

    Args:
        rule: The rule.
        counts: Synapses of each target of the rule's view, shape (targets,).
        own: For each target its own index among the sources, when that is left out; else -1.
        seeds: Of all random numbers.
    """
    n = rule.target.size
    turned = replace(rule, source=everything(rule.target.name, n), target=rule.source)
    partners = Partners(turned, _way(rule), counts, own, stream_key(rule.stream))
    runs = runs_of([partners], n)
    pre = np.empty(partners.size, np.int32)
    arrays = rules_arrays([partners], seeds) | runs_arrays(runs) | room_for_draws(runs, rule.source.size)
    arguments_of(partners.way, arrays | {"target": pre})(0, len(runs.rule))
    post = np.repeat(rule.target.ids.astype(np.int32), counts)
    return _listed(rule, rule.source.places(pre).astype(np.int32), post)


def _listed(rule: Connect, i: Int32, post: Int32) -> Partners:
    """A rule whose pairs (source index, target neuron) are known, in creation order."""
    counts = np.bincount(i, minlength=rule.source.size).astype(np.int64)
    none = np.full(rule.source.size, -1, np.int64)
    if np.all(i[1:] >= i[:-1]):
        return Partners(rule, Way.LISTED, counts, none, listed=post)
    listed, created = np.empty(len(i), np.int32), np.empty(len(i), np.int32)
    at = np.cumsum(counts) - counts
    compiled(kernels.sort_by_source)(n=len(i), source=i, post=post, at=at, listed=listed, created=created)
    return Partners(rule, Way.LISTED, counts, none, listed=listed, created=created)


def runs_of(partners: Sequence[Partners], sources: int) -> Runs:
    """The runs of all rules, by source."""
    neurons, rule, index, own, count, created = ([] for _ in range(6))
    first = listed = 0
    for number, p in enumerate(partners):
        begin = listed if p.created is not None else first
        created.append(begin + np.cumsum(p.counts) - p.counts)
        neurons.append(p.rule.source.ids)
        rule.append(np.full(len(p.counts), number, np.int32))
        index.append(np.arange(len(p.counts), dtype=np.int32))
        own.append(p.own.astype(np.int32))
        count.append(p.counts.astype(np.int32))
        first += p.size
        listed += p.size if p.listed is not None else 0
    columns = [np.concatenate(c) for c in (neurons, rule, index, own, count, created)]
    some = columns[4] > 0
    if not np.all(some):
        columns = [c[some] for c in columns]
    if len(partners) > 1 or not partners[0].rule.source.ascending:
        order = np.argsort(columns[0], kind="stable")
        columns = [c[order] for c in columns]
    begins = np.searchsorted(columns[0], np.arange(sources + 1)).astype(np.int64)
    return Runs(begins, *columns[1:])


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
        "seed": _signed(seeds.connect),
        "sizes": np.array([p.rule.target.size for p in partners], np.int64),
        "streams": np.array([_signed(p.stream) for p in partners], np.int64),
        "scales": np.array([p.scale for p in partners], np.float64),
        "first_ids": np.cumsum(known) - known,
        "ids": np.concatenate(ids).astype(np.int32),
        "shifts": np.where(shuffled, 0, places - first_created),
        "listed": _joined([p.listed for p in lists if p.listed is not None]),
        "shuffled": shuffled.astype(np.uint8),
        "first_created": first_created,
        "listed_created": _joined(created),
        "ways": np.array([p.way for p in partners], np.int64),
    }


def runs_arrays(runs: Runs) -> dict[str, Array]:
    """Runs by the names of arguments."""
    return {
        "run_rule": runs.rule,
        "run_source": runs.source,
        "run_own": runs.own,
        "run_count": runs.count,
        "run_created": runs.created,
    }


def room_for_draws(runs: Runs, targets: int) -> dict[str, Array]:
    """Room to work for one thread, by the names of arguments; the largest rule has so many targets."""
    longest = int(runs.count.max(initial=0))
    return {
        "draws": np.empty(max(kernels.DRAWS, longest + 1)),
        "chosen": np.empty(longest, np.int32),
        "buckets": np.empty(longest + 1, np.int32),
        "seen": np.zeros(targets, np.uint8),
    }


def arguments_of(way: Way, arrays: Mapping[str, Any]) -> Callable[[int, int], None]:
    """The function (first run, the one after the last) that finds the targets of rules that do it in a way."""
    mine = (arrays["ways"] == way).astype(np.uint8)
    return _given(TARGETS[way], {**arrays, "mine": mine}, free=2)


def _given(function: Callable[..., Any], arrays: Mapping[str, Any], *, free: int) -> Callable[..., Any]:
    """A function of `kernels.connect` that is given all but its first arguments, by their names."""
    made = compiled(function)
    return made.given(**{name: arrays[name] for name in made.names[free:]})


class Assembly:
    """The making of all synapses of an object: `survey` first, then `assemble`.

    Args:
        partners: How each rule finds its targets.
        order: What is made of them.
        ground: What rules are evaluated on.
    """

    def __init__(self, partners: Sequence[Partners], order: Order, ground: Ground) -> None:
        self.partners = partners
        self.order = order
        self.parts = len(order.bounds) - 1
        self.runs = runs_of(partners, order.sources)
        self.lengths = np.diff(np.concatenate([[0], np.cumsum(self.runs.count, dtype=np.int64)])[self.runs.first])
        self.size = int(self.lengths.sum())
        self.blocks = _blocks(self.lengths)
        self.ways = sorted({p.way for p in partners})
        self.fixed = rules_arrays(partners, ground.seeds) | runs_arrays(self.runs)
        self.fixed["part_of"] = np.repeat(np.arange(self.parts), np.diff(order.bounds)).astype(np.uint8)
        self.fixed |= {"lengths": self.lengths, "sources": order.sources, "parts": self.parts}
        self.listed = any(p.created is not None for p in partners)
        self.various = order.synapses.sorting is not None
        self.wrong: dict[str, int] = {}
        self.fill: FillKernel | None = None
        if order.variables or self.various:
            self.fill = self.fill_kernel()
            self.fill_native = _kernel(self.fill.text)
            self.fill_tables = self.values_tables(self.fill)
            self.neurons = [self.neuron(variable, kind) for variable, kind in self.fill.neurons]

    def assemble(self, rows: IntArray, delays: Delays | None, *, keep_steps: bool) -> Assembled:
        """Fill the arrays of all synapses.

        Args:
            rows: From the survey.
            delays: From the survey.
            keep_steps: Whether the delay of each synapse is kept even where `starts` tells it.
        """
        variables = {v.name: np.empty(self.size, dtype) for v, (_, dtype) in self.order.variables.items()}
        post, delays = self.place(rows, delays, variables, keep_steps=keep_steps)
        plain = self.parts == 1 and delays is None and len(self.partners) == 1 and not self.listed
        plain = plain and self.partners[0].rule.source.ascending
        sizes = tuple(p.size for p in self.partners)
        number = None if plain else partial(self.numbers, rows, delays)
        return Assembled(rows, post, variables, delays, sizes, number, dict(self.wrong))

    def numbers(self, rows: IntArray, delays: Delays | None) -> IntArray:
        """The creation number of each synapse in storage order, computed again."""
        created = np.empty(self.size, np.int64)
        self.place(rows, delays, {"created": created}, keep_steps=False)
        return created

    # what kernels are told

    def fill_kernel(self) -> FillKernel:
        """The kernel of values: first for delays alone, then for all that is kept."""
        order = self.order
        wanted = wanted_of(order.synapses)
        timing = [Wanted(w.lines, w.delay, kept=False) for w in wanted]
        return fill_kernel(order.graph, order.synapses.path, [*timing, *wanted], order.variables, listed=self.listed)

    def values_tables(self, fill: FillKernel) -> dict[str, Array]:
        """The arrays of the fill kernel that all threads share."""
        order, runs = self.order, self.runs
        floats = _table([[float(evaluate(n, order.environment)) for n in nodes] for nodes in fill.floats], np.float64)
        ints = _table([[order.parameter(value) for value in values] for values in fill.ints], np.int64)
        sizes = np.array([p.rule.source.size for p in self.partners])
        return {
            "numbers": np.array([floats.shape[1], ints.shape[1]], np.int64),
            "all_floats": floats,
            "all_ints": ints,
            "run_rule": runs.rule,
            "run_source": runs.source,
            "run_count": runs.count,
            "run_created": runs.created,
            "source_ids": np.concatenate([p.rule.source.ids for p in self.partners]).astype(np.int32),
            "view_i": _places(order.synapses.source),
            "view_j": _places(order.synapses.target),
            "outgoing": np.append(self.lengths, 0),
            "rules": self.rule_columns(fill, sizes, 0),
            "kept rules": self.rule_columns(fill, sizes, len(sizes)),
        }

    def neuron(self, variable: Variable, kind: Kind) -> Array:
        """The values of a neuron's variable, as the kernel reads them."""
        dtype = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.uint8}[kind]
        return np.ascontiguousarray(self.order.read(variable).astype(dtype))

    def rule_columns(self, fill: FillKernel, sizes: IntArray, first: int) -> IntArray:
        """What the fill kernel is told of each rule; `first` chooses what is computed."""
        table = np.zeros((len(sizes), RULE), np.int64)
        table[:, 0] = fill.structures[first : first + len(sizes)]
        table[:, 1] = first + np.arange(len(sizes))
        table[:, 2] = np.cumsum(sizes) - sizes
        table[:, 3] = [p.created is not None for p in self.partners]
        return table

    # passes

    def survey(self) -> tuple[IntArray, Delays | None]:
        """Where rows begin in each part, and the range of delays."""
        counts = np.zeros(self.parts * self.order.sources, np.int64)
        workers: list[_Worker] = []

        def work(worker: _Worker, block: tuple[int, int]) -> None:
            worker.find_targets(block)
            if self.parts > 1:
                worker.count_parts(*block)
            if self.various:
                worker.fill(block, kept=False)

        if self.parts > 1 or self.various:
            workers = self.each_block(work, Room(counts=counts))
        if self.parts == 1:
            counts[:] = self.lengths
        rows = np.zeros((self.parts, self.order.sources + 1), np.int64)
        rows[:, 1:] = np.cumsum(counts).reshape(self.parts, self.order.sources)
        rows[1:, 0] = rows[:-1, -1]
        if not self.various:
            return rows, None
        if not self.size:
            return rows, Delays(0, 0, 0)
        spans = [w.span.tolist() for w in workers]
        shortest, longest = min(s[0] for s in spans), max(s[1] for s in spans)
        return rows, Delays(shortest, longest, min(s[2] for s in spans if s[0] == shortest))

    def place(
        self, rows: IntArray, delays: Delays | None, filled: Mapping[str, Array], *, keep_steps: bool
    ) -> tuple[Array, Delays | None]:
        """Fill arrays in storage order: targets, delays, and what is asked for (variables, or creation numbers)."""
        post = np.empty(self.size, index_dtype(int(self.order.bounds[-1])))
        room = Room(rows=rows.ravel(), post=post, filled=dict(filled))
        if delays is not None:
            room.shortest, room.width = delays.shortest, delays.longest - delays.shortest + 1
            cells = self.parts * (self.order.sources + 1) * room.width
            if room.width <= WIDEST_TABLE and cells <= max(4 * self.size, 1 << 16):
                room.starts = np.zeros((self.parts, self.order.sources, room.width + 1), np.int32)
            if room.starts is None or keep_steps:
                room.filled["delay"] = np.empty(self.size, np.int32)
        room.numbered = "created" in filled
        kept = any(v.name in filled for v in self.order.variables)

        def work(worker: _Worker, block: tuple[int, int]) -> None:
            worker.find_targets(block)
            if kept or delays is not None:
                worker.fill(block, kept=kept)
            worker.place(block)

        for worker in self.each_block(work, room):
            for name, k in worker.wrong():
                self.wrong[name] = min(k, self.wrong.get(name, k))
        if delays is not None:
            delays = replace(delays, starts=room.starts, steps=room.filled.get("delay"))
        return room.post, delays

    def each_block(self, work: Callable[[_Worker, tuple[int, int]], None], room: Room) -> list[_Worker]:
        """Do something with every block of sources; gives the workers."""
        left: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
        for block in self.blocks:
            left.put(block)
        for _ in range(self.order.threads):
            left.put(None)

        def work_off(worker: _Worker) -> _Worker:
            for block in iter(left.get, None):
                work(worker, block)
            return worker

        workers = [_Worker(self, room) for _ in range(self.order.threads)]
        with ThreadPoolExecutor(self.order.threads) as pool:
            return list(pool.map(work_off, workers))


@dataclass(slots=True)
class Room:
    """The arrays that a pass over all blocks fills.

    Args:
        counts: Synapses of each source in each part.
        rows: Where rows begin.
        post: Targets in storage order.
        starts: Where delays begin in rows; None when no table of them is kept.
        filled: More arrays in storage order, by name: variables, `created`, `delay`.
        shortest: The shortest delay.
        width: How many delays there are from it to the longest.
        numbered: Whether creation numbers are needed although they follow each other.
    """

    counts: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    rows: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    post: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    starts: Int32 | None = None
    filled: dict[str, Array] = field(default_factory=dict)
    shortest: int = 0
    width: int = 1
    numbered: bool = False


class _Worker:
    """What one thread needs: buffers for a block, and functions that are given them."""

    def __init__(self, assembly: Assembly, room: Room) -> None:
        self.assembly = assembly
        lengths = assembly.lengths
        most = max((int(lengths[a:b].sum()) for a, b in assembly.blocks), default=0)
        numbered = room.numbered or assembly.listed
        self.span = np.array([np.iinfo(np.int64).max, -1, np.iinfo(np.int64).max], np.int64)
        self.buffers: dict[str, Array] = {
            "target": np.empty(most, np.int32),
            "created": np.empty(most if numbered else 0, np.int64),
            "delay": np.empty(most, np.int32),
            "place": np.empty(most, np.int64),
        }
        self.values = {v.name: np.empty(most, dtype) for v, (_, dtype) in assembly.order.variables.items()}
        arrays = assembly.fixed | self.buffers
        arrays |= room_for_draws(assembly.runs, max((p.rule.target.size for p in assembly.partners), default=0))
        arrays |= {
            "counts": room.counts,
            "rows": room.rows,
            "starts": room.starts.ravel() if room.starts is not None else np.zeros(0, np.int32),
            "tabled": room.starts is not None,
            "shortest": room.shortest,
            "width": room.width,
            "cell": np.empty(most, np.int32),
            "at": np.zeros(assembly.parts * room.width, np.int64),
            "post": room.post,
        }
        self.finds = [arguments_of(way, arrays) for way in assembly.ways]
        if numbered:
            self.finds.append(_given(kernels.creation_numbers, arrays, free=2))
        self.arrays = arrays
        self.filled = room.filled
        self.first_nan: list[IntArray] = []
        if assembly.fill is not None:
            self.prepare_fill(assembly.fill, int(assembly.runs.count.max(initial=0)))

    @cached_property
    def count_parts(self) -> Callable[[int, int], None]:
        """Count the synapses of a block in each part."""
        return _given(kernels.count_parts, self.arrays, free=2)

    @cached_property
    def place_rows(self) -> Callable[[int, int], None]:
        """Find the places of a block, and put its targets there."""
        return _given(kernels.place_rows, self.arrays, free=2)

    @cached_property
    def copies(self) -> list[Callable[[int], None]]:
        """Put a block's values in their places."""
        made, place = self.buffers | self.values, self.buffers["place"]
        copy = compiled(kernels.copy_to_places)
        return [copy.given(place=place, values=made[name], out=out) for name, out in self.filled.items()]

    def find_targets(self, block: tuple[int, int]) -> None:
        """Find the targets of a block, and their creation numbers if they are needed."""
        first, last = self.runs_of(block)
        for find in self.finds:
            find(first, last)

    def place(self, block: tuple[int, int]) -> None:
        """Put a block in its place."""
        first, last = block
        self.place_rows(first, last)
        n = int(self.assembly.lengths[first:last].sum())
        for copy in self.copies:
            copy(n)

    def runs_of(self, block: tuple[int, int]) -> tuple[int, int]:
        """The first run of a block, and the one after its last."""
        first, last = self.assembly.runs.first[list(block)].tolist()
        return first, last

    def wrong(self) -> list[tuple[str, int]]:
        """Variables that got a NaN, and the first synapse that did."""
        return [(name, int(k[0])) for name, k in zip(self.values, self.first_nan, strict=False) if k[0] >= 0]

    def prepare_fill(self, fill: FillKernel, longest: int) -> None:
        own = {
            "target": self.buffers["target"],
            "created": self.buffers["created"],
            "delay": self.buffers["delay"],
            "steps": np.empty(longest, np.int64),
            "span": self.span,
            "c": np.zeros(max((len(f) for f in fill.floats), default=0)),
            "q": np.zeros(max((len(f) for f in fill.ints), default=0), np.int64),
        }
        self.first_nan = [np.array([-1], np.int64) for _ in self.values]
        pairs = [a for pair in zip(self.values.values(), self.first_nan, strict=True) for a in pair]
        draws = [np.empty(longest + 3) for _ in range(fill.draws)]
        arrays = {**self.assembly.fill_tables, **own}
        self.fill_arrays = [*(arrays[name] for name, _ in FILL_TABLE), *pairs, *draws, *self.assembly.neurons]
        self.fill_table = _addresses(self.fill_arrays)
        self.kept_table = self.fill_table.copy()
        self.kept_table[[name for name, _ in FILL_TABLE].index("rules")] = arrays["kept rules"].ctypes.data

    def fill(self, block: tuple[int, int], *, kept: bool) -> None:
        """Compute the values of a block, or only its delays."""
        first, last = self.runs_of(block)
        self.assembly.fill_native.advance(first, last - first, self.kept_table if kept else self.fill_table)


def _blocks(lengths: IntArray) -> list[tuple[int, int]]:
    """Ranges of sources with about `BLOCK` synapses each."""
    ends = np.cumsum(lengths)
    cuts = np.searchsorted(ends, np.arange(BLOCK, int(lengths.sum()), BLOCK), side="left") + 1
    return list(pairwise(np.unique(np.concatenate([[0], cuts, [len(lengths)]])).tolist()))


def _shares(rule: Connect, number: int, own: IntArray, seeds: Seeds) -> IntArray:
    """How many synapses of a fixed total each source gets."""
    counts = np.zeros(rule.source.size, np.int64)
    compiled(kernels.share)(
        number=number,
        sources=rule.source.size,
        targets=rule.target.size,
        seed=_signed(seeds.connect),
        stream=_signed(stream_key(rule.stream)),
        own=own,
        draws=np.empty(kernels.DRAWS),
        counts=counts,
    )
    return counts


def _chances(rule: Connect, scale: float, own: IntArray, seeds: Seeds) -> IntArray:
    """How many partners each source has by chance."""
    counts = np.zeros(rule.source.size, np.int64)
    compiled(kernels.count_by_chance)(
        sources=rule.source.size,
        targets=rule.target.size,
        seed=_signed(seeds.connect),
        stream=_signed(stream_key(rule.stream)),
        scale=scale,
        own=own,
        draws=np.empty(kernels.DRAWS),
        counts=counts,
    )
    return counts


def _joined(parts: Sequence[Int32]) -> Int32:
    """One array; a single one is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.int32), *parts])


def _kernel(text: str) -> NativeKernel | PythonKernel:
    return NativeKernel(obtain(text).object) if compiles() else PythonKernel(text)


def _addresses(arrays: Sequence[Array]) -> IntArray:
    assert all(a.flags.c_contiguous for a in arrays)
    return np.array([a.ctypes.data for a in arrays], np.int64)


def _table(rows: Sequence[Sequence[float]], dtype: Any) -> Array:
    """Rows of unequal length as one array, filled up with zeros."""
    table = np.zeros((len(rows), max((len(row) for row in rows), default=0)), dtype)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def _places(view: NeuronSubset) -> Int32:
    """For each neuron of a group up to the view's last, its index within the view."""
    ids = view.ids
    places = np.zeros(int(ids.max(initial=-1)) + 1, np.int32)
    places[ids] = np.arange(view.size)
    return places


def index_dtype(size: int) -> Any:
    """The narrowest type for neurons of a group of a size."""
    return np.uint16 if index_type(size) is CType.U16 else np.int32


def _signed(value: int) -> int:
    """A 64-bit pattern as a signed number."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - 2**64 if value >= 2**63 else value
