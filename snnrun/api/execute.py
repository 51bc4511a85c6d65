"""Running experiments from Python."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from snnrun.errors import SnnrunError

if TYPE_CHECKING:
    from snnrun.api.runs import Run
    from snnrun.api.sweeps import Sweep
    from snnrun.cli.progress import Bar
    from snnrun.running.options import RunOptions
    from snnrun.running.stages import Checked


def run(
    path: str | Path,
    set: Mapping[str, object] | None = None,
    *,
    out: str | Path = "outputs",
    seed: int | None = None,
    plots: bool = True,
    threads: int | None = None,
    workers: int | None = None,
    allow_code: bool = False,
    force: bool = False,
    progress: bool = True,
) -> Run | Sweep:
    """Run an experiment and load its results.

    Args:
        path: The file of the experiment.
        set: Values to change: dotted path or name of a constant → value, such as `{"tau": "5 ms"}`.
        out: Folder of all results; those of this run are in `out/<name>/<hash8>`.
        seed: The seed, instead of that of the file.
        plots: Whether pictures are drawn.
        threads: Threads of a run, instead of the number in the file.
        workers: Processes of a sweep.
        allow_code: Whether Python functions that the file names may be called.
        force: Whether it runs even if its results are there.
        progress: Whether a line shows how far it is.

    Raises:
        SnnrunError: The file is wrong, or the run stopped; the places in the file stand below the message.
        KeyboardInterrupt: It was interrupted.
    """
    from snnrun.cli.render import render_one  # noqa: PLC0415 - reading results needs none of this
    from snnrun.running import pipeline  # noqa: PLC0415
    from snnrun.running.options import RunOptions  # noqa: PLC0415

    command = ("snnrun.run", str(path))
    options = RunOptions(allow_code=allow_code, plots=plots, threads=threads, force=force, command=command)
    try:
        changes = [f"{name}={value}" for name, value in (set or {}).items()]
        checked = pipeline.check(pipeline.read(path, changes, seed))
        pipeline.refuse_hooks(checked, allowed=allow_code)
        _show(render_one(warning) for warning in checked.warnings)
        if checked.experiment.sweep is None:
            return _single(checked, Path(out), options, progress=progress)
        return _sweep(checked, Path(out), options, workers, progress=progress)
    except SnnrunError as error:
        error.add_note("\n".join(render_one(item) for item in error.diagnostics))
        raise


def _single(checked: Checked, out: Path, options: RunOptions, *, progress: bool) -> Run:
    from snnrun.api.runs import Run  # noqa: PLC0415
    from snnrun.cli.render import render_one  # noqa: PLC0415
    from snnrun.running import pipeline  # noqa: PLC0415
    from snnrun.running.folder import located  # noqa: PLC0415
    from snnrun.running.options import Callbacks  # noqa: PLC0415

    network = checked.resolved.network
    bar = _bar(network.steps, network.dt, progress=progress)
    outcome = pipeline.run(checked, out, options, callbacks=Callbacks(bar.update))
    bar.line.clear()
    _show(render_one(warning) for warning in located(checked.document, outcome.warnings))
    for problem in (outcome.problem, outcome.plot_error):
        if problem is not None:
            raise problem
    return Run(outcome.folder)


def _sweep(checked: Checked, out: Path, options: RunOptions, workers: int | None, *, progress: bool) -> Sweep:
    from snnrun.api.sweeps import Sweep  # noqa: PLC0415
    from snnrun.cli.render import render_one  # noqa: PLC0415
    from snnrun.sweep.experiments import check_sweep  # noqa: PLC0415
    from snnrun.sweep.local import run_sweep  # noqa: PLC0415

    sweep = check_sweep(checked)
    _show(render_one(warning) for warning in sweep.warnings)
    bar = _bar(sweep.plan.size, None, progress=progress)
    outcome = run_sweep(sweep, out, options, progress=bar.update, workers=workers)
    bar.line.clear()
    for problem in (outcome.problem, outcome.plot_error):
        if problem is not None:
            raise problem
    return Sweep(outcome.folder)


def _bar(total: int, dt: float | None, *, progress: bool) -> Bar:
    from snnrun.cli.progress import Bar, Line  # noqa: PLC0415

    return Bar(Line(quiet=not progress, lively="ipykernel" in sys.modules), total, dt)


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stderr.write(f"{line}\n")
