"""What a step means, as slow plain code: an interpreter of the network, to compare kernels with.

It takes initial values and connections from `plain.py`, and follows the order written in `model/network.py` line by
line: whole groups at once with numpy, synaptic events one by one. Of `codegen` it asks only which pathways can sum
before they add, as that changes the rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from plain import Wired, set_group, set_links, set_synapses, wire

from snnrun.codegen.delivery import added_terms
from snnrun.engine.recording import Memory
from snnrun.equations.dag import Kind, Op, Variable, reductions_of, walk
from snnrun.kernels import random, single_random
from snnrun.kernels.arithmetic import Precision
from snnrun.kernels.binomial import binomial_table
from snnrun.kernels.streams import stream_key
from snnrun.model.carried import carried
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    NEVER,
    Block,
    Event,
    EventSource,
    Group,
    GroupKind,
    Initial,
    Network,
    NeuronSubset,
    Operation,
    Pathway,
    Phase,
    PoissonInput,
    RateMonitor,
    Recorded,
    Slot,
    SpikeMonitor,
    StateMonitor,
    Stored,
    SynapseChoice,
    SynapseEventMonitor,
    Synapses,
    Window,
    adds_the_same,
    begins_with,
    every_of,
    made_in_order,
    with_counted_ends,
)

Array = np.ndarray[Any, np.dtype[Any]]


REAL = {Precision.DOUBLE: np.float64, Precision.SINGLE: np.float32}


def interpret(network: Network) -> Memory:
    """Everything that the network's monitors record."""
    oracle = Oracle(network)
    oracle.run()
    return oracle.memory


class Wiring:
    """Synapses in the order of memory: by source, delay (of the pathway that sorts), and number as created.

    Args:
        made: In the order of creation.
    """

    def __init__(self, made: Wired) -> None:
        self.made = made
        self.size = len(made.pre)
        sorting = made.synapses.sorting
        delays = made.delays[sorting.key] if sorting is not None else [0] * self.size
        self.created = np.array(sorted(range(self.size), key=lambda k: (made.pre[k], delays[k], k)), np.int64)
        self.order = np.argsort(self.created)
        self.pre, self.post = (np.array(ends, np.int64)[self.created] for ends in (made.pre, made.post))
        self.i, self.j = (np.array(made.values[name], np.int64) for name in ("i", "j"))


