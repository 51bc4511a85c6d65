"""`snnrun run`: what a person sees while experiments run."""

from __future__ import annotations

import gc
import json as json_module
import math
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnrun.cli.options import refuse_for, refuse_swept_seed
from snnrun.cli.progress import Bar, Line, bytes_text, number_text, time_text
from snnrun.cli.render import put, render, say
from snnrun.engine.cache import RunCache
from snnrun.engine.phases import ended_early
from snnrun.errors import Diagnostic, ExperimentError, SnnrunError, UnfinishedError
from snnrun.model.network import GroupKind, Network, SpikeMonitor
from snnrun.model.recorded import recorded_spans
from snnrun.plot.ahead import Painter
from snnrun.run import pipeline
from snnrun.run.folder import located, metrics_as_json
from snnrun.run.options import Callbacks, RunOptions
from snnrun.run.stages import Checked, Clock, Outcome, Prepared, Stage
from snnrun.units.dimensions import TIME

if TYPE_CHECKING:
    from snnrun.sweep.check import Sweep
    from snnrun.sweep.local import SweepOutcome
    from snnrun.sweep.pool import Pool

LONG = 0.5  # a stage that takes longer is explained [s]
INTERRUPTED = 130
_BY_SIGNAL = 128  # exit codes of commands that a signal stopped are larger
_DOING = {
    Stage.COMPILE: "compiling ...",
    Stage.BUILD: "building the network ...",
    Stage.WRITE: "writing results ...",
    Stage.PLOT: "drawing ...",
}


@dataclass(frozen=True, slots=True)
class RunCommand:
    """The options of `snnrun run`.

    Args:
        options: How experiments are run.
        overrides: Values of the file to change.
        out: Folder of all results.
        seed: A seed instead of that of the file.
        quiet: Whether only errors are printed.
        json: Whether a JSON object is printed.
        debug: Whether errors show their tracebacks.
        workers: Processes that run points of a sweep; None for a number that pays.
        scheduler: Address of a Dask scheduler.
        slurm: Whether points are submitted as an array job.
        slurm_options: Options for `sbatch`.
        retry_failed: Whether points that failed are run again.
        of_sweeps: The options given that are for sweeps only.
        of_runs: The options given that are for single runs only.
    """

    options: RunOptions
    overrides: Sequence[str]
    out: Path
    seed: int | None
    quiet: bool
    json: bool
    debug: bool
    workers: int | None
    scheduler: str | None
    slurm: bool
    slurm_options: Sequence[str]
    retry_failed: bool
    of_sweeps: Sequence[str]
    of_runs: Sequence[str]


def seconds_of(text: str) -> float:
    """The time that an option gives. [s].

    Raises:
        ExperimentError: UNT904, when it is no time, or negative.
    """
    from snnrun.cli.start import evaluate_quantity

    typed = evaluate_quantity(text)
    if typed.dimension != TIME or not 0 <= typed.value < math.inf:
        raise ExperimentError(Diagnostic("UNT904", f"`{text}` is not a time", None, "write one such as `10 min`"))
    return typed.value


def run_files(files: Sequence[Path], command: RunCommand, painter: Painter | None = None) -> None:
    """Run each file; a file that fails does not stop the others, the exit code is that of the first failure."""
    cache = RunCache()
    reports: list[dict[str, Any]] = []
    codes: list[int] = []
    for number, file in enumerate(files):
        one = _Run(file, command, cache, painter)
        if number:
            one.line.put("")
        codes.append(one.run())
        reports.append(one.report)
        if codes[-1] == UnfinishedError.exit_code or codes[-1] > _BY_SIGNAL:
            break
    if command.json:
        put(json_module.dumps(reports[0] if len(files) == 1 else {"runs": reports}))
    failed = [code for code in codes if code]
    if failed:
        if len(files) > 1:
            say(f"{len(failed)} of {len(files)} experiments did not finish")
        sys.exit(failed[0])


