"""Everything a kernel's pointer table needs: arrays, initial values, synapses, buffers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from snnrun.codegen.emit import CType, IntValue, SlotKey
from snnrun.codegen.kernel import Kernel
from snnrun.engine.connectivity import Wiring, WiringCache, pointers, wire, wiring_key
from snnrun.equations.dag import Kind, Node, Variable
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.network.connect import Ground
from snnrun.network.evaluate import Environment, evaluate, evaluate_all, full, grid_of, indices
from snnrun.network.ir import (
    Group,
    Initial,
    IntArray,
    Network,
    Pathway,
    PoissonInput,
    RateMonitor,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    View,
)
from snnrun.network.streams import key_of
from snnrun.numerics.binomial import binomial_table

Array = np.ndarray[Any, np.dtype[Any]]
_DTYPES: dict[CType, Any] = {CType.F64: np.float64, CType.I64: np.int64, CType.I32: np.int32, CType.U8: np.uint8}
_STORED: dict[Kind, Any] = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.uint8}
NEVER = 10000.0  # `lastspike` of a neuron that has not spiked is -10000 s
STATE_BUFFER = 4 * 2**20  # bytes of one recorded variable between two visits of the driver
SPIKE_BUFFER = 1 << 16
RATE_BUFFER = 1 << 16


@dataclass(slots=True)
class Built:
    """A network in memory.

    Args:
        arrays: By use and owner.
        wirings: Synapses by name of their object.
        numbers: Whole numbers that kernels ask for by name.
        immutable: Uses of arrays that a run never changes.
    """

    network: Network
    kernel: Kernel
    arrays: dict[SlotKey, Array] = field(default_factory=dict)
    wirings: dict[str, Wiring] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def final(self, owner: str, name: str) -> Any:
        """A variable as it is now: a number when it is shared, else one value an element."""
        array = self.arrays[SlotKey("variable", owner, name)].astype(np.float64)
        return float(array[0]) if len(array) == 1 else array

    @property
    def memory(self) -> int:
        """Bytes of all arrays."""
        return sum(a.nbytes for a in self.arrays.values())

    def table(self) -> IntArray:
        """Addresses of the arrays in the kernel's order; the arrays must stay alive."""
        return np.array([self.arrays[key].ctypes.data for key, _ in self.kernel.slots], dtype=np.int64)


IMMUTABLE = frozenset(
    {
        "floats",
        "ints",
        "pre",
        "post",
        "rows",
        "columns",
        "column order",
        "delay order",
        "delays",
        "timed",
        "timed grid",
        "schedule steps",
        "schedule ids",
        "view",
        "member",
        "ids",
        "binomial",
        "at",
        "dt",
        "random",
        "sum",
    }
)


def build(network: Network, kernel: Kernel, wirings: WiringCache | None = None) -> Built:
    """Allocate and fill everything.

    Raises:
        ExperimentError: A value computed from the file is impossible (a negative delay, a list of the wrong length).
    """
    return _Builder(network, kernel, wirings or WiringCache({})).build()


