"""A sweep from its first point to its table: whatever is not yet on the disk is run, by whoever there is to run it.

The command hands out batches of points and reads what became of them; the results themselves go from those who run the
points to the disk. So nothing is lost when anything ends, and the same command goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun import __version__, pipeline
from snnrun.errors import Diagnostic, SnnrunError, StorageError, UnfinishedError
from snnrun.publish import Place, place_of, portable
from snnrun.results.folder import finish, point_latest, read_done, recover, refresh, write_durably
from snnrun.results.layout import DONE_FILE, RunStatus, check_name, storage_error
from snnrun.results.provenance import collect as collect_provenance
from snnrun.results.table import PointStatus
from snnrun.stages import Clock, Progress, Stage
from snnrun.sweep.check import Sweep
from snnrun.sweep.collect import Collected, collect
from snnrun.sweep.pool import Ended, Event, LocalPool, Lost, Pool, Ran
from snnrun.sweep.store import (
    TABLE,
    Claims,
    Facts,
    Journal,
    Ledger,
    Record,
    forget_aside,
    read_facts,
    read_state,
    write_facts,
)
from snnrun.sweep.worker import Options, Worker

BATCH_S = 0.25  # work of a batch [s]
MOST = 1000  # points of a batch
TRIAL_S = 0.3  # points run within the command until it is clear whether more processes pay [s]
START_S = 1.0  # what it costs to start processes [s]
DEATHS = 3  # processes that a point may take with it
_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What a sweep gave.

    Args:
        folder: Its folder.
        digest: Digest of its table.
        seconds: Time of each stage in this process. [s]
        points: Number of points.
        ran: How many of them this command ran.
        failed: Points that failed, with the reason.
        missing: Points that are still to be run.
        loop_seconds: Time of the loop over points. [s]
        workers: Processes that ran points.
        kernels: Kernels that the points needed, as far as this process knows.
        keep_results: Whether each point has a folder of its own.
        pictures: Files drawn.
        metrics: Metrics over the grid and their SI symbols.
        left_out: Metrics that are no single numbers and have no place in the table.
        problem: What stopped it before its end, None otherwise.
        trouble: Why pictures are missing although all points ran, None otherwise.
    """

    folder: Path
    digest: str
    seconds: Mapping[str, float]
    points: int
    ran: int
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
    trouble: SnnrunError | KeyboardInterrupt | None


def run_sweep(
    sweep: Sweep,
    out: Path,
    clock: Clock,
    progress: Progress = lambda _done, _points: None,
    *,
    allow_code: bool = False,
    plots: bool = True,
    formats: Sequence[str] = ("png",),
    command: Sequence[str] = (),
    workers: int | None = None,
    pool: Callable[[Path, Options], Pool] | None = None,
    retry_failed: bool = False,
) -> SweepOutcome:
    """Run the points that are not on the disk yet, and make the table when none is missing.

    A point that fails is marked with its reason and the others go on. A sweep that is stopped keeps its points.

    Args:
        sweep: The sweep.
        out: Folder of all results; the sweep's own is `out/<name>/<hash8>`.
        clock: Timings so far.
        progress: Called with (points done, points in all).
        allow_code: Whether Python functions of the experiment may run.
        plots: Whether pictures are drawn.
        formats: File formats of pictures.
        command: The command line, for the provenance.
        workers: Processes of this machine; None for what pays, at most one a core.
        pool: Makes other processes to run the points, given the folder and what holds for every point.
        retry_failed: Whether points that failed are run again.

    Raises:
        SnnrunError: It cannot go on: code that is not allowed, no place to write, no process to run a point.
    """
    started = time.time()
    if not allow_code:
        pipeline.refuse_hooks(sweep.checked)
    place = lay_out(sweep, out, command)
    options = Options(allow_code, plots, tuple(formats))
    run = _Run(sweep, place.final, options, clock, retry_failed=retry_failed)
    end = _Table(run, place, command, started)
    problem: UnfinishedError | KeyboardInterrupt | None = None
    try:
        with stoppable():
            run.points(progress, workers, pool)
            end.make()
    except (UnfinishedError, KeyboardInterrupt) as stop:
        problem = stop
    finally:
        with pipeline.undisturbed():
            run.close()
            if problem is not None:
                end.make_partial()
            run.claims.close()
    return end.outcome(problem)


