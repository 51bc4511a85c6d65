"""`snnrun run`: runs experiments, and says on the terminal how far each is and what it gave."""

from __future__ import annotations

import gc
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun.cli.options import RunCommand
from snnrun.cli.progress import Bar, Line, number_text, time_text
from snnrun.cli.render import put_json, render, say
from snnrun.cli.summary import (
    built_line,
    headline,
    path_text,
    run_lines,
    run_report,
    stopped_line,
    sweep_lines,
    sweep_report,
)
from snnrun.engine.cache import RunCache
from snnrun.errors import SnnrunError, UnfinishedError
from snnrun.plot.ahead import PlotProcess
from snnrun.running import pipeline
from snnrun.running.folder import located
from snnrun.running.options import Callbacks, RunOptions
from snnrun.running.stages import Checked, Clock, Outcome, Prepared, Stage

if TYPE_CHECKING:
    from snnrun.sweep.experiments import Sweep
    from snnrun.sweep.local import SweepOutcome
    from snnrun.sweep.pool import Pool

INTERRUPTED = 130
_BY_SIGNAL = 128  # exit codes of commands that a signal stopped are larger
_SHOWN = 3  # failed points that are named
_DOING = {
    Stage.COMPILE: "compiling ...",
    Stage.BUILD: "building the network ...",
    Stage.WRITE: "writing results ...",
    Stage.PLOT: "drawing ...",
}


def run_files(command: RunCommand, plot_process: PlotProcess | None = None) -> None:
    """Check all files, then run each; one that fails does not stop the others, the exit code is the first failure's."""
    options, cache = command.run_options(), RunCache(profiled=command.profile)
    runs = [_Run(file, command, options, cache, plot_process) for file in command.files]
    codes = [one.attempt(one.check) for one in runs]
    what = "have errors: nothing was run"
    if not any(codes):
        what = "did not finish"
        codes = list(_codes(runs))
    if command.json:
        errors = [error for one in runs for error in one.report.get("errors", ())]
        put_json(runs[0].report if len(runs) == 1 else {"runs": [one.report for one in runs], "errors": errors})
    failed = [code for code in codes if code]
    if failed:
        if len(runs) > 1:
            say(f"{len(failed)} of {len(runs)} experiments {what}")
        sys.exit(failed[0])


def _codes(runs: Iterable[_Run]) -> Iterator[int]:
    """Run experiments one after the other, until a signal stops one; the exit code of each."""
    for number, one in enumerate(runs):
        if number:
            one.line.put("")
        code = one.attempt(one.run)
        yield code
        if code == UnfinishedError.exit_code or code > _BY_SIGNAL:
            return


