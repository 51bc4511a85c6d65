"""From a file to a folder of results, one stage after the other.

    load → check → generate → compile → build → simulate → write → plot

Each stage is timed. Data flows one way; nothing below this module knows files of experiments or of results.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun.errors import Diagnostic, ExperimentError, InternalError, RunError, SnnrunError, UnfinishedError
from snnrun.metrics.terms import Metrics
from snnrun.resolve.pictures import of_sweep, resolve_plots, swept
from snnrun.resolve.resolve import resolve
from snnrun.resolve.unused import unused
from snnrun.run.stages import Checked, Clock, Engine, Outcome, Prepared, Progress, Stage
from snnrun.source import Span
from snnrun.spec.asked import noting
from snnrun.spec.check import parse_experiment, refuse_unread
from snnrun.spec.document import Document
from snnrun.spec.load import load
from snnrun.spec.models import Experiment
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

if TYPE_CHECKING:
    from snnrun.engine.checkpoint import Checkpoints
    from snnrun.plot.ahead import Painter
    from snnrun.run.folder import Place, RunWriter

_REQUESTS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1", "SIGHUP") if hasattr(signal, name))
"""What asks a run to stop: batch systems send the first two, a terminal that is closed the last."""
Ready = Callable[[Prepared], None]


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
    experiment = parse_experiment(document)
    with noting(document.asked):
        checked = _checked(document, experiment, open)
    refuse_unread(document, experiment, but=("plots", "sweep"))
    return checked


def _checked(document: Document, experiment: Experiment, open: frozenset[str]) -> Checked:
    resolved = resolve(document, experiment, open)
    context, network = resolved.context, resolved.network
    metrics = Metrics()
    if experiment.metrics or any(phase.stop_when is not None for phase in network.phases):
        from snnrun.metrics.check import check_metrics  # noqa: PLC0415 - only files with metrics

        metrics = check_metrics(context, network)
    plots = resolve_plots(context, network, metrics.kinds())
    _check_options(resolved.context.document, plots)
    if network.hooks:
        from snnrun.run.hooks import find_hooks  # noqa: PLC0415 - few experiments have any

        find_hooks(context, network.hooks)
    warnings = [*context.report.warnings, *(unused(context) if document.asked is not None else ())]
    resolved = replace(resolved, warnings=tuple(warnings))
    return Checked(document, experiment, resolved, metrics, plots, save_state=experiment.run.save_state)


def refuse_larger_than_machine(checked: Checked) -> None:
    """Refuse a network that this machine cannot hold.

    Raises:
        ExperimentError: RUN304.
    """
    from snnrun.model.size import FITS_ANYWHERE, least_bytes  # noqa: PLC0415 - only to validate

    if sum(least_bytes(checked.resolved.network).values()) > FITS_ANYWHERE:
        from snnrun.engine import memory  # noqa: PLC0415

        memory.refuse_larger_than_machine(checked.resolved.network, _place(checked))


def _place(checked: Checked) -> Callable[[str], Span | None]:
    """Where the file has the object of a path (`groups.x`)."""
    return lambda path: checked.document.key_span(tuple(path.split(".")))


NEURONS_A_THREAD = 1000  # with fewer, threads wait for each other longer than they work


def _check_options(document: Document, plots: Sequence[Mapping[str, Any]] | None) -> None:
    """Options that only the pictures understand, before anything runs."""
    if not plots:
        return
    from snnrun.plot.options import picture_from  # noqa: PLC0415 - only files with plots

    wrong: list[Diagnostic] = []
    for k, plot in enumerate(plots):
        try:
            picture_from(plot)
        except ExperimentError as error:
            wrong += [replace(d, span=document.nearest_span(("plots", k))) for d in error.diagnostics]
        wrong += _wrong_styles(document, ("plots", k), plot)
    if wrong:
        raise ExperimentError(*wrong)


def _wrong_styles(document: Document, path: tuple[str | int, ...], plot: Mapping[str, Any]) -> list[Diagnostic]:
    """What is wrong with the style file of a picture."""
    if plot.get("style") is None:
        return []
    from snnrun.plot.style import style_settings  # noqa: PLC0415 - matplotlib is imported for files with a style only

    try:
        style_settings(Path(plot["style"]))
    except ExperimentError as error:
        return [replace(d, span=document.nearest_span((*path, "style"))) for d in error.diagnostics]
    return []


def prepare(checked: Checked, engine: Engine, clock: Clock) -> Prepared:
    """Generate, compile and build stages.

    Raises:
        RunError: The network does not fit into memory.
    """
    from snnrun.codegen.native import keep_freed_memory  # noqa: PLC0415
    from snnrun.engine.build import build  # noqa: PLC0415 - only to run
    from snnrun.engine.memory import refuse_too_large  # noqa: PLC0415

    keep_freed_memory()
    network = checked.resolved.network
    wanted = engine.threads or network.threads
    network = replace(network, threads=max(1, min(wanted, network.neurons // NEURONS_A_THREAD)))
    with clock.stage(Stage.GENERATE):
        kernel = engine.generated(network)
        if engine.parts is None or not engine.parts.knows(network):
            refuse_too_large(network, kernel, _place(checked))
    with clock.stage(Stage.COMPILE):
        compiled, native = engine.kernel(kernel)
    with clock.stage(Stage.BUILD), _enough_memory():
        built = build(network, kernel, engine.wirings, engine.parts)
    metrics = checked.metrics.start(built.network)
    return Prepared(checked, metrics, kernel, compiled, native, built, engine.branch_of(checked.shared))


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
    progress: Progress = lambda _s, _n: None,
    *,
    allow_code: bool = False,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Simulate stage: run the network into a sink, feeding the metrics too.

    Raises:
        RunError: The run cannot go on.
        UnfinishedError: It was stopped after a checkpoint.
    """
    from snnrun.engine.driver import Simulation  # noqa: PLC0415 - only to run
    from snnrun.engine.recording import Tee  # noqa: PLC0415

    network = prepared.built.network
    hooks: dict[int, Any] = {}
    if network.hooks:
        from snnrun.run.hooks import bind, load_hooks  # noqa: PLC0415 - few experiments have any

        functions = load_hooks(prepared.checked.resolved.context, network.hooks, allowed=allow_code)
        hooks = bind(prepared.built, functions)
    metrics = prepared.metrics
    simulation = Simulation(
        prepared.built,
        prepared.native,
        Tee((sink, metrics)),
        hooks,
        stops=metrics.stops,
        shorten=metrics.shorten,
    )
    metrics.final, metrics.counters = simulation.now, prepared.built.counts
    kept = checkpoints or prepared.branch
    stored = checkpoints if checkpoints is not None and checkpoints.records else None

    def between_calls(step: int) -> None:
        progress(step, network.steps)
        if kept is not None:
            kept.visit(simulation)
        if pressed and stored is not None:
            stored.save(simulation)
            raise _unfinished(step * network.dt, pressed[0])
        if pressed:
            raise Stopped(pressed[0])

    with clock.stage(Stage.SIMULATE), _enough_memory(), undisturbed(patience=1) as pressed:
        if kept is not None:
            kept.resume(simulation, simulation.sink)
            if kept.records:
                simulation.sink = Tee((sink, metrics, kept.tape))
        try:
            simulation.run(between_calls)
        finally:
            metrics.reached = simulation.step