def run_share(
    sweep: Sweep,
    folder: Path,
    points: Sequence[int],
    options: Options,
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
        options: What holds for every point.
        clock: Timings so far.
        workers: Number of processes.
        retry_failed: Whether those of the points that failed are run again. Then the table waits for a later command,
            as nobody can tell which points others have yet to run again.

    Returns:
        How many points were run.

    Raises:
        SnnrunError: It cannot go on.
    """
    started = time.time()
    run = _Run(sweep, folder, options, clock, retry_failed=retry_failed, only=points)
    try:
        with stoppable():
            run.beside(LocalPool(folder, options, workers))
            state = read_state(folder)
            if state is not None and not state.missing and not retry_failed:
                document, files = portable(sweep.checked.document, sweep.checked.resolved.context.files)
                place = place_of(sweep.checked.name, document, files, folder, folder)
                _Table(run, place, state.facts.command, started).make()
    finally:
        with pipeline.undisturbed():
            run.close()
            run.claims.close()
    return run.ran


def lay_out(sweep: Sweep, out: Path, command: Sequence[str]) -> Place:
    """Make the folder of a sweep, so that any process on any machine can run its points.

    Raises:
        StorageError: It cannot be written.
    """
    checked = sweep.checked
    document, files = portable(checked.document, checked.resolved.context.files)
    place = place_of(checked.name, document, files, out)
    folder = place.final
    check_name(folder.name)
    check_name(folder.parent.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if read_facts(folder) is None:
            for name, file in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                write_durably(folder / name, file.read_bytes())
            write_durably(folder / "experiment.yaml", document.to_yaml().encode())
            plan = sweep.plan
            facts = Facts(checked.name, plan.size, plan.describe(), plan.keep_results, __version__, tuple(command))
            write_facts(folder, facts)
        point_latest(folder)
    except OSError as error:
        raise storage_error(
            "ST106", f"cannot write to `{folder.parent}`: {error.strerror}", "name another place with `--out`"
        ) from error
    return place


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGUSR1 stop the work as Ctrl-C does, but as something that is to go on later.

    Raises:
        UnfinishedError: The process was told to stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told: list[int] = []

    def note(number: int, _frame: object) -> None:
        told.append(number)
        if callable(signal.getsignal(signal.SIGINT)):
            signal.raise_signal(signal.SIGINT)  # whoever is in the middle of a record takes it down
        else:
            raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), note) for name in names}
    try:
        yield
    except KeyboardInterrupt:
        if not told:
            raise
        name = signal.Signals(told[0]).name
        raise UnfinishedError(Diagnostic("SWP710", f"stopped by {name}")) from None
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


class _TooLongError(BaseException):
    """A point turned out to take long while others wait; it is dropped and run beside them."""


class _Run:
    """The points of one command.

    Args:
        sweep: The sweep.
        folder: Its folder.
        options: What holds for every point.
        clock: Timings.
        retry_failed: Whether points that failed are run again.
        only: The points to run, ascending; None for all.
    """

    def __init__(
        self,
        sweep: Sweep,
        folder: Path,
        options: Options,
        clock: Clock,
        *,
        retry_failed: bool,
        only: Sequence[int] | None = None,
    ) -> None:
        self.sweep = sweep
        self.folder = folder
        self.options = options
        self.clock = clock
        self.claims = Claims(folder)
        self.ledger = Ledger(folder, sweep.plan.size)
        self.ledger.refresh()
        self.journal = Journal(folder)
        self.worker = Worker(sweep, folder, options, clock)
        if retry_failed:
            self.ledger.forget_failed()
        missing = self.ledger.missing()
        wanted = missing if only is None else np.intersect1d(missing, np.asarray(only, dtype=np.int64))
        self.queue = _Queue(self.ledger, self.claims, wanted)
        self.ran = 0
        self.workers = 1
        self.seconds = 0.0
        self._pool: Pool | None = None
        self._progress: Progress = lambda _done, _points: None

    def close(self) -> None:
        """End everything that this command began."""
        if self._pool is not None:
            self._pool.close()
            if self.sweep.plan.keep_results:
                recover(self.folder / "points")
        self.worker.journal.close()
        self.journal.close()

    def points(self, progress: Progress, workers: int | None, pool: Callable[[Path, Options], Pool] | None) -> None:
        """Run what is missing; when this returns, every point of the sweep is noted.

        Raises:
            SnnrunError: It cannot go on.
            KeyboardInterrupt: It was stopped.
        """
        self._progress = progress
        self.told()
        if not self.ledger.left:
            return
        (self.folder / DONE_FILE).unlink(missing_ok=True)
        self.worker.warm()
        started = time.perf_counter()
        try:
            if pool is not None:
                self.beside(pool(self.folder, self.options))
                return
            most = min(workers or cores(), self.ledger.left)
            # A process that died while it ran points itself may have died of one of them: they are watched now.
            if not self.claims.died_inside() and self.inside(most, decided=workers is not None):
                return
            self.beside(LocalPool(self.folder, self.options, most))
        finally:
            self.seconds = time.perf_counter() - started

    def told(self) -> None:
        """Say how far it is."""
        size = self.sweep.plan.size
        self._progress(size - self.ledger.left, size)

    # within this process

    def inside(self, most: int, *, decided: bool) -> bool:
        """Run points here as long as that is best; True when none is left.

        Args:
            most: Number of processes that could run instead.
            decided: Whether the user said how many.
        """
        if decided and most > 1:
            return False
        trial = _Trial(most, self.ledger.recent)
        while not trial.over(self.ledger.left):
            batch = self.queue.take(trial.size(), inside=True)
            if batch is None:
                return True
            if not batch:
                time.sleep(_TICK_S)
                continue
            try:
                self._here(batch, trial)
            finally:
                self.claims.release(str(batch[0]))
        return False

    def _here(self, batch: Sequence[int], trial: _Trial) -> None:
        for n, k in enumerate(batch):
            try:
                record = self.worker.run(k, lambda _step, _steps: trial.look(self.ledger.left))
            except (_TooLongError, KeyboardInterrupt) as stop:
                self.queue.back(batch[n:])
                if isinstance(stop, KeyboardInterrupt):
                    raise
                return
            trial.add(record.seconds)
            self.ran += 1
            self.ledger.note(record)
            self.told()
            if trial.over(self.ledger.left):
                self.queue.back(batch[n + 1 :])
                return
        self.worker.journal.sync()

    # in other processes

    def beside(self, pool: Pool) -> None:
        """Run points in other processes."""
        self._pool = pool
        deaths: Counter[int] = Counter()
        under_way = 0
        while True:
            taken: list[int] | None = []
            while pool.free():
                taken = self.queue.take(self._size(pool), pool.workers)
                if not taken:
                    break
                pool.submit(taken)
                under_way += 1
            if taken is None and not under_way:
                return
            self.workers = max(self.workers, pool.workers)
            for event in pool.wait(_TICK_S):
                under_way -= not isinstance(event, Ran)
                self._happened(event, deaths)
            self.told()

    def _size(self, pool: Pool) -> int:
        """Points of the next batch: a short time's work, and towards the end no more than a fair share."""
        each = self.ledger.recent
        if not each:
            return 1
        return int(min(MOST, max(1, min(BATCH_S / each, self.ledger.left / (4 * max(pool.workers, 1))))))

    def _happened(self, event: Event, deaths: Counter[int]) -> None:
        match event:
            case Ran(point, status, seconds):
                self.ran += 1
                self.ledger.note(Record(point, status, seconds=seconds))
            case Ended(batch):
                self.claims.release(str(batch[0]))
            case Lost(batch, blamed, final, reason):
                self.ledger.refresh()
                unfinished = [k for k in batch if self.ledger.status[k] == PointStatus.MISSING]
                if unfinished and blamed:
                    deaths[unfinished[0]] += DEATHS if final else 1
                    if deaths[unfinished[0]] >= DEATHS:
                        self._fail(unfinished.pop(0), reason)
                self.queue.back(unfinished, alone=blamed)
                self.claims.release(str(batch[0]))

    def _fail(self, k: int, reason: str) -> None:
        """Note a point that no process survives."""
        record = Record(k, PointStatus.FAILED, reason=f"the process that ran it was lost: {reason}")
        self.journal.add(record)
        self.ledger.note(record)


class _Trial:
    """Points run within this process, to see whether more processes pay.

    Args:
        most: Processes that could run.
        known: Time of a point as runs before this one tell; 0 when nobody knows. [s]
    """

    def __init__(self, most: int, known: float) -> None:
        self.most = most
        self.known = known
        self.spent: list[float] = []
        self.started = time.perf_counter()

    def size(self) -> int:
        """Points of the next batch."""
        each = self.each()
        return int(min(MOST, max(1.0, BATCH_S / each))) if each else 1

    def add(self, seconds: float) -> None:
        """A point took so long."""
        self.spent = [*self.spent[-19:], seconds]

    def each(self) -> float:
        """Time of a point; the first one pays for what all share. [s]."""
        later = self.spent[1:]
        return sum(later) / len(later) if later else self.known

    def over(self, left: int) -> bool:
        """Whether other processes would be done sooner."""
        gain = left * self.each() * (1 - 1 / self.most)
        return self.most > 1 and gain > START_S

    def look(self, left: int) -> None:
        """Called in the middle of a point.

        Raises:
            _TooLongError: It takes so long that the others should not wait for it.
        """
        long = not self.spent and time.perf_counter() - self.started > START_S
        if long and self.most > 1 and left > 1:
            self.known = 10 * START_S
            raise _TooLongError


class _Queue:
    """What is to be run, in order; points that others are running wait until they are known.

    Args:
        ledger: The state of all points.
        claims: Who runs what.
        points: Numbers of the points, ascending.
    """

    def __init__(self, ledger: Ledger, claims: Claims, points: NDArray[np.int64]) -> None:
        self._ledger = ledger
        self._claims = claims
        self._missing = points
        self._next = 0
        self._again: deque[list[int]] = deque()
        self._elsewhere: list[int] = []

    def back(self, points: Sequence[int], *, alone: bool = False) -> None:
        """Points that were not run after all; alone: each in a batch of its own, as one of them may be deadly."""
        self._again.extend([[k] for k in points] if alone else [list(points)] if points else [])

    def take(self, most: int, workers: int = 1, *, inside: bool = False) -> list[int] | None:
        """Claim the next points; none when all that is left is being run by others, None when nothing is left."""
        while True:
            claimed = {k for claim in self._claims.others() for k in claim.points()}
            points = self._choose(most, claimed)
            if not points:
                return [] if self._look_around() else None
            if self._claims.take(str(points[0]), points, workers, inside=inside):
                return points
            self._elsewhere += points  # somebody was faster

    def _choose(self, most: int, claimed: set[int]) -> list[int]:
        status = self._ledger.status
        chosen: list[int] = []
        while self._again and not chosen:
            chosen = [k for k in self._again.popleft() if status[k] == PointStatus.MISSING]
        while not chosen and self._next < len(self._missing):
            for k in self._missing[self._next : self._next + most].tolist():
                if k in claimed:
                    self._elsewhere.append(k)
                elif status[k] == PointStatus.MISSING:
                    chosen.append(k)
            self._next += most
        return chosen

    def _look_around(self) -> bool:
        """Whether points are left that others have; those that nobody has any more come back."""
        self._ledger.refresh()
        self._elsewhere = [k for k in self._elsewhere if self._ledger.status[k] == PointStatus.MISSING]
        claimed = {k for claim in self._claims.others() for k in claim.points()}
        free = [k for k in self._elsewhere if k not in claimed]
        self._elsewhere = [k for k in self._elsewhere if k in claimed]
        self.back(free)
        return bool(self._elsewhere or self._again)


class _Table:
    """The end of a sweep: one process makes the table, the others wait for it.

    Args:
        run: The points.
        place: The sweep's place.
        command: The command line, for the provenance.
        started: When the command began. [s since 1970]
    """

    def __init__(self, run: _Run, place: Place, command: Sequence[str], started: float) -> None:
        self.run = run
        self.place = place
        self.folder = place.final
        self.command = command
        self.started = started
        self.collected: Collected | None = None
        self.digest = ""
        self.trouble: SnnrunError | KeyboardInterrupt | None = None

    def make(self) -> None:
        """Make the table, or wait until whoever makes it is done."""
        while read_done(self.folder) is None:
            if self._mine():
                if read_done(self.folder) is None:
                    self._write()
                return
            time.sleep(_TICK_S)
        self._add_pictures()

    def _mine(self) -> bool:
        """Whether nobody else is making the table now."""
        claims = self.run.claims
        claims.others()  # removes a stale claim
        return claims.take(TABLE, ())

    def _read(self) -> Collected:
        if self.collected is None:
            sweep = self.run.sweep
            self.collected = collect(self.folder, sweep.plan, list(sweep.checked.measures.parts))
        return self.collected

    def _write(self) -> None:
        clock, checked = self.run.clock, self.run.sweep.checked
        forget_aside(self.folder)
        recover(self.folder / "points")
        with clock.stage(Stage.WRITE), pipeline.undisturbed():
            found = self._read()
            self.digest = found.write(self.folder, checked, self.place.hash)
        if self.run.options.plots and found.metrics:
            formats = self.run.options.formats
            _, self.trouble = pipeline.draw_kept(self.folder, pipeline.plots_of(checked), formats, clock)
        with clock.stage(Stage.WRITE), pipeline.undisturbed():
            spent = sum(clock.seconds.values())
            collect_provenance(self.command, self.started, spent, checked.document.path).write(self.folder)
            write_durably(self.folder / "run.log", found.log(checked.name, "done").encode())
            finish(
                self.folder,
                RunStatus.FAILED if found.failed else RunStatus.COMPLETE,
                self.digest,
                versions={"snnrun": __version__},
                timings=dict(clock.seconds),
            )

    def _add_pictures(self) -> None:
        """A sweep that was complete before: pictures in formats that are not there yet."""
        options = self.run.options
        there = {path.suffix.removeprefix(".") for path in (self.folder / "plots").glob("*.*")}
        wanted = [name for name in options.formats if name not in there]
        if options.plots and wanted and self._read().metrics:
            plots = pipeline.plots_of(self.run.sweep.checked)
            _, self.trouble = pipeline.draw_kept(self.folder, plots, wanted, self.run.clock)
            refresh(self.folder)

    def make_partial(self) -> None:
        """The table as far as it is known; without `DONE.json` it says itself that it is not whole."""
        with contextlib.suppress(StorageError):
            if self._mine() and self._read().metrics and read_done(self.folder) is None:
                self.digest = self._read().write(self.folder, self.run.sweep.checked, self.place.hash)

    def outcome(self, problem: UnfinishedError | KeyboardInterrupt | None) -> SweepOutcome:
        """The whole."""
        run, found = self.run, self._read()
        done = read_done(self.folder)
        return SweepOutcome(
            self.folder,
            done.digest if done is not None else self.digest,
            run.clock.seconds,
            run.sweep.plan.size,
            run.ran,
            dict(sorted(found.failed.items())),
            int(np.count_nonzero(found.status == PointStatus.MISSING)),
            run.seconds,
            run.workers,
            len(run.worker.engine.kernels),
            run.sweep.plan.keep_results,
            tuple(sorted((self.folder / "plots").glob("*.*"))) if problem is None else (),
            found.metrics,
            tuple(found.left_out),
            problem,
            self.trouble,
        )


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
