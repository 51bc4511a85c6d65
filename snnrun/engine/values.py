"""Values of variables computed from graphs: at the start of a run, and at the start of a phase."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from snnrun.codegen.arguments import ArrayKey, ArrayUse, IntKey, IntUse, Lifetime
from snnrun.codegen.module import Kernel
from snnrun.connect.connectivity import Connectivity
from snnrun.equations.dag import Kind, Node, Variable
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.model.elapsed import current, refresh
from snnrun.model.evaluate import Environment, evaluate, evaluate_all, evaluate_whole, full, holds_inf, indices
from snnrun.model.lists import lists_must_fit, values_of
from snnrun.model.network import (
    CONNECTED,
    MULTISYNAPTIC,
    NEVER,
    Connect,
    Group,
    Initial,
    IntArray,
    Network,
    NeuronSubset,
    Pathway,
    Stored,
    Synapses,
)
from snnrun.source import Span

Array = np.ndarray[Any, np.dtype[Any]]
EVERY = slice(None)
LINE = 64  # bytes of a line of the cache, and of the widest vector
_SHORT, _LONG = 8 * LINE, 1 << 26  # bytes: what is shorter gains nothing, what is longer is not worth a copy
STORED: dict[Kind, Any] = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.uint8}


def cache_aligned(array: Array) -> Array:
    """A contiguous array that begins with a line of the cache, so that no vector lies across two; copied if need be."""
    if not _SHORT <= array.nbytes <= _LONG or array.ctypes.data % LINE == 0:
        return array
    room = np.empty(array.nbytes + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    placed = room[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    placed[...] = array
    return placed


@dataclass
class Built:
    """A network in memory.

    Args:
        arrays: By use and owner.
        connectivity: Synapses by name of their object.
        numbers: Whole numbers that kernels ask for.
        own_numbers: The same where they differ between threads, shape (threads,) each.
        notes: What a person should know of how it was made.
        kernels: Networks of phases by identity, with the numbers and their order that the kernel is given.
    """

    network: Network
    kernel: Kernel
    arrays: dict[ArrayKey, Array] = field(default_factory=dict)
    connectivity: dict[str, Connectivity] = field(default_factory=dict)
    numbers: dict[IntKey, int] = field(default_factory=dict)
    own_numbers: dict[IntKey, IntArray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kernels: dict[int, tuple[Network, Kernel]] = field(default_factory=dict)

    def counts(self, monitor: str) -> IntArray:
        """How many spikes of each neuron of its group a spike monitor has seen so far, shape (size of the group,)."""
        return self.arrays[ArrayUse.COUNTS.of(f"monitors.{monitor}")]

    def variable(self, variable: Variable) -> Array:
        """The array of a variable."""
        return self.arrays[ArrayUse.VARIABLE.of(variable.owner, variable.name)]

    def changes(self, key: ArrayKey) -> bool:
        """Whether an array is part of the state of a run: what a step finds in it, an earlier step has left there.

        All others stay as they were built, hold nothing from one step to the next, or are what is recorded.
        """
        if key.use.traits.lifetime is not Lifetime.STATE:
            return False
        fixed = key.use is ArrayUse.VARIABLE and (key.owner, key.name) not in self.network.changing_variables
        return not fixed or bool(self.network.hooks)  # which may change any variable

    @property
    def state(self) -> dict[ArrayKey, Array]:
        """The arrays that make up the state of a run."""
        return {key: array for key, array in self.arrays.items() if self.changes(key)}

    def tables(self) -> list[IntArray]:
        """Addresses of the arrays in the kernel's order, a table for each thread; the arrays must stay alive."""
        arrays = [(self.arrays[a.key], a.key.use.traits.per_thread) for a in self.kernel.arrays]
        return [
            np.array([(a[part] if own else a).ctypes.data for a, own in arrays], dtype=np.int64)
            for part in range(self.network.threads)
        ]


