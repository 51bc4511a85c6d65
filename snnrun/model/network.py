"""The network as the kernels see it: SI floats, arrays and graphs. No units, no text to parse, no files.

`resolve` makes it, `codegen` prints it as a kernel, `engine` allocates and runs it, the oracle of the tests interprets
it. What happens in a step, in order:

    start       operations (when: start), then state monitors sample
    groups      summed variables; `constant over dt`; synaptic equations; refractoriness; equations of groups
    thresholds  neurons that spike are listed, `lastspike` and `not_refractory` set; neurons that have a custom event
                are listed; monitors of spikes and events record
    synapses    pathways and Poisson inputs act, by order, then as in the file
    resets      the resets of neurons that spiked and the statements of events, by order, then as in the file
    end         rate monitors; operations (when: end)

All reads of one block happen before its first write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.dag import Draw, Graph, Kind, Node, Variable, variables_of
from snnrun.equations.methods.system import System
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.kernels.arithmetic import Math, Precision
from snnrun.source import Span
from snnrun.units.dimensions import Dimension

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = range | IntArray
"""Different indices in an order of their own; a range where they are evenly spaced, so that many take no memory."""


class Slot(Enum):
    """The parts of a step."""

    START = "start"
    GROUPS = "groups"
    THRESHOLDS = "thresholds"
    SYNAPSES = "synapses"
    RESETS = "resets"
    END = "end"


@dataclass(frozen=True, slots=True)
class Stored:
    """A variable that has an array.

    Args:
        variable: Its identity.
        kind: FLOAT (float64), INT (int64) or BOOL (uint8).
        dimension: Its dimension, for messages and results.
        state: Whether the kernel changes it by an equation (checked for NaN).
    """

    variable: Variable
    kind: Kind
    dimension: Dimension
    state: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """One write of a block: `variable` at the current index becomes `value`."""

    variable: Variable
    value: Node


@dataclass(frozen=True, slots=True)
class Block:
    """Writes that belong together; every value is a graph of what held before the block."""

    assignments: tuple[Assignment, ...] = ()

    @property
    def values(self) -> tuple[Node, ...]:
        """The graphs of all writes."""
        return tuple(a.value for a in self.assignments)


EMPTY = Block()


@dataclass(frozen=True, slots=True)
class Initial:
    """One line of `initial`: values set before the run, in the order written.

    Args:
        variable: What is set.
        value: Graph evaluated once for each element.
        where: Only elements for which this holds; None for all.
        span: The line's place, for errors found when the values are computed.
        part: Only these neurons, in whose order a list is given; None for all.
    """

    variable: Variable
    value: Node
    where: Node | None
    span: Span | None
    part: NeuronSubset | None = None


@dataclass(frozen=True, slots=True)
class NeuronSubset:
    """A group, or the part of it that a subgroup names; or all synapses of an object, as created.

    Args:
        group: Name of the group, or of the synapses object.
        name: As the file names it (`pop` or `pop.exc`).
        members: Neuron indices in the whole group, all different, in the order of the file.
        whole: Whether it is all of the group, in its order.
        section: `groups` or `synapses`.
        counted: Whether the number of members is known. That of synapses may be an estimate until they are made.
    """

    group: str
    name: str
    members: Indices
    whole: bool
    section: str = "groups"
    counted: bool = True

    @property
    def path(self) -> str:
        """Place in the file of the whole object."""
        return f"{self.section}.{self.group}"

    @property
    def size(self) -> int:
        """Number of neurons."""
        return len(self.members)

    @property
    def ids(self) -> IntArray:
        """Neuron indices in the whole group, in the order of the file, shape (n,)."""
        return as_array(self.members)

    @property
    def ascending(self) -> bool:
        """Whether the neurons are in the order of the group."""
        return bool(self.members.step > 0 if isinstance(self.members, range) else np.all(np.diff(self.members) > 0))

    def places(self, neurons: NDArray[np.integer[Any]]) -> IntArray:
        """The index within the view of each neuron; -1 for those that are not in it."""
        return places_in(self.members, neurons)


def as_array(indices: Indices) -> IntArray:
    """Indices as an array."""
    if isinstance(indices, range):
        return np.arange(indices.start, indices.stop, indices.step, dtype=np.int64)
    return indices


def elements_at(indices: Indices, positions: IntArray) -> IntArray:
    """The indices at some positions; of a range, without making all of it."""
    return indices.start + indices.step * positions if isinstance(indices, range) else indices[positions]


def places_in(members: Indices, wanted: NDArray[np.integer[Any]]) -> IntArray:
    """The position among `members` of each wanted index; -1 for those that are not there."""
    wanted = np.asarray(wanted, dtype=np.int64)
    if not len(members):
        return np.full(wanted.shape, -1, dtype=np.int64)
    if isinstance(members, range):
        place = wanted - members.start
        outside: Any = False
        if members.step != 1:
            place, rest = np.divmod(place, members.step)
            outside = rest != 0
        return np.where(outside | (place < 0) | (place >= len(members)), -1, place)
    order = np.argsort(members, kind="stable")
    ascending = members[order]
    place = np.minimum(np.searchsorted(ascending, wanted), len(members) - 1)
    return np.where(ascending[place] == wanted, order[place], -1)


class GroupKind(Enum):
    """Where the spikes of a group come from."""

    NEURONS = "neurons"
    POISSON = "poisson"
    SPIKES = "spikes"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Spikes known beforehand, of a `kind: spikes` group.

    Args:
        steps: Time of each spike in steps, ascending, shape (n,).
        ids: Its neuron, ascending within a step, shape (n,).
        period: Steps after which all repeat; 0 for never.
    """

    steps: IntArray
    ids: IntArray
    period: int


