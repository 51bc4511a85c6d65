"""Everything a kernel's pointer table needs: arrays, initial values, synapses, buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from snnrun.codegen.arguments import (
    RUN,
    THREAD,
    THREADS,
    ArrayKey,
    ArrayUse,
    CType,
    IntKey,
    IntUse,
    IntValue,
)
from snnrun.codegen.module import Kernel
from snnrun.codegen.native import sleeping
from snnrun.connect.builder import Builder, BuildRequest, connect, is_large, sort_for_delivery
from snnrun.connect.connectivity import Connectivity, Delays, connectivity_key, pointers
from snnrun.engine.cache import RunCache
from snnrun.engine.failures import failed
from snnrun.engine.monitors import add_buffers
from snnrun.engine.parts import nodes_of_group, nodes_of_synapses
from snnrun.engine.start import begin_group, begin_spikes, begin_synapses
from snnrun.engine.values import (
    STORED,
    Array,
    Built,
    SynapseValues,
    cache_aligned,
    group_environment,
    problem,
    read_neurons,
    set_group,
    wrong_refractory,
)
from snnrun.engine.watch import Found
from snnrun.equations.dag import Kind, Node, Op, variables_of
from snnrun.kernels.arithmetic import Precision
from snnrun.kernels.binomial import binomial_table
from snnrun.kernels.streams import signed, stream_key
from snnrun.model.evaluate import Environment, evaluate, evaluate_all, full, grid_of
from snnrun.model.expected import expected_synapses
from snnrun.model.lists import lists_must_fit
from snnrun.model.network import (
    LONGEST_DELAY,
    NEVER,
    ConnectivityMonitor,
    Group,
    IntArray,
    Network,
    NeuronSubset,
    Pathway,
    PoissonInput,
    Stored,
    Synapses,
)
from snnrun.model.rates import is_impossible
from snnrun.model.rule_values import Ground
from snnrun.source import Span

RING_BELOW = 20  # synapses of a source with the same delay, on average, up to which a ring of sums is cheaper
GRAIN = 64  # neurons: threads then never write into the same line of the cache; a multiple of 8 (see `list_spikes`)
BAND_BYTES = 1 << 16  # of the variables of a band of targets, about the size of a first-level cache
SHORTEST_ROW = 500  # synapses of a source in a band, on average, for which it pays to visit a row once more
MOST_PARTS = 255  # of all threads
NO_STEP = 1 << 62  # after all steps


def build(network: Network, kernel: Kernel, cache: RunCache | None = None) -> Built:
    """Allocate and fill everything.

    Args:
        network: The network.
        kernel: Its kernel.
        cache: What it may share with other networks.

    Raises:
        ExperimentError: A value computed from the file is impossible (a negative delay, a list of the wrong length).
    """
    return _Builder(network, kernel, cache or RunCache()).build()


class _Builder:
    def __init__(self, network: Network, kernel: Kernel, cache: RunCache) -> None:
        self.network = network
        self.built = Built(network, kernel)
        self.arrays = self.built.arrays
        self.numbers = self.built.numbers
        self.cache = cache
        self.parts = None if network.start is not None else cache.parts(network)
        self.depths = {g.path: 2 for g in network.groups.values()}
        self.types = {array.key: array.type for array in kernel.arrays}

    def build(self) -> Built:
        n = self.network
        self.numbers[THREADS] = n.threads
        self.built.own_numbers[THREAD] = np.arange(n.threads)
        for array in n.arrays.values():
            self.put(ArrayUse.TIMED.of("arrays", array.name), array.values.reshape(-1))
            self.put(ArrayUse.TIMED_GRID.of("arrays", array.name), np.array(grid_of(array.dt, n.dt)))
            self.numbers[IntUse.ROWS.of(array.name)] = len(array.values)
            self.numbers[IntUse.COLUMNS.of(array.name)] = array.values.shape[1] if array.values.ndim == 2 else 1
        for group in n.groups.values():
            self.part(group.path, partial(nodes_of_group, group), partial(self.group, group))
        for synapses in n.synapses.values():
            self.part(synapses.path, partial(nodes_of_synapses, synapses, n), partial(self.synapses, synapses))
        for group in n.groups.values():
            self.spikes(group)
        for poisson in n.inputs:
            self.poisson_input(poisson)
        for operation in n.operations:
            self.put(ArrayUse.AT.of(f"operations.{operation.name}"), operation.at)
            self.put(ArrayUse.CURSOR.of(f"operations.{operation.name}"), np.zeros(1, np.int64))
        for monitor in n.monitors:
            add_buffers(self.built, self.put, monitor)
        self.buffers()
        self.put(ArrayUse.DT.of(RUN), np.array([n.dt]))
        self.put(ArrayUse.FAILURE.of(RUN), np.zeros((n.threads, 8), np.int64))  # a line of the cache each
        self.put(ArrayUse.FAILED_VALUE.of(RUN), np.zeros((n.threads, 8)))
        sources = [*(g.path for g in n.groups.values()), *(f"inputs.{i.name}" for i in n.inputs)]
        self.numbers |= {IntUse.WATCHED.of(path): -1 - k for k, path in enumerate(sources)}
        self.numbers |= {IntUse.WATCHED.of(f"{s.variable.owner}.{s.variable.name}"): k for k, s in enumerate(n.stored)}
        self.put(ArrayUse.BARRIER.of(RUN), np.array([0] * 24 + [*sleeping()], np.int64))
        self.numbers |= sending_steps(n)
        for key, values in parameter_arrays(self.built, n, self.built.kernel, self.numbers).items():
            self.put(key, values)
        if n.start is not None:
            self.built.notes += begin_spikes(self.built, n.start)
        self.check_sets()
        return self.built

    def check_sets(self) -> None:
        """Refuse lists of another length than the synapses that a phase gives them to, before the run."""
        for phase in self.network.phases:
            for owner, line in phase.sets:
                if owner.startswith("synapses."):
                    what = f"the list for `{line.variable.name}`"
                    lists_must_fit(line.value, self.numbers[IntUse.N.of(owner)], line.span, what)

    def part(self, path: str, nodes: Callable[[], list[Node]], make: Callable[[], None]) -> None:
        """Build a part of the network, unless one that is the same is known."""
        if self.parts is None:
            make()
        else:
            self.parts.make(path, nodes, make, self.built, self.depths)

    def share(self, owner: str, firsts: IntArray) -> None:
        """Which elements each thread owns, from the first of each and the end of the last."""
        self.built.own_numbers[IntUse.LOW.of(owner)] = firsts[:-1]
        self.built.own_numbers[IntUse.HIGH.of(owner)] = firsts[1:]

    def put(self, key: ArrayKey, array: Array) -> None:
        """Keep an array, contiguous, in the precision of the kernel, and aligned where its use says so."""
        single = array.dtype == np.float64 and self.types.get(key) is CType.F32
        array = np.ascontiguousarray(array, np.float32 if single else None)
        self.arrays[key] = cache_aligned(array) if key.use.traits.aligned else array

    # groups

    def group(self, group: Group) -> None:
        self.numbers[IntUse.N.of(group.path)] = group.size
        bounds = partition(group.size, self.network.threads)
        self.put(ArrayUse.BOUNDS.of(group.path), bounds)
        self.share(group.path, bounds)
        for stored in group.stored:
            size = 1 if stored.variable.shared else group.size
            array = np.zeros(size, STORED[stored.kind])
            if stored.variable.name == "lastspike":
                array[:] = NEVER
            if stored.variable.name == "not_refractory":
                array[:] = 1
            self.put(ArrayUse.VARIABLE.of(group.path, stored.variable.name), array)
        for line in group.initial:
            set_group(self.built, self.network, group, line)
        if self.network.start is not None:
            begin_group(self.built, self.network.start, group)
        precompute(self.built, self.network, group)
        if group.refractory is not None and group.refractory.steady:
            wrong = wrong_refractory(self.built, self.network, group)
            if wrong is not None:
                message = f"the refractory time of neuron {wrong[0]} of `{group.name}` is {wrong[1]}"
                raise problem("NET102", message, group.refractory.span)

    def spikes(self, group: Group) -> None:
        depth = self.depths[group.path]
        self.numbers[IntUse.DEPTH.of(group.path)] = depth
        padded = (group.size + 7) // 8 * 8
        self.put(ArrayUse.FLAGS.of(group.path), np.zeros(padded, np.uint8))
        self.put(ArrayUse.SPIKES.of(group.path), np.zeros(depth * group.size, np.int32))
        self.put(ArrayUse.LENGTHS.of(group.path), np.zeros(depth * self.network.threads, np.int64))
        if group.schedule is not None:
            self.put(ArrayUse.SCHEDULE_STEPS.of(group.path), group.schedule.steps)
            self.put(ArrayUse.SCHEDULE_IDS.of(group.path), group.schedule.ids)
            self.put(ArrayUse.CURSOR.of(group.path), np.zeros(8 * self.network.threads, np.int64))  # a line each
            self.numbers[IntUse.SCHEDULED.of(group.path)] = len(group.schedule.steps)
            self.numbers[IntUse.PERIOD.of(group.path)] = group.schedule.period

    # synapses

    def synapses(self, synapses: Synapses) -> None:
        n = self.network
        path = synapses.path
        ground = Ground(path, partial(read_neurons, self.built), n.seeds, n.dt, dict(n.arrays))
        bounds = self.arrays[ArrayUse.BOUNDS.of(f"groups.{synapses.target.group}")]
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
        self.share(path, np.append(made.rows[::bands, 0], made.size))
        self.view(f"{path}.source", synapses.source)
        self.view(f"{path}.target", synapses.target)
        for use in (ArrayUse.PRE, ArrayUse.POST, ArrayUse.CREATED):  # each made only where it is asked for
            type = self.types.get(use.of(path))
            if type is not None:
                self.put(use.of(path), getattr(made, use.traits.label).astype(type.dtype, copy=False))
        self.put(ArrayUse.ROWS.of(path), made.rows.reshape(n.threads, -1))
        if n.start is not None:
            values = SynapseValues(self.built, n, synapses, made)
            values.load()
            begin_synapses(n.start, values)
            values.keep()
        if any(p.post for p in synapses.pathways):
            order = np.lexsort((made.created, made.post)).astype(np.int64)
            self.put(ArrayUse.COLUMN_ORDER.of(path), order)
            self.put(ArrayUse.COLUMNS.of(path), pointers(made.post, n.groups[synapses.target.group].size))

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
        sources = n.groups[synapses.source.group].size
        made = self.cache.connectivity(key, lambda: connect(synapses, ground, sources, n.threads))
        values = SynapseValues(self.built, n, synapses, made)
        values.start()
        delays = {pathway.key: values.delays(pathway) for pathway in synapses.pathways}
        for pathway in synapses.pathways:
            self.check_delays(pathway, delays[pathway.key])
        made = sort_for_delivery(made, bounds, delays[synapses.sorting.key] if synapses.sorting else None)
        values.connectivity = self.built.connectivity[synapses.name] = made
        for stored in synapses.stored:
            array = values.stored(stored.variable.name)
            self.put(ArrayUse.VARIABLE.of(path, stored.variable.name), array.astype(STORED[stored.kind]))
        for pathway in synapses.pathways:
            self.keep_delays(synapses, pathway, delays[pathway.key])

    def build_many(self, synapses: Synapses, ground: Ground, bounds: IntArray) -> None:
        """Make many synapses with their values by compiled code, straight into their places."""
        n, path = self.network, synapses.path
        env = Environment(dt=n.dt, seeds=n.seeds, arrays=n.arrays)
        request = BuildRequest(
            synapses=synapses,
            graph=n.graph,
            sources=n.groups[synapses.source.group].size,
            bounds=bounds,
            variables={s.variable: (s.kind, self.dtype_of(s).str[1:]) for s in synapses.stored},
            read=self.built.variable,
            parameter=lambda value: _integer(value, env, n, self.numbers),
            environment=env,
            threads=n.threads,
        )
        builder = Builder(request, ground)
        rows, delays = builder.survey()
        if delays is not None:
            assert synapses.sorting is not None
            self.check_delay(synapses.sorting, delays.shortest, delays.first, delays.longest)
        keep = self.uses_ring(synapses, builder.size, delays) or self.shows_delays(synapses)
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
            self.keep_delays(synapses, pathway, steps)

    def dtype_of(self, stored: Stored) -> np.dtype[Any]:
        """The type that holds a variable."""
        single = stored.kind is Kind.FLOAT and self.network.precision is Precision.SINGLE
        return np.dtype(np.float32 if single else STORED[stored.kind])

    def view(self, owner: str, view: NeuronSubset) -> None:
        self.numbers[IntUse.N.of(owner)] = view.size
        ids = np.sort(view.ids)  # threads own neighbouring neurons
        self.put(ArrayUse.SUBSET.of(owner), ids)
        self.share(owner, np.searchsorted(ids, self.arrays[ArrayUse.BOUNDS.of(f"groups.{view.group}")]))

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
        """Tell the kernel the range of delays of a pathway, and how long spikes are kept."""
        owner = synapses.pathway_path(pathway)
        group = (synapses.target if pathway.post else synapses.source).group
        self.depths[f"groups.{group}"] = max(self.depths[f"groups.{group}"], longest + 2)
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
        dense = self.is_dense(synapses, size, delays.width)
        return not dense and any(key.use is ArrayUse.RING and key.owner == owner for key in self.types)

    def shows_delays(self, synapses: Synapses) -> bool:
        """Whether a monitor stores the delay of each synapse."""
        monitors = (m for m in self.network.monitors if isinstance(m, ConnectivityMonitor))
        return any(m.synapses == synapses.name and m.delays for m in monitors)

    def is_dense(self, synapses: Synapses, size: int, width: int) -> bool:
        """Whether so many synapses of a source share a delay that looking up what arrives is cheaper than a ring."""
        return size > RING_BELOW * width * self.network.groups[synapses.source.group].size

    def put_ring(self, synapses: Synapses, owner: str, size: int, longest: int, width: int) -> None:
        """Sums for the steps to come, where that is cheaper than to look up what arrives; else room to look it up."""
        neurons = self.network.groups[synapses.source.group].size
        self.put(ArrayUse.SEGMENTS.of(owner), np.empty((self.network.threads, 4 * neurons), np.int64))
        targets = self.network.groups[synapses.target.group].size
        dense = self.is_dense(synapses, size, width)
        slots = 1 << longest.bit_length()  # a power of two: the slot of a step is found by a mask
        self.numbers[IntUse.MASK.of(owner)] = slots - 1
        self.numbers[IntUse.RING.of(owner)] = int(not dense)
        for key in self.types:
            if key.use is ArrayUse.RING and key.owner == owner:
                self.put(key, np.zeros(1 if dense else slots * targets))

    # inputs

    def poisson_input(self, poisson: PoissonInput) -> None:
        owner = f"inputs.{poisson.name}"
        self.view(owner, poisson.target)
        if poisson.counts.op is Op.BINOMIAL:
            return
        table = input_table(self.network, poisson)
        self.put(ArrayUse.BINOMIAL.of(owner), table)
        self.numbers[IntUse.BINOMIAL.of(owner)] = len(table)

    # what the kernel asks for

    def buffers(self) -> None:
        """Arrays that only the kernel knows: random numbers of a step, and sums on their way."""
        for array in self.built.kernel.arrays:
            if array.length is not None:
                n = self.numbers[array.length]
                self.put(array.key, np.zeros(n + n % 2, array.type.dtype))  # random numbers are drawn in pairs


def sending_steps(network: Network) -> dict[IntKey, int]:
    """The steps between which spikes are sent through a part of a pathway, by what kernels ask for."""
    found: dict[IntKey, int] = {}
    for synapses in network.synapses.values():
        for pathway in synapses.pathways:
            if pathway.is_part:
                owner = synapses.pathway_path(pathway)
                found[IntUse.SINCE.of(owner)] = network.phases[pathway.since].start if pathway.since else -NO_STEP
                found[IntUse.UNTIL.of(owner)] = (
                    NO_STEP if pathway.until is None else network.phases[pathway.until].start
                )
    return found


def line_of(synapses: Synapses, name: str) -> Span | None:
    """The last line of the file that sets a variable of synapses."""
    lines = [*synapses.initial, *(line for rule in synapses.connect for line in rule.initial)]
    return next((line.span for line in reversed(lines) if line.variable.name == name), None)


def precompute(built: Built, network: Network, group: Group, step: int = 0) -> None:
    """Compute values of a group that stay as they are while constants do, from this step on."""
    env = group_environment(built, network, group, step)
    before = built.variable(group.intervals.silence).copy() if group.intervals is not None else None
    if group.intervals is not None:
        chance = np.broadcast_to(evaluate(group.intervals.chance, env), (group.size,))
        wrong = np.asarray(is_impossible(chance))
        if wrong.any():
            neuron = int(np.argmax(wrong))
            raise failed(built, network, Found(group, neuron, float(chance[neuron])), step, step + 1)
    values = evaluate_all([a.value for a in group.precomputed], env)
    for assignment, value in zip(group.precomputed, values, strict=True):
        built.variable(assignment.variable)[:] = value
    if group.intervals is not None:
        changed = built.variable(group.intervals.silence) != before
        first = full(evaluate(group.intervals.first, env), group.size, np.int64)
        built.variable(group.intervals.next)[changed] = first[changed]


def input_table(network: Network, poisson: PoissonInput) -> Array:
    """Cumulative probabilities of the number of events of a Poisson input in one step."""
    p = min(1.0, float(evaluate(poisson.probability, Environment(dt=network.dt))))  # it may be above by rounding
    table = binomial_table(poisson.size, p)
    return np.concatenate([table, np.full(-len(table) % 4, np.inf)])  # the kernel takes four at a time


def partition(size: int, threads: int) -> IntArray:
    """First neuron of each thread, and the end of the last, shape (threads + 1,); multiples of `GRAIN`."""
    whole = (size * np.arange(threads + 1) // threads + GRAIN - 1) // GRAIN * GRAIN
    return np.minimum(whole, size).astype(np.int64)


def divided(bounds: IntArray, bands: int) -> IntArray:
    """Bounds of threads with as many bands between them, shape (threads*bands + 1,)."""
    parts = bounds[:-1, None] + np.diff(bounds)[:, None] * np.arange(bands) // bands
    return np.append(parts.reshape(-1), bounds[-1]).astype(np.int64)


def parameter_arrays(
    built: Built, network: Network, kernel: Kernel, numbers: Mapping[IntKey, int]
) -> dict[ArrayKey, Array]:
    """The values of a network that its kernel is given: numbers and, for each thread, whole numbers."""
    env = Environment(dt=network.dt, seeds=network.seeds, arrays=network.arrays)
    ints = np.zeros((built.network.threads, len(kernel.ints)), np.int64)
    for k, value in enumerate(kernel.ints):
        own = built.own_numbers.get(value) if isinstance(value, IntKey) else None
        ints[:, k] = _integer(value, env, network, numbers) if own is None else own
    floats = [float(value) for value in evaluate_all(kernel.floats, env)]
    return {ArrayUse.NUMBERS.of(RUN): np.array(floats, np.float64), ArrayUse.SIZES.of(RUN): ints}


def _integer(value: IntValue, env: Environment, network: Network, numbers: Mapping[IntKey, int]) -> int:
    if isinstance(value, Node):
        return int(evaluate(value, env))
    if isinstance(value, int):
        return value
    if value.use is IntUse.SEED:
        return signed(network.seeds.of(value.owner))
    if value.use is IntUse.STREAM:
        return signed(stream_key(value.owner))
    return numbers[value]
