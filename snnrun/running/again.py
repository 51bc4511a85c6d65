"""An experiment whose results are there already: nothing is simulated twice.

Results stand when they are complete and undamaged and follow from the same simulation (`running/identity.py`). Where
the presentation changed, metrics and pictures are made again from the recorded data, in a new folder that takes the
place of the old one in one step: no picture or metric of the old presentation stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from snnrun.errors import RunWarning, SnnrunError
from snnrun.files.writing import copy_of
from snnrun.metrics.running import numbers_of
from snnrun.model.network import SpikeMonitor, SynapseEventMonitor
from snnrun.model.state import STATE_FILE
from snnrun.plot.ahead import PlotProcess
from snnrun.results.done import Done, read_done
from snnrun.results.folder import PICTURES, claim, refresh_pictures, update_latest
from snnrun.results.layout import (
    CURVE,
    EXPERIMENT_FILE,
    LOG_FILE,
    PROVENANCE_FILE,
    RESULTS_FILE,
    RunStatus,
)
from snnrun.results.provenance import source_hash
from snnrun.results.reader import Results, SeriesColumn, events_of
from snnrun.results.writer import write_presentation
from snnrun.running import folder as folders
from snnrun.running.drawing import draw_after_run
from snnrun.running.final import curves
from snnrun.running.identity import PRESENTATION, definitions
from snnrun.running.options import Callbacks, RunOptions
from snnrun.running.replay import NotRecordedError, Replay
from snnrun.running.signals import defer_signals
from snnrun.running.stages import Checked, Clock, Outcome, Stage
from snnrun.spec.document import Document
from snnrun.spec.load import load

_COMPLETE = "nothing to run: the results are complete (`--force` runs it again)"
_CARRIED = (PROVENANCE_FILE, STATE_FILE, LOG_FILE)  # what a simulation leaves beside its results

Draw = Callable[[Path], object]
Metrics = dict[str, tuple[Any, str]]
Curves = list[dict[str, tuple[Any, str, str]]]


@dataclass(frozen=True, slots=True)
class Job:
    """An experiment that is to run, and where its results go.

    Args:
        checked: The experiment.
        document: The same, with the files that it names relative to its data root.
        files: The files that it names, by these names.
        destination: Its folder.
        options: How it is run.
        clock: Timings so far.
        callbacks: What to call during the run.
        plot_process: A process that draws, started before.
    """

    checked: Checked
    document: Document
    files: Mapping[str, Path]
    destination: folders.Destination
    options: RunOptions
    clock: Clock
    callbacks: Callbacks = Callbacks()
    plot_process: PlotProcess | None = None

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats in which pictures are drawn."""
        return self.options.formats if self.options.plots else ()


@dataclass(frozen=True, slots=True)
class Presented:
    """What was made of recorded data.

    Args:
        metrics: Value and SI symbol of each metric.
        curves: The columns of each curve.
        warnings: Values that are not finite.
    """

    metrics: Metrics
    curves: Curves
    warnings: tuple[RunWarning, ...]


def reuse(job: Job) -> Outcome | None:
    """What an experiment gave, without simulating it; None when it has to be simulated.

    Raises:
        StorageError: The folder cannot be written.
    """
    done = standing(job.destination)
    if done is None:
        return None
    if job.checked.resolved.network.hooks:
        job.callbacks.note("the results are complete, but it calls Python functions, which may read anything: it runs")
        return None
    if done.origin.presentation == job.destination.identity.presentation:
        return _complete(job, done)
    try:
        return present(job, done)
    except NotRecordedError as missing:
        job.callbacks.note(f"{missing} is not recorded: it is simulated again")
        return None


def standing(destination: folders.Destination) -> Done | None:
    """The `DONE.json` of complete, undamaged results of the same simulation and program; None otherwise."""
    done = read_done(destination.path)
    if done is None or done.status is not RunStatus.COMPLETE or RESULTS_FILE not in done.files:
        return None
    if (done.origin.simulation, done.origin.program) != (destination.identity.simulation, source_hash()):
        return None
    own = [name for name in done.files if not name.startswith(f"{PICTURES}/")]
    return None if done.damage(destination.path, own) else done


