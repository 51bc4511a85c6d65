"""Numbers computed from what monitors record, while they record it.

A metric is an expression over functions of monitors (`mean_rate(out)`, `max(v)`). Each function has an accumulator
that takes chunks as they come, so nothing has to be kept, and whose value does not depend on how the chunks are cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Protocol

import numpy as np

from snnrun.network.ir import FloatArray, IntArray, SpikeMonitor, StateMonitor
from snnrun.records import dataclass

ROWS = 1024  # samples are summed in blocks of this many, whatever the chunks


class Accumulator(Protocol):
    """Takes what a monitor records."""

    def value(self) -> float | FloatArray:
        """The result so far, in SI units."""


class SpikeAccumulator(Accumulator, Protocol):
    """Takes spikes."""

    train: Train

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Spikes in ascending order; neurons count within the monitor's view."""


class StateAccumulator(Accumulator, Protocol):
    """Takes samples."""

    def samples(self, data: FloatArray) -> None:
        """Samples, shape (samples, elements). [SI]."""


@dataclass(slots=True)
class Train:
    """What is known of a spike monitor beforehand.

    Args:
        size: Neurons it watches.
        spans: First step and step after the last of each stretch that it records, in order and not touching. A phase
            that ends early changes those that are not over.
        dt: Length of a step. [s]
    """

    size: int
    spans: tuple[tuple[int, int], ...]
    dt: float

    @property
    def seconds(self) -> float:
        """How long it records; NaN when it never does, so that rates are NaN too."""
        return sum(stop - start for start, stop in self.spans) * self.dt or math.nan

    def span_of(self, steps: IntArray) -> IntArray:
        """Number of the stretch that each recorded step is in, shape (n,)."""
        starts = np.array([start for start, _ in self.spans], dtype=np.int64)
        return np.searchsorted(starts, steps, side="right") - 1


@dataclass(slots=True)
class Counts:
    """Spikes of each neuron; `of` says what is made of them."""

    train: Train
    of: str
    counts: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.train.size, dtype=np.int64)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:  # noqa: ARG002 - only who spiked counts
        """Count."""
        self.counts += np.bincount(neurons, minlength=self.train.size)

    def value(self) -> float | FloatArray:
        """Total, per neuron, rate of each neuron [Hz] or mean rate [Hz]."""
        match self.of:
            case "count":
                return float(self.counts.sum())
            case "counts":
                return self.counts.astype(np.float64)
            case "rates":
                return self.counts / self.train.seconds
            case _:
                return float(self.counts.sum()) / self.train.size / self.train.seconds


