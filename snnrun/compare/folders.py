"""Folders of results: name, status and metrics with units of each run or sweep."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from snnrun.errors import ExperimentError, StorageError, did_you_mean
from snnrun.files.reading import read_json, read_text, reason_of
from snnrun.results.done import QUICK_BYTES, RUN_AGAIN, Done, refuse
from snnrun.results.folder import LATEST, PICTURES, latest
from snnrun.results.integrity import damage
from snnrun.results.layout import (
    DONE_FILE,
    EXPERIMENT_FILE,
    METRICS_FILE,
    PROVENANCE_FILE,
    RESULTS_FILE,
    SWEEP_FILE,
    FloatArray,
    storage_error,
)
from snnrun.results.sweep_table import PointStatus, SweepTable, read_sweep
from snnrun.units.dimensions import Dimension
from snnrun.units.quantities import dimension_of

_WRONG = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, MemoryError, RecursionError)
_HASH = re.compile(r"[0-9a-f]{8}")


class Kind(StrEnum):
    """The kind of a folder of results."""

    RUN = "run"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A metric or parameter: its values and their dimension.

    Args:
        values: SI numbers; shape () for a number of a run, the grid's shape for a sweep, (n,) for one value a neuron.
        dimension: Their dimension.
    """

    values: FloatArray
    dimension: Dimension

    @property
    def extent(self) -> tuple[float, float]:
        """The smallest and the largest finite value; NaN when there is none."""
        if self.values.ndim == 0:
            value = float(self.values)
            return (value, value) if math.isfinite(value) else (math.nan, math.nan)
        finite = self.values[np.isfinite(self.values)]
        return (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Entry:
    """One folder of results.

    Args:
        path: The folder.
        kind: Whether it holds a run or a sweep.
        name: The experiment's name.
        done: Its `DONE.json`.
        started: When it began; None when unknown.
        metrics: Metrics by name; those of a sweep over its grid.
        table: A sweep's table.
    """

    path: Path
    kind: Kind
    name: str
    done: Done
    started: datetime | None
    metrics: Mapping[str, Measured]
    table: SweepTable | None = None

    @property
    def hash(self) -> str:
        """The first digits of the hash of the experiment."""
        return self.path.name

    @property
    def experiment(self) -> Path:
        """The resolved file."""
        return self.path / EXPERIMENT_FILE

    @cached_property
    def parameters(self) -> dict[str, Measured]:
        """Swept parameters that are numbers, each over the whole grid; none for a run."""
        if self.table is None:
            return {}
        shape = self.table.status.shape
        places = {axis.name: k for k, axis in enumerate(self.table.axes)}
        columns: list[tuple[str, str | None, Any, int | None]] = [
            (a.name, a.unit, a.values, places[a.name]) for a in self.table.axes
        ]
        columns += [(c.name, c.unit, c.values, places.get(c.axis)) for c in self.table.coordinates]
        found = {}
        for name, unit, values, place in columns:
            if unit is None:
                continue
            along = np.asarray(values, dtype=np.float64)
            if place is not None:
                along = along.reshape([-1 if k == place else 1 for k in range(len(shape))])
            found[name] = Measured(np.broadcast_to(along, shape), dimension_of(unit))
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid's shape; () for a run."""
        return () if self.table is None else self.table.status.shape

    def constant(self, name: str) -> Measured | None:
        """A constant of the experiment. Its file is checked only where it may define one of this name: that is slow."""
        try:
            text = read_text(self.experiment)
        except (OSError, ValueError):
            return None
        return self.constants.get(name) if re.search(rf"\b{re.escape(name)}\b['\"]?\s*:", text) else None

    @cached_property
    def constants(self) -> dict[str, Measured]:
        """The constants of the experiment, read from its file when they are needed; none if it cannot be read."""
        from snnrun.running import pipeline  # noqa: PLC0415 - results are read without it

        try:
            context = pipeline.check(pipeline.read(self.experiment)).resolved.context
        except ExperimentError:
            return {}
        return {
            name: Measured(np.asarray(typed.value, dtype=np.float64), typed.dimension)
            for name, typed in context.constants.items()
            if name in context.experiment.constants and typed.exact is not None
        }


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder of results that cannot be read.

    Args:
        path: The folder.
        why: What is wrong with it.
        damaged: Whether files do not have their digests.
    """

    path: Path
    why: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The results in and below a folder, sorted by path.

    Args:
        entries: Results.
        unfinished: Folders of results that are not finished.
        unreadable: Folders that cannot be read.
    """

    entries: list[Entry]
    unfinished: list[Path]
    unreadable: list[Unreadable]


def entry_at(path: Path, *, damaged: bool = False, whole: bool = False) -> Entry:
    """The results in a folder.

    Args:
        path: The folder.
        damaged: Whether damaged results are read too.
        whole: Whether all files are compared with their digests, so that the digest of the run is verified.

    Raises:
        StorageError: CMP101 to CMP103, ST209: there is no folder, it holds no results, or they are not finished or
            damaged.
    """
    folder, done = done_at(path)
    try:
        if whole and not damaged:
            refuse(folder, damage(folder, done, _data(done)))
        return _entry(folder, done, damaged=damaged)
    except _WRONG as error:
        raise storage_error(
            "CMP103", f"the results in `{path}` cannot be read: {_reason(error)}", f"check them: snnrun verify {path}"
        ) from error


def is_whole(entry: Entry) -> bool:
    """Whether the recorded data have the digest of `DONE.json`; text files are not checked."""
    names = [name for name in _data(entry.done) if "/" in name or name in {RESULTS_FILE, SWEEP_FILE}]
    return not damage(entry.path, entry.done, names)


def _data(done: Done) -> list[str]:
    """All files but the pictures."""
    return [name for name in done.files if not name.startswith(f"{PICTURES}/")]


def done_at(path: Path) -> tuple[Path, Done]:
    """The folder that a path means, and its `DONE.json`.

    Raises:
        StorageError: CMP101 to CMP103: there is no folder, it holds no results, or they are not finished.
    """
    folder = _followed(path)
    try:
        return folder, Done.read(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise _no_results(path, folder) from None
    except (OSError, ValueError) as error:
        message = f"`{DONE_FILE}` in `{path}` cannot be read: {_reason(error)}"
        raise storage_error("CMP103", message, RUN_AGAIN) from error


def results_below(root: Path, *, damaged: bool = False) -> Found:
    """The results in and below a folder; points of sweeps are left out.

    Args:
        root: The folder.
        damaged: Whether damaged results are read too.

    Raises:
        StorageError: CMP101, there is no such folder.
    """
    if not root.is_dir():
        raise _missing(root)
    found = Found([], [], [])
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            if os.path.lexists(folder / DONE_FILE):
                found.entries.append(_entry(folder, Done.read(folder), damaged=damaged))
            elif _HASH.fullmatch(folder.name) and (folder / EXPERIMENT_FILE).is_file():
                found.unfinished.append(folder)
            else:
                waiting += reversed(_inner(folder))
        except (*_WRONG, StorageError) as error:
            is_damaged = isinstance(error, StorageError) and error.diagnostics[0].code == "ST209"
            found.unreadable.append(Unreadable(folder, _reason(error), is_damaged))
    return found


def _inner(folder: Path) -> list[Path]:
    with os.scandir(folder) as items:
        names = [item.name for item in items if item.is_dir(follow_symlinks=False) and not item.name.startswith(".")]
    return [folder / name for name in sorted(names)]


def _reason(error: Exception) -> str:
    if isinstance(error, StorageError):
        return error.diagnostics[0].message
    return reason_of(error)


def _entry(folder: Path, done: Done, *, damaged: bool) -> Entry:
    name = done.origin.name or Path(os.path.realpath(folder)).parent.name
    started = _started(folder)
    is_sweep = SWEEP_FILE in done.files or (folder / SWEEP_FILE).is_file()
    if not damaged:
        opened = SWEEP_FILE if is_sweep else METRICS_FILE
        refuse(folder, done.damage(folder, (opened,)))
        refuse(folder, done.damage(folder, [name for name in done.own if name != opened], largest=QUICK_BYTES))
    if is_sweep:
        table = read_sweep(folder, damaged=damaged)
        metrics = {n: Measured(np.asarray(v, np.float64), dimension_of(u)) for n, (v, u) in table.metrics.items()}
        return Entry(folder, Kind.SWEEP, name, done, started, metrics, table)
    plain = read_json(folder / METRICS_FILE)
    metrics = {
        n: Measured(np.array(item["value"], np.float64), dimension_of(item["unit"])) for n, item in plain.items()
    }
    return Entry(folder, Kind.RUN, name, done, started, metrics)


def _started(folder: Path) -> datetime | None:
    try:
        plain = read_json(folder / PROVENANCE_FILE)
        return datetime.fromisoformat(plain["started"]).astimezone()
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def complete_points(table: SweepTable) -> np.ndarray:
    """Which points of a sweep ran to their end, shape of the grid."""
    return np.asarray(table.status == PointStatus.COMPLETE)


def _followed(path: Path) -> Path:
    """The folder that a path means: `latest` is followed, and a file of a folder stands for the folder."""
    if path.name == LATEST and (path.is_symlink() or path.is_file()):
        return latest(path.parent) or path
    return path.parent if path.name in {DONE_FILE, RESULTS_FILE, SWEEP_FILE} and path.is_file() else path


def _no_results(path: Path, folder: Path) -> StorageError:
    if not folder.is_dir():
        return _missing(path)
    if (folder / EXPERIMENT_FILE).is_file():
        advice = f"run it: snnrun run {folder / EXPERIMENT_FILE}"
        return storage_error("CMP102", f"the run in `{path}` is not finished", advice)
    below = next((entry.path for entry in results_below(folder).entries), None)
    advice = (
        f"name one of the folders below it, such as {below}" if below else "name a folder such as outputs/lif/latest"
    )
    return storage_error("CMP102", f"`{path}` is not a folder of results", advice)


def _missing(path: Path) -> StorageError:
    if path.is_file():
        return storage_error("CMP101", f"`{path}` is a file, not a folder of results")
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    return storage_error("CMP101", f"there is no folder `{path}`", did_you_mean(path.name, siblings))
