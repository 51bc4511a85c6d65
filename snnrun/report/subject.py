"""What a report says of one folder of results, read from its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from snnrun.compare.documents import Side
from snnrun.compare.folders import Entry, entry_at
from snnrun.errors import ExperimentError, SnnrunError
from snnrun.files.reading import read_json, read_text, reason_of
from snnrun.report.numbers import quantity
from snnrun.results.integrity import damage
from snnrun.results.layout import LOG_FILE, PROVENANCE_FILE, RunStatus
from snnrun.results.reader import Results
from snnrun.results.sweep_table import PointStatus
from snnrun.units.dimensions import TIME

_STOPPED: Final = "stopped: "  # begins the line of the log that says why
_MOST_LOG: Final = 20_000  # characters


@dataclass(frozen=True, eq=False)
class Subject:
    """One folder of results.

    Args:
        entry: Its results.
        damaged: Whether they are read although they may be damaged.
    """

    entry: Entry
    damaged: bool

    @classmethod
    def at(cls, path: Path, *, damaged: bool) -> Subject:
        """The results in a folder.

        Raises:
            StorageError: There are none, or they are damaged.
        """
        return cls(entry_at(path, damaged=damaged), damaged)

    @property
    def name(self) -> str:
        """The experiment's name and the first digits of its hash."""
        return f"{self.entry.name} {self.entry.hash}"

    @cached_property
    def text(self) -> str:
        """The resolved file; why it cannot be read, where it cannot."""
        return _text(self.entry.experiment)

    @cached_property
    def log(self) -> str:
        """The log of the run."""
        return _text(self.entry.path / LOG_FILE)[-_MOST_LOG:]

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """Where the results come from; empty where that cannot be read."""
        try:
            found = read_json(self.entry.path / PROVENANCE_FILE)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def side(self) -> Side | None:
        """The checked experiment; None where this version finds errors in it."""
        return self._checked[0]

    @property
    def problem(self) -> str:
        """Why the experiment could not be checked; empty when it could."""
        return self._checked[1]

    @cached_property
    def _checked(self) -> tuple[Side | None, str]:
        try:
            return Side.read(self.entry.experiment), ""
        except ExperimentError as error:
            first = error.diagnostics[0]
            return None, f"[{first.code}] {first.message}"

    @cached_property
    def warnings(self) -> Sequence[str]:
        """What a reader must know before reading on."""
        found = [self._stopped] if self.entry.done.status is not RunStatus.COMPLETE else []
        if self.problem:
            found.append(
                f"This version of snnrun does not take the file, so that parts are missing here: {self.problem}"
            )
        if self.damaged:
            broken = damage(self.entry.path, self.entry.done)
            found += [f"Damaged: {item.file} {item.what}. Numbers and pictures may be wrong." for item in broken]
        return found

    @property
    def _stopped(self) -> str:
        """How far a run came that did not end, and why."""
        why = next((line for line in self.log.split("\n") if line.startswith(_STOPPED)), "").removeprefix(_STOPPED)
        try:
            with Results.open(self.entry.path, damaged=self.damaged) as results:
                reached = f" after {quantity(results.reached, TIME)}"
        except SnnrunError:
            reached = ""
        state = "failed" if self.entry.done.status is RunStatus.FAILED else "was interrupted"
        return f"It {state}{reached}{f': {why}' if why else ''}. What was recorded until then is here."

    @property
    def status(self) -> str:
        """How it ended: that of a run, or the numbers of points by their status."""
        table = self.entry.table
        if table is None:
            return self.entry.done.status.value
        numbers = {s: int(np.sum(table.status == s)) for s in PointStatus}
        return ", ".join(f"{n:,} {s.name.lower()}" for s, n in numbers.items() if n)

    @property
    def is_whole(self) -> bool:
        """Whether all of it ran to its end."""
        table = self.entry.table
        whole = self.entry.done.status is RunStatus.COMPLETE
        return whole and (table is None or bool(np.all(table.status == PointStatus.COMPLETE)))


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        return f"{path.name} cannot be read: {reason_of(error)}"


def subjects(paths: Sequence[Path], *, damaged: bool) -> list[Subject]:
    """The results in some folders; all are tried before one is refused.

    Raises:
        SnnrunError: There are none in a folder, or they are damaged; with the messages of all folders.
    """
    found: list[Subject] = []
    errors: list[SnnrunError] = []
    for path in paths:
        try:
            found.append(Subject.at(path, damaged=damaged))
        except SnnrunError as error:
            errors.append(error)
    if errors:
        raise type(errors[0])(*(d for error in errors for d in error.diagnostics))
    return found
