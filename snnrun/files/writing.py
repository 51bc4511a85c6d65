"""Files written so that a reader finds the old content or the new one, never a part of either."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path in the folder of a file. What the block writes there replaces the file at its end.

    Args:
        path: The file.
        durable: Whether to wait until the new file is on the disk (fsync), so that it survives a power cut.

    Raises:
        OSError: The file cannot be replaced. After this and any other error of the block, the file is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-tmp")
    try:
        temporary.unlink(missing_ok=True)  # of a process that had the same id
        yield temporary
        if durable:
            sync(temporary)
        temporary.replace(path)
        if durable:
            sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def copy_of(source: Path, target: Path, *, linked: bool = False) -> None:
    """Copy a file.

    Args:
        source: The file.
        target: A new file.
        linked: Whether both may be the same file, which nobody changes any more: then it takes no space.

    Raises:
        OSError: It cannot be read or written.
    """
    if linked:
        with contextlib.suppress(OSError, NotImplementedError):  # not every file system has links
            os.link(source, target)
            return
    shutil.copyfile(source, target)


def sync(path: Path) -> None:
    """Wait until a file, or the list of names of a folder, is on the disk (fsync).

    Raises:
        OSError: It cannot be opened or written.
    """
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open folders, and keeps their names itself
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_json(value: Any) -> Any:
    """A metric's value as JSON knows it: numbers that are not finite become null."""
    if isinstance(value, list):
        return [as_json(v) for v in value]
    if hasattr(value, "tolist"):
        return as_json(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
