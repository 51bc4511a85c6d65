"""From a file to a folder of results, one stage after the other:

    load → check → generate → compile → build → simulate → write → plot

Each stage is timed. Data flows one way; nothing below this module knows files of experiments or of results.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun import __version__
from snnrun.errors import Diagnostic, RunError
from snnrun.network.pictures import resolve_plots
from snnrun.network.resolve import Resolved, resolve
from snnrun.spec.check import parse_experiment
from snnrun.spec.document import Document
from snnrun.spec.load import load
from snnrun.spec.models import Experiment

if TYPE_CHECKING:
    from snnrun.codegen.cache import Compiled
    from snnrun.codegen.kernel import Kernel
    from snnrun.engine.build import Built
    from snnrun.engine.connectivity import WiringCache
    from snnrun.engine.measure import Measures
    from snnrun.engine.native import NativeKernel

Progress = Callable[[int, int], None]
STAGES = ("load", "check", "generate", "compile", "build", "simulate", "write", "plot")


@dataclass(slots=True)
class Clock:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage; stages may be entered more than once."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that can run.

    Args:
        document: The file as loaded.
        experiment: Its checked shape.
        resolved: The network, warnings and names.
        measures: Its metrics.
        plots: Its pictures as plain data in SI units; None for those that the monitors suggest.
    """

    document: Document
    experiment: Experiment
    resolved: Resolved
    measures: Measures
    plots: list[dict[str, Any]] | None

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What does not stop the run."""
        return self.resolved.warnings

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.resolved.network.name


@dataclass(slots=True)
class Engine:
    """Kernels and wirings that the runs of one process share."""

    kernels: dict[str, tuple[Compiled, NativeKernel]] = field(default_factory=dict)
    wirings: WiringCache | None = None

    def kernel(self, text: str) -> tuple[Compiled, NativeKernel]:
        """The machine code of a kernel's text."""
        from snnrun.codegen.cache import obtain  # noqa: PLC0415 - the compiler is imported only to run
        from snnrun.engine.native import NativeKernel  # noqa: PLC0415

        if text not in self.kernels:
            compiled = obtain(text)
            self.kernels[text] = (compiled, NativeKernel(compiled.object))
        return self.kernels[text]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network in memory with its machine code."""

    checked: Checked
    kernel: Kernel
    compiled: Compiled
    native: NativeKernel
    built: Built


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave.

    Args:
        folder: Where the results are; None when they were not written.
        digest: Digest of the recorded data; empty when they were not written.
        seconds: Time of each stage. [s]
        metrics: Value and SI symbol of each metric.
        counts: Spikes of each spike monitor.
        pictures: Files drawn.
        network: Size and duration for people.
    """

    folder: Path | None
    digest: str
    seconds: Mapping[str, float]
    metrics: Mapping[str, tuple[Any, str]]
    counts: Mapping[str, int]
    pictures: tuple[Path, ...] = ()


