"""`snnrun run --dry-run`: the cost of experiments before they run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from snnrun.cli.progress import bytes_text, number_text, time_text
from snnrun.cli.render import put, put_json, render
from snnrun.running import pipeline
from snnrun.sweep.estimate import Estimate, estimate

if TYPE_CHECKING:
    from snnrun.cli.options import RunCommand


def estimate_files(command: RunCommand) -> None:
    """Print the cost of each file."""
    command.run_options()  # wrong values are refused here too
    reports = []
    for file in command.files:
        checked = pipeline.check(pipeline.read(file, command.overrides, command.seed))
        command.refuse_for(checked)
        sweep = None
        if checked.experiment.sweep is not None:
            from snnrun.sweep.experiments import check_sweep

            sweep = check_sweep(checked)
        render([*checked.warnings, *(sweep.warnings if sweep is not None else ())], sys.stderr)
        found = estimate(checked, sweep, probe=command.probe, threads=command.threads)
        reports.append({"file": str(file)} | asdict(found))
        along = sweep.plan.describe() if sweep is not None else "one run"
        lines = [f"{checked.name}: {along}", *_lines(found)]
        if command.slurm:
            from snnrun.cli.slurm import dry_job, job_lines

            job = dry_job(checked, sweep, command, found)
            reports[-1] |= {"sbatch": list(job.sbatch), "script": job.script, "notes": list(job.notes)}
            lines += job_lines(job)
        if not command.json:
            put("\n".join(lines))
    if command.json:
        put_json(reports[0] if len(reports) == 1 else {"runs": reports})


def _lines(found: Estimate) -> Iterator[str]:
    of = "" if found.examined == found.points else f", looking at {found.examined:,} of the points"
    yield f"  compiles  {number_text(found.kernels, 'kernel')}{of}"
    if found.connected:
        yield f"  wirings   {found.wirings:,} made for {number_text(found.connected, 'object')} of synapses{of}"
    yield f"  memory    about {bytes_text(found.memory_bytes)} a run, beside recordings"
    yield f"  disk      about {bytes_text(found.disk_bytes)}"
    yield f"  time      about {time_text(found.seconds)} in one process, from {found.basis}"
