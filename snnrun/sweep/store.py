"""A sweep on disk: which points are done, what they gave, and who is at work.

    <folder>/experiment.yaml    the sweep itself, so that a process on any machine can run any of its points
             sweep.json         how many points there are, for people and programs that only look
             journal/           one file of each process that ran points: a line a point, with its checksum
             claims/            one file of each batch that is being run, and of the process that makes the table
             points/            folders of points that keep their results
             DONE.json          written last, when every point is done or failed

The disk is the truth. A process appends only to a journal of its own, in one write a point, so that killing it costs at
most the point it was at; a line without a right checksum is as if it were not there. Claims keep processes from doing
the same work at the same time, no more: a point that was run twice has the same bits twice.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
from numpy.typing import NDArray

from snnrun.errors import StorageError
from snnrun.results.folder import CLAIMS, JOURNAL, read_done, write_durably
from snnrun.results.layout import storage_error
from snnrun.results.table import PointStatus

FACTS_FILE = "sweep.json"
SYNC_S = 1.0  # a journal waits for the disk at most so often; only a power cut can take what came later [s]
BEAT_S = 10.0  # between two signs of life of a claim [s]
SILENCE_S = 120.0  # a claim without a sign of life for so long is stale [s]
TABLE = "table"  # the claim of the process that makes the table
_SUM = 16  # hexadecimal digits of a line's checksum


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a point.

    Args:
        point: Its number.
        status: Complete or failed.
        metrics: Value and SI symbol of each metric that is a single number.
        seconds: How long it took. [s]
        digest: Digest of its results; empty when it keeps none.
        reason: Why it failed, or why its pictures are missing.
        left_out: Metrics that are no single numbers.
    """

    point: int
    status: PointStatus
    metrics: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    seconds: float = 0.0
    digest: str = ""
    reason: str = ""
    left_out: tuple[str, ...] = ()

    def to_line(self) -> bytes:
        """A line of a journal: a checksum and JSON."""
        plain: dict[str, Any] = {
            "point": self.point,
            "status": self.status.name.lower(),
            "metrics": {name: list(value) for name, value in self.metrics.items()},
            "seconds": round(self.seconds, 6),
        }
        plain |= {
            key: value
            for key, value in (("digest", self.digest), ("reason", self.reason), ("left_out", list(self.left_out)))
            if value
        }
        text = json.dumps(plain, separators=(",", ":")).encode()
        return b"%s %s\n" % (_checksum(text), text)

    @classmethod
    def from_line(cls, line: bytes) -> Self | None:
        """The record of a line; None for one that was not written whole."""
        claimed, _, text = line.rstrip(b"\n").partition(b" ")
        if claimed != _checksum(text):
            return None
        plain = json.loads(text)
        return cls(
            plain["point"],
            PointStatus[plain["status"].upper()],
            {name: (value, unit) for name, (value, unit) in plain["metrics"].items()},
            plain["seconds"],
            plain.get("digest", ""),
            plain.get("reason", ""),
            tuple(plain.get("left_out", ())),
        )


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_SUM].encode()


class Journal:
    """The file in which one process notes the points it ran.

    Args:
        folder: The sweep's folder.

    Raises:
        StorageError: It cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self._synced = time.monotonic()
        self._handle: int | None = None

    def _open(self) -> int:
        self.path.mkdir(exist_ok=True)
        for attempt in range(1000):
            name = f"{_host()}-{os.getpid()}-{attempt}.jsonl"
            with contextlib.suppress(FileExistsError):
                return os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        raise OSError(errno.EEXIST, "too many journals of one process")

    def add(self, record: Record) -> None:
        """Note a point.

        Raises:
            StorageError: It cannot be written; a part of a line that was written is worth nothing.
        """
        line = record.to_line()
        try:
            if self._handle is None:
                self._handle = self._open()
                _sync_folder(self.path)
            _write_whole(self._handle, line)
            if time.monotonic() - self._synced > SYNC_S:
                self.sync()
        except OSError as error:
            self.close()  # what follows goes to another file, not behind half a line
            raise _cannot_write(self.path, error) from error

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        if self._handle is not None:
            os.fsync(self._handle)
        self._synced = time.monotonic()

    def close(self) -> None:
        """End this file; a later point begins another."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                os.fsync(handle)
            with contextlib.suppress(OSError):
                os.close(handle)


