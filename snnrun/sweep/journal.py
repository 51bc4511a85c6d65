"""Journals of a sweep: each process that runs points appends their results to a file of its own.

A point is one line with a checksum, written at once: when the process is killed, at most the point that it was running
is lost, and an incomplete line is ignored.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from snnrun.errors import RunWarning, StorageError
from snnrun.files.reading import from_json, open_regular
from snnrun.files.writing import sync
from snnrun.results.folder import JOURNAL
from snnrun.results.layout import KEY_DIGITS, storage_error
from snnrun.results.sweep_table import PointStatus

SYNC_SHARE = 0.1  # of the time that may be spent in fsync
SYNC_S = 1.0  # least time between two fsyncs; a power cut loses what was written later [s]
_LONGEST = 256 << 20  # bytes of a line
_SUM = 16  # hexadecimal digits of a line's checksum
_KEY = _SUM + len(' {"key":"')  # where the key of a point begins in a line


@dataclass(frozen=True, slots=True)
class Record:
    """The result of a point.

    Args:
        point: Its number.
        status: Complete or failed.
        metrics: Value and SI symbol of each metric: a number, or a list with one number a neuron.
        seconds: How long it took. [s]
        digest: Digest of its results; empty when it keeps none.
        reason: Why it failed, or why its pictures are missing.
        left_out: Metrics with too many numbers for a journal.
        warnings: Values that are not finite.
        key: What the point is (`identity.PointKeys`); empty when nobody knew.
        mark: What its metrics and pictures follow from, where points keep their results (`Sweep.mark`).
        presented: Whether it was not simulated, as its recorded data were there.
    """

    point: int
    status: PointStatus
    metrics: Mapping[str, tuple[float | list[float], str]] = field(default_factory=dict)
    seconds: float = 0.0
    digest: str = ""
    reason: str = ""
    left_out: tuple[str, ...] = ()
    warnings: tuple[RunWarning, ...] = ()
    key: str = ""
    mark: str = ""
    presented: bool = False

    def counts_for(self, mark: str) -> bool:
        """Whether it holds with metrics and pictures that follow from something; one that failed always does."""
        return self.mark == mark or self.status is PointStatus.FAILED

    def to_line(self) -> bytes:
        """A line of a journal: a checksum and JSON."""
        plain: dict[str, Any] = {
            "key": self.key,
            "point": self.point,
            "status": self.status.name.lower(),
            "metrics": {name: list(value) for name, value in self.metrics.items()},
            "seconds": round(self.seconds, 6),
        }
        plain |= {
            key: value
            for key, value in (
                ("digest", self.digest),
                ("reason", self.reason),
                ("left_out", list(self.left_out)),
                ("mark", self.mark),
                ("remarks", [warning.as_json() for warning in self.warnings]),
            )
            if value
        }
        text = json.dumps(plain, separators=(",", ":")).encode()
        return b"%s %s\n" % (_checksum(text), text)

    @classmethod
    def from_line(cls, line: bytes) -> Self | None:
        """The record of a line; None for an incomplete one."""
        claimed, _, text = line.rstrip(b"\n").partition(b" ")
        if claimed != _checksum(text):
            return None
        try:
            plain = from_json(text)
            return cls(
                int(plain["point"]),
                PointStatus[plain["status"].upper()],
                {str(name): (_numbers(value), str(unit)) for name, (value, unit) in plain["metrics"].items()},
                float(plain["seconds"]),
                str(plain.get("digest", "")),
                str(plain.get("reason", "")),
                tuple(map(str, plain.get("left_out", ()))),
                tuple(map(RunWarning.from_json, plain.get("remarks", ()))),
                str(plain.get("key", "")),
                str(plain.get("mark", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None  # not a line of this program


def _numbers(value: Any) -> float | list[float]:
    return [float(v) for v in value] if isinstance(value, list) else float(value)


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_SUM].encode()


class Journal:
    """The file to which one process appends the points it ran.

    Args:
        folder: The sweep's folder.

    Raises:
        StorageError: It cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self._next = time.monotonic() + SYNC_S
        self._handle: int | None = None

    def _open(self) -> int:
        self.path.mkdir(exist_ok=True)
        for attempt in range(1000):
            name = f"{host_name()}-{os.getpid()}-{attempt}.jsonl"
            with contextlib.suppress(FileExistsError):
                return os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        raise OSError(errno.EEXIST, "too many journals of one process")

    def add(self, record: Record) -> None:
        """Append a point.

        Raises:
            StorageError: It cannot be written.
        """
        line = record.to_line()
        try:
            if self._handle is None:
                self._handle = self._open()
                sync(self.path)
            _write_whole(self._handle, line)
            if time.monotonic() > self._next:
                started = time.monotonic()
                os.fsync(self._handle)
                ended = time.monotonic()
                self._next = ended + max(SYNC_S, (ended - started) / SYNC_SHARE)
        except OSError as error:
            self.close()  # the next record goes to another file, not behind an incomplete line
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Close this file; a later point begins another."""
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
        keys: Keys of the points to read; None for all points.
    """

    def __init__(self, folder: Path, keys: Collection[str] | None = None) -> None:
        self.path = folder / JOURNAL
        self._read: dict[str, int] = {}
        self._keys = None if keys is None else {key.encode() for key in keys}

    def new(self) -> Iterator[Record]:
        """Records that were added since the last call, one journal after the other.

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
        with open_regular(path) as file:
            file.seek(offset)
            while line := file.readline(_LONGEST):
                if not line.endswith(b"\n"):
                    break  # it is being written, or not written by this program
                offset += len(line)
                self._read[path.name] = offset
                if self._keys is not None and line[_KEY : _KEY + KEY_DIGITS] not in self._keys:
                    continue
                record = Record.from_line(line)
                if record is not None:
                    yield record


class Ledger:
    """The state of all points according to the journals.

    Args:
        folder: The sweep's folder.
        points: Number of points.
        mark: What points must follow from to be complete (`Sweep.mark`).

    Attributes:
        status: A `PointStatus` for each point, shape (points,).
        left: Number of points that are missing.
        seconds: Time of all timed points together. [s]
        timed: Number of points whose time is known.
        recent: Exponential moving average of the time of a point. [s]
    """

    def __init__(self, folder: Path, points: int, mark: str = "") -> None:
        self.mark = mark
        self.status = np.full(points, PointStatus.MISSING, dtype=np.int8)
        self.left = points
        self.seconds = 0.0
        self.timed = 0
        self.recent = 0.0
        self._reader = Reader(folder)

    def refresh(self) -> None:
        """Read new records."""
        for record in self._reader.new():
            self.note(record)

    def note(self, record: Record) -> None:
        """Add the record of a point; a success takes precedence over a failure, whichever came first."""
        if not 0 <= record.point < len(self.status) or not record.counts_for(self.mark):
            return
        if record.seconds:
            self.seconds += record.seconds
            self.timed += 1
            self.recent += (record.seconds - self.recent) * (0.3 if self.recent else 1.0)
        if self.status[record.point] != PointStatus.COMPLETE:
            self.left -= int(self.status[record.point] == PointStatus.MISSING)
            self.status[record.point] = record.status

    def forget(self, points: Sequence[int]) -> None:
        """Count points as missing."""
        self.status[np.asarray(points, dtype=np.int64)] = PointStatus.MISSING
        self.left = self.count(PointStatus.MISSING)

    def complete(self) -> NDArray[np.int64]:
        """Numbers of the points that are complete, ascending."""
        return np.flatnonzero(self.status == PointStatus.COMPLETE)

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


@cache
def host_name() -> str:
    """The name of this machine with characters that file names allow."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", socket.gethostname()) or "localhost"


def cannot_write(path: Path, error: OSError) -> StorageError:
    """The error of a folder that cannot be written."""
    return storage_error(
        "ST104", f"cannot write to `{path}`: {error.strerror}", "free some space or mend the rights, then run it again"
    )
