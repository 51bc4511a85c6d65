"""Synapses in memory: made by `connect`, then laid out as kernels look them up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from snnrun.codegen.arguments import ArrayKey, ArrayUse, CType, IntUse
from snnrun.connect.builder import Builder, BuildRequest, connect, is_large, sort_for_delivery
from snnrun.connect.connectivity import Connectivity, Delays, connectivity_key, pointers
from snnrun.engine.allocation import Allocation
from snnrun.engine.cache import RunCache
from snnrun.engine.dendrites import dendritic_steps, make_rings
from snnrun.engine.moving import make_lists
from snnrun.engine.parameters import integer_of
from snnrun.engine.postponed import make_room
from snnrun.engine.ranges import make_ranges
from snnrun.engine.start import begin_synapses
from snnrun.engine.values import STORED, Array, Built, SynapseValues, problem, read_neurons
from snnrun.equations.dag import Kind, variables_of
from snnrun.kernels.arithmetic import Precision
from snnrun.model.evaluate import Environment
from snnrun.model.expected import expected_synapses
from snnrun.model.network import (
    LONGEST_DELAY,
    ConnectivityMonitor,
    IntArray,
    Network,
    NeuronSubset,
    Pathway,
    Stored,
    SynapseEventMonitor,
    Synapses,
    adds_the_same,
    with_counted_ends,
)
from snnrun.model.rule_values import Ground
from snnrun.source import Span

RING_BELOW = 20  # synapses of a source with the same delay, on average, up to which a ring of sums is cheaper
BAND_BYTES = 1 << 16  # of the variables of a band of targets, about the size of a first-level cache
SHORTEST_ROW = 500  # synapses of a source in a band, on average, for which it pays to visit a row once more
MOST_PARTS = 255  # of all threads


class SynapsesBuilder:
    """Builds the synapses of a network.

    Args:
        allocation: Where they are put; the neurons are there.
        cache: Connections that other networks may share.
    """

    def __init__(self, allocation: Allocation, cache: RunCache) -> None:
        self.allocation = allocation
        self.network = allocation.network
        self.built = allocation.built
        self.arrays = allocation.arrays
        self.numbers = allocation.numbers
        self.depths = allocation.depths
        self.types = allocation.types
        self.put = allocation.put
        self.share = allocation.share
        self.view = allocation.view
        self.cache = cache

    def build(self, synapses: Synapses) -> None:
        """Make the pairs, the values and the delays of the synapses of an object."""
        n = self.network
        path = synapses.path
        synapses = with_counted_ends(synapses, self.size_of)
        ground = Ground(path, partial(read_neurons, self.built), n.seeds, n.dt, dict(n.arrays))
        bounds = self.arrays[ArrayUse.BOUNDS.of(synapses.target.path)]
        if not synapses.divisible:  # all of it is done by the first thread
            bounds = np.array([0, *[bounds[-1]] * n.threads])
        bands = self.bands(synapses, bounds)
        self.numbers[IntUse.BANDS.of(path)] = bands
        bounds = divided(bounds, bands)
        if is_large(synapses):
            self.build_many(synapses, ground, bounds)
        else:
            self.build_few(synapses, ground, bounds)
        made = self.built.connectivity[synapses.name]
        self.numbers[IntUse.N.of(path)] = made.size
        firsts = np.append(made.rows[::bands, 0], made.size)
        self.share(path, firsts)
        self.put(ArrayUse.BOUNDS.of(path), firsts)
        self.view(f"{path}.source", synapses.source)
        self.view(f"{path}.target", synapses.target)
        put_ends(self.allocation, synapses)
        self.put(ArrayUse.ROWS.of(path), made.rows.reshape(n.threads, -1))
        if n.start is not None:
            values = SynapseValues(self.built, n, synapses, made)
            values.load()
            begin_synapses(n.start, values)
            values.keep()
        make_room(self.allocation, synapses, made.rows, self.size_of(synapses.target))
        if any(use.of(path) in self.types for use in (ArrayUse.COLUMNS, ArrayUse.COLUMN_ORDER)):
            for key, array in columns(made, synapses, self.size_of(synapses.target), self.types).items():
                self.put(key, array)

    def size_of(self, end: NeuronSubset) -> int:
        """Number of elements of the whole object that an end belongs to."""
        return self.numbers[IntUse.N.of(end.path)]

    def bands(self, synapses: Synapses, bounds: IntArray) -> int:
        """Into how many bands the targets of each thread are divided, so that their variables stay in the cache."""
        reached = {
            variable.name
            for pathway in synapses.pathways
            if not pathway.post
            for variable in (*variables_of(*pathway.block.values), *(a.variable for a in pathway.block.assignments))
            if variable.reach == "post" and not variable.shared and variable.name != "not_refractory"  # one byte
        }
        if not synapses.banded or not reached:
            return 1
        sources = sum(rule.source.size for rule in synapses.connect)
        row = sum(expected_synapses(rule) or 0 for rule in synapses.connect) / max(1, sources * self.network.threads)
        wide = np.diff(bounds).max() * len(reached) * (4 if self.network.precision is Precision.SINGLE else 8)
        return int(max(1, min(-(-wide // BAND_BYTES), row // SHORTEST_ROW, MOST_PARTS // self.network.threads)))

    def build_few(self, synapses: Synapses, ground: Ground, bounds: IntArray) -> None:
        """Make synapses whose values numpy computes, in creation order, and sort them."""
        n, path = self.network, synapses.path
        key = connectivity_key(synapses, n)
        sources = self.size_of(synapses.source)
        made = self.cache.connectivity(key, lambda: connect(synapses, ground, sources, n.threads))
        values = SynapseValues(self.built, n, synapses, made)
        values.start()
        delays = {pathway.key: values.delays(pathway) for pathway in synapses.pathways}
        values.arrays |= {name: delays[pathway.key] for name, pathway in synapses.moving.items()}
        for pathway in synapses.pathways:
            self.check_delays(pathway, delays[pathway.key])
        sorting = delays[synapses.sorting.key] if synapses.sorting else None
        made = sort_for_delivery(made, bounds, sorting, place_of(self.built, synapses.target))
        values.connectivity = self.built.connectivity[synapses.name] = made
        for stored in synapses.stored:
            array = values.stored(stored.variable.name)
            self.put(ArrayUse.VARIABLE.of(path, stored.variable.name), array.astype(STORED[stored.kind]))
        for link in synapses.links:
            self.put(ArrayUse.VARIABLE.of(path, link.variable.name), values.stored(link.variable.name))
        for pathway in synapses.pathways:
            self.keep_delays(synapses, pathway, delays[pathway.key])

    def build_many(self, synapses: Synapses, ground: Ground, bounds: IntArray) -> None:
        """Make many synapses with their values by compiled code, straight into their places."""
        n, path = self.network, synapses.path
        env = Environment(dt=n.dt, seeds=n.seeds, arrays=n.arrays)
        request = BuildRequest(
            synapses=synapses,
            graph=n.graph,
            sources=self.size_of(synapses.source),
            bounds=bounds,
            variables={s.variable: (s.kind, self.dtype_of(s).str[1:]) for s in synapses.stored},
            read=self.built.variable,
            parameter=lambda value: integer_of(value, env, n, self.numbers),
            environment=env,
            threads=n.threads,
        )
        builder = Builder(request, ground)
        rows, delays = builder.survey()
        if delays is not None:
            assert synapses.sorting is not None
            self.check_delay(synapses.sorting, delays.shortest, delays.first, delays.longest)
        keep = self.uses_ring(synapses, builder.size, delays) or shows_delays(self.network, synapses)
        made, variables = builder.build(rows, delays, keep_steps=keep)
        for name, k in builder.wrong.items():
            raise problem(
                "NET142", f"the value of `{name}` is not a number (NaN) at index {k}", line_of(synapses, name)
            )
        self.built.connectivity[synapses.name] = made
        for name, array in variables.items():
            self.put(ArrayUse.VARIABLE.of(path, name), array)
        for pathway in synapses.pathways:
            steps = None
            if pathway is not synapses.sorting:
                steps = SynapseValues(self.built, n, synapses, made).delays(pathway)
                self.check_delays(pathway, steps)
            if pathway.moving is not None and steps is not None:
                self.put(ArrayUse.VARIABLE.of(path, pathway.moving.name), steps[made.created])
            self.keep_delays(synapses, pathway, steps)

    def dtype_of(self, stored: Stored) -> np.dtype[Any]:
        """The type that holds a variable."""
        single = stored.kind is Kind.FLOAT and self.network.precision is Precision.SINGLE
        return np.dtype(np.float32 if single else STORED[stored.kind])

    def check_delays(self, pathway: Pathway, steps: IntArray) -> None:
        """Refuse impossible delays, given in creation order."""
        if len(steps):
            self.check_delay(pathway, int(steps.min()), int(np.argmin(steps)), int(steps.max()))

    def check_delay(self, pathway: Pathway, shortest: int, at: int, longest: int) -> None:
        """Refuse impossible delays.

        Args:
            pathway: Whose they are.
            shortest: The shortest in steps.
            at: The first synapse, as created, that has it.
            longest: The longest in steps.
        """
        dt = self.network.dt
        if shortest < 0:
            raise problem("NET174", f"the delay of synapse {at} is negative: {shortest * dt:g} s", pathway.span)
        if longest > LONGEST_DELAY:
            message = f"the delay {longest * dt:g} s is too long (over a million steps), or not a number"
            raise problem("NET174", message, pathway.span)

    def keep_range(self, synapses: Synapses, pathway: Pathway, shortest: int, longest: int) -> None:
        """Tell the kernel the range of delays of a pathway, and how long events are kept."""
        owner = synapses.pathway_path(pathway)
        source = synapses.trigger(pathway).path
        self.depths[source] = max(self.depths[source], longest + 2)
        if pathway.uniform_delay:
            self.numbers[IntUse.DELAY.of(owner)] = longest
        else:
            self.numbers[IntUse.LONGEST.of(owner)] = longest
            self.numbers[IntUse.SHORTEST.of(owner)] = shortest

    def keep_delays(self, synapses: Synapses, pathway: Pathway, steps: IntArray | None) -> None:
        """Store delays as the kernel looks them up.

        Args:
            synapses: The object, whose connectivity is there.
            pathway: Whose delays they are.
            steps: In creation order, one entry when all are equal; not read for the pathway that sorts the synapses.
        """
        owner, made = synapses.pathway_path(pathway), self.built.connectivity[synapses.name]
        if pathway.dendritic is not None:
            steps_on = dendritic_steps(self.built, synapses, pathway, pathway.dendritic)
            self.check_delays(pathway, steps_on)
            make_rings(self.built, self.put, self.types, synapses, owner, steps_on)
        if pathway.moving is not None:
            make_lists(self.built, self.put, owner, made.size)
            return
        if pathway is synapses.sorting:
            assert made.delays is not None
            self.keep_sorted_delays(synapses, pathway, made, made.delays)
            return
        assert steps is not None
        longest, shortest = (int(steps.max()), int(steps.min())) if len(steps) else (0, 0)
        self.keep_range(synapses, pathway, shortest, longest)
        if pathway.uniform_delay:
            return
        stored = steps[made.created]
        ends = (made.post,) if pathway.post else (made.pre, self.thread_of(made))
        order = np.lexsort((made.created, stored, *ends)).astype(np.int64)
        self.put(ArrayUse.DELAY_ORDER.of(owner), order)
        self.put(ArrayUse.DELAYS.of(owner), stored[order].astype(np.int32))

    def keep_sorted_delays(self, synapses: Synapses, pathway: Pathway, made: Connectivity, delays: Delays) -> None:
        """Store the delays that synapses are sorted by."""
        owner, threads = synapses.pathway_path(pathway), self.network.threads
        self.keep_range(synapses, pathway, delays.shortest, delays.longest)
        self.numbers[IntUse.WIDTH.of(owner)] = 0 if delays.starts is None else delays.width
        starts = np.zeros((threads, 1), np.int32) if delays.starts is None else delays.starts
        self.put(ArrayUse.STARTS.of(owner), starts.reshape(threads, -1))
        self.put_ring(synapses, owner, made.size, delays.longest, delays.width)
        self.put(ArrayUse.DELAYS.of(owner), np.zeros(1, np.int32) if delays.steps is None else delays.steps)

    def thread_of(self, made: Connectivity) -> IntArray:
        """The thread that owns each synapse."""
        lengths = np.diff(np.append(made.rows[:, 0], made.size))
        return np.repeat(np.arange(len(lengths)), lengths)

    def uses_ring(self, synapses: Synapses, size: int, delays: Delays | None) -> bool:
        """Whether what arrives is added to a ring of sums, for which the kernel reads the delay of each synapse."""
        if delays is None or synapses.sorting is None:
            return False
        owner = synapses.pathway_path(synapses.sorting)
        looked_up = self.is_looked_up(synapses, size, delays.width)
        return not looked_up and any(key.use is ArrayUse.RING and key.owner == owner for key in self.types)

    def is_looked_up(self, synapses: Synapses, size: int, width: int) -> bool:
        """Whether what arrives is looked up and not taken from a ring.

        So many synapses of a source share a delay that this is cheaper, or phases change what they add.
        """
        if not adds_the_same(self.network, synapses):
            return True
        return size > RING_BELOW * width * self.size_of(synapses.source)

    def put_ring(self, synapses: Synapses, owner: str, size: int, longest: int, width: int) -> None:
        """Sums for the steps to come, where that is cheaper than to look up what arrives; else room to look it up."""
        neurons = self.size_of(synapses.source)
        self.put(ArrayUse.SEGMENTS.of(owner), np.empty((self.network.threads, 4 * neurons), np.int64))
        targets = self.size_of(synapses.target)
        looked_up = self.is_looked_up(synapses, size, width)
        slots = 1 << longest.bit_length()  # a power of two: the slot of a step is found by a mask
        self.numbers[IntUse.MASK.of(owner)] = slots - 1
        self.numbers[IntUse.RING.of(owner)] = int(not looked_up)
        for key in self.types:
            if key.use is ArrayUse.RING and key.owner == owner:
                self.put(key, np.zeros(1 if looked_up else slots * targets))


def shows_delays(network: Network, synapses: Synapses) -> bool:
    """Whether a monitor asks for the delay of each synapse."""
    monitors = (m for m in network.monitors if isinstance(m, ConnectivityMonitor | SynapseEventMonitor))
    return any(m.synapses == synapses.name and (isinstance(m, SynapseEventMonitor) or m.delays) for m in monitors)


def place_of(built: Built, end: NeuronSubset) -> IntArray | None:
    """Where the synapses of an end are stored, in the order of creation; None where it is a group."""
    return built.connectivity[end.group].place if end.section == "synapses" else None


def put_ends(allocation: Allocation, synapses: Synapses) -> None:
    """Keep what the kernel asks for of the two ends of synapses, and of their numbers, in the order of storage."""
    built, types, path = allocation.built, allocation.types, synapses.path
    made = built.connectivity[synapses.name]
    for use in (ArrayUse.PRE, ArrayUse.POST, ArrayUse.CREATED):  # each made only where it is asked for
        type = types.get(use.of(path))
        if type is not None:
            numbers = getattr(made, use.traits.label)
            end = {ArrayUse.PRE: synapses.source, ArrayUse.POST: synapses.target}.get(use)
            place = None if end is None else place_of(built, end)
            allocation.put(use.of(path), (numbers if place is None else place[numbers]).astype(type.dtype, copy=False))
    if ArrayUse.BY_CREATION.of(path) in types:
        allocation.put(ArrayUse.BY_CREATION.of(path), made.place)
    if ArrayUse.RANGES.of(path) in types:
        make_ranges(allocation, path, made.rows)


def columns(
    made: Connectivity, synapses: Synapses, targets: int, types: Mapping[ArrayKey, CType]
) -> dict[ArrayKey, Array]:
    """Which synapses each target has, in the order of creation, and their sources where a kernel asks for them."""
    path = synapses.path
    order = np.lexsort((made.created, made.post)).astype(np.int64)
    found = {ArrayUse.COLUMN_ORDER.of(path): order, ArrayUse.COLUMNS.of(path): pointers(made.post, targets)}
    sources = types.get(ArrayUse.COLUMN_PRE.of(path))
    if sources is not None:
        found[ArrayUse.COLUMN_PRE.of(path)] = made.pre[order].astype(sources.dtype)
    return found


def line_of(synapses: Synapses, name: str) -> Span | None:
    """The last line of the file that sets a variable of synapses."""
    lines = [*synapses.initial, *(line for rule in synapses.connect for line in rule.initial)]
    return next((line.span for line in reversed(lines) if line.variable.name == name), None)


def divided(bounds: IntArray, bands: int) -> IntArray:
    """Bounds of threads with as many bands between them, shape (threads*bands + 1,)."""
    parts = bounds[:-1, None] + np.diff(bounds)[:, None] * np.arange(bands) // bands
    return np.append(parts.reshape(-1), bounds[-1]).astype(np.int64)