def read_neurons(built: Built, variable: Variable, pre: IntArray, post: IntArray) -> Any:
    """A neuron's variable at both ends of pairs, or of all neurons (`Op.ELEMENT` chooses among them)."""
    section, _, name = variable.owner.partition(".")
    if section == "synapses":
        array = values_of_synapses(built, built.network.synapses[name], variable.name)
    else:
        array = built.variable(variable)
    if variable.shared:
        return array[0]
    chosen: Any = EVERY if variable.reach == "element" else pre if variable.reach == "pre" else post
    values = array[chosen]
    return values.astype(bool if array.dtype == np.uint8 else np.result_type(values, np.int64), copy=False)


def values_of_synapses(built: Built, synapses: Synapses, name: str) -> Array:
    """A variable of synapses, or what every synapse knows of itself, in the order of creation, shape (m,)."""
    connectivity = built.connectivity[synapses.name]
    if name in CONNECTED:
        return SynapseValues(built, built.network, synapses, connectivity).hidden(name)
    array: Array = connectivity.in_creation_order(built.arrays[ArrayUse.VARIABLE.of(synapses.path, name)])
    return array


def numbers_within_pairs(pre: IntArray, post: IntArray) -> IntArray:
    """How many earlier synapses the pair of each synapse has, shape (m,); both ends in the order of creation."""
    order = np.lexsort((post, pre))  # stable: synapses of a pair stay as created
    a, b = pre[order], post[order]
    first = np.flatnonzero(np.append(True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])))[: len(pre)]
    found = np.empty(len(pre), dtype=np.int64)
    found[order] = np.arange(len(pre)) - np.repeat(first, np.diff(np.append(first, len(pre))))
    return found


def group_environment(
    built: Built, network: Network, group: Group, step: int = 0, part: NeuronSubset | None = None
) -> Environment:
    """What leaves stand for, for the neurons of a group or of a part of it, with the values as they are now."""
    neurons = indices(group.size) if part is None else part.ids

    def read(variable: Variable) -> Any:
        array = built.variable(variable)
        whole = part is None or variable.reach == "element"
        value = array[0] if variable.shared else array if whole else array[neurons]
        return value.astype(bool if array.dtype == np.uint8 else np.result_type(value, np.int64), copy=False)

    return Environment(
        read=read,
        index={"own": neurons, "list": indices(len(neurons))},
        elements=neurons,
        step=step,
        dt=network.dt,
        seeds=network.seeds,
        arrays=network.arrays,
        all_of=partial(all_elements, built, network, step),
    )


def all_elements(built: Built, network: Network, step: int, owner: str) -> Environment:
    """What leaves stand for, for all elements of an object, with the values as they are now."""
    section, _, name = owner.partition(".")
    if section == "groups":
        return group_environment(built, network, network.groups[name], step)
    values = SynapseValues(built, network, network.synapses[name], built.connectivity[name])
    values.load()
    return values.environment(step)


def value_now(built: Built, network: Network, owner: str, name: str, step: int) -> Any:
    """A variable or subexpression of a group or of synapses as it is now. [SI].

    Args:
        built: The network in memory.
        network: The network whose constants count.
        owner: Path of the object.
        name: Of the variable, or `i`, `j`, `N_incoming`, `N_outgoing` of synapses.
        step: The step that is next.

    Returns:
        A number where there is one only, else one value an element, shape (n,); synapses in the order of creation.
    """
    section, _, key = owner.partition(".")
    if section == "groups":
        group = network.groups[key]
        found = group.expressions.get(name)
        graph, size = found[0] if found is not None else None, group.size
        env = group_environment(built, network, group, step) if graph is not None else None
        stored = built.arrays.get(ArrayUse.VARIABLE.of(owner, name))
    else:
        synapses = SynapseValues(built, network, network.synapses[key], built.connectivity[key])
        graph, size = synapses.graph_of(name), synapses.connectivity.size
        if graph is not None:
            synapses.load()
        env = synapses.environment(step)
        if name in CONNECTED:
            stored = synapses.hidden(name)
        elif graph is None:
            stored = synapses.connectivity.in_creation_order(built.arrays[ArrayUse.VARIABLE.of(owner, name)])
    if graph is not None:
        assert env is not None
        values = evaluate(graph, replace(env, precision=network.precision))
        array = np.broadcast_to(np.asarray(values, np.float64), size)
    else:
        assert stored is not None
        array = stored.astype(np.float64)
    return float(array[0]) if len(array) == 1 else array


