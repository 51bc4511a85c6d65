"""Accumulators of spikes: they take the spikes of a monitor in chunks as they come, and give a number at any time.

No spike is kept, so their memory does not grow with the duration (but for `PopulationBins`, which keeps the bins with
spikes), and the value does not depend on how the chunks are cut: counts are whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from snnrun.model.network import FloatArray, IntArray, Presentations

_FEW = 1 << 16  # neurons whose numbers have 16 bits, which numpy sorts by counting
_PIECE = 1 << 13  # spikes that are looked at together: what is made of them stays in the cache


@dataclass(slots=True, eq=False)
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


class TakesSpikes(Protocol):
    """What is fed with the spikes of one monitor."""

    train: Train

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Take spikes, shape (n,) each: steps in ascending order, and neurons as numbers within the monitor."""


@dataclass(slots=True, eq=False)
class Counts:
    """Spikes of each neuron. 8 bytes a neuron.

    Args:
        of: What is made of the counts, shape (neurons,).
        counters: Reads the counts of a monitor that counts only, and hands on no spikes.
    """

    train: Train
    of: Callable[[IntArray, Train], float | FloatArray]
    counters: Callable[[], IntArray] | None = None
    counts: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.train.size, dtype=np.int64)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:  # noqa: ARG002 - only who spiked counts
        """Count."""
        self.counts += np.bincount(neurons, minlength=self.train.size)

    def value(self) -> float | FloatArray:
        """What is made of the counts."""
        return self.of(self.counts if self.counters is None else self.counters(), self.train)


@dataclass(slots=True, eq=False)
class Response:
    """Firing rate of each neuron while frames of a stimulus are shown [Hz]. 8 bytes a neuron.

    Args:
        shown: The frames that count.
    """

    train: Train
    shown: Presentations
    counts: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.train.size, np.int64)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Count those within frames."""
        within = self.shown.frame_of(steps) >= 0
        self.counts += np.bincount(neurons[within], minlength=self.train.size)

    def value(self) -> FloatArray:
        """NaN when no such frame was shown while the monitor recorded."""
        steps = sum(
            int(np.maximum(np.minimum(self.shown.stops, stop) - np.maximum(self.shown.starts, start), 0).sum())
            for start, stop in self.train.spans
        )
        return self.counts / (steps * self.train.dt or math.nan)


def response_to_label(train: Train, shown: Presentations, label: int) -> Response:
    """The response to the frames with a label alone."""
    return Response(train, shown.labelled(label))


@dataclass(slots=True, eq=False)
class Accuracy:
    """Part of the frames of a stimulus that spikes tell right (Diehl & Cook 2015, doi:10.3389/fncom.2015.00099).

    A neuron stands for the label whose frames, of those that begin from `first` to before `last`, it answers with most
    spikes on average. A frame from `last` on is told right when the neurons of its label spike most, on average.

    8 bytes a neuron and frame.

    Args:
        first: Step from which frames give neurons their labels.
        last: Step from which frames are told.
    """

    train: Train
    shown: Presentations
    first: int
    last: int
    counts: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((len(self.shown.starts), self.train.size), np.int64)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Count those within frames."""
        frame = self.shown.frame_of(steps)
        within = frame >= 0
        np.add.at(self.counts, (frame[within], neurons[within]), 1)

    def value(self) -> float:
        """NaN when no frame was recorded whole from `last` on, or no neuron has a label."""
        assert self.shown.labels is not None
        starts, stops, labels = self.shown.starts, self.shown.stops, self.shown.labels
        whole = np.zeros(len(starts), np.bool_)
        for start, stop in self.train.spans:
            whole |= (starts >= start) & (stops <= stop)
        known, told = (whole & (starts >= self.first) & (starts < self.last)), whole & (starts >= self.last)
        classes = np.unique(labels[known])
        if not len(classes) or not told.any():
            return math.nan
        answers = np.stack([self.counts[known & (labels == label)].mean(axis=0) for label in classes])
        stands_for = np.where(answers.max(axis=0) > 0, answers.argmax(axis=0), -1)
        groups = [stands_for == k for k in range(len(classes))]
        empty = np.full(int(told.sum()), -1.0)
        votes = np.stack([self.counts[told][:, g].mean(axis=1) if g.any() else empty for g in groups])
        return float(np.mean(classes[votes.argmax(axis=0)] == labels[told]))


