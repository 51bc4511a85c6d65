"""A sweep in one process: one compile, one wiring where the rules are the same, one table of metrics."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun import __version__, pipeline
from snnrun.engine.connectivity import WiringCache
from snnrun.engine.measure import Value
from snnrun.errors import ExperimentError, RunError, SnnrunError
from snnrun.publish import Place, describe, place_of, plain_value, portable, write_experiment, write_text
from snnrun.results.folder import claim
from snnrun.results.layout import RunStatus
from snnrun.results.provenance import collect
from snnrun.results.table import Axis, Coordinate, PointStatus, write_sweep
from snnrun.stages import Clock, Engine, Stage
from snnrun.sweep.check import Sweep, check_point, point_document
from snnrun.sweep.points import Plan, Point, Values
from snnrun.units.dimensions import Dimension

PointProgress = Callable[[int, int, Point], None]


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What a sweep gave.

    Args:
        folder: Its folder.
        digest: Digest of its table.
        seconds: Time of each stage. [s]
        points: Number of points.
        failed: Points that failed, with the reason.
        loop_seconds: Time of the loop over points. [s]
        kernels: Kernels that the points needed.
        keep_results: Whether each point has a folder of its own.
        pictures: Files drawn.
        metrics: Metrics over the grid and their SI symbols.
        left_out: Metrics that are no single numbers and have no place in the table.
        problem: `KeyboardInterrupt` when it was stopped, None otherwise.
        trouble: Why pictures are missing although all points ran, None otherwise.
        kept_old: Whether the folder holds an earlier result, which was as good or better than this one.
    """

    folder: Path
    digest: str
    seconds: Mapping[str, float]
    points: int
    failed: Mapping[int, str]
    loop_seconds: float
    kernels: int
    keep_results: bool
    pictures: tuple[Path, ...]
    metrics: Mapping[str, tuple[Any, str]]
    left_out: tuple[str, ...]
    problem: KeyboardInterrupt | None
    trouble: SnnrunError | KeyboardInterrupt | None
    kept_old: bool


class Nothing:
    """A sink that keeps nothing: only the metrics of the point are wanted."""

    def spikes(self, *_: object) -> None:
        """Drop spikes."""

    def states(self, *_: object) -> None:
        """Drop samples."""

    def numbers(self, *_: object) -> None:
        """Drop counts."""


def run_sweep(
    sweep: Sweep,
    out: Path,
    clock: Clock,
    progress: PointProgress = lambda _done, _all, _point: None,
    *,
    allow_code: bool = False,
    plots: bool = True,
    formats: Sequence[str] = ("png",),
    command: Sequence[str] = (),
) -> SweepOutcome:
    """Run all points, one after the other, and publish one folder.

    A point that fails is marked with its reason and the others go on. A sweep that is stopped keeps its points.

    Raises:
        SnnrunError: Nothing was run: code that is not allowed, or no place to write.
    """
    checked = sweep.checked
    started = time.time()
    if not allow_code:
        pipeline.refuse_hooks(checked)
    document, files = portable(checked.document, checked.resolved.context.files)
    place = place_of(checked.name, document, files, out)
    with claim(place.final) as folder:
        loop = _Loop(sweep, folder.path, clock, allow_code=allow_code, plots=plots, formats=formats)
        problem = loop.run(progress)
        with clock.stage(Stage.WRITE), pipeline.undisturbed():
            digest = loop.write(place)
            write_experiment(folder.path, document, files)
        pictures: list[Path] = []
        trouble = None
        if plots and loop.metrics and problem is None:
            pictures, trouble = pipeline.draw_kept(folder.path, pipeline.plots_of(checked), formats, clock)
        with clock.stage(Stage.WRITE), pipeline.undisturbed():
            collect(command, started, sum(clock.seconds.values()), checked.document.path).write(folder.path)
            write_text(folder.path / "run.log", "\n".join(loop.log(problem)) + "\n")
            published = folder.publish(
                loop.run_status(problem), digest, versions={"snnrun": __version__}, timings=dict(clock.seconds)
            )
    there = tuple(published.path / "plots" / p.name for p in pictures)
    return loop.outcome(published.path, digest, there, problem, trouble, kept_old=published.kept_old)


