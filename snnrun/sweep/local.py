"""A sweep in one process: one compile, one wiring where the rules are the same, one table of metrics."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from snnrun import __version__, pipeline
from snnrun.engine.connectivity import WiringCache
from snnrun.engine.measure import Value, numbers_of
from snnrun.errors import Diagnostic, RunError, SnnrunError
from snnrun.publish import describe
from snnrun.results.folder import claim
from snnrun.results.provenance import collect
from snnrun.results.table import Axis, Coordinate, PointStatus, write_sweep
from snnrun.source import SourceFile
from snnrun.spec.document import Document
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode, scalar
from snnrun.sweep.points import Place, Plan, Point, Values, plan_sweep
from snnrun.units.dimensions import Dimension

PointProgress = Callable[[int, int, Point], None]
CURVES = frozenset({"curve", "sweep", "heatmap"})


@dataclass(slots=True)
class SweepOutcome:
    """What a sweep gave.

    Args:
        folder: Its folder.
        digest: Digest of its table.
        points: Number of points.
        failed: Points that failed, with the reason.
        loop_seconds: Time of the loop over points.
        compiles: Kernels that had to be compiled or loaded.
    """

    folder: Path
    digest: str
    seconds: dict[str, float]
    points: int
    failed: dict[int, str]
    loop_seconds: float
    compiles: int
    pictures: list[Path] = field(default_factory=list)
    metrics: dict[str, tuple[Any, str]] = field(default_factory=dict)


class Nothing:
    """A sink that keeps nothing: only the metrics of the point are wanted."""

    def spikes(self, *_: object) -> None:
        """Drop spikes."""

    def states(self, *_: object) -> None:
        """Drop samples."""

    def numbers(self, *_: object) -> None:
        """Drop counts."""


def plan_of(checked: pipeline.Checked) -> Plan:
    """The points of an experiment's sweep."""
    assert checked.experiment.sweep is not None
    return plan_sweep(checked.resolved.context, checked.experiment.sweep)


def run_sweep(
    checked: pipeline.Checked,
    out: Path,
    clock: pipeline.Clock,
    progress: PointProgress = lambda _done, _all, _point: None,
    *,
    allow_code: bool = False,
    plots: bool = True,
    formats: Sequence[str] = ("png",),
    command: Sequence[str] = (),
) -> SweepOutcome:
    """Run all points, one after the other, and publish one folder.

    A point that fails is marked with its reason and the others go on.

    Raises:
        ExperimentError: The sweep, or the file at some point of it, is wrong.
    """
    plan = plan_of(checked)
    started = time.time()
    full_hash = pipeline.run_hash(checked.document, checked.resolved.context.files)
    final = out / checked.name / full_hash[:8]
    with claim(final) as folder:
        loop = _Loop(checked, plan, folder.path, clock, allow_code=allow_code, plots=plots, formats=formats)
        before = time.perf_counter()
        loop.run(progress)
        spent = time.perf_counter() - before
        with clock.stage("write"):
            digest = loop.write(describe(checked, full_hash))
            (folder.path / "experiment.yaml").write_text(checked.document.to_yaml(), encoding="utf-8")
            pipeline.copy_files(checked.resolved.context.files, folder.path)
        pictures: list[Path] = []
        wanted = None if checked.plots is None else [p for p in checked.plots if p.get("kind") in CURVES]
        if plots and loop.metrics and wanted != []:
            with clock.stage("plot"):
                pictures = pipeline.draw(folder.path, wanted, formats)
        with clock.stage("write"):
            collect(command, started, sum(clock.seconds.values()), checked.document.path).write(folder.path)
            log = [f"snnrun {__version__}  {checked.name}  {len(plan.points)} points"]
            log += [f"point {k}: {reason}" for k, reason in loop.failed.items()]
            (folder.path / "run.log").write_text("\n".join(log) + "\n", encoding="utf-8")
            status = "complete" if not loop.failed else "failed"
            path = folder.publish(status, digest, versions={"snnrun": __version__}, timings=dict(clock.seconds)).path
    return SweepOutcome(
        path,
        str(digest),
        clock.seconds,
        len(plan.points),
        loop.failed,
        spent,
        len(loop.engine.kernels),
        [path / "plots" / p.name for p in pictures],
        loop.table(),
    )