def read(path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Document:
    """Load stage: the file with `extends` and overrides applied."""
    return load(path, overrides, seed)


def check(document: Document) -> Checked:
    """Check stage: everything that can be wrong without running.

    Raises:
        ExperimentError: All errors of the file.
    """
    from snnrun.engine.measure import check_metrics  # noqa: PLC0415

    experiment = parse_experiment(document)
    resolved = resolve(document, experiment)
    measures = check_metrics(resolved.context, resolved.network)
    plots = resolve_plots(resolved.context, resolved.network)
    return Checked(document, experiment, resolved, measures, plots)


def prepare(checked: Checked, engine: Engine, clock: Clock) -> Prepared:
    """Generate, compile and build stages."""
    from snnrun.codegen.kernel import generate  # noqa: PLC0415 - only to run
    from snnrun.engine.build import build  # noqa: PLC0415

    network = checked.resolved.network
    with clock.stage("generate"):
        kernel = generate(network)
    with clock.stage("compile"):
        compiled, native = engine.kernel(kernel.text)
    with clock.stage("build"):
        built = build(network, kernel, engine.wirings)
    return Prepared(checked, kernel, compiled, native, built)


def run_hash(document: Document, files: Mapping[str, Path]) -> str:
    """The name of a run: resolved file, files it names, version of the program."""
    digest = hashlib.sha256(f"snnrun {__version__}\n".encode() + document.to_yaml().encode())
    for name in sorted(files):
        digest.update(name.encode() + hashlib.sha256(files[name].read_bytes()).digest())
    return digest.hexdigest()


def simulate(
    prepared: Prepared, sink: Any, clock: Clock, progress: Progress = lambda _s, _n: None, *, allow_code: bool = False
) -> None:
    """Simulate stage: run the network into a sink, feeding the metrics too."""
    from snnrun.engine.driver import Simulation  # noqa: PLC0415
    from snnrun.engine.recording import Tee  # noqa: PLC0415

    network = prepared.built.network
    hooks: dict[int, Any] = {}
    if network.hooks:
        from snnrun.hooks import bind, load_hooks  # noqa: PLC0415

        functions = load_hooks(prepared.checked.resolved.context, network.hooks, allowed=allow_code)
        hooks = bind(prepared.built, functions)
    measures = prepared.checked.measures
    measures.finals = prepared.built.final
    simulation = Simulation(prepared.built, prepared.native, Tee((sink, measures.meter)), hooks)
    with clock.stage("simulate"):
        simulation.run(lambda step: progress(step, network.steps))


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
    prepared: Prepared | None = None,
    final: Path | None = None,
) -> Outcome:
    """Run an experiment without its sweep, and publish its folder.

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
        prepared: The network in memory, when the caller has built it already.
        final: The run's folder, when it is not the usual one (a point of a sweep).

    Raises:
        RunError: The run stopped; its folder is published all the same, marked as failed, with what was recorded.
    """
    from snnrun.publish import RunWriter  # noqa: PLC0415 - h5py is imported only to run

    clock = clock or Clock()
    engine = engine or Engine()
    started = time.time()
    if not allow_code:
        refuse_hooks(checked)
    prepared = prepared or prepare(checked, engine, clock)
    full_hash = run_hash(checked.document, checked.resolved.context.files)
    final = final or out / checked.name / full_hash[:8]
    with RunWriter(prepared, final, full_hash) as writer:
        status, problem = "complete", None
        try:
            simulate(prepared, writer.sink, clock, progress, allow_code=allow_code)
        except RunError as error:
            status, problem = "failed", error
        except KeyboardInterrupt as error:
            status, problem = "interrupted", error  # type: ignore[assignment]
        with clock.stage("write"):
            digest = writer.finish(status)
        pictures: list[Path] = []
        if plots and problem is None:
            with clock.stage("plot"):
                pictures = draw(writer.path, checked.plots, formats)
        with clock.stage("write"):
            writer.describe(command, started, clock.seconds, problem)
            folder = writer.publish(status, clock.seconds)
    if problem is not None:
        problem.folder = folder  # type: ignore[attr-defined]
        raise problem
    names = tuple(folder / "plots" / p.name for p in pictures)
    return Outcome(folder, str(digest), clock.seconds, writer.metrics, writer.counts, names)


def refuse_hooks(checked: Checked) -> None:
    """Stop before anything is done when an experiment wants to run Python and may not.

    Raises:
        ExperimentError: HOK601, naming the file.
    """
    if checked.resolved.network.hooks:
        from snnrun.hooks import load_hooks  # noqa: PLC0415

        load_hooks(checked.resolved.context, checked.resolved.network.hooks, allowed=False)


def draw(
    folder: Path, plots: list[dict[str, Any]] | None, formats: Sequence[str], out: Path | None = None
) -> list[Path]:
    """Plot stage: the pictures of a folder of results."""
    if plots == []:
        return []
    from snnrun.plot.draw import draw as draw_pictures  # noqa: PLC0415 - matplotlib is imported only to draw

    return draw_pictures(folder, plots, out or folder / "plots", formats)


def redraw(folder: Path, formats: Sequence[str], out: Path | None, options: Mapping[str, Any]) -> list[Path]:
    """Draw the pictures of a folder again, from its results alone.

    Args:
        folder: A run's folder.
        formats: File formats.
        out: Where to put them; None for the folder's own `plots`.
        options: Options that replace those of every plot (`size`, `style`, ...).
    """
    checked = check(load(folder / "experiment.yaml"))
    plots = checked.plots
    if options:
        from snnrun.plot.draw import suggestions  # noqa: PLC0415

        plots = [{**p, **options} for p in (suggestions(folder) if plots is None else plots)]
    return draw(folder, plots, formats, out)


def copy_files(files: Mapping[str, Path], folder: Path) -> None:
    """Put the files that an experiment names into its folder, so that it runs again by itself."""
    for name, file in files.items():
        target = folder / name
        if target.resolve().is_relative_to(folder.resolve()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def as_json(outcome: Outcome) -> str:
    """An outcome as one JSON object."""
    return json.dumps(
        {
            "folder": str(outcome.folder) if outcome.folder else None,
            "digest": outcome.digest,
            "seconds": {k: round(v, 6) for k, v in outcome.seconds.items()},
            "metrics": {k: {"value": plain_value(v), "unit": u} for k, (v, u) in outcome.metrics.items()},
            "counts": dict(outcome.counts),
            "pictures": [str(p) for p in outcome.pictures],
        }
    )


def plain_value(value: Any) -> Any:
    """A metric as JSON knows it: numbers that are not finite become null."""
    if isinstance(value, list):
        return [plain_value(v) for v in value]
    if hasattr(value, "tolist"):
        return plain_value(value.tolist())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return None
    return value
