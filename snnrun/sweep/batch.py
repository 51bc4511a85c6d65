"""Sweeps and runs as jobs of SLURM.

A sweep is an array job whose tasks share the missing points; the last task makes the table. A run is a job by itself,
with checkpoints. A job reads the experiment as it was when it was submitted, from a folder of results.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snnrun.files.reading import read_json, reason_of
from snnrun.results.folder import JOBS
from snnrun.results.layout import DONE_FILE, storage_error
from snnrun.running.again import standing
from snnrun.running.folder import Destination, destination_of, portable
from snnrun.running.options import RunOptions
from snnrun.running.stages import Checked, Clock
from snnrun.sweep.claims import ranges
from snnrun.sweep.dispatch import to_run
from snnrun.sweep.earlier import take_over
from snnrun.sweep.estimate import Estimate, estimate
from snnrun.sweep.experiments import Sweep
from snnrun.sweep.job import Cluster, Job, Needs, Work
from snnrun.sweep.job import job as describe
from snnrun.sweep.local import create_sweep_folder, run_points
from snnrun.sweep.worker import Worker, open_sweep

MOST_TASKS = 32  # of a job, unless `--workers` is given


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user says of a job.

    Args:
        tasks: Tasks of an array; None for one for each point, at most 32.
        extra: Options for `sbatch`.
        setup: A file with what the script runs first.
        retry_failed: Whether points that failed are run again.
        checkpoint_every: Time between checkpoints of a run, as text.
        path: The folder of the results, instead of `out/<name>/<hash8>`.
    """

    tasks: int | None = None
    extra: Sequence[str] = ()
    setup: Path | None = None
    retry_failed: bool = False
    checkpoint_every: str = "10min"
    path: Path | None = None


def job_of_sweep(
    sweep: Sweep, out: Path, options: RunOptions, wishes: Wishes, allowed: Cluster, dry: Estimate | None = None
) -> Job | None:
    """Make the folder of a sweep, and describe the job for the points that are missing; None when there are none.

    Args:
        sweep: The sweep.
        out: Folder of all results, which every machine of the cluster sees under the same path.
        options: How points are run.
        wishes: What the user says of the job.
        allowed: What the cluster allows.
        dry: What the sweep costs; then nothing is written, and the job is the one for all points.

    Raises:
        StorageError: The folder cannot be written.
        ExperimentError: An option for `sbatch` is wrong.
    """
    if dry is not None:
        document, files = portable(sweep.checked.document, sweep.files)
        folder = destination_of(sweep.checked.name, document, files, out, wishes.path).path.absolute()
        return _array(sweep, folder, range(sweep.plan.size), dry, options, wishes, allowed)
    created, sweep = create_sweep_folder(sweep, out, options, wishes.path)
    folder = created.path.absolute()
    take_over(sweep, folder)
    ledger = to_run(folder, sweep, retry_failed=wishes.retry_failed)
    missing = ledger.missing().tolist()
    if not missing:
        return None
    cost = estimate(sweep.checked, sweep)
    if ledger.timed:
        cost = replace(cost, seconds=ledger.mean_seconds * cost.points)
    job = _array(sweep, folder, missing, cost, options, wishes, allowed)
    (folder / DONE_FILE).unlink(missing_ok=True)
    Worker(sweep, folder, options).warm()  # most machines of a cluster can use the same kernels
    return job


