"""Runs the missing points of a sweep: in this process, or in others."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnrun.results.folder import recover
from snnrun.results.layout import DONE_FILE
from snnrun.results.sweep_table import PointStatus
from snnrun.running.options import Progress, RunOptions
from snnrun.running.stages import Clock
from snnrun.sweep.claims import Claims
from snnrun.sweep.experiments import Sweep, presentations
from snnrun.sweep.journal import Journal, Ledger, Record
from snnrun.sweep.pool import Ended, Event, LocalPool, Lost, Pool, Ran
from snnrun.sweep.store import damaged_points
from snnrun.sweep.worker import Worker

BATCH_S = 0.25  # work of a batch [s]
MOST = 1000  # points of a batch
START_S = 1.0  # cost of starting processes [s]
DEATHS = 3  # processes that may die while they run a point
_TICK_S = 0.2


class _TooLongError(BaseException):
    """A point takes long while others wait: it is run again in another process, beside them."""


def to_run(folder: Path, sweep: Sweep, only: Sequence[int] | None = None, *, retry_failed: bool) -> Ledger:
    """The state of the points of a sweep; those whose stored results are damaged, or of other plots, count as missing.

    Args:
        folder: The sweep's folder.
        sweep: The sweep.
        only: The points to look at, ascending; None for all.
        retry_failed: Whether points that failed count as missing.
    """
    ledger = Ledger(folder, sweep.plan.size, sweep.mark)
    ledger.refresh()
    if sweep.plan.keep_results:
        complete = ledger.complete()
        looked_at = complete if only is None else np.intersect1d(complete, np.asarray(only, dtype=np.int64))
        ledger.forget(damaged_points(folder, looked_at.tolist(), presentations(sweep)))
    if retry_failed:
        ledger.forget_failed()
    return ledger


class Dispatcher:
    """Runs points of a sweep for one command.

    Args:
        sweep: The sweep.
        folder: Its folder.
        options: How points are run.
        clock: Timings.
        retry_failed: Whether points that failed are run again.
        only: The points to run, ascending; None for all.
    """

    def __init__(
        self,
        sweep: Sweep,
        folder: Path,
        options: RunOptions,
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
        self.ledger = to_run(folder, sweep, only, retry_failed=retry_failed)
        self.journal = Journal(folder)
        self.worker = Worker(sweep, folder, options, clock)
        missing = self.ledger.missing()
        wanted = missing if only is None else np.intersect1d(missing, np.asarray(only, dtype=np.int64))
        self.queue = Queue(self.ledger, self.claims, wanted)
        self.ran = 0
        self.presented = 0  # of these, points that were not simulated
        self.workers = 1
        self.seconds = 0.0
        self._pool: Pool | None = None
        self._progress: Progress = lambda _done, _points: None

    def close(self) -> None:
        """End the processes and files of this command."""
        if self._pool is not None:
            self._pool.close()
            if self.sweep.plan.keep_results:
                recover(self.folder / "points")
        self.worker.journal.close()
        self.journal.close()

    def points(self, progress: Progress, workers: int | None, pool: Callable[[Path, RunOptions], Pool] | None) -> None:
        """Run what is missing; when this returns, every point of the sweep has a record.

        Raises:
            SnnrunError: It cannot continue.
            KeyboardInterrupt: It was stopped.
        """
        self._progress = progress
        self.report()
        if not self.ledger.left:
            return
        (self.folder / DONE_FILE).unlink(missing_ok=True)  # the sweep is not complete while points are missing
        most = min(workers or cores(), self.ledger.left)
        # A process that died while it ran points may have been killed by one of them: run them in other processes.
        watched = self.claims.died_inside()
        if pool is None and (watched or (workers is not None and most > 1)):
            self._pool = local = LocalPool(self.folder, self.options, most)
            local.begin()  # they import while kernels are compiled here
        self.worker.warm()
        started = time.perf_counter()
        try:
            if pool is not None:
                self.run_in(pool(self.folder, self.options))
            elif self._pool is not None:
                self.run_in(self._pool)
            elif not self.run_here(most):
                self.run_in(LocalPool(self.folder, self.options, most))
        finally:
            self.seconds = time.perf_counter() - started

    def report(self) -> None:
        """Report progress."""
        size = self.sweep.plan.size
        self._progress(size - self.ledger.left, size)

    # in this process

    def run_here(self, most: int) -> bool:
        """Run points in this process as long as that is fastest; True when none is left.

        Args:
            most: Number of processes that could run them.
        """
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
                self.queue.give_back(batch[n:])
                if isinstance(stop, KeyboardInterrupt):
                    raise
                return
            trial.add(record.seconds)
            self.ran += 1
            self.presented += record.presented
            self.ledger.note(record)
            self.report()
            if trial.over(self.ledger.left):
                self.queue.give_back(batch[n + 1 :])
                return

    # in other processes

    def run_in(self, pool: Pool) -> None:
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
                self._handle(event, deaths)
            self.report()

    def _size(self, pool: Pool) -> int:
        """Points of the next batch: `BATCH_S` of work, and towards the end an equal share for each process."""
        each = self.ledger.recent
        if not each:
            return 1
        return int(min(MOST, max(1, min(BATCH_S / each, self.ledger.left / (4 * max(pool.workers, 1))))))

    def _handle(self, event: Event, deaths: Counter[int]) -> None:
        match event:
            case Ran(point, status, seconds, presented):
                self.ran += 1
                self.presented += presented
                self.ledger.note(Record(point, status, seconds=seconds, mark=self.ledger.mark))
            case Ended(batch):
                self.claims.release(str(batch[0]))
            case Lost(batch, blamed, final, reason):
                self.ledger.refresh()
                unfinished = [k for k in batch if self.ledger.status[k] == PointStatus.MISSING]
                if unfinished and blamed:
                    deaths[unfinished[0]] += DEATHS if final else 1
                    if deaths[unfinished[0]] >= DEATHS:
                        self._fail(unfinished.pop(0), reason)
                self.queue.give_back(unfinished, alone=blamed)
                self.claims.release(str(batch[0]))

    def _fail(self, k: int, reason: str) -> None:
        """Record the failure of a point that ends its process."""
        record = Record(k, PointStatus.FAILED, reason=f"the process that ran it was lost: {reason}")
        self.journal.add(record)
        self.ledger.note(record)


class _Trial:
    """Decides from the time of points in this process whether more processes are faster.

    Args:
        most: Processes that could run.
        known: Time of a point in earlier commands; 0 when unknown. [s]
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
        """Add the time of a point. [s]."""
        self.spent = [*self.spent[-19:], seconds]

    def each(self) -> float:
        """Time of a point, without the first one, which fills the cache. [s]."""
        later = self.spent[1:]
        return sum(later) / len(later) if later else self.known

    def over(self, left: int) -> bool:
        """Whether other processes would be faster."""
        gain = left * self.each() * (1 - 1 / self.most)
        return self.most > 1 and gain > START_S

    def look(self, left: int) -> None:
        """Called during a point.

        Raises:
            _TooLongError: The others should not wait for it.
        """
        long = not self.spent and time.perf_counter() - self.started > START_S
        if long and self.most > 1 and left > 1:
            self.known = 10 * START_S
            raise _TooLongError