SPIKE = "spike"  # the event that `threshold` decides


@dataclass(frozen=True, slots=True)
class EventSource:
    """An event of a group. In each step the neurons that have it are listed, for pathways, statements and monitors.

    Args:
        group: Name of the group.
        event: `spike`, or the name of a custom event.
    """

    group: str
    event: str = SPIKE

    @property
    def name(self) -> str:
        """What no other event has: the name of the group for its spikes."""
        return self.group if self.event == SPIKE else f"{self.group}.events.{self.event}"

    @property
    def path(self) -> str:
        """The owner of its lists of neurons."""
        return f"groups.{self.name}"

    @property
    def group_path(self) -> str:
        """The place of the group in the file."""
        return f"groups.{self.group}"


@dataclass(frozen=True, slots=True)
class Event:
    """A custom event of a group.

    Args:
        name: Its name.
        group: Name of the group.
        condition: Graph of the condition; every neuron for which it holds has the event.
        block: What happens to these neurons, in the slot `resets`.
        order: Position among the resets of the network.
    """

    name: str
    group: str
    condition: Node
    block: Block = EMPTY
    order: int = 0

    @property
    def source(self) -> EventSource:
        """The event as others know it."""
        return EventSource(self.group, self.name)


LONGEST_DELAY = 2**20  # steps: of a delay
NEVER = -(2**62)  # `lastspike` of a neuron that has not spiked yet, in steps: before all that any run can reach


@dataclass(frozen=True, slots=True)
class Refractory:
    """When a neuron may spike again.

    Args:
        steps: Length in steps as a graph (INT), for a refractory time; else None.
        condition: The neuron stays refractory while this holds; else None.
        time: The refractory time as a graph. [s]
        steady: Whether it stays as it is at the start of the run.
        span: Its place.
    """

    steps: Node | None
    condition: Node | None
    time: Node | None = None
    steady: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Intervals:
    """Spikes with a fixed probability in each step, as intervals between them: what a step costs is what spikes.

    The number of silent steps before a spike is geometric; it is drawn when the last spike is there.

    Args:
        next: The step of a neuron's next spike (INT); read by the threshold, written by the reset.
        silence: The precomputed variable s with P(n silent steps) = exp(-n/s); where it changes, `next` is drawn anew.
        first: Graph of `next` when this step is the first that may have a spike (INT).
        chance: Graph of the probability of a spike in a step.
    """

    next: Variable
    silence: Variable
    first: Node
    chance: Node


@dataclass(frozen=True, slots=True)
class Integration:
    """The chosen method, for people.

    Args:
        method: Its name.
        reason: Why it was chosen, or what it is.
        variables: What it integrates.
        system: What it was made from, to find other methods that fit.
    """

    method: str
    reason: str
    variables: tuple[str, ...]
    system: System


@dataclass(frozen=True, slots=True)
class Link:
    """Which element of a group each element of an object reads through a linked variable.

    Args:
        variable: Holds the index of that element within its whole group (INT).
        index: Graph of its index within `view`, evaluated before any initial value (INT).
        view: What is counted.
        span: Where the file says it.
    """

    variable: Variable
    index: Node
    view: NeuronSubset
    span: Span

    def elements(self, index: Any, size: int) -> IntArray:
        """The elements of the whole group that indices within the view stand for, shape (size,).

        Raises:
            ExperimentError: NET155, an index does not exist.
        """
        found = np.broadcast_to(np.asarray(index, np.int64), (size,))
        wrong = (found < 0) | (found >= self.view.size)
        if np.any(wrong):
            k = int(np.argmax(wrong))
            name = self.variable.name.partition(".")[0]
            view = f"`{self.view.name}` has 0 to {self.view.size - 1}"
            message = f"`{name}` of element {k} is linked to index {found[k]}: {view}"
            raise ExperimentError(Diagnostic("NET155", message, self.span))
        return elements_at(self.view.members, found)