class _Run:
    """One file."""

    def __init__(self, file: Path, command: RunCommand, cache: RunCache, painter: Painter | None) -> None:
        self.file = file
        self.command = command
        self.cache = cache
        self.painter = painter
        self.line = Line(quiet=command.quiet or command.json)
        self.clock = Clock(self.entered)
        self.report: dict[str, Any] = {"file": str(file)}

    def entered(self, stage: Stage) -> None:
        """Say what is going on while it may take long."""
        if stage in _DOING:
            self.line.show(_DOING[stage])

    def run(self) -> int:
        """Check, run, and say where everything is; the exit code."""
        try:
            return self.checked_run()
        except UnfinishedError as stop:
            self.line.put(stop.diagnostics[0].message)
            self.again()
            self.report["status"] = "interrupted"
            return stop.exit_code
        except SnnrunError as error:
            if self.command.debug:
                raise
            return self.failed(error)
        finally:
            self.line.clear()

    def checked_run(self) -> int:
        """Load and check; then one run, or a sweep."""
        with self.clock.stage(Stage.LOAD):
            document = pipeline.read(self.file, self.command.overrides, self.command.seed)
        with self.clock.stage(Stage.CHECK):
            checked = pipeline.check(document)
        self.line.clear()
        refuse_for(checked, self.command.of_sweeps, self.command.of_runs)
        if self.command.seed is not None:
            refuse_swept_seed(checked)
        render(checked.warnings, sys.stderr)
        if not self.command.options.allow_code:
            pipeline.refuse_hooks(checked)
        gc.freeze()  # what was made so far stays
        gc.enable()
        return self.single(checked) if checked.experiment.sweep is None else self.sweep(checked)

    def failed(self, error: BaseException) -> int:
        """Show an error; its exit code."""
        self.line.clear()
        if isinstance(error, KeyboardInterrupt):
            return int(getattr(error, "exit_code", INTERRUPTED))
        assert isinstance(error, SnnrunError)
        render(error.diagnostics, sys.stderr)
        self.report["errors"] = [d.as_json() for d in error.diagnostics]
        return error.exit_code

    # one run

    def single(self, checked: Checked) -> int:
        """One run."""
        network = checked.resolved.network
        self.line.put(headline(network, checked))
        bar = Bar(self.line, network.steps, network.dt)
        outcome = pipeline.run(
            checked,
            self.command.out,
            self.command.options,
            cache=self.cache,
            clock=self.clock,
            callbacks=Callbacks(bar.update, lambda prepared: self.prepared(prepared, bar), self.note),
            painter=self.painter,
        )
        self.line.clear()
        self.report |= as_report(outcome)
        self.remark(checked, outcome)
        if outcome.problem is not None:
            return self.stopped(outcome, outcome.problem, f"{time_text(bar.done * network.dt)} of {bar.whole}")
        self.summary(checked, outcome)
        return 0 if outcome.plot_error is None else self.without_pictures(outcome.folder, outcome.plot_error)

    def note(self, text: str) -> None:
        """Show a note."""
        self.line.put(f"note: {text}")

    def prepared(self, prepared: Prepared, bar: Bar) -> None:
        """Say what was done before the first step, and how long it took."""
        seconds = self.clock.seconds
        if prepared.compiled.note:
            self.line.put(f"note: {prepared.compiled.note}")
        if prepared.compiled.cached:
            code = "kernel from cache"
        elif not prepared.compiled.object:
            code = "kernel not compiled"
        else:
            code = f"compiled {seconds['compile']:.1f} s (first run of this structure)"
        parts = [f"checked {seconds['load'] + seconds['check']:.2f} s", code, f"built {seconds['build']:.2f} s"]
        if prepared.built.connectivity:
            synapses = sum(w.size for w in prepared.built.connectivity.values())
            parts.append(number_text(synapses, "synapse"))
        parts.append(f"about {bytes_text(prepared.built.memory)}")
        self.line.put(" · ".join(parts))
        bar.start()

    def remark(self, checked: Checked, outcome: Outcome | SweepOutcome) -> None:
        """Show what of the results is not finite."""
        warnings = located(checked.document, outcome.remarks)
        render(warnings, sys.stderr)
        self.report["warnings"] = [w.as_json() for w in warnings]

    def stopped(self, outcome: Outcome, problem: BaseException, reached: str) -> int:
        """Say why, where the part of the run that was recorded is, and how to run again."""
        code = self.failed(problem)
        interrupted = isinstance(problem, KeyboardInterrupt)
        if interrupted:
            self.line.put(f"interrupted at {reached}")
        if outcome.kept_old:
            self.line.put(f"{_shown(outcome.folder)}  kept: the results of an earlier, whole run")
        else:
            state = "interrupted" if interrupted else "failed"
            self.line.put(f"{_shown(outcome.folder)}  what was recorded until then, marked {state}")
        if interrupted:
            self.again()
        return code

    def again(self) -> None:
        """The command that runs it once more, or goes on with a sweep."""
        self.line.put(f"next: {' '.join(shlex.quote(word) for word in self.command.options.command)}")

    def without_pictures(self, folder: Path, trouble: SnnrunError | KeyboardInterrupt) -> int:
        """The results are whole, pictures are missing."""
        code = self.failed(trouble)
        self.line.put(f"the results are complete, pictures are missing\nnext: snnrun plot {_shown(folder)}")
        return code

    def summary(self, checked: Checked, outcome: Outcome) -> None:
        """Numbers, folder, pictures."""
        planned = checked.resolved.network
        ran = outcome.ran
        ends = [f"{name}  ended at {time_text(step * ran.dt)}" for name, step in ended_early(planned, ran)]
        for text in [*ends, *_spike_lines(ran, outcome.counts), *_metric_lines(outcome.metrics)]:
            self.line.put(text)
        results = f"results.h5 {bytes_text((outcome.folder / 'results.h5').stat().st_size)}"
        self.line.put(_folder_line(outcome.folder, [results], outcome.pictures, outcome.digest))
        slow = [f"{name} {spent:.1f} s" for name, spent in self.clock.seconds.items() if spent >= LONG]
        total = f"{sum(self.clock.seconds.values()):.2f} s"
        self.line.put(f"{total}: {', '.join(slow)}" if slow else total)

    # a sweep

    def sweep(self, checked: Checked) -> int:
        """All points of a sweep."""
        from snnrun.sweep.check import check_sweep
        from snnrun.sweep.local import run_sweep

        with self.clock.stage(Stage.CHECK):
            sweep = check_sweep(checked)
        render(sweep.warnings, sys.stderr)
        self.line.put(f"{headline(checked.resolved.network, checked)} · {sweep.plan.describe()}")
        if self.command.slurm and self.submitted(sweep):
            return 0
        bar = Bar(self.line, sweep.plan.size, None)
        bar.start()
        outcome = run_sweep(
            sweep,
            self.command.out,
            self.command.options,
            clock=self.clock,
            progress=bar.update,
            workers=self.command.workers,
            pool=self.pool(),
            retry_failed=self.command.retry_failed,
        )
        self.line.clear()
        self.report |= as_sweep_report(outcome)
        self.remark(checked, outcome)
        self.sweep_summary(outcome)
        return self.sweep_end(outcome)

    def submitted(self, sweep: Sweep) -> bool:
        """Hand the missing points to SLURM, or say how far a job of them is; False when none is missing."""
        from snnrun.cli.status import state_lines
        from snnrun.sweep.slurm import submit
        from snnrun.sweep.store import read_state

        command = self.command
        job = submit(
            sweep,
            command.out,
            command.options,
            tasks=command.workers,
            extra=command.slurm_options,
            retry_failed=command.retry_failed,
        )
        if job is None:
            return False
        state = "running" if "RUNNING" in job.states else "waiting" if job.states else "submitted"
        self.report |= {"folder": str(job.folder), "status": state, "job": job.number, "tasks": job.tasks}
        if not job.states:
            shares = f"{number_text(job.tasks, 'task')} for {number_text(job.points, 'point')}"
            self.line.put(f"submitted job {job.number}: {shares}\nnext: snnrun status {_shown(job.folder)}")
            return True
        self.line.put(f"job {job.number} is {state}: {number_text(len(job.states), 'task')} to end")
        found = read_state(job.folder)
        if found is not None:
            self.line.put("\n".join(state_lines(job.folder, found)[1:]))
        return True

    def pool(self) -> Callable[[Path, RunOptions], Pool] | None:
        """What runs the points, where it is not processes of this machine."""
        address = self.command.scheduler
        if address is None:
            return None
        from snnrun.sweep.dask import DaskPool

        return lambda folder, options: DaskPool(address, folder, options)

    def sweep_summary(self, outcome: SweepOutcome) -> None:
        """Numbers, folder, pictures."""
        before = outcome.points - outcome.missing - outcome.ran
        found = f"{number_text(before, 'point')} {'was' if before == 1 else 'were'} done before"
        if outcome.problem is None and not outcome.ran:
            self.line.put(f"nothing to run: {'all ' if not outcome.missing else ''}{found}")
        elif outcome.problem is None:
            compiled = self.clock.seconds["compile"]
            notes = ["one kernel" if outcome.kernels == 1 else f"{outcome.kernels} kernels"]
            notes += [f"compiled {compiled:.1f} s"] if compiled > LONG else []
            notes += [f"{outcome.workers} workers"] if outcome.workers > 1 else []
            notes += [found] if before else []
            each = outcome.loop_seconds / outcome.ran
            done = outcome.points - len(outcome.failed)
            self.line.put(
                f"{number_text(done)} of {number_text(outcome.points)} points in {outcome.loop_seconds:.2f} s "
                f"({each * 1e3:.1f} ms each, {', '.join(notes)})"
            )
        if outcome.left_out:
            names = ", ".join(f"`{name}`" for name in outcome.left_out)
            self.line.put(f"note: {names}: too many values for a sweep's table; `keep: results` keeps every point")
        tables = ["points.csv", "sweep.h5"] if outcome.digest else []  # none before the first point is done
        tables += ["points/"] if outcome.keep_results else []
        self.line.put(_folder_line(outcome.folder, tables, outcome.pictures, outcome.digest))

    def sweep_end(self, outcome: SweepOutcome) -> int:
        """What went wrong, if anything did; the exit code."""
        if outcome.problem is not None:
            code = self.failed(outcome.problem)
            done = outcome.points - outcome.missing
            self.line.put(f"interrupted after {number_text(done)} of {number_text(outcome.points)} points")
            self.again()
            return code
        if outcome.failed:
            for k, reason in list(outcome.failed.items())[:3]:
                say(f"point {k} failed: {reason}")
            if len(outcome.failed) > 3:
                say(f"... and {len(outcome.failed) - 3} more; run.log names them all")
            self.line.put("`--retry-failed` runs failed points again")
            return 3
        return 0 if outcome.plot_error is None else self.without_pictures(outcome.folder, outcome.plot_error)


