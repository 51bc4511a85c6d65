"""The table of a sweep, made from the journals of all processes that ran its points.

The order in which points were run, by which process and when, does not change a byte of `sweep.h5`, `points.csv` and
`metrics.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun import __version__
from snnrun.errors import RunWarning
from snnrun.files.writing import as_json
from snnrun.resolve.context import Path
from snnrun.results.folder import write_durably
from snnrun.results.sweep_table import Axis, Coordinate, PointStatus, write_sweep
from snnrun.running.recording import describe
from snnrun.running.stages import Checked
from snnrun.sweep.journal import Reader
from snnrun.sweep.points import Plan, Values


@dataclass(slots=True)
class Collected:
    """The results of the points of a sweep, over its grid.

    Args:
        plan: The points.
        status: A `PointStatus` for each, shape of the grid.
        metrics: Values over the grid, NaN where there are none, and SI symbols.
        digests: Digest of the results of each point, empty where it keeps none.
        failed: Why points failed.
        notes: Notes on points.
        left_out: Metrics that fit into no table: too many numbers, or not equally many at every point.
        warnings: Values that are not finite, by point.
    """

    plan: Plan
    status: NDArray[np.int8]
    metrics: dict[str, tuple[NDArray[np.float64], str]] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)
    warnings: dict[int, tuple[RunWarning, ...]] = field(default_factory=dict)

    @property
    def metrics_text(self) -> str:
        """The content of `metrics.json`."""
        numbers = {name: {"unit": unit, "values": as_json(table)} for name, (table, unit) in self.metrics.items()}
        plain: dict[str, Any] = {"metrics": numbers, "status": self.status.tolist()}
        if self.plan.keep_results:
            plain["results"] = [self.digests.get(k, "") for k in range(self.plan.size)]
        return json.dumps(plain, sort_keys=True)

    def write(self, folder: FilePath, checked: Checked, hash: str) -> str:
        """Write the table; its digest, which is that of the numbers.

        Raises:
            StorageError: It cannot be written.
        """
        axes, coordinates = _axes(self.plan)
        about = describe(checked, hash)
        tables = (axes, self.metrics, self.status)
        write_sweep(folder, *tables, coordinates=coordinates, description=about, reasons=self.failed)
        text = self.metrics_text
        write_durably(folder / "metrics.json", f"{text}\n".encode())
        return hashlib.sha256(text.encode()).hexdigest()

    def log(self, name: str, end: str) -> str:
        """The text of `run.log`."""
        lines = [f"snnrun {__version__}  {name}  {self.plan.size} points"]
        lines += [f"point {k}: {reason}" for k, reason in sorted(self.failed.items())]
        lines += [f"point {k}: {note}" for k, note in sorted(self.notes.items())]
        lines += [f"point {k}: warning[{r.code}] {r.message}" for k in sorted(self.warnings) for r in self.warnings[k]]
        return "\n".join([*lines, end]) + "\n"

    def merged_warnings(self) -> list[RunWarning]:
        """The warnings of all points, each once: of its first point, with the number of others."""
        points: dict[tuple[str, Path], list[tuple[int, RunWarning]]] = {}
        for k in sorted(self.warnings):
            for warning in self.warnings[k]:
                points.setdefault((warning.code, warning.path), []).append((k, warning))
        found: list[RunWarning] = []
        for (k, warning), *others in points.values():
            also = f"; so also at {len(others):,} other point{'s' if len(others) > 1 else ''}" if others else ""
            found.append(replace(warning, message=f"point {k}: {warning.message}{also}"))
        return found


def collect(folder: FilePath, plan: Plan, names: Sequence[str], mark: str = "") -> Collected:
    """Read all journals of a sweep.

    Args:
        folder: The sweep's folder.
        plan: Its points.
        names: Names of its metrics, in the order of the file.
        mark: What points must follow from (`Sweep.mark`).

    Raises:
        StorageError: They cannot be read.
    """
    found = Collected(plan, np.full(plan.shape, PointStatus.MISSING, dtype=np.int8))
    status = found.status.reshape(-1)
    flat: dict[str, NDArray[np.float64]] = {}
    units: dict[str, str] = {}
    for record in Reader(folder).new():
        k = record.point
        if not 0 <= k < plan.size or status[k] == PointStatus.COMPLETE or not record.counts_for(mark):
            continue
        status[k] = record.status
        if record.status is PointStatus.FAILED:
            found.failed.setdefault(k, record.reason)
            continue
        found.failed.pop(k, None)
        for name, (value, unit) in record.metrics.items():
            shape = np.shape(value)
            if name not in flat:
                flat[name] = np.full((plan.size, *shape), np.nan)
                units[name] = unit
            if flat[name].shape[1:] == shape:
                flat[name][k] = value
            else:
                found.left_out[name] = None  # the number of neurons is swept: no rectangle holds them
        found.left_out |= dict.fromkeys(record.left_out)
        if record.digest:
            found.digests[k] = record.digest
        if record.reason:
            found.notes[k] = record.reason
        if record.warnings:
            found.warnings[k] = record.warnings
    found.metrics = {
        name: (flat[name].reshape((*plan.shape, *flat[name].shape[1:])), units[name])
        for name in names
        if name in flat and name not in found.left_out
    }
    return found


def _axes(plan: Plan) -> tuple[list[Axis], list[Coordinate]]:
    axes: list[Axis] = []
    coordinates: list[Coordinate] = []
    for axis in plan.axes:
        if len(axis.parameters) == 1 and not axis.names:
            axes.append(_axis(axis.name, axis.parameters[0]))
            continue
        numbers = Axis(axis.name, "1", np.arange(axis.length, dtype=np.float64))
        axes.append(Axis(axis.name, None, axis.names) if axis.names else numbers)
        for p in axis.parameters:
            if axis.names and any("\n" in str(number) for number in p.numbers):
                continue  # texts of several lines, for which the names of the points stand
            coordinates.append(Coordinate(axis.name, p.name, p.dimension.symbol if p.dimension else None, p.numbers))
    if plan.seed_of is not None:
        own = np.array([plan.seed_of(plan.index(k)) for k in range(plan.size)], np.int64)
        coordinates.append(Coordinate("", "seed", "1", own.reshape(plan.shape)))
    return axes, coordinates


def _axis(name: str, parameter: Values) -> Axis:
    return Axis(name, parameter.dimension.symbol if parameter.dimension else None, parameter.numbers)
