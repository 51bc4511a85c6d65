"""What a kernel is given: arrays and whole numbers, each by what it is for and whose it is.

The generator asks for them, the engine makes them. What one needs to know of the other stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, TypeAlias

import numpy as np

from snnrun.equations.dag import Node
from snnrun.kernels.arithmetic import Precision

RUN = "run"
"""The owner of what no object of the file owns."""


class CType(Enum):
    """Type of an array's elements; the value is the name of the function that opens such an array."""

    F64 = "f64"
    F32 = "f32"
    I64 = "i64"
    I32 = "i32"
    U16 = "u16"
    U8 = "u8"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The same type for numpy."""
        return np.dtype(f"{self.value[0]}{int(self.value[1:]) // 8}")


REALS = {Precision.DOUBLE: CType.F64, Precision.SINGLE: CType.F32}
"""The type of a kernel's numbers. Times, and what is recorded, are float64 in either."""


def index_type(size: int) -> CType:
    """The narrowest type for numbers of neurons of a group of a size."""
    return CType.U16 if size <= 1 << 16 else CType.I32


class IntUse(StrEnum):
    """What a whole number that the engine knows is."""

    N = "n"  # elements of an object
    LOW = "low"  # the first of them that a thread owns
    HIGH = "high"  # and the one after its last
    THREAD = "thread"  # number of the thread
    THREADS = "threads"  # how many threads there are
    DEPTH = "depth"  # steps for which the spikes of a group are kept
    SCHEDULED = "scheduled"  # spikes of a list
    PERIOD = "period"  # steps after which a list repeats
    EVERY = "every"  # steps of the run in one of an object; the owner says how many
    ROOM = "room"  # events of a target that are kept until synapses see them
    BANDS = "bands"  # bands of targets of a thread
    DELAY = "delay"  # of all synapses of a pathway [steps]
    LONGEST = "longest"  # the delays of a pathway lie between these [steps]
    SHORTEST = "shortest"
    WIDTH = "width"  # different delays that `starts` tells apart
    RING = "ring"  # whether a pathway has a ring of sums
    MASK = "mask"  # steps of the ring less one
    SINCE = "since"  # a part of a pathway takes the spikes of steps between these
    UNTIL = "until"
    BINOMIAL = "binomial"  # entries of a table of probabilities
    ROWS = "rows"  # of a timed array
    COLUMNS = "columns"
    CAPACITY = "capacity"  # of the buffer of a monitor
    WATCHED = "watched"  # number of what a failure is told of
    SEED = "seed"  # the owner is a use of random numbers
    STREAM = "stream"  # the owner is the name of a stream

    def of(self, owner: str = RUN) -> IntKey:
        """The number of this use of an object."""
        return IntKey(self, owner)


@dataclass(frozen=True, slots=True)
class IntKey:
    """A whole number that the engine knows.

    Args:
        use: What it is.
        owner: Whose.
    """

    use: IntUse
    owner: str = RUN


class Lifetime(Enum):
    """How long what an array holds is needed."""

    FIXED = "fixed"  # it stays as it was built; where a phase has other constants, the engine replaces it
    STATE = "state"  # from step to step: it is part of the state of a run
    STEP = "step"  # written and read within a step
    RECORD = "record"  # recorded: until the engine hands it over, after a call of the kernel


@dataclass(frozen=True, slots=True)
class _Traits:
    """What holds for all arrays of a use.

    Args:
        label: The name of the use in files of checkpoints.
        type: Of the elements; None where it depends on the array, see `KernelArray`.
        lifetime: How long the content is needed.
        length: Of a buffer that only the kernel knows, how many elements it has; None: it is part of the network.
        per_thread: Whether each thread has a row of its own.
        aligned: Whether loops go through it at each step, so that it begins with a line of the cache.
        by_step: Whether it has a place for each of several steps, see `Access.waits_for`.
        of_synapses: Whether it has one element a synapse, in storage order, where synapses own it.
    """

    label: str
    type: CType | None
    lifetime: Lifetime = Lifetime.FIXED
    length: IntUse | None = None
    per_thread: bool = False
    aligned: bool = False
    by_step: bool = False
    of_synapses: bool = False


