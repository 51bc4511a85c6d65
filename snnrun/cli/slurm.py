"""`snnrun run --slurm`: submits experiments to SLURM, and says how far their jobs are."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from snnrun.cli.progress import Bar, Line, number_text
from snnrun.cli.render import say
from snnrun.cli.status import state_lines
from snnrun.cli.summary import path_text
from snnrun.errors import RunError, UnfinishedError
from snnrun.results.folder import is_complete
from snnrun.running.folder import Destination
from snnrun.running.options import RunOptions
from snnrun.running.stages import Checked
from snnrun.sweep import slurm
from snnrun.sweep.batch import Wishes, is_whole, job_of_run, job_of_sweep, place_of_run
from snnrun.sweep.job import Cluster, Job, split_options
from snnrun.sweep.store import read_state

if TYPE_CHECKING:
    from snnrun.cli.options import RunCommand
    from snnrun.sweep.estimate import Estimate
    from snnrun.sweep.experiments import Sweep

SUBMITTED = 5  # exit code: a job has the work, and has not ended
INTERRUPTED = 130


def wishes_of(command: RunCommand) -> Wishes:
    """What the options say of a job.

    Raises:
        ExperimentError: SWP720, an option for `sbatch` is none.
    """
    every = {} if command.checkpoint_every is None else {"checkpoint_every": command.checkpoint_every}
    options, path = split_options(command.slurm_options), command.out_folder
    return Wishes(command.workers, options, command.setup, command.retry_failed, **every, path=path)


def on_slurm(
    checked: Checked, sweep: Sweep | None, command: RunCommand, options: RunOptions, line: Line, report: dict[str, Any]
) -> int | None:
    """Submit what is missing, or say how far the job is; the exit code, or None when the results are complete.

    Args:
        checked: The experiment.
        sweep: Its sweep, if it has one.
        command: The command.
        options: How it is run.
        line: Where lines are shown.
        report: What `--json` prints is added here.

    Raises:
        SnnrunError: It cannot be submitted.
    """
    wishes, allowed = wishes_of(command), slurm.cluster()
    if sweep is None:
        job = job_of_run(checked, command.out, options, wishes, allowed)
    else:
        job = job_of_sweep(sweep, command.out, options, wishes, allowed)
    if job is None:
        return None
    standing = slurm.submit(job)
    report |= {
        "folder": str(job.work.results),
        "status": standing.state,
        "job": standing.number,
        "tasks": job.work.tasks or 1,
    }
    if standing.before and slurm.end_state(standing.before):
        line.put(f"note: {slurm.end_of(job, standing.before)}")
    for note in job.notes if standing.new else ():
        line.put(f"note: {note}")
    if not command.wait:
        line.put("\n".join(_lines(job, standing)))
        return SUBMITTED
    line.put(_lines(job, standing)[0])
    place = None if sweep is not None else place_of_run(checked, command.out, command.out_folder)
    return _waited(job, sweep, place, line, report)


def _lines(job: Job, standing: slurm.Standing) -> list[str]:
    """How far a job is, and what to do next."""
    state = read_state(job.work.results)
    if standing.new:
        tasks = "" if job.work.tasks is None else f": {number_text(job.work.tasks, 'task')}"
        tasks += "" if state is None else f" for {number_text(state.missing, 'point')}"
        lines = [f"submitted job {standing.number}{tasks}"]
    else:
        left = "" if job.work.tasks is None else f": {number_text(len(standing.states), 'task')} to end"
        why = f" ({standing.reasons})" if standing.reasons else ""
        lines = [f"job {standing.number} is {standing.state}{why}{left}"]
        lines += [] if state is None else state_lines(job.work.results, state)[1:]
    if state is None:
        lines.append(f"its log is in {shlex.quote(str(job.place))}\nnext: the same command says how far it is")
    elif standing.new:
        lines.append(f"next: snnrun status {path_text(job.work.results)}")
    return lines


def _waited(job: Job, sweep: Sweep | None, place: Destination | None, line: Line, report: dict[str, Any]) -> int | None:
    """Wait for a job; the exit code, or None when the results are complete."""
    points = 0 if sweep is None else sweep.plan.size
    bar = Bar(line, points, None)
    number = report["job"]

    def finished(standing: slurm.Standing | None) -> bool:
        state = read_state(job.work.results)
        if sweep is None or state is None:
            line.show(f"job {number} is {'ending' if standing is None else standing.state} ...")
            return place is not None and is_complete(job.work.results) and is_whole(place)
        bar.update(points - state.missing, points)
        return not state.missing and not state.workers

    try:
        done = slurm.wait(job, finished)
    except KeyboardInterrupt:
        line.clear()
        line.put(f"job {number} goes on: the same command waits for it again, `scancel {number}` ends it")
        return INTERRUPTED
    line.clear()
    if done:
        return None
    report["status"] = "stopped"
    line.put(f"{slurm.end_of(job, number)}\nnext: the same command submits what is missing")
    return UnfinishedError.exit_code


def dry_job(checked: Checked, sweep: Sweep | None, command: RunCommand, cost: Estimate) -> Job:
    """The job that `--slurm` would submit; nothing is written.

    Raises:
        ExperimentError: An option for `sbatch` is wrong.
    """
    try:
        allowed = slurm.cluster()
    except RunError:
        say("note: SLURM cannot be asked here: limits of the cluster are not known")
        allowed = Cluster()
    wishes, options = wishes_of(command), command.run_options()
    if sweep is None:
        job = job_of_run(checked, command.out, options, wishes, allowed, cost)
    else:
        job = job_of_sweep(sweep, command.out, options, wishes, allowed, cost)
    assert job is not None
    return job


def job_lines(job: Job) -> Iterator[str]:
    """The command that submits a job, and its script."""
    yield from (f"  note: {note}" for note in job.notes)
    yield f"  submits   {shlex.join(job.sbatch)}"
    yield "  script:"
    yield from (f"    {line}".rstrip() for line in job.script.splitlines())
