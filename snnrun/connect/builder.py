"""The synapses of an object: made by its rules, given their values, and sorted for delivery.

Pairs, creation numbers and places come from the functions of `kernels.connect`, for all sizes. Values do not: from
`WORTH_IT` synapses on a kernel of the model's own expressions computes them (`codegen.fills`), a block of sources at a
time, so that nothing is kept for a synapse but what a run needs. Below, numpy evaluates them in creation order: to
compile that kernel takes about 0.7 s for each new model, and numpy 0.3 s for 500,000 synapses with a normal weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from queue import SimpleQueue
from typing import Any

import numpy as np

from snnrun.codegen.arguments import CType, index_type
from snnrun.codegen.cache import obtain
from snnrun.codegen.fills import RULE, FillKernel, Wanted, fill_kernel, supported
from snnrun.codegen.fills import TABLE as FILL_TABLE
from snnrun.codegen.native import NativeKernel, PythonKernel, compiles
from snnrun.connect.connectivity import Connectivity, Delays
from snnrun.connect.partners import plan
from snnrun.connect.runs import Array, Int32, Partners, TargetFinder, blocks_of, given, places
from snnrun.equations.dag import Graph, Kind, Variable
from snnrun.kernels import connect as kernels
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.expected import expected_synapses
from snnrun.model.network import MULTISYNAPTIC, IntArray, Synapses
from snnrun.model.rule_values import Ground

BLOCK = 1 << 16  # synapses made together: their buffers stay in the second-level cache
WIDEST_TABLE = 256  # delays, from the shortest to the longest, that are told by where each begins in a row

WORTH_IT = 500_000  # synapses from which on compiling (once) takes no longer than numpy
_ZERO = Graph().literal(0)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What is built, and how it lies in memory.

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
    """Whether an object has so many synapses that compiling their values pays, and compiled code can compute them."""
    if {synapses.source.section, synapses.target.section} != {"groups"} or synapses.links:
        return False
    if any(s.variable.shared for s in synapses.stored):
        return False
    expected = [expected_synapses(rule) for rule in synapses.connect]
    if sum(number or 0 for number in expected) < WORTH_IT:
        return False
    hidden = {s.variable.name for s in synapses.stored} & {"N_incoming", MULTISYNAPTIC}
    various = [p for p in synapses.pathways if not p.uniform_delay]
    return not hidden and various in ([], [synapses.sorting]) and all(map(supported, wanted_of(synapses)))


def wanted_of(synapses: Synapses) -> list[Wanted]:
    """What to compute for the synapses of each rule."""
    outer = synapses.sorting
    none = outer.delay if outer is not None else None
    lines = synapses.initial
    return [
        Wanted((*lines, *rule.initial), (rule.delay or none or _ZERO) if outer is not None else None)
        for rule in synapses.connect
    ]


def connect(synapses: Synapses, ground: Ground, sources: int, threads: int = 1) -> Connectivity:
    """Carry out all connection rules of an object: its synapses by source, in one part.

    Args:
        synapses: The object.
        ground: What its rules are evaluated on.
        sources: Neurons of the whole source group.
        threads: How many threads may share the work.
    """
    finder = TargetFinder(plan(synapses.connect, ground, threads), sources, ground.seeds)
    post = np.empty(finder.size, np.int32)
    created = None if finder.in_order else np.empty(finder.size, np.int64)
    finder.into(post, created)(0, sources)
    if created is not None and np.array_equal(created, np.arange(len(created))):
        created = None
    rows = np.concatenate([[0], np.cumsum(finder.lengths)])[None, :]
    sizes = tuple(p.size for p in finder.partners)
    return Connectivity(rows, post, created, sizes, synapses.source, synapses.target)


def sort_for_delivery(
    made: Connectivity, bounds: IntArray, delays: IntArray | None, place: IntArray | None = None
) -> Connectivity:
    """Sort the synapses of an object by the part that their target is in, by source, and by delay.

    Args:
        made: Synapses in one part, sorted by source.
        bounds: First target of each part, and the end of the last, shape (parts + 1,).
        delays: Delay of each synapse in creation order, shape (m,), where it counts. [steps]
        place: Where targets that are synapses are stored, which is what `bounds` counts; None for neurons.
    """
    if len(bounds) == 2 and delays is None:
        return made
    steps, found = np.zeros(0, np.int32), None
    if delays is not None:
        steps = delays[made.created].astype(np.int32)
        shortest, longest = (int(delays.min()), int(delays.max())) if len(delays) else (0, 0)
        found = Delays(shortest, longest, int(np.argmin(delays)) if len(delays) else 0)
    lengths = np.diff(made.rows[0])
    counts = np.zeros((len(bounds) - 1, len(lengths)), np.int64)
    counting = parts_arrays(lengths, bounds, place) | {"target": made.post, "counts": counts.reshape(-1)}
    given(kernels.count_parts, counting, free=2, work=made.size // 8)(0, len(lengths))
    rows = rows_of(counts)
    placing = Placing(lengths, bounds, rows, found, np.int32, place)
    block = placing.buffers(made.size, len(lengths)) | {"target": made.post, "delay": steps}
    placing.of(block)(0, len(lengths))
    order = np.empty(made.size, np.int64)
    order[block["place"]] = made.created
    if found is not None:
        stored = np.empty(made.size, np.int32)
        stored[block["place"]] = steps
        found = replace(found, starts=placing.starts, steps=stored)
    return replace(made, rows=rows, post=placing.post, numbers=order, delays=found)


def rows_of(counts: IntArray) -> IntArray:
    """Where the synapses of each source begin in each part, from their numbers, shape (parts, sources) of both."""
    rows = np.zeros((counts.shape[0], counts.shape[1] + 1), np.int64)
    rows[:, 1:] = np.cumsum(counts).reshape(counts.shape)
    rows[1:, 0] = rows[:-1, -1]
    return rows


def parts_arrays(lengths: IntArray, bounds: IntArray, place: IntArray | None = None) -> dict[str, Any]:
    """What `kernels.connect` is told of sources and of the parts of the target group, by the names of its arguments."""
    parts = len(bounds) - 1
    part_of = np.repeat(np.arange(parts), np.diff(bounds)).astype(np.uint8)
    part_of = part_of if place is None else part_of[place]
    return {"part_of": part_of, "lengths": lengths, "sources": len(lengths), "parts": parts}


class Placing:
    """The sorting by part, source, delay and creation: where synapses go, and their targets there.

    Args:
        lengths: Synapses of each source, shape (sources,).
        bounds: Where the parts of the target group begin and end, shape (parts + 1,).
        rows: Where the synapses of each source begin in each part, shape (parts, sources + 1).
        delays: Of the pathway that sorts them; None when its delays do not differ.
        dtype: Of `post`.
        place: Where targets that are synapses are stored; None for neurons.

    Attributes:
        post: Targets in storage order.
        starts: Where delays begin in rows; None when no table of them is kept, as it would be too large.
    """

    def __init__(
        self,
        lengths: IntArray,
        bounds: IntArray,
        rows: IntArray,
        delays: Delays | None,
        dtype: Any,
        place: IntArray | None = None,
    ) -> None:
        self.size = int(lengths.sum())
        self.width = 0 if delays is None else delays.width
        self.post: Array = np.empty(self.size, dtype)
        self.starts: Int32 | None = None
        self.arrays = parts_arrays(lengths, bounds, place)
        self.arrays |= {"rows": rows.reshape(-1), "post": self.post, "ordered": delays is not None}
        if delays is not None:
            self.arrays |= {"shortest": delays.shortest, "width": delays.width}
            if delays.width <= WIDEST_TABLE and rows.size * delays.width <= max(4 * self.size, 1 << 16):
                self.starts = np.zeros((len(rows), len(lengths), delays.width + 1), np.int32)

    def buffers(self, most: int, sources: int) -> dict[str, Array]:
        """Room for blocks of at most so many synapses and sources."""
        return {
            "cell": np.empty(most, np.int32),
            "order": np.empty(most if self.width else 0, np.int32),
            "at": np.zeros(max(self.arrays["parts"] * sources, self.width + 1), np.int64),
            "place": np.empty(most, np.int64),
        }

    def of(self, block: Mapping[str, Any]) -> Callable[[int, int], None]:
        """What puts the synapses of a block of sources in their places.

        Args:
            block: From `buffers`, with `target` and, where they differ, `delay` of the block's synapses.
        """
        arrays, lengths = {**self.arrays, **block}, self.arrays["lengths"]
        place_rows = given(kernels.place_rows, arrays, free=2, work=self.size // 8)
        order = table = None
        if self.width:
            order = given(kernels.order_by_delay, arrays, free=1, work=self.size // 8)
        if self.starts is not None:
            arrays["starts"] = self.starts.reshape(-1)
            table = given(kernels.table_delays, arrays, free=2, work=max(self.size, self.starts.size) // 8)

        def place(first: int, last: int) -> None:
            if order is not None:
                order(int(lengths[first:last].sum()))
            place_rows(first, last)
            if table is not None:
                table(first, last)

        return place


class Builder:
    """The making of many synapses with their values by compiled code: `survey` first, then `build`.

    Blocks of sources do not see each other, so threads share them.

    Args:
        request: What is built.
        ground: What rules are evaluated on.

    Attributes:
        wrong: Variables with values that are no numbers, and the first synapse (as created) that has one.
    """

    def __init__(self, request: BuildRequest, ground: Ground) -> None:
        self.request = request
        self.partners: Sequence[Partners] = plan(request.synapses.connect, ground, request.threads)
        self.finder = TargetFinder(self.partners, request.sources, ground.seeds)
        self.lengths = self.finder.lengths
        self.size = self.finder.size
        self.parts = len(request.bounds) - 1
        self.blocks = blocks_of(self.lengths, BLOCK)
        self.various = request.synapses.sorting is not None
        self.wrong: dict[str, int] = {}
        self.fill: FillKernel | None = None
        if request.variables or self.various:
            self.fill = self.fill_kernel()
            self.fill_native = _kernel(self.fill.text)
            self.fill_tables = self.values_tables(self.fill)
            self.neurons = [self.neuron(variable, kind) for variable, kind in self.fill.neurons]

    def build(
        self, rows: IntArray, delays: Delays | None, *, keep_steps: bool
    ) -> tuple[Connectivity, dict[str, Array]]:
        """Fill the arrays of all synapses.

        Args:
            rows: From the survey.
            delays: From the survey.
            keep_steps: Whether the delay of each synapse is kept even where `starts` tells it.

        Returns:
            The synapses, and the values of variables by name in storage order, shape (m,) each.
        """
        variables = {v.name: np.empty(self.size, dtype) for v, (_, dtype) in self.request.variables.items()}
        steps = None
        placing = self.placing(rows, delays)
        if delays is not None and (placing.starts is None or keep_steps):
            steps = np.empty(self.size, np.int32)
        self.place(placing, variables if steps is None else variables | {"delay": steps})
        if delays is not None:
            delays = replace(delays, starts=placing.starts, steps=steps)
        plain = self.parts == 1 and delays is None and self.finder.in_order
        sizes = tuple(p.size for p in self.partners)
        numbers = None if plain else partial(self.numbers, rows, delays)
        source, target = self.request.synapses.source, self.request.synapses.target
        return Connectivity(rows, placing.post, numbers, sizes, source, target, delays), variables

    def numbers(self, rows: IntArray, delays: Delays | None) -> IntArray:
        """The creation number of each synapse in storage order, computed again."""
        created = np.empty(self.size, np.int64)
        self.place(self.placing(rows, delays), {"created": created})
        return created

    # what kernels are told

    def fill_kernel(self) -> FillKernel:
        """The kernel of values: first for delays alone, then for all that is kept."""
        request = self.request
        wanted = wanted_of(request.synapses)
        timing = [Wanted(w.lines, w.delay, kept=False) for w in wanted]
        return fill_kernel(
            request.graph, request.synapses.path, [*timing, *wanted], request.variables, listed=self.finder.shuffled
        )

    def values_tables(self, fill: FillKernel) -> dict[str, Array]:
        """The arrays of the fill kernel that all threads share."""
        request, runs = self.request, self.finder.runs
        floats = _table([[float(evaluate(n, request.environment)) for n in nodes] for nodes in fill.floats], np.float64)
        ints = _table([[request.parameter(value) for value in values] for values in fill.ints], np.int64)
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
            "view_i": places(request.synapses.source),
            "view_j": places(request.synapses.target),
            "outgoing": np.append(self.lengths, 0),
            "rules": self.rule_columns(fill, sizes, 0),
            "kept rules": self.rule_columns(fill, sizes, len(sizes)),
        }

    def neuron(self, variable: Variable, kind: Kind) -> Array:
        """The values of a neuron's variable, as the kernel reads them."""
        dtype = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.uint8}[kind]
        return np.ascontiguousarray(self.request.read(variable).astype(dtype))

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
        counts = np.zeros((self.parts, self.request.sources), np.int64)
        workers: list[_Worker] = []

        def work(worker: _Worker, block: tuple[int, int]) -> None:
            worker.find_targets(*block)
            if self.parts > 1:
                worker.count_parts(*block)
            if self.various:
                worker.fill(*block, kept=False)

        if self.parts > 1 or self.various:
            workers = self.each_block(work, counts=counts)
        if self.parts == 1:
            counts[0] = self.lengths
        rows = rows_of(counts)
        if not self.various:
            return rows, None
        if not self.size:
            return rows, Delays(0, 0, 0)
        spans = [w.span.tolist() for w in workers]
        shortest, longest = min(s[0] for s in spans), max(s[1] for s in spans)
        return rows, Delays(shortest, longest, min(s[2] for s in spans if s[0] == shortest))

    def placing(self, rows: IntArray, delays: Delays | None) -> Placing:
        """A pass that fills arrays in storage order."""
        dtype = index_dtype(int(self.request.bounds[-1]))
        return Placing(self.lengths, self.request.bounds, rows, delays, dtype)

    def place(self, placing: Placing, filled: Mapping[str, Array]) -> None:
        """Fill arrays in storage order: targets, and what is asked for by name: variables, `delay`, `created`."""
        kept = any(v.name in filled for v in self.request.variables)

        def work(worker: _Worker, block: tuple[int, int]) -> None:
            worker.find_targets(*block)
            if kept or placing.width:
                worker.fill(*block, kept=kept)
            worker.place(*block)

        for worker in self.each_block(work, placing, filled):
            for name, k in worker.wrong():
                self.wrong[name] = min(k, self.wrong.get(name, k))

    def each_block(
        self,
        work: Callable[[_Worker, tuple[int, int]], None],
        placing: Placing | None = None,
        filled: Mapping[str, Array] | None = None,
        counts: Array | None = None,
    ) -> list[_Worker]:
        """Do something with every block of sources; gives the workers."""
        left: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
        for block in self.blocks:
            left.put(block)
        for _ in range(self.request.threads):
            left.put(None)

        def work_off(worker: _Worker) -> _Worker:
            for block in iter(left.get, None):
                work(worker, block)
            return worker

        workers = [_Worker(self, placing, filled or {}, counts) for _ in range(self.request.threads)]
        with ThreadPoolExecutor(self.request.threads) as pool:
            return list(pool.map(work_off, workers))