@dataclass(frozen=True, slots=True)
class Group:
    """Neurons with the same equations, a Poisson source, or a list of spikes.

    Args:
        rate_span: The place of its rates.
        events: Custom events; their conditions are looked at when the neurons that spike are known.
        every: Steps of the run in one of its own: its equations, threshold, events and inputs act when the step is a
            multiple.
    """

    name: str
    size: int
    kind: GroupKind
    stored: tuple[Stored, ...] = ()
    expressions: Mapping[str, tuple[Node, Dimension]] = field(default_factory=dict)
    precomputed: tuple[Assignment, ...] = ()
    held: Block = EMPTY
    refractory: Refractory | None = None
    update: Block = EMPTY
    threshold: Node | None = None
    reset: Block = EMPTY
    initial: tuple[Initial, ...] = ()
    subgroups: Mapping[str, NeuronSubset] = field(default_factory=dict)
    schedule: Schedule | None = None
    integration: Integration | None = None
    intervals: Intervals | None = None
    order: int = 0
    rate_span: Span | None = None
    events: tuple[Event, ...] = ()
    every: int = 1
    links: tuple[Link, ...] = ()

    @property
    def path(self) -> str:
        """Its place in the file."""
        return f"groups.{self.name}"

    @property
    def sources(self) -> tuple[EventSource, ...]:
        """All its events, spikes first."""
        return (EventSource(self.name), *(event.source for event in self.events))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All that it writes to its variables."""
        return (self.held, self.update, self.reset, *(event.block for event in self.events))


@dataclass(frozen=True, slots=True)
class Pathway:
    """Statements that act on synapses when a neuron spikes, or has another event.

    Args:
        name: Its name in the file; `on_pre` and `on_post` may both have a pathway of one name.
        post: Triggered by the events of the target instead of the source.
        block: What happens at each synapse.
        delay: Graph of the delay in steps (INT); evaluated once for each synapse.
        uniform_delay: Whether the delay is the same for all synapses.
        order: Position among the pathways of the network.
        span: Place of the delay or of the statements.
        since: Where phases set the delay, a pathway has a part for each delay, and a spike takes the part that counts
            when it is sent. This part counts from the start of the phase of this number, or from the first step (0).
        until: It counts until the start of this phase; None: to the end.
        rule_delays: Delays in steps of the rules' own synapses while this part counts; empty: as the rules say.
        event: Which event: `spike`, or a custom event of the group.
        moving: The variable of the synapses that holds their delays in steps, where operations change them; `delay` is
            then what it begins with. A spike takes the delay that counts when it is sent.
        dendritic: Graph of the second part of a delay in steps (INT): what the statements add to variables of the
            target arrives so much later (`model/carried.py`); `delay` is then the axonal part. None: at once.
        trace: What an event does to the traces of its neuron, once all its synapses are done (`Synapses.traces`).
    """

    name: str
    post: bool
    block: Block
    delay: Node | None
    uniform_delay: bool
    order: int
    span: Span | None
    since: int = 0
    until: int | None = None
    rule_delays: tuple[Node | None, ...] = ()
    event: str = SPIKE
    moving: Variable | None = None
    dendritic: Node | None = None
    trace: Block = EMPTY

    @property
    def is_part(self) -> bool:
        """Whether only the spikes of some phases take it."""
        return self.since > 0 or self.until is not None

    @property
    def key(self) -> str:
        """What no other pathway of the synapses has: the key of the file that it stands under, and its name."""
        side = "on_post" if self.post else "on_pre"
        return side if self.name == side else f"{side}.{self.name}"

    @property
    def delay_name(self) -> str:
        """The name of its delays as a variable of the synapses."""
        return f"delay_{self.key.replace('.', '_')}"


@dataclass(frozen=True, slots=True)
class Summed:
    """A neuron's variable that is the sum over its synapses.

    Args:
        target: The variable of the group, with reach `post` or `pre`.
        value: What each synapse adds.
    """

    target: Variable
    value: Node


@dataclass(frozen=True, slots=True)
class All:
    """Every source with every target (`all`), or where a condition holds, with a probability.

    Args:
        where: Condition on i, j and variables of both ends; None for all.
        p: Probability; None for certainty.
    """

    where: Node | None = None
    p: Node | None = None


@dataclass(frozen=True, slots=True)
class OneToOne:
    """Source k with target k."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Listed pairs; indices count within the views.

    Args:
        pre: Source indices, shape (n,).
        post: Target indices, shape (n,).
    """

    pre: IntArray
    post: IntArray


@dataclass(frozen=True, slots=True)
class Generated:
    """For each source i, the targets that a text generates; or for each target j, the sources.

    Args:
        of: Whose partners are generated: `out` for those of each source, `in` for those of each target.
        element: The partner's index as a graph of the neuron's and the loop variable.
        variable: The leaf that stands for the loop variable; None for a plain expression.
        kind: `single`, `range` or `sample`.
        bounds: start, stop and step as graphs of the neuron's index.
        p: Probability of each.
        size: Number to `sample` without replacement.
        condition: Keep only these.
        skip_if_invalid: Leave out indices that do not exist instead of refusing them.
    """

    of: str
    element: Node
    variable: Node | None
    kind: str
    bounds: tuple[Node, Node, Node] | None
    p: Node | None
    size: Node | None
    condition: Node | None
    skip_if_invalid: bool


@dataclass(frozen=True, slots=True)
class FixedDegree:
    """A number of synapses for each neuron or in all, with random partners.

    Args:
        of: Who has them: each target (`in`), each source (`out`), or all together (`total`).
        number: How many, as a graph (INT) of the neuron's index and variables.
        multapses: Whether a pair may have several synapses.
        autapses: Whether a neuron may connect to itself.
    """

    of: str
    number: Node
    multapses: bool
    autapses: bool


Rule: TypeAlias = All | OneToOne | Pairs | Generated | FixedDegree


@dataclass(frozen=True, slots=True)
class Connect:
    """One rule of `connect`, between two views.

    Args:
        rule: What to connect.
        source: Where i counts.
        target: Where j counts.
        stream: Name of its random numbers.
        span: Its place in the file.
        initial: Values of synaptic variables that only this rule's synapses get.
        delay: Delay in steps that only this rule's synapses get, or None.
        delay_span: Its place in the file.
        n: Synapses a pair, as a graph (INT); None for one.
    """

    rule: Rule
    source: NeuronSubset
    target: NeuronSubset
    stream: str
    span: Span | None
    initial: tuple[Initial, ...] = ()
    delay: Node | None = None
    delay_span: Span | None = None
    n: Node | None = None


@dataclass(frozen=True, slots=True)
class Traces:
    """Event-driven variables that are the same for all synapses of a neuron, and so its own (`model/traces.py`).

    Args:
        post: Whose neuron: that of the target, or that of the source.
        names: Their names in the synapses.
        elapsed: What they become when they are brought up to date between two steps.
    """

    post: bool
    names: tuple[str, ...]
    elapsed: Block


@dataclass(frozen=True, slots=True)
class Synapses:
    """All synapses of one object between a source and a target.

    Args:
        elapsed: What an event does first: event-driven variables become what they are now, `lastupdate` this step.
        traces: Those of the neurons at its ends; `expressions` has them by their names in the synapses.
        of_sources: What the equations make of variables that are kept once a source (`model/of_sources.py`), in every
            step; `expressions` has them too.
    """

    name: str
    source: NeuronSubset
    target: NeuronSubset
    stored: tuple[Stored, ...]
    expressions: Mapping[str, tuple[Node, Dimension]]
    update: Block
    summed: tuple[Summed, ...]
    pathways: tuple[Pathway, ...]
    connect: tuple[Connect, ...]
    initial: tuple[Initial, ...]
    integration: Integration | None
    elapsed: Block = EMPTY
    links: tuple[Link, ...] = ()
    held: Block = EMPTY
    traces: tuple[Traces, ...] = ()
    of_sources: Block = EMPTY

    @property
    def path(self) -> str:
        """Its place in the file."""
        return f"synapses.{self.name}"

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """Dimensions of its variables and subexpressions by name."""
        found = {s.variable.name: s.dimension for s in self.stored}
        return found | {name: dimension for name, (_, dimension) in self.expressions.items()}

    def parts(self, name: str, post: bool) -> list[Pathway]:
        """The pathway of a name, or all its parts: the last one counts at the end of the run."""
        return [p for p in self.pathways if p.post is post and p.name.partition("@")[0] == name]

    def trigger(self, pathway: Pathway) -> EventSource:
        """The event that one of its pathways follows."""
        return EventSource((self.target if pathway.post else self.source).group, pathway.event)

    def pathway_path(self, pathway: Pathway) -> str:
        """The place in the file of one of its pathways."""
        return f"{self.path}.{pathway.key}"

    @property
    def moving(self) -> dict[str, Pathway]:
        """The pathways whose delays operations change, by the names of the variables that hold these."""
        return {p.moving.name: p for p in self.pathways if p.moving is not None}

    @property
    def divisible(self) -> bool:
        """Whether threads can share its work by target neurons.

        Nothing may be written to a source, or to a target that is also read as a source or through a link. Spikes on
        their way with delays that change are in one list.
        """
        if self.moving:
            return False
        blocks = [self.update, *(p.block for p in self.pathways)]
        written = [a.variable for block in blocks for a in block.assignments] + [s.target for s in self.summed]
        changed = {(v.owner, v.name) for v in written if v.reach == "post"}
        others = [v for block in blocks for v in variables_of(*block.values) if v.reach in ("pre", "element")]
        read = {(v.owner, v.name) for v in others}
        return all(v.reach != "pre" for v in written) and not changed & read

    @property
    def banded(self) -> bool:
        """Whether target neurons may be served one band after the other: each then sees the same events in order."""
        return self.divisible and all(p.uniform_delay for p in self.pathways if not p.post)

    @property
    def sorting(self) -> Pathway | None:
        """The pathway by whose delays the synapses of a source are sorted, when there is just one to choose."""
        various = [p for p in self.pathways if not p.post and not p.uniform_delay]
        return various[0] if len(various) == 1 and not various[0].is_part and not self.moving else None


@dataclass(frozen=True, slots=True)
class PoissonInput:
    """The sum of many Poisson trains into one variable.

    Args:
        target: The neurons.
        variable: What they receive.
        size: Number of trains a neuron.
        probability: Graph of rate*dt.
        weight: Graph of what one event adds.
        draw: Its random numbers.
        block: The write: variable + weight * count, `count` being the leaf `counts`.
        counts: The leaf that stands for the number of events where the probability is fixed; else the graph that
            draws it for each neuron.
        rate_span: Place of the rate.
    """

    name: str
    target: NeuronSubset
    variable: Variable
    size: int
    probability: Node
    draw: Draw
    block: Block
    counts: Node
    order: int = 0
    rate_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """Statements that run at times.

    Args:
        target: `groups.x` or `synapses.x`.
        block: What it does, to each element.
        every: Period in steps; 0 when `at` lists the times.
        at: Steps at which it runs, ascending.
        slot: The slot in which it acts.
        order: Position within the slot.
    """

    name: str
    target: str
    block: Block
    every: int
    at: IntArray
    slot: Slot
    order: int

    def acts_within(self, start: int, stop: int) -> bool:
        """Whether it runs at some step from `start` on and before `stop`."""
        if self.every:
            return -(-start // self.every) * self.every < stop
        return bool(np.any((self.at >= start) & (self.at < stop)))


@dataclass(frozen=True, slots=True)
class Hook:
    """A Python function called every so many steps, at the start of the step.

    Args:
        acts: Whether it is called; in the network of a phase, whether it is in this phase.
    """

    name: str
    file: str
    function: str
    every: int
    acts: bool = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """One column of a monitor."""

    name: str
    node: Node
    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Window:
    """Steps in which a monitor records: start <= s < stop."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class SpikeMonitor:
    """Records which neuron has an event when, or of which neuron a condition becomes true.

    Args:
        columns: Values before the resets.
        condition: Graph of the condition; None for an event of the group.
        event: The event: `spike`, or a custom event.
        compressed: Whether what it records is compressed in the file.
    """

    name: str
    source: NeuronSubset
    columns: tuple[Recorded, ...]
    counts_only: bool
    window: Window
    condition: Node | None = None
    event: str = SPIKE
    compressed: bool = False

    @property
    def events(self) -> EventSource:
        """The event that it records, where it has no condition."""
        return EventSource(self.source.group, self.event)

    @property
    def of_spikes(self) -> bool:
        """Whether it records spikes, not other events."""
        return self.condition is None and self.event == SPIKE

    @property
    def trains(self) -> int:
        """Number of trains of events that metrics see: one a neuron."""
        return self.source.size

    def train_of(self, ids: IntArray) -> IntArray:
        """The train of each recorded event, shape (n,)."""
        return ids if self.source.whole else self.source.places(ids)


