"""Run folders `outputs/<name>/<hash8>/`: written under a temporary name, then published by renaming (atomic commit).

A folder is complete when it has `DONE.json`, which is written last. A process that dies leaves only a hidden sibling
(`.<hash8>.<pid>-tmp`, or `-old` while one result replaces another), which the next run with the same name removes. The
folder of a sweep has its final name from the start and grows point by point; it too is complete with `DONE.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from snnrun.errors import StorageError
from snnrun.files.reading import read_json, read_text
from snnrun.files.writing import replacing, sync
from snnrun.results.digest import Digest
from snnrun.results.done import NO_ORIGIN, Done, FileRecord, Origin, read_done
from snnrun.results.layout import (
    DONE_FILE,
    EXPERIMENT_FILE,
    FACTS_FILE,
    LOG_FILE,
    METRICS_FILE,
    PROVENANCE_FILE,
    RESULTS_FILE,
    RunStatus,
    check_name,
    storage_error,
)

LATEST = "latest"
JOURNAL = "journal"  # folders of a sweep in which the processes at work keep their own files
CLAIMS = "claims"
JOBS = "slurm"  # the folder with the scripts and logs of the jobs of a sweep
PICTURES = "plots"
_CLAIM_FILE = ".claim.json"
_WRITTEN = {DONE_FILE, EXPERIMENT_FILE, RESULTS_FILE, METRICS_FILE, PROVENANCE_FILE, LOG_FILE}
_TEMPORARY = re.compile(r"\.(?P<final>.+)\.(?P<pid>\d{1,9})(\.\d+)?-(?P<kind>tmp|old)")
_REMOTE_TIMEOUT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Published:
    """The folder of a result, and whether an earlier result was kept instead of the new one."""

    path: Path
    kept_old: bool


class RunFolder:
    """A folder that is being written; it gets its final name in `publish`.

    Args:
        path: The temporary folder, where files are written.
        final: The final folder.
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
        """Tell other machines that this run is active."""
        with contextlib.suppress(OSError):
            os.utime(self.path / _CLAIM_FILE)

    def discard(self) -> None:
        """Remove the temporary folder."""
        self._open = False
        shutil.rmtree(self.path, ignore_errors=True)

    def publish(
        self,
        status: RunStatus | str,
        digest: Digest | str | None,
        *,
        versions: Mapping[str, str] | None = None,
        timings: Mapping[str, float] | None = None,
        origin: Origin = NO_ORIGIN,
        latest: bool = True,
    ) -> Published:
        """Give the folder its final name in one step.

        An earlier result is kept when it follows from the same, has the same digest and all files of this one, each as
        it was published, or when it is complete, its data are undamaged, and this one is not complete; otherwise this
        one replaces it.

        Args:
            status: How the run ended.
            digest: Digest of its recorded data.
            versions: Package versions, for `DONE.json`.
            timings: Seconds each stage took, for `DONE.json`.
            origin: What the results follow from.
            latest: Whether the link `latest` is set to this folder; False for points of a sweep.

        Raises:
            StorageError: The files cannot be written; nothing was published.
        """
        try:
            records = _file_records(self.path)
            done = Done(RunStatus(status), str(digest or ""), records, versions or {}, timings or {}, origin)
            _sync_tree(self.path)
            _write_synced(self.path / DONE_FILE, done.to_json())
            kept = self._move_into_place(done)
            (self.final / _CLAIM_FILE).unlink(missing_ok=True)
            sync(self.final.parent)
            if latest:
                update_latest(self.final)
        except OSError as error:
            self.discard()
            raise _cannot_publish(self.final, error) from error
        self._open = False
        return Published(self.final, kept)

    def _move_into_place(self, done: Done) -> bool:
        """Rename the folder to its final name; True when the earlier result is kept."""
        if not self.final.exists() and _renamed(self.path, self.final):
            return False
        if _keeps_old(self.final, done):
            self.discard()
            return True
        self._replace()
        return False

    def _replace(self) -> None:
        _keep_added(self.final, self.path)
        old = self.path.with_name(self.path.name.removesuffix("-tmp") + "-old")
        # With the claim, other machines see which process has renamed the old result.
        shutil.copy2(self.path / _CLAIM_FILE, self.final / _CLAIM_FILE)
        self.final.rename(old)
        # A process killed here leaves both siblings; `recover` then completes the replacement.
        self.path.rename(self.final)
        shutil.rmtree(old, ignore_errors=True)


