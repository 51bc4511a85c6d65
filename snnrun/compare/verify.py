"""Runs results again, and compares the bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snnrun import __version__
from snnrun.compare.folders import Entry, Kind, complete_points, done_at, entry_at
from snnrun.compare.known_faults import known_faults
from snnrun.engine.cache import RunCache
from snnrun.errors import Diagnostic, ExperimentError, Severity
from snnrun.files.reading import read_json
from snnrun.results.difference import FirstDifference, first_difference
from snnrun.results.done import Damage, reading_results
from snnrun.results.integrity import damage
from snnrun.results.layout import PROVENANCE_FILE, SWEEP_FILE, RunStatus, storage_error
from snnrun.results.provenance import package_versions, processor_model
from snnrun.results.reader import Results
from snnrun.results.sweep_table import point_folder
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.running.stages import Checked
from snnrun.sweep.experiments import check_point, check_sweep, point_document, spread

_NUMERIC = ("llvmlite", "numpy")  # packages that may change a bit
SAMPLE = 5
"""Points of a sweep that are run again unless all are asked for."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A run or point with different results.

    Args:
        place: The run, or the point of a sweep: `point 12 (tau = 5 ms)`.
        metrics: Metrics with another value: stored and new, SI.
        first: The first difference of recorded data; None when only metrics were kept.
    """

    place: str
    metrics: Mapping[str, tuple[Any, Any]]
    first: FirstDifference | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of running again.

    Args:
        folder: The folder.
        digest: The digest in `DONE.json`.
        is_sweep: Whether it holds a sweep.
        damage: Damaged files; nothing was run when there are any.
        mismatches: Runs or points with different results.
        checked: Runs, or points of a sweep, that were run again.
        of: How many there are.
        unlike: Differences to the machine that computed the results: version, processor, packages.
        faults: Known faults of the version that computed them, as far as they may matter.
    """

    folder: Path
    digest: str
    is_sweep: bool
    damage: Sequence[Damage]
    mismatches: Sequence[Mismatch]
    checked: int
    of: int
    unlike: Sequence[str]
    faults: Sequence[str] = ()

    @property
    def equal(self) -> bool:
        """Whether all bits are the same."""
        return not self.damage and not self.mismatches


