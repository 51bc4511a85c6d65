"""Runs points of a sweep: within the command, in a process beside it (`pool.LocalPool`), or elsewhere.

All a worker needs is the sweep's folder: the experiment lies there, and what became of a point goes there. The process
gets batches of point numbers on its standard input, one JSON list a line, and answers with a line a point and a line a
batch. When the command that started it is gone, the next answer fails and the process ends.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from snnrun.connect.connectivity import WiringCache
from snnrun.engine.recording import Nothing
from snnrun.errors import SnnrunError, StorageError, UnfinishedError
from snnrun.metrics.running import numbers_of
from snnrun.results.table import PointStatus, point_place
from snnrun.run import pipeline
from snnrun.run.stages import Clock, Engine, Progress, Stage
from snnrun.sweep.check import Points, Sweep, point_document
from snnrun.sweep.journal import Journal, Record, cannot_write
from snnrun.sweep.points import Point, plan_sweep

MOST_VALUES = 10_000  # of one metric at one point that are kept
STOPPED = 75  # exit code of a command that the same command continues (EX_TEMPFAIL)


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for every point of a sweep.

    Args:
        allow_code: Whether Python functions of the experiment may run.
        plots: Whether pictures of points are drawn.
        formats: File formats of pictures.
    """

    allow_code: bool = False
    plots: bool = True
    formats: tuple[str, ...] = ("png",)

    def as_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The same again."""
        return cls(bool(plain["allow_code"]), bool(plain["plots"]), tuple(plain["formats"]))


def open_sweep(folder: Path) -> Sweep:
    """The sweep of a folder, as any machine can run it.

    Raises:
        ExperimentError: Its file is wrong, or made by another version of the program.
    """
    checked = pipeline.check(pipeline.read(folder / "experiment.yaml"))
    assert checked.experiment.sweep is not None
    return Sweep(checked, plan_sweep(checked.resolved.context, checked.experiment.sweep), {})


class Worker:
    """Runs points and notes what became of them; kernels and connections are made once.

    Args:
        sweep: The sweep.
        folder: Its folder.
        options: What holds for every point.
        clock: Timings of the stages.
    """

    def __init__(self, sweep: Sweep, folder: Path, options: Options, clock: Clock | None = None) -> None:
        self.plan = sweep.plan
        self.folder = folder
        self.options = options
        self.clock = clock or Clock()
        self.engine = Engine(wirings=WiringCache(), threads=1)  # points run side by side, not threads
        self.journal = Journal(folder)
        self._points = Points(point_document(sweep.checked), sweep.plan)
        self._ready = dict(sweep.ready)

    def warm(self) -> None:
        """Compile the kernels of the points that were tried already, before other processes need them too."""
        from snnrun.codegen.kernel import generate  # noqa: PLC0415 - only to run

        for checked in self._ready.values():
            with self.clock.stage(Stage.GENERATE):
                kernel = generate(checked.resolved.network)
            with self.clock.stage(Stage.COMPILE):
                self.engine.kernel(kernel)

    def run(self, k: int, progress: Progress = lambda _step, _steps: None) -> Record:
        """Run one point and note it. A point that cannot run is failed; the next one may run.

        Raises:
            StorageError: There is no place for results.
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
        except Exception as bug:  # noqa: BLE001 - one point must not cost the others
            record = Record(k, PointStatus.FAILED, reason=f"a bug of snnrun: {type(bug).__name__}: {bug}")
        record = replace(record, seconds=time.perf_counter() - started)
        self.journal.add(record)
        return record

    def _point(self, k: int, point: Point, progress: Progress) -> Record:
        checked = self._ready.pop(point.index, None)
        if checked is None:
            with self.clock.stage(Stage.CHECK):
                checked = self._points.check(point)
        digest = reason = ""
        if self.plan.keep_results:
            checked = replace(checked, point=", ".join(f"{name} = {value}" for name, value in point.shown.items()))
            outcome = pipeline.run(
                checked,
                self.folder,
                self.engine,
                self.clock,
                progress,
                final=point_place(self.folder, k),
                **{**self.options.as_json(), "formats": self.options.formats},
            )
            if outcome.problem is not None:
                raise outcome.problem
            if isinstance(outcome.trouble, KeyboardInterrupt | UnfinishedError):
                raise outcome.trouble
            values, remarks, digest = outcome.metrics, outcome.remarks, outcome.digest
            reason = f"no pictures: {outcome.trouble}" if outcome.trouble is not None else ""
        else:
            prepared = pipeline.prepare(checked, self.engine, self.clock)
            pipeline.simulate(prepared, Nothing(), self.clock, progress, allow_code=self.options.allow_code)
            values = numbers_of(prepared.metrics.values())
            remarks = tuple(prepared.metrics.remarks(values))
        kept = {
            name: (np.asarray(value, dtype=np.float64).tolist(), unit)
            for name, (value, unit) in values.items()
            if np.size(value) <= MOST_VALUES
        }
        left_out = tuple(name for name in values if name not in kept)
        return Record(k, PointStatus.COMPLETE, kept, digest=digest, reason=reason, left_out=left_out, remarks=remarks)


def answer(record: Record) -> list[Any]:
    """What the command that asked for a point hears of it: little, the rest is on the disk."""
    return [record.point, int(record.status), record.seconds]


def trouble_text(error: SnnrunError) -> dict[str, Any]:
    """What the command hears of an error that ends the work of a process."""
    kind = "storage" if isinstance(error, StorageError) else "file"
    return {"trouble": kind, "diagnostics": [[d.code, d.message, d.help] for d in error.diagnostics]}


def main() -> None:
    """Serve the command at the other end of the pipes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the command, which ends this process
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the same when the terminal is closed
    private = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what Python functions of the experiment print is no answer

    def say(**answer: Any) -> None:
        private.write(json.dumps(answer) + "\n")

    try:
        folder, options = json.loads(sys.stdin.readline())
        worker = Worker(open_sweep(Path(folder)), Path(folder), Options.from_json(options))
        gc.freeze()
        gc.enable()
        say(ready=True)
        for line in sys.stdin:
            for k in json.loads(line):
                say(ran=answer(worker.run(k)))
            say(ended=True)
    except (BrokenPipeError, UnfinishedError):
        os._exit(STOPPED)  # the command is gone, or this process was told to stop; what is done is noted
    except SnnrunError as error:
        say(**trouble_text(error))
