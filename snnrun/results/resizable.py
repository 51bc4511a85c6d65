"""Datasets that rows are appended to. Many rows at a time are written to the file: memory does not grow with the run.

A chunk of a table has some hundred rows of some columns, so that a column is read without most of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.results.container import require_group
from snnrun.results.digest import DatasetDigest, RunningHash
from snnrun.results.layout import place_of

BLOCK_BYTES = 1 << 20
"""Bytes of a chunk in the file, and of the rows that are kept in memory before they are written, at least."""
_TALL = 256  # rows of a chunk, where memory has room for so many
_SLOTS = 10_007  # a prime above the number of chunks that are filled at a time


class ResizableDataset:
    """A dataset that is appended to along its first axis.

    Args:
        path: Its name in digests; `place_of` says where it stands in the file.
        unit: Its unit.
        dtype: Its little-endian type.
        width: Length of the second axis; None for a vector.
        compressed: Whether it is compressed in the file.
        room: Bytes of chunks that may be in memory until they are full.
        thread: One thread that computes the digest, if any.
    """

    __slots__ = (
        "_chunk",
        "_dataset",
        "_hash",
        "_options",
        "_parts",
        "_pending",
        "dtype",
        "length",
        "path",
        "unit",
        "width",
    )

    def __init__(
        self,
        path: str,
        unit: str,
        dtype: str,
        width: int | None = None,
        *,
        compressed: bool = False,
        room: int = BLOCK_BYTES,
        thread: Executor | None = None,
    ) -> None:
        self.path = path
        self.unit = unit
        self.dtype = np.dtype(dtype)
        self.width = width
        self.length = 0
        row_bytes = self.dtype.itemsize * (1 if width is None else max(width, 1))
        rows = max(1, BLOCK_BYTES // row_bytes, min(_TALL, room // row_bytes))
        most = max(1, BLOCK_BYTES // (self.dtype.itemsize * rows))
        width = max(width or 1, 1)
        self._chunk = rows, -(-width // -(-width // most))
        self._options = {"compression": "gzip", "shuffle": True} if compressed else {}
        self._hash = RunningHash(thread)
        self._parts: list[NDArray[np.generic]] = []
        self._pending = 0
        self._dataset: h5py.Dataset | None = None

    def append(self, values: ArrayLike) -> None:
        """Append rows, shape (rows,) or (rows, width); they are kept until they are written: nobody may change them.

        Raises:
            ValueError: They have another shape.
        """
        rows = np.atleast_1d(np.asarray(values, self.dtype, order="C"))
        expected = (rows.shape[0],) if self.width is None else (rows.shape[0], self.width)
        if rows.shape != expected:
            raise ValueError(f"`{self.path}` takes rows of shape {expected}, not {rows.shape}")
        if not rows.shape[0]:
            return
        self._hash.update(rows)
        self._parts.append(rows)
        self._pending += rows.shape[0]
        self.length += rows.shape[0]

    @property
    def pending_bytes(self) -> int:
        """Bytes of rows in memory that are not written yet."""
        return self._pending * self.dtype.itemsize * (1 if self.width is None else self.width)

    @property
    def full(self) -> bool:
        """Whether the rows in memory are worth writing."""
        return self._pending >= self._chunk[0]

    @property
    def space(self) -> int:
        """Bytes of the file that writing all rows in memory may take."""
        rows, columns = self._chunk
        if self.width is None:
            return self.pending_bytes + BLOCK_BYTES
        bands = -(-self.length // rows) - -(-(self.length - self._pending) // rows)
        return bands * rows * -(-self.width // columns) * columns * self.dtype.itemsize

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all rows so far."""
        return (self.length,) if self.width is None else (self.length, self.width)

    def flush(self, file: h5py.File) -> None:
        """Write the rows in memory. HDF5 keeps what does not fill a chunk yet."""
        if self._dataset is None:
            self._dataset = self._create(file)
        first = self._dataset.shape[0]
        self._dataset.resize(self.length, axis=0)
        for rows in self._parts:
            self._dataset[first : first + rows.shape[0]] = rows
            first += rows.shape[0]
        self._hash.wait()
        self._parts, self._pending = [], 0

    def finish(self, file: h5py.File) -> h5py.Dataset:
        """Write all rows in memory and the unit; returns the dataset."""
        if self._dataset is None and not self._options:
            group, name = self._place(file)
            rows = np.concatenate(self._parts) if self._parts else np.empty(self.shape, self.dtype)
            self._dataset = group.create_dataset(name, data=rows)
            self._parts, self._pending = [], 0
        else:
            self.flush(file)
        assert self._dataset is not None
        self._dataset.attrs["units"] = self.unit
        return self._dataset

    def digest(self) -> DatasetDigest:
        """The digest of all rows so far."""
        return self._hash.digest(self.path, self.unit, self.dtype, self.shape)

    def _place(self, file: h5py.File) -> tuple[h5py.Group, str]:
        """The group of the dataset, and its name in it."""
        above, _, name = place_of(self.path).rpartition("/")
        return require_group(file, above), name

    def _create(self, file: h5py.File) -> h5py.Dataset:
        """The dataset in the file; HDF5 keeps chunks until they are full, and writes each once."""
        group, name = self._place(file)
        rows, columns = self._chunk
        width = () if self.width is None else (self.width,)
        many = 1 if self.width is None else -(-self.width // columns)
        return group.create_dataset(
            name,
            (0, *width),
            self.dtype,
            maxshape=(None, *width),
            chunks=(rows, columns)[: 1 + len(width)],
            rdcc_nbytes=(many + 1) * rows * columns * self.dtype.itemsize,
            rdcc_nslots=_SLOTS,
            rdcc_w0=1.0,
            **self._options,
        )


def blocks(length: int, itemsize: int = 8) -> Iterator[tuple[int, int]]:
    """Ranges `[start, stop)` of at most one block that cover `length` rows of `itemsize` bytes."""
    rows = max(1, BLOCK_BYTES // itemsize)
    for start in range(0, length, rows):
        yield start, min(start + rows, length)
