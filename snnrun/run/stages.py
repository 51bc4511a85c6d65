"""What the stages of a run hand to each other, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun.errors import Diagnostic, SnnrunError
from snnrun.model.network import Network
from snnrun.resolve.resolve import Resolved
from snnrun.spec.document import Document
from snnrun.spec.models import Experiment

if TYPE_CHECKING:
    from snnrun.codegen.cache import Compiled
    from snnrun.codegen.module import Kernel
    from snnrun.codegen.native import NativeKernel, PythonKernel
    from snnrun.connect.connectivity import WiringCache
    from snnrun.engine.checkpoint import Branch
    from snnrun.engine.parts import Parts
    from snnrun.engine.values import Built
    from snnrun.kernels.arithmetic import Math
    from snnrun.metrics.remarks import Remark
    from snnrun.metrics.running import RunMetrics
    from snnrun.metrics.terms import Metrics
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
class Shared:
    """The first part of a run that other runs have too.

    Args:
        phase: Number of its last phase.
        key: Hash of everything that acts in it.
    """

    phase: int
    key: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that can run.

    Args:
        document: The file as loaded.
        experiment: Its checked shape.
        resolved: The network, warnings and names.
        metrics: Its metrics, and the conditions of its phases.
        plots: Its pictures as plain data in SI units; None for those that the monitors suggest.
        point: What makes it a point of a sweep, for titles: `p = 0.2`; empty for a run of its own.
        shared: What it has in common with the other points of its sweep, if the sweep says so.
        save_state: Whether the state at the end is stored.
    """

    document: Document
    experiment: Experiment
    resolved: Resolved
    metrics: Metrics
    plots: list[dict[str, Any]] | None
    point: str = ""
    shared: Shared | None = None
    save_state: bool = False

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


UNCOMPILED = "NUMBA_DISABLE_JIT is set: Python runs the kernel as it stands, which is slow"


@dataclass(slots=True)
class Engine:
    """What the runs of one process share: kernels, wirings, a first part, and the process that draws beside them.

    Args:
        threads: Threads of each run, instead of the number that its file asks for.
        parts: What networks have been built of, from the second one of a structure on.
    """

    kernels: dict[tuple[str, Math], tuple[Compiled, NativeKernel | PythonKernel]] = field(default_factory=dict)
    wirings: WiringCache | None = None
    painter: Painter | None = None
    threads: int | None = None
    branch: tuple[Shared, Branch] | None = None
    parts: Parts | None = None
    _last: tuple[Network, Kernel] | None = None

    def branch_of(self, shared: Shared | None) -> Branch | None:
        """The first part that a run shares with the one before it; only the newest one is kept."""
        from snnrun.engine.checkpoint import Branch  # noqa: PLC0415 - few sweeps share a part

        if shared is None:
            return None
        if self.branch is None or self.branch[0] != shared:
            self.branch = (shared, Branch(shared.phase))
        return self.branch[1]

    def generated(self, network: Network) -> Kernel:
        """The text of a network's kernel; that of the network before when they have all but seeds in common.

        So the parts that both are built of are kept too.
        """
        from snnrun.codegen.kernel import generate  # noqa: PLC0415 - only to run

        if self._last is None or not _same_structure(self._last[0], network):
            self._last, self.parts = (network, generate(network)), None
        elif self.parts is None:
            from snnrun.engine.parts import Parts  # noqa: PLC0415

            self.parts = Parts()
        return self._last[1]

    def kernel(self, kernel: Kernel) -> tuple[Compiled, NativeKernel | PythonKernel]:
        """The machine code of a kernel."""
        from snnrun.codegen.cache import Compiled, obtain  # noqa: PLC0415 - the compiler is imported only to run
        from snnrun.codegen.native import NativeKernel, PythonKernel, compiles  # noqa: PLC0415

        key = (kernel.structure, kernel.math)
        if key not in self.kernels:
            if compiles():
                compiled = obtain(kernel.text, kernel.structure, kernel.math)
                self.kernels[key] = (compiled, NativeKernel(compiled.object))
            else:
                self.kernels[key] = Compiled(b"", "", cached=False, note=UNCOMPILED), PythonKernel(kernel.text)
        return self.kernels[key]


def _same_structure(a: Network, b: Network) -> bool:
    """Whether two networks share all their parts, so that what they compute differs in seeds and `Parameter`s only."""
    mine, other = ({f.name: getattr(x, f.name) for f in fields(x) if f.name != "seeds"} for x in (a, b))
    return all(
        mine[name] is other[name] or (isinstance(mine[name], str | int | float | Enum) and mine[name] == other[name])
        for name in mine
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network in memory with its machine code, and the first part of its run when others have left that.

    Args:
        metrics: The metrics of this run.
    """

    checked: Checked
    metrics: RunMetrics
    kernel: Kernel
    compiled: Compiled
    native: NativeKernel | PythonKernel
    built: Built
    branch: Branch | None = None


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
        remarks: What of it is not finite.
        ran: The network as it ran, when a phase ended early.
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
    remarks: tuple[Remark, ...] = ()
    ran: Network | None = None