def bring_up_to_date(built: Built, network: Network, step: int) -> None:
    """Make all event-driven variables of a network what they are before a step; its constants count."""
    for synapses in network.synapses.values():
        if synapses.elapsed.assignments:
            now = SynapseValues(built, network, synapses, built.connectivity[synapses.name])
            now.load()
            now.bring_up_to_date(step)
            now.keep()
        for traces in synapses.traces:
            end = synapses.target if traces.post else synapses.source
            env = group_environment(built, network, network.groups[end.group], step)
            values = evaluate_all(traces.elapsed.values, env)
            for a, value in zip(traces.elapsed.assignments, values, strict=True):
                built.variable(a.variable)[...] = value


def set_group(built: Built, network: Network, group: Group, line: Initial, step: int = 0) -> None:
    """Carry out one line of `initial`, or of a phase's `set`, on a group."""
    env = group_environment(built, network, group, step, line.part)
    array = built.variable(line.variable)
    if line.variable.shared:
        env = replace(env, index={"own": np.int64(0), "list": np.int64(0)}, elements=np.int64(0))
    values, beyond = evaluate_whole(line.value, env)
    where = True if line.where is None else evaluate(line.where, env)
    must_be_whole(beyond, where, line)
    stored = next(s for s in group.stored if s.variable == line.variable)
    chosen: Any = EVERY if line.part is None else line.part.ids
    old = array[chosen]
    array[chosen] = checked_values(values, len(old), stored, line, where, 0, old)


def wrong_refractory(built: Built, network: Network, group: Group, step: int = 0) -> tuple[int, str] | None:
    """A neuron whose refractory time is negative or NaN, and what it is; of times that change, one that has spiked."""
    rule = group.refractory
    if rule is None or rule.time is None:
        return None
    env = replace(group_environment(built, network, group, step), precision=network.precision)
    seconds = full(evaluate(rule.time, env), group.size, np.float64)
    wrong = ~(seconds >= 0)
    if not rule.steady:
        wrong &= built.arrays[ArrayUse.VARIABLE.of(group.path, "lastspike")] != NEVER
    if not np.any(wrong):
        return None
    k = int(np.argmax(wrong))
    return k, "not a number (NaN)" if np.isnan(seconds[k]) else f"negative: {seconds[k]:g} s"