def _array(
    sweep: Sweep,
    folder: Path,
    missing: Sequence[int],
    cost: Estimate,
    options: RunOptions,
    wishes: Wishes,
    allowed: Cluster,
) -> Job:
    """The job for some points of a sweep."""
    wanted = min(wishes.tasks or MOST_TASKS, len(missing))
    tasks = min(wanted, allowed.most_tasks)
    share = {
        "points": ranges(missing),
        "tasks": tasks,
        "options": options.as_json(),
        "retry_failed": wishes.retry_failed,
    }
    of_a_task = -(-len(missing) // tasks) * cost.seconds / cost.points
    more = f"the cluster allows {tasks:,} tasks of an array (MaxArraySize), not {wanted:,}"
    work = Work(
        folder,
        folder / JOBS,
        sweep.checked.name,
        ["sweep-task", str(folder)],
        Needs(of_a_task, cost.memory_bytes, side_by_side=True),
        tasks,
        files={"share.json": json.dumps(share).encode()},
        notes=[] if tasks == wanted else [more],
    )
    return describe(work, allowed, wishes.extra, wishes.setup)


def job_of_run(
    checked: Checked, out: Path, options: RunOptions, wishes: Wishes, allowed: Cluster, dry: Estimate | None = None
) -> Job | None:
    """Describe the job of a run; None when its results are complete. Nothing is written.

    Args:
        checked: The experiment.
        out: Folder of all results, which every machine of the cluster sees under the same path.
        options: How it is run.
        wishes: What the user says of the job.
        allowed: What the cluster allows.
        dry: What it costs; then the job is described although the results may be complete.

    Raises:
        StorageError: A file that the experiment names cannot be read.
        ExperimentError: An option for `sbatch` is wrong.
    """
    document, files = portable(checked.document, checked.resolved.context.files)
    place = destination_of(checked.name, document, files, out, wishes.path)
    final = place.path.absolute()
    if dry is None and is_whole(place):
        return None
    hidden = final.with_name(f".{final.name}-slurm")
    where = ["--out", str(out.absolute())] if wishes.path is None else ["--out-folder", str(final)]
    cost, network = dry or estimate(checked, None), checked.resolved.network
    whole = "an experiment that calls Python functions has no checkpoints: its time must suffice for all of it"
    work = Work(
        final,
        hidden,
        checked.name,
        ["run", str(hidden / "experiment.yaml"), *where, *_words(checked, options, wishes)],
        Needs(cost.seconds, cost.memory_bytes, processors=options.threads or network.threads),
        files={"experiment.yaml": document.to_yaml().encode()},
        copies=files,
        notes=[whole] if network.hooks else [],
    )
    return describe(work, allowed, wishes.extra, wishes.setup)


def place_of_run(checked: Checked, out: Path, path: Path | None = None) -> Destination:
    """Where the results of a run go.

    Raises:
        StorageError: A file that the experiment names cannot be read.
    """
    document, files = portable(checked.document, checked.resolved.context.files)
    return destination_of(checked.name, document, files, out, path)


def is_whole(place: Destination) -> bool:
    """Whether the results of a run are there, with what it shows of them."""
    done = standing(place)
    return done is not None and done.origin.presentation == place.identity.presentation


def _words(checked: Checked, options: RunOptions, wishes: Wishes) -> list[str]:
    """The options of a run as words of a command."""
    words = [] if checked.resolved.network.hooks else ["--checkpoint-every", wishes.checkpoint_every]
    words += [] if options.threads is None else ["--threads", str(options.threads)]
    words += [word for name in options.formats for word in ("--format", name)] if options.plots else ["--no-plots"]
    words += ["--allow-code"] if options.allow_code else []
    return words + (["--profile"] if options.profile else [])


def run_task(folder: Path, task: int, workers: int) -> int:
    """Run the points of one task of an array; how many of them it ran.

    Raises:
        UnfinishedError: A signal stopped it.
        SnnrunError: It cannot continue.
    """
    try:
        share: dict[str, Any] = read_json(folder / JOBS / "share.json")
    except (OSError, ValueError) as error:
        raise storage_error("ST110", f"cannot read `{folder / JOBS / 'share.json'}`: {reason_of(error)}") from error
    points = [k for first, last in share["points"] for k in range(first, last + 1)]
    mine = points[task :: share["tasks"]]  # neighbours take about equally long: interleaving balances the tasks
    options = RunOptions.from_json(share["options"])
    return run_points(open_sweep(folder), folder, mine, options, Clock(), workers, retry_failed=share["retry_failed"])
