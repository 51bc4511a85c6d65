"""What the stages of a run hand to each other, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun.errors import Diagnostic, SnnrunError
from snnrun.network.resolve import Resolved
from snnrun.records import dataclass
from snnrun.spec.document import Document
from snnrun.spec.models import Experiment

if TYPE_CHECKING:
    from snnrun.codegen.cache import Compiled
    from snnrun.codegen.module import Kernel
    from snnrun.engine.connectivity import WiringCache
    from snnrun.engine.measure import Measures
    from snnrun.engine.native import NativeKernel
    from snnrun.engine.values import Built
    from snnrun.plot.ahead import Painter

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


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
class Checked:
    """A file that can run.

    Args:
        document: The file as loaded.
        experiment: Its checked shape.
        resolved: The network, warnings and names.
        measures: Its metrics.
        plots: Its pictures as plain data in SI units; None for those that the monitors suggest.
        point: What makes it a point of a sweep, for titles: `p = 0.2`; empty for a run of its own.
    """

    document: Document
    experiment: Experiment
    resolved: Resolved
    measures: Measures
    plots: list[dict[str, Any]] | None
    point: str = ""

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What does not stop the run."""
        return self.resolved.warnings

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.resolved.network.name

    @property
    def title(self) -> str:
        """What stands above its pictures."""
        return f"{self.name} · {self.point}" if self.point else self.name


@dataclass(slots=True)
class Engine:
    """What the runs of one process share: kernels, wirings, and the process that draws beside them.

    Args:
        threads: Threads of each run, instead of the number that its file asks for.
    """

    kernels: dict[str, tuple[Compiled, NativeKernel]] = field(default_factory=dict)
    wirings: WiringCache | None = None
    painter: Painter | None = None
    threads: int | None = None

    def kernel(self, text: str) -> tuple[Compiled, NativeKernel]:
        """The machine code of a kernel's text."""
        from snnrun.codegen.cache import obtain  # noqa: PLC0415 - the compiler is imported only to run
        from snnrun.engine.native import NativeKernel  # noqa: PLC0415

        if text not in self.kernels:
            compiled = obtain(text)
            self.kernels[text] = (compiled, NativeKernel(compiled.object))
        return self.kernels[text]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network in memory with its machine code."""

    checked: Checked
    kernel: Kernel
    compiled: Compiled
    native: NativeKernel
    built: Built


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave.

    Args:
        folder: Where its results are.
        digest: Digest of the recorded data.
        seconds: Time of each stage. [s]
        metrics: Value and SI symbol of each metric; none when the run stopped before its end.
        counts: Spikes of each spike monitor.
        pictures: Files drawn.
        problem: What stopped the run before its end (a `RunError`, or `KeyboardInterrupt`), None for a whole run.
        trouble: Why pictures are missing although the run is whole, None otherwise.
        kept_old: Whether the folder holds an earlier result, which was as good or better than this one.
    """

    folder: Path
    digest: str
    seconds: Mapping[str, float]
    metrics: Mapping[str, tuple[Any, str]]
    counts: Mapping[str, int]
    pictures: tuple[Path, ...] = ()
    problem: BaseException | None = None
    trouble: SnnrunError | KeyboardInterrupt | None = None
    kept_old: bool = False
