"""Points of a sweep as an array job of SLURM.

The command stores the numbers of the missing points, submits a job whose tasks share them, and ends. Each task runs its
points in processes of its machine; the last task makes the table. The same command reports the state of the job, or,
when it has ended, submits what is still missing.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snnrun.errors import Diagnostic, RunError
from snnrun.files.reading import read_json, reason_of
from snnrun.results.folder import write_durably
from snnrun.results.layout import DONE_FILE, storage_error
from snnrun.running.options import RunOptions
from snnrun.running.stages import Clock
from snnrun.sweep.claims import ranges
from snnrun.sweep.dispatch import to_run
from snnrun.sweep.earlier import take_over
from snnrun.sweep.experiments import Sweep
from snnrun.sweep.local import create_sweep_folder, run_points
from snnrun.sweep.pool import environment
from snnrun.sweep.worker import Worker, open_sweep

FOLDER = "slurm"
MOST_TASKS = 32  # of a job, unless `--workers` is given
WARNING_S = 30  # between the signal to stop and the time limit of a task [s]
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a sweep.

    Args:
        folder: The sweep's folder.
        number: Its number in SLURM.
        tasks: Tasks of its array.
        points: Points that they share.
        states: States of the tasks that have not ended, as SLURM names them; empty for a job just submitted.
    """

    folder: Path
    number: str
    tasks: int
    points: int
    states: tuple[str, ...] = ()


def submit(
    sweep: Sweep,
    out: Path,
    options: RunOptions,
    *,
    tasks: int | None,
    extra: Sequence[str],
    retry_failed: bool,
) -> Job | None:
    """Submit the points that are missing; None when there are none.

    A job of this sweep that has not ended is not submitted again.

    Args:
        sweep: The sweep.
        out: Folder of all results, which every machine of the cluster sees under the same path.
        options: How points are run.
        tasks: Tasks of the array; None for one for each point, at most 32.
        extra: Options for `sbatch`.
        retry_failed: Whether points that failed are run again.

    Raises:
        RunError: SWP715 or SWP716, there is no SLURM, or it refuses.
        StorageError: The folder cannot be written.
    """
    created, sweep = create_sweep_folder(sweep, out, options.command)
    folder = created.path.absolute()
    take_over(sweep, folder)
    place = folder / FOLDER
    missing = to_run(folder, sweep, retry_failed=retry_failed).missing().tolist()
    if not missing:
        return None
    before = _known(place)
    if before is not None and before.states:
        return before
    (folder / DONE_FILE).unlink(missing_ok=True)
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise storage_error("ST104", f"cannot write to `{folder}`: {error.strerror}") from error
    Worker(sweep, folder, options).warm()  # most machines of a cluster can use the same kernels
    number = min(tasks or MOST_TASKS, len(missing))
    share = {"points": ranges(missing), "tasks": number, "options": options.as_json(), "retry_failed": retry_failed}
    write_durably(place / "share.json", json.dumps(share).encode())
    write_durably(place / "job.sh", _script(folder).encode())
    job = _sbatch(place, sweep.checked.name, number, extra)
    write_durably(place / "job.json", json.dumps({"job": job, "tasks": number, "points": len(missing)}).encode())
    return Job(folder, job, number, len(missing))


def run_task(folder: Path, task: int, workers: int) -> int:
    """Run the points of one task of an array; how many of them it ran.

    Raises:
        UnfinishedError: A signal stopped it.
        SnnrunError: It cannot continue.
    """
    try:
        share: dict[str, Any] = read_json(folder / FOLDER / "share.json")
    except (OSError, ValueError) as error:
        raise storage_error("ST110", f"cannot read `{folder / FOLDER / 'share.json'}`: {reason_of(error)}") from error
    points = [k for first, last in share["points"] for k in range(first, last + 1)]
    mine = points[task :: share["tasks"]]  # neighbours take about equally long: interleaving balances the tasks
    options = RunOptions.from_json(share["options"])
    return run_points(open_sweep(folder), folder, mine, options, Clock(), workers, retry_failed=share["retry_failed"])


def _script(folder: Path) -> str:
    words = [sys.executable, "-P", "-m", "snnrun", "sweep-task", str(folder)]
    return f'#!/bin/sh\nexec {" ".join(shlex.quote(word) for word in words)} "$SLURM_ARRAY_TASK_ID"\n'


def _sbatch(place: Path, name: str, tasks: int, extra: Sequence[str]) -> str:
    said = _slurm(
        "sbatch",
        "--parsable",
        f"--job-name=snnrun-{name}",
        f"--array=0-{tasks - 1}",
        f"--output={str(place).replace('%', '%%')}/%A_%a.log",
        f"--signal=B:USR1@{WARNING_S}",
        *extra,
        str(place / "job.sh"),
    )
    return said.strip().partition(";")[0]


def _known(place: Path) -> Job | None:
    """The job that was submitted last, and the states of its tasks."""
    try:
        plain = read_json(place / "job.json")
        number, tasks, points = str(plain["job"]), int(plain["tasks"]), int(plain["points"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        said = _slurm("squeue", "--noheader", "--array", "--format=%T", f"--jobs={number}")
    except RunError as error:
        if "Invalid job id" not in str(error):
            raise
        said = ""  # it ended some time ago
    return Job(place.parent, number, tasks, points, tuple(state for state in said.split() if state != "COMPLETING"))


def _slurm(program: str, *words: str) -> str:
    """Run a command of SLURM; what it prints.

    Raises:
        RunError: SWP715 or SWP716, it is not installed, or fails.
    """
    path = shutil.which(program)
    if path is None:
        advice = "run this on a machine of the cluster that has it"
        raise RunError(Diagnostic("SWP715", f"`--slurm` needs `{program}`", None, advice))
    try:
        done = subprocess.run(  # noqa: S603 - the user's own options for a program of the user
            [path, *words], capture_output=True, text=True, timeout=_PATIENCE_S, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        raise RunError(Diagnostic("SWP716", f"`{program}` does not answer")) from None
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise RunError(Diagnostic("SWP716", f"`{program}` refuses: {reason}"))
    return done.stdout
