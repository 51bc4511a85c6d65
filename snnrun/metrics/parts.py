"""Metrics of a part of the run: a phase, phases that are repeated together, or a stretch of time.

What is computed of a part is what a run would give that is this part only: times count from its beginning, and
`duration` is its length. A part that the run goes through several times has a value for each.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snnrun.metrics.spikes import Bins
from snnrun.model.network import FloatArray, IntArray, Network, SpikeMonitor
from snnrun.model.recorded import Spans, recorded_spans

if TYPE_CHECKING:
    from snnrun.metrics.functions import Accumulator
    from snnrun.metrics.terms import Need


@dataclass(frozen=True, slots=True)
class RunPart:
    """A part of the run.

    Args:
        rounds: The numbers of the first and of the last phase of each time the run goes through it; empty for the
            whole run.
        start: Steps from the beginning of such a round to that of the part.
        stop: Steps to its end; None for the end of the round.
        repeated: What it has a value for each repetition of, for messages; None for a part that is not repeated.
    """

    rounds: tuple[tuple[int, int], ...] = ()
    start: int = 0
    stop: int | None = None
    repeated: str | None = None

    def spans(self, network: Network) -> list[tuple[int, int]]:
        """First step and step after the last of each round, shape (rounds,)."""
        phases = network.phases
        whole = [(phases[a].start, phases[b].stop) for a, b in self.rounds] or [(0, network.steps)]
        return [
            (min(first + self.start, last), last if self.stop is None else min(first + self.stop, last))
            for first, last in whole
        ]

    def begun(self, network: Network, step: int) -> list[int]:
        """The numbers of the rounds that the run has begun before a step, without those that it left out."""
        phases = network.phases
        rounds = [(phases[a].start, phases[b].stop) for a, b in self.rounds] or [(0, network.steps)]
        return [k for k, (first, last) in enumerate(rounds) if first < min(step, last)]

    def latest(self, network: Network, step: int) -> int | None:
        """The number of the last round that the run has begun before a step; None before the first."""
        if not self.rounds:
            return 0
        phases = network.phases
        k = bisect_left(self.rounds, step, key=lambda one: phases[one[0]].start) - 1
        while k >= 0 and phases[self.rounds[k][0]].start == phases[self.rounds[k][1]].stop:  # it was left out
            k -= 1
        return None if k < 0 else k

    def latest_over(self, network: Network, step: int) -> int | None:
        """The number of the last round that has ended, at a step or before it; None before the first."""
        k = self.latest(network, step)
        if k is None or not self.rounds:
            return k
        last = network.phases[self.rounds[k][1]]
        return k if last.stop <= step else self.latest(network, network.phases[self.rounds[k][0]].start)


def within(spans: Spans, first: int, last: int) -> Spans:
    """The stretches that lie in a part of the run, counted from its first step."""
    cut = ((max(start, first) - first, min(stop, last) - first) for start, stop in spans)
    return tuple((start, stop) for start, stop in cut if start < stop)


@dataclass(slots=True)
class Rounds:
    """One accumulator for each time that a run goes through a part.

    Args:
        need: What is computed.
        network: The network that runs, its phases as long as they are now.
    """

    need: Need
    network: Network
    spans: list[tuple[int, int]] = field(init=False)
    made: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spans = self._spans()

    def _spans(self) -> list[tuple[int, int]]:
        assert self.need.part is not None
        return self.need.part.spans(self.network)

    def of(self, number: int) -> Accumulator:
        """The accumulator of a round."""
        if number not in self.made:
            first, last = self.spans[number]
            self.made[number] = self.need.make(self.network, first, last)
        accumulator: Accumulator = self.made[number]
        return accumulator

    def shorten(self, network: Network, step: int) -> None:
        """Phases end earlier: what is not over has other stretches."""
        self.network, before = network, self.spans
        self.spans = self._spans()
        for number, accumulator in self.made.items():
            if self.spans[number] == before[number]:
                continue
            first, last = self.spans[number]
            for (monitor, _), taker in zip(self.need.inputs, takers_of(accumulator, self.need), strict=True):
                if isinstance(monitor, SpikeMonitor):
                    taker.train.spans = within(recorded_spans(network, monitor), first, last)
                    if isinstance(taker, Bins):
                        taker.cut(step - first)

    def sides(self) -> list[Side]:
        """What is fed with each input."""
        return [Side(self, k) for k in range(len(self.need.inputs))]


@dataclass(frozen=True, slots=True)
class Side:
    """Hands on one input to the accumulators of the rounds.

    Args:
        rounds: The accumulators.
        number: Which input.
    """

    rounds: Rounds
    number: int

    def each(self, steps: IntArray, take: Callable[[Any, slice, int], None]) -> None:
        """Hand on the entries of each round.

        Args:
            steps: When each was recorded, ascending, shape (n,).
            take: Called with an accumulator, its entries, and the first step of its round.
        """
        if not len(steps):
            return
        spans = self.rounds.spans
        first = max(bisect_right(spans, (int(steps[0]), math.inf)) - 1, 0)
        for k in range(first, len(spans)):
            start, stop = spans[k]
            if start > steps[-1]:
                break
            chosen = slice(*steps.searchsorted((start, stop)).tolist())
            if chosen.start < chosen.stop:
                take(takers_of(self.rounds.of(k), self.rounds.need)[self.number], chosen, start)

    def spikes(self, steps: IntArray, neurons: IntArray) -> None:
        """Take spikes, shape (n,) each: steps in ascending order, and neurons as numbers within the monitor."""
        self.each(steps, lambda taker, those, first: taker.spikes(steps[those] - first, neurons[those]))

    def samples(self, data: FloatArray, steps: IntArray) -> None:
        """Take samples, shape (samples, elements), and the steps at which they were taken, shape (samples,)."""
        self.each(steps, lambda taker, those, _: taker.samples(data[those]))


def takers_of(accumulator: Any, need: Need) -> tuple[Any, ...]:
    """What takes each input of an accumulator."""
    return accumulator.sides if len(need.inputs) > 1 else (accumulator,)