class _Loop:
    """The points of one sweep."""

    def __init__(
        self,
        checked: pipeline.Checked,
        plan: Plan,
        folder: Path,
        clock: pipeline.Clock,
        *,
        allow_code: bool,
        plots: bool,
        formats: Sequence[str],
    ) -> None:
        self.checked = checked
        self.plan = plan
        self.folder = folder
        self.clock = clock
        self.allow_code = allow_code
        self.plots = plots
        self.formats = formats
        self.engine = pipeline.Engine(wirings=WiringCache({}))
        self.base = point_document(checked.document)
        self.metrics: dict[str, tuple[np.ndarray[Any, np.dtype[np.float64]], Dimension]] = {}
        self.status = np.full(plan.shape, PointStatus.MISSING, dtype=np.int8)
        self.failed: dict[int, str] = {}

    def run(self, progress: PointProgress) -> None:
        """Every point in order."""
        for k, point in enumerate(self.plan.points):
            progress(k, len(self.plan.points), point)
            try:
                values = self.point(k, point)
            except RunError as error:
                self.failed[k] = str(error)
                self.status[point.index] = PointStatus.FAILED
                continue
            self.status[point.index] = PointStatus.COMPLETE
            self.keep(point, values)
        if len(self.failed) == len(self.plan.points):
            raise RunError(
                Diagnostic(
                    "RUN303", f"all {len(self.failed)} points failed; the first: {next(iter(self.failed.values()))}"
                )
            )

    def point(self, k: int, point: Point) -> dict[str, tuple[Value, Dimension]]:
        """Run one point."""
        with self.clock.stage("check"):
            document = self.base.with_values(point.values)
            try:
                checked = pipeline.check(document)
            except SnnrunError as error:
                raise _at_point(error, point) from None
        prepared = pipeline.prepare(checked, self.engine, self.clock)
        if self.plan.keep_results:
            final = self.folder / "points" / f"{k:05d}"
            pipeline.run(
                checked,
                self.folder,
                self.engine,
                self.clock,
                allow_code=self.allow_code,
                plots=self.plots,
                formats=self.formats,
                prepared=prepared,
                final=final,
            )
        else:
            pipeline.simulate(prepared, Nothing(), self.clock, allow_code=self.allow_code)
        return checked.measures.values()

    def keep(self, point: Point, values: dict[str, tuple[Value, Dimension]]) -> None:
        """Put the metrics of a point into the table; only single numbers have a place there."""
        for name, (value, dimension) in values.items():
            if np.ndim(value) == 0:
                table, _ = self.metrics.setdefault(name, (np.full(self.plan.shape, np.nan), dimension))
                table[point.index] = value

    def table(self) -> dict[str, tuple[Any, str]]:
        """Metrics over the grid, with the symbols of their units."""
        return numbers_of(self.metrics)  # type: ignore[arg-type]

    def write(self, description: Any) -> str:
        """Write the table; its digest is that of the numbers."""
        axes, coordinates = _axes(self.plan)
        write_sweep(self.folder, axes, self.table(), self.status, coordinates=coordinates, description=description)
        plain = {name: {"unit": unit, "values": _listed(table)} for name, (table, unit) in self.table().items()}
        text = json.dumps({"metrics": plain, "status": self.status.tolist()}, sort_keys=True)
        (self.folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
        return _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _listed(table: Any) -> Any:
    return json.loads(json.dumps(table.tolist()).replace("NaN", "null"))


def point_document(document: Document) -> Document:
    """The experiment of one point: without the sweep and the pictures of the sweep."""
    plots = document.find(("plots",))
    own: Node | None = plots
    if isinstance(plots, ListNode):
        kept = tuple(p for p in plots.items if not _of_sweep(p))
        own = ListNode(kept, plots.span) if kept else scalar("none", SourceFile("plots", "none"))
    changes: dict[Place, Any] = {("sweep",): None}
    if own is not None:
        changes[("plots",)] = own
    return document.with_values(changes)


def _of_sweep(plot: Node) -> bool:
    kind = plot.get("kind") if isinstance(plot, MapNode) else None
    return isinstance(kind, ScalarNode) and kind.value in CURVES


def _at_point(error: SnnrunError, point: Point) -> SnnrunError:
    """An error that says at which values it happened."""
    where = ", ".join(f"{name} = {value}" for name, value in point.shown.items())
    return type(error)(*(replace(d, message=f"{d.message} (at {where})") for d in error.diagnostics))


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
