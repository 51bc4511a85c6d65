"""Numbers computed from what monitors record, while they record it.

A metric is an expression over functions of monitors (`mean_rate(out)`, `max(v)`). Each function has an accumulator
that takes chunks as they come, so nothing has to be kept, and whose value does not depend on how the chunks are cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from snnrun.metrics.remarks import Finiteness
from snnrun.model.network import FloatArray, IntArray, SpikeMonitor, StateMonitor

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


_FEW = 1 << 16  # neurons whose numbers have 16 bits, which numpy sorts by counting
_PIECE = 1 << 13  # spikes that are looked at together: what is made of them stays in the cache


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


class OfNeurons:
    """Arrays of the size of the group, made when they are first used: a file is checked without them."""

    __slots__ = ()

    def begin(self) -> None:
        """Make the arrays."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """A field that has no value yet."""
        if name not in {f.name for f in fields(self) if not f.init}:  # type: ignore[arg-type] # all are dataclasses
            raise AttributeError(name)
        self.begin()
        return object.__getattribute__(self, name)


@dataclass(slots=True)
class Counts(OfNeurons):
    """Spikes of each neuron; `of` says what is made of them.

    A monitor that counts only hands on no spikes: `counters` reads what it has counted, shape (neurons,).
    """

    train: Train
    of: str
    counters: Callable[[], IntArray] | None = None
    counts: IntArray = field(init=False)

    def begin(self) -> None:
        """Make the arrays."""
        self.counts = np.zeros(self.train.size, dtype=np.int64)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:  # noqa: ARG002 - only who spiked counts
        """Count."""
        self.counts += np.bincount(neurons, minlength=self.train.size)

    def value(self) -> float | FloatArray:
        """Total, per neuron, rate of each neuron [Hz] or mean rate [Hz]."""
        counts = self.counts if self.counters is None else self.counters()
        match self.of:
            case "count":
                return float(counts.sum())
            case "counts":
                return counts.astype(np.float64)
            case "rates":
                return counts / self.train.seconds
            case _:
                return float(counts.sum()) / self.train.size / self.train.seconds


@dataclass(slots=True)
class Intervals(OfNeurons):
    """Mean over neurons of the coefficient of variation of inter-spike intervals (neurons with two or more of them).

    An interval with a stretch in it that was not recorded is none.
    """

    train: Train
    last: IntArray = field(init=False)
    n: IntArray = field(init=False)
    total: IntArray = field(init=False)
    squares: IntArray = field(init=False)

    def begin(self) -> None:
        """Make the arrays."""
        size = self.train.size
        self.last = np.full(size, -1, dtype=np.int64)
        self.n, self.total, self.squares = (np.zeros(size, dtype=np.int64) for _ in range(3))

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Intervals within the chunk, and from the last spike before it."""
        for first in range(0, len(steps), _PIECE):
            self._piece(steps[first : first + _PIECE], neurons[first : first + _PIECE])

    def _piece(self, steps: IntArray, neurons: IntArray) -> None:
        order = np.argsort(neurons.astype(np.uint16) if self.train.size <= _FEW else neurons, kind="stable")
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
class FirstSpikes(OfNeurons):
    """Time of the first spike of each neuron [s]; NaN where there is none."""

    train: Train
    steps: IntArray = field(init=False)

    def begin(self) -> None:
        """Make the arrays."""
        self.steps = np.full(self.train.size, -1, dtype=np.int64)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Keep the earliest of each."""
        who, first = np.unique(neurons, return_index=True)
        new = self.steps[who] < 0
        self.steps[who[new]] = steps[first[new]]

    def value(self) -> FloatArray:
        """Seconds, shape (neurons,)."""
        return np.where(self.steps < 0, np.nan, self.steps * self.train.dt)


@dataclass(slots=True)
class Bins:
    """Bins of some width in what a spike monitor records; each stretch begins with one, and whole ones count alone."""

    train: Train
    width: int

    def in_spans(self) -> list[int]:
        """Whole bins in each stretch."""
        return [(stop - start) // self.width for start, stop in self.train.spans]

    def numbers(self, steps: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """The number of the bin that each step is in, shape (n,); which are in none, as a stretch does not fill it."""
        span = self.train.span_of(steps)
        starts = np.array([start for start, _ in self.train.spans], dtype=np.int64)
        bins = np.array(self.in_spans(), dtype=np.int64)
        local = (steps - starts[span]) // self.width
        return (np.cumsum(bins) - bins)[span] + local, local < bins[span]

    def until(self, step: int) -> int:
        """Whole bins in the stretches that began before a step."""
        return sum(bins for (start, _), bins in zip(self.train.spans, self.in_spans(), strict=True) if start < step)

    def cut(self, step: int) -> None:
        """Forget a bin that a stretch, which now ends at a step, does not fill; `train` has its new length already."""
        raise NotImplementedError


@dataclass(slots=True)
class Binned(Bins, OfNeurons):
    """Spike counts in bins of some width: Fano factor and synchrony.

    Fano: mean over spiking neurons of variance/mean of their counts. Synchrony: sqrt(variance of the population's mean
    count / mean of the neurons' variances), 0 to 1 (Golomb & Rinzel 1994).
    """

    of: str = ""
    bin: int = 0
    current: IntArray = field(init=False)
    total: IntArray = field(init=False)
    squares: IntArray = field(init=False)
    population: int = 0
    population_squares: int = 0

    def begin(self) -> None:
        """Make the arrays."""
        self.current, self.total, self.squares = (np.zeros(self.train.size, dtype=np.int64) for _ in range(3))

    @property
    def bins(self) -> int:
        """Whole bins in the recording."""
        return sum(self.in_spans())

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Fill bins."""
        if not self.bins or not len(steps):
            return
        numbers, whole = self.numbers(steps)
        numbers, who = numbers[whole], neurons[whole]
        for number in np.unique(numbers):
            self.close_until(int(number))
            self.current += np.bincount(who[numbers == number], minlength=self.train.size)

    def cut(self, step: int) -> None:
        """Forget the current bin when it is the one that is not full."""
        if self.bin >= self.until(step):
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
class Pairwise(Binned):
    """Mean over all pairs of neurons of Pearson's correlation of their counts in bins.

    Pairs with a neuron whose count never changes have no correlation and do not take part. Sums of products are whole
    numbers, one for each pair.
    """

    products: IntArray = field(init=False)

    def begin(self) -> None:
        """Make the arrays."""
        Binned.begin(self)
        self.products = np.zeros((self.train.size, self.train.size), dtype=np.int64)

    def close_until(self, number: int) -> None:
        """Take the current bin into the sums of products too."""
        if number > self.bin:
            active = np.flatnonzero(self.current)
            counts = self.current[active]
            self.products[np.ix_(active, active)] += np.outer(counts, counts)
        Binned.close_until(self, number)

    def value(self) -> float:
        """NaN when there are too few bins, or no two neurons whose counts change."""
        self.close_until(self.bins)
        if self.bins < 2:
            return math.nan
        # n^2 times the covariances, exactly.
        scaled = self.products * self.bins - np.outer(self.total, self.total)
        spread = np.sqrt(np.diagonal(scaled).astype(np.float64))
        chosen = np.flatnonzero(spread > 0)
        if len(chosen) < 2:
            return math.nan
        correlations = scaled[np.ix_(chosen, chosen)] / np.outer(spread[chosen], spread[chosen])
        pairs = np.triu_indices(len(chosen), 1)
        return float(np.mean(correlations[pairs]))


@dataclass(slots=True)
class PopulationBins(Bins):
    """Spikes of a whole population in each bin that has some, for the correlation of two populations."""

    pieces: list[tuple[IntArray, IntArray]] = field(default_factory=list)
    waiting: int = 0

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:  # noqa: ARG002 - who spiked does not count
        """Fill bins; a bin that the end of a stretch cuts counts for nothing."""
        if not len(steps):
            return
        numbers, whole = self.numbers(steps)
        self.pieces.append(np.unique(numbers[whole], return_counts=True))
        self.waiting += len(self.pieces[-1][0])
        if self.waiting > max(len(self.pieces[0][0]), _FEW):
            self.filled()

    def filled(self) -> tuple[IntArray, IntArray]:
        """Numbers of the bins with spikes, ascending, and how many each has, shape (bins,) each."""
        numbers, counts = (np.concatenate([[], *(piece[k] for piece in self.pieces)]).astype(np.int64) for k in (0, 1))
        bins, place = np.unique(numbers, return_inverse=True)
        total = np.zeros(len(bins), np.int64)
        np.add.at(total, place, counts)
        self.pieces, self.waiting = [(bins, total)], 0
        return bins, total

    def cut(self, step: int) -> None:
        """Forget the bins that are not reached; those of later stretches, all of them empty, follow at once."""
        bins, counts = self.filled()
        kept = bins < self.until(step)
        self.pieces = [(bins[kept], counts[kept])]

    def value(self) -> float:
        """How many spikes there are in whole bins."""
        return float(self.filled()[1].sum())


def correlation_of(a: PopulationBins, b: PopulationBins) -> float:
    """Pearson's correlation of the counts of two populations in the same bins; NaN when one of them never changes."""
    n = sum(a.in_spans())
    (in_a, x), (in_b, y) = a.filled(), b.filled()
    _, of_a, of_b = np.intersect1d(in_a, in_b, assume_unique=True, return_indices=True)

    def covariance(sum_xy: int, sum_x: int, sum_y: int) -> int:
        """n^2 times the covariance, exactly."""
        return n * sum_xy - sum_x * sum_y

    sx, sy = int(x.sum()), int(y.sum())
    spread = covariance(int((x * x).sum()), sx, sx) * covariance(int((y * y).sum()), sy, sy)
    return covariance(int((x[of_a] * y[of_b]).sum()), sx, sy) / math.sqrt(spread) if spread else math.nan


@dataclass(slots=True)
class Comoments:
    """Pearson's correlation over time of two variables, averaged over elements; samples of both come in any order.

    Elements in which one of the two never changes have no correlation and do not take part. One element goes with all
    of the other variable.
    """

    waiting: tuple[list[FloatArray], list[FloatArray]] = field(default_factory=lambda: ([], []))
    n: int = 0
    shift: tuple[FloatArray, FloatArray] | None = None
    sums: list[FloatArray] = field(default_factory=list)

    def half(self, side: int) -> Half:
        """The accumulator that takes the samples of the first (0) or second (1) variable."""
        return Half(self, side)

    def take(self, side: int, data: FloatArray) -> None:
        """Sum whole blocks of samples that both have; keep the rest."""
        if not len(data):
            return
        self.waiting[side].append(data.copy())
        if min(sum(map(len, rows)) for rows in self.waiting) >= ROWS:
            x, y = (np.concatenate(rows) for rows in self.waiting)
            whole = min(len(x), len(y)) // ROWS * ROWS
            for start in range(0, whole, ROWS):
                self.add(x[start : start + ROWS], y[start : start + ROWS])
            for rows, all_rows in zip(self.waiting, (x, y), strict=True):
                rows[:] = [all_rows[whole:].copy()]

    def add(self, x: FloatArray, y: FloatArray) -> None:
        """Sum one block, relative to the first sample (so that small variances keep their digits)."""
        if self.shift is None:
            self.shift = x[0].copy(), y[0].copy()
            self.sums = [np.zeros(max(x.shape[1], y.shape[1])) for _ in range(5)]
        a, b = x - self.shift[0], y - self.shift[1]
        self.n += len(a)
        for k, product in enumerate((a, b, a * a, b * b, a * b)):
            self.sums[k] = self.sums[k] + product.sum(axis=0)

    def value(self) -> float:
        """NaN without two samples, when no element has both variables changing, or when a sample is not finite."""
        if all(self.waiting):
            x, y = (np.concatenate(rows) for rows in self.waiting)
            rows = min(len(x), len(y))
            if rows:
                self.add(x[:rows], y[:rows])
            for side in self.waiting:
                side.clear()
        if self.n < 2:
            return math.nan
        sx, sy, sxx, syy, sxy = (total / self.n for total in self.sums)
        vx, vy = sxx - sx * sx, syy - sy * sy
        # A variance below the rounding errors of its sums is that of a variable that never changes.
        chosen = (vx > 1e-14 * sxx) & (vy > 1e-14 * syy)
        if not np.any(chosen) or not np.all(np.isfinite(sxy + sxx + syy)):
            return math.nan
        return float(np.mean((sxy - sx * sy)[chosen] / np.sqrt(vx[chosen] * vy[chosen])))


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two variables of a correlation."""

    whole: Comoments
    side: int

    def samples(self, data: FloatArray) -> None:
        """Hand on samples."""
        self.whole.take(self.side, data)

    def value(self) -> float:
        """The correlation."""
        return self.whole.value()


@dataclass(slots=True)
class Moments:
    """Mean, standard deviation, minimum and maximum over all samples and elements; NaN when a sample is NaN."""

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
        self.smallest = float(np.minimum(self.smallest, data.min()))  # NaN stays NaN, however the chunks are cut
        self.largest = float(np.maximum(self.largest, data.max()))
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
        finiteness: Which of the recorded values are finite.
    """

    spike_uses: dict[str, list[SpikeUse]] = field(default_factory=dict)
    state_uses: dict[str, list[StateUse]] = field(default_factory=dict)
    finiteness: Finiteness = field(default_factory=Finiteness)

    def spikes(
        self,
        name: str,
        steps: IntArray,
        ids: IntArray,
        extras: Mapping[str, FloatArray],
    ) -> None:
        """Feed spikes."""
        with np.errstate(all="ignore"):
            self.finiteness.spikes(name, steps, ids, extras)
        for use in self.spike_uses.get(name, ()):
            view = use.monitor.source
            use.accumulator.spikes(steps, ids if view.whole else view.places(ids))

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Feed samples."""
        with np.errstate(all="ignore"):
            self.finiteness.states(name, data, first)
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
    "first_spikes": lambda train, _: FirstSpikes(train),
    "fano": lambda train, width: Binned(train, width, "fano"),
    "synchrony": lambda train, width: Binned(train, width, "synchrony"),
}
EACH_NEURON = frozenset({"counts", "rates", "first_spikes"})
STATE_FUNCTIONS = ("mean", "std", "min", "max", "last")
REDUCTIONS: dict[str, Callable[[FloatArray], float]] = {
    "mean": lambda values: float(np.mean(values)),
    "std": lambda values: float(np.std(values)),
    "min": lambda values: float(np.min(values)),
    "max": lambda values: float(np.max(values)),
}
"""What makes one number of one value a neuron; values that are NaN are left out before."""
MOST_PAIRED = 2000  # neurons of which all pairs are correlated
WITH_WIDTH = frozenset({"fano", "synchrony"})