@dataclass(frozen=True, slots=True)
class SynapseChoice:
    """Some synapses of an object, chosen before their number is known: by one of three ways.

    Args:
        what: Who chooses, for messages.
        span: Where the file chooses.
        numbers: Numbers as created, in the user's order, shape (n,); negative ones count from the last.
        cut: Numbers from, to and step, as of a Python slice.
        condition: What holds for a chosen synapse, on the indices `i` and `j` of its neurons.
    """

    what: str
    span: Span
    numbers: IntArray | None = None
    cut: slice | None = None
    condition: Node | None = None


@dataclass(frozen=True, slots=True)
class SynapseEventMonitor:
    """Records values of synapses when events arrive at them by a pathway.

    Args:
        synapses: The synapses object.
        pathway: The name of the pathway, and whether it is `on_post`.
        columns: Values before the statements of the pathway, in the step of the arrival.
        ids: What chooses the synapses; None for all.
        compressed: Whether what it records is compressed in the file.
    """

    name: str
    synapses: str
    pathway: tuple[str, bool]
    columns: tuple[Recorded, ...]
    ids: SynapseChoice | None
    window: Window
    compressed: bool = False
    counts_only: ClassVar = False

    @property
    def trains(self) -> int:
        """Number of trains of events that metrics see: one of all synapses."""
        return 1

    def train_of(self, ids: IntArray) -> IntArray:
        """The train of each recorded event, shape (n,)."""
        return np.zeros_like(ids)

    @property
    def number(self) -> int | None:
        """Number of synapses; None when it is known only once they are made."""
        numbers = None if self.ids is None else self.ids.numbers
        return None if numbers is None else len(numbers)