@dataclass(slots=True, eq=False)
class Intervals:
    """Mean over neurons of the coefficient of variation of inter-spike intervals (neurons with two or more of them).

    An interval with a stretch in it that was not recorded is none. 32 bytes a neuron.
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


@dataclass(slots=True, eq=False)
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


@dataclass(slots=True, eq=False)
class FirstSpikes:
    """Time of the first spike of each neuron [s]; NaN where there is none. 8 bytes a neuron."""

    train: Train
    steps: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.steps = np.full(self.train.size, -1, dtype=np.int64)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Keep the earliest of each."""
        who, first = np.unique(neurons, return_index=True)
        new = self.steps[who] < 0
        self.steps[who[new]] = steps[first[new]]

    def value(self) -> FloatArray:
        """Seconds, shape (neurons,)."""
        return np.where(self.steps < 0, np.nan, self.steps * self.train.dt)


@dataclass(slots=True, eq=False)
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


@dataclass(slots=True, eq=False)
class Binned(Bins):
    """Spike counts of each neuron in bins of some width: sums of them and of their squares. 24 bytes a neuron."""

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

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the counts of each neuron over all whole bins, shape (neurons,) each."""
        self.close_until(self.bins)
        mean = self.total / self.bins
        return mean, self.squares / self.bins - mean * mean


@dataclass(slots=True, eq=False)
class Fano(Binned):
    """Mean over spiking neurons of the variance over the mean of their counts."""

    def value(self) -> float:
        """NaN with less than two bins or without spikes."""
        if self.bins < 2:
            return math.nan
        mean, variance = self.moments()
        chosen = self.total > 0
        return float(np.mean(variance[chosen] / mean[chosen])) if np.any(chosen) else math.nan


@dataclass(slots=True, eq=False)
class Synchrony(Binned):
    """sqrt(variance of the population's mean count / mean of the neurons' variances), 0 to 1.

    Reference: Golomb & Rinzel 1994.
    """

    def value(self) -> float:
        """NaN with less than two bins, or when no count changes."""
        if self.bins < 2:
            return math.nan
        _, variance = self.moments()
        own = float(np.mean(variance))
        average = self.population / self.bins
        together = (self.population_squares / self.bins - average * average) / self.train.size**2
        return math.sqrt(together / own) if own > 0 else math.nan


@dataclass(slots=True, eq=False)
class Pairwise(Binned):
    """Mean over all pairs of neurons of Pearson's correlation of their counts in bins.

    Pairs with a neuron whose count never changes have no correlation and do not take part. Sums of products are whole
    numbers, one for each pair: 8 bytes times the square of the number of neurons.
    """

    products: IntArray = field(init=False)

    def __post_init__(self) -> None:
        Binned.__post_init__(self)
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


@dataclass(slots=True, eq=False)
class PopulationBins(Bins):
    """Spikes of a whole population in each bin that has some. 16 bytes for each such bin."""

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


@dataclass(slots=True, eq=False)
class PopulationPair:
    """Pearson's correlation of the counts of two populations in the same bins.

    Args:
        sides: The counts of each.
    """

    sides: tuple[PopulationBins, PopulationBins]

    @classmethod
    def of(cls, a: Train, b: Train, width: int) -> Self:
        """Two populations that are recorded at the same times, in bins of some steps."""
        return cls((PopulationBins(a, width), PopulationBins(b, width)))

    def value(self) -> float:
        """NaN when the count of one of them never changes."""
        a, b = self.sides
        n = sum(a.in_spans())
        (in_a, x), (in_b, y) = a.filled(), b.filled()
        _, of_a, of_b = np.intersect1d(in_a, in_b, assume_unique=True, return_indices=True)

        def covariance(sum_xy: int, sum_x: int, sum_y: int) -> int:
            """n^2 times the covariance, exactly."""
            return n * sum_xy - sum_x * sum_y

        sx, sy = int(x.sum()), int(y.sum())
        spread = covariance(int((x * x).sum()), sx, sx) * covariance(int((y * y).sum()), sy, sy)
        return covariance(int((x[of_a] * y[of_b]).sum()), sx, sy) / math.sqrt(spread) if spread else math.nan
