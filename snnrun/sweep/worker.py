"""Runs points of a sweep: in the process of the command, in another one (`pool.LocalPool`), or elsewhere.

A worker needs the sweep's folder only: it holds the experiment, and records of points go there. A process reads batches
of point numbers from standard input, one JSON list on each line, and answers with a line for each point and each batch.
When the command that started it has ended, the next answer fails and the process ends.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from snnrun.engine.cache import CONNECTIVITY_BYTES, RunCache
from snnrun.engine.recording import Nothing
from snnrun.errors import RunWarning, SnnrunError, StorageError, UnfinishedError
from snnrun.metrics.running import numbers_of
from snnrun.results.layout import EXPERIMENT_FILE
from snnrun.results.sweep_table import PointStatus, point_place
from snnrun.running import pipeline
from snnrun.running.options import Callbacks, Progress, RunOptions, ignore
from snnrun.running.stages import Checked, Clock, Stage
from snnrun.sweep.earlier import point_keys
from snnrun.sweep.experiments import Points, Sweep, point_document
from snnrun.sweep.identity import PointKeys
from snnrun.sweep.journal import Journal, Record, cannot_write
from snnrun.sweep.plan import plan_sweep
from snnrun.sweep.points import Point

MOST_VALUES = 10_000  # of one metric at one point that are kept
_OWN_SEEDS_BYTES = 1 << 26  # for connections that are not drawn
STOPPED = 75  # exit code: the same command continues (EX_TEMPFAIL)


def open_sweep(folder: Path) -> Sweep:
    """The sweep in a folder.

    Raises:
        ExperimentError: Its file is wrong, or made by another version of the program.
    """
    checked = pipeline.check(pipeline.read(folder / EXPERIMENT_FILE))
    assert checked.experiment.sweep is not None
    return Sweep(checked, plan_sweep(checked.resolved.context, checked.experiment.sweep), {})


class Worker:
    """Runs points and records their results; kernels and connections are made once.

    Args:
        sweep: The sweep.
        folder: Its folder.
        options: How points are run.
        clock: Timings of the stages.
    """

    def __init__(self, sweep: Sweep, folder: Path, options: RunOptions, clock: Clock | None = None) -> None:
        self.plan = sweep.plan
        self.folder = folder
        self.options = replace(options, threads=1)  # points run side by side, not threads
        self.clock = clock or Clock()
        alike = sweep.plan.seed_of is None  # otherwise no two points draw the same
        self.cache = RunCache(CONNECTIVITY_BYTES) if alike else RunCache(_OWN_SEEDS_BYTES, seeds=1)
        self.journal = Journal(folder)
        self._points = Points(point_document(sweep.checked), sweep.plan)
        self._ready = dict(sweep.ready)
        self._sweep = sweep

    def warm(self) -> None:
        """Compile the kernels of the points that were checked, before other processes need them."""
        from snnrun.codegen.kernel import generate  # noqa: PLC0415 - only to run

        for checked in self._ready.values():
            with self.clock.stage(Stage.GENERATE):
                kernel = generate(checked.resolved.network)
            with self.clock.stage(Stage.COMPILE):
                self.cache.compile(kernel)

    @cached_property
    def _keys(self) -> PointKeys | None:
        return point_keys(self._sweep)

    @cached_property
    def _mark(self) -> str:
        return self._sweep.mark

    def run(self, k: int, progress: Progress = ignore) -> Record:
        """Run one point and record it. An error of a point is its result; the next one may run.

        Raises:
            StorageError: Results cannot be written.
        """
        started = time.perf_counter()
        try:
            record = self._point(k, self.plan.point(k), progress)
        except (StorageError, UnfinishedError):
            raise
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        except SnnrunError as error:
            record = Record(k, PointStatus.FAILED, reason=str(error))
        except Exception as bug:  # noqa: BLE001 - an error in one point must not stop the others
            record = Record(k, PointStatus.FAILED, reason=f"a bug of snnrun: {type(bug).__name__}: {bug}")
        key = ""
        if record.status is PointStatus.COMPLETE and self._keys is not None:
            key = self._keys.of(self.plan.index(k))
        record = replace(record, seconds=time.perf_counter() - started, key=key, mark=self._mark)
        self.journal.add(record)
        return record

    def _point(self, k: int, point: Point, progress: Progress) -> Record:
        checked = self._ready.pop(point.index, None)
        if checked is None:
            with self.clock.stage(Stage.CHECK):
                checked = self._points.check(point)
        if self.plan.keep_results:
            return self._kept(k, checked, point, progress)
        if checked.search is not None:
            from snnrun.running.search import Searcher  # noqa: PLC0415 - few experiments search

            checked, _ = Searcher(checked, self.cache, self.clock, self.options).find(progress)
        prepared = pipeline.prepare(checked, self.cache, self.clock, self.options.threads)
        pipeline.simulate(prepared, Nothing(), self.clock, progress, allow_code=self.options.allow_code)
        metrics = numbers_of(prepared.metrics.values())
        return _record(k, metrics, prepared.metrics.warnings(metrics))

    def _kept(self, k: int, checked: Checked, point: Point, progress: Progress) -> Record:
        """Run a point into a folder of its own."""
        notes: list[str] = []
        outcome = pipeline.run(
            replace(checked, point=point.text),
            self.folder,
            self.options,
            cache=self.cache,
            clock=self.clock,
            callbacks=Callbacks(progress, note=notes.append),
            path=point_place(self.folder, k),
            in_sweep=True,
        )
        if outcome.problem is not None:
            raise outcome.problem
        if isinstance(outcome.plot_error, KeyboardInterrupt | UnfinishedError):
            raise outcome.plot_error
        notes += [f"no pictures: {outcome.plot_error}"] if outcome.plot_error is not None else []
        record = _record(k, outcome.metrics, outcome.warnings)
        return replace(record, digest=outcome.digest, reason="; ".join(notes), presented=not outcome.simulated)


def _record(k: int, metrics: Mapping[str, tuple[Any, str]], warnings: Sequence[RunWarning]) -> Record:
    """The record of a point that ran to its end."""
    kept = {
        name: (np.asarray(value, dtype=np.float64).tolist(), unit)
        for name, (value, unit) in metrics.items()
        if np.size(value) <= MOST_VALUES
    }
    left_out = tuple(name for name in metrics if name not in kept)
    return Record(k, PointStatus.COMPLETE, kept, left_out=left_out, warnings=tuple(warnings))


def answer(record: Record) -> list[Any]:
    """The answer to the command: number, status and time of a point, and whether it was not simulated."""
    return [record.point, int(record.status), record.seconds, record.presented]


def error_as_json(error: SnnrunError) -> dict[str, Any]:
    """The answer to the command when an error ends the process."""
    kind = "storage" if isinstance(error, StorageError) else "file"
    return {"trouble": kind, "diagnostics": [[d.code, d.message, d.help] for d in error.diagnostics]}


def main() -> None:
    """Run the batches that the command sends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command too, which ends this process
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the same when the terminal is closed
    private = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # text that Python functions of the experiment print must not mix with answers

    def say(**answer: Any) -> None:
        private.write(json.dumps(answer) + "\n")

    try:
        folder, options = json.loads(sys.stdin.readline())
        worker = Worker(open_sweep(Path(folder)), Path(folder), RunOptions.from_json(options))
        gc.freeze()
        gc.enable()
        say(ready=True)
        for line in sys.stdin:
            for k in json.loads(line):
                say(ran=answer(worker.run(k)))
            say(ended=True)
    except (BrokenPipeError, UnfinishedError):
        os._exit(STOPPED)  # the command has ended, or a signal stopped this process; finished points are recorded
    except SnnrunError as error:
        say(**error_as_json(error))