def _complete(job: Job, done: Done) -> Outcome:
    """What complete results hold; pictures that are missing or damaged are drawn."""
    folder, origin = job.destination.path, done.origin
    if job.destination.latest:
        update_latest(folder)
    drawn = {name for name in done.files if name.startswith(f"{PICTURES}/")}
    damaged = {Path(item.file).suffix.removeprefix(".") for item in done.damage(folder, drawn)}
    wanted = [name for name in job.formats if origin.drawn.get(name) != "" or name in damaged]
    line, plot_error = _COMPLETE, None
    if wanted:
        pictures, plot_error = draw_after_run(folder, job.checked.plots, wanted, job.clock, job.plot_process)
        refresh_pictures(folder, () if plot_error is not None else wanted)
        line = "nothing to run: the results are complete; missing pictures were drawn" if pictures else line
    with Results.open(folder, damaged=True) as results:  # they have their digests
        found = _found(job.checked, results)
        metrics = {name: results.metrics[name] for name in job.checked.metrics.terms}
        numbers = {name: (metric.value, metric.unit) for name, metric in metrics.items()}
        outcome = _outcome(job, results, found, done.digest, numbers, origin.warnings, plot_error)
    return replace(outcome, line=line)


def present(job: Job, done: Done, draw: Draw | None = None, drawn_as: str = "", *, publish: bool = True) -> Outcome:
    """Make metrics and pictures of complete results again, from the recorded data.

    Args:
        job: The experiment.
        done: The `DONE.json` of its folder.
        draw: Draws the pictures of a folder; what it raises leaves the results as they were. None: as after a run.
        drawn_as: The options of `snnrun plot` that it draws with.
        publish: Whether they take the place of those in the folder; otherwise that stays as it is.

    Raises:
        NotRecordedError: A metric or a picture needs what was not recorded; nothing has changed.
        StorageError: The folder cannot be written.
    """
    old, destination = job.destination.path, job.destination
    before = load(old / EXPERIMENT_FILE)
    with (
        claim(old, latest=destination.latest, exact=destination.exact) as folder,
        Results.open(old, damaged=True) as results,  # they have their digests
    ):
        with job.clock.stage(Stage.WRITE), defer_signals():
            found = _found(job.checked, results)
            made = _presented(job, found.checked, results, done, before)
            digest = _write_results(folder.path, old, results, made, done.digest)
            _write_others(job, folder.path)
            folders.write_metrics(folder.path, made.metrics)
        plot_error = None
        if draw is not None:
            draw(folder.path)
        elif job.options.plots:
            _, plot_error = draw_after_run(folder.path, job.checked.plots, job.formats, job.clock, job.plot_process)
        what = _changes(before, job.document)
        with job.clock.stage(Stage.WRITE), defer_signals():
            now = datetime.now(UTC).isoformat(timespec="seconds")
            with (folder.path / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(f"{now}: {what} changed; made from the recorded data\n")
            origin = replace(
                done.origin,
                presentation=destination.identity.presentation,
                drawn={} if plot_error is not None else dict.fromkeys(job.formats, drawn_as),
                warnings=made.warnings,
            )
            versions, timings = done.versions, done.timings
            if publish:
                latest = destination.latest
                folder.publish(done.status, digest, versions=versions, timings=timings, origin=origin, latest=latest)
        outcome = _outcome(job, results, found, digest, made.metrics, made.warnings, plot_error)
    return replace(outcome, line=f"not simulated again, as only {what} changed: made from the recorded data")


@dataclass(frozen=True, slots=True)
class _AsRan:
    """The experiment as it ran: with the constant that its search found."""

    checked: Checked
    found: Any = None


def _found(checked: Checked, results: Results) -> _AsRan:
    """The experiment as it ran.

    Raises:
        NotRecordedError: Its search is not recorded.
    """
    plan = checked.search
    if plan is None:
        return _AsRan(checked)
    from snnrun.running.search import Found, bisect, with_value  # noqa: PLC0415 - few experiments search

    if "search" not in results.series_names():
        raise NotRecordedError("the search")
    columns = results.series("search")
    pairs = zip(columns["value"].values.tolist(), columns["holds"].values.tolist(), strict=True)
    tries = tuple((value, bool(held)) for value, held in pairs)
    try:
        value = bisect(plan, dict(tries).__getitem__)
    except KeyError:
        raise NotRecordedError("the search") from None
    return _AsRan(with_value(checked, plan, value), Found(plan, value, tries))


def _presented(job: Job, checked: Checked, results: Results, done: Done, before: Document) -> Presented:
    """Metrics that are as before, those that are computed from the recorded data, and curves."""
    old, new = definitions(before), definitions(job.document)
    stored = results.metrics
    kept = {name for name in checked.metrics.terms if name in stored and old.get(name) == new[name]}
    replay = Replay(checked, results, {name: stored[name].value for name in kept})
    wanted = [name for name in checked.metrics.terms if name not in kept]
    running = replay.compute(wanted)
    computed = numbers_of(running.values(wanted))
    metrics = {
        name: (stored[name].value, stored[name].unit) if name in kept else computed[name]
        for name in checked.metrics.terms
    }
    warnings = [w for w in done.origin.warnings if w.path[0] != "metrics" or w.path[1] in kept]
    warnings += [w for w in running.warnings(computed) if w.path[0] == "metrics"]
    return Presented(metrics, curves(checked, metrics, replay.final), tuple(warnings))


def _write_results(folder: Path, old: Path, results: Results, made: Presented, digest: str) -> str:
    """The results with other metrics and curves: the same file where these are as before; their digest."""
    names = [name for name in results.series_names() if CURVE.fullmatch(name)]
    same_curves = _same_curves([results.series(name) for name in names], made.curves)
    stored = results.metrics
    same_metrics = stored.keys() == made.metrics.keys() and all(
        _same((stored[name].value, stored[name].unit), metric) for name, metric in made.metrics.items()
    )
    target = folder / RESULTS_FILE
    if same_curves and same_metrics:
        copy_of(old / RESULTS_FILE, target, linked=True)
        return digest
    copy_of(old / RESULTS_FILE, target)
    write_presentation(target, made.metrics, made.curves)
    if same_curves:
        return digest
    with Results.open(target) as changed:
        return str(changed.digest())


def _same_curves(stored: Sequence[Mapping[str, SeriesColumn]], made: Curves) -> bool:
    """Whether the curves of results are those of a presentation."""
    plain = [{key: (c.values, c.unit, c.label) for key, c in columns.items()} for columns in stored]
    return [list(columns) for columns in plain] == [list(columns) for columns in made] and all(
        _same(a[key], b[key]) for a, b in zip(plain, made, strict=True) for key in a
    )


def _same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether two values have the same numbers, units and labels."""
    return np.array_equal(a[0], b[0], equal_nan=True) and tuple(a[1:]) == tuple(b[1:])


def _write_others(job: Job, folder: Path) -> None:
    """Everything beside results, metrics and pictures: the experiment, and what the run left."""
    old = job.destination.path
    folders.write_experiment(folder, job.document, job.files)
    for name in _CARRIED:
        if (old / name).is_file() and not (folder / name).exists():
            copy_of(old / name, folder / name, linked=name == STATE_FILE)


def _changes(before: Document, now: Document) -> str:
    """Which keys of the presentation changed."""
    changed = [f"`{key}`" for key in PRESENTATION if _text(before, key) != _text(now, key)]
    return " and ".join(changed) or "a style file"


def _text(document: Document, key: str) -> str:
    """A section of an experiment as text."""
    return document.with_values({(other,): None for other in document.keys(()) if other != key}).to_yaml()


def _outcome(
    job: Job,
    results: Results,
    as_ran: _AsRan,
    digest: str,
    metrics: Metrics,
    warnings: tuple[RunWarning, ...],
    plot_error: SnnrunError | KeyboardInterrupt | None,
) -> Outcome:
    """What the folder of an experiment holds."""
    folder = job.destination.path
    replay = Replay(as_ran.checked, results, {})
    watching = [m for m in replay.planned.monitors if isinstance(m, SpikeMonitor | SynapseEventMonitor)]
    return Outcome(
        folder=folder,
        digest=digest,
        ran=replay.ran,
        seconds=job.clock.seconds,
        metrics=metrics,
        counts={monitor.name: events_of(results, monitor.name) for monitor in watching},
        pictures=tuple(sorted((folder / PICTURES).glob("*.*"))),
        plot_error=plot_error,
        warnings=warnings,
        found=as_ran.found,
        simulated=False,
    )