class _Builder:
    def __init__(self, network: Network, kernel: Kernel, cache: WiringCache) -> None:
        self.network = network
        self.built = Built(network, kernel)
        self.arrays = self.built.arrays
        self.numbers = self.built.numbers
        self.cache = cache
        self.depths = {g.path: 1 for g in network.groups.values()}

    def build(self) -> Built:
        n = self.network
        for array in n.arrays.values():
            self.put("timed", "arrays", array.name, array.values.reshape(-1))
            self.put("timed grid", "arrays", array.name, np.array(grid_of(array.dt, n.dt)))
            self.numbers[f"rows:{array.name}"] = len(array.values)
            self.numbers[f"columns:{array.name}"] = array.values.shape[1] if array.values.ndim == 2 else 1
        for group in n.groups.values():
            self.group(group)
        for synapses in n.synapses.values():
            self.synapses(synapses)
        for group in n.groups.values():
            self.spikes(group)
        for poisson in n.inputs:
            self.poisson_input(poisson)
        for operation in n.operations:
            self.put("at", f"operations.{operation.name}", "", operation.at)
            self.put("cursor", f"operations.{operation.name}", "", np.zeros(1, np.int64))
        self.monitors()
        self.buffers()
        self.put("dt", "run", "", np.array([n.dt]))
        self.parameters()
        return self.built

    def put(self, use: str, owner: str, name: str, array: Array) -> None:
        """Keep an array, contiguous."""
        self.arrays[SlotKey(use, owner, name)] = np.ascontiguousarray(array)

    def variable(self, variable: Variable) -> Array:
        """The array of a variable."""
        return self.arrays[SlotKey("variable", variable.owner, variable.name)]

    # groups

    def group(self, group: Group) -> None:
        self.numbers[f"n:{group.path}"] = group.size
        for stored in group.stored:
            size = 1 if stored.variable.shared else group.size
            array = np.zeros(size, _STORED[stored.kind])
            if stored.variable.name == "lastspike":
                array[:] = -round(NEVER / self.network.dt)
            if stored.variable.name == "not_refractory":
                array[:] = 1
            self.put("variable", group.path, stored.variable.name, array)
        kinds = {s.variable: s.kind for s in group.stored}
        for line in group.initial:
            self.initial(group, line, kinds[line.variable])
        values = evaluate_all([a.value for a in group.precomputed], self.group_environment(group))
        for assignment, value in zip(group.precomputed, values, strict=True):
            self.variable(assignment.variable)[:] = value

    def group_environment(self, group: Group, step: int = 0) -> Environment:
        """The group's values as they are now."""

        def read(variable: Variable) -> Any:
            array = self.variable(variable)
            return array[0] if variable.shared else array

        kinds = {s.variable: s.kind for s in group.stored}
        everyone = indices(group.size)
        return Environment(
            read=lambda v: read(v).astype(bool) if kinds.get(v) is Kind.BOOL else read(v),
            index={"own": everyone, "list": everyone},
            elements=everyone,
            step=step,
            dt=self.network.dt,
            seeds=self.network.seeds,
            arrays=self.network.arrays,
        )

    def initial(self, group: Group, line: Initial, kind: Kind) -> None:
        env = self.group_environment(group)
        array = self.variable(line.variable)
        if line.variable.shared:
            env = replace(env, index={"own": np.int64(0), "list": np.int64(0)}, elements=np.int64(0))
        values = evaluate(line.value, env)
        where = True if line.where is None else evaluate(line.where, env)
        checked = _values(values, len(array), kind, line)
        array[...] = np.where(np.broadcast_to(where, array.shape), checked, array)

    def spikes(self, group: Group) -> None:
        depth = self.depths[group.path]
        self.numbers[f"depth:{group.path}"] = depth
        padded = (group.size + 7) // 8 * 8
        self.put("flags", group.path, "", np.zeros(padded, np.uint8))
        self.put("spikes", group.path, "", np.zeros(depth * group.size, np.int32))
        self.put("number", group.path, "", np.zeros(depth, np.int64))
        if group.schedule is not None:
            self.put("schedule steps", group.path, "", group.schedule.steps)
            self.put("schedule ids", group.path, "", group.schedule.ids)
            self.put("cursor", group.path, "", np.zeros(1, np.int64))
            self.numbers[f"scheduled:{group.path}"] = len(group.schedule.steps)
            self.numbers[f"period:{group.path}"] = group.schedule.period

    # synapses

    def synapses(self, synapses: Synapses) -> None:
        n = self.network
        ground = Ground(synapses.path, self.read_neurons, n.seeds, n.dt, dict(n.arrays))
        key = wiring_key(synapses, n.seeds.connect, n.dt)
        wiring = self.cache.get(key, lambda: wire(synapses, ground))
        self.built.wirings[synapses.name] = wiring
        self.numbers[f"n:{synapses.path}"] = wiring.size
        self.view(synapses.path + ".source", synapses.source)
        self.view(synapses.path + ".target", synapses.target)
        path = synapses.path
        self.put("pre", path, "", wiring.pre.astype(np.int32))
        self.put("post", path, "", wiring.post.astype(np.int32))
        self.put("rows", path, "", pointers(wiring.pre, n.groups[synapses.source.group].size))
        if any(p.post for p in synapses.pathways):
            order = np.lexsort((wiring.created, wiring.post)).astype(np.int64)
            self.put("column order", path, "", order)
            self.put("columns", path, "", pointers(wiring.post, n.groups[synapses.target.group].size))
        values = _SynapseValues(self, synapses, wiring)
        for stored in synapses.stored:
            array = values.arrays[stored.variable.name][wiring.created]
            self.put("variable", path, stored.variable.name, array.astype(_STORED[stored.kind]))
        for pathway in synapses.pathways:
            self.delays(synapses, pathway, wiring, values)

    def view(self, owner: str, view: View) -> None:
        self.numbers[f"n:{owner}"] = view.size
        self.put("view", owner, "", view.ids)

    def read_neurons(self, variable: Variable, pre: IntArray, post: IntArray) -> Any:
        """A neuron's variable at both ends of pairs."""
        array = self.variable(variable)
        if variable.shared:
            return array[0]
        values = array[pre if variable.reach == "pre" else post]
        return values.astype(bool) if array.dtype == np.uint8 else values

    def delays(self, synapses: Synapses, pathway: Pathway, wiring: Wiring, values: _SynapseValues) -> None:
        owner = f"{synapses.path}.{pathway.name}"
        group = (synapses.target if pathway.post else synapses.source).group
        steps = values.delays(pathway)
        if len(steps) and steps.min() < 0:
            k = int(np.argmin(steps))
            raise _problem(
                "NET174", f"the delay of synapse {k} is negative: {steps[k] * self.network.dt:g} s", pathway.span
            )
        longest = int(steps.max()) if len(steps) else 0
        if longest > 2**20:
            raise _problem(
                "NET174", f"the delay {longest * self.network.dt:g} s is too long: over a million steps", pathway.span
            )
        self.depths[f"groups.{group}"] = max(self.depths[f"groups.{group}"], longest + 1)
        if pathway.uniform_delay:
            self.numbers[f"delay:{owner}"] = longest
            return
        stored = steps[wiring.created]
        neurons = wiring.post if pathway.post else wiring.pre
        order = np.lexsort((wiring.created, stored, neurons)).astype(np.int64)
        self.put("delay order", owner, "", order)
        self.put("delays", owner, "", stored[order].astype(np.int32))
        self.numbers[f"longest:{owner}"] = longest
        self.numbers[f"shortest:{owner}"] = int(steps.min()) if len(steps) else 0

    # inputs and monitors

    def poisson_input(self, poisson: PoissonInput) -> None:
        owner = f"inputs.{poisson.name}"
        self.view(owner, poisson.target)
        p = float(evaluate(poisson.probability, Environment(dt=self.network.dt)))
        table = binomial_table(poisson.size, p)
        self.put("binomial", owner, "", table)
        self.numbers[f"binomial:{owner}"] = len(table)

    def monitors(self) -> None:
        for monitor in self.network.monitors:
            owner = f"monitors.{monitor.name}"
            match monitor:
                case SpikeMonitor():
                    self.spike_monitor(owner, monitor)
                case StateMonitor():
                    self.state_monitor(owner, monitor)
                case RateMonitor():
                    self.member(owner, monitor.source)
                    self.put("count", owner, "", np.zeros(1, np.int64))
                    self.put("record", owner, "number", np.zeros(RATE_BUFFER, np.int64))
                    self.numbers[f"capacity:{owner}"] = RATE_BUFFER
                case _:
                    pass

    def member(self, owner: str, view: View) -> None:
        mask = np.zeros(self.network.groups[view.group].size, np.uint8)
        mask[view.ids] = 1
        self.put("member", owner, "", mask)

    def spike_monitor(self, owner: str, monitor: SpikeMonitor) -> None:
        size = self.network.groups[monitor.source.group].size
        self.member(owner, monitor.source)
        self.put("counts", owner, "", np.zeros(size, np.int64))
        self.put("count", owner, "", np.zeros(1, np.int64))
        capacity = max(2 * size, SPIKE_BUFFER)
        self.numbers[f"capacity:{owner}"] = capacity
        if not monitor.counts_only:
            for name in ("step", "id"):
                self.put("record", owner, name, np.zeros(capacity, np.int64))
            for column in monitor.columns:
                self.put("record", owner, "." + column.name, np.zeros(capacity))

    def state_monitor(self, owner: str, monitor: StateMonitor) -> None:
        ids = monitor.ids
        if monitor.source.startswith("synapses."):
            ids = self.synapse_ids(monitor)
        assert ids is not None
        self.put("ids", owner, "", ids)
        self.put("count", owner, "", np.zeros(1, np.int64))
        self.numbers[f"n:{owner}"] = len(ids)
        capacity = max(1, STATE_BUFFER // (8 * max(1, len(ids))))
        self.numbers[f"capacity:{owner}"] = capacity
        for column in monitor.columns:
            self.put("record", owner, column.name, np.zeros(capacity * len(ids)))

    def synapse_ids(self, monitor: StateMonitor) -> IntArray:
        """Storage positions of synapses given by their creation numbers."""
        wiring = self.built.wirings[monitor.source.removeprefix("synapses.")]
        place = np.empty(wiring.size, np.int64)
        place[wiring.created] = np.arange(wiring.size)
        if monitor.ids is None:
            return place
        wrong = monitor.ids[monitor.ids >= wiring.size]
        if len(wrong):
            raise _problem(
                "NET120", f"monitor `{monitor.name}`: synapse {wrong[0]} is outside 0 to {wiring.size - 1}", None
            )
        return place[monitor.ids]

    # what the kernel asks for

    def buffers(self) -> None:
        """Arrays that only the kernel knows: random numbers of a step, and sums on their way."""
        for key, _ in self.built.kernel.slots:
            if key.use == "sum":
                self.put("sum", key.owner, key.name, np.zeros_like(self.arrays[replace(key, use="variable")]))
            if key.use == "random":
                n = self.numbers[f"n:{key.owner}"]
                self.put("random", key.owner, key.name, np.zeros(n + n % 2))

    def parameters(self) -> None:
        env = Environment(dt=self.network.dt, seeds=self.network.seeds, arrays=self.network.arrays)
        for call, parameters in self.built.kernel.parameters.items():
            floats = [float(value) for value in evaluate_all(parameters.floats, env)]
            ints = [self.integer(value, env) for value in parameters.ints]
            self.put("floats", call, "", np.array(floats, np.float64))
            self.put("ints", call, "", np.array(ints, np.int64))

    def integer(self, value: IntValue, env: Environment) -> int:
        if isinstance(value, Node):
            return int(evaluate(value, env))
        if isinstance(value, int):
            return value
        kind, _, name = value.partition(":")
        if kind == "seed":
            return _signed(self.network.seeds.of(name))
        if kind == "stream":
            return _signed(key_of(name))
        return self.numbers[value]


class _SynapseValues:
    """Values of synaptic variables while a network is built, in creation order."""

    def __init__(self, builder: _Builder, synapses: Synapses, wiring: Wiring) -> None:
        self.builder = builder
        self.synapses = synapses
        self.wiring = wiring
        self.pre = _uncreated(wiring.pre, wiring.created)
        self.post = _uncreated(wiring.post, wiring.created)
        m = wiring.size
        self.arrays: dict[str, Array] = {s.variable.name: np.zeros(m, _STORED[s.kind]) for s in synapses.stored}
        self.arrays["i"], self.arrays["j"] = wiring.i, wiring.j
        kinds = {s.variable: s.kind for s in synapses.stored}
        for number, rule in enumerate(synapses.connect):
            chosen = wiring.rule == number
            matrix = getattr(rule.rule, "variable", None) if hasattr(rule.rule, "weights") else None
            if matrix is not None:
                self.arrays[matrix][chosen] = rule.rule.weights  # type: ignore[union-attr]
        for line in synapses.initial:
            self.set(line, kinds[line.variable], np.ones(m, bool))
        for number, rule in enumerate(synapses.connect):
            for line in rule.initial:
                self.set(line, kinds[line.variable], wiring.rule == number)

    def environment(self) -> Environment:
        b = self.builder

        def read(variable: Variable) -> Any:
            if variable.owner != self.synapses.path:
                return b.read_neurons(variable, self.pre, self.post)
            if variable.name == "N_incoming":
                return np.bincount(self.post, minlength=int(self.post.max(initial=0)) + 1)[self.post]
            if variable.name == "N_outgoing":
                return np.bincount(self.pre, minlength=int(self.pre.max(initial=0)) + 1)[self.pre]
            array = self.arrays[variable.name]
            return array.astype(bool) if array.dtype == np.uint8 else array

        everyone = indices(self.wiring.size)
        return Environment(
            read=read,
            index={"pre": self.pre, "post": self.post, "list": everyone},
            elements=everyone,
            dt=b.network.dt,
            seeds=b.network.seeds,
            arrays=b.network.arrays,
        )

    def set(self, line: Initial, kind: Kind, chosen: Array) -> None:
        env = self.environment()
        values = _values(evaluate(line.value, env), self.wiring.size, kind, line)
        if line.where is not None:
            chosen = chosen & np.broadcast_to(evaluate(line.where, env), chosen.shape)
        array = self.arrays[line.variable.name]
        array[...] = np.where(chosen, values, array)

    def delays(self, pathway: Pathway) -> IntArray:
        """Delay of each synapse in steps, in creation order; one entry when all are equal."""
        if pathway.uniform_delay:
            steps = 0 if pathway.delay is None else evaluate(pathway.delay, Environment())
            return np.array([steps], dtype=np.int64)
        env = self.environment()
        steps = np.zeros(self.wiring.size, np.int64)
        if pathway.delay is not None:
            steps[...] = _sized(evaluate(pathway.delay, env), self.wiring.size, pathway)
        if not pathway.post:
            for number, rule in enumerate(self.synapses.connect):
                if rule.delay is not None:
                    chosen = self.wiring.rule == number
                    steps[chosen] = full(evaluate(rule.delay, env), self.wiring.size, np.int64)[chosen]
        return steps


def _uncreated(stored: IntArray, created: IntArray) -> IntArray:
    """An array in storage order, back in creation order."""
    back = np.empty_like(stored)
    back[created] = stored
    return back


def _sized(values: Any, size: int, pathway: Pathway) -> Any:
    if np.ndim(values) and len(values) != size:
        raise _problem(
            "NET141", f"the list of delays has {len(values)} values, there are {size} synapses", pathway.span
        )
    return values


def _values(values: Any, size: int, kind: Kind, line: Initial) -> Array:
    if np.ndim(values) and len(values) != size:
        raise _problem(
            "NET141", f"the list for `{line.variable.name}` has {len(values)} values, {size} are needed", line.span
        )
    checked: Array = full(values, size, _STORED[kind])
    if kind is Kind.FLOAT and np.any(np.isnan(checked)):
        k = int(np.argmax(np.isnan(checked)))
        raise _problem("NET142", f"the value of `{line.variable.name}` is not a number (NaN) at index {k}", line.span)
    return checked


def _problem(code: str, message: str, span: Any) -> ExperimentError:
    return ExperimentError(Diagnostic(code, message, span))


def _signed(value: int) -> int:
    """A 64-bit pattern as a signed number."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - 2**64 if value >= 2**63 else value
