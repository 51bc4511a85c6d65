"""Everything a kernel's pointer table needs: arrays, initial values, synapses, buffers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from snnrun.codegen.arguments import RUN, THREAD, THREADS, ArrayUse, IntUse
from snnrun.codegen.module import Kernel
from snnrun.codegen.native import sleeping
from snnrun.engine.allocation import Allocation
from snnrun.engine.cache import RunCache
from snnrun.engine.failures import failed
from snnrun.engine.monitors import add_buffers
from snnrun.engine.parameters import parameter_arrays, sending_steps
from snnrun.engine.parts import nodes_of_group, nodes_of_synapses
from snnrun.engine.start import begin_group, begin_spikes
from snnrun.engine.synapses import SynapsesBuilder
from snnrun.engine.values import STORED, Array, Built, group_environment, problem, set_group, wrong_refractory
from snnrun.engine.watch import Found
from snnrun.equations.dag import Node, Op
from snnrun.kernels.binomial import binomial_table
from snnrun.model.evaluate import Environment, evaluate, evaluate_all, full, grid_of
from snnrun.model.lists import lists_must_fit
from snnrun.model.network import EARLY, NEVER, Group, IntArray, Network, PoissonInput, begun_in_order, made_in_order
from snnrun.model.rates import is_impossible

GRAIN = 64  # neurons: threads then never write into the same line of the cache; a multiple of 8 (see `list_spikes`)


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


class _Builder(Allocation):
    def __init__(self, network: Network, kernel: Kernel, cache: RunCache) -> None:
        super().__init__(network, kernel)
        self.parts = None if network.start is not None else cache.parts(network)
        self.cache = cache

    def build(self) -> Built:
        n = self.network
        self.numbers[THREADS] = n.threads
        self.built.own_numbers[THREAD] = np.arange(n.threads)
        for array in n.arrays.values():
            self.put(ArrayUse.TIMED.of("arrays", array.name), array.values.reshape(-1))
            if array.times is None:
                self.put(ArrayUse.TIMED_GRID.of("arrays", array.name), np.array(grid_of(array.dt, n.dt)))
            else:
                self.put(ArrayUse.TIMED_GRID.of("arrays", array.name), np.array([EARLY * n.dt]))
                self.put(ArrayUse.TIMED_POINTS.of("arrays", array.name), array.times)
            self.numbers[IntUse.ROWS.of(array.name)] = len(array.values)
            self.numbers[IntUse.COLUMNS.of(array.name)] = array.values.shape[1] if array.values.ndim == 2 else 1
        self.numbers |= {IntUse.EVERY.of(f"run.by_{g.every}"): g.every for g in n.groups.values()}
        for group in begun_in_order(n):
            self.part(group.path, partial(nodes_of_group, group, n), partial(self.group, group))
        builder = SynapsesBuilder(self, self.cache)
        for synapses in made_in_order(n):
            self.part(synapses.path, partial(nodes_of_synapses, synapses, n), partial(builder.build, synapses))
        for group in n.groups.values():
            self.events(group)
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
        self.put(ArrayUse.LAPS.of(RUN), np.zeros((n.threads, -(-len(self.built.kernel.laps) // 8) * 8), np.int64))
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
        env = group_environment(self.built, self.network, group)
        for link in group.links:
            elements = link.elements(evaluate(link.index, env), group.size)
            self.put(ArrayUse.VARIABLE.of(group.path, link.variable.name), elements)
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

    def events(self, group: Group) -> None:
        padded = (group.size + 7) // 8 * 8
        for source in group.sources:
            depth = self.numbers[IntUse.DEPTH.of(source.path)] = self.depths[source.path]
            self.put(ArrayUse.FLAGS.of(source.path), np.zeros(padded, np.uint8))
            self.put(ArrayUse.SPIKES.of(source.path), np.zeros(depth * group.size, np.int32))
            self.put(ArrayUse.LENGTHS.of(source.path), np.zeros(depth * self.network.threads, np.int64))
        if group.schedule is not None:
            self.put(ArrayUse.SCHEDULE_STEPS.of(group.path), group.schedule.steps)
            self.put(ArrayUse.SCHEDULE_IDS.of(group.path), group.schedule.ids)
            self.put(ArrayUse.CURSOR.of(group.path), np.zeros(8 * self.network.threads, np.int64))  # a line each
            self.numbers[IntUse.SCHEDULED.of(group.path)] = len(group.schedule.steps)
            self.numbers[IntUse.PERIOD.of(group.path)] = group.schedule.period

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
