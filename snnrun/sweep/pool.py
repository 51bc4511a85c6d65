"""Processes that run batches of points: what every kind of them does, and those of this machine."""

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
from snnrun.run.options import RunOptions
from snnrun.run.signals import defer_signals

AHEAD = 2  # batches that a process has, so that it never waits
# Imports make much that stays and little to collect; the collector starts with the points.
_BEGIN = "import gc; gc.disable(); from snnrun.sweep.worker import main; main()"
_STARTS = 3  # processes in a row that may end before they are ready


@dataclass(frozen=True, slots=True)
class Ran:
    """A point was run and is noted on the disk."""

    point: int
    status: PointStatus
    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """All points of a batch were run."""

    batch: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A batch came to no end: some of its points are not noted.

    Args:
        batch: The points.
        blamed: Whether the first point that is not noted was being run when its process died.
        final: Whether it was tried again already.
        reason: What happened.
    """

    batch: tuple[int, ...]
    blamed: bool
    final: bool = False
    reason: str = ""


Event = Ran | Ended | Lost


class Pool(Protocol):
    """Processes that run batches of points, wherever they are."""

    @property
    def workers(self) -> int:
        """Number of points that run at the same time."""

    def free(self) -> bool:
        """Whether another batch may be handed over."""

    def submit(self, batch: Sequence[int]) -> None:
        """Hand over a batch."""

    def wait(self, seconds: float) -> list[Event]:
        """What happened, as soon as something did, or nothing after so many seconds.

        Raises:
            SnnrunError: Nothing can be run any more.
        """

    def close(self) -> None:
        """Stop at once; points that are being run are dropped."""


@dataclass(eq=False, slots=True)
class _Process:
    """One process and what it has to do."""

    process: subprocess.Popen[str]
    errors: IO[str]
    ready: bool = False
    batches: deque[tuple[int, ...]] = field(default_factory=deque)
    listener: threading.Thread | None = None

    def ended(self) -> int:
        """Wait for its end, close what it leaves, and give its exit code."""
        code = self.process.wait()
        if self.listener is not None:
            self.listener.join()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(OSError):  # what was not sent yet finds nobody
                if pipe is not None:
                    pipe.close()
        return code


class LocalPool:
    """Processes of this machine, each a fresh interpreter that runs one point at a time.

    Args:
        folder: The sweep's folder.
        options: What holds for every point.
        workers: Number of processes.
    """

    def __init__(self, folder: Path, options: RunOptions, workers: int) -> None:
        self.workers = workers
        self._settings = json.dumps([str(folder.absolute()), options.as_json()])
        self._said: queue.Queue[tuple[_Process, str]] = queue.Queue()
        self._processes: list[_Process] = []
        self._false_starts = 0

    def begin(self) -> None:
        """Start all processes, although there is nothing for them to do yet."""
        while len(self._processes) < self.workers:
            self._start()

    def free(self) -> bool:
        """Whether another batch may be handed over."""
        return len(self._processes) < self.workers or any(len(p.batches) < AHEAD for p in self._processes)

    def submit(self, batch: Sequence[int]) -> None:
        """Hand a batch to the process that has the least; processes start when they are needed."""
        if len(self._processes) < self.workers and all(p.batches for p in self._processes):
            one = self._start()
        else:
            one = min(self._processes, key=lambda p: len(p.batches))
        one.batches.append(tuple(batch))
        self._send(one, json.dumps(list(batch)))

    def wait(self, seconds: float) -> list[Event]:
        """What the processes said.

        Raises:
            StorageError: A process has no place for results.
            RunError: Processes end as they start.
        """
        events: list[Event] = []
        try:
            one, line = self._said.get(timeout=seconds)
            while True:
                events += self._heard(one, line)
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
        with defer_signals() as received:  # a process that is begun must be one that can be ended
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

    def _heard(self, one: _Process, line: str) -> list[Event]:
        if one not in self._processes:
            return []
        try:
            said: dict[str, Any] = json.loads(line) if line else {}
        except ValueError:
            said = {}  # it was killed while it wrote
        match said:
            case {"ran": [point, status, seconds]}:
                return [Ran(point, PointStatus(status), seconds)]
            case {"ended": _}:
                return [Ended(one.batches.popleft())]
            case {"ready": _}:
                one.ready = True
                self._false_starts = 0
            case {"trouble": _}:
                raise error_from_json(said)
            case _ if not line:
                return self._gone(one)
        return []

    def _gone(self, one: _Process) -> list[Event]:
        """A process has ended by itself."""
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
    """The environment of a process that runs points: it imports what this one does, and uses one core a point."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **dict.fromkeys(threads, "1")}


def error_from_json(said: Mapping[str, Any]) -> SnnrunError:
    """The error of a worker, to be raised again by the command."""
    diagnostics = [Diagnostic(str(code), str(message), None, help) for code, message, help in said["diagnostics"]]
    return (StorageError if said["trouble"] == "storage" else ExperimentError)(*diagnostics)