class _Run:
    """One file.

    Attributes:
        report: What `--json` prints of it.
        checked: The experiment, once it is checked.
        found: Its sweep, if it has one.
    """

    checked: Checked
    found: Sweep | None = None

    def __init__(
        self, file: Path, command: RunCommand, options: RunOptions, cache: RunCache, plot_process: PlotProcess | None
    ) -> None:
        self.file = file
        self.command = command
        self.options = options
        self.cache = cache
        self.plot_process = plot_process
        self.line = Line(quiet=command.quiet or command.json)
        self.clock = Clock(self.entered)
        self.report: dict[str, Any] = {"file": str(file), "status": "not run"}

    def entered(self, stage: Stage) -> None:
        """Show the name of a stage that may take long."""
        if stage in _DOING:
            self.line.show(_DOING[stage])

    def put(self, lines: Iterable[str]) -> None:
        """Show lines that stay."""
        for line in lines:
            self.line.put(line)

    def attempt(self, part: Callable[[], int]) -> int:
        """Do a part of the work; the exit code."""
        try:
            return part()
        except UnfinishedError as stop:
            self.line.put(stop.diagnostics[0].message)
            self.put_command()
            self.report["status"] = "interrupted"
            return stop.exit_code
        except SnnrunError as error:
            if self.command.debug:
                raise
            return self.failed(error)
        finally:
            self.line.clear()

    def check(self) -> int:
        """Load and check stages."""
        with self.clock.stage(Stage.LOAD):
            document = pipeline.read(self.file, self.command.overrides, self.command.seed)
        with self.clock.stage(Stage.CHECK):
            checked = pipeline.check(document)
        self.line.clear()
        self.command.refuse_for(checked)
        self.command.refuse_swept_seed(checked)
        render(checked.warnings, sys.stderr)
        pipeline.refuse_hooks(checked, allowed=self.options.allow_code)
        if checked.experiment.sweep is not None:
            from snnrun.sweep.experiments import check_sweep

            with self.clock.stage(Stage.CHECK):
                self.found = check_sweep(checked)
            render(self.found.warnings, sys.stderr)
        gc.freeze()  # what was made so far stays
        gc.enable()
        self.checked = checked
        return 0

    def run(self) -> int:
        """Run the experiment, or all points of its sweep."""
        self.report["status"] = "failed"  # until it has ended
        return self.single(self.checked) if self.found is None else self.sweep(self.checked, self.found)

    def single(self, checked: Checked) -> int:
        """One run."""
        network = checked.resolved.network
        self.line.put(headline(checked))
        if self.command.slurm:
            code = self.on_slurm(checked, None)
            return self.complete(checked) if code is None else code
        bar = Bar(self.line, network.steps, network.dt)

        def built(prepared: Prepared) -> None:
            if prepared.compiled.note:
                note(prepared.compiled.note)
            self.line.put(built_line(prepared, self.clock.seconds))
            bar.start()

        def note(text: str) -> None:
            self.line.put(f"note: {text}")

        outcome = pipeline.run(
            checked,
            self.command.out,
            self.options,
            cache=self.cache,
            clock=self.clock,
            callbacks=Callbacks(bar.update, built, note),
            plot_process=self.plot_process,
            path=self.command.out_folder,
        )
        self.ended(checked, outcome, run_report(outcome))
        if outcome.problem is None:
            self.put([outcome.line] if outcome.line else [])
            self.put(run_lines(checked, outcome))
            return self.plotted(outcome)
        code = self.failed(outcome.problem)
        if isinstance(outcome.problem, KeyboardInterrupt):
            self.line.put(f"interrupted at {time_text(bar.done * network.dt)} of {bar.whole}")
        self.line.put(stopped_line(outcome))
        if isinstance(outcome.problem, KeyboardInterrupt):
            self.put_command()
        return code

    def sweep(self, checked: Checked, sweep: Sweep) -> int:
        """All points of a sweep."""
        from snnrun.sweep.local import run_sweep

        self.line.put(f"{headline(checked)} · {sweep.plan.describe()}")
        if self.command.slurm:
            code = self.on_slurm(checked, sweep)
            if code is not None:
                return code
        bar = Bar(self.line, sweep.plan.size, None)
        bar.start()
        outcome = run_sweep(
            sweep,
            self.command.out,
            self.options,
            clock=self.clock,
            progress=bar.update,
            workers=self.command.workers,
            pool=self.pool(),
            retry_failed=self.command.retry_failed,
            path=self.command.out_folder,
        )
        self.ended(checked, outcome, sweep_report(outcome))
        self.put(sweep_lines(outcome))
        if outcome.problem is not None:
            code = self.failed(outcome.problem)
            done = outcome.points - outcome.missing
            self.line.put(f"interrupted after {number_text(done)} of {number_text(outcome.points)} points")
            self.put_command()
            return code
        if outcome.failed:
            for k, reason in list(outcome.failed.items())[:_SHOWN]:
                say(f"point {k} failed: {reason}")
            if len(outcome.failed) > _SHOWN:
                say(f"... and {len(outcome.failed) - _SHOWN} more; run.log names them all")
            self.line.put("`--retry-failed` runs failed points again")
            return 3
        return self.plotted(outcome)

    def pool(self) -> Callable[[Path, RunOptions], Pool] | None:
        """Makes the processes that run the points, where it is not processes of this machine."""
        address = self.command.scheduler
        if address is None:
            return None
        from snnrun.sweep.dask import DaskPool

        return lambda folder, options: DaskPool(address, folder, options)

    def complete(self, checked: Checked) -> int:
        """Say that a run on another machine is complete."""
        from snnrun.sweep.batch import place_of_run

        folder = place_of_run(checked, self.command.out, self.command.out_folder).path
        self.report |= {"folder": str(folder), "status": "complete"}
        self.line.put(f"the results are complete\n{path_text(folder)}")
        return 0

    def on_slurm(self, checked: Checked, sweep: Sweep | None) -> int | None:
        """Submit what is missing; the exit code, or None when the results are complete."""
        from snnrun.cli.slurm import on_slurm

        return on_slurm(checked, sweep, self.command, self.options, self.line, self.report)

    def ended(self, checked: Checked, outcome: Outcome | SweepOutcome, report: dict[str, Any]) -> None:
        """Report a run or a sweep, and show warnings about its results."""
        self.line.clear()
        warnings = located(checked.document, outcome.warnings)
        render(warnings, sys.stderr)
        self.report |= report | {"warnings": [w.as_json() for w in warnings]}

    def failed(self, error: BaseException) -> int:
        """Show an error; its exit code."""
        self.line.clear()
        if isinstance(error, KeyboardInterrupt):
            return int(getattr(error, "exit_code", INTERRUPTED))
        assert isinstance(error, SnnrunError)
        render(error.diagnostics, sys.stderr)
        self.report["errors"] = [d.as_json() for d in error.diagnostics]
        return error.exit_code

    def plotted(self, outcome: Outcome | SweepOutcome) -> int:
        """Show why pictures are missing, if some are; the exit code."""
        if outcome.plot_error is None:
            return 0
        code = self.failed(outcome.plot_error)
        folder = path_text(outcome.folder)
        self.line.put(f"the results are complete, pictures are missing\nnext: snnrun plot {folder}")
        return code

    def put_command(self) -> None:
        """Show the command that runs it again, or continues a sweep."""
        self.line.put(f"next: {' '.join(shlex.quote(word) for word in self.options.command)}")