class SynapseValues:
    """Values of synaptic variables in creation order, as the user counts synapses.

    Args:
        built: The network in memory.
        network: The network whose constants count.
        synapses: The object.
        connectivity: Its pairs.
    """

    def __init__(self, built: Built, network: Network, synapses: Synapses, connectivity: Connectivity) -> None:
        self.built = built
        self.network = network
        self.synapses = synapses
        self.connectivity = connectivity
        self.kinds = {s.variable: s.kind for s in synapses.stored}
        self.arrays: dict[str, Array] = {}

    @cached_property
    def pre(self) -> IntArray:
        """Source neuron of each synapse, shape (m,)."""
        return np.asarray(self.connectivity.in_creation_order(self.connectivity.pre), dtype=np.int64)

    @cached_property
    def post(self) -> IntArray:
        """Target neuron of each synapse, shape (m,)."""
        return np.asarray(self.connectivity.in_creation_order(self.connectivity.post), dtype=np.int64)

    def start(self) -> None:
        """Take the values at the start of the run."""
        m = self.connectivity.size
        self.arrays |= {
            s.variable.name: np.zeros(1 if s.variable.shared else m, STORED[s.kind]) for s in self.synapses.stored
        }
        for link in self.synapses.links:
            lists_must_fit(link.index, m, link.span, "the list of indices", _MADE)
            self.arrays[link.variable.name] = link.elements(evaluate(link.index, self.environment()), m)
        for line in self.synapses.initial:
            self.set(line)
        for rule, part in self.rules():
            for line in rule.initial:
                self.set(line, part=part)

    def rules(self) -> Iterator[tuple[Connect, slice]]:
        """Each rule, and which synapses are its own."""
        ends = np.cumsum(self.connectivity.rule_sizes).tolist()
        for rule, size, end in zip(self.synapses.connect, self.connectivity.rule_sizes, ends, strict=True):
            yield rule, slice(end - size, end)

    def load(self) -> None:
        """Take the values as they are now."""
        for variable in (*(s.variable for s in self.synapses.stored), *(k.variable for k in self.synapses.links)):
            self.arrays[variable.name] = self.connectivity.in_creation_order(self.built.variable(variable))

    def keep(self) -> None:
        """Make these the values of the run."""
        for stored in self.synapses.stored:
            self.built.variable(stored.variable)[...] = self.stored(stored.variable.name)

    def stored(self, name: str) -> Array:
        """The values of a variable in storage order."""
        array = self.hidden(name) if name in CONNECTED else self.arrays[name]
        order = self.connectivity.order
        return array if order is None or len(array) != self.connectivity.size else array[order]

    def graph_of(self, name: str) -> Node | None:
        """What computes a subexpression or event-driven variable between two steps; None of what is stored as it is."""
        found = self.synapses.expressions.get(name)
        driven = Variable(self.synapses.path, name)
        if found is None and driven not in (a.variable for a in self.synapses.elapsed.assignments):
            return None
        node = found[0] if found is not None else self.network.graph.variable(driven)
        return current(self.network.graph, self.synapses, node)

    def bring_up_to_date(self, step: int) -> None:
        """Make event-driven variables what they are before a step, as if an event had just been there."""
        env = self.environment(step)
        values = refresh(self.network.graph, self.synapses.elapsed)
        new = {
            v.name: full(evaluate(node, env), self.connectivity.size, STORED[self.kinds[v]])
            for v, node in values.items()
        }
        self.arrays |= new

    def hidden(self, name: str) -> IntArray:
        """What every synapse knows of itself: its indices, and how many synapses its two neurons have."""
        if name in ("i", "j"):
            return self.connectivity.i if name == "i" else self.connectivity.j
        if name == MULTISYNAPTIC:
            return numbers_within_pairs(self.pre, self.post)
        neurons = self.post if name == "N_incoming" else self.pre
        return np.bincount(neurons, minlength=1)[neurons].astype(np.int64)

    def environment(self, step: int = 0, part: slice = EVERY) -> Environment:
        """What leaves stand for, for all synapses or the part of a rule."""

        def read(variable: Variable) -> Any:
            if variable.owner != self.synapses.path:
                return read_neurons(self.built, variable, self.pre[part], self.post[part])
            if variable.name in CONNECTED:
                return self.hidden(variable.name)[part]
            array = self.arrays[variable.name][0 if variable.shared else part]
            return array.astype(bool) if array.dtype == np.uint8 else array

        chosen = indices(self.connectivity.size)[part]
        return Environment(
            read=read,
            index={"pre": self.pre[part], "post": self.post[part], "list": indices(len(chosen))},
            elements=chosen,
            step=step,
            dt=self.network.dt,
            seeds=self.network.seeds,
            arrays=self.network.arrays,
            all_of=partial(all_elements, self.built, self.network, step),
        )

    def set(self, line: Initial, step: int = 0, part: slice = EVERY) -> None:
        """Set a variable of all synapses, or of the part of a rule."""
        env = self.environment(step, part)
        if line.variable.shared:
            env = replace(env, index={"list": np.int64(0)}, elements=np.int64(0))
        stored = next(s for s in self.synapses.stored if s.variable == line.variable)
        array = self.arrays[line.variable.name][part]
        lists_must_fit(line.value, len(array), line.span, f"the list for `{line.variable.name}`", _MADE)
        values, beyond = evaluate_whole(line.value, env)
        where = True if line.where is None else evaluate(line.where, env)
        must_be_whole(beyond, where, line, part.start or 0)
        array[...] = checked_values(values, len(array), stored, line, where, part.start or 0, array)

    def delays(self, pathway: Pathway) -> IntArray:
        """Delay of each synapse in steps, in creation order; one entry when all are equal."""
        if pathway.uniform_delay:
            steps = 0 if pathway.delay is None else evaluate(pathway.delay, Environment())
            return np.array([steps], dtype=np.int64)
        steps = np.zeros(self.connectivity.size, np.int64)
        if pathway.delay is not None:
            lists_must_fit(pathway.delay, self.connectivity.size, pathway.span, "the list of delays", _MADE)
            steps[...] = evaluate(pathway.delay, self.environment())
        if not pathway.post:
            of_rules = pathway.rule_delays or [rule.delay for rule in self.synapses.connect]
            for delay, (rule, part) in zip(of_rules, self.rules(), strict=True):
                if delay is not None:
                    number = part.stop - part.start
                    lists_must_fit(delay, number, rule.delay_span, "the list of delays", _MADE)
                    steps[part] = evaluate(delay, self.environment(part=part))
        return steps