def _unfinished(reached: float, number: int) -> UnfinishedError:
    """What a signal that stopped a run with checkpoints becomes."""
    moment = format_quantity(reached, TIME)
    stop = UnfinishedError(Diagnostic("RUN305", f"stopped at {moment}, after a checkpoint: the same command goes on"))
    if number == signal.SIGINT:
        stop.exit_code = 130
    return stop


def run(
    checked: Checked,
    out: Path,
    engine: Engine | None = None,
    clock: Clock | None = None,
    progress: Progress = lambda _s, _n: None,
    *,
    allow_code: bool = False,
    plots: bool = True,
    formats: Sequence[str] = ("png",),
    command: Sequence[str] = (),
    ready: Ready = lambda _prepared: None,
    final: Path | None = None,
    checkpoint_every: float | None = None,
    note: Callable[[str], None] = lambda _text: None,
) -> Outcome:
    """Run an experiment without its sweep, and publish its folder.

    A run that stops before its end is published too, marked, with what was recorded: `Outcome.problem` says why.

    Args:
        checked: The experiment.
        out: Folder of all results; the run's own is `out/<name>/<hash8>`.
        engine: Kernels and wirings to share with other runs.
        clock: Timings so far.
        progress: Called with (steps done, steps in all).
        allow_code: Whether Python functions of the experiment may run.
        plots: Whether pictures are drawn.
        formats: File formats of pictures.
        command: The command line, for the provenance.
        ready: Called before the first step.
        final: The run's folder, when it is a point of a sweep and not a run of its own.
        checkpoint_every: Time between checkpoints; None for none. A run of its own goes on from the checkpoint of an
            earlier one that was killed, in any case. [s, of a clock on the wall]
        note: Called with one line that a person should know.

    Raises:
        SnnrunError: Nothing was run: code that is not allowed, no memory, no place to write.
        UnfinishedError: It was stopped, and goes on from its checkpoint when it is called again.
    """
    from snnrun.run.folder import RunWriter, place_of, portable  # noqa: PLC0415 - h5py is imported only to run

    clock = clock or Clock()
    started = time.time()
    if not allow_code:
        refuse_hooks(checked)
    document, files = portable(checked.document, checked.resolved.context.files)
    place = place_of(checked.name, document, files, out, final)
    with RunWriter(place, document, files) as writer:
        prepared = prepare(checked, engine or Engine(), clock)
        ready(prepared)
        for text in prepared.built.notes:
            note(text)
        writer.open(prepared)
        kept = _checkpoints(prepared, place, checkpoint_every, note) if final is None else None
        problem = _simulated(prepared, writer, clock, progress, allow_code=allow_code, checkpoints=kept)
        with clock.stage(Stage.WRITE), undisturbed() as pressed:
            writer.finish(problem)
        pictures: list[Path] = []
        trouble: SnnrunError | KeyboardInterrupt | None = Stopped(pressed[0]) if pressed and problem is None else None
        if plots and problem is None and trouble is None:
            painter = engine.painter if engine is not None else None
            pictures, trouble = draw_kept(writer.path, checked.plots, formats, clock, painter)
        with clock.stage(Stage.WRITE), undisturbed():
            writer.describe(command, started, clock.seconds, problem, trouble)
            outcome = writer.publish(clock.seconds, pictures, problem, trouble)
            if kept is not None:
                kept.discard()
            return outcome


