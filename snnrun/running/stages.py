"""What the stages of a run hand to each other, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun.engine.stopwatch import Stopwatch
from snnrun.errors import Diagnostic, SnnrunError
from snnrun.resolve.resolve import Resolved
from snnrun.spec.document import Document
from snnrun.spec.models import Experiment

if TYPE_CHECKING:
    from snnrun.codegen.cache import Compiled
    from snnrun.codegen.module import Kernel
    from snnrun.codegen.native import NativeKernel, PythonKernel
    from snnrun.engine.checkpoint import SharedState
    from snnrun.engine.values import Built
    from snnrun.errors import RunWarning
    from snnrun.metrics.running import RunMetrics
    from snnrun.metrics.terms import Metrics
    from snnrun.model.network import Network
    from snnrun.resolve.search import SearchPlan
    from snnrun.running.profile import Profile
    from snnrun.running.search import Found


class Stage(StrEnum):
    """The stages, in their order."""

    LOAD = "load"
    CHECK = "check"
    GENERATE = "generate"
    COMPILE = "compile"
    BUILD = "build"
    SIMULATE = "simulate"
    WRITE = "write"
    PLOT = "plot"


@dataclass(slots=True)
class Clock:
    """Seconds spent in each stage.

    Args:
        entered: Called when a stage begins.
    """

    entered: Callable[[Stage], None] = lambda _stage: None
    seconds: dict[str, float] = field(default_factory=lambda: {stage.value: 0.0 for stage in Stage})

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time one stage; stages may be entered more than once."""
        self.entered(stage)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage.value] += time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class SharedPhase:
    """The phase up to whose end all points of a sweep are the same.

    Args:
        number: Its number.
        key: Hash of everything that acts until then.
    """

    number: int
    key: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that can run, any number of times.

    Args:
        document: The file as loaded.
        experiment: Its checked shape.
        resolved: The network, warnings and names.
        metrics: Its metrics, and the conditions of its phases.
        plots: Its pictures as plain data in SI units; None for those that the monitors suggest.
        point: The parameters that make it a point of a sweep, for titles: `p = 0.2`; empty for a run of its own.
        shared: What it has in common with the other points of its sweep, if the sweep says so.
        save_state: Whether the state at the end is stored.
        search: The constant that is looked for before the run.
    """

    document: Document
    experiment: Experiment
    resolved: Resolved
    metrics: Metrics
    plots: list[dict[str, Any]] | None
    point: str = ""
    shared: SharedPhase | None = None
    save_state: bool = False
    search: SearchPlan | None = None

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Warnings about the file."""
        return self.resolved.warnings

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.resolved.network.name

    @property
    def title(self) -> str:
        """The title of its pictures."""
        return f"{self.name} · {self.point}" if self.point else self.name


@dataclass(frozen=True, slots=True)
class Prepared:
    """One run before its first step.

    Args:
        checked: The experiment.
        kernel: Text of its kernel.
        compiled: Machine code of it, for the log.
        native: The kernel, to be called.
        built: The network in memory.
        metrics: Its metrics, and the conditions of its phases.
        shared: What other runs left at the end of the phase that they share with this one.
        stopwatch: How long its simulation is busy with what.
    """

    checked: Checked
    kernel: Kernel
    compiled: Compiled
    native: NativeKernel | PythonKernel
    built: Built
    metrics: RunMetrics
    shared: SharedState | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave.

    Args:
        folder: Where its results are.
        digest: Digest of the recorded data.
        ran: The network as it ran: phases that ended early are shorter.
        seconds: Time of each stage. [s]
        metrics: Value and SI symbol of each metric; none when the run stopped before its end.
        counts: Spikes of each spike monitor.
        pictures: Files drawn.
        problem: What stopped the run before its end (a `RunError`, or `KeyboardInterrupt`), None for a whole run.
        plot_error: Why pictures are missing although the run is whole, None otherwise.
        kept_old: Whether the folder holds an earlier result, which was as good or better than this one.
        warnings: Values that are not finite.
        found: What a search has found.
        profile: Where the time of the simulation went, if that was asked for.
        simulated: Whether the model ran; otherwise these are results that were there.
        line: What was done instead, in words.
    """

    folder: Path
    digest: str
    ran: Network
    seconds: Mapping[str, float]
    metrics: Mapping[str, tuple[Any, str]]
    counts: Mapping[str, int]
    pictures: tuple[Path, ...] = ()
    problem: BaseException | None = None
    plot_error: SnnrunError | KeyboardInterrupt | None = None
    kept_old: bool = False
    warnings: tuple[RunWarning, ...] = ()
    found: Found | None = None
    profile: Profile | None = None
    simulated: bool = True
    line: str = ""
