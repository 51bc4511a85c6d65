"""Checkpoints on disk: `outputs/<name>/.<hash8>.<pid>-checkpoint/`, beside the place of the run they belong to.

    checkpoint.json      written last: step, the files that belong to the checkpoint, whatever the engine adds
    state-<n>.npz        everything that changes during a run
    recorded-<n>.npz     what was recorded since the file before

Every file is written under another name, brought to the disk, and renamed; an npz file carries a checksum of each of
its arrays. A folder belongs to one process. When that process is dead, the next run of the same experiment renames the
folder and goes on from it; of two that try, one wins.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from snnrun.errors import StorageError
from snnrun.files.reading import read_json
from snnrun.files.state_file import read_arrays, write_arrays
from snnrun.results.folder import alive, write_claim
from snnrun.results.layout import check_name, storage_error

Arrays = Mapping[str, NDArray[Any]]
INDEX_FILE = "checkpoint.json"
_FOLDER = re.compile(r"\.(?P<final>.+)\.(?P<pid>\d{1,9})-checkpoint")


def store_arrays(path: Path, arrays: Arrays, description: Mapping[str, Any]) -> None:
    """Write arrays and what describes them as one npz file: whole, or not at all.

    Raises:
        StorageError: ST110, when it cannot be written; nothing is left of it then.
    """
    aside = path.with_name(f".{path.name}-tmp")
    try:
        with aside.open("wb") as out:
            write_arrays(out, arrays, description)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
        _sync_names(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise _cannot_write(path, error) from error


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint on disk.

    Args:
        step: The step it was taken before.
        state: Name of the file with the state.
        recorded: Names of the files with what was recorded, in order.
        identity: What must be the same to go on from it.
        facts: Whatever the engine adds.
    """

    step: int
    state: str
    recorded: tuple[str, ...]
    identity: str
    facts: Mapping[str, Any]


class CheckpointFolder:
    """The checkpoints of one run by one process.

    Args:
        final: The place of the run.
        identity: What must be the same to go on from a checkpoint.
    """

    def __init__(self, final: Path, identity: str) -> None:
        check_name(final.name)
        self.final = final
        self.identity = identity
        self.path = final.with_name(f".{final.name}.{os.getpid()}-checkpoint")
        self.recorded: list[str] = []
        self.unfit = False  # whether `adopt` found a checkpoint that is damaged, or of another program or kernel
        self._saved: Saved | None = None
        self._number = 0
        self._open = False

    def adopt(self) -> int | None:
        """Take over the newest checkpoint that a dead process left.

        Returns:
            The step it was taken before; None when there is none that can be used.
        """
        candidates = []
        for path in _left(self.final):
            saved = _read_index(path)
            if saved is None or saved.identity != self.identity or not _whole(path, saved):
                self.unfit |= saved is not None or (path / INDEX_FILE).exists()
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
                continue  # somebody else was faster
            self._open = True
            self._saved = saved
            self.recorded = list(saved.recorded)
            self._number = 1 + max(_number(name) for name in (saved.state, *saved.recorded))
            self._keep_only(saved)
        return None if self._saved is None else self._saved.step

    def record(self, arrays: Arrays, description: Mapping[str, Any]) -> None:
        """Store what was recorded since the last time; it counts from the next checkpoint on."""
        name = self._next("recorded")
        store_arrays(self._file(name), arrays, description)
        self.recorded.append(name)

    def save(self, step: int, state: Arrays, facts: Mapping[str, Any]) -> None:
        """Store the state before a step. The checkpoint before it stays until this one is whole.

        Raises:
            StorageError: ST110; the checkpoint before it is still there.
        """
        name = self._next("state")
        store_arrays(self._file(name), state, {"step": step})
        saved = Saved(step, name, tuple(self.recorded), self.identity, facts)
        plain = {
            "step": step,
            "state": name,
            "recorded": self.recorded,
            "identity": self.identity,
            "facts": dict(facts),
        }
        aside = self.path / f".{INDEX_FILE}-tmp"
        try:
            with aside.open("w", encoding="utf-8") as out:
                out.write(json.dumps(plain))
                out.flush()
                os.fsync(out.fileno())
            aside.replace(self.path / INDEX_FILE)
            _sync_names(self.path)
        except OSError as error:
            raise _cannot_write(self.path / INDEX_FILE, error) from error
        self._keep_only(saved)

    def state(self) -> tuple[dict[str, NDArray[Any]], Mapping[str, Any]]:
        """The state of the checkpoint that was taken over, and the facts stored with it."""
        assert self._saved is not None
        return read_arrays(self.path / self._saved.state)[0], self._saved.facts

    def recordings(self) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
        """What was recorded until then, in order."""
        assert self._saved is not None
        for name in self._saved.recorded:
            yield read_arrays(self.path / name)

    def discard(self) -> None:
        """Remove all of it."""
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

    def _keep_only(self, saved: Saved) -> None:
        wanted = {saved.state, *saved.recorded}
        for path in (*self.path.glob("*.npz"), *self.path.glob(".*-tmp")):
            if path.name not in wanted:
                with contextlib.suppress(OSError):  # it takes room until the next time
                    path.unlink(missing_ok=True)


def _left(final: Path) -> list[Path]:
    """Folders of checkpoints of dead processes, and those of this one, for one place."""
    found = []
    for path in sorted(final.parent.glob(f".{final.name}.*-checkpoint")):
        match = _FOLDER.fullmatch(path.name)
        if match is None or match["final"] != final.name or path.is_symlink() or not path.is_dir():
            continue
        if int(match["pid"]) == os.getpid() or not alive(path, int(match["pid"])):
            found.append(path)
    return found


def _read_index(folder: Path) -> Saved | None:
    try:
        plain = read_json(folder / INDEX_FILE)
        names = [str(plain["state"]), *map(str, plain["recorded"])]
        if any(not re.fullmatch(r"(state|recorded)-\d+\.npz", name) for name in names):
            return None
        return Saved(int(plain["step"]), names[0], tuple(names[1:]), str(plain["identity"]), dict(plain["facts"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _whole(folder: Path, saved: Saved) -> bool:
    """Whether every file of a checkpoint can be read."""
    try:
        for name in (saved.state, *saved.recorded):
            read_arrays(folder / name)
    except ValueError:
        return False
    return True


def _sync_names(folder: Path) -> None:
    """Wait until a folder's list of names is on the disk."""
    if os.name == "nt":
        return  # Windows cannot open folders, and keeps their names itself
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name))


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return storage_error(
        "ST110", f"cannot write the checkpoint `{path.name}`: {error.strerror}", "free some space, or check the rights"
    )
