"""The digest of recorded data. It does not depend on chunks, HDF5 or compression."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MANY = 1 << 16  # bytes that are worth another thread


@dataclass(frozen=True, slots=True)
class DatasetDigest:
    """The digest of one recorded dataset.

    Args:
        name: Its name: `spikes/<monitor>/...`, `edges/<monitor>/...`, or its path under `snnrun`.
        unit: Its unit.
        dtype: Its little-endian type, as numpy writes it.
        shape: Its shape.
        sha256: Hexadecimal SHA-256 of its bytes, in row order.
    """

    name: str
    unit: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of a run.

    Args:
        sha256: Hexadecimal SHA-256 over the lines of all datasets, sorted by name.
        datasets: The digest of each dataset, sorted by name.
    """

    sha256: str
    datasets: tuple[DatasetDigest, ...]

    @classmethod
    def of(cls, datasets: Iterable[DatasetDigest]) -> Digest:
        """The digest over datasets, given in any order."""
        ordered = tuple(sorted(datasets, key=lambda d: d.name))
        total = hashlib.sha256()
        for d in ordered:
            shape = ",".join(str(n) for n in d.shape)
            total.update(f"{d.name}\0{d.unit}\0{d.dtype}\0{shape}\0{d.sha256}\n".encode())
        return cls(total.hexdigest(), ordered)

    def __str__(self) -> str:
        """The hexadecimal digest."""
        return self.sha256


class RunningHash:
    """SHA-256 of a dataset that is appended to.

    Args:
        thread: One thread that computes hashes of many rows, while others go on; None to wait for all of them.
    """

    __slots__ = ("_last", "_sha", "_thread")

    def __init__(self, thread: Executor | None = None) -> None:
        self._sha = hashlib.sha256()
        self._thread = thread
        self._last: Future[None] | None = None

    def update(self, values: NDArray[np.generic]) -> None:
        """Add rows; `values` must be contiguous and little-endian, and stay as it is until `wait` returns."""
        if self._thread is not None and values.nbytes > _MANY:
            self._last = self._thread.submit(self._sha.update, values.data.cast("B"))
        elif values.size:
            self.wait()
            self._sha.update(values.data.cast("B"))

    def wait(self) -> None:
        """Wait until all rows so far are added."""
        if self._last is not None:
            self._last.result()
            self._last = None

    def digest(self, name: str, unit: str, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> DatasetDigest:
        """The digest of all rows so far."""
        self.wait()
        return DatasetDigest(name, unit, dtype.str, shape, self._sha.hexdigest())
