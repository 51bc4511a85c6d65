"""`snnrun run --dry-run`: what experiments will cost, before they run."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from snnrun.cli.options import refuse_for
from snnrun.cli.progress import bytes_text, number_text, time_text
from snnrun.cli.render import put, render
from snnrun.run import pipeline
from snnrun.sweep.foresee import Forecast, foresee


def foresee_files(
    files: Sequence[Path],
    overrides: Sequence[str],
    seed: int | None,
    *,
    probe: bool,
    json: bool,
    of_sweeps: Sequence[str] = (),
    of_runs: Sequence[str] = (),
) -> None:
    """Print the cost of each file; options that would do nothing in its run are refused as there."""
    reports = []
    for file in files:
        checked = pipeline.check(pipeline.read(file, overrides, seed))
        refuse_for(checked, of_sweeps, of_runs)
        sweep = None
        if checked.experiment.sweep is not None:
            from snnrun.sweep.check import check_sweep

            sweep = check_sweep(checked)
        render([*checked.warnings, *(sweep.warnings if sweep is not None else ())], sys.stderr)
        forecast = foresee(checked, sweep, probe=probe)
        reports.append({"file": str(file)} | forecast.as_json())
        if not json:
            along = sweep.plan.describe() if sweep is not None else "one run"
            put("\n".join([f"{checked.name}: {along}", *_lines(forecast)]))
    if json:
        put(json_module.dumps(reports[0] if len(reports) == 1 else {"runs": reports}))


def _lines(forecast: Forecast) -> Iterator[str]:
    of = "" if forecast.examined == forecast.points else f", looking at {forecast.examined:,} of the points"
    yield f"  compiles  {number_text(forecast.kernels, 'kernel')}{of}"
    if forecast.connected:
        yield f"  wirings   {forecast.wirings:,} made for {number_text(forecast.connected, 'object')} of synapses{of}"
    yield f"  memory    about {bytes_text(forecast.memory)} a run, beside recordings"
    yield f"  disk      about {bytes_text(forecast.disk)}"
    yield f"  time      about {time_text(forecast.seconds)} in one process, from {forecast.basis}"
