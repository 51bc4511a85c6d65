"""From a file to a folder of results, one stage after the other.

    load → check → generate → compile → build → simulate → write → plot

Each stage is timed. Data flows one way; nothing below this module knows files of experiments or of results.
"""

from __future__ import annotations

import hashlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun.errors import MOST_ERRORS, Diagnostic, ExperimentError, Report, RunError, SnnrunError, UnfinishedError
from snnrun.metrics.terms import Metrics
from snnrun.resolve.plots import check_plots
from snnrun.resolve.resolve import resolve
from snnrun.resolve.unused import unused
from snnrun.running.drawing import check_looks, draw_after_run
from snnrun.running.options import Callbacks, Progress, RunOptions, ignore
from snnrun.running.signals import StoppedBySignal, defer_signals
from snnrun.running.stages import Checked, Clock, Outcome, Prepared, Stage
from snnrun.source import Span
from snnrun.spec.check import parse_experiment, place_of, refuse_unread
from snnrun.spec.document import Document
from snnrun.spec.load import load
from snnrun.spec.models import Experiment
from snnrun.spec.read_values import noting
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

if TYPE_CHECKING:
    from snnrun.engine.cache import RunCache
    from snnrun.engine.checkpoint import Checkpoints
    from snnrun.engine.timeline import Decisions
    from snnrun.model.network import Network, Phase
    from snnrun.plot.ahead import PlotProcess
    from snnrun.resolve.phases import Measured
    from snnrun.resolve.search import SearchPlan
    from snnrun.results.folder import Published
    from snnrun.running.again import Job
    from snnrun.running.final import RunSummary
    from snnrun.running.folder import Destination
    from snnrun.running.search import Found

NEURONS_A_THREAD = 1000  # with fewer, threads wait for each other longer than they work