def delays_of(built: Built, synapses: Synapses, pathway: Pathway) -> IntArray:
    """The delay of each synapse as the kernel has it, in steps, shape (synapses,), in creation order."""
    owner = synapses.pathway_path(pathway)
    connectivity = built.connectivity[synapses.name]
    if pathway.uniform_delay:
        return np.full(connectivity.size, built.numbers[IntUse.DELAY.of(owner)], np.int64)
    if pathway.moving is not None:
        moving: IntArray = connectivity.in_creation_order(built.variable(pathway.moving))
        return moving
    kept = built.arrays[ArrayUse.DELAYS.of(owner)].astype(np.int64)
    if pathway is synapses.sorting:
        stored = kept
    else:
        stored = np.empty_like(kept)
        stored[built.arrays[ArrayUse.DELAY_ORDER.of(owner)]] = kept
    found = np.empty_like(stored)
    found[connectivity.created] = stored
    return found


_MADE = "synapses are made"


def must_be_whole(beyond: Any, where: Any, line: Initial, first: int = 0) -> None:
    """Refuse values that `int()` or `poisson()` could not make whole.

    Args:
        beyond: Where they could not.
        where: Which elements take the values.
        line: The line that says the values.
        first: Number of the first element, for messages.

    Raises:
        ExperimentError: NET142.
    """
    wrong = np.atleast_1d(beyond & where)
    if np.any(wrong):
        k = first + int(np.argmax(wrong))
        raise problem(
            "NET142",
            f"the value of `{line.variable.name}` is no whole number at index {k}: `int` was given NaN or a number "
            "beyond 9.2e18, or a random number an argument that it cannot have",
            line.span,
        )


def checked_values(
    values: Any, size: int, stored: Stored, line: Initial, where: Any = True, first: int = 0, old: Any = 0
) -> Array:
    """Values as an array of the variable's type.

    Args:
        values: What a line of the file says.
        size: How many are needed.
        stored: The variable.
        line: The line.
        where: Which elements take the values.
        first: Number of the first element, for messages.
        old: What the others keep.

    Raises:
        ExperimentError: NET141 for a list of the wrong length, NET142 for NaN, or for infinity that the line does
            not name, or that is the value of a differential equation.
    """
    if np.ndim(values) and len(values) != size:
        raise problem(
            "NET141",
            f"the list for `{line.variable.name}` has {values_of(len(values))}, {size} are needed",
            line.span,
        )
    checked: Array = full(np.where(where, values, old), size, STORED[stored.kind])
    if stored.kind is Kind.FLOAT and not np.all(np.isfinite(checked)):
        fine = ~np.isnan(checked) if not stored.state and holds_inf(line.value) else np.isfinite(checked)
        wrong = ~fine & where
        if np.any(wrong):
            k = int(np.argmax(wrong))
            what = "not a number (NaN)" if np.isnan(checked[k]) else f"infinite ({checked[k]:g})"
            message = f"the value of `{line.variable.name}` is {what} at index {first + k}"
            raise problem("NET142", message, line.span)
    return checked


def problem(code: str, message: str, span: Span | None) -> ExperimentError:
    """An error found while values are computed."""
    return ExperimentError(Diagnostic(code, message, span))