class Queue:
    """The points to run, in order. Points that other processes are running are checked again at the end.

    Args:
        ledger: The state of all points.
        claims: The claims of all processes.
        points: Numbers of the points, ascending.
    """

    def __init__(self, ledger: Ledger, claims: Claims, points: NDArray[np.int64]) -> None:
        self._ledger = ledger
        self._claims = claims
        self._missing = points
        self._next = 0
        self._again: deque[list[int]] = deque()
        self._elsewhere: list[int] = []

    def give_back(self, points: Sequence[int], *, alone: bool = False) -> None:
        """Return points that were not run; `alone`: each in a batch of its own, as one of them may end its process."""
        self._again.extend([[k] for k in points] if alone else [list(points)] if points else [])

    def take(self, most: int, workers: int = 1, *, inside: bool = False) -> list[int] | None:
        """Claim the next points; an empty list when other processes run all that is left, None when nothing is left."""
        while True:
            claimed = {k for claim in self._claims.others() for k in claim.points()}
            self._ledger.refresh()  # after the claims: a point is recorded before its claim is removed
            points = self._choose(most, claimed)
            if not points:
                return [] if self._reclaim() else None
            if self._claims.take(str(points[0]), points, workers, inside=inside):
                return points
            self._elsewhere += points  # another process was faster

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

    def _reclaim(self) -> bool:
        """Whether points are left that others run; those that are not claimed any more are returned to the queue."""
        self._ledger.refresh()
        self._elsewhere = [k for k in self._elsewhere if self._ledger.status[k] == PointStatus.MISSING]
        claimed = {k for claim in self._claims.others() for k in claim.points()}
        free = [k for k in self._elsewhere if k not in claimed]
        self._elsewhere = [k for k in self._elsewhere if k in claimed]
        self.give_back(free)
        return bool(self._elsewhere or self._again)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
