"""How long the engine is busy with what, besides the parts of a step, which kernels measure (`Kernel.laps`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum


class Work(StrEnum):
    """What takes time while a network is simulated."""

    ALL = "simulation"
    KERNEL = "kernel"
    RESULTS = "results"
    METRICS = "metrics"
    CHECKPOINTS = "checkpoints"
    PHASES = "phases"
    HOOKS = "Python functions"
    CHECKS = "checks for NaN"
    WRITING = "written by another thread meanwhile"


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each kind of work."""

    seconds: dict[Work, float] = field(default_factory=lambda: dict.fromkeys(Work, 0.0))

    @contextmanager
    def of(self, work: Work) -> Iterator[None]:
        """Time some work."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[work] += time.perf_counter() - started
