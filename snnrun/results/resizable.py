"""Datasets that rows are appended to. Full blocks are written to the file, so memory does not grow with the run."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.results.container import require_group
from snnrun.results.digest import DatasetDigest, RunningHash

BLOCK_BYTES = 1 << 20
"""Bytes of one dataset that are kept in memory before they are written, and of a chunk in the file."""


class ResizableDataset:
    """A dataset that is appended to along its first axis.

    Args:
        path: Its path in the file.
        unit: Its unit.
        dtype: Its little-endian type.
        width: Length of the second axis; None for a vector.
        recorded: Whether it is part of the digest; False for data that are derived from other data.
    """

    __slots__ = (
        "_dataset",
        "_hash",
        "_parts",
        "_pending",
        "_rows",
        "dtype",
        "length",
        "path",
        "recorded",
        "unit",
        "width",
    )

    def __init__(self, path: str, unit: str, dtype: str, width: int | None = None, *, recorded: bool = True) -> None:
        self.path = path
        self.unit = unit
        self.dtype = np.dtype(dtype)
        self.width = width
        self.recorded = recorded
        self.length = 0
        row_bytes = self.dtype.itemsize * (1 if width is None else max(width, 1))
        self._rows = max(1, BLOCK_BYTES // row_bytes)
        self._hash = RunningHash()
        self._parts: list[NDArray[np.generic]] = []
        self._pending = 0
        self._dataset: h5py.Dataset | None = None

    def append(self, values: ArrayLike) -> None:
        """Append rows, shape (rows,) or (rows, width); they are copied.

        Raises:
            ValueError: They have another shape.
        """
        rows = np.array(values, dtype=self.dtype, order="C", copy=True, ndmin=1)
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
        """Whether there is a full block in memory."""
        return self._pending >= self._rows

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all rows so far."""
        return (self.length,) if self.width is None else (self.length, self.width)

    def flush(self, file: h5py.File) -> None:
        """Write the full blocks in memory; a rest smaller than a block stays there."""
        rows = self._joined()
        whole = rows.shape[0] - rows.shape[0] % self._rows
        self._write(file, rows[:whole])
        self._keep(rows[whole:])

    def finish(self, file: h5py.File) -> h5py.Dataset:
        """Write all rows in memory and the unit; returns the dataset."""
        rows = self._joined()
        if self._dataset is None:
            group, name = self._place(file)
            self._dataset = group.create_dataset(name, data=rows)
        else:
            self._write(file, rows)
        self._keep(rows[:0])
        self._dataset.attrs["units"] = self.unit
        return self._dataset

    def digest(self) -> DatasetDigest:
        """The digest of all rows so far."""
        return self._hash.digest(self.path, self.unit, self.dtype, self.shape)

    def _place(self, file: h5py.File) -> tuple[h5py.Group, str]:
        """The group of the dataset, and its name in it."""
        above, _, name = self.path.rpartition("/")
        return require_group(file, above) if above else file, name

    def _joined(self) -> NDArray[np.generic]:
        if not self._parts:
            return np.empty((0, *self.shape[1:]), self.dtype)
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)

    def _keep(self, rows: NDArray[np.generic]) -> None:
        # A copy, so that the block that it is a view of can be freed.
        self._parts = [rows.copy()] if rows.shape[0] else []
        self._pending = rows.shape[0]

    def _write(self, file: h5py.File, rows: NDArray[np.generic]) -> None:
        if not rows.shape[0]:
            return
        if self._dataset is None:
            self._dataset = self._create(file)
        first = self._dataset.shape[0]
        self._dataset.resize(first + rows.shape[0], axis=0)
        self._dataset[first:] = rows

    def _create(self, file: h5py.File) -> h5py.Dataset:
        group, name = self._place(file)
        if self.width is None:
            return group.create_dataset(name, (0,), self.dtype, maxshape=(None,), chunks=(self._rows,))
        columns = min(self.width, BLOCK_BYTES // self.dtype.itemsize)
        return group.create_dataset(
            name, (0, self.width), self.dtype, maxshape=(None, self.width), chunks=(self._rows, columns)
        )


def blocks(length: int, itemsize: int = 8) -> Iterator[tuple[int, int]]:
    """Ranges `[start, stop)` of at most one block that cover `length` rows of `itemsize` bytes."""
    rows = max(1, BLOCK_BYTES // itemsize)
    for start in range(0, length, rows):
        yield start, min(start + rows, length)
