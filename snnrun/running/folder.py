"""The folder of a run: its name, the experiment and the files it names, provenance, log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snnrun import __version__
from snnrun.engine.phases import ended_early, repetitions
from snnrun.errors import Diagnostic, RunWarning
from snnrun.files.writing import as_json
from snnrun.model.state import STATE_FILE
from snnrun.results import layout
from snnrun.results.done import Origin
from snnrun.results.folder import Published, RunFolder
from snnrun.results.provenance import collect, source_hash
from snnrun.running.final import RunSummary
from snnrun.running.identity import Identity, identity_of
from snnrun.running.profile import brief
from snnrun.running.stages import Checked, Prepared
from snnrun.spec.document import Document, Value
from snnrun.spec.nodes import ScalarNode


def portable(document: Document, files: Mapping[str, Path]) -> tuple[Document, dict[str, Path]]:
    """The experiment with the files it names in the same folder or below, so that the folder can be copied.

    Args:
        document: The experiment.
        files: Files that it names, as it names them.

    Returns:
        The document with names relative to its data root, and the files by these names.
    """
    root = document.data_root.resolve()
    changes: dict[tuple[str | int, ...], Value] = {}
    found: dict[str, Path] = {}
    for path, node in document.walk():
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            continue
        name, colon, function = node.value.rpartition(":") if path[-1] == "call" else (node.value, "", "")
        file = (document.folder_of(path) / name).resolve() if name in files else root
        file = file / STATE_FILE if name in files and file.is_dir() else file
        if not file.is_file() or not file.is_relative_to(root):
            continue
        target = file.relative_to(root).as_posix()
        found[target] = file
        if target != name:
            changes[path] = f"{target}{colon}{function}"
    return document.with_values(changes) if changes else document, found


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the results of a run or of a sweep go.

    Args:
        path: The folder.
        identity: The hashes of the experiment.
        in_sweep: Whether it is the folder of a point of a sweep.
        exact: Whether a user named the folder itself.
    """

    path: Path
    identity: Identity
    in_sweep: bool = False
    exact: bool = False

    @property
    def latest(self) -> bool:
        """Whether `latest` beside the folder names it once it is written."""
        return not self.in_sweep and not self.exact

    @property
    def hash(self) -> str:
        """The hash of the simulation, hexadecimal."""
        return self.identity.simulation


def destination_of(
    name: str,
    document: Document,
    files: Mapping[str, Path],
    out: Path,
    path: Path | None = None,
    *,
    in_sweep: bool = False,
) -> Destination:
    """The folder of an experiment: `out/<name>/<hash8>`, or the one given.

    The hash is that of the simulation: a change of the presentation alone has the same folder.

    Raises:
        StorageError: A file cannot be read.
    """
    identity = identity_of(document, files)
    exact = path is not None and not in_sweep
    return Destination(path or out / name / identity.simulation[:8], identity, in_sweep, exact)


