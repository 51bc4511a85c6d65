"""Errors and warnings with codes and places.

    SnnrunError                 exit code
    ├── ExperimentError         2   the user's file: one or more diagnostics, each with its place
    ├── RunError                3   the run itself: NaN, overflow, memory
    ├── StorageError            4   folders and files of results
    ├── UnfinishedError         75  stopped from outside; the same command goes on
    └── InternalError           70  our bug

A stage collects its diagnostics in a `Report` and stops before the next stage (`Report.stop_if_errors`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any, Self, TypeVar

from snnrun.source import Span

T = TypeVar("T")


class Severity(Enum):
    """How bad a diagnostic is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message to the user.

    Args:
        code: Stable code such as `EQ203`; the letters name the stage.
        message: One sentence, names in backticks.
        span: Its place in a source, if it has one.
        help: What to do next, if that is known.
        severity: Error or warning.
    """

    code: str
    message: str
    span: Span | None = None
    help: str | None = None
    severity: Severity = Severity.ERROR

    def as_json(self) -> dict[str, object]:
        """A plain dictionary for `--json`."""
        place = self.span
        users = {"used_at": [str(user) for user in self.users]} if self.users else {}
        return {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "help": self.help,
            "file": place.file.name if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            **users,
        }

    @property
    def users(self) -> tuple[Span, ...]:
        """Where the file with its place is used: by a group or synapses, or by a model that they use."""
        found: list[Span] = []
        user = self.span.file.used_at if self.span is not None else None
        while user is not None:
            found.append(user)
            user = user.file.used_at
        return tuple(found)


@dataclass(frozen=True, slots=True)
class RunWarning:
    """A warning of a run.

    Args:
        code: Its code.
        path: What in the file it is about.
        message: One sentence.
        help: What can be done, if that is known.
    """

    code: str
    path: tuple[str | int, ...]
    message: str
    help: str | None = None

    def at(self, span: Span | None) -> Diagnostic:
        """The warning at a place in the file."""
        return Diagnostic(self.code, self.message, span, self.help, Severity.WARNING)

    def as_json(self) -> list[Any]:
        """A plain list."""
        return [self.code, list(self.path), self.message, self.help]

    @classmethod
    def from_json(cls, plain: Any) -> Self:
        """The inverse of `as_json`.

        Raises:
            ValueError, TypeError: It is not one.
        """
        code, path, message, help = plain
        steps = tuple(k if isinstance(k, int) else str(k) for k in path)
        return cls(str(code), steps, str(message), help and str(help))


class SnnrunError(Exception):
    """Any error this program raises on purpose."""

    exit_code = 70

    def __init__(self, *diagnostics: Diagnostic) -> None:
        """Keep the diagnostics; the exception's text is their codes and messages."""
        self.diagnostics = diagnostics
        super().__init__("; ".join(f"[{d.code}] {d.message}" for d in diagnostics))


class ExperimentError(SnnrunError):
    """The experiment file, or an option that changes it, is wrong."""

    exit_code = 2


def at(span: Span | None, code: str, message: str, help: str | None = None) -> ExperimentError:
    """An error of the experiment file at one place, or of the file as a whole."""
    return ExperimentError(Diagnostic(code, message, span, help))


class RunError(SnnrunError):
    """The simulation cannot go on."""

    exit_code = 3


class StorageError(SnnrunError):
    """Results cannot be read or written."""

    exit_code = 4


class UnfinishedError(SnnrunError):
    """The run was stopped from outside and can go on later."""

    exit_code = 75


class InternalError(SnnrunError):
    """A bug of this program."""

    exit_code = 70


MOST_ERRORS = 100  # that are shown; each may search thousands of names for one that is meant


def _first(items: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """The diagnostics up to the last error that is shown, and a note when there are more."""
    errors = [n for n, item in enumerate(items) if item.severity is Severity.ERROR]
    if len(errors) < MOST_ERRORS:
        return items
    shown = items[: errors[MOST_ERRORS - 1] + 1]
    note = f"only the first {MOST_ERRORS} errors are shown"
    return (*shown, Diagnostic("FMT212", note, None, "correct them and check again", Severity.WARNING))


@dataclass(slots=True)
class Report:
    """Diagnostics of one stage, collected so that all are shown at once."""

    items: list[Diagnostic] = field(default_factory=list)
    _places: dict[tuple[str, str], set[tuple[str, int] | None]] = field(default_factory=dict)  # by code and message

    def error(self, code: str, message: str, span: Span | None = None, help: str | None = None) -> None:
        """Add an error; one place never carries the same code twice."""
        self._add(Diagnostic(code, message, span, help))

    def warn(self, code: str, message: str, span: Span | None = None, help: str | None = None) -> None:
        """Add a warning."""
        self._add(Diagnostic(code, message, span, help, Severity.WARNING))

    def extend(self, items: Iterable[Diagnostic]) -> None:
        """Add diagnostics found elsewhere."""
        for item in items:
            self._add(item)

    def _add(self, item: Diagnostic) -> None:
        alike = self._places.setdefault((item.code, item.message), set())
        place = None if item.span is None else (item.span.file.name, item.span.start)
        if place not in alike and None not in alike and (place is not None or not alike):
            alike.add(place)
            self.items.append(item)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors only."""
        return [d for d in self.items if d.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Diagnostic]:
        """The warnings only."""
        return [d for d in self.items if d.severity is Severity.WARNING]

    def stop_if_many_errors(self) -> None:
        """End the stage when there are so many errors that nobody reads more.

        Raises:
            ExperimentError: With what is collected.
        """
        if len(self.items) >= MOST_ERRORS and len(self.errors) >= MOST_ERRORS:
            raise ExperimentError(*_first(self.items))

    def stop_if_errors(self) -> None:
        """End the stage.

        Raises:
            ExperimentError: With every diagnostic collected, when at least one is an error.
        """
        if self.errors:
            raise ExperimentError(*_first(self.items))


class Attempts:
    """Steps of which each is tried, so that the errors of all are shown at once."""

    def __init__(self) -> None:
        self._failed = False
        self._diagnostics: list[Diagnostic] = []

    def attempt(self, step: Callable[[], T]) -> T | None:
        """What a step returns; None when it fails, with its errors kept."""
        try:
            return step()
        except ExperimentError as error:
            self.add(error)
            return None

    def add(self, error: ExperimentError) -> None:
        """Keep an error; one without diagnostics was reported elsewhere.

        Raises:
            ExperimentError: There are so many that nobody reads more.
        """
        self._failed = True
        self._diagnostics.extend(error.diagnostics)
        if len(self._diagnostics) >= MOST_ERRORS:
            self.stop_if_errors()

    def stop_if_errors(self) -> None:
        """End the work.

        Raises:
            ExperimentError: Some step has failed; with the diagnostics of all.
        """
        if self._failed:
            raise ExperimentError(*_first(self._diagnostics))


_MOST_READ = 10_000  # of thousands of names, for each of thousands of wrong ones
_MOST_COMPARED = 200
_FEW = 50


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A help line that names the nearest known word, or None when nothing is near."""
    candidates = list(islice(known, _MOST_READ))
    if len(candidates) > _MOST_COMPARED:  # for thousands of wrong names that would take minutes
        alike = (name for name in candidates if name[:1] == word[:1] and abs(len(name) - len(word)) <= 1)
        candidates = list(islice(alike, _FEW))
    near = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    if not near:
        folded = [name for name in candidates if name.lower() == word.lower()]
        near = folded[:1]
    return f"did you mean `{near[0]}`?" if near else None
