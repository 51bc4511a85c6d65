"""A sweep on disk: which points are done, their results, and which processes run.

    <folder>/experiment.yaml    the sweep itself, so that a process on any machine can run any of its points
             sweep.json         number of points, for people and other programs
             journal/           one file for each process that ran points: a line with a checksum for each point
             claims/            one file for each batch that is being run, and for the process that makes the table
             points/            folders of points that keep their results
             DONE.json          written last, when every point is done or failed

All state is on the disk. A process appends only to its own journal, with one write for each point, so that at most the
point that it was running is lost when it is killed; a line with a wrong checksum is ignored. Claims avoid duplicate
work: a point that was run twice has the same bits twice.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from snnrun.files.reading import read_json
from snnrun.results.done import Done, read_done
from snnrun.results.folder import CLAIMS, JOURNAL, PICTURES, write_durably
from snnrun.results.layout import DONE_FILE, FACTS_FILE, MOST_POINTS, POINTS_FILE, SWEEP_FILE, storage_error
from snnrun.results.sweep_table import PointStatus, point_place
from snnrun.sweep.claims import Claims
from snnrun.sweep.journal import Ledger, Reader

_TABLES = (SWEEP_FILE, POINTS_FILE, "metrics.json")


@dataclass(frozen=True, slots=True)
class Facts:
    """The content of `sweep.json`.

    Args:
        name: The experiment's name.
        points: Number of points.
        along: The axes in words: `30 points (tau 30)`.
        keep_results: Whether points have folders of their own.
        version: The program's version.
        command: The command line that began the sweep.
        simulation: Hash of its simulation.
        mark: What metrics and pictures of its points follow from (`Sweep.mark`).
    """

    name: str
    points: int
    along: str
    keep_results: bool
    version: str
    command: tuple[str, ...]
    simulation: str = ""
    mark: str = ""

    def to_json(self) -> str:
        """JSON for people and programs."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def read_facts(folder: Path) -> Facts | None:
    """Read `sweep.json`; None when the folder is not that of a sweep."""
    try:
        plain = read_json(folder / FACTS_FILE)
        points = int(plain["points"])
        if not 0 < points <= MOST_POINTS:
            return None
        return Facts(
            str(plain["name"]),
            points,
            str(plain["along"]),
            bool(plain["keep_results"]),
            str(plain["version"]),
            tuple(str(word) for word in plain["command"]),
            str(plain.get("simulation", "")),
            str(plain.get("mark", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def write_facts(folder: Path, facts: Facts) -> None:
    """Write `sweep.json`, after all that workers need."""
    write_durably(folder / FACTS_FILE, facts.to_json().encode())


def complete_sweep(folder: Path) -> Done | None:
    """The `DONE.json` of a sweep whose own files are undamaged; None otherwise.

    Pictures and the folders of points are not checked.
    """
    done = read_done(folder)
    if done is None:
        return None
    own = [name for name in done.files if not name.startswith(("points/", f"{PICTURES}/"))]
    return done if set(_TABLES) <= set(own) and not done.damage(folder, own) else None


def damaged_points(folder: Path, points: Iterable[int], presentation: Callable[[int], str]) -> list[int]:
    """The points among some whose stored results are damaged or missing, or have another presentation."""
    found = []
    for k in points:
        place = point_place(folder, k)
        done = read_done(place)
        if done is None or done.origin.presentation != presentation(k) or done.damage(place):
            found.append(k)
    return found


@dataclass(frozen=True, slots=True)
class State:
    """The state of a sweep.

    Args:
        facts: The sweep.
        status: `complete`, `failed` (all points were run, some failed), `running`, or `stopped`.
        done: Points that are complete.
        failed: Points that failed, with the reason.
        running: Points that processes have claimed.
        missing: Points that are neither complete nor failed, those that are running among them.
        workers: Processes that run points.
        each: Mean time of a point. [s]
        seconds_left: Estimated remaining time; None when no process runs or no time is known. [s]
    """

    facts: Facts
    status: str
    done: int
    failed: Mapping[int, str]
    running: int
    missing: int
    workers: int
    each: float
    seconds_left: float | None


def read_state(folder: Path) -> State | None:
    """The state of the sweep in a folder; None when there is none. Nothing is changed.

    Raises:
        StorageError: The folder cannot be read.
    """
    facts = read_facts(folder)
    if facts is None:
        return None
    ledger = Ledger(folder, facts.points, facts.mark)
    failed: dict[int, str] = {}
    for record in Reader(folder).new():
        ledger.note(record)
        if record.status is PointStatus.FAILED:
            failed.setdefault(record.point, record.reason)
    failed = {k: failed[k] for k in sorted(failed) if ledger.status[k] == PointStatus.FAILED}
    alive = [claim for claim in Claims(folder).all() if claim.alive]
    at_work = {(claim.host, claim.pid): claim.workers for claim in alive}
    workers = sum(at_work.values())
    running = {k for claim in alive for k in claim.points() if ledger.status[k] == PointStatus.MISSING}
    if workers:
        status = "running"
    elif complete_sweep(folder) is not None and not ledger.left:
        status = "failed" if failed else "complete"
    else:
        status = "stopped"
    left = ledger.left * ledger.mean_seconds / workers if workers and ledger.timed else None
    return State(
        facts,
        status,
        ledger.count(PointStatus.COMPLETE),
        failed,
        len(running),
        ledger.left,
        workers,
        ledger.mean_seconds,
        left,
    )


def refuse_at_work(folder: Path) -> None:
    """Refuse to change a sweep while other commands run points of it.

    Raises:
        StorageError: SWP722.
    """
    if any(claim.alive for claim in Claims(folder).all()):
        message = f"another command is running points of the sweep in `{folder}`, with other plots or metrics"
        raise storage_error("SWP722", message, f"wait until it has ended (snnrun status {folder}), or stop it")


def remove_results(folder: Path) -> None:
    """Remove what a sweep, or a run, has left in a folder, so that it begins anew; files that a user added stay."""
    done = read_done(folder)
    (folder / DONE_FILE).unlink(missing_ok=True)
    for name in (*(done.own if done is not None else ()), *_TABLES, FACTS_FILE):
        (folder / name).unlink(missing_ok=True)
    for name in (JOURNAL, CLAIMS, "points", PICTURES):
        shutil.rmtree(folder / name, ignore_errors=True)


def remove_temporary(folder: Path) -> None:
    """Remove temporary files of killed processes; only for the process that makes the table."""
    for path in (*folder.iterdir(), *(folder / "plots").glob(".*")):
        if re.fullmatch(r"\..+-tmp", path.name):
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