def write_text(path: Path, text: str) -> None:
    """Write a small file of a run's folder.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise layout.storage_error("ST104", f"cannot write `{path.name}`: {error.strerror}") from error


def write_experiment(folder: Path, document: Document, files: Mapping[str, Path]) -> None:
    """Put an experiment and the files it names into a folder, so that it runs there again by itself.

    Raises:
        StorageError: The folder cannot be written.
    """
    write_text(folder / layout.EXPERIMENT_FILE, document.to_yaml())
    for name, file in files.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        except OSError as error:
            raise layout.storage_error("ST104", f"cannot copy `{name}`: {error.strerror}") from error


def write_metrics(folder: Path, metrics: Mapping[str, tuple[Any, str]]) -> None:
    """Write `metrics.json`: value and SI symbol of each metric."""
    write_text(folder / layout.METRICS_FILE, json.dumps(metrics_as_json(metrics), indent=2) + "\n")


def write_provenance(
    folder: Path, checked: Checked, command: Sequence[str], started: float, seconds: Mapping[str, float]
) -> None:
    """Write how the results were made: command, versions, machine, time.

    Args:
        folder: Where to.
        checked: The experiment.
        command: The command line.
        started: When it began. [s since 1970]
        seconds: Time of each stage. [s]
    """
    collect(command, started, sum(seconds.values()), checked.document.path).write(folder)


def publish(
    folder: RunFolder,
    summary: RunSummary,
    identity: Identity,
    seconds: Mapping[str, float],
    drawn: Sequence[str],
    *,
    latest: bool,
) -> Published:
    """Give a run's folder its final name.

    Args:
        folder: The folder.
        summary: What the run gave.
        identity: The hashes of the experiment.
        seconds: Time of each stage. [s]
        drawn: The formats of its pictures.
        latest: Whether `latest` beside it names it from now on.
    """
    return folder.publish(
        summary.status,
        summary.digest,
        versions={"snnrun": __version__},
        timings=dict(seconds),
        origin=origin_of(identity, drawn, summary.warnings),
        latest=latest,
    )


def origin_of(identity: Identity, drawn: Iterable[str], warnings: Iterable[RunWarning]) -> Origin:
    """What results follow from that this program has computed.

    Args:
        identity: The hashes of the experiment.
        drawn: The formats of the pictures.
        warnings: Values that are not finite.
    """
    pictures = dict.fromkeys(drawn, "")
    hashes = identity.simulation, identity.presentation, source_hash()
    return Origin(*hashes, identity.name, pictures, tuple(warnings))


def write_log(
    folder: Path,
    prepared: Prepared,
    summary: RunSummary,
    seconds: Mapping[str, float],
    plot_error: BaseException | None,
) -> None:
    """Write `run.log`.

    Args:
        folder: Where to.
        prepared: The run.
        summary: What it gave.
        seconds: Time of each stage. [s]
        plot_error: Why pictures are missing.
    """
    checked, compiled, problem = prepared.checked, prepared.compiled, summary.problem
    lines = [f"snnrun {__version__}  {checked.name}"]
    lines += [f"warning[{w.code}] {w.message}  ({w.span})" for w in checked.warnings]
    lines += [f"{stage:9} {spent:9.3f} s" for stage, spent in seconds.items()]
    lines += (
        [f"simulation: {brief(prepared.stopwatch.seconds)}"] if summary.profile is None else summary.profile.lines()
    )
    lines += [f"kernel {compiled.key}{' from cache' if compiled.cached else ''}"]
    for name, step in ended_early(prepared.built.network, summary.ran):
        lines.append(f"phase {name} ended at {step * summary.ran.dt:.9g} s")
    lines += [f"{name} repeated {done} of at most {most} times" for name, done, most in repetitions(summary.ran)]
    lines += [f"spikes of {name}: {count}" for name, count in summary.counts.items()]
    lines += [f"no pictures: {_reason(plot_error)}"] if plot_error is not None else []
    lines += [f"warning[{w.code}] {w.message}  ({w.span})" for w in located(checked.document, summary.warnings)]
    lines += [f"stopped: {_reason(problem)}" if problem is not None else "done"]
    write_text(folder / layout.LOG_FILE, "\n".join(lines) + "\n")


def located(document: Document, warnings: Iterable[RunWarning]) -> list[Diagnostic]:
    """Warnings of a run as warnings with their places in the file."""
    return [warning.at(document.nearest_span(warning.path)) for warning in warnings]


def metrics_as_json(metrics: Mapping[str, tuple[Any, str]]) -> dict[str, Any]:
    """Metrics as `metrics.json` and `--json` hold them."""
    return {name: {"value": as_json(value), "unit": unit} for name, (value, unit) in metrics.items()}


def _reason(problem: BaseException) -> str:
    return str(problem) or {"KeyboardInterrupt": "interrupted"}.get(type(problem).__name__, type(problem).__name__)