@dataclass(frozen=True, slots=True)
class StateMonitor:
    """Samples variables every so many steps.

    Args:
        source: `groups.x` or `synapses.x`.
        ids: Elements, in the user's order; of synapses what chooses them, or None for all.
        every: Steps between samples.
        slot: The slot in which it samples.
        order: Position within the slot.
        precision: Of the numbers that are recorded.
        compressed: Whether they are compressed in the file.
    """

    name: str
    source: str
    columns: tuple[Recorded, ...]
    ids: Indices | SynapseChoice | None
    every: int
    window: Window
    slot: Slot
    order: int = 0
    precision: Precision = Precision.DOUBLE
    compressed: bool = False

    @property
    def number(self) -> int | None:
        """Number of elements; None when it is known only once the synapses are made."""
        ids = self.ids.numbers if isinstance(self.ids, SynapseChoice) else self.ids
        return None if ids is None else len(ids)


@dataclass(frozen=True, slots=True)
class RateMonitor:
    """Counts the spikes of a view in each step."""

    name: str
    source: NeuronSubset
    bin: int
    smooth: float | None
    window: Window

    @property
    def events(self) -> EventSource:
        """What it counts."""
        return EventSource(self.source.group)


@dataclass(frozen=True, slots=True)
class ConnectivityMonitor:
    """Stores the realised synapses, their variables and their delays after the run.

    Args:
        synapses: The synapses object.
        variables: Which of its variables are stored.
        delays: Which delays: the name of each in the results, and its pathway: its name and whether it is `on_post`.
    """

    name: str
    synapses: str
    variables: tuple[str, ...] = ()
    delays: tuple[tuple[str, tuple[str, bool]], ...] = ()