def _write_whole(handle: int, data: bytes) -> None:
    if os.write(handle, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Reader:
    """Reads the journals of a sweep, each line once.

    Args:
        folder: The sweep's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self._read: dict[str, int] = {}

    def new(self) -> Iterator[Record]:
        """What was noted since the last call, one journal after the other.

        Raises:
            StorageError: The journals cannot be read.
        """
        try:
            for path in sorted(self.path.glob("*.jsonl")):
                yield from self._lines(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error("ST110", f"cannot read `{self.path}`: {error.strerror}") from error

    def _lines(self, path: Path) -> Iterator[Record]:
        offset = self._read.get(path.name, 0)
        if path.stat().st_size <= offset:
            return
        with path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # it is being written
                offset += len(line)
                self._read[path.name] = offset
                record = Record.from_line(line)
                if record is not None:
                    yield record


class Ledger:
    """The state of all points, as far as the journals tell.

    Args:
        folder: The sweep's folder.
        points: Number of points.

    Attributes:
        status: A `PointStatus` for each point, shape (points,).
        left: Number of points that are missing.
        seconds: Time that all points took together, as far as it is known. [s]
        timed: Number of points that took it.
        recent: Time of a point, the latest ones counting most. [s]
    """

    def __init__(self, folder: Path, points: int) -> None:
        self.status = np.full(points, PointStatus.MISSING, dtype=np.int8)
        self.left = points
        self.seconds = 0.0
        self.timed = 0
        self.recent = 0.0
        self._reader = Reader(folder)

    def refresh(self) -> None:
        """Read what is new."""
        for record in self._reader.new():
            self.note(record)

    def note(self, record: Record) -> None:
        """One point; a success outweighs a failure, whichever came first."""
        if not 0 <= record.point < len(self.status):
            return
        if record.seconds:
            self.seconds += record.seconds
            self.timed += 1
            self.recent += (record.seconds - self.recent) * (0.3 if self.recent else 1.0)
        if self.status[record.point] != PointStatus.COMPLETE:
            self.left -= int(self.status[record.point] == PointStatus.MISSING)
            self.status[record.point] = record.status

    def forget_failed(self) -> None:
        """Count failed points as missing."""
        self.status[self.status == PointStatus.FAILED] = PointStatus.MISSING
        self.left = self.count(PointStatus.MISSING)

    def missing(self) -> NDArray[np.int64]:
        """Numbers of the points that are to be run, ascending."""
        return np.flatnonzero(self.status == PointStatus.MISSING)

    def count(self, status: PointStatus) -> int:
        """Number of points in a state."""
        return int(np.count_nonzero(self.status == status))

    @property
    def mean_seconds(self) -> float:
        """Mean time of a point; 0 when none was run. [s]."""
        return self.seconds / self.timed if self.timed else 0.0


# claims


@dataclass(frozen=True, slots=True)
class Claim:
    """Points that a process says it is running.

    Args:
        name: The claim's name: the number of its first point, or `table`.
        host: Where the process runs.
        pid: Its number there.
        started: When it started, as the system tells. [s]
        workers: Processes that run its points.
        ranges: The points, as ranges: first and last number.
        inside: Whether the claiming process runs them itself.
        beat: Time of its last sign of life. [s since 1970]
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
        """Whether its process is gone; None when it runs on another machine."""
        if self.host != _host():
            return None
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.started) >= 1.0)
        except psutil.Error:
            return True

    @property
    def alive(self) -> bool:
        """Whether somebody may still be at work, for one who looks once."""
        return not self.owner_died() and time.time() - self.beat < SILENCE_S


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
        """Claim points; False when somebody else was first.

        Raises:
            StorageError: The claim cannot be written.
        """
        me = psutil.Process()
        plain = {
            "host": _host(),
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
            raise _cannot_write(self.path, error) from error
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
        """Give a claim back."""
        self._own.discard(name)
        with contextlib.suppress(OSError):
            (self.path / f"{name}.json").unlink(missing_ok=True)

    def close(self) -> None:
        """Give all claims back."""
        self._stop.set()
        for name in list(self._own):
            self.release(name)
        with contextlib.suppress(OSError):
            self.path.rmdir()  # only when nobody has one

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
        """What others are running; stale claims are removed on the way."""
        live = []
        for claim in self.all():
            if self._is_stale(claim):
                # Whoever takes it between these two lines loses it again: a point is run twice, nothing worse.
                with contextlib.suppress(OSError):
                    (self.path / f"{claim.name}.json").unlink(missing_ok=True)
            else:
                live.append(claim)
        return live

    def _is_stale(self, claim: Claim) -> bool:
        """Clocks of two machines may differ: a foreign claim is stale when its time did not change for a while."""
        if claim.owner_died():
            return True
        beat, seen = self._seen.get(claim.name, (None, 0.0))
        if beat != claim.beat:
            self._seen[claim.name] = (claim.beat, time.monotonic())
            return False
        return time.monotonic() - seen > SILENCE_S

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_S):
            for name in list(self._own):
                with contextlib.suppress(OSError):
                    os.utime(self.path / f"{name}.json")