class _Loop:
    """The points of one sweep."""

    def __init__(
        self, sweep: Sweep, folder: Path, clock: Clock, *, allow_code: bool, plots: bool, formats: Sequence[str]
    ) -> None:
        self.checked = sweep.checked
        self.plan = sweep.plan
        self.ready = dict(sweep.ready)
        self.folder = folder
        self.clock = clock
        self.options: dict[str, Any] = {"allow_code": allow_code, "plots": plots, "formats": formats}
        self.engine = Engine(wirings=WiringCache({}))
        self.base = point_document(sweep.checked)
        self.metrics: dict[str, tuple[NDArray[np.float64], Dimension]] = {}
        self.left_out: dict[str, None] = {}
        self.status = np.full(self.plan.shape, PointStatus.MISSING, dtype=np.int8)
        self.failed: dict[int, str] = {}
        self.troubles: dict[int, str] = {}
        self.seconds = 0.0

    def run(self, progress: PointProgress) -> KeyboardInterrupt | None:
        """Every point in order; what stopped the loop, if anything did."""
        started = time.perf_counter()
        for k, point in enumerate(self.plan.points()):
            try:
                progress(k, self.plan.size, point)
                self.keep(point, self.point(k, point))
                self.status[point.index] = PointStatus.COMPLETE
            except (RunError, ExperimentError) as error:
                self.failed[k] = str(error)
                self.status[point.index] = PointStatus.FAILED
            except KeyboardInterrupt as stop:
                self.status[point.index] = PointStatus.INTERRUPTED
                return stop
            finally:
                self.seconds = time.perf_counter() - started
        return None

    def point(self, k: int, point: Point) -> dict[str, tuple[Value, Dimension]]:
        """Run one point."""
        checked = self.ready.pop(point.index, None)
        if checked is None:
            with self.clock.stage(Stage.CHECK):
                checked = check_point(self.base, point)
        if not self.plan.keep_results:
            prepared = pipeline.prepare(checked, self.engine, self.clock)
            pipeline.simulate(prepared, Nothing(), self.clock, allow_code=self.options["allow_code"])
            return checked.measures.values()
        final = self.folder / "points" / f"{k:05d}"
        checked = replace(checked, point=", ".join(f"{name} = {value}" for name, value in point.shown.items()))
        outcome = pipeline.run(checked, self.folder, self.engine, self.clock, final=final, **self.options)
        if outcome.problem is not None:
            raise outcome.problem
        if isinstance(outcome.trouble, KeyboardInterrupt):
            raise outcome.trouble
        if outcome.trouble is not None:
            self.troubles[k] = str(outcome.trouble)
        return checked.measures.values()

    def keep(self, point: Point, values: Mapping[str, tuple[Value, Dimension]]) -> None:
        """Put the metrics of a point into the table; only single numbers have a place there."""
        for name, (value, dimension) in values.items():
            if np.ndim(value) == 0:
                table, _ = self.metrics.setdefault(name, (np.full(self.plan.shape, np.nan), dimension))
                table[point.index] = value
            else:
                self.left_out[name] = None

    def table(self) -> dict[str, tuple[NDArray[np.float64], str]]:
        """Metrics over the grid, with the symbols of their units."""
        return {name: (values, dimension.symbol) for name, (values, dimension) in self.metrics.items()}

    def write(self, place: Place) -> str:
        """Write the table; its digest is that of the numbers."""
        axes, coordinates = _axes(self.plan)
        about = describe(self.checked, place.hash)
        write_sweep(self.folder, axes, self.table(), self.status, coordinates=coordinates, description=about)
        numbers = {name: {"unit": unit, "values": plain_value(table)} for name, (table, unit) in self.table().items()}
        text = json.dumps({"metrics": numbers, "status": self.status.tolist()}, sort_keys=True)
        write_text(self.folder / "metrics.json", text + "\n")
        return _digest(text)

    def run_status(self, problem: KeyboardInterrupt | None) -> RunStatus:
        """How the sweep ended."""
        if problem is not None:
            return RunStatus.INTERRUPTED
        return RunStatus.FAILED if self.failed else RunStatus.COMPLETE

    def log(self, problem: KeyboardInterrupt | None) -> list[str]:
        """What happened, for `run.log`."""
        lines = [f"snnrun {__version__}  {self.checked.name}  {self.plan.size} points"]
        lines += [f"point {k}: {reason}" for k, reason in self.failed.items()]
        lines += [f"point {k}: no pictures: {reason}" for k, reason in self.troubles.items()]
        return [*lines, "interrupted" if problem is not None else "done"]

    def outcome(
        self,
        folder: Path,
        digest: str,
        pictures: tuple[Path, ...],
        problem: KeyboardInterrupt | None,
        trouble: SnnrunError | KeyboardInterrupt | None,
        *,
        kept_old: bool,
    ) -> SweepOutcome:
        """The whole."""
        return SweepOutcome(
            folder,
            digest,
            self.clock.seconds,
            self.plan.size,
            self.failed,
            self.seconds,
            len(self.engine.kernels),
            self.plan.keep_results,
            pictures,
            self.table(),
            tuple(self.left_out),
            problem,
            trouble,
            kept_old,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _axes(plan: Plan) -> tuple[list[Axis], list[Coordinate]]:
    axes: list[Axis] = []
    coordinates: list[Coordinate] = []
    for axis in plan.axes:
        if len(axis.parameters) == 1:
            axes.append(_axis(axis.name, axis.parameters[0]))
            continue
        axes.append(Axis(axis.name, "1", np.arange(axis.length, dtype=np.float64)))
        for p in axis.parameters:
            coordinates.append(Coordinate(axis.name, p.name, p.dimension.symbol if p.dimension else None, p.numbers))
    return axes, coordinates


def _axis(name: str, parameter: Values) -> Axis:
    return Axis(name, parameter.dimension.symbol if parameter.dimension else None, parameter.numbers)