RunningMonitor: TypeAlias = SpikeMonitor | SynapseEventMonitor | StateMonitor | RateMonitor
"""A monitor that records during the run."""

Monitor: TypeAlias = RunningMonitor | ConnectivityMonitor


EARLY = 1e-3  # steps: of a time within this before an entry, the entry counts


@dataclass(frozen=True, slots=True)
class Presentations:
    """When the frames of a stimulus are shown, one after the other.

    Args:
        starts: First step of each frame, ascending, shape (frames,).
        stops: The step after its last, shape (frames,).
        labels: What each frame is, shape (frames,); None where the file does not say.
        pause: Steps from the end of a frame to the next.
        known: Whether they are shown at these steps only; not where the array is read at another time than `t`.
    """

    starts: IntArray
    stops: IntArray
    labels: IntArray | None
    pause: int
    known: bool = True

    @property
    def period(self) -> int:
        """Steps from the beginning of a frame to that of the next."""
        return int(self.stops[0]) + self.pause

    def frame_of(self, steps: IntArray) -> IntArray:
        """The frame that is shown at each step, shape (n,); -1 in pauses, before the first and after the last."""
        if not len(self.starts):
            return np.full(len(steps), -1, np.int64)
        frame = np.searchsorted(self.starts, steps, side="right") - 1
        return np.where(steps < self.stops[np.maximum(frame, 0)], frame, -1)

    def labelled(self, label: int) -> Presentations:
        """Only the frames with a label."""
        chosen = np.zeros(0, np.int64) if self.labels is None else np.flatnonzero(self.labels == label)
        return replace(self, starts=self.starts[chosen], stops=self.stops[chosen], labels=np.full(len(chosen), label))


@dataclass(frozen=True, slots=True)
class TimedArray:
    """Values over time; before the first and after the last of its times it has the first and the last value.

    A time counts as reached `EARLY` of a step before it, so that the rounding of t never picks the entry before.

    Args:
        values: Shape (times,) or (times, columns).
        dt: Length of one entry; 0 where entries differ in length. [s]
        times: When each entry begins, ascending, shape (times,); None where all last `dt`. [s]
        linear: Whether values lie on straight lines between the times.
        presentations: Of a stimulus, when its frames are shown.
    """

    name: str
    values: FloatArray
    dt: float
    dimension: Dimension
    times: FloatArray | None = None
    linear: bool = False
    presentations: Presentations | None = None


@dataclass(frozen=True, slots=True)
class Seeds:
    """The seed of each use of random numbers, so that one can vary while another is frozen."""

    connect: int
    initial: int
    noise: int
    input: int

    def of(self, use: str) -> int:
        """The seed of a use by name."""
        return int(getattr(self, use))


@dataclass(frozen=True, slots=True)
class StopWhen:
    """What ends a phase early.

    Args:
        condition: As written.
        every: Steps between two looks at it, counted from the start of the phase.
    """

    condition: str
    every: int