@dataclass(slots=True)
class Intervals:
    """Mean over neurons of the coefficient of variation of inter-spike intervals (neurons with two or more of them).

    An interval with a stretch in it that was not recorded is none.
    """

    train: Train
    last: IntArray = field(init=False)
    n: IntArray = field(init=False)
    total: IntArray = field(init=False)
    squares: IntArray = field(init=False)

    def __post_init__(self) -> None:
        size = self.train.size
        self.last = np.full(size, -1, dtype=np.int64)
        self.n, self.total, self.squares = (np.zeros(size, dtype=np.int64) for _ in range(3))

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Intervals within the chunk, and from the last spike before it."""
        order = np.argsort(neurons, kind="stable")
        who, when = neurons[order], steps[order]
        before = np.concatenate([[-1], when[:-1]])
        first = np.concatenate([[True], who[1:] != who[:-1]])[: len(who)]
        before = np.where(first, self.last[who], before[: len(who)])
        known = before >= 0
        if len(self.train.spans) > 1:
            known &= self.train.span_of(before) == self.train.span_of(when)
        gaps = np.where(known, when - before, 0)
        np.add.at(self.n, who, known.astype(np.int64))
        np.add.at(self.total, who, gaps)
        np.add.at(self.squares, who, gaps * gaps)
        self.last[who] = when  # the last write of a neuron is its latest spike

    def value(self) -> float:
        """NaN when no neuron has two intervals."""
        chosen = self.n >= 2
        if not np.any(chosen):
            return math.nan
        n, total, squares = (a[chosen].astype(np.float64) for a in (self.n, self.total, self.squares))
        mean = total / n
        variance = np.maximum(squares / n - mean * mean, 0.0)
        return float(np.mean(np.sqrt(variance) / mean))


@dataclass(slots=True)
class FirstSpike:
    """Time of the first spike [s]; NaN when there is none."""

    train: Train
    step: int | None = None

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:  # noqa: ARG002 - only the time counts
        """Keep the earliest."""
        if self.step is None and len(steps):
            self.step = int(steps[0])

    def value(self) -> float:
        """Seconds."""
        return math.nan if self.step is None else self.step * self.train.dt


@dataclass(slots=True)
class Binned:
    """Spike counts in bins of some width: Fano factor and synchrony.

    Fano: mean over spiking neurons of variance/mean of their counts. Synchrony: sqrt(variance of the population's mean
    count / mean of the neurons' variances), 0 to 1 (Golomb & Rinzel 1994).
    """

    train: Train
    of: str
    width: int
    bin: int = 0
    current: IntArray = field(init=False)
    total: IntArray = field(init=False)
    squares: IntArray = field(init=False)
    population: int = 0
    population_squares: int = 0

    def __post_init__(self) -> None:
        self.current, self.total, self.squares = (np.zeros(self.train.size, dtype=np.int64) for _ in range(3))

    @property
    def bins(self) -> int:
        """Whole bins in the recording; each stretch begins with one."""
        return sum(self._bins())

    def _bins(self) -> list[int]:
        return [(stop - start) // self.width for start, stop in self.train.spans]

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Fill bins."""
        if not self.bins or not len(steps):
            return
        span = self.train.span_of(steps)
        starts = np.array([start for start, _ in self.train.spans], dtype=np.int64)
        bins = np.array(self._bins(), dtype=np.int64)
        local = (steps - starts[span]) // self.width
        whole = local < bins[span]
        numbers, who = (np.cumsum(bins) - bins)[span][whole] + local[whole], neurons[whole]
        for number in np.unique(numbers):
            self.close_until(int(number))
            self.current += np.bincount(who[numbers == number], minlength=self.train.size)

    def cut(self, step: int) -> None:
        """Forget a bin that a stretch, which ends at a step, does not fill."""
        over = [bins for (start, _), bins in zip(self.train.spans, self._bins(), strict=True) if start < step]
        if self.bin >= sum(over):
            self.current[:] = 0

    def close_until(self, number: int) -> None:
        """Take the current bin into the sums when a later one begins."""
        if number > self.bin:
            self.total += self.current
            self.squares += self.current * self.current
            everyone = int(self.current.sum())
            self.population += everyone
            self.population_squares += everyone * everyone
            self.current[:] = 0
            self.bin = number

    def value(self) -> float:
        """NaN when there are too few bins or spikes."""
        self.close_until(self.bins)
        if self.bins < 2:
            return math.nan
        mean = self.total / self.bins
        variance = self.squares / self.bins - mean * mean
        if self.of == "fano":
            chosen = self.total > 0
            return float(np.mean(variance[chosen] / mean[chosen])) if np.any(chosen) else math.nan
        own = float(np.mean(variance))
        average = self.population / self.bins
        together = (self.population_squares / self.bins - average * average) / self.train.size**2
        return math.sqrt(together / own) if own > 0 else math.nan


@dataclass(slots=True)
class Moments:
    """Mean, standard deviation, minimum and maximum over all samples and elements."""

    of: str
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    smallest: float = math.inf
    largest: float = -math.inf
    last: FloatArray | None = None
    shift: float | None = None
    waiting: list[FloatArray] = field(default_factory=list)

    def samples(self, data: FloatArray) -> None:
        """Sum whole blocks of samples; keep the rest."""
        if not data.size:
            return
        self.smallest = min(self.smallest, float(data.min()))
        self.largest = max(self.largest, float(data.max()))
        self.last = data[-1].copy()
        if self.shift is None:
            self.shift = float(data.flat[0])
        rows = np.concatenate([*self.waiting, data])
        whole = len(rows) // ROWS * ROWS
        for start in range(0, whole, ROWS):
            self.add(rows[start : start + ROWS])
        self.waiting = [rows[whole:].copy()]

    def add(self, rows: FloatArray) -> None:
        """Sum one block, relative to the first sample (so that small variances keep their digits)."""
        assert self.shift is not None
        moved = rows - self.shift
        self.n += moved.size
        self.total += float(np.sum(moved))
        self.squares += float(np.sum(moved * moved))

    def value(self) -> float | FloatArray:
        """The moment asked for; NaN without samples."""
        whole = replace(self, waiting=[])  # the rest may still grow to a block
        for rows in self.waiting:
            if rows.size:
                whole.add(rows)
        if whole.n == 0 or whole.shift is None:
            return math.nan
        mean = whole.total / whole.n
        match self.of:
            case "mean":
                return whole.shift + mean
            case "std":
                return math.sqrt(max(whole.squares / whole.n - mean * mean, 0.0))
            case "min":
                return self.smallest
            case "max":
                return self.largest
            case _:
                assert self.last is not None
                return self.last if len(self.last) > 1 else float(self.last[0])


@dataclass(frozen=True, slots=True)
class SpikeUse:
    """An accumulator of a spike monitor."""

    monitor: SpikeMonitor
    accumulator: SpikeAccumulator


@dataclass(frozen=True, slots=True)
class StateUse:
    """An accumulator of a variable of a state monitor."""

    monitor: StateMonitor
    variable: str
    accumulator: StateAccumulator


@dataclass(slots=True)
class Meter:
    """A sink that feeds accumulators.

    Args:
        spike_uses: By name of the monitor.
        state_uses: By name of the monitor.
    """

    spike_uses: dict[str, list[SpikeUse]] = field(default_factory=dict)
    state_uses: dict[str, list[StateUse]] = field(default_factory=dict)

    def spikes(
        self,
        name: str,
        steps: IntArray,
        ids: IntArray,
        extras: Mapping[str, FloatArray],  # noqa: ARG002 - metrics are of times and neurons
    ) -> None:
        """Feed spikes."""
        for use in self.spike_uses.get(name, ()):
            view = use.monitor.source
            use.accumulator.spikes(steps, ids if view.whole else np.searchsorted(view.ids, ids))

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:  # noqa: ARG002
        """Feed samples."""
        for use in self.state_uses.get(name, ()):
            use.accumulator.samples(data[use.variable])

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:
        """Rate monitors feed no metric."""


MakeSpike = Callable[[Train, int], SpikeAccumulator]
SPIKE_FUNCTIONS: dict[str, MakeSpike] = {
    "count": lambda train, _: Counts(train, "count"),
    "counts": lambda train, _: Counts(train, "counts"),
    "rates": lambda train, _: Counts(train, "rates"),
    "mean_rate": lambda train, _: Counts(train, "mean_rate"),
    "cv_isi": lambda train, _: Intervals(train),
    "first_spike": lambda train, _: FirstSpike(train),
    "fano": lambda train, width: Binned(train, "fano", width),
    "synchrony": lambda train, width: Binned(train, "synchrony", width),
}
STATE_FUNCTIONS = ("mean", "std", "min", "max", "last")
WITH_WIDTH = frozenset({"fano", "synchrony"})