class _Worker:
    """What one thread needs: buffers for a block, and functions that are given them."""

    def __init__(
        self, builder: Builder, placing: Placing | None, filled: Mapping[str, Array], counts: Array | None
    ) -> None:
        self.builder = builder
        self.placing = placing
        self.filled = filled
        self.counts = counts
        blocks, lengths = builder.blocks, builder.lengths
        most = max((int(lengths[a:b].sum()) for a, b in blocks), default=0)
        sources = max((b - a for a, b in blocks), default=0)
        numbered = "created" in filled or builder.finder.shuffled
        self.span = np.array([np.iinfo(np.int64).max, -1, np.iinfo(np.int64).max], np.int64)
        self.buffers: dict[str, Array] = {
            "target": np.empty(most, np.int32),
            "created": np.empty(most if numbered else 0, np.int64),
            "delay": np.empty(most, np.int32),
        }
        if placing is not None:
            self.buffers |= placing.buffers(most, sources)
        self.values = {v.name: np.empty(most, dtype) for v, (_, dtype) in builder.request.variables.items()}
        self.find_targets = builder.finder.into(self.buffers["target"], self.buffers["created"] if numbered else None)
        self.first_nan: list[IntArray] = []
        if builder.fill is not None:
            self.prepare_fill(builder.fill, builder.finder.runs.longest)

    @cached_property
    def count_parts(self) -> Callable[[int, int], None]:
        """Count the synapses of a block in each part."""
        assert self.counts is not None
        arrays = parts_arrays(self.builder.lengths, self.builder.request.bounds) | self.buffers
        arrays["counts"] = self.counts.reshape(-1)
        return given(kernels.count_parts, arrays, free=2, work=self.builder.size // 8)

    @cached_property
    def place_rows(self) -> Callable[[int, int], None]:
        """Find the places of a block, and put its targets there."""
        assert self.placing is not None
        return self.placing.of(self.buffers)

    @cached_property
    def copies(self) -> list[Callable[[int], None]]:
        """Put a block's values in their places."""
        made, place = self.buffers | self.values, self.buffers["place"]
        arrays = [{"place": place, "values": made[name], "out": out} for name, out in self.filled.items()]
        return [given(kernels.copy_to_places, a, free=1, work=self.builder.size // 8) for a in arrays]

    def place(self, first: int, last: int) -> None:
        """Put a block in its place."""
        self.place_rows(first, last)
        n = int(self.builder.lengths[first:last].sum())
        for copy in self.copies:
            copy(n)

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
        }
        self.first_nan = [np.array([-1], np.int64) for _ in self.values]
        pairs = [a for pair in zip(self.values.values(), self.first_nan, strict=True) for a in pair]
        draws = [np.empty(longest + 3) for _ in range(fill.draws)]
        arrays = {**self.builder.fill_tables, **own}
        self.fill_arrays = [*(arrays[name] for name, _ in FILL_TABLE), *pairs, *draws, *self.builder.neurons]
        self.fill_table = _addresses(self.fill_arrays)
        self.kept_table = self.fill_table.copy()
        self.kept_table[[name for name, _ in FILL_TABLE].index("rules")] = arrays["kept rules"].ctypes.data

    def fill(self, first: int, last: int, *, kept: bool) -> None:
        """Compute the values of a block, or only its delays."""
        begin, end = self.builder.finder.runs.first[[first, last]].tolist()
        self.builder.fill_native.advance(begin, end - begin, self.kept_table if kept else self.fill_table)


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


def index_dtype(size: int) -> Any:
    """The narrowest type for neurons of a group of a size."""
    return np.uint16 if index_type(size) is CType.U16 else np.int32
