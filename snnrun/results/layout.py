"""What a run records and how results describe themselves: the contract between engine, writer, reader and plots.

Everything here is in SI units; times are in seconds. Only the writer turns times into SONATA's milliseconds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.errors import Diagnostic, StorageError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NAME_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names that may become part of a file name."""

RESULTS_FILE = "results.h5"
SWEEP_FILE = "sweep.h5"
MOST_POINTS = 1_000_000  # of a sweep
KEY_DIGITS = 32  # of the key of a point in a journal, hexadecimal
POINTS_FILE = "points.csv"
DONE_FILE = "DONE.json"
FACTS_FILE = "sweep.json"
EXPERIMENT_FILE = "experiment.yaml"
METRICS_FILE = "metrics.json"
PROVENANCE_FILE = "provenance.json"
LOG_FILE = "run.log"


class RunStatus(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class ValueType(StrEnum):
    """How the values of a recorded variable are stored; the text is numpy's name of the little-endian type."""

    DOUBLE = "<f8"
    SINGLE = "<f4"
    INTEGER = "<i8"
    BOOLEAN = "|u1"


class MonitorKind(StrEnum):
    """What a monitor records."""

    SPIKES = "spikes"
    COUNTS = "counts"
    STATE = "state"
    RATE = "rate"
    CONNECTIVITY = "connectivity"
    SYNAPSE_EVENTS = "synapse events"


@dataclass(frozen=True, slots=True)
class Column:
    """One recorded variable.

    Args:
        name: The variable, as in the file.
        unit: SI symbol text such as `V`, `S`; `1` when dimensionless.
        type: How its values are stored.
    """

    name: str
    unit: str
    type: ValueType = ValueType.DOUBLE


@dataclass(frozen=True, slots=True)
class SpikeChannel:
    """A `kind: spikes` or `kind: events` monitor.

    Args:
        name: The monitor.
        group: The group (or subgroup) it watches.
        size: Number of neurons of the whole group; ids are indices in it.
        counts_only: True when only the number of spikes of each neuron is kept.
        columns: Variables recorded at each spike, before the reset.
        dt: Step of the group's own clock, None for the run's. [s]
        window: From when to when it records, None for the whole run. [s]
        events: Whether it records other events than spikes.
        compressed: Whether its tables are compressed.
    """

    name: str
    group: str
    size: int
    counts_only: bool = False
    columns: tuple[Column, ...] = ()
    dt: float | None = None
    window: tuple[float, float] | None = None
    events: bool = False
    compressed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SynapseEventChannel:
    """A `kind: events` monitor of synapses.

    Args:
        name: The monitor.
        synapses: The synapses object it watches.
        columns: Variables recorded at each event, before the statements of the pathway.
        pre: Source neuron of each synapse, by its number, shape (synapses,).
        post: Target neuron of each synapse, by its number, shape (synapses,).
        window: From when to when it records, None for the whole run. [s]
        compressed: Whether its tables are compressed.
    """

    name: str
    synapses: str
    columns: tuple[Column, ...]
    pre: NDArray[np.integer[Any]]
    post: NDArray[np.integer[Any]]
    window: tuple[float, float] | None = None
    compressed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class StateChannel:
    """A `kind: state` monitor.

    Args:
        name: The monitor.
        source: The group or synapses object it samples.
        ids: Sampled neurons of the whole group, or synapse numbers, shape (n,).
        columns: The sampled variables.
        start: Time of the first sample. [s]
        step: Time between samples. [s]
        pre: For synapses, source neuron of each sampled synapse, shape (n,).
        post: For synapses, target neuron of each sampled synapse, shape (n,).
        window: From when to when it records, None for the whole run. [s]
        compressed: Whether its samples are compressed.
    """

    name: str
    source: str
    ids: IntArray
    columns: tuple[Column, ...]
    start: float
    step: float
    pre: IntArray | None = None
    post: IntArray | None = None
    window: tuple[float, float] | None = None
    compressed: bool = False


@dataclass(frozen=True, slots=True)
class RateChannel:
    """A `kind: rate` monitor.

    Args:
        name: The monitor.
        group: The group it watches.
        size: Number of neurons the rate is averaged over.
        bin: Width of a bin. [s]
        smooth: Width of the smoothing window, None for none. [s]
        start: Beginning of the first bin. [s]
        window: From when to when it records, None for the whole run. [s]
    """

    name: str
    group: str
    size: int
    bin: float
    smooth: float | None = None
    start: float = 0.0
    window: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ConnectivityChannel:
    """A `kind: connectivity` monitor.

    Args:
        name: The monitor.
        synapses: The synapses object whose pairs are kept.
        source: Its source group.
        target: Its target group.
        source_size: Number of neurons of the source.
        target_size: Number of neurons of the target.
    """

    name: str
    synapses: str
    source: str
    target: str
    source_size: int
    target_size: int


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """All monitors of a run."""

    spikes: tuple[SpikeChannel, ...] = ()
    states: tuple[StateChannel, ...] = ()
    rates: tuple[RateChannel, ...] = ()
    connectivities: tuple[ConnectivityChannel, ...] = ()
    synapse_events: tuple[SynapseEventChannel, ...] = ()


@dataclass(frozen=True, slots=True)
class Monitor:
    """What the results say about one monitor.

    Args:
        name: The monitor.
        kind: What it holds.
        source: The group or synapses object it watched.
        size: Number of neurons (spikes, counts, rate), samples' elements (state), pairs' sources (connectivity) or
            synapses (their events).
        columns: Its variables.
        target: For connectivity, the target group.
        window: From when to when it was to record, None for the whole run. [s]
        synapses: True for a monitor of state or events of synapses.
        dt: For spikes, step of the group's own clock, None for the run's. [s]
        events: For spikes, whether they are other events instead.
    """

    name: str
    kind: MonitorKind
    source: str
    size: int
    columns: tuple[Column, ...] = ()
    target: str | None = None
    window: tuple[float, float] | None = None
    synapses: bool = False
    dt: float | None = None
    events: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Stimulus:
    """When the frames of a stimulus are shown.

    Args:
        start: Beginning of each frame, shape (frames,). [s]
        stop: Its end, shape (frames,). [s]
        label: What it shows, shape (frames,); None where the experiment does not say.
    """

    start: FloatArray
    stop: FloatArray
    label: IntArray | None


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A consecutive range of a group's neurons with a name of its own, `start` included, `stop` not."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What pictures want to know of a group.

    Args:
        name: The group.
        size: Its number of neurons.
        threshold: Variable and SI value when the threshold is `variable > constant`.
        reset: Variable and SI value when the reset is `variable = constant`.
        refractory_s: Refractory period when it is a constant time. [s]
        subgroups: Its consecutive subgroups, in the order of the file.
        virtual: Whether its spikes are given or drawn, not those of a model.
    """

    name: str
    size: int
    threshold: tuple[str, float] | None = None
    reset: tuple[str, float] | None = None
    refractory_s: float | None = None
    subgroups: tuple[Subgroup, ...] = ()
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What results say about themselves: enough to draw them without the experiment's file.

    No clock, host or version is in here, so that the same experiment gives the same bytes.

    Args:
        name: The experiment's name.
        title: What to write above pictures.
        hash: The run's hash (8 hexadecimal digits or more).
        seed: The run's seed.
        dt: Step of the run. [s]
        duration: Length of the run. [s]
        groups: Facts about its groups, in the order of the file.
    """

    name: str
    title: str
    hash: str
    seed: int
    dt: float
    duration: float
    groups: tuple[GroupFacts, ...] = field(default=())

    def group(self, name: str) -> GroupFacts | None:
        """The facts about a group or about the group a subgroup such as `pop.exc` is part of."""
        for facts in self.groups:
            if name == facts.name or name.startswith(f"{facts.name}."):
                return facts
        return None

    def to_json(self) -> str:
        """One line of JSON with sorted keys."""
        groups = [
            {
                "name": g.name,
                "size": g.size,
                "threshold": g.threshold,
                "reset": g.reset,
                "refractory_s": g.refractory_s,
                "subgroups": [[s.name, s.start, s.stop] for s in g.subgroups],
                **({"virtual": True} if g.virtual else {}),
            }
            for g in self.groups
        ]
        plain = {"name": self.name, "title": self.title, "hash": self.hash, "seed": self.seed}
        plain |= {"dt": self.dt, "duration": self.duration, "groups": groups}
        return json.dumps(plain, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Description:
        """The description that `to_json` wrote.

        Raises:
            StorageError: The text is not one.
        """
        try:
            plain = json.loads(text)
            return cls(
                name=str(plain["name"]),
                title=str(plain["title"]),
                hash=str(plain["hash"]),
                seed=int(plain["seed"]),
                dt=float(plain["dt"]),
                duration=float(plain["duration"]),
                groups=tuple(_group_from(item) for item in plain["groups"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise storage_error("ST201", "the description in these results cannot be read") from error


def _group_from(item: dict[str, Any]) -> GroupFacts:
    refractory = item["refractory_s"]
    return GroupFacts(
        name=str(item["name"]),
        size=int(item["size"]),
        threshold=_constant_from(item["threshold"]),
        reset=_constant_from(item["reset"]),
        refractory_s=None if refractory is None else float(refractory),
        subgroups=tuple(Subgroup(str(n), int(a), int(b)) for n, a, b in item["subgroups"]),
        virtual=bool(item.get("virtual", False)),
    )


def _constant_from(pair: list[Any] | None) -> tuple[str, float] | None:
    return None if pair is None else (str(pair[0]), float(pair[1]))


def runs_of(numbers: IntArray) -> IntArray:
    """Numbers as runs of consecutive ones in their order: first and last + 1 of each, shape (runs, 2)."""
    if not len(numbers):
        return np.zeros((0, 2), np.int64)
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    firsts, lasts = numbers[np.append(0, breaks + 1)], numbers[np.append(breaks, len(numbers) - 1)]
    return np.stack([firsts, lasts + 1], axis=1).astype(np.int64)


def place_of(name: str) -> str:
    """Where a dataset stands in the file, by its name in digests: what monitors recorded is under `/snnrun`."""
    return name if name.startswith("snnrun/") else f"snnrun/{name}"


def spike_variable(monitor: str, name: str) -> str:
    """Where a variable recorded at spikes stands; one named like SONATA's own datasets steps aside."""
    return f"spikes/{monitor}/{name}_" if name in {"timestamps", "node_ids"} else f"spikes/{monitor}/{name}"


def synapse_event_variable(monitor: str, name: str) -> str:
    """Where a variable recorded at events of synapses stands; one named like the columns beside it steps aside."""
    aside = name in {"time", "synapse", "pre", "post"}
    return f"snnrun/synapse_events/{monitor}/{name}_" if aside else f"snnrun/synapse_events/{monitor}/{name}"


CURVE = re.compile(r"curve\d+")
"""The names of the series that curves of the experiment are drawn from."""


def curve_name(number: int) -> str:
    """The name of the series that a curve is drawn from."""
    return f"curve{number}"


def state_variable(monitor: str, name: str) -> str:
    """Where the samples of a variable stand; one named like the axes beside it steps aside."""
    aside = name in {"time", "element", "pre", "post"}
    return f"snnrun/states/{monitor}/{name}_" if aside else f"snnrun/states/{monitor}/{name}"


def storage_error(code: str, message: str, help: str | None = None) -> StorageError:
    """A storage error with one diagnostic."""
    return StorageError(Diagnostic(code, message, None, help))


def check_name(name: str) -> str:
    """The name itself, when it may become part of a file name.

    Raises:
        StorageError: It may not.
    """
    if NAME_PATTERN.fullmatch(name) is None or name in {".", ".."}:
        raise storage_error(
            "ST101",
            f"`{name[:80]}` cannot be part of a file name",
            "use 1 to 64 letters, digits, `_`, `.` or `-`",
        )
    return name
