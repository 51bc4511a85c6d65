"""What a run records, as it comes: the driver hands over chunks, a sink keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from snnrun.engine.stopwatch import Stopwatch, Work
from snnrun.model.network import FloatArray, IntArray


class Sink(Protocol):
    """Where recorded chunks go. A sink may keep the arrays that it gets: nothing changes them."""

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Spikes of a monitor, in order; each array has shape (n,)."""

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Samples of a monitor's variables, shape (samples, elements) each; `first` is the number of the first."""

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:
        """Number of spikes of a rate monitor's neurons in consecutive steps; `first` counts from its window's start."""


class Nothing:
    """A sink that keeps nothing: only the metrics of a run are wanted."""

    def spikes(self, *_: object) -> None:
        """Drop spikes."""

    def states(self, *_: object) -> None:
        """Drop samples."""

    def numbers(self, *_: object) -> None:
        """Drop counts."""


@dataclass(frozen=True, slots=True)
class Tee:
    """Several sinks that all get everything.

    Args:
        sinks: They, by what they do.
        stopwatch: What measures how long each takes.
    """

    sinks: Mapping[Work, Sink]
    stopwatch: Stopwatch

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Hand on spikes."""
        for work, sink in self.sinks.items():
            with self.stopwatch.of(work):
                sink.spikes(name, steps, ids, extras)

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Hand on samples."""
        for work, sink in self.sinks.items():
            with self.stopwatch.of(work):
                sink.states(name, data, first)

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:
        """Hand on counts."""
        for work, sink in self.sinks.items():
            with self.stopwatch.of(work):
                sink.numbers(name, spikes, first)


@dataclass(slots=True)
class Memory:
    """A sink that keeps everything in memory, for points of a sweep that store only metrics, and for tests."""

    spike_parts: dict[str, list[tuple[IntArray, IntArray, dict[str, FloatArray]]]] = field(default_factory=dict)
    state_parts: dict[str, list[dict[str, FloatArray]]] = field(default_factory=dict)
    number_parts: dict[str, list[IntArray]] = field(default_factory=dict)

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Keep spikes."""
        self.spike_parts.setdefault(name, []).append((steps, ids, dict(extras)))

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:  # noqa: ARG002 - gaps close
        """Keep samples."""
        self.state_parts.setdefault(name, []).append(dict(data))

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:  # noqa: ARG002
        """Keep counts."""
        self.number_parts.setdefault(name, []).append(spikes)

    def spike_steps(self, name: str) -> tuple[IntArray, IntArray]:
        """All spikes of a monitor: steps and neurons."""
        parts = self.spike_parts.get(name, [])
        return _joined([p[0] for p in parts]), _joined([p[1] for p in parts])

    def extra(self, name: str, variable: str) -> FloatArray:
        """A variable recorded with the spikes of a monitor."""
        return np.concatenate([p[2][variable] for p in self.spike_parts.get(name, [])] or [np.zeros(0)])

    def state(self, name: str, variable: str) -> FloatArray:
        """All samples of a variable, shape (samples, elements)."""
        parts = [p[variable] for p in self.state_parts.get(name, [])]
        return np.concatenate(parts) if parts else np.zeros((0, 0))

    def number(self, name: str) -> IntArray:
        """All counts of a rate monitor, one a step."""
        return _joined(self.number_parts.get(name, []))


def _joined(parts: list[Any]) -> IntArray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
