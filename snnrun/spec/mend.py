"""A file with errors of form, changed so that the rest of it can be checked: all errors are shown at once.

A misspelt key is read as the key it is taken for. Other wrong keys, and the objects whose form is wrong, are left out;
what refers to them is not blamed. Such a file never runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from snnrun.errors import Diagnostic, Severity
from snnrun.spec.check import empty_values, misspelt, problems_of
from snnrun.spec.document import Document
from snnrun.spec.nodes import Path

_WHOLE: Final = frozenset({"plots", "sweep", "search"})
"""Sections that are left out as a whole; of others an object is."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A file without its errors of form.

    Args:
        document: The file.
        names: Names of what was left out.
    """

    document: Document
    names: frozenset[str]

    def blamed(self, errors: Iterable[Diagnostic]) -> list[Diagnostic]:
        """The errors that are not about what was left out."""
        return [e for e in errors if e.severity is Severity.ERROR and not self.names & set(_words(e.message))]


def _words(message: str) -> list[str]:
    """The names in backticks, and the steps of paths."""
    return [word for quoted in re.findall(r"`([^`]*)`", message) for word in re.findall(r"\w+", quoted)]


def mend(document: Document) -> Mended | None:
    """The file without its errors of form, as far as that can be; None where `run` is wrong, which all needs."""
    dropped = {_object(path) for path in empty_values(document)}
    problems = problems_of(document)
    renamed = misspelt(problems)
    unknown = {problem.path for problem in problems if problem.kind == "extra_forbidden"}
    meant = {(*path[:-1], word) for path, word in renamed.items()}
    for problem in problems:
        if problem.path not in unknown and (problem.kind != "missing" or problem.path not in meant):
            dropped.add(_object(problem.path))
    if any(path[:1] == ("run",) for path in dropped):
        return None
    dropped |= unknown - set(renamed)
    return Mended(document.with_keys(renamed, dropped), frozenset(str(path[-1]) for path in dropped if path))


def _object(path: Path) -> Path:
    """The object that a place belongs to, or its section."""
    return path[:1] if path[:1] and path[0] in _WHOLE else path[:2]
