"""Runs scripts in Brian2 as they come: one line with JSON in, one line with JSON out. Needs nothing of snnrun.

    python brian2_process.py

A line `{"script": path, "out": path, "seconds": 30}` runs the script in a namespace of its own, in its folder, and
stores what its monitors recorded: `MONITOR/step`, `MONITOR/i`, `MONITOR/VARIABLE`, one array each. The answer is
`{"error": ""}`, or why there is none.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import brian2
import numpy as np


class TooLongError(Exception):
    """The time of a script is over."""


def recorded(monitor: Any, dt: float) -> dict[str, Any]:
    """What a monitor recorded."""
    if isinstance(monitor, brian2.PopulationRateMonitor):
        return {"rate": np.asarray(monitor.rate)}
    if isinstance(monitor, brian2.StateMonitor):
        return {name: np.atleast_2d(np.asarray(getattr(monitor, name))).T for name in monitor.record_variables}
    found = {"step": np.rint(np.asarray(monitor.t) / dt).astype(int), "i": np.asarray(monitor.i)}
    return found | {n: np.asarray(getattr(monitor, n)) for n in monitor.record_variables if n not in ("t", "i")}


def run(script: Path, out: str) -> None:
    """Run a script and store what its monitors recorded."""
    names: dict[str, Any] = {"__name__": "__main__"}
    brian2.start_scope()
    os.chdir(script.parent)
    try:
        exec(compile(script.read_text(encoding="utf-8"), str(script), "exec"), names)
        dt = float(brian2.defaultclock.dt)
        kinds = (brian2.EventMonitor, brian2.StateMonitor, brian2.PopulationRateMonitor)
        found = {
            f"{name}/{key}": values
            for name, monitor in names.items()
            if isinstance(monitor, kinds)
            for key, values in recorded(monitor, dt).items()
        }
        np.savez(out, **found)
    finally:
        names.clear()
        gc.collect()


def reason(error: BaseException) -> str:
    """The first cause of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def too_long(*_: object) -> None:
    """Stop the script."""
    raise TooLongError


def main() -> None:
    """Answer lines until there are no more."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    brian2.prefs.codegen.target = "numpy"
    brian2.prefs.codegen.loop_invariant_optimisations = False
    gc.collect()
    gc.freeze()  # of what was imported nothing is ever free
    signal.signal(signal.SIGALRM, too_long)
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        task = json.loads(line)
        error = ""
        signal.alarm(task["seconds"])
        try:
            run(Path(task["script"]), task["out"])
        except Exception as problem:  # noqa: BLE001 - the answer says what it was
            error = reason(problem)
        finally:
            signal.alarm(0)
        answers.write(json.dumps({"error": error}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
