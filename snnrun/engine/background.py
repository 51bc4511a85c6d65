"""Recorded data are stored by a thread of its own, while the kernel computes the next ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from snnrun.engine.recording import Sink
from snnrun.engine.stopwatch import Stopwatch, Work
from snnrun.model.network import FloatArray, IntArray

WAITING_BYTES = 4 << 20
"""Recorded bytes that may wait for the thread; then the run waits."""
_FEW = 1 << 16  # bytes that are not worth another thread


class Background:
    """A sink that hands all on to another one, in order, from a thread of its own; a few bytes at once.

    An error of the other sink is raised by one of the next calls, or by `finish`.

    Args:
        sink: Where recorded data go.
        stopwatch: What measures how long the thread is busy.
        most: Bytes that may wait.
    """

    def __init__(self, sink: Sink, stopwatch: Stopwatch | None = None, most: int = WAITING_BYTES) -> None:
        self._sink = sink
        self._stopwatch = stopwatch or Stopwatch()
        self._most = most
        self._thread = ThreadPoolExecutor(1, "snnrun-results")  # it starts with the first data
        self._waiting: deque[tuple[Future[None], int]] = deque()
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._thread.shutdown(cancel_futures=True)

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Hand on spikes."""
        self._put([steps, ids, *extras.values()], self._sink.spikes, name, steps, ids, extras)

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Hand on samples."""
        self._put([*data.values()], self._sink.states, name, data, first)

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:
        """Hand on counts."""
        self._put([spikes], self._sink.numbers, name, spikes, first)

    def finish(self) -> None:
        """Wait until all is handed on."""
        while self._waiting:
            self._end_first()

    def _put(self, arrays: list[Any], act: Callable[..., None], *given: Any) -> None:
        while self._waiting and (self._bytes > self._most or self._waiting[0][0].done()):
            self._end_first()
        size = sum(array.nbytes for array in arrays)
        if size < _FEW and not self._waiting:
            act(*given)
            return
        self._waiting.append((self._thread.submit(self._timed, act, *given), size))
        self._bytes += size

    def _timed(self, act: Callable[..., None], *given: Any) -> None:
        with self._stopwatch.of(Work.WRITING):
            act(*given)

    def _end_first(self) -> None:
        """Wait for the oldest data, and raise its error."""
        done, size = self._waiting.popleft()
        self._bytes -= size
        done.result()
