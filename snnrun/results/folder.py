"""Run folders `outputs/<name>/<hash8>/`: written aside, published whole, found complete or not at all.

A folder is complete when it has `DONE.json`, which is written last. A process that dies leaves only a hidden sibling
(`.<hash8>.<pid>-tmp`, or `-old` while one result replaces another), which the next claim in the same place cleans up.
The folder of a sweep grows in its final place, point by point; it too is complete when it has `DONE.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from snnrun.errors import StorageError
from snnrun.files.reading import read_json, read_text
from snnrun.results.digest import Digest
from snnrun.results.done import Done, Fact, read_done
from snnrun.results.layout import DONE_FILE, RESULTS_FILE, RunStatus, check_name, storage_error

LATEST = "latest"
JOURNAL = "journal"  # folders of a sweep in which the processes at work keep their own files
CLAIMS = "claims"
PICTURES = "plots"
_CLAIM_FILE = ".claim.json"
_ASIDE = re.compile(r"\.(?P<final>.+)\.(?P<pid>\d{1,9})(\.\d+)?-(?P<kind>tmp|old)")
_FOREIGN_SILENCE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Published:
    """Where a result stands, and whether an earlier one was kept instead of the new one."""

    path: Path
    kept_old: bool


class RunFolder:
    """A folder being written; nobody sees it under its final name before `publish`.

    Args:
        path: Where to write files now.
        final: Where they will stand.
    """

    __slots__ = ("_open", "final", "path")

    def __init__(self, path: Path, final: Path) -> None:
        self.path = path
        self.final = final
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._open:
            self.discard()

    def heartbeat(self) -> None:
        """Tell other machines that this run is alive."""
        with contextlib.suppress(OSError):
            os.utime(self.path / _CLAIM_FILE)

    def discard(self) -> None:
        """Give up: nothing remains."""
        self._open = False
        shutil.rmtree(self.path, ignore_errors=True)

    def publish(
        self,
        status: RunStatus | str,
        digest: Digest | str | None,
        *,
        versions: Mapping[str, str] | None = None,
        timings: Mapping[str, float] | None = None,
        latest: bool = True,
    ) -> Published:
        """Give the folder its final name, whole.

        An earlier result is kept when it has the same digest and all files of this one, each as it was published, or
        when it is complete, its data are undamaged, and this one is not complete; otherwise it is replaced as a whole.

        Args:
            status: How the run ended.
            digest: Digest of its recorded data.
            versions: Package versions, for `DONE.json`.
            timings: Seconds each stage took, for `DONE.json`.
            latest: Let `latest` beside the folder name it; False is for points of a sweep, which have no newest.

        Raises:
            StorageError: The files cannot be written; nothing was published.
        """
        try:
            done = Done(RunStatus(status), str(digest or ""), _facts(self.path), versions or {}, timings or {})
            _sync_tree(self.path)
            _write_synced(self.path / DONE_FILE, done.to_json())
            kept = self._settle(done)
            (self.final / _CLAIM_FILE).unlink(missing_ok=True)
            _sync(self.final.parent)
            if latest:
                point_latest(self.final)
        except OSError as error:
            self.discard()
            raise _cannot_publish(self.final, error) from error
        self._open = False
        return Published(self.final, kept)

    def _settle(self, done: Done) -> bool:
        """Move into place; True when the earlier result stays."""
        if not self.final.exists() and _moved(self.path, self.final):
            return False
        if _old_stays(self.final, done):
            self.discard()
            return True
        self._replace()
        return False

    def _replace(self) -> None:
        aside = self.path.with_name(self.path.name.removesuffix("-tmp") + "-old")
        # The claim goes along, so that other machines see who moved the old result aside.
        shutil.copy2(self.path / _CLAIM_FILE, self.final / _CLAIM_FILE)
        self.final.rename(aside)
        # A process killed here leaves both siblings; `recover` then finishes the move.
        self.path.rename(self.final)
        shutil.rmtree(aside, ignore_errors=True)


def claim(final: Path) -> RunFolder:
    """A new folder to write a run into, beside its final place; leftovers of dead processes are cleaned first.

    Raises:
        StorageError: A name is not allowed, or the place cannot be written.
    """
    check_name(final.name)
    check_name(final.parent.name)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        recover(final.parent)
        path = _make_aside(final)
        write_claim(path)
    except OSError as error:
        raise storage_error(
            "ST106", f"cannot write to `{final.parent}`: {error.strerror}", "name another place with `--out`"
        ) from error
    return RunFolder(path, final)


def write_claim(path: Path) -> None:
    """Say in a folder that this process owns it."""
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}
    (path / _CLAIM_FILE).write_text(json.dumps(owner), encoding="utf-8")


def recover(parent: Path) -> None:
    """Finish or undo what dead processes left in a folder of runs."""
    dead = [(path, found) for path, found in _aside(parent) if not alive(path, int(found["pid"]))]
    # A finished new result goes in before an old one is brought back.
    for path, found in sorted(dead, key=lambda item: item[1]["kind"] != "tmp"):
        final = parent / found["final"]
        with contextlib.suppress(OSError):
            if not path.is_dir() or path.is_symlink():
                path.unlink()  # a `latest` that was being made
            elif not final.exists() and read_done(path) is not None:
                path.rename(final)
                (final / _CLAIM_FILE).unlink(missing_ok=True)
            else:
                shutil.rmtree(path, ignore_errors=True)


def finish(
    folder: Path,
    status: RunStatus,
    digest: str,
    *,
    versions: Mapping[str, str],
    timings: Mapping[str, float],
) -> None:
    """Complete a folder that grew in its final place: what it holds goes to the disk, then `DONE.json`.

    Raises:
        StorageError: It cannot be written; the folder is not complete.
    """
    try:
        for path in (*folder.iterdir(), *(folder / PICTURES).glob("*")):
            if not path.name.startswith(".") and not path.is_symlink():
                _sync(path)
        done = Done(status, digest, _facts(folder), versions, timings)
    except OSError as error:
        raise _cannot_publish(folder, error) from error
    write_durably(folder / DONE_FILE, done.to_json().encode())


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens, and stays when this returns.

    Raises:
        StorageError: It cannot be written; an earlier one is as it was.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-tmp")
    try:
        aside.write_bytes(data)
        _sync(aside)
        aside.replace(path)
        _sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise _cannot_publish(path, error) from error


def refresh(folder: Path) -> None:
    """Write down the pictures of a published folder anew, after they were drawn again.

    Raises:
        StorageError: The folder cannot be written.
    """
    done = read_done(folder)
    if done is None:
        return
    others = {name: fact for name, fact in done.files.items() if not name.startswith(f"{PICTURES}/")}
    pictures = folder / PICTURES
    try:
        facts = _facts(pictures) if pictures.is_dir() else {}  # a sweep may have nothing to draw
        drawn = {f"{PICTURES}/{name}": fact for name, fact in facts.items()}
    except OSError as error:
        raise _cannot_publish(folder, error) from error
    write_durably(folder / DONE_FILE, replace(done, files=others | drawn).to_json().encode())


def is_complete(folder: Path) -> bool:
    """True when a folder holds a run that ran to its end."""
    done = read_done(folder)
    return done is not None and done.status is RunStatus.COMPLETE


def point_latest(final: Path) -> None:
    """Let `latest` beside a folder name it: a link, or a text file where links do not exist."""
    latest = final.parent / LATEST
    fresh = final.parent / f".{LATEST}.{os.getpid()}-tmp"
    fresh.unlink(missing_ok=True)
    try:
        fresh.symlink_to(final.name, target_is_directory=True)
    except (OSError, NotImplementedError):
        fresh.write_text(final.name + "\n", encoding="utf-8")
    try:
        fresh.replace(latest)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        if not isinstance(error, IsADirectoryError):  # somebody's own folder of that name: theirs, not ours
            raise


def latest(parent: Path) -> Path | None:
    """The newest run in a folder of runs, or None."""
    pointer = parent / LATEST
    try:
        name = str(pointer.readlink()) if pointer.is_symlink() else read_text(pointer).strip()
        return parent / check_name(name)
    except (OSError, ValueError, StorageError):
        return None


def _make_aside(final: Path) -> Path:
    """The first free temporary name; another machine's process may have the same id."""
    for attempt in range(1000):
        suffix = f".{attempt}" if attempt else ""
        path = final.with_name(f".{final.name}.{os.getpid()}{suffix}-tmp")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise storage_error("ST107", f"too many unfinished runs beside `{final}`")


