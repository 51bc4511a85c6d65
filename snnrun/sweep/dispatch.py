"""Hands out the points of a sweep that are not on the disk yet, to this process or to others."""

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
from snnrun.run.options import Progress, RunOptions
from snnrun.run.stages import Clock
from snnrun.sweep.claims import Claims
from snnrun.sweep.experiments import Sweep
from snnrun.sweep.journal import Journal, Ledger, Record
from snnrun.sweep.pool import Ended, Event, LocalPool, Lost, Pool, Ran
from snnrun.sweep.store import damaged_points
from snnrun.sweep.worker import Worker

BATCH_S = 0.25  # work of a batch [s]
MOST = 1000  # points of a batch
START_S = 1.0  # what it costs to start processes [s]
DEATHS = 3  # processes that a point may take with it
_TICK_S = 0.2


class _TooLongError(BaseException):
    """A point turned out to take long while others wait; it is dropped and run beside them."""


def to_run(folder: Path, sweep: Sweep, only: Sequence[int] | None = None, *, retry_failed: bool) -> Ledger:
    """What became of the points of a sweep; missing are those too whose results are not as they were published.

    Args:
        folder: The sweep's folder.
        sweep: The sweep.
        only: The points to look at, ascending; None for all.
        retry_failed: Whether points that failed count as missing.
    """
    ledger = Ledger(folder, sweep.plan.size)
    ledger.refresh()
    if sweep.plan.keep_results:
        complete = ledger.complete()
        looked_at = complete if only is None else np.intersect1d(complete, np.asarray(only, dtype=np.int64))
        ledger.forget(damaged_points(folder, looked_at.tolist()))
    if retry_failed:
        ledger.forget_failed()
    return ledger


class Dispatcher:
    """The points that one command has run.

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

    def points(self, progress: Progress, workers: int | None, pool: Callable[[Path, RunOptions], Pool] | None) -> None:
        """Run what is missing; when this returns, every point of the sweep is noted.

        Raises:
            SnnrunError: It cannot go on.
            KeyboardInterrupt: It was stopped.
        """
        self._progress = progress
        self.told()
        if not self.ledger.left:
            return
        (self.folder / DONE_FILE).unlink(missing_ok=True)  # while points are missing it would not be true
        most = min(workers or cores(), self.ledger.left)
        # A process that died while it ran points itself may have died of one of them: they are watched now.
        watched = self.claims.died_inside()
        if pool is None and (watched or (workers is not None and most > 1)):
            self._pool = local = LocalPool(self.folder, self.options, most)
            local.begin()  # they import while kernels are compiled here
        self.worker.warm()
        started = time.perf_counter()
        try:
            if pool is not None:
                self.beside(pool(self.folder, self.options))
            elif self._pool is not None:
                self.beside(self._pool)
            elif not self.inside(most):
                self.beside(LocalPool(self.folder, self.options, most))
        finally:
            self.seconds = time.perf_counter() - started

    def told(self) -> None:
        """Say how far it is."""
        size = self.sweep.plan.size
        self._progress(size - self.ledger.left, size)

    # within this process

    def inside(self, most: int) -> bool:
        """Run points here as long as that is best; True when none is left.

        Args:
            most: Number of processes that could run instead.
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


class Queue:
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
            self._ledger.refresh()  # after the claims: points are noted before their claim is given back
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


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
