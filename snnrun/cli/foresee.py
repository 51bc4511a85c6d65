"""`snnrun run --dry-run`: what experiments will cost, before they run."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from snnrun.cli.progress import bytes_text, number_text, time_text
from snnrun.cli.render import put, render
from snnrun.run import pipeline
from snnrun.sweep.foresee import Forecast, foresee

if TYPE_CHECKING:
    from snnrun.cli.options import RunCommand


def foresee_files(command: RunCommand) -> None:
    """Print the cost of each file."""
    command.run_options()  # wrong values are refused here too
    reports = []
    for file in command.files:
        checked = pipeline.check(pipeline.read(file, command.overrides, command.seed))
        command.refuse_for(checked)
        sweep = None
        if checked.experiment.sweep is not None:
            from snnrun.sweep.check import check_sweep

            sweep = check_sweep(checked)
        render([*checked.warnings, *(sweep.warnings if sweep is not None else ())], sys.stderr)
        forecast = foresee(checked, sweep, probe=command.probe)
        reports.append({"file": str(file)} | forecast.as_json())
        if not command.json:
            along = sweep.plan.describe() if sweep is not None else "one run"
            put("\n".join([f"{checked.name}: {along}", *_lines(forecast)]))
    if command.json:
        put(json_module.dumps(reports[0] if len(reports) == 1 else {"runs": reports}))


def _lines(forecast: Forecast) -> Iterator[str]:
    of = "" if forecast.examined == forecast.points else f", looking at {forecast.examined:,} of the points"
    yield f"  compiles  {number_text(forecast.kernels, 'kernel')}{of}"
    if forecast.connected:
        yield f"  wirings   {forecast.wirings:,} made for {number_text(forecast.connected, 'object')} of synapses{of}"
    yield f"  memory    about {bytes_text(forecast.memory)} a run, beside recordings"
    yield f"  disk      about {bytes_text(forecast.disk)}"
    yield f"  time      about {time_text(forecast.seconds)} in one process, from {forecast.basis}"