def read(path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Document:
    """Load stage: the file with `extends` and overrides applied."""
    return load(path, overrides, seed)


def check(document: Document, open: frozenset[str] = frozenset()) -> Checked:
    """Check stage: everything that can be wrong without running.

    Args:
        document: The file.
        open: Constants whose values are given later (`sweep.reuse`).

    Raises:
        ExperimentError: All errors of the file.
        ValueNeededError: The value of an open constant decides more than what is computed.
    """
    try:
        experiment = parse_experiment(document)
    except ExperimentError as error:
        later = _later_errors(document, error.diagnostics)
        if later:
            Report(sorted((*error.diagnostics, *later), key=place_of)).stop_if_errors()
        raise
    with noting(document.read_values):
        checked = _checked(document, experiment, open)
    refuse_unread(document, experiment, but=("plots", "sweep"))
    return checked


def _later_errors(document: Document, found: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """The errors of meaning in a file that has errors of form, as far as they can be seen."""
    from snnrun.spec.mend import mend  # noqa: PLC0415 - only for wrong files

    if len(found) >= MOST_ERRORS:
        return ()
    mended = mend(document)
    if mended is None:
        return ()
    try:
        _checked(mended.document, parse_experiment(mended.document), frozenset())
    except ExperimentError as error:
        return [item for item in mended.blamed(error.diagnostics) if item not in found]
    return ()


def _checked(document: Document, experiment: Experiment, open: frozenset[str]) -> Checked:
    resolved = resolve(document, experiment, open)
    context, network = resolved.context, resolved.network
    metrics = Metrics()
    search: SearchPlan | None = None
    if experiment.search is not None:
        from snnrun.resolve.search import plan_search  # noqa: PLC0415 - few experiments search

        search = plan_search(context, experiment.search)
    if (
        experiment.metrics
        or search is not None
        or network.loops
        or any(p.stop_when or p.measures for p in network.phases)
    ):
        from snnrun.metrics.check import check_metrics  # noqa: PLC0415 - only files with metrics

        metrics = check_metrics(context, network)
    plots = check_plots(context, network, metrics.kinds())
    check_looks(document, plots or [])
    if network.hooks:
        from snnrun.running.hooks import find_hooks  # noqa: PLC0415 - few experiments have any

        find_hooks(context, network.hooks)
    warnings = [*context.report.warnings, *(unused(context) if document.read_values is not None else ())]
    resolved = replace(resolved, warnings=tuple(warnings))
    return Checked(document, experiment, resolved, metrics, plots, save_state=experiment.run.save_state, search=search)


def refuse_larger_than_machine(checked: Checked) -> None:
    """Refuse a network that this machine cannot hold.

    Raises:
        ExperimentError: RUN304.
    """
    from snnrun.model.size import FITS_ANYWHERE, least_bytes  # noqa: PLC0415 - only to validate

    if sum(least_bytes(checked.resolved.network).values()) > FITS_ANYWHERE:
        from snnrun.codegen.kernel import generate  # noqa: PLC0415
        from snnrun.engine import memory  # noqa: PLC0415

        network = on_threads(checked.resolved.network)
        memory.refuse_larger_than_machine(network, generate(network), _span_of(checked))


def _span_of(checked: Checked) -> Callable[[str], Span | None]:
    """Gives the place of an object in the file by its path (`groups.x`)."""
    return lambda path: checked.document.key_span(tuple(path.split(".")))


def on_threads(network: Network, threads: int | None = None) -> Network:
    """The network on as many threads as pay off: those that were given, or those of the file, or fewer."""
    wanted = threads or network.threads
    return replace(network, threads=max(1, min(wanted, network.neurons // NEURONS_A_THREAD)))


def prepare(checked: Checked, cache: RunCache, clock: Clock, threads: int | None = None) -> Prepared:
    """Generate, compile and build stages.

    Args:
        checked: The experiment.
        cache: What it may share with other runs.
        clock: Timings.
        threads: Number of threads, instead of that in the file.

    Raises:
        RunError: The network does not fit into memory.
    """
    from snnrun.codegen.native import keep_freed_memory  # noqa: PLC0415
    from snnrun.engine.build import build  # noqa: PLC0415 - only to run
    from snnrun.engine.memory import refuse_too_large  # noqa: PLC0415

    keep_freed_memory()
    network = checked.resolved.network
    network = on_threads(network, threads)
    with clock.stage(Stage.GENERATE):
        kernel = cache.generate(network)
        parts = cache.parts(network)
        if parts is None or not parts.knows(network):
            refuse_too_large(network, kernel, _span_of(checked))
    with clock.stage(Stage.COMPILE):
        compiled, native = cache.compile(kernel)
    with clock.stage(Stage.BUILD), _enough_memory():
        built = build(network, kernel, cache)
    shared = checked.shared
    state = None if shared is None else cache.shared_state(shared.number, shared.key)
    return Prepared(checked, kernel, compiled, native, built, checked.metrics.start(built.network), state)


@contextmanager
def _enough_memory() -> Iterator[None]:
    """Turn a refused allocation into a message."""
    try:
        yield
    except MemoryError as error:
        reason = f": {error}" if str(error) else ""
        raise RunError(
            Diagnostic("RUN304", f"not enough memory{reason}", None, "make the network smaller, or record less")
        ) from None


def simulate(
    prepared: Prepared,
    sink: Any,
    clock: Clock,
    progress: Progress = ignore,
    *,
    allow_code: bool = False,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Simulate stage: run the network into a sink, feeding the metrics too.

    Raises:
        RunError: The run cannot continue.
        UnfinishedError: It was stopped after a checkpoint.
    """
    from snnrun.engine.driver import Simulation  # noqa: PLC0415 - only to run
    from snnrun.engine.recording import Tee  # noqa: PLC0415
    from snnrun.engine.stopwatch import Work  # noqa: PLC0415

    network, metrics, stopwatch = prepared.built.network, prepared.metrics, prepared.stopwatch
    sinks: dict[Work, Any] = {Work.RESULTS: sink, Work.METRICS: metrics}
    hooks = _hooks(prepared, allow_code=allow_code) if network.hooks else {}
    simulation = Simulation(
        prepared.built,
        prepared.native,
        Tee(sinks, stopwatch),
        hooks,
        decisions=_decisions(prepared),
        stopwatch=stopwatch,
        shorten=metrics.shorten,
    )
    metrics.constants = lambda: simulation.timeline.constants_before(simulation.step)
    metrics.exhausted, metrics.decided = simulation.timeline.exhausted, simulation.timeline.facts
    metrics.final, metrics.counters = simulation.now, prepared.built.counts
    metrics.step = lambda: simulation.step
    stored = checkpoints or prepared.shared

    def between_calls(step: int) -> None:
        progress(step, network.steps)
        with stopwatch.of(Work.CHECKPOINTS):
            if stored is not None:
                stored.visit(simulation)
        if received and checkpoints is not None and checkpoints.records:
            checkpoints.save(simulation)
            raise _unfinished(step * network.dt, received[0])
        if received:
            raise StoppedBySignal(received[0])

    with clock.stage(Stage.SIMULATE), stopwatch.of(Work.ALL), _enough_memory(), defer_signals(limit=1) as received:
        if stored is not None:
            stored.resume(simulation, simulation.sink)
            if stored.records:
                simulation.sink = Tee(sinks | {Work.CHECKPOINTS: stored.tape}, stopwatch)
        try:
            simulation.run(between_calls)
        finally:
            metrics.reached = simulation.step


def _decisions(prepared: Prepared) -> Decisions:
    """What the metrics decide during the run."""
    from snnrun.engine.timeline import Decisions  # noqa: PLC0415 - only to run

    metrics, renew = prepared.metrics, prepared.checked.resolved.renew
    if renew is None:
        return Decisions(metrics.stops, metrics.ends, metrics.untils)

    def renewed(number: int, measured: Measured, network: Network) -> Phase:
        try:
            return renew(number, measured, network)
        except ExperimentError as error:
            values = ", ".join(f"{n} = {v:g}" for n, v in measured[max(measured)].items())
            first = error.diagnostics[0]
            message = f"phase `{network.phases[number].name}` cannot begin with {values}: {first.message}"
            raise RunError(Diagnostic("RUN321", message, first.span, first.help)) from None

    return Decisions(metrics.stops, metrics.ends, metrics.untils, renewed)


def _hooks(prepared: Prepared, *, allow_code: bool) -> dict[str, Any]:
    """The Python functions of an experiment, by period in steps."""
    from snnrun.running.hooks import bind, load_hooks  # noqa: PLC0415 - few experiments have any

    functions = load_hooks(prepared.checked.resolved.context, prepared.built.network.hooks, allowed=allow_code)
    return bind(prepared.built, functions)


def _unfinished(reached: float, number: int) -> UnfinishedError:
    """The error of a run with checkpoints that a signal stopped."""
    time = format_quantity(reached, TIME)
    stop = UnfinishedError(Diagnostic("RUN305", f"stopped at {time}, after a checkpoint: the same command continues"))
    if number == signal.SIGINT:
        stop.exit_code = 130
    return stop


def run(
    checked: Checked,
    out: Path,
    options: RunOptions = RunOptions(),
    *,
    cache: RunCache | None = None,
    clock: Clock | None = None,
    callbacks: Callbacks = Callbacks(),
    plot_process: PlotProcess | None = None,
    path: Path | None = None,
    in_sweep: bool = False,
) -> Outcome:
    """Run an experiment without its sweep, and publish its folder.

    A run that stops before its end is published too, marked, with what was recorded: `Outcome.problem` says why. A run
    of its own continues from the checkpoint of an earlier one that was killed.

    Args:
        checked: The experiment.
        out: Folder of all results; the run's own is `out/<name>/<hash8>`.
        options: How it is run.
        cache: What it may share with other runs.
        clock: Timings so far.
        callbacks: What to call during the run.
        plot_process: A process that draws, started before.
        path: The run's folder, instead of `out/<name>/<hash8>`.
        in_sweep: Whether that is the folder of a point of a sweep.

    Raises:
        SnnrunError: Nothing was run: code that is not allowed, no memory, no place to write.
        UnfinishedError: It was stopped, and continues from its checkpoint when it is called again.
    """
    from snnrun.engine.cache import CONNECTIVITY_BYTES, RunCache  # noqa: PLC0415 - only to run
    from snnrun.results.folder import refuse_taken  # noqa: PLC0415 - h5py is imported only to run
    from snnrun.running import again  # noqa: PLC0415
    from snnrun.running import folder as folders  # noqa: PLC0415

    clock = clock or Clock()
    refuse_hooks(checked, allowed=options.allow_code)
    document, files = folders.portable(checked.document, checked.resolved.context.files)
    destination = folders.destination_of(checked.name, document, files, out, path, in_sweep=in_sweep)
    if destination.exact:
        refuse_taken(destination.path, destination.hash, force=options.force)
    job = again.Job(checked, document, files, destination, options, clock, callbacks, plot_process)
    outcome = None if options.force or options.profile else again.reuse(job)
    if outcome is not None:
        return outcome
    return _simulated(
        job, cache or RunCache(0 if checked.search is None else CONNECTIVITY_BYTES, profiled=options.profile)
    )


def _simulated(job: Job, cache: RunCache) -> Outcome:
    """Simulate an experiment, and publish its folder."""
    from snnrun.results.folder import claim  # noqa: PLC0415 - h5py is imported only to run
    from snnrun.running import folder as folders  # noqa: PLC0415

    checked, destination, options, clock, callbacks = (
        job.checked,
        job.destination,
        job.options,
        job.clock,
        job.callbacks,
    )
    started, latest = time.time(), destination.latest
    with claim(destination.path, latest=latest, exact=destination.exact) as folder:
        checked, found = _searched(checked, cache, clock, options, callbacks, destination)
        prepared = prepare(checked, cache, clock, options.threads)
        callbacks.built(prepared)
        checkpoints = _checkpoints(prepared, destination, options, callbacks)
        summary, received = _record(folder.path, prepared, destination, options, clock, callbacks, checkpoints, found)
        pictures: list[Path] = []
        drawn = summary.problem is None and (options.plots or bool(received))
        plot_error: SnnrunError | KeyboardInterrupt | None = None
        if drawn:
            pictures, plot_error = draw_after_run(
                folder.path, checked.plots, options.formats, clock, job.plot_process, received
            )
        with clock.stage(Stage.WRITE), defer_signals():
            folders.write_experiment(folder.path, job.document, job.files)
            folders.write_provenance(folder.path, checked, options.command, started, clock.seconds)
            folders.write_log(folder.path, prepared, summary, clock.seconds, plot_error)
            formats = options.formats if drawn and plot_error is None else ()
            published = folders.publish(folder, summary, destination.identity, clock.seconds, formats, latest=latest)
            if checkpoints is not None:
                checkpoints.discard()
            return _outcome(published, summary, clock, pictures, plot_error, found)


def _searched(
    checked: Checked,
    cache: RunCache,
    clock: Clock,
    options: RunOptions,
    callbacks: Callbacks,
    destination: Destination,
) -> tuple[Checked, Found | None]:
    """The experiment with the constant that its search has found, if it has a search."""
    if checked.search is None:
        return checked, None
    from snnrun.running.search import Searcher  # noqa: PLC0415 - few experiments search

    final = destination.path
    journal = None if destination.in_sweep else final.with_name(f".{final.name}-search.json")
    return Searcher(checked, cache, clock, options, journal, destination.hash).find(callbacks.progress)


def _record(
    folder: Path,
    prepared: Prepared,
    destination: Destination,
    options: RunOptions,
    clock: Clock,
    callbacks: Callbacks,
    checkpoints: Checkpoints | None,
    found: Found | None,
) -> tuple[RunSummary, list[int]]:
    """Run the network into its results; what that gave, and the signals that arrived while results were completed."""
    from snnrun.engine.background import Background  # noqa: PLC0415 - only to run
    from snnrun.running.final import finish  # noqa: PLC0415 - h5py is imported only to run
    from snnrun.running.folder import write_metrics  # noqa: PLC0415
    from snnrun.running.profile import profile_of  # noqa: PLC0415
    from snnrun.running.recording import FileSink, open_results, put_tries  # noqa: PLC0415

    progress, allow_code = callbacks.progress, options.allow_code
    for text in prepared.built.notes:
        callbacks.note(text)
    with (
        open_results(folder, prepared, destination.hash) as results,
        Background(FileSink(results, prepared.built.network), prepared.stopwatch) as sink,
    ):
        problem: BaseException | None = None
        try:
            simulate(prepared, sink, clock, progress, allow_code=allow_code, checkpoints=checkpoints)
        except (RunError, KeyboardInterrupt) as stop:
            problem = stop
        with clock.stage(Stage.WRITE), defer_signals() as received:
            sink.finish()
            if found is not None:
                put_tries(results, found)
            summary = finish(folder, prepared, results, problem)
            if options.profile:
                summary = replace(summary, profile=profile_of(prepared))
            write_metrics(folder, summary.metrics)
    return summary, received


def _outcome(
    published: Published,
    summary: RunSummary,
    clock: Clock,
    pictures: Sequence[Path],
    plot_error: SnnrunError | KeyboardInterrupt | None,
    found: Found | None,
) -> Outcome:
    if found is not None and found.journal is not None:
        found.journal.unlink(missing_ok=True)
    return Outcome(
        folder=published.path,
        digest=str(summary.digest),
        ran=summary.ran,
        seconds=clock.seconds,
        metrics=summary.metrics,
        counts=summary.counts,
        pictures=tuple(published.path / "plots" / picture.name for picture in pictures),
        problem=summary.problem,
        plot_error=plot_error,
        kept_old=published.kept_old,
        warnings=tuple(summary.warnings),
        found=found,
        profile=summary.profile,
    )


def _checkpoints(
    prepared: Prepared, destination: Destination, options: RunOptions, callbacks: Callbacks
) -> Checkpoints | None:
    """The checkpoints of a run; None for a point of a sweep.

    Raises:
        ExperimentError: RUN306, when it calls Python functions, whose memory no checkpoint holds.
    """
    if destination.in_sweep:
        return None
    from snnrun.engine.checkpoint import Checkpoints  # noqa: PLC0415 - only to run
    from snnrun.results.checkpoint import CheckpointFolder  # noqa: PLC0415

    hooks = prepared.built.network.hooks
    if options.checkpoint_every is not None and hooks:
        span = prepared.checked.document.key_span(("operations", hooks[0].name))
        advice = "run without `--checkpoint-every`"
        message = "an experiment that calls Python functions cannot have checkpoints: what they remember is not stored"
        raise ExperimentError(Diagnostic("RUN306", message, span, advice))
    identity = hashlib.sha256(
        f"{destination.hash} {prepared.built.network.threads}\n{prepared.kernel.text}".encode()
    ).hexdigest()
    return Checkpoints(CheckpointFolder(destination.path, identity), options.checkpoint_every, callbacks.note)


def refuse_hooks(checked: Checked, *, allowed: bool) -> None:
    """Refuse an experiment that calls Python functions, unless that is allowed.

    Raises:
        ExperimentError: HOK601, naming the file.
    """
    if checked.resolved.network.hooks and not allowed:
        from snnrun.running.hooks import load_hooks  # noqa: PLC0415 - few experiments have any

        load_hooks(checked.resolved.context, checked.resolved.network.hooks, allowed=False)
