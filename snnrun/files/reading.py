"""Files of any origin, read within limits: regular files only, up to a size, without blocking."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

MOST = 64 << 20
"""Bytes of the largest file that is read as a whole."""
_DIGITS = 30  # of an integer; a longer one is read as a float, which may be infinite


def open_regular(path: Path | str) -> BinaryIO:
    """Open a file for reading. A pipe or a device is refused, as reading it may block.

    Raises:
        OSError: It does not exist, cannot be read, or is not a regular file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def read_bytes(path: Path, most: int = MOST) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: It cannot be read, is not a regular file, or has more than `most` bytes.
    """
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return data


def read_text(path: Path, most: int = MOST) -> str:
    """The text of a regular file in UTF-8.

    Raises:
        OSError: It cannot be read, is not a regular file, or has more than `most` bytes.
        ValueError: It is not UTF-8.
    """
    return read_bytes(path, most).decode("utf-8")


def read_json(path: Path, most: int = MOST) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: It cannot be read, is not a regular file, or has more than `most` bytes.
        ValueError: It is not JSON, or is nested too deeply.
    """
    return from_json(read_bytes(path, most))


def reason_of(error: Exception) -> str:
    """Why a file could not be read: the message of the system without its number and path."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def from_json(text: str | bytes) -> Any:
    """The content of a JSON text.

    Raises:
        ValueError: It is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)