def refuse_taken(folder: Path, simulation: str, *, force: bool) -> None:
    """Refuse a folder that a user has named for results and that holds something else.

    Args:
        folder: The folder; it need not exist.
        simulation: Hash of the simulation whose results go there.
        force: Whether results of another simulation are replaced.

    Raises:
        StorageError: ST115, it is a file, or holds other files; ST116, it holds results of another simulation, or
            results that nothing says what they are of.
    """
    advice = "name a new folder, or an empty one"
    if not folder.is_dir():
        if os.path.lexists(folder) or folder.name in ("", ".."):
            raise storage_error("ST115", f"`{folder}` is not a folder for results", advice)
        return
    if not any(folder.iterdir()):
        return
    found = _simulation_in(folder)
    if found is None and all((folder / name).is_file() for name in (EXPERIMENT_FILE, RESULTS_FILE)):
        if not force:
            message = f"`{folder}` holds results without `{DONE_FILE}`, which says what they are of"
            raise storage_error("ST116", message, "name another folder, or replace them with `--force`")
        return
    if found is None:
        raise storage_error("ST115", f"`{folder}` is not empty, and holds no results", advice)
    if found != simulation and not force:
        message = f"`{folder}` holds results of another experiment, or of another version of this program"
        raise storage_error("ST116", message, "name another folder, or replace them with `--force`")


def _simulation_in(folder: Path) -> str | None:
    """The hash of the simulation whose results, or whose unfinished sweep, a folder holds; None for another folder."""
    done = read_done(folder)
    if done is not None:
        return done.origin.simulation
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        return str(read_json(folder / FACTS_FILE).get("simulation", ""))
    return None


def claim(final: Path, *, latest: bool = False, exact: bool = False) -> RunFolder:
    """A new temporary folder beside the final one; what dead processes have left there is removed first.

    Args:
        final: The final folder.
        latest: Whether the link `latest` is to be set to it.
        exact: Whether a user named the folder itself, in which case others beside it may be of other programs.

    Raises:
        StorageError: A name is not allowed, or the folder cannot be written; ST114, there is a folder `latest`.
    """
    if not exact:
        check_name(final.name)
        check_name(final.parent.name)
    if latest:
        refuse_taken_latest(final.parent)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        recover(final.parent, final.name if exact else None)
        path = _make_temporary(final)
        write_claim(path)
    except OSError as error:
        raise storage_error(
            "ST106", f"cannot write to `{final.parent}`: {error.strerror}", "name another place with `--out`"
        ) from error
    return RunFolder(path, final)


def write_claim(path: Path) -> None:
    """Write to a folder which process owns it."""
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}
    (path / _CLAIM_FILE).write_text(json.dumps(owner), encoding="utf-8")


def recover(parent: Path, only: str | None = None) -> None:
    """Complete or undo what dead processes have left in a folder of runs, of all or of one of them."""
    dead = [
        (path, found)
        for path, found in _leftovers(parent)
        if only in (None, found["final"]) and not alive(path, int(found["pid"]))
    ]
    # A complete new result is published before an old one is restored.
    for path, found in sorted(dead, key=lambda item: item[1]["kind"] != "tmp"):
        final = parent / found["final"]
        with contextlib.suppress(OSError):
            if not path.is_dir() or path.is_symlink():
                path.unlink()  # a link `latest` that was not renamed
            elif not final.exists() and read_done(path) is not None:
                path.rename(final)
                (final / _CLAIM_FILE).unlink(missing_ok=True)
            else:
                shutil.rmtree(path, ignore_errors=True)


