"""The progress bar: simulated time, speed, remaining time; nothing at all where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

WIDTH = 26
EVERY = 0.1  # seconds between two drawings
PATIENCE = 0.3  # short runs show no bar


class Bar:
    """One line on stderr that is drawn over.

    Args:
        total: Steps, or points of a sweep.
        dt: Length of a step; None for points. [s]
        quiet: Whether to stay silent.
    """

    def __init__(self, total: int, dt: float | None, *, quiet: bool) -> None:
        self.total = total
        self.dt = dt
        self.silent = quiet or not sys.stderr.isatty()
        self.started = time.perf_counter()
        self.drawn = 0.0
        self.visible = False

    def __enter__(self) -> Self:
        self.started = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def update(self, done: int, _total: int) -> None:
        """Draw the state, not more often than the eye wants."""
        now = time.perf_counter()
        if self.silent or now - self.drawn < EVERY or now - self.started < PATIENCE:
            return
        self.drawn = now
        self.visible = True
        sys.stderr.write("\r\x1b[K" + self.text(done, now - self.started))
        sys.stderr.flush()

    def text(self, done: int, elapsed: float) -> str:
        """The line."""
        share = done / self.total
        filled = round(share * WIDTH)
        bar = "━" * filled + "─" * (WIDTH - filled)
        remaining = elapsed * (1 - share) / share if share > 0 else 0.0
        if self.dt is None:
            return f"running {bar}  {done}/{self.total} points  {_clock(remaining)}"
        simulated = done * self.dt
        speed = simulated / elapsed
        whole = time_text(self.total * self.dt)
        return f"running {bar}  {time_text(simulated)} of {whole}  {speed:.2g}x real time  {_clock(remaining)}"


def time_text(seconds: float) -> str:
    """A simulated time as people write it: 0.1 ms, 300 ms, 1.5 s."""
    return f"{seconds * 1e3:.4g} ms" if seconds < 1 else f"{seconds:.5g} s"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