def as_report(outcome: Outcome) -> dict[str, Any]:
    """An outcome as `--json` prints it."""
    return {
        "folder": str(outcome.folder),
        "digest": outcome.digest,
        "status": _status(outcome.problem),
        "seconds": {k: round(v, 6) for k, v in outcome.seconds.items()},
        "metrics": metrics_as_json(outcome.metrics),
        "counts": dict(outcome.counts),
        "pictures": [str(p) for p in outcome.pictures],
    }


def as_sweep_report(outcome: SweepOutcome) -> dict[str, Any]:
    """The outcome of a sweep as `--json` prints it."""
    return {
        "folder": str(outcome.folder),
        "digest": outcome.digest,
        "status": "failed" if outcome.failed and outcome.problem is None else _status(outcome.problem),
        "seconds": {**{k: round(v, 6) for k, v in outcome.seconds.items()}, "loop": round(outcome.loop_seconds, 6)},
        "metrics": metrics_as_json(outcome.metrics),
        "counts": {},
        "points": outcome.points,
        "ran": outcome.ran,
        "missing": outcome.missing,
        "workers": outcome.workers,
        "failed": {str(k): reason for k, reason in outcome.failed.items()},
        "kernels": outcome.kernels,
        "pictures": [str(p) for p in outcome.pictures],
    }


