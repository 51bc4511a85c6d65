"""The progress line of a run: stage, simulated time, speed, remaining time.

On a terminal it is overwritten. To pipes and log files it is written now and then, as a line that stays.
"""

from __future__ import annotations

import shutil
import sys
import time

from snnrun.cli.render import clean, columns_of, encodable, say

WIDTH = 26
EVERY = 0.1  # between two drawings [s]
PATIENCE = 0.3  # shorter runs show no bar [s]
NARROWEST = 8  # columns of a bar; one with less room is left out
FIRST_LINE = 10.0  # until the first line in a log file; from line to line it doubles [s]
MOST_BETWEEN = 600.0  # between two lines in a log file [s]


class Line:
    """Lines on stderr; the last one may be temporary.

    Args:
        quiet: Whether nothing is written.
        lively: Whether a line that is written can be overwritten; a terminal can.
    """

    def __init__(self, *, quiet: bool, lively: bool = False) -> None:
        self.quiet = quiet
        self.lively = not quiet and (lively or sys.stderr.isatty())
        self._visible = self.lively  # the command says `reading ...` while modules load

    @property
    def room(self) -> int:
        """Columns of a temporary line."""
        return max(shutil.get_terminal_size().columns - 1, 20)

    def put(self, text: str) -> None:
        """Write one or more lines."""
        if not self.quiet:
            self.clear()
            say(text)
            sys.stderr.flush()

    def show(self, text: str) -> None:
        """Write a temporary line, which the next one replaces; only on a terminal."""
        if self.lively:
            shown = encodable(clean(text), sys.stderr)
            while columns_of(shown) > self.room:
                shown = shown[:-1]
            sys.stderr.write(f"\r\x1b[K{shown}")
            sys.stderr.flush()
            self._visible = True

    def clear(self) -> None:
        """Remove the temporary line."""
        if self._visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._visible = False


class Bar:
    """Progress of a run or of a sweep.

    Args:
        line: Where it is shown.
        total: Steps, or points of a sweep.
        dt: Length of a step; None for points. [s]
    """

    def __init__(self, line: Line, total: int, dt: float | None) -> None:
        self.line = line
        self.total = total
        self.dt = dt
        self.done = 0
        self.drawn = 0.0
        self.start()

    @property
    def whole(self) -> str:
        """The end: a time, or a number of points."""
        return f"{self.total:,} points" if self.dt is None else time_text(self.total * self.dt)

    def start(self) -> None:
        """Start the clock."""
        self.started = time.perf_counter()
        self.before: int | None = None
        self.next_line = FIRST_LINE

    def update(self, done: int, _total: int) -> None:
        """Draw the bar, at most every `EVERY` seconds; in a log file write a line, more and more seldom."""
        self.done = done
        if self.before is None:
            self.before = done if self.dt is None else 0  # a sweep may continue one that an earlier command began
        now = time.perf_counter()
        elapsed = now - self.started
        if self.line.lively and now - self.drawn >= EVERY and elapsed >= PATIENCE:
            self.drawn = now
            self.line.show(self.text(done, elapsed, self.line.room))
        elif not self.line.lively and elapsed >= self.next_line and done < self.total:
            self.next_line = elapsed + min(elapsed, MOST_BETWEEN)
            self.line.put(self.text(done, elapsed))

    def text(self, done: int, elapsed: float, room: int | None = None) -> str:
        """The line, with a bar where there is room for one; the remaining time always fits.

        Args:
            done: Steps, or points of a sweep.
            elapsed: Since the start. [s]
            room: Columns of the terminal; None for a line in a log file.
        """
        parts = self._parts(done, elapsed)
        while room is not None and len(parts) > 1 and len("  ".join(["running", *parts])) > room:
            del parts[-2]
        width = 0 if room is None else min(WIDTH, room - len("  ".join(["running ", *parts])))
        if width < NARROWEST:
            return "  ".join(["running", *parts])
        filled = round(done / self.total * width)
        return "  ".join([f"running {'━' * filled}{'─' * (width - filled)}", *parts])

    def _parts(self, done: int, elapsed: float) -> list[str]:
        """How much is done, how fast, and the remaining time."""
        new = done - (self.before or 0)
        remaining = clock_text(elapsed * (self.total - done) / new) if new > 0 else "-:--:--"
        if self.dt is None:
            return [f"{done:,} of {self.whole}", f"{remaining} left"]
        simulated = done * self.dt
        speed = simulated / elapsed
        times = f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"
        return [f"{time_text(simulated)} of {self.whole}", f"{times}x real time", f"{remaining} left"]


def time_text(seconds: float) -> str:
    """A simulated time in a readable unit: 50 us, 0.1 ms, 300 ms, 1.5 s."""
    if seconds < 1e-4:
        return f"{seconds * 1e6:.4g} us"
    return f"{seconds * 1e3:.4g} ms" if seconds < 1 else f"{seconds:.5g} s"


def clock_text(seconds: float) -> str:
    """A duration as h:mm:ss: 0:01:30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def number_text(n: int, noun: str = "") -> str:
    """A number with its noun: 1 neuron, 12,500 neurons, 15.6 M synapses."""
    number = f"{n / 1e6:.1f} M" if n >= 10_000_000 else f"{n:,}"
    plural = "" if n == 1 or noun.endswith("s") else "s"
    return f"{number} {noun}{plural}" if noun else number


def bytes_text(n: float) -> str:
    """A size in memory or on disk: 512 B, 12 kB, 1.5 GB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n:.0f} B"
