"""Processes that run batches of points: their interface, and those of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from snnrun.errors import Diagnostic, ExperimentError, RunError, SnnrunError, StorageError
from snnrun.results.sweep_table import PointStatus
from snnrun.running.options import RunOptions
from snnrun.running.signals import defer_signals

AHEAD = 2  # batches of a process: it never waits for the next one
# Imports allocate objects that stay; garbage collection starts with the points.
_BEGIN = "import gc; gc.disable(); from snnrun.sweep.worker import main; main()"
_STARTS = 3  # processes in a row that may end before they are ready


@dataclass(frozen=True, slots=True)
class Ran:
    """A point was run, and its record is on the disk."""

    point: int
    status: PointStatus
    seconds: float
    presented: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """All points of a batch were run."""

    batch: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The process of a batch died: some of its points have no record.

    Args:
        batch: The points.
        blamed: Whether the process was running the first point without a record.
        final: Whether that point was run again already.
        reason: Why the process ended.
    """

    batch: tuple[int, ...]
    blamed: bool
    final: bool = False
    reason: str = ""


Event = Ran | Ended | Lost


class Pool(Protocol):
    """Processes that run batches of points, on this machine or elsewhere."""

    @property
    def workers(self) -> int:
        """Number of points that run at the same time."""

    def free(self) -> bool:
        """Whether another batch can be submitted."""

    def submit(self, batch: Sequence[int]) -> None:
        """Submit a batch."""

    def wait(self, seconds: float) -> list[Event]:
        """Wait for events, at most for some seconds.

        Raises:
            SnnrunError: No more points can be run.
        """

    def close(self) -> None:
        """Stop at once; the results of points that are running are lost."""


@dataclass(eq=False, slots=True)
class _Process:
    """One process and its batches."""

    process: subprocess.Popen[str]
    errors: IO[str]
    ready: bool = False
    batches: deque[tuple[int, ...]] = field(default_factory=deque)
    listener: threading.Thread | None = None

    def ended(self) -> int:
        """Wait for its end, close its pipes; its exit code."""
        code = self.process.wait()
        if self.listener is not None:
            self.listener.join()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(OSError):  # buffered text cannot be sent any more
                if pipe is not None:
                    pipe.close()
        return code


class LocalPool:
    """Processes of this machine, each a fresh interpreter that runs one point at a time.

    Args:
        folder: The sweep's folder.
        options: How points are run.
        workers: Number of processes.
    """

    def __init__(self, folder: Path, options: RunOptions, workers: int) -> None:
        self.workers = workers
        self._settings = json.dumps([str(folder.absolute()), options.as_json()])
        self._said: queue.Queue[tuple[_Process, str]] = queue.Queue()
        self._processes: list[_Process] = []
        self._false_starts = 0

    def begin(self) -> None:
        """Start all processes before there are batches."""
        while len(self._processes) < self.workers:
            self._start()

    def free(self) -> bool:
        """Whether another batch can be submitted."""
        return len(self._processes) < self.workers or any(len(p.batches) < AHEAD for p in self._processes)

    def submit(self, batch: Sequence[int]) -> None:
        """Submit a batch to the process with the fewest; processes are started when they are needed."""
        if len(self._processes) < self.workers and all(p.batches for p in self._processes):
            one = self._start()
        else:
            one = min(self._processes, key=lambda p: len(p.batches))
        one.batches.append(tuple(batch))
        self._send(one, json.dumps(list(batch)))

    def wait(self, seconds: float) -> list[Event]:
        """Events since the last call.

        Raises:
            StorageError: A process cannot write results.
            RunError: Processes end as they start.
        """
        events: list[Event] = []
        try:
            one, line = self._said.get(timeout=seconds)
            while True:
                events += self._handle(one, line)
                one, line = self._said.get_nowait()
        except queue.Empty:
            return events

    def close(self) -> None:
        """End all processes."""
        for one in self._processes:
            one.process.kill()
        for one in self._processes:
            one.ended()
        self._processes.clear()

    def _start(self) -> _Process:
        with defer_signals() as received:  # every process that was started must be in the list
            one = self._begun()
        if received:
            raise KeyboardInterrupt
        return one

    def _begun(self) -> _Process:
        errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with the process
        process = subprocess.Popen(  # noqa: S603 - the text is ours
            [sys.executable, "-P", "-c", _BEGIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=environment(),
        )
        one = _Process(process, errors)
        self._processes.append(one)
        one.listener = threading.Thread(target=self._listen, args=(one,), daemon=True)
        one.listener.start()
        self._send(one, self._settings)
        return one

    def _listen(self, one: _Process) -> None:
        assert one.process.stdout is not None
        for line in one.process.stdout:
            self._said.put((one, line))
        self._said.put((one, ""))

    @staticmethod
    def _send(one: _Process, line: str) -> None:
        assert one.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended; `_listen` says so
            one.process.stdin.write(line + "\n")
            one.process.stdin.flush()

    def _handle(self, one: _Process, line: str) -> list[Event]:
        if one not in self._processes:
            return []
        try:
            said: dict[str, Any] = json.loads(line) if line else {}
        except ValueError:
            said = {}  # its process was killed during the write
        match said:
            case {"ran": [point, status, seconds, presented]}:
                return [Ran(point, PointStatus(status), seconds, presented)]
            case {"ended": _}:
                return [Ended(one.batches.popleft())]
            case {"ready": _}:
                one.ready = True
                self._false_starts = 0
            case {"trouble": _}:
                raise error_from_json(said)
            case _ if not line:
                return self._ended(one)
        return []

    def _ended(self, one: _Process) -> list[Event]:
        """A process has ended without being told to."""
        one.process.wait()
        one.errors.seek(0)
        last = "".join(one.errors.readlines()[-1:]).strip()
        code = one.ended()
        self._processes.remove(one)
        reason = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        reason += f" ({last})" if last else ""
        if not one.ready:
            self._false_starts += 1
            if self._false_starts >= _STARTS:
                advice = "run with `--workers 1` to see more"
                raise RunError(Diagnostic("SWP711", f"worker processes end as they start: {reason}", None, advice))
        return [Lost(b, blamed=one.ready and not k, reason=reason) for k, b in enumerate(one.batches)]


def environment() -> dict[str, str]:
    """The environment of a process that runs points: the same modules, one core for each point."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **dict.fromkeys(threads, "1")}


def error_from_json(said: Mapping[str, Any]) -> SnnrunError:
    """The error that a worker reported."""
    diagnostics = [Diagnostic(str(code), str(message), None, help) for code, message, help in said["diagnostics"]]
    return (StorageError if said["trouble"] == "storage" else ExperimentError)(*diagnostics)
