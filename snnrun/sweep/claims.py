"""Claims of a sweep: which process runs which points. They avoid duplicate work; they are no locks.

A point that was run twice has the same bits twice, so a race costs time only.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from snnrun.files.reading import from_json, read_bytes
from snnrun.results.folder import CLAIMS
from snnrun.results.layout import MOST_POINTS
from snnrun.sweep.journal import cannot_write, host_name

HEARTBEAT_S = 10.0  # between two updates of the time of a claim [s]
TIMEOUT_S = 120.0  # a claim that was not updated for this time is stale [s]
_MOST_PID = 2**31
TABLE = "table"  # the claim of the process that makes the table


@dataclass(frozen=True, slots=True)
class Claim:
    """Points that a process is running.

    Args:
        name: The claim's name: the number of its first point, or `table`.
        host: Where the process runs.
        pid: Its number there.
        started: When it started, as the system tells. [s]
        workers: Processes that run its points.
        ranges: The points, as ranges: first and last number.
        inside: Whether the claiming process runs them itself.
        beat: Time of its last update. [s since 1970]
    """

    name: str
    host: str
    pid: int
    started: float
    workers: int
    ranges: tuple[tuple[int, int], ...]
    inside: bool
    beat: float

    def points(self) -> Iterator[int]:
        """The points."""
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def owner_died(self) -> bool | None:
        """Whether its process has ended; None when it runs on another machine."""
        if self.host != host_name():
            return None
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.started) >= 1.0)
        except psutil.Error:
            return True

    @property
    def alive(self) -> bool:
        """Whether its process may be running, as far as one look tells."""
        return not self.owner_died() and time.time() - self.beat < TIMEOUT_S


class Claims:
    """The claims in a sweep's folder, and those of this process among them, kept alive by a thread.

    Args:
        folder: The sweep's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / CLAIMS
        self._own: set[str] = set()
        self._seen: dict[str, tuple[float, float]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, name: str, points: Sequence[int], workers: int = 1, *, inside: bool = False) -> bool:
        """Claim points; False when another process has the claim.

        Raises:
            StorageError: The claim cannot be written.
        """
        me = psutil.Process()
        plain = {
            "host": host_name(),
            "pid": me.pid,
            "started": me.create_time(),
            "workers": workers,
            "points": ranges(points),
            "inside": inside,
        }
        try:
            handle = self._create(self.path / f"{name}.json")
            try:
                os.write(handle, json.dumps(plain).encode())
            finally:
                os.close(handle)
        except FileExistsError:
            return False
        except OSError as error:
            with contextlib.suppress(OSError):
                (self.path / f"{name}.json").unlink(missing_ok=True)
            raise cannot_write(self.path, error) from error
        self._own.add(name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, daemon=True)
            self._thread.start()
        return True

    def _create(self, path: Path) -> int:
        for _attempt in range(10):
            self.path.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # somebody removed the folder when it was empty
                return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    def release(self, name: str) -> None:
        """Remove a claim of this process."""
        self._own.discard(name)
        with contextlib.suppress(OSError):
            (self.path / f"{name}.json").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all claims of this process."""
        self._stop.set()
        for name in list(self._own):
            self.release(name)
        with contextlib.suppress(OSError):
            self.path.rmdir()  # only when it is empty

    def all(self) -> list[Claim]:
        """Every claim of other processes."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.path.iterdir()):
                claim = None if path.stem in self._own else _claim(path)
                if claim is not None:
                    found.append(claim)
        return found

    def died_inside(self) -> bool:
        """Whether a process of this machine died while it ran points itself."""
        return any(claim.inside and claim.owner_died() for claim in self.all())

    def others(self) -> list[Claim]:
        """Claims of other processes that are alive; stale ones are removed."""
        live = []
        for claim in self.all():
            if self._is_stale(claim):
                # A process that takes it between these two lines loses it again: a point is run twice.
                with contextlib.suppress(OSError):
                    (self.path / f"{claim.name}.json").unlink(missing_ok=True)
            else:
                live.append(claim)
        return live

    def _is_stale(self, claim: Claim) -> bool:
        """Whether a claim has no process. Clocks of machines may differ: only changes of the time of a claim count."""
        if claim.owner_died():
            return True
        beat, seen = self._seen.get(claim.name, (None, 0.0))
        if beat != claim.beat:
            self._seen[claim.name] = (claim.beat, time.monotonic())
            return False
        return time.monotonic() - seen > TIMEOUT_S

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            for name in list(self._own):
                with contextlib.suppress(OSError):
                    os.utime(self.path / f"{name}.json")


def _claim(path: Path) -> Claim | None:
    try:
        beat = path.stat().st_mtime
        data = read_bytes(path)
    except OSError:
        return None
    name = path.stem
    try:
        plain = from_json(data)
        pid = int(plain["pid"])
        parts = tuple((int(first), int(last)) for first, last in plain["points"])
        if not 0 < pid < _MOST_PID or sum(max(last - first + 1, 0) for first, last in parts) > MOST_POINTS:
            return None  # not written by this program
        return Claim(
            name,
            str(plain["host"]),
            pid,
            float(plain["started"]),
            int(plain["workers"]),
            parts,
            bool(plain["inside"]),
            beat,
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        # Created and not written yet, or its process was killed in between.
        ranges = ((int(name), int(name)),) if name.isdigit() else ()
        return Claim(name, "", 0, 0.0, 1, ranges, inside=False, beat=beat)


def ranges(points: Iterable[int]) -> list[list[int]]:
    """Ascending numbers as ranges: first and last of each."""
    found: list[list[int]] = []
    for k in points:
        if found and found[-1][1] == k - 1:
            found[-1][1] = k
        else:
            found.append([k, k])
    return found