def complete_folder(
    folder: Path,
    status: RunStatus,
    digest: str,
    *,
    versions: Mapping[str, str],
    timings: Mapping[str, float],
    origin: Origin = NO_ORIGIN,
) -> None:
    """Complete a folder that has its final name: flush its files to the disk, then write `DONE.json`.

    Raises:
        StorageError: It cannot be written; the folder is not complete.
    """
    try:
        for path in (*folder.iterdir(), *(folder / PICTURES).glob("*")):
            if not path.name.startswith(".") and not path.is_symlink():
                sync(path)
        done = Done(status, digest, _file_records(folder), versions, timings, origin)
    except OSError as error:
        raise _cannot_publish(folder, error) from error
    write_durably(folder / DONE_FILE, done.to_json().encode())


def write_durably(path: Path, data: bytes) -> None:
    """Write a file atomically and wait until it is on the disk.

    Raises:
        StorageError: It cannot be written; an earlier file is as it was.
    """
    try:
        with replacing(path, durable=True) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise _cannot_publish(path, error) from error


def refresh_pictures(folder: Path, formats: Iterable[str] = (), options: str = "") -> None:
    """Update the pictures in the `DONE.json` of a published folder after they were drawn again.

    Args:
        folder: The folder.
        formats: The formats that were drawn.
        options: How they were drawn, where that is not as the experiment says.

    Raises:
        StorageError: The folder cannot be written.
    """
    done = read_done(folder)
    if done is None:
        return
    others = {name: record for name, record in done.files.items() if not name.startswith(f"{PICTURES}/")}
    pictures = folder / PICTURES
    try:
        records = _file_records(pictures) if pictures.is_dir() else {}  # a sweep may have nothing to draw
        drawn = {f"{PICTURES}/{name}": record for name, record in records.items()}
    except OSError as error:
        raise _cannot_publish(folder, error) from error
    origin = replace(done.origin, drawn=dict(done.origin.drawn) | dict.fromkeys(formats, options))
    write_durably(folder / DONE_FILE, replace(done, files=others | drawn, origin=origin).to_json().encode())


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a run that was not interrupted and did not fail."""
    done = read_done(folder)
    return done is not None and done.status is RunStatus.COMPLETE


def refuse_taken_latest(parent: Path) -> None:
    """Refuse a folder of runs in which `latest` cannot name the last one, before anything runs.

    Raises:
        StorageError: ST114, it is a folder.
    """
    pointer = parent / LATEST
    if pointer.is_dir() and not pointer.is_symlink():
        advice = "give that folder another name, or name another place with `--out`"
        raise storage_error("ST114", f"`{pointer}` is a folder; it should become the link to the last run", advice)


def update_latest(final: Path) -> None:
    """Set `latest` beside a folder to it: a link, or a text file where links are not supported.

    Raises:
        StorageError: ST114, it is a folder.
    """
    refuse_taken_latest(final.parent)
    with replacing(final.parent / LATEST) as temporary:
        try:
            temporary.symlink_to(final.name, target_is_directory=True)
        except (OSError, NotImplementedError):
            temporary.write_text(final.name + "\n", encoding="utf-8")


def latest(parent: Path) -> Path | None:
    """The newest run in a folder of runs, or None."""
    pointer = parent / LATEST
    try:
        name = str(pointer.readlink()) if pointer.is_symlink() else read_text(pointer).strip()
        return parent / check_name(name)
    except (OSError, ValueError, StorageError):
        return None


def _make_temporary(final: Path) -> Path:
    """A new folder with the first free temporary name; a process of another machine may have the same id."""
    for attempt in range(1000):
        suffix = f".{attempt}" if attempt else ""
        path = final.with_name(f".{final.name}.{os.getpid()}{suffix}-tmp")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise storage_error("ST107", f"too many unfinished runs beside `{final}`")


def _leftovers(parent: Path) -> list[tuple[Path, re.Match[str]]]:
    if not parent.is_dir():
        return []
    found = [(path, _TEMPORARY.fullmatch(path.name)) for path in sorted(parent.iterdir())]
    return [(path, match) for path, match in found if match is not None]


def alive(path: Path, pid: int) -> bool:
    """Whether the process that made a temporary folder may still be running."""
    try:
        owner = read_json(path / _CLAIM_FILE)
        host, started = str(owner["host"]), float(owner["started"])
    except (OSError, ValueError, KeyError, TypeError):
        # Killed before the claim was written: only the process id is known.
        return bool(psutil.pid_exists(pid))
    if host != socket.gethostname():
        return time.time() - (path / _CLAIM_FILE).stat().st_mtime < _REMOTE_TIMEOUT_S
    try:
        process = psutil.Process(pid)
        # A killed process whose parent has not waited for it (a container may have no init) is a zombie.
        return bool(abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _keep_added(old: Path, new: Path) -> None:
    """Put the files that somebody has added to an earlier result into the one that replaces it.

    They are in no `DONE.json`. Where the earlier result has none, all files but those of this program count as added.

    Raises:
        OSError: They cannot be copied.
    """
    from snnrun.model.state import STATE_FILE  # noqa: PLC0415 - looking at results needs no model

    done = read_done(old)
    written = {*_WRITTEN, STATE_FILE} if done is None else {*done.files, DONE_FILE}
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old)
        if path.is_dir() and not path.is_symlink():
            continue
        mine = name.as_posix() in written or name.parts[0] == PICTURES or path.name == _CLAIM_FILE
        if not mine and not _TEMPORARY.fullmatch(path.name) and not os.path.lexists(new / name):
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, new / name, follow_symlinks=False)


def _renamed(path: Path, final: Path) -> bool:
    """Rename a folder; False when another process has published in the meantime."""
    try:
        path.rename(final)
    except OSError:
        if final.exists():
            return False
        raise
    return True


def _keeps_old(final: Path, new: Done) -> bool:
    old = read_done(final)
    if old is None or old.status is not RunStatus.COMPLETE:
        return False
    if new.status is not RunStatus.COMPLETE:
        same = old.origin.simulation == new.origin.simulation
        return same and RESULTS_FILE in old.files and not old.damage(final, (RESULTS_FILE,))
    same = replace(old.origin, drawn=new.origin.drawn) == new.origin and old.digest == new.digest
    same = same and new.origin.drawn.items() <= old.origin.drawn.items()
    return same and set(new.files) <= set(old.files) and not old.damage(final)


def _file_records(folder: Path) -> dict[str, FileRecord]:
    """Size and digest of each file of a folder; of a point of a sweep only its `DONE.json`, which names the others."""
    files = _files(folder)
    points = {path.parent for path in files if path.name == DONE_FILE and path.parent != folder}
    return {
        path.relative_to(folder).as_posix(): FileRecord.of(path)
        for path in files
        if path.name == DONE_FILE or points.isdisjoint(path.parents)
    }


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for top in folder.iterdir()
        if top.name not in (JOURNAL, CLAIMS, JOBS)
        for path in (top, *(top.rglob("*") if top.is_dir() and not top.is_symlink() else ()))
        if path.is_file() and not path.is_symlink() and path.name != _CLAIM_FILE
    )


def _sync_tree(folder: Path) -> None:
    for path in _files(folder):
        sync(path)
    for path in folder.rglob("*"):
        if path.is_dir():
            sync(path)


def _write_synced(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    sync(path)
    sync(path.parent)


def _cannot_publish(final: Path, error: OSError) -> StorageError:
    return storage_error(
        "ST108", f"cannot publish `{final}`: {error.strerror}", "check the free space and the rights there"
    )
