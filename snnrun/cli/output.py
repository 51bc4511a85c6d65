"""Standard output and error that may be closed (pipe, terminal) or full (disk): then text is lost, not the command."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Final, TextIO

_STANDARD: Final = (0, 1, 2)


class _Output(io.FileIO):
    """A file descriptor to which writing never fails.

    Attributes:
        lost: The first error of writing; None when everything was written.
    """

    lost: OSError | None = None

    def write(self, data: object) -> int:
        """Write, or discard what cannot be written."""
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        try:
            written = super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            self.lost = self.lost or error
            return size
        return size if written is None else written  # None: a non-blocking pipe is full


def secure() -> None:
    """Make sure that the three standard files are open, and that writing to them never ends a command."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:  # closed: a file of results must not get this number
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = _stream(sys.stdout, 1, "replace")
    sys.stderr = _stream(sys.stderr, 2, "backslashreplace")


def _stream(before: TextIO | None, number: int, errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(number, "w", closefd=False)),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors=errors,
        line_buffering=number == 2 or os.isatty(number),
        write_through=getattr(before, "write_through", False),
    )


def lost() -> OSError | None:
    """Why standard output is incomplete; None when it is complete, or its reader closed the pipe."""
    sys.stdout.flush()
    error = getattr(getattr(getattr(sys.stdout, "buffer", None), "raw", None), "lost", None)
    return error if isinstance(error, OSError) and error.errno != errno.EPIPE else None
