"""Runs a sweep: the points that are not on the disk yet, then the table.

The command hands out batches of points and reads their records; results go from the processes that run points to the
disk. So nothing is lost when a process ends, and the same command continues where it stopped.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snnrun import __version__
from snnrun.errors import Diagnostic, RunError, RunWarning, SnnrunError, StorageError, UnfinishedError
from snnrun.files.reading import read_bytes
from snnrun.results.done import read_done
from snnrun.results.folder import (
    PICTURES,
    complete_folder,
    recover,
    refresh_pictures,
    refuse_taken,
    refuse_taken_latest,
    update_latest,
    write_durably,
)
from snnrun.results.layout import DONE_FILE, EXPERIMENT_FILE, LOG_FILE, RunStatus, check_name, storage_error
from snnrun.results.provenance import collect as collect_provenance
from snnrun.results.sweep_table import PointStatus
from snnrun.running import pipeline
from snnrun.running.drawing import draw_after_run, plots_of
from snnrun.running.folder import Destination, destination_of, origin_of, portable
from snnrun.running.options import Progress, RunOptions, ignore
from snnrun.running.signals import defer_signals, stop_on_signals
from snnrun.running.stages import Clock, Stage
from snnrun.spec.document import Document
from snnrun.spec.read import SIZE_LIMIT
from snnrun.sweep.claims import TABLE
from snnrun.sweep.collect import Collected, collect
from snnrun.sweep.dispatch import Dispatcher
from snnrun.sweep.earlier import take_over
from snnrun.sweep.experiments import Sweep
from snnrun.sweep.journal import cannot_write
from snnrun.sweep.pool import LocalPool, Pool
from snnrun.sweep.store import (
    Facts,
    complete_sweep,
    read_facts,
    read_state,
    refuse_at_work,
    remove_results,
    remove_temporary,
    write_facts,
)
from snnrun.sweep.worker import open_sweep

_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """The results of a sweep.

    Args:
        folder: Its folder.
        digest: Digest of its table.
        seconds: Time of each stage in this process. [s]
        points: Number of points.
        ran: How many of them this command ran.
        reused: How many of them it took over from earlier sweeps of the experiment.
        made: What was made again of the points, in words; empty when all was there.
        presented: How many of those that ran were not simulated: their metrics and pictures were made again.
        failed: Points that failed, with the reason.
        missing: Points that are still to be run.
        loop_seconds: Time of the loop over points. [s]
        workers: Processes that ran points.
        kernels: Kernels that this process used.
        keep_results: Whether each point has a folder of its own.
        pictures: Files drawn.
        metrics: Metrics over the grid and their SI symbols.
        left_out: Metrics that fit into no table: too many numbers, or not equally many at every point.
        problem: What stopped it before its end, if anything did.
        plot_error: Why pictures are missing although all points ran, None otherwise.
        warnings: Values that are not finite at some points.
    """

    folder: Path
    digest: str
    seconds: Mapping[str, float]
    points: int
    ran: int
    reused: int
    presented: int
    made: str
    failed: Mapping[int, str]
    missing: int
    loop_seconds: float
    workers: int
    kernels: int
    keep_results: bool
    pictures: tuple[Path, ...]
    metrics: Mapping[str, tuple[Any, str]]
    left_out: tuple[str, ...]
    problem: UnfinishedError | KeyboardInterrupt | None
    plot_error: SnnrunError | KeyboardInterrupt | None
    warnings: tuple[RunWarning, ...] = ()


def run_sweep(
    sweep: Sweep,
    out: Path,
    options: RunOptions = RunOptions(),
    *,
    clock: Clock | None = None,
    progress: Progress = ignore,
    workers: int | None = None,
    pool: Callable[[Path, RunOptions], Pool] | None = None,
    retry_failed: bool = False,
    path: Path | None = None,
) -> SweepOutcome:
    """Run the points that are not on the disk yet, and make the table when none is missing.

    A point that fails is marked with its reason and the others run. A sweep that is stopped keeps its points.

    Args:
        sweep: The sweep.
        out: Folder of all results; the sweep's own is `out/<name>/<hash8>`.
        options: How its points are run.
        clock: Timings so far.
        progress: Called with (points done, points in all).
        workers: Processes of this machine; None for as many as pay off, at most one for each core.
        pool: Makes processes elsewhere, given the sweep's folder and the options.
        retry_failed: Whether points that failed are run again.
        path: The sweep's folder, instead of `out/<name>/<hash8>`.

    Raises:
        SnnrunError: It cannot continue: code that is not allowed, no place to write, no process to run a point.
    """
    started = time.time()
    pipeline.refuse_hooks(sweep.checked, allowed=options.allow_code)
    with defer_signals() as received:
        place, sweep = create_sweep_folder(sweep, out, options, path)
        reused = 0 if options.force else take_over(sweep, place.path)
        run = Dispatcher(sweep, place.path, options, clock or Clock(), retry_failed=retry_failed)
        end = _Table(run, place, options.command, started)
    problem: UnfinishedError | KeyboardInterrupt | None = None
    try:
        with stop_on_signals():
            if received:
                signal.raise_signal(received[0])  # it came before the handler was installed
            run.points(progress, workers, pool)
            end.make()
    except (UnfinishedError, KeyboardInterrupt) as stop:
        problem = stop
    except OSError as error:
        raise cannot_write(place.path, error) from error
    finally:
        with defer_signals():
            run.close()
            if problem is not None:
                end.make_partial()
            run.claims.close()
    return end.outcome(problem, reused)


def run_points(
    sweep: Sweep,
    folder: Path,
    points: Sequence[int],
    options: RunOptions,
    clock: Clock,
    workers: int,
    *,
    retry_failed: bool,
) -> int:
    """Run some points of a sweep in processes of this machine; make the table if that leaves none missing.

    Args:
        sweep: The sweep.
        folder: Its folder.
        points: The points.
        options: How points are run.
        clock: Timings so far.
        workers: Number of processes.
        retry_failed: Whether failed points are run again. Then a later command makes the table, as it is not known here
            which points other processes will run again.

    Returns:
        How many points were run.

    Raises:
        SnnrunError: It cannot continue.
    """
    started = time.time()
    run = Dispatcher(sweep, folder, options, clock, retry_failed=retry_failed, only=points)
    try:
        with stop_on_signals():
            run.run_in(LocalPool(folder, options, workers))
            state = read_state(folder)
            if state is not None and not state.missing and not retry_failed:
                document, files = portable(sweep.checked.document, sweep.files)
                place = destination_of(sweep.checked.name, document, files, folder, folder)
                _Table(run, place, state.facts.command, started).make()
    except UnfinishedError as stop:
        if run.ran:
            raise
        message = f"{stop.diagnostics[0].message} before one of its points had ended"
        advice = "if that was the time limit, give it more time: `--slurm-option --time=HOURS:00:00`"
        raise RunError(Diagnostic("RUN309", message, None, advice)) from None
    finally:
        with defer_signals():
            run.close()
            run.claims.close()
    return run.ran


def create_sweep_folder(
    sweep: Sweep, out: Path, options: RunOptions, path: Path | None = None
) -> tuple[Destination, Sweep]:
    """Make the folder of a sweep, so that any process on any machine can run its points.

    Args:
        sweep: The sweep.
        out: Folder of all results.
        options: How its points are run; `force` makes it begin anew.
        path: The sweep's folder, instead of `out/<name>/<hash8>`.

    Returns:
        The folder, and the sweep as every process reads it there: files may have other names in it.

    Raises:
        StorageError: It cannot be written, or holds something else; SWP722, other commands run points of it.
    """
    checked = sweep.checked
    document, files = portable(checked.document, sweep.files)
    place = destination_of(checked.name, document, files, out, path)
    folder = place.path
    if place.exact:
        refuse_taken(folder, place.hash, force=options.force)
    else:
        check_name(folder.name)
        check_name(folder.parent.name)
        refuse_taken_latest(folder.parent)
    begin_anew = options.force and folder.is_dir()
    if begin_anew or _presents_otherwise(folder, document):
        refuse_at_work(folder)
    try:
        if begin_anew:
            remove_results(folder)
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder.parent, folder.name if place.exact else None)
        for name, file in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _put(folder / name, file.read_bytes())
        _put(folder / EXPERIMENT_FILE, document.to_yaml().encode())
        known, mark = read_facts(folder), sweep.mark
        if known is None or known.mark != mark:
            plan, began = sweep.plan, tuple(options.command) if known is None else known.command
            said = plan.describe(), plan.keep_results, __version__, began, place.hash, mark
            write_facts(folder, Facts(checked.name, plan.size, *said))
        if place.latest:
            update_latest(folder)
    except OSError as error:
        raise storage_error(
            "ST106", f"cannot write to `{folder.parent}`: {error.strerror}", "name another place with `--out`"
        ) from error
    return place, sweep if document is checked.document else open_sweep(folder)


def _presents_otherwise(folder: Path, document: Document) -> bool:
    """Whether the sweep in a folder has another presentation than an experiment."""
    try:
        return read_bytes(folder / EXPERIMENT_FILE, SIZE_LIMIT) != document.to_yaml().encode()
    except OSError:
        return False


def _put(path: Path, data: bytes) -> None:
    """Write a file unless it has this content."""
    try:
        if read_bytes(path, len(data)) == data:
            return
    except OSError:
        pass
    write_durably(path, data)


class _Table:
    """The table of a sweep: one process makes it, the others wait.

    Args:
        run: The points.
        place: The sweep's place.
        command: The command line, for the provenance.
        started: When the command began. [s since 1970]
    """

    def __init__(self, run: Dispatcher, place: Destination, command: Sequence[str], started: float) -> None:
        self.run = run
        self.place = place
        self.folder = place.path
        self.command = command
        self.started = started
        self.collected: Collected | None = None
        self.digest = ""
        self.made = ""
        self.plot_error: SnnrunError | KeyboardInterrupt | None = None

    def make(self) -> None:
        """Make the table, or wait until another process has made it.

        Raises:
            UnfinishedError: SWP711, records of some points are lost.
        """
        self.run.claims.others()  # removes stale claims
        while complete_sweep(self.folder) is None:
            if self._mine():
                if complete_sweep(self.folder) is None:
                    self._write()
                return
            time.sleep(_TICK_S)
        self._add_pictures()

    def _mine(self) -> bool:
        """Claim the table; False when another process is making it."""
        claims = self.run.claims
        claims.others()  # removes a stale claim
        return claims.take(TABLE, ())

    def _read(self) -> Collected:
        if self.collected is None:
            sweep = self.run.sweep
            self.collected = collect(self.folder, sweep.plan, list(sweep.checked.metrics.terms), sweep.mark)
        return self.collected

    def _write(self) -> None:
        clock, checked = self.run.clock, self.run.sweep.checked
        self.made = "tables and pictures" if self.run.options.plots else "tables"
        lost = int(np.count_nonzero(self._read().status == PointStatus.MISSING))
        if lost:
            which = "a point is" if lost == 1 else f"{lost:,} points are"
            message = f"{which} missing in the journals, which were cut short while the sweep ran"
            raise UnfinishedError(Diagnostic("SWP711", message, None, "the same command runs what is missing"))
        (self.folder / DONE_FILE).unlink(missing_ok=True)  # the folder is not complete while the table is made
        shutil.rmtree(self.folder / PICTURES, ignore_errors=True)  # they may be of other plots
        remove_temporary(self.folder)
        recover(self.folder / "points")
        with clock.stage(Stage.WRITE), defer_signals():
            found = self._read()
            self.digest = found.write(self.folder, checked, self.place.hash)
        drawn: Sequence[str] = ()
        if self.run.options.plots and (found.metrics or found.plan.keep_results):
            formats = self.run.options.formats
            _, self.plot_error = draw_after_run(self.folder, plots_of(checked), formats, clock)
            drawn = () if self.plot_error is not None else formats
        with clock.stage(Stage.WRITE), defer_signals():
            spent = sum(clock.seconds.values())
            collect_provenance(self.command, self.started, spent, checked.document.path).write(self.folder)
            write_durably(self.folder / LOG_FILE, found.log(checked.name, "done").encode())
            complete_folder(
                self.folder,
                RunStatus.FAILED if found.failed else RunStatus.COMPLETE,
                self.digest,
                versions={"snnrun": __version__},
                timings=dict(clock.seconds),
                origin=origin_of(self.place.identity, drawn, found.merged_warnings()),
            )

    def _add_pictures(self) -> None:
        """Draw pictures of a complete sweep that are damaged, or in formats that are missing."""
        options, done = self.run.options, read_done(self.folder)
        if done is None or not options.plots or not (self._read().metrics or self.run.sweep.plan.keep_results):
            return
        names = [name for name in done.files if name.startswith(f"{PICTURES}/")]
        damaged = {Path(item.file).suffix.removeprefix(".") for item in done.damage(self.folder, names)}
        wanted = [name for name in options.formats if done.origin.drawn.get(name) != "" or name in damaged]
        if wanted:
            self.made = "pictures"
            plots = plots_of(self.run.sweep.checked)
            _, self.plot_error = draw_after_run(self.folder, plots, wanted, self.run.clock)
            refresh_pictures(self.folder, () if self.plot_error is not None else wanted)

    def make_partial(self) -> None:
        """Make the table of a sweep that stopped; there is no `DONE.json`, and the table says that it is incomplete."""
        with contextlib.suppress(StorageError):
            if self._mine() and self._read().metrics and read_done(self.folder) is None:
                self.digest = self._read().write(self.folder, self.run.sweep.checked, self.place.hash)

    def outcome(self, problem: UnfinishedError | KeyboardInterrupt | None, reused: int) -> SweepOutcome:
        """The results of the sweep."""
        run, found = self.run, self._read()
        done = read_done(self.folder)
        return SweepOutcome(
            self.folder,
            done.digest if done is not None else self.digest,
            run.clock.seconds,
            run.sweep.plan.size,
            run.ran,
            reused,
            run.presented,
            self.made,
            dict(sorted(found.failed.items())),
            int(np.count_nonzero(found.status == PointStatus.MISSING)),
            run.seconds,
            run.workers,
            len(run.worker.cache.kernels.entries),
            run.sweep.plan.keep_results,
            tuple(sorted((self.folder / "plots").glob("*.*"))) if problem is None else (),
            found.metrics,
            tuple(found.left_out),
            problem,
            self.plot_error,
            tuple(found.merged_warnings()),
        )