def _claim(path: Path) -> Claim | None:
    try:
        beat = path.stat().st_mtime
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    name = path.stem
    try:
        plain = json.loads(text)
        return Claim(
            name,
            str(plain["host"]),
            int(plain["pid"]),
            float(plain["started"]),
            int(plain["workers"]),
            tuple((int(a), int(b)) for a, b in plain["points"]),
            bool(plain["inside"]),
            beat,
        )
    except (ValueError, KeyError, TypeError):
        # Made a moment ago and not written yet, or its process was killed in between.
        ranges = ((int(name), int(name)),) if name.isdigit() else ()
        return Claim(name, "", 0, 0.0, 1, ranges, inside=False, beat=beat)


def ranges(points: Iterable[int]) -> list[list[int]]:
    """Ascending numbers as first and last of each run without a gap."""
    found: list[list[int]] = []
    for k in points:
        if found and found[-1][1] == k - 1:
            found[-1][1] = k
        else:
            found.append([k, k])
    return found


# the folder


@dataclass(frozen=True, slots=True)
class Facts:
    """What `sweep.json` says.

    Args:
        name: The experiment's name.
        points: Number of points.
        along: The axes in words: `30 points (tau 30)`.
        keep_results: Whether points have folders of their own.
        version: The program's version.
        command: The command line that began the sweep.
    """

    name: str
    points: int
    along: str
    keep_results: bool
    version: str
    command: tuple[str, ...]

    def to_json(self) -> str:
        """JSON for people and programs."""
        plain = {
            "name": self.name,
            "points": self.points,
            "along": self.along,
            "keep_results": self.keep_results,
            "version": self.version,
            "command": list(self.command),
        }
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def read_facts(folder: Path) -> Facts | None:
    """The facts of a sweep's folder; None when it is none."""
    try:
        plain = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        return Facts(
            str(plain["name"]),
            int(plain["points"]),
            str(plain["along"]),
            bool(plain["keep_results"]),
            str(plain["version"]),
            tuple(str(word) for word in plain["command"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_facts(folder: Path, facts: Facts) -> None:
    """Write `sweep.json`; its presence says that the folder is ready for workers."""
    write_durably(folder / FACTS_FILE, facts.to_json().encode())


@dataclass(frozen=True, slots=True)
class State:
    """How far a sweep is.

    Args:
        facts: The sweep.
        status: `complete`, `failed` (all points were run, some failed), `running`, or `stopped`.
        done: Points that are complete.
        failed: Points that failed, with the reason.
        running: Points that somebody claims to run.
        missing: Points that are neither complete nor failed, those that are running among them.
        workers: Processes at work.
        each: Mean time of a point. [s]
        seconds_left: Estimate of the time to the end; None when nobody is at work or nothing is known. [s]
    """

    facts: Facts
    status: str
    done: int
    failed: Mapping[int, str]
    running: int
    missing: int
    workers: int
    each: float
    seconds_left: float | None


def read_state(folder: Path) -> State | None:
    """How far the sweep of a folder is; None when there is none. Nothing is changed or cleaned up.

    Raises:
        StorageError: The folder cannot be read.
    """
    facts = read_facts(folder)
    if facts is None:
        return None
    ledger = Ledger(folder, facts.points)
    failed: dict[int, str] = {}
    for record in Reader(folder).new():
        ledger.note(record)
        if record.status is PointStatus.FAILED:
            failed.setdefault(record.point, record.reason)
    failed = {k: failed[k] for k in sorted(failed) if ledger.status[k] == PointStatus.FAILED}
    alive = [claim for claim in Claims(folder).all() if claim.alive]
    at_work = {(claim.host, claim.pid): claim.workers for claim in alive}
    workers = sum(at_work.values())
    running = {k for claim in alive for k in claim.points() if ledger.status[k] == PointStatus.MISSING}
    if workers:
        status = "running"
    elif read_done(folder) is not None and not ledger.left:
        status = "failed" if failed else "complete"
    else:
        status = "stopped"
    left = ledger.left * ledger.mean_seconds / workers if workers and ledger.timed else None
    return State(
        facts,
        status,
        ledger.count(PointStatus.COMPLETE),
        failed,
        len(running),
        ledger.left,
        workers,
        ledger.mean_seconds,
        left,
    )


def forget_aside(folder: Path) -> None:
    """Remove what killed processes left half written; only for the process that makes the table."""
    for path in folder.iterdir():
        if re.fullmatch(r"\..+-tmp", path.name):
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


@cache
def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", socket.gethostname()) or "localhost"


def _sync_folder(path: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return storage_error(
        "ST104", f"cannot write to `{path}`: {error.strerror}", "free some space or mend the rights, then run it again"
    )