class Oracle:
    """A network that is stepped by interpretation; `arrays` holds the values of its variables."""

    def __init__(self, network: Network) -> None:
        self.network = network
        assert network.start is None
        self.memory = Memory()
        self.step = 0
        self.acting = ""  # path of the object that acts
        self.arrays: dict[tuple[str, str], Array] = {}
        self.began: dict[tuple[str, str], Array] | None = None  # values when a block began that goes one by one
        for group in network.groups.values():
            for s in group.stored:
                self.arrays[group.path, s.variable.name] = self.initially(s, group.size)
            set_links(network, group, self.arrays)
        left = list(network.groups.values())
        while left:
            ready = next(g for g in left if not begins_with(g) & {other.path for other in left})
            for line in ready.initial:
                set_group(network, ready, line, self.arrays)
            left.remove(ready)
        self.before: dict[tuple[str, str], Array] = {}  # what others see as it was before the slot
        self.precompute()
        self.wirings: dict[str, Wiring] = {}
        for synapses in made_in_order(network):
            self.wire(synapses)
        sources = [source for g in network.groups.values() for source in g.sources]
        self.history: dict[EventSource, list[list[int]]] = {source: [] for source in sources}
        self.arrived = {m.name: 0 for m in network.monitors if isinstance(m, SynapseEventMonitor)}
        self.due_now: dict[str, tuple[int, list[int]]] = {}
        self.held: dict[str, Array] = {}  # of monitors with a condition, where it holds
        self.waiting: dict[str, list[tuple[int, int]]] = {}  # of pathways whose delays change: arrival and synapse
        self.sums: dict[tuple[str, str, int], Array] = {}  # on their way along dendrites: pathway, variable, step
        self.counts: dict[str, Array] = {
            m.name: np.zeros(network.groups[m.source.group].size, np.int64)
            for m in network.monitors
            if isinstance(m, SpikeMonitor)
        }

    def wire(self, synapses: Synapses) -> None:
        """Make synapses, after those that are their source or target."""
        seen = dict(self.arrays)  # of synapses in the order of creation
        for path, other in ((w.made.synapses.path, w) for w in self.wirings.values()):
            seen |= {(path, name): np.array(values) for name, values in other.made.values.items()}
        synapses = with_counted_ends(synapses, self.size_of)
        wiring = self.wirings[synapses.name] = Wiring(wire(self.network, synapses, seen))
        for end, view in (("pre", synapses.source), ("post", synapses.target)):
            if view.section == "synapses":
                setattr(wiring, end, self.wirings[view.group].order[getattr(wiring, end)])
        for link in synapses.links:
            self.arrays[synapses.path, link.variable.name] = np.array(wiring.made.values[link.variable.name])[
                wiring.created
            ]
        for s in synapses.stored:
            values = np.array(wiring.made.values[s.variable.name], self.type_of(s.kind))
            stored = values[:1] if s.variable.shared else values[wiring.created]
            self.arrays[s.variable.owner, s.variable.name] = stored

    def size_of(self, end: NeuronSubset) -> int:
        known = self.network.groups if end.section == "groups" else self.wirings
        return known[end.group].size

    def type_of(self, kind: Kind) -> Any:
        return {Kind.FLOAT: REAL[self.network.precision], Kind.INT: np.int64, Kind.BOOL: bool}[kind]

    def initially(self, stored: Stored, size: int) -> Array:
        """A variable of a group before its `initial`."""
        array = np.zeros(1 if stored.variable.shared else size, self.type_of(stored.kind))
        if stored.variable.name == "lastspike":
            array[:] = NEVER
        if stored.variable.name == "not_refractory":
            array[:] = True
        return array

    def run(self) -> None:
        for step in range(self.network.steps):
            self.step = step
            for phase in self.network.phases:
                if phase.start == step < phase.stop:
                    self.begin(phase)
            for slot in Slot:
                self.slot(slot)
            for phase in self.network.phases:
                if phase.start <= step and phase.stop == step + 1 and phase.ends:
                    self.step = phase.stop
                    self.set(phase.ends)

    def begin(self, phase: Phase) -> None:
        """Other constants, the values that the phase sets, and what follows from both."""
        self.network = replace(phase.network, phases=self.network.phases)
        self.set(phase.sets)

    def set(self, lines: Iterable[tuple[str, Initial]]) -> None:
        """The values that a phase sets, and what follows from them."""
        for owner, line in lines:
            section, _, name = owner.partition(".")
            if section == "groups":
                set_group(self.network, self.network.groups[name], line, self.arrays, self.step)
            else:
                self.set_synapses(self.wirings[name], line)
        self.precompute()

    def set_synapses(self, wiring: Wiring, line: Initial) -> None:
        made, owner = wiring.made, wiring.made.synapses.path
        for s in made.synapses.stored:
            now = self.arrays[owner, s.variable.name]
            now = np.repeat(now, wiring.size) if s.variable.shared else now[wiring.order]
            made.values[s.variable.name] = list(now.astype(np.float64) if s.kind is Kind.FLOAT else now)
        set_synapses(self.network, made, line, self.arrays, step=self.step)
        values = np.array(made.values[line.variable.name])
        self.arrays[owner, line.variable.name][:] = values[:1] if line.variable.shared else values[wiring.created]

    def precompute(self) -> None:
        """What stays as it is while constants do."""
        for group in self.network.groups.values():
            env = self.beforehand(*self.everywhere(group.path))
            before = {a.variable: self.arrays[group.path, a.variable.name].copy() for a in group.precomputed}
            for assignment in group.precomputed:
                array = self.arrays[group.path, assignment.variable.name]
                array[:] = evaluate(assignment.value, env)
            if group.intervals is not None:
                silence = self.arrays[group.path, group.intervals.silence.name]
                first = np.broadcast_to(evaluate(group.intervals.first, env), silence.shape)
                changed = silence != before[group.intervals.silence]
                self.arrays[group.path, group.intervals.next.name][changed] = first[changed]

    def beforehand(self, at: Mapping[str, Any], elements: Any) -> Environment:
        """For values that are computed before or between steps: in double precision, rounded when stored."""

        def read(variable: Variable) -> Any:
            value = self.read(variable, at)
            return value.astype(np.float64) if value.dtype == np.float32 else value

        return replace(self.environment(at, elements), read=read, precision=Precision.DOUBLE)

    # values of variables

    def read(
        self, variable: Variable, at: Mapping[str, Any], arrays: Mapping[tuple[str, str], Array] | None = None
    ) -> Any:
        """A variable at elements: `at` maps `own`, `pre` and `post` to indices."""
        array = (self.arrays if arrays is None else arrays)[variable.owner, variable.name]
        if variable.reach == "element" or variable.owner != self.acting:
            array = self.before.get((variable.owner, variable.name), array)
        if variable.reach == "element":
            return array
        return array[0] if variable.shared else array[at[variable.reach]]

    def environment(
        self, at: Mapping[str, Any], elements: Any, leaves: Mapping[Variable, Any] | None = None
    ) -> Environment:
        known = leaves or {}
        return Environment(
            read=lambda v: known[v] if v in known else self.read(v, at),
            index=at,
            elements=elements,
            step=np.int64(self.step),
            dt=self.network.dt,
            seeds=self.network.seeds,
            arrays=self.network.arrays,
            precision=self.network.precision,
            all_of=self.all_of,
        )

    def everywhere(self, owner: str) -> tuple[dict[str, Any], Array]:
        """Indices of all elements of an object, seen from themselves, and their numbers as the user counts them."""
        section, _, name = owner.partition(".")
        if section == "groups":
            elements = np.arange(self.network.groups[name].size)
            return {"own": elements}, elements
        wiring = self.wirings[name]
        return {"own": np.arange(wiring.size), "pre": wiring.pre, "post": wiring.post}, wiring.created

    def all_of(self, owner: str) -> Environment:
        """All elements of an object, as they were when the block began; synapses as they were created."""
        at, elements = self.everywhere(owner)
        if owner.startswith("synapses."):
            order = self.wirings[owner.partition(".")[2]].order
            at, elements = {reach: index[order] for reach, index in at.items()}, elements[order]
        arrays = self.arrays if self.began is None else self.began
        return replace(self.environment(at, elements), read=lambda variable: self.read(variable, at, arrays))

    def carry_out(
        self, block: Block, at: Mapping[str, Any], elements: Any, leaves: Mapping[Variable, Any] | None = None
    ) -> None:
        """All reads of one block happen before its first write."""
        env = self.environment(at, elements, leaves)
        once = self.environment({"own": np.int64(0)}, np.int64(0))
        values = [evaluate(a.value, once if a.variable.shared else env) for a in block.assignments]
        for assignment, value in zip(block.assignments, values, strict=True):
            variable = assignment.variable
            self.arrays[variable.owner, variable.name][0 if variable.shared else at[variable.reach]] = value

    def one_by_one(self, block: Block, owner: str, elements: Iterable[int]) -> None:
        """A block for some elements, each seeing what those before it wrote."""
        everywhere, numbers = self.everywhere(owner)
        if reductions_of(*block.values):
            self.began = {key: array.copy() for key, array in self.arrays.items()}
        for k in elements:
            one = slice(k, k + 1)
            self.carry_out(block, {reach: index[one] for reach, index in everywhere.items()}, numbers[one])
        self.began = None

    def for_each(self, block: Block, owner: str) -> None:
        """A block for all elements of an object."""
        at, elements = self.everywhere(owner)
        if all(a.variable.reach == "own" for a in block.assignments):
            self.carry_out(block, at, elements)
        else:
            self.one_by_one(block, owner, at["own"])

    # what acts in a slot

    def slot(self, slot: Slot) -> None:
        """By order; of the same order the model first, then operations, then monitors, as in the file."""
        acts: list[tuple[int, int, Callable[[], None]]] = []
        if slot is Slot.SYNAPSES:
            acts += self.deliveries()
        if slot is Slot.END:
            acts.append((0, 0, self.count_rates))
        orders = {g.order for g in self.network.groups.values()} if slot in (Slot.GROUPS, Slot.RESETS) else set()
        acts += [(order, 0, self.look_back) for order in orders]
        for group in self.network.groups.values():
            if slot is Slot.GROUPS:
                acts.append((group.order, 0, partial(self.integrate, group)))
            if slot is Slot.THRESHOLDS:
                acts.append((group.order, 0, partial(self.threshold, group)))
            if slot is Slot.RESETS:
                acts.append((group.order, 0, partial(self.reset, EventSource(group.name), group.reset)))
        acts += [(order, 0, self.forget) for order in orders]
        for event in (event for group in self.network.groups.values() for event in group.events):
            if slot is Slot.THRESHOLDS:
                acts.append((self.network.groups[event.group].order, 0, partial(self.look_for, event)))
            if slot is Slot.RESETS:
                acts.append((event.order, 0, partial(self.reset_of, event)))
        for operation in self.network.operations:
            if operation.slot is slot:
                acts.append((operation.order, 1, partial(self.operate, operation)))
        for monitor in self.network.monitors:
            if isinstance(monitor, StateMonitor) and monitor.slot is slot:
                acts.append((monitor.order, 2, partial(self.sample, monitor)))
            if isinstance(monitor, SpikeMonitor) and slot is Slot.THRESHOLDS:
                acts.append((self.network.groups[monitor.source.group].order, 2, partial(self.record, monitor)))
        if slot is Slot.GROUPS:  # before the first group
            acts.append((min((g.order for g in self.network.groups.values()), default=0), -1, self.before_groups))
        for _, _, act in sorted(acts, key=lambda act: act[:2]):
            act()

    def look_back(self) -> None:
        """From here on others are seen as they are now."""
        self.before = {key: array.copy() for key, array in self.arrays.items()}

    def forget(self) -> None:
        self.before = {}

    def operate(self, operation: Operation) -> None:
        if self.is_due(operation):
            self.for_each(operation.block, operation.target)

    def is_due(self, operation: Operation) -> bool:
        return self.step % operation.every == 0 if operation.every else self.step in operation.at

    def sample(self, monitor: StateMonitor) -> None:
        if self.records(monitor.window) and self.step % monitor.every == 0:
            at, numbers = self.everywhere(monitor.source)
            ids = self.sampled(monitor)
            columns = self.columns(monitor.columns, {reach: index[ids] for reach, index in at.items()}, numbers[ids])
            before = len(range(0, self.step, monitor.every)) - len(range(0, monitor.window.start, monitor.every))
            real = np.float32 if monitor.precision is Precision.SINGLE else np.float64
            with np.errstate(over="ignore"):
                samples = {name: values[None, :].astype(real) for name, values in columns.items()}
            self.memory.states(monitor.name, samples, before)

    def sampled(self, monitor: StateMonitor) -> Array:
        """The elements a monitor samples; synapses are numbered as they were created."""
        section, _, name = monitor.source.partition(".")
        if section == "groups":
            assert isinstance(monitor.ids, range | np.ndarray)
            return np.asarray(monitor.ids)
        assert monitor.ids is None or isinstance(monitor.ids, SynapseChoice)
        return self.chosen(self.wirings[name], monitor.ids)

    def chosen(self, wiring: Wiring, choice: SynapseChoice | None) -> Array:
        """The places of chosen synapses."""
        created = np.argsort(wiring.created)
        if choice is None:
            return created
        if choice.condition is not None:
            i, j = wiring.i, wiring.j
            return created[np.flatnonzero(evaluate(choice.condition, Environment(index={"i": i, "j": j})))]
        return created[choice.numbers if choice.cut is None else choice.cut]

    def columns(self, columns: tuple[Recorded, ...], at: Mapping[str, Any], elements: Array) -> dict[str, Array]:
        env = self.environment(at, elements)
        return {c.name: np.array(np.broadcast_to(evaluate(c.node, env), elements.shape), float) for c in columns}

    def records(self, window: Window) -> bool:
        return window.start <= self.step < window.stop

    # groups

    def before_groups(self) -> None:
        self.summed()
        for group in self.network.groups.values():
            if self.step % group.every == 0:
                self.for_each(group.held, group.path)
        for synapses in self.network.synapses.values():
            self.for_each(synapses.held, synapses.path)
        self.look_back()
        for synapses in self.network.synapses.values():
            self.acting = synapses.path
            self.for_each(synapses.update, synapses.path)
        for synapses in self.network.synapses.values():
            self.for_each(synapses.of_sources, synapses.source.path)
        self.forget()

    def integrate(self, group: Group) -> None:
        if self.step % group.every:
            return
        self.acting = group.path
        self.refractoriness(group)
        self.for_each(group.update, group.path)

    def summed(self) -> None:
        """All sums are of values before any of them is rewritten."""
        terms = []
        for synapses in self.network.synapses.values():
            at, elements = self.everywhere(synapses.path)
            for summed in synapses.summed:
                if self.step % every_of(self.network, summed.target.owner):
                    continue
                value = np.broadcast_to(evaluate(summed.value, self.environment(at, elements)), elements.shape)
                view = synapses.target if summed.target.reach == "post" else synapses.source
                members = view.ids if view.section == "groups" else np.arange(self.size_of(view))
                array = self.arrays[summed.target.owner, summed.target.name]
                terms.append((array, members, at[summed.target.reach], np.array(value)))
        for array, members, _, _ in terms:
            array[members] = 0.0
        for array, _, neurons, values in terms:
            np.add.at(array, neurons, values)

    def refractoriness(self, group: Group) -> None:
        rule = group.refractory
        if rule is None:
            return
        at, elements = self.everywhere(group.path)
        env = self.environment(at, elements)
        active = self.arrays[group.path, "not_refractory"]
        if rule.steps is not None:
            active[:] = self.step - self.arrays[group.path, "lastspike"] >= evaluate(rule.steps, env)
        else:
            assert rule.condition is not None
            active[:] = active | ~np.broadcast_to(evaluate(rule.condition, env), active.shape)

    # thresholds

    def threshold(self, group: Group) -> None:
        spiking = self.spiking(group)
        self.history[EventSource(group.name)].append(spiking)
        if (group.path, "lastspike") in self.arrays:
            self.arrays[group.path, "lastspike"][spiking] = self.step
        if group.refractory is not None:
            self.arrays[group.path, "not_refractory"][spiking] = False

    def look_for(self, event: Event) -> None:
        at, elements = self.everywhere(event.source.group_path)
        holds = np.broadcast_to(evaluate(event.condition, self.environment(at, elements)), elements.shape)
        due = self.step % self.network.groups[event.group].every == 0
        self.history[event.source].append(np.flatnonzero(holds & due).tolist())

    def spiking(self, group: Group) -> list[int]:
        """The neurons that spike in this step, ascending."""
        if group.kind is GroupKind.SPIKES:
            assert group.schedule is not None
            now = self.step % group.schedule.period if group.schedule.period else self.step
            return sorted(group.schedule.ids[group.schedule.steps == now].tolist())
        if group.threshold is None or self.step % group.every:
            return []
        at, elements = self.everywhere(group.path)
        crossed = np.broadcast_to(evaluate(group.threshold, self.environment(at, elements)), elements.shape)
        if group.refractory is not None:
            crossed = crossed & self.arrays[group.path, "not_refractory"]
        return np.flatnonzero(crossed).tolist()

    def record(self, monitor: SpikeMonitor) -> None:
        now = self.history[monitor.events][self.step] if monitor.condition is None else self.became(monitor)
        if not self.records(monitor.window):
            return
        ids = np.array([k for k in now if k in set(monitor.source.ids.tolist())], np.int64)
        self.counts[monitor.name][ids] += 1
        if len(ids) and not monitor.counts_only:
            columns = self.columns(monitor.columns, {"own": ids}, ids)
            self.memory.spikes(monitor.name, np.full(len(ids), self.step), ids, columns)

    def became(self, monitor: SpikeMonitor) -> list[int]:
        """The neurons for which the condition of a monitor holds, and did not hold in the step before."""
        at, elements = self.everywhere(f"groups.{monitor.source.group}")
        assert monitor.condition is not None
        if self.step % self.network.groups[monitor.source.group].every:
            return []
        holds = np.array(np.broadcast_to(evaluate(monitor.condition, self.environment(at, elements)), elements.shape))
        before = self.held.get(monitor.name, np.zeros_like(holds))
        self.held[monitor.name] = holds
        return np.flatnonzero(holds & ~before).tolist()

    # synapses

    def deliveries(self) -> list[tuple[int, int, Callable[[], None]]]:
        found: list[tuple[int, int, Callable[[], None]]] = []
        for s in self.network.synapses.values():
            for p in s.pathways:
                for m in self.network.monitors:
                    if isinstance(m, SynapseEventMonitor) and m.synapses == s.name and s.parts(*m.pathway)[0] is p:
                        found.append((p.order, 0, partial(self.record_arrivals, m)))
                found.append((p.order, 0, partial(self.deliver, s, p)))
        return [*found, *((i.order, 0, partial(self.poisson_input, i)) for i in self.network.inputs)]

    def record_arrivals(self, monitor: SynapseEventMonitor) -> None:
        """What events find at synapses, before any statement of the pathway acts in this step."""
        if not self.records(monitor.window):
            return
        synapses, wiring = self.network.synapses[monitor.synapses], self.wirings[monitor.synapses]
        watched = set(self.chosen(wiring, monitor.ids).tolist())
        for pathway in synapses.parts(*monitor.pathway):
            ids = np.array([k for k in self.arriving(synapses, pathway) if k in watched], np.int64)
            self.arrived[monitor.name] += len(ids)
            if len(ids):
                at, numbers = self.everywhere(synapses.path)
                columns = self.columns(monitor.columns, {reach: index[ids] for reach, index in at.items()}, ids)
                self.memory.spikes(monitor.name, np.full(len(ids), self.step), numbers[ids], columns)

    def deliver(self, synapses: Synapses, pathway: Pathway) -> None:
        arriving = self.arriving(synapses, pathway)
        if pathway.dendritic is not None:
            self.carry(synapses, pathway, arriving)
        elif self.sums_first(synapses, pathway):
            self.summed_first(pathway.block, synapses.path, arriving)
        else:
            self.one_by_one(pathway.block, synapses.path, arriving)
        if pathway.trace.assignments:
            self.change_traces(synapses, pathway)

    def change_traces(self, synapses: Synapses, pathway: Pathway) -> None:
        """An event changes the traces of its neuron once; all its synapses have one delay."""
        source = synapses.trigger(pathway)
        delay = pathway.delay
        sent = self.step - (0 if delay is None else int(evaluate(delay, Environment())))
        self.one_by_one(pathway.trace, source.group_path, self.history[source][sent] if sent >= 0 else ())

    def carry(self, synapses: Synapses, pathway: Pathway, elements: list[int]) -> None:
        """Amounts are computed at the synapse, summed by the step of their arrival, and added then."""
        everywhere, numbers = self.everywhere(synapses.path)
        wiring = self.wirings[synapses.name]
        late = np.array(wiring.made.dendrites[pathway.key], np.int64)[wiring.created]
        rest, sent = carried(self.network.graph, pathway.block)
        for k in elements:
            at = {reach: index[k : k + 1] for reach, index in everywhere.items()}
            amounts = [evaluate(c.amount, self.environment(at, numbers[k : k + 1])) for c in sent]
            self.one_by_one(rest, synapses.path, [k])
            for c, amount in zip(sent, amounts, strict=True):
                self.on_the_way(pathway, synapses, c.variable, self.step + int(late[k]))[at["post"]] += amount
        for c in sent:
            target = self.arrays[c.variable.owner, c.variable.name]
            total = self.on_the_way(pathway, synapses, c.variable, self.step)
            taken = self.arrays[c.variable.owner, "not_refractory"] if c.guarded else np.ones(len(target), bool)
            target[:] = np.where(taken, target + total, target)

    def on_the_way(self, pathway: Pathway, synapses: Synapses, variable: Variable, step: int) -> Array:
        """What arrives at the targets in a step."""
        key = (synapses.pathway_path(pathway), variable.name, step)
        return self.sums.setdefault(key, np.zeros_like(self.arrays[variable.owner, variable.name]))

    def sums_first(self, synapses: Synapses, pathway: Pathway) -> bool:
        """Whether what arrives is summed before it is added: where few synapses of a source share a delay."""
        delays = self.delays(synapses, pathway)
        if pathway is not synapses.sorting or not added_terms(self.network, synapses, pathway):
            return False
        if not adds_the_same(self.network, synapses):
            return False
        width = int(delays.max() - delays.min()) + 1 if len(delays) else 1
        return len(delays) <= 20 * width * self.size_of(synapses.source)

    def summed_first(self, block: Block, owner: str, elements: list[int]) -> None:
        """What a block adds to variables of the targets, summed over all events of the step before it is added."""
        everywhere, numbers = self.everywhere(owner)
        for a in block.assignments:
            target = self.arrays[a.variable.owner, a.variable.name]
            total = np.zeros_like(target)
            active = self.arrays.get((a.variable.owner, "not_refractory"))
            guard = replace(a.variable, name="not_refractory")
            for k in elements:
                at = {reach: index[k : k + 1] for reach, index in everywhere.items()}
                leaves = {a.variable: np.zeros(1, target.dtype), guard: np.ones(1, bool)}
                env = self.environment(at, numbers[k : k + 1], leaves)
                total[at["post"]] += evaluate(a.value, env)
            guarded = any(n.payload == guard for n in walk(a.value) if n.op is Op.VARIABLE)
            taken = active if guarded and active is not None else np.ones(len(target), bool)
            target[:] = np.where(taken, target + total, target)

    def arriving(self, synapses: Synapses, pathway: Pathway) -> list[int]:
        """Synapses that a spike reaches now: oldest spikes first, then by neuron, then as created."""
        wiring = self.wirings[synapses.name]
        neurons = wiring.post if pathway.post else wiring.pre
        if pathway.moving is not None:
            return self.due(synapses, pathway, neurons)
        history = self.history[synapses.trigger(pathway)]
        delays = self.delays(synapses, pathway)
        found: list[int] = []
        phases = self.network.phases
        since = phases[pathway.since].start if pathway.since else 0
        until = self.network.steps if pathway.until is None else phases[pathway.until].start
        for age in sorted(set(delays.tolist()), reverse=True):
            if not since <= self.step - age < until:
                continue
            for neuron in history[self.step - age] if age <= self.step else ():
                due = np.flatnonzero((neurons == neuron) & (delays == age))
                found += due[np.argsort(wiring.created[due])].tolist()
        return found

    def due(self, synapses: Synapses, pathway: Pathway, neurons: Array) -> list[int]:
        """What arrives now, where a spike takes the delay that counts when it is sent."""
        assert pathway.moving is not None
        wiring, delays = self.wirings[synapses.name], self.arrays[synapses.path, pathway.moving.name]
        path = synapses.pathway_path(pathway)
        step, found = self.due_now.get(path, (-1, []))
        if step == self.step:
            return found
        waiting = self.waiting.setdefault(path, [])
        for neuron in self.history[synapses.trigger(pathway)][self.step]:
            sent = np.flatnonzero(neurons == neuron)
            waiting += [(self.step + int(delays[k]), int(k)) for k in sent[np.argsort(wiring.created[sent])]]
        found = [k for arrival, k in waiting if arrival <= self.step]
        waiting[:] = [entry for entry in waiting if entry[0] > self.step]
        self.due_now[path] = self.step, found
        return found

    def delays(self, synapses: Synapses, pathway: Pathway) -> Array:
        """Steps from spike to event of each synapse."""
        wiring = self.wirings[synapses.name]
        return np.array(wiring.made.delays[pathway.key], np.int64)[wiring.created]

    def poisson_input(self, poisson: PoissonInput) -> None:
        """variable += weight * Binomial(size, rate*dt), each neuron by inversion of one uniform number."""
        if self.step % self.network.groups[poisson.target.group].every:
            return
        neurons = np.sort(poisson.target.ids)
        if poisson.counts.op is Op.BINOMIAL:
            self.carry_out(poisson.block, {"own": neurons}, neurons)
            return
        members = np.arange(poisson.target.size)
        p = float(evaluate(poisson.probability, self.environment({}, 0)))
        with np.errstate(over="ignore"):
            uniform = single_random.uniform if self.network.precision is Precision.SINGLE else random.uniform
            u = uniform(members, self.step, self.network.seeds.of(poisson.draw.use), stream_key(poisson.draw.stream))
        real = REAL[self.network.precision]
        events = np.searchsorted(binomial_table(poisson.size, p).astype(real), u, side="right").astype(real)
        leaf = poisson.counts.payload
        assert isinstance(leaf, Variable)
        neurons = np.sort(poisson.target.ids)
        self.carry_out(poisson.block, {"own": neurons}, neurons, {leaf: events})

    # resets and end

    def reset(self, source: EventSource, block: Block) -> None:
        self.acting = source.group_path
        self.one_by_one(block, source.group_path, self.history[source][self.step])

    def reset_of(self, event: Event) -> None:
        self.look_back()
        self.reset(event.source, event.block)
        self.forget()

    def count_rates(self) -> None:
        for monitor in self.network.monitors:
            if isinstance(monitor, RateMonitor) and self.records(monitor.window):
                members = set(monitor.source.ids.tolist())
                number = sum(k in members for k in self.history[monitor.events][self.step])
                self.memory.numbers(monitor.name, np.array([number]), self.step - monitor.window.start)