def _checkpoints(prepared: Prepared, place: Place, every: float | None, note: Callable[[str], None]) -> Checkpoints:
    """The checkpoints of a run of its own.

    Raises:
        ExperimentError: RUN306, when it calls Python functions, whose memory no checkpoint holds.
    """
    from snnrun.engine.checkpoint import Checkpoints  # noqa: PLC0415 - only to run
    from snnrun.results.checkpoint import CheckpointFolder  # noqa: PLC0415

    hooks = prepared.built.network.hooks
    if every is not None and hooks:
        span = prepared.checked.document.key_span(("operations", hooks[0].name))
        advice = "run without `--checkpoint-every`"
        message = "an experiment that calls Python functions cannot have checkpoints: what they remember is not stored"
        raise ExperimentError(Diagnostic("RUN306", message, span, advice))
    identity = hashlib.sha256(
        f"{place.hash} {prepared.built.network.threads}\n{prepared.kernel.text}".encode()
    ).hexdigest()
    return Checkpoints(CheckpointFolder(place.final, identity), every, note)


class Stopped(KeyboardInterrupt):
    """A signal stopped the work.

    Args:
        number: Which one.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def undisturbed(patience: int | None = None) -> Iterator[list[int]]:
    """Take Ctrl-C, and what else asks for a stop, down in a list instead of raising it anywhere.

    So results are not cut in the middle of a record, and no exception is lost that happens to strike inside a
    destructor. A request that is ignored (`nohup`), or that somebody listens to already, is left as it is.

    Args:
        patience: How often it may be pressed before it is raised all the same (a Python hook may hang); None: always.
    """
    pressed: list[int] = []

    def note(number: int, _frame: object) -> None:
        pressed.append(number)
        if patience is not None and len(pressed) > patience:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    wanted = [signal.SIGINT, *(number for number in _REQUESTS if signal.getsignal(number) is signal.SIG_DFL)]
    before = {number: signal.signal(number, note) for number in wanted}
    try:
        yield pressed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let what asks for a stop end the work as Ctrl-C does, but as something that is to go on later.

    Raises:
        UnfinishedError: The process was told to stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told: list[int] = []

    def note(number: int, _frame: object) -> None:
        told.append(number)
        if callable(signal.getsignal(signal.SIGINT)):
            signal.raise_signal(signal.SIGINT)  # whoever is in the middle of a record takes it down
        else:
            raise KeyboardInterrupt

    wanted = [number for number in _REQUESTS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in wanted}
    try:
        yield
    except KeyboardInterrupt:
        if not told:
            raise
        name = signal.Signals(told[0]).name
        raise UnfinishedError(Diagnostic("RUN309", f"stopped by {name}")) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _simulated(
    prepared: Prepared,
    writer: RunWriter,
    clock: Clock,
    progress: Progress,
    *,
    allow_code: bool,
    checkpoints: Checkpoints | None,
) -> BaseException | None:
    """Run to the end; what stopped it before, if anything did."""
    try:
        simulate(prepared, writer.sink, clock, progress, allow_code=allow_code, checkpoints=checkpoints)
    except (RunError, KeyboardInterrupt) as problem:
        return problem
    return None


def draw_kept(
    folder: Path,
    plots: list[dict[str, Any]] | None,
    formats: Sequence[str],
    clock: Clock,
    painter: Painter | None = None,
) -> tuple[list[Path], SnnrunError | KeyboardInterrupt | None]:
    """Plot stage of a run: a picture that cannot be drawn costs the picture, never the results.

    Returns:
        The pictures, and why some are missing.
    """
    try:
        with clock.stage(Stage.PLOT), stoppable():
            drawn = painter.draw(folder, plots, folder / "plots", formats) if painter and plots != [] else None
            return draw(folder, plots, formats) if drawn is None else drawn, None
    except (SnnrunError, KeyboardInterrupt) as trouble:
        return [], trouble
    except Exception as bug:  # noqa: BLE001 - whatever the drawing library raises, hours of simulation are kept
        reason = f"{type(bug).__name__}: {bug}"
        return [], InternalError(Diagnostic("PLT507", f"the pictures could not be drawn: {reason}"))


def draw(
    folder: Path,
    plots: list[dict[str, Any]] | None,
    formats: Sequence[str],
    out: Path | None = None,
    *,
    size: str | None = None,
    style: str | None = None,
    damaged: bool = False,
) -> list[Path]:
    """The pictures of a folder of results.

    Args:
        folder: The folder.
        plots: What to draw; None for what the results suggest.
        formats: File formats.
        out: Where to; None for the folder's own `plots`.
        size: A size for all pictures.
        style: A style file for all pictures.
        damaged: Whether results that are not as they were published are drawn too.
    """
    if plots == []:
        return []
    from snnrun.plot.draw import draw as draw_pictures  # noqa: PLC0415 - matplotlib is imported only to draw

    return draw_pictures(folder, plots, out or folder / "plots", formats, size=size, style=style, damaged=damaged)


def redraw(
    folder: Path,
    formats: Sequence[str],
    out: Path | None,
    size: str | None = None,
    style: str | None = None,
    *,
    damaged: bool = False,
) -> list[Path]:
    """Draw the pictures of a folder again, from its results alone.

    Args:
        folder: The folder of a run, a sweep, or a point of a sweep.
        formats: File formats.
        out: Where to put them; None for the folder's own `plots`.
        size: A size instead of that of every picture.
        style: A style file instead of that of every picture.
        damaged: Whether results that are not as they were published are drawn too.
    """
    from snnrun.results.done import perhaps_damaged  # noqa: PLC0415 - h5py is imported only where results are
    from snnrun.results.folder import refresh  # noqa: PLC0415

    checked = check(load(folder / "experiment.yaml"))
    with perhaps_damaged(folder):
        pictures = draw(folder, plots_of(checked), formats, out, size=size, style=style, damaged=damaged)
    if out is None:
        refresh(folder)
    return pictures


def plots_of(checked: Checked) -> list[dict[str, Any]] | None:
    """The pictures to draw from the folder of an experiment: of its sweep when it has one, of its run otherwise."""
    if checked.plots is None or checked.experiment.sweep is None:
        return checked.plots
    return [plot for plot in checked.plots if of_sweep(plot, swept(checked.experiment))]


def refuse_hooks(checked: Checked) -> None:
    """Stop before anything is done when an experiment wants to run Python and may not.

    Raises:
        ExperimentError: HOK601, naming the file.
    """
    if checked.resolved.network.hooks:
        from snnrun.run.hooks import load_hooks  # noqa: PLC0415 - few experiments have any

        load_hooks(checked.resolved.context, checked.resolved.network.hooks, allowed=False)
