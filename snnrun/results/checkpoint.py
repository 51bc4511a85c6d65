"""Checkpoints on disk: `outputs/<name>/.<hash8>.<pid>-checkpoint/`, beside the place of the run they belong to.

    checkpoint.json      written last: the step, the files of the checkpoint, and facts that the engine adds
    state-<n>.npz        everything that changes during a run
    recorded-<n>.npz     what was recorded since the previous file

Every file is written under a temporary name, flushed to the disk (fsync), and renamed; an npz file has a checksum of
each of its arrays. A folder belongs to one process. When that process is dead, the next run of the same experiment
renames the folder and continues from it; if two try, one succeeds.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from snnrun.errors import StorageError
from snnrun.files.reading import read_json
from snnrun.files.state_file import read_arrays, write_arrays
from snnrun.files.writing import replacing
from snnrun.results.folder import alive, write_claim
from snnrun.results.layout import storage_error

Arrays = Mapping[str, NDArray[Any]]
INDEX_FILE = "checkpoint.json"
_FOLDER = re.compile(r"\.(?P<final>.+)\.(?P<pid>\d{1,9})-checkpoint")


def store_arrays(path: Path, arrays: Arrays, description: Mapping[str, Any]) -> None:
    """Write arrays and their description as one npz file, completely or not at all.

    Raises:
        StorageError: ST110, it cannot be written.
    """
    try:
        with replacing(path, durable=True) as temporary, temporary.open("wb") as out:
            write_arrays(out, arrays, description)
    except OSError as error:
        raise _cannot_write(path, error) from error


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk.

    Args:
        step: The step before which it was taken.
        state: Name of the file with the state.
        recorded: Names of the files with recorded data, in order.
        identity: What must be the same to continue from it.
        facts: What the engine adds, plain data for JSON.
    """

    step: int
    state: str
    recorded: tuple[str, ...]
    identity: str
    facts: Mapping[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all its files."""
        return self.state, *self.recorded


class CheckpointFolder:
    """The checkpoints of one run by one process.

    Args:
        final: The run's final folder.
        identity: What must be the same to continue from a checkpoint.
    """

    def __init__(self, final: Path, identity: str) -> None:
        self.final = final
        self.identity = identity
        self.path = final.with_name(f".{final.name}.{os.getpid()}-checkpoint")
        self.recorded: list[str] = []
        self.rejected = False  # whether `adopt` found a checkpoint that is damaged, or of another program or kernel
        self._saved: Checkpoint | None = None
        self._number = 0
        self._open = False

    def adopt(self) -> int | None:
        """Take over the newest checkpoint that a dead process left.

        Returns:
            The step before which it was taken; None if there is none that can be used.
        """
        candidates = []
        for path in _leftovers(self.final):
            saved = _read_index(path)
            if saved is None or saved.identity != self.identity or not _readable(path, saved):
                self.rejected |= saved is not None or (path / INDEX_FILE).exists()
                shutil.rmtree(path, ignore_errors=True)
                continue
            candidates.append((saved.step, path, saved))
        for _, path, saved in sorted(candidates, key=lambda c: (-c[0], str(c[1]))):
            if self._open:
                shutil.rmtree(path, ignore_errors=True)  # an older one
                continue
            try:
                if path != self.path:
                    path.rename(self.path)
                write_claim(self.path)
            except OSError:
                continue  # another process has taken it
            self._open = True
            self._saved = saved
            self.recorded = list(saved.recorded)
            self._number = 1 + max(_number(name) for name in saved.files)
            self._keep_only(saved)
        return None if self._saved is None else self._saved.step

    def record(self, arrays: Arrays, description: Mapping[str, Any]) -> None:
        """Store what was recorded since the last call; the next checkpoint includes it."""
        name = self._next("recorded")
        store_arrays(self._file(name), arrays, description)
        self.recorded.append(name)

    def save(self, step: int, state: Arrays, facts: Mapping[str, Any]) -> None:
        """Store the state before a step. The previous checkpoint is removed once this one is complete.

        Raises:
            StorageError: ST110, it cannot be written; the previous checkpoint is still there.
        """
        name = self._next("state")
        store_arrays(self._file(name), state, {"step": step})
        saved = Checkpoint(step, name, tuple(self.recorded), self.identity, facts)
        try:
            with replacing(self.path / INDEX_FILE, durable=True) as temporary:
                temporary.write_text(json.dumps(asdict(saved)), encoding="utf-8")
        except OSError as error:
            raise _cannot_write(self.path / INDEX_FILE, error) from error
        self._keep_only(saved)

    def state(self) -> tuple[dict[str, NDArray[Any]], Mapping[str, Any]]:
        """The state of the checkpoint that was taken over, and the facts stored with it."""
        assert self._saved is not None
        return read_arrays(self.path / self._saved.state)[0], self._saved.facts

    def recordings(self) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
        """Arrays and descriptions of what was recorded up to the checkpoint, in order."""
        assert self._saved is not None
        for name in self._saved.recorded:
            yield read_arrays(self.path / name)

    def discard(self) -> None:
        """Remove all checkpoints of this run."""
        if self._open:
            shutil.rmtree(self.path, ignore_errors=True)
        self._open = False
        self.recorded = []

    def _file(self, name: str) -> Path:
        if not self._open:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                write_claim(self.path)
            except OSError as error:
                raise _cannot_write(self.path, error) from error
            self._open = True
        return self.path / name

    def _next(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number:06d}.npz"

    def _keep_only(self, saved: Checkpoint) -> None:
        for path in (*self.path.glob("*.npz"), *self.path.glob(".*-tmp")):
            if path.name not in saved.files:
                with contextlib.suppress(OSError):  # it is removed at the next checkpoint
                    path.unlink(missing_ok=True)


def _leftovers(final: Path) -> list[Path]:
    """Folders of checkpoints of a run that belong to dead processes or to this one."""
    found = []
    for path in sorted(final.parent.glob(f".{final.name}.*-checkpoint")):
        match = _FOLDER.fullmatch(path.name)
        if match is None or match["final"] != final.name or path.is_symlink() or not path.is_dir():
            continue
        if int(match["pid"]) == os.getpid() or not alive(path, int(match["pid"])):
            found.append(path)
    return found


def _read_index(folder: Path) -> Checkpoint | None:
    try:
        plain = read_json(folder / INDEX_FILE)
        names = [str(plain["state"]), *map(str, plain["recorded"])]
        if any(not re.fullmatch(r"(state|recorded)-\d+\.npz", name) for name in names):
            return None
        return Checkpoint(int(plain["step"]), names[0], tuple(names[1:]), str(plain["identity"]), dict(plain["facts"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _readable(folder: Path, saved: Checkpoint) -> bool:
    """Whether all files of a checkpoint can be read."""
    try:
        for name in saved.files:
            read_arrays(folder / name)
    except ValueError:
        return False
    return True


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name))


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return storage_error(
        "ST110", f"cannot write the checkpoint `{path.name}`: {error.strerror}", "free some space, or check the rights"
    )
