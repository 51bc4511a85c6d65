"""Folders of results as one table: what each run or sweep is called, how it ended, and its metrics with units."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import numpy as np

from snnrun import pipeline
from snnrun.errors import ExperimentError, StorageError, did_you_mean
from snnrun.results.done import Done, read_done
from snnrun.results.folder import LATEST, latest
from snnrun.results.layout import (
    DONE_FILE,
    PROVENANCE_FILE,
    RESULTS_FILE,
    SWEEP_FILE,
    FloatArray,
    storage_error,
)
from snnrun.results.table import PointStatus, SweepTable, read_sweep
from snnrun.units.dimensions import Dimension
from snnrun.units.quantities import dimension_of

EXPERIMENT_FILE = "experiment.yaml"
METRICS_FILE = "metrics.json"
_HASH = re.compile(r"[0-9a-f]{8}")


class Kind(StrEnum):
    """What a folder of results holds."""

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


@dataclass(frozen=True, eq=False)
class Entry:
    """One folder of results.

    Args:
        path: The folder.
        kind: Whether it holds a run or a sweep.
        name: The experiment's name.
        done: What `DONE.json` says.
        started: When it began; None when the provenance does not say.
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
        """The first figures of the hash of the experiment."""
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
        columns = [(a.name, a.unit, a.values, places[a.name]) for a in self.table.axes]
        columns += [(c.name, c.unit, c.values, places[c.axis]) for c in self.table.coordinates]
        found = {}
        for name, unit, values, place in columns:
            if unit is None:
                continue
            along = np.asarray(values, dtype=np.float64).reshape([-1 if k == place else 1 for k in range(len(shape))])
            found[name] = Measured(np.broadcast_to(along, shape), dimension_of(unit))
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid's shape; () for a run."""
        return () if self.table is None else self.table.status.shape

    @cached_property
    def constants(self) -> dict[str, Measured]:
        """The constants of the experiment, read from its file when first asked for; none if that cannot be read."""
        try:
            context = pipeline.check(pipeline.read(self.experiment)).resolved.context
        except ExperimentError:
            return {}
        return {
            name: Measured(np.asarray(typed.value, dtype=np.float64), typed.dimension)
            for name, typed in context.constants.items()
            if name in context.experiment.constants and typed.exact is not None
        }


def entry_at(path: Path) -> Entry:
    """The results in a folder.

    Raises:
        StorageError: CMP101 to CMP103: there is no folder, it holds no results, or they are not finished.
    """
    folder, done = done_at(path)
    try:
        return _entry(folder, done)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise storage_error(
            "CMP103", f"the results in `{path}` cannot be read: {error}", f"check them: snnrun verify {path}"
        ) from error


def done_at(path: Path) -> tuple[Path, Done]:
    """The folder that a path means, and its `DONE.json`.

    Raises:
        StorageError: CMP101 or CMP102: there is no folder, it holds no results, or they are not finished.
    """
    folder = _followed(path)
    done = read_done(folder)
    if done is None:
        raise _no_results(path, folder)
    return folder, done


def entries_below(root: Path) -> list[Entry]:
    """The results in and below a folder, sorted by path; points of sweeps and what cannot be read are left out.

    Raises:
        StorageError: CMP101, there is no such folder.
    """
    if not root.is_dir():
        raise _missing(root)
    return list(_found(root))


def unfinished_below(root: Path) -> list[Path]:
    """Folders of results that are not finished, in and below a folder."""
    return [folder for folder in _result_folders(root) if read_done(folder) is None]


def _found(root: Path) -> Iterator[Entry]:
    for folder in _result_folders(root):
        done = read_done(folder)
        if done is not None:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, StorageError):
                yield _entry(folder, done)


def _result_folders(folder: Path) -> Iterator[Path]:
    """Folders of runs and sweeps, finished or not; nothing inside them."""
    if read_done(folder) is not None or (_HASH.fullmatch(folder.name) and (folder / EXPERIMENT_FILE).is_file()):
        yield folder
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
            yield from _result_folders(child)


def _entry(folder: Path, done: Done) -> Entry:
    name = folder.resolve().parent.name
    started = _started(folder)
    if (folder / SWEEP_FILE).is_file():
        table = read_sweep(folder)
        metrics = {n: Measured(np.asarray(v, np.float64), dimension_of(u)) for n, (v, u) in table.metrics.items()}
        return Entry(folder, Kind.SWEEP, name, done, started, metrics, table)
    plain = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    metrics = {
        n: Measured(np.array(item["value"], np.float64), dimension_of(item["unit"])) for n, item in plain.items()
    }
    return Entry(folder, Kind.RUN, name, done, started, metrics)


def _started(folder: Path) -> datetime | None:
    try:
        plain = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))
        return datetime.fromisoformat(plain["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def complete_points(table: SweepTable) -> np.ndarray:
    """Which points of a sweep ran to their end, shape of the grid."""
    return np.asarray(table.status == PointStatus.COMPLETE)


def _followed(path: Path) -> Path:
    """The folder a path means, by its own name: `latest` is another one tomorrow; a file of it names it too."""
    if path.name == LATEST and (path.is_symlink() or path.is_file()):
        return latest(path.parent) or path
    return path.parent if path.name in {DONE_FILE, RESULTS_FILE, SWEEP_FILE} and path.is_file() else path


def _no_results(path: Path, folder: Path) -> StorageError:
    if not folder.is_dir():
        return _missing(path)
    if (folder / EXPERIMENT_FILE).is_file():
        advice = f"run it: snnrun run {folder / EXPERIMENT_FILE}"
        return storage_error("CMP102", f"the run in `{path}` is not finished", advice)
    below = next((entry.path for entry in _found(folder)), None)
    advice = (
        f"name one of the folders below it, such as {below}" if below else "name a folder such as outputs/lif/latest"
    )
    return storage_error("CMP102", f"`{path}` is not a folder of results", advice)


def _missing(path: Path) -> StorageError:
    if path.is_file():
        return storage_error("CMP101", f"`{path}` is a file, not a folder of results")
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    return storage_error("CMP101", f"there is no folder `{path}`", did_you_mean(path.name, siblings))