class ArrayUse(Enum):
    """What an array of a run is for."""

    # variables of groups and synapses, and values on their way to them
    VARIABLE = _Traits("variable", None, Lifetime.STATE, aligned=True, of_synapses=True)
    BEFORE = _Traits("before", None, Lifetime.STEP, IntUse.N, aligned=True)  # a variable as it was before a slot
    SUM = _Traits("sum", None, Lifetime.STEP, IntUse.N, aligned=True)
    RING = _Traits("ring", None, Lifetime.STATE, aligned=True)
    RANDOM = _Traits("random", None, Lifetime.STEP, IntUse.N, aligned=True)
    REDUCED = _Traits("reduced", None, Lifetime.STEP, IntUse.THREADS)  # of all elements of an object; one is used
    GATHERED = _Traits("gathered", None, Lifetime.STEP, IntUse.N)  # of the synapses of each neuron of a group
    SCRATCH = _Traits("scratch", None, Lifetime.STEP, IntUse.N, aligned=True)
    FROZEN = _Traits("frozen", CType.I32, Lifetime.STEP, IntUse.N)
    FROZEN_NUMBER = _Traits("frozen_number", CType.I64, Lifetime.STEP, IntUse.THREADS)
    # of a group's neurons, those that move (`resting`)
    MOVING = _Traits("moving", CType.I32, Lifetime.STEP, IntUse.N)
    LISTED = _Traits("listed", CType.U8, Lifetime.STEP, IntUse.N)
    MOVING_NUMBER = _Traits("moving_number", CType.I64, Lifetime.STEP, IntUse.THREADS)
    # spikes
    FLAGS = _Traits("flags", CType.U8, Lifetime.STEP, aligned=True)
    SPIKES = _Traits("spikes", CType.I32, Lifetime.STATE, by_step=True)
    LENGTHS = _Traits("number", CType.I64, Lifetime.STATE, by_step=True)
    BOUNDS = _Traits("bounds", CType.I64)
    SCHEDULE_STEPS = _Traits("schedule_steps", CType.I64)
    SCHEDULE_IDS = _Traits("schedule_ids", CType.I64)
    CURSOR = _Traits("cursor", CType.I64, Lifetime.STATE)
    # connections
    PRE = _Traits("pre", None, of_synapses=True)
    POST = _Traits("post", None, of_synapses=True)
    CREATED = _Traits("created", CType.I64, of_synapses=True)
    RANGES = _Traits("ranges", CType.I64)  # where ranges of synapses begin, and the end of the last
    BY_CREATION = _Traits("by_creation", CType.I64)  # places of synapses, in the order in which they were created
    ROWS = _Traits("rows", CType.I64, per_thread=True)
    COLUMNS = _Traits("columns", CType.I64)
    COLUMN_ORDER = _Traits("column_order", CType.I64)
    COLUMN_PRE = _Traits("column_pre", None)  # sources of synapses, in that order
    EVENTS = _Traits("events", CType.I64, Lifetime.STATE)  # of targets, that wait: steps
    ARRIVED = _Traits("arrived", CType.U8, Lifetime.STATE)  # how many of them each target has had
    SETTLED = _Traits("settled", CType.U8, Lifetime.STATE)  # and had had when no synapse had any left to see
    SEEN = _Traits("seen", CType.U8, Lifetime.STATE, of_synapses=True)  # how many a synapse has seen
    LATE = _Traits("late", None, Lifetime.STEP, per_thread=True)  # synapses of a row at which some wait
    DELAYS = _Traits("delays", CType.I32)
    DELAY_ORDER = _Traits("delay_order", CType.I64)
    STARTS = _Traits("starts", CType.I32, per_thread=True)
    SEGMENTS = _Traits("segments", CType.I64, Lifetime.STEP, per_thread=True)
    DENDRITES = _Traits("dendrites", CType.I32)  # the second part of delays in steps, of each synapse
    CARRIED = _Traits("carried", None, Lifetime.STATE, aligned=True)  # sums on their way to the targets
    ARRIVALS = _Traits("arrivals", CType.I64, Lifetime.STATE)  # of spikes on their way, where delays change: steps
    WAITING = _Traits("waiting", CType.I64, Lifetime.STATE)  # and synapses
    # inputs and operations
    SUBSET = _Traits("subset", CType.I64)
    BINOMIAL = _Traits("binomial", None)
    TIMED = _Traits("timed", None)
    TIMED_GRID = _Traits("timed_grid", CType.F64)
    TIMED_POINTS = _Traits("timed_points", CType.F64)
    AT = _Traits("at", CType.I64)
    # monitors
    MEMBER = _Traits("member", CType.U8)
    IDS = _Traits("ids", CType.I64)
    COUNTS = _Traits("counts", CType.I64, Lifetime.STATE)
    COUNT = _Traits("count", CType.I64, Lifetime.STATE)
    ROOM = _Traits("room", CType.I64, Lifetime.STATE, by_step=True)
    KEPT = _Traits("kept", None, Lifetime.STATE, IntUse.N)  # of each neuron of a group, by the name of the monitor
    RECORD = _Traits("record", CType.F64, Lifetime.RECORD)
    # values of synapses while these are made (`fills`)
    OUT = _Traits("out", CType.F64)
    NAN = _Traits("nan", CType.F64)
    STEPS = _Traits("steps", CType.I64)
    DELAY = _Traits("delay", CType.I32)
    SPAN = _Traits("span", CType.I64)
    TARGET = _Traits("target", CType.I32)
    OUTGOING = _Traits("outgoing", CType.I64)
    VIEW_I = _Traits("view_i", CType.I32)
    VIEW_J = _Traits("view_j", CType.I32)
    # the run
    DT = _Traits("dt", CType.F64)
    NUMBERS = _Traits("numbers", None)
    SIZES = _Traits("sizes", CType.I64, per_thread=True)
    BARRIER = _Traits("barrier", CType.I64, Lifetime.STEP)
    LAPS = _Traits("laps", CType.I64, Lifetime.STEP, per_thread=True)  # how long the parts of a step took [ticks]
    FAILURE = _Traits("failure", CType.I64, Lifetime.STEP, per_thread=True)
    FAILED_VALUE = _Traits("failed_value", CType.F64, Lifetime.STEP, per_thread=True)

    def __init__(self, traits: _Traits) -> None:
        self.traits = traits

    def __repr__(self) -> str:
        return str(self)

    __hash__ = object.__hash__  # that of `Enum` is computed in Python

    def of(self, owner: str, name: str = "") -> ArrayKey:
        """The array of this use of an object."""
        return ArrayKey(self, owner, name)