def _aside(parent: Path) -> list[tuple[Path, re.Match[str]]]:
    if not parent.is_dir():
        return []
    found = [(path, _ASIDE.fullmatch(path.name)) for path in sorted(parent.iterdir())]
    return [(path, match) for path, match in found if match is not None]


def alive(path: Path, pid: int) -> bool:
    """True when the process that made a temporary folder may still be at work."""
    try:
        owner = read_json(path / _CLAIM_FILE)
        host, started = str(owner["host"]), float(owner["started"])
    except (OSError, ValueError, KeyError, TypeError):
        # Killed before the claim was written: only the process id is left to ask.
        return bool(psutil.pid_exists(pid))
    if host != socket.gethostname():
        return time.time() - (path / _CLAIM_FILE).stat().st_mtime < _FOREIGN_SILENCE_S
    try:
        process = psutil.Process(pid)
        # One that was killed and that nobody asked about (there is no init in a container) still has a name.
        return bool(abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _moved(path: Path, final: Path) -> bool:
    """Try the plain move; False when another process published in the meantime."""
    try:
        path.rename(final)
    except OSError:
        if final.exists():
            return False
        raise
    return True


def _old_stays(final: Path, new: Done) -> bool:
    old = read_done(final)
    if old is None or old.status is not RunStatus.COMPLETE:
        return False
    if new.status is not RunStatus.COMPLETE:
        return RESULTS_FILE in old.files and not old.damage(final, (RESULTS_FILE,))
    return old.digest == new.digest and set(new.files) <= set(old.files) and not old.damage(final)


def _facts(folder: Path) -> dict[str, Fact]:
    """What each file of a folder is; a point of a sweep is named by its `DONE.json`, which names the rest of it."""
    files = _files(folder)
    points = {path.parent for path in files if path.name == DONE_FILE and path.parent != folder}
    return {
        path.relative_to(folder).as_posix(): Fact.of(path)
        for path in files
        if path.name == DONE_FILE or points.isdisjoint(path.parents)
    }


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for top in folder.iterdir()
        if top.name not in (JOURNAL, CLAIMS)
        for path in (top, *(top.rglob("*") if top.is_dir() and not top.is_symlink() else ()))
        if path.is_file() and not path.is_symlink() and path.name != _CLAIM_FILE
    )


def _sync_tree(folder: Path) -> None:
    for path in _files(folder):
        _sync(path)
    for path in folder.rglob("*"):
        if path.is_dir():
            _sync(path)


def _write_synced(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    _sync(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open folders, and keeps their names itself
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_publish(final: Path, error: OSError) -> StorageError:
    return storage_error(
        "ST108", f"cannot publish `{final}`: {error.strerror}", "check the free space and the rights there"
    )