@dataclass(frozen=True, slots=True)
class Loop:
    """Phases that are repeated until a condition holds at the end of a repetition.

    Args:
        name: What is repeated.
        rounds: The numbers of the first and of the last phase of each repetition there may be.
        until: The condition, as written.
    """

    name: str
    rounds: tuple[tuple[int, int], ...]
    until: str


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of a run.

    Args:
        start: Its first step.
        stop: The step after its last.
        sets: Values that variables take before its first step; each with the path of their object.
        network: The network with the constants of this phase, and only the monitors that record in it switched on.
        stop_when: What ends it before `stop`; then the phases after it begin earlier.
        alters: Synapses objects whose statements may compute other values from this phase on.
        ends: Values that variables take after its last step; each with the path of their object.
        measures: The constants that are computed at its end.
        constants: The values of the constants of the file in this phase, in SI units, for conditions.
    """

    name: str
    start: int
    stop: int
    sets: tuple[tuple[str, Initial], ...]
    network: Network
    stop_when: StopWhen | None = None
    alters: frozenset[str] = frozenset()
    ends: tuple[tuple[str, Initial], ...] = ()
    measures: tuple[str, ...] = ()
    constants: Mapping[str, tuple[float, Dimension]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """The values that variables begin with, from the end of another run.

    Args:
        values: By path of the object and name of the variable; of synapses in the order of creation.
        wirings: For each synapses object the hash of its pairs, see `pairs_hash`.
        spikes: The last events of groups, by `EventSource.name`, in their order: steps, counted from the end of that
            run (-1 is the last one), and neurons; shape (n,) each.
        kept: For each of them, of how many of the last steps it is known.
        span: Where the file names the run.
    """

    values: Mapping[tuple[str, str], NDArray[np.generic]]
    wirings: Mapping[str, str]
    spikes: Mapping[str, tuple[IntArray, IntArray]]
    kept: Mapping[str, int]
    span: Span


@dataclass(frozen=True)  # without slots, for what is computed once
class Network:
    """Everything a run needs.

    Args:
        graph: The graph all nodes belong to.
        dt: The step. [s]
        steps: Length of the run in steps.
        phases: Its parts, when there are several.
        loops: Which of them are repeated until a condition holds; inner ones before those around them.
        threads: How many threads a run takes; results do not depend on it.
        start: What variables begin with instead of their initial values.
    """

    name: str
    graph: Graph
    dt: float
    steps: int
    seeds: Seeds
    groups: Mapping[str, Group]
    synapses: Mapping[str, Synapses]
    inputs: tuple[PoissonInput, ...]
    operations: tuple[Operation, ...]
    hooks: tuple[Hook, ...]
    monitors: tuple[Monitor, ...]
    arrays: Mapping[str, TimedArray]
    math: Math = Math.STRICT
    precision: Precision = Precision.DOUBLE
    phases: tuple[Phase, ...] = ()
    loops: tuple[Loop, ...] = ()
    threads: int = 1
    start: Start | None = None

    @property
    def stored(self) -> list[Stored]:
        """All variables with arrays: of groups, then of synapses."""
        groups = [s for group in self.groups.values() for s in group.stored]
        return groups + [s for synapses in self.synapses.values() for s in synapses.stored]

    @property
    def neurons(self) -> int:
        """Number of neurons, those of Poisson groups and lists of spikes included."""
        return sum(group.size for group in self.groups.values())

    @cached_property
    def changing_variables(self) -> frozenset[tuple[str, str]]:
        """Variables that anything but a Python function changes during the run, by owner and name."""
        blocks = [b for g in self.groups.values() for b in g.blocks]
        blocks += [block for s in self.synapses.values() for block in (s.held, s.update, s.of_sources, s.elapsed)]
        blocks += [block for s in self.synapses.values() for p in s.pathways for block in (p.block, p.trace)]
        blocks += [i.block for i in self.inputs] + [o.block for o in self.operations]
        written = {(a.variable.owner, a.variable.name) for b in blocks for a in b.assignments}
        written |= {(s.target.owner, s.target.name) for x in self.synapses.values() for s in x.summed}
        written |= {(line.variable.owner, line.variable.name) for p in self.phases for _, line in (*p.sets, *p.ends)}
        if self.phases:  # each computes them from its constants
            written |= {(g.path, a.variable.name) for g in self.groups.values() for a in g.precomputed}
        written |= {(g.path, name) for g in self.groups.values() for name in ("lastspike", "not_refractory")}
        return frozenset(written)


def everything(group: str, size: int) -> NeuronSubset:
    """All neurons of a group."""
    return NeuronSubset(group, group, range(size), whole=True)


def all_synapses(name: str, size: int, *, counted: bool = True) -> NeuronSubset:
    """All synapses of an object, as an end of other synapses."""
    return NeuronSubset(name, name, range(size), whole=True, section="synapses", counted=counted)


def every_of(network: Network, path: str) -> int:
    """Steps of the run in one of an object; synapses take those of the run."""
    section, _, name = path.partition(".")
    return network.groups[name].every if section == "groups" else 1


def made_in_order(network: Network) -> list[Synapses]:
    """The synapses, each after those that are its source or target."""
    found: dict[str, Synapses] = {}

    def add(synapses: Synapses) -> None:
        for end in (synapses.source, synapses.target):
            if end.section == "synapses":
                add(network.synapses[end.group])
        found.setdefault(synapses.name, synapses)

    for synapses in network.synapses.values():
        add(synapses)
    return list(found.values())


def with_counted_ends(synapses: Synapses, size_of: Callable[[NeuronSubset], int]) -> Synapses:
    """The synapses of an object whose source or target are synapses, once these are made.

    Args:
        synapses: The object.
        size_of: Gives the number of elements of an end.

    Raises:
        ExperimentError: NET181, NET184 or NET186, a rule that these numbers do not allow.
    """

    def counted(view: NeuronSubset) -> NeuronSubset:
        return view if view.section == "groups" else all_synapses(view.group, size_of(view))

    if {synapses.source.section, synapses.target.section} == {"groups"}:
        return synapses
    rules = tuple(replace(r, source=counted(r.source), target=counted(r.target)) for r in synapses.connect)
    for rule in rules:
        _must_be_possible(rule)
    return replace(synapses, source=counted(synapses.source), target=counted(synapses.target), connect=rules)


def _must_be_possible(rule: Connect) -> None:
    """Refuse a rule between ends whose sizes do not allow it."""
    n, m = rule.source.size, rule.target.size
    problem = None
    match rule.rule:
        case OneToOne() if n != m:
            names = f"{rule.source.name} has {n}, {rule.target.name} {m}"
            problem = ("NET181", f"one_to_one needs ends of equal size: {names}")
        case Pairs(pre=pre, post=post):
            for ids, size, word in ((pre, n, "source"), (post, m, "target")):
                wrong = ids[(ids < 0) | (ids >= size)]
                if len(wrong):
                    problem = ("NET184", f"{word} index {wrong[0]} is outside 0 to {size - 1}")
        case FixedDegree(of="total", number=number, multapses=multapses):
            wanted = int(number.payload)  # type: ignore[call-overload] # that of a literal
            if wanted > n * m and (not multapses or not n * m):
                problem = ("NET186", f"`fixed_total` is {wanted}, but only {n * m} different pairs exist")
        case _:
            pass
    if problem is not None:
        raise ExperimentError(Diagnostic(*problem, rule.span))


def part(group: str, name: str, members: Indices, size: int) -> NeuronSubset:
    """Some neurons of a group, in an order of their own."""
    return NeuronSubset(group, name, members, whole=members == range(size) if isinstance(members, range) else False)


def chosen(members: Indices, positions: Indices) -> Indices:
    """The members at some positions, in the order of the positions."""
    if isinstance(members, range) and isinstance(positions, range) and len(positions):
        return members[positions.start :: positions.step][: len(positions)]
    return evenly(elements_at(members, as_array(positions)))


def evenly(ids: IntArray) -> Indices:
    """The same indices, as a range where they are evenly spaced."""
    first, step = (int(ids[0]), int(ids[1] - ids[0])) if len(ids) > 1 else (int(ids[0]) if len(ids) else 0, 1)
    if step == 0 or np.any(np.diff(ids) != step):
        return ids
    return range(first, first + step * len(ids), step)


def linked_groups(group: Group, network: Network) -> list[Group]:
    """A group, and those whose variables its values at the start are computed from."""
    found = {group.path: group}
    left = [group]
    while left:
        for path in begins_with(left.pop()) - found.keys():
            found[path] = network.groups[path.partition(".")[2]]
            left.append(found[path])
    return list(found.values())


def begins_with(group: Group) -> set[str]:
    """Paths of other groups whose variables the values of a group at the start are computed from."""
    nodes = [n for line in group.initial for n in (line.value, line.where) if n is not None]
    nodes += [a.value for a in group.precomputed]
    return {v.owner for v in variables_of(*nodes)} - {group.path}


def begun_in_order(network: Network) -> list[Group]:
    """The groups, each after those that the values of its variables at the start are computed from."""
    found: dict[str, Group] = {}

    def begin(group: Group) -> None:
        for path in sorted(begins_with(group) - found.keys()):
            begin(network.groups[path.partition(".")[2]])
        found.setdefault(group.path, group)

    for group in network.groups.values():
        begin(group)
    return list(found.values())


MULTISYNAPTIC = "multisynaptic_index"
"""The variable that counts the synapses of a pair; in the file it has the name that the key of this name gives it."""

CONNECTED = ("i", "j", "N_incoming", "N_outgoing", MULTISYNAPTIC)  # what connections decide


def adds_the_same(network: Network, synapses: Synapses) -> bool:
    """Whether statements of synapses compute the same in all phases, so at the spike the same as when it arrives."""
    return not any(synapses.name in phase.alters for phase in network.phases)
