"""Where the constants, functions and arrays of a file are named."""

from __future__ import annotations

from dataclasses import dataclass, field

from snnrun.equations.scope import Typed
from snnrun.source import Span
from snnrun.spec.nodes import Path


@dataclass(slots=True)
class Uses:
    """Uses of definitions, each by its path in the file.

    Args:
        places: From a definition to the places that name it, in the order in which they were found.
    """

    places: dict[Path, dict[Span, None]] = field(default_factory=dict)
    _values: dict[int, tuple[Path, Typed]] = field(default_factory=dict)  # by identity, which the entry keeps alive

    def define(self, definition: Path, value: Typed) -> None:
        """From here on note where a value of a definition is read (`note_value`)."""
        self._values[id(value)] = definition, value

    def note(self, definition: Path, span: Span) -> None:
        """Note that a definition is named at a place."""
        self.places.setdefault(definition, {})[span] = None

    def note_value(self, value: Typed, span: Span) -> None:
        """Note that a value is read at a place, if it is one of a definition."""
        found = self._values.get(id(value))
        if found is not None:
            self.note(found[0], span)

    def add(self, other: Uses) -> None:
        """Add the uses that were found elsewhere."""
        for definition, spans in other.places.items():
            self.places.setdefault(definition, {}).update(spans)