@dataclass(frozen=True, slots=True)
class ArrayKey:
    """An array of a run.

    Args:
        use: What it is for.
        owner: Path of its object in the file (`groups.x`), or `RUN`.
        name: Which of several: a variable, a stream of random numbers, a recorded column.
    """

    use: ArrayUse
    owner: str
    name: str = ""

    @property
    def text(self) -> str:
        """It as one line, for files."""
        return f"{self.use.traits.label}|{self.owner}|{self.name}"

    @classmethod
    def from_text(cls, text: str) -> ArrayKey:
        """The array that `text` was of."""
        label, owner, name = text.split("|")
        return cls(_BY_LABEL[label], owner, name)


_BY_LABEL = {use.traits.label: use for use in ArrayUse}


@dataclass(frozen=True, slots=True)
class KernelArray:
    """An array as a kernel opens it.

    Args:
        key: Which.
        type: What its elements are taken for.
    """

    key: ArrayKey
    type: CType

    @classmethod
    def of(cls, key: ArrayKey, type: CType | None = None) -> KernelArray:
        """The array, of the type that its use says unless one is given."""
        type = type or key.use.traits.type
        assert type is not None, key
        return cls(key, type)

    @property
    def length(self) -> IntKey | None:
        """Of a buffer that only the kernel knows, how many elements it has; None: it is part of the network."""
        use = self.key.use.traits.length
        return None if use is None else use.of(RUN if use is IntUse.THREADS else self.key.owner)


THREAD, THREADS = THREAD_NUMBERS = IntUse.THREAD.of(), IntUse.THREADS.of()
"""Numbers that every call may use: of the thread, and how many there are."""

FIRST_AMOUNT = -(2**32)
"""Code of failures of random numbers: less the number of the node that no random number can have."""

IntValue: TypeAlias = Node | IntKey | int
"""A whole number that a kernel is given: a graph, a number that the engine knows, or one that the network says."""
