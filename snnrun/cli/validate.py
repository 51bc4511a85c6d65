"""`snnrun validate`: checks files, and all experiments below folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from snnrun.cli.progress import number_text, time_text
from snnrun.cli.render import put_json, render, say
from snnrun.errors import Diagnostic, ExperimentError, Severity
from snnrun.running import pipeline
from snnrun.spec.document import Document
from snnrun.spec.read import SUFFIXES


@dataclass(frozen=True, slots=True)
class _Report:
    """What was found in one file.

    Args:
        file: The file.
        diagnostics: Errors and warnings.
        summary: Its size and duration, when it is valid.
        document: The file as loaded, as far as it could be.
        is_part: Whether it is no experiment by itself: a model, or what other files extend.
    """

    file: Path
    diagnostics: Sequence[Diagnostic]
    summary: str = ""
    document: Document | None = None
    is_part: bool = False

    @property
    def errors(self) -> int:
        """How many errors it has."""
        return 0 if self.is_part else sum(d.severity is Severity.ERROR for d in self.diagnostics)

    def line(self) -> str:
        """The result in one line."""
        errors = self.errors
        state = f"{errors} error{'' if errors == 1 else 's'}" if errors else f"valid · {self.summary}"
        return f"{self.file}: {'no experiment by itself' if self.is_part else state}"


def validate_files(paths: Sequence[Path], overrides: Sequence[str], *, json: bool) -> None:
    """Check every file, and every experiment below a folder; exit 2 when one has an error.

    Below a folder, a file without `run` is no experiment but a part of others when it is a model, or when an experiment
    there extends it: it is checked with them. A file without `version`, `extends`, `groups` and `run` is of another
    program.
    """
    found: list[_Report] = []
    for path in paths:
        inner = list(_below(path)) if path.is_dir() else []
        reports = [_check(file, overrides) for file in inner or [path]]
        found += _with_parts(reports) if inner else reports
    bad = sum(bool(report.errors) for report in found)
    if json:
        plain = [
            {"file": str(r.file), "valid": not r.errors, "diagnostics": [d.as_json() for d in r.diagnostics]}
            for r in found
            if not r.is_part
        ]
        errors = [d.as_json() for r in found if r.errors for d in r.diagnostics if d.severity is Severity.ERROR]
        parts = [str(r.file) for r in found if r.is_part]
        put_json({"errors": errors, "valid": not bad, "files": plain, "parts": parts})
    else:
        for report in found:
            render(() if report.is_part else report.diagnostics, sys.stderr)
            say(report.line())
        if any(path.is_dir() for path in paths):
            number = sum(not report.is_part for report in found)
            say(f"{number_text(number, 'experiment')}: {f'{bad:,} with errors' if bad else 'all valid'}")
    if bad:
        sys.exit(2)


def _check(file: Path, overrides: Sequence[str]) -> _Report:
    document: Document | None = None
    try:
        document = pipeline.read(file, overrides)
        checked = pipeline.check(document)
        of_sweep: tuple[Diagnostic, ...] = ()
        if checked.experiment.sweep is not None:
            from snnrun.sweep.experiments import check_sweep

            of_sweep = check_sweep(checked).warnings
        pipeline.refuse_larger_than_machine(checked)
    except ExperimentError as error:
        return _Report(file, error.diagnostics, document=document)
    network = checked.resolved.network
    size = f"{number_text(len(network.groups), 'group')}, {number_text(network.neurons, 'neuron')}"
    summary = f"{size}, {time_text(network.steps * network.dt)}"
    return _Report(file, (*checked.warnings, *of_sweep), summary, document)


def _below(folder: Path) -> Iterator[Path]:
    """The files below a folder that may be experiments, sorted: without hidden folders and folders of results."""
    from snnrun.results.layout import DONE_FILE, EXPERIMENT_FILE, FACTS_FILE  # files are checked without it

    for place, folders, names in os.walk(folder):
        is_result = EXPERIMENT_FILE in names and (DONE_FILE in names or FACTS_FILE in names)
        folders[:] = [] if is_result else sorted(name for name in folders if not name.startswith("."))
        files = (Path(place, name) for name in sorted(names) if not name.startswith("."))
        yield from () if is_result else (file for file in files if file.suffix.lower() in SUFFIXES)


def _with_parts(reports: Sequence[_Report]) -> list[_Report]:
    """The reports of a folder, those of parts of experiments marked."""
    used = {path for r in reports if r.document is not None for path in _files_of(r)}
    return [replace(r, is_part=bool(r.errors) and _is_part(r, used)) for r in reports]


def _files_of(report: _Report) -> Iterator[Path]:
    """The files that a file extends or uses."""
    assert report.document is not None
    for source in report.document.folders:
        with suppress(OSError):
            path = Path(source.name).resolve()
            if path != report.file.resolve():
                yield path


def _is_part(report: _Report, used: set[Path]) -> bool:
    document = report.document
    if document is None or document.has(("run",)):
        return False
    if document.has(("kind",)) or report.file.resolve() in used:
        return True
    return not any(document.has((key,)) for key in ("version", "extends", "groups"))  # a file of another program
