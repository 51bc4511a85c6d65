"""The file that a run's recordings are appended to: in memory while they are few, then on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import ArrayLike

from snnrun.results.container import (
    MemoryFile,
    close_on_disk,
    create_on_disk,
    little_endian,
    reserve,
)
from snnrun.results.digest import Digest
from snnrun.results.layout import storage_error
from snnrun.results.resizable import ResizableDataset, blocks

WAITING_BYTES = 16 << 20
"""Bytes kept in memory before the file is there: what records less is written at once, in a few large writes."""
_WRITTEN_BYTES = 4 << 20  # written at a time to a file that is there


class StreamFile:
    """A new file of datasets that rows are appended to.

    Args:
        path: The file; it is made once more is recorded than fits into memory, else by `close`.

    Attributes:
        streams: The datasets, by their paths in the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: h5py.File | None = None
        self._hashing = ThreadPoolExecutor(1, "snnrun-digest")  # it starts with the first long table
        self._allocated = 0  # bytes of the file on the disk that are not written yet
        self.streams: dict[str, ResizableDataset] = {}

    def add(
        self,
        path: str,
        unit: str,
        dtype: str,
        width: int | None = None,
        *,
        compressed: bool = False,
        share: int = 0,
    ) -> None:
        """Add a dataset without rows.

        Args:
            path: Its path in the file.
            unit: Its unit.
            dtype: Its little-endian type.
            width: Length of the second axis; None for a vector.
            compressed: Whether it is compressed in the file.
            share: How many tables share the memory for what does not fill a chunk yet; 0: it needs none.
        """
        room = _WRITTEN_BYTES // share if share else 0
        self.streams[path] = ResizableDataset(
            path, unit, dtype, width, compressed=compressed, room=room, thread=self._hashing
        )

    def append(self, path: str, values: ArrayLike) -> None:
        """Append rows, which nobody may change; write what waits in memory, if it is much.

        Raises:
            StorageError: It cannot be written.
        """
        stream = self.streams[path]
        stream.append(values)
        if stream.full:
            waiting = [stream for stream in self.streams.values() if stream.full]
            most = WAITING_BYTES if self._file is None else min(WAITING_BYTES, _WRITTEN_BYTES)
            if sum(stream.pending_bytes for stream in waiting) > most:
                self._flush(waiting)

    def put(self, path: str, unit: str, values: ArrayLike, dtype: str | None = None) -> None:
        """Add a dataset with all its rows."""
        array = little_endian(np.asarray(values))
        self.add(path, unit, dtype or array.dtype.str)
        for start, stop in blocks(len(array)):
            self.append(path, array[start:stop])

    def fill(self, path: str, length: int) -> None:
        """Append rows without values (NaN, or 0 for integers and flags) until there are so many."""
        stream = self.streams[path]
        empty = np.nan if stream.dtype.kind == "f" else 0
        for start, stop in blocks(length - stream.length, stream.dtype.itemsize * max(stream.width or 1, 1)):
            self.append(path, np.full((stop - start, stream.width or 0), empty))

    def length(self, path: str) -> int:
        """The rows of a dataset so far; 0 when it was not added."""
        stream = self.streams.get(path)
        return 0 if stream is None else stream.length

    def opened(self, more: int) -> h5py.File:
        """The file, with space for all that is still to be written: waiting rows, time axes, other tables.

        Args:
            more: Bytes of other tables.

        Raises:
            StorageError: There is no space.
        """
        if self._file is None:
            self._file = MemoryFile()
        elif not isinstance(self._file, MemoryFile):
            waiting = sum(max(s.space, s.pending_bytes) for s in self.streams.values())
            self._allocate(waiting + 8 * sum({s.length for s in self.streams.values()}) + more)
        return self._file

    def close(self) -> Digest:
        """Complete the file on the disk; the digest of all datasets.

        Raises:
            OSError: It cannot be written.
        """
        if isinstance(self._file, MemoryFile):
            self._file.save(self._path)
        else:
            close_on_disk(self._file, self._path)
        self._file = None
        digest = Digest.of(s.digest() for s in self.streams.values())
        self._hashing.shutdown()
        return digest

    def abort(self) -> None:
        """Give the file up and remove it."""
        self._hashing.shutdown(cancel_futures=True)
        file, self._file = self._file, None
        if file is not None:
            file.close()
        self._path.unlink(missing_ok=True)

    def _flush(self, streams: Sequence[ResizableDataset]) -> None:
        try:
            if self._file is None:
                self._file = create_on_disk(self._path)
            self._allocate(sum(stream.space for stream in streams))
            for stream in streams:
                stream.flush(self._file)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _allocate(self, needed: int) -> None:
        """Make sure that the next writes have their space on the disk."""
        if needed > self._allocated:
            self._allocated += reserve(self._path, needed)
        self._allocated -= needed


def cannot_write(path: Path, error: BaseException) -> Exception:
    """The error of results that cannot be written."""
    return storage_error("ST104", f"cannot write `{path.name}`: {error}", "check the free space and the rights there")