def verify(
    path: Path,
    scratch: Path,
    *,
    number: int | None = SAMPLE,
    allow_code: bool = False,
    damaged: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Verdict:
    """Run the resolved file of some results again and compare.

    Args:
        path: Folder of the results.
        scratch: An empty folder for the runs, which the caller removes.
        number: Points of a sweep to run, spread evenly over it; None for all.
        allow_code: Whether Python functions of the experiment may run.
        damaged: Whether to compare with damaged results.
        progress: Called with (runs done, runs in all).

    Raises:
        StorageError: CMP101 to CMP103, there are no finished results; CMP301, they are those of a run that stopped.
        SnnrunError: The experiment cannot be read, or does not run.
    """
    folder, done = done_at(path)
    is_sweep = (folder / SWEEP_FILE).exists()
    broken = () if damaged else damage(folder, done)
    if broken:
        return Verdict(folder, done.digest, is_sweep, broken, (), 0, 1, ())
    entry = entry_at(folder, damaged=damaged)
    if entry.kind is Kind.RUN and entry.done.status is not RunStatus.COMPLETE:
        state = entry.done.status.value
        advice = f"run it: snnrun run {entry.experiment}"
        raise storage_error("CMP301", f"`{entry.path}` holds a run that was {state}", advice)
    checked = _checked(entry)
    pipeline.refuse_hooks(checked, allowed=allow_code)
    rerun = _Rerun(scratch, allow_code=allow_code, damaged=damaged)
    if entry.kind is Kind.SWEEP:
        return _sweep(entry, checked, rerun, number, progress)
    progress(0, 1)
    mismatch = rerun.compare(checked, "the run", entry.path, None)
    return Verdict(folder, done.digest, False, (), [mismatch] if mismatch else [], 1, 1, *_why(entry, checked))


def _checked(entry: Entry) -> Checked:
    """The experiment of some results.

    Raises:
        ExperimentError: It is wrong; where another version took it, that is said too.
    """
    try:
        return pipeline.check(pipeline.read(entry.experiment))
    except ExperimentError as error:
        version = entry.done.versions.get("snnrun", "")
        if version == __version__:
            raise
        message = f"snnrun {version} took this file; what is an error now may have been computed wrongly then"
        note = Diagnostic("CMP303", message, severity=Severity.WARNING)
        raise ExperimentError(*error.diagnostics, note) from None


def _why(entry: Entry, checked: Checked) -> tuple[list[str], list[str]]:
    """Differences to the machine that computed results, and known faults of the version that computed them."""
    version = entry.done.versions.get("snnrun", "")
    return unlike(entry, checked), known_faults(checked, version, _command(entry))


def _command(entry: Entry) -> list[str]:
    try:
        return [str(word) for word in read_json(entry.path / PROVENANCE_FILE)["command"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


class _Rerun:
    """Runs in a scratch folder, compared with stored results."""

    def __init__(self, scratch: Path, *, allow_code: bool, damaged: bool) -> None:
        self.scratch = scratch
        self.options = RunOptions(allow_code=allow_code, plots=False)
        self.damaged = damaged
        self.cache = RunCache()
        self.runs = 0

    def compare(
        self, checked: Checked, place: str, stored: Path | None, metrics: Mapping[str, Any] | None
    ) -> Mismatch | None:
        """Run once and compare; None when all is the same.

        Args:
            checked: The experiment to run.
            place: What it is, for the report.
            stored: Folder with its stored results; None when only metrics were kept.
            metrics: Its stored metrics; None to take those of the folder.
        """
        self.runs += 1
        final = self.scratch / "again" / f"{self.runs:06}"
        outcome = pipeline.run(checked, self.scratch, self.options, cache=self.cache, path=final, in_sweep=True)
        if outcome.problem is not None:
            raise outcome.problem
        with Results.open(final) as new:
            if stored is None:
                return _mismatch(place, metrics or {}, _values(new, metrics), None)
            with reading_results(stored), Results.open(stored, damaged=self.damaged) as old:
                first = None if outcome.digest == str(old.digest()) else first_difference(old, new)
                return _mismatch(place, metrics or _values(old), _values(new, metrics), first)


def _values(results: Results, wanted: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {name: m.value for name, m in results.metrics.items() if not wanted or name in wanted}


def _mismatch(
    place: str, old: Mapping[str, Any], new: Mapping[str, Any], first: FirstDifference | None
) -> Mismatch | None:
    changed = {
        name: (old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if (name in old) != (name in new) or not np.array_equal(old[name], new[name], equal_nan=True)
    }
    return Mismatch(place, changed, first) if changed or first is not None else None


def _sweep(
    entry: Entry,
    checked: Checked,
    rerun: _Rerun,
    number: int | None,
    progress: Callable[[int, int], None],
) -> Verdict:
    assert entry.table is not None
    plan = check_sweep(checked).plan
    if plan.shape != entry.table.status.shape:
        raise storage_error("CMP302", f"the table in `{entry.path}` is not that of its experiment")
    ran = np.flatnonzero(complete_points(entry.table)).tolist()
    if not ran:
        raise storage_error("CMP301", f"no point of the sweep in `{entry.path}` ran to its end")
    chosen = ran if number is None else spread(ran, number)
    base = point_document(checked)
    mismatches = []
    for done, k in enumerate(chosen):
        progress(done, len(chosen))
        point = plan.point(k)
        there = point_folder(entry.path, k)
        metrics = {name: measured.values[point.index] for name, measured in entry.metrics.items()}
        found = rerun.compare(check_point(base, point), f"point {k} ({point.text})", there, metrics)
        if found is not None:
            mismatches.append(found)
    return Verdict(entry.path, entry.done.digest, True, (), mismatches, len(chosen), len(ran), *_why(entry, checked))


def unlike(entry: Entry, checked: Checked) -> list[str]:
    """Differences to the machine that computed results, of those that may change bits."""
    found = []
    version = entry.done.versions.get("snnrun")
    if version != __version__:
        found.append(f"made by snnrun {version}, this is {__version__}")
    try:
        plain = read_json(entry.path / PROVENANCE_FILE)
        processor, packages = str(plain["processor"]), dict(plain["packages"])
    except (OSError, ValueError, KeyError, TypeError):
        return [*found, "its provenance cannot be read"]
    if processor != processor_model():
        found.append(f"made on {processor}, this is {processor_model()}")
    here = package_versions(_NUMERIC)
    found += [f"made with {n} {packages.get(n)}, this is {v}" for n, v in here.items() if packages.get(n) != v]
    if checked.resolved.network.math == "fast":
        found.append("`math: fast` promises the same bits on the same machine only")
    return found