def _status(problem: BaseException | None) -> str:
    if problem is None:
        return "complete"
    return "interrupted" if isinstance(problem, KeyboardInterrupt | UnfinishedError) else "failed"


def headline(network: Network, checked: Checked) -> str:
    """Name, size, duration and seed in one line."""
    neurons = sum(g.size for g in network.groups.values() if g.kind is GroupKind.NEURONS)
    parts = [network.name]
    if network.groups:
        parts.append(number_text(neurons, "neuron"))
    sources = sum(g.size for g in network.groups.values() if g.kind is not GroupKind.NEURONS)
    if sources:
        parts.append(number_text(sources, "input"))
    parts.append(f"{time_text(network.steps * network.dt)} at {time_text(network.dt)}")
    seed = checked.experiment.seed
    parts.append(f"seed {seed}" if isinstance(seed, int) else "a seed for each stream")
    return " · ".join(parts)


def _spike_lines(network: Network, counts: Any) -> list[str]:
    """One line a spike monitor: how many, of how many neurons, how often."""
    lines = []
    for name, count in counts.items():
        monitor = next(m for m in network.monitors if isinstance(m, SpikeMonitor) and m.name == name)
        size, steps = monitor.source.size, sum(stop - start for start, stop in recorded_spans(network, monitor))
        rate = f" · {count / size / (steps * network.dt):.3g} Hz" if size * steps else ""
        lines.append(f"{name}  {number_text(count, 'spike')} of {number_text(size, 'neuron')}{rate}")
    return lines


def _metric_lines(metrics: Any) -> list[str]:
    """Single numbers, in readable units."""
    found = [(name, float(value), unit) for name, (value, unit) in metrics.items() if np.ndim(value) == 0]
    return [f"{name} = {value:.6g}{'' if unit == '1' else f' {unit}'}" for name, value, unit in found]


def _folder_line(folder: Path, tables: Sequence[str], pictures: Sequence[Path], digest: str) -> str:
    drawn = [f"plots/{p.name}" for p in pictures]
    said = [*tables, *drawn, *([f"digest {digest[:8]}"] if digest else [])]
    return f"{_shown(folder)}  {' · '.join(said)}".rstrip()


def _shown(path: Path) -> str:
    return shlex.quote(str(path))
